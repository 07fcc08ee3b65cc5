// The models of OpenAI and its kin, as tables.
//
// Sources: openai/openai-openapi (SPEC: CreateImageRequest, CreateImageEditRequest,
// CreateSpeechRequest), openai-node (src/resources/images.ts), OpenAI's guide to images.
#include "providers/openai_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/image_call.h"
#include "providers/provider.h"

// The fields that models differ in. Others are passed on as they are.
enum field {
    N,
    SIZE,
    QUALITY,
    STYLE,
    BACKGROUND,
    OUTPUT_FORMAT,
    OUTPUT_COMPRESSION,
    MODERATION,
    INPUT_FIDELITY,
    RESPONSE_FORMAT,
    STREAM,
    PARTIAL_IMAGES,
    USER,
    ASPECT_RATIO,
    RESOLUTION,
    WATERMARK,
    SEQUENTIAL,
    SEQUENTIAL_OPTIONS,
    OPTIMIZE,
    FIELDS,
};

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct {
    const char *name;
    const char *const *words; // that all models have which take it; NULL: it is no such word
} fields[FIELDS] = {
    [N] = {"n", NULL},
    [SIZE] = {"size", NULL},
    [QUALITY] = {"quality", NULL},
    [STYLE] = {"style", WORDS("vivid", "natural")},
    [BACKGROUND] = {"background", NULL},
    [OUTPUT_FORMAT] = {"output_format", WORDS("png", "jpeg", "webp")},
    [OUTPUT_COMPRESSION] = {"output_compression", NULL},
    [MODERATION] = {"moderation", WORDS("auto", "low")},
    [INPUT_FIDELITY] = {"input_fidelity", WORDS("high", "low")},
    [RESPONSE_FORMAT] = {"response_format", NULL},
    [STREAM] = {"stream", NULL},
    [PARTIAL_IMAGES] = {"partial_images", NULL},
    [USER] = {"user", NULL},
    [ASPECT_RATIO] = {"aspect_ratio", NULL},
    [RESOLUTION] = {"resolution", WORDS("1k", "2k")},
    [WATERMARK] = {"watermark", NULL},
    [SEQUENTIAL] = {"sequential_image_generation", NULL},
    [SEQUENTIAL_OPTIONS] = {"sequential_image_generation_options", NULL},
    [OPTIMIZE] = {"optimize_prompt_options", NULL},
};

#define BIT(field) (1u << (field))
#define OF_GPT                                                                                     \
    (BIT(N) | BIT(SIZE) | BIT(QUALITY) | BIT(BACKGROUND) | BIT(OUTPUT_FORMAT) |                    \
     BIT(OUTPUT_COMPRESSION) | BIT(MODERATION) | BIT(STREAM) | BIT(PARTIAL_IMAGES) | BIT(USER))
#define OF_DALL_E (BIT(N) | BIT(SIZE) | BIT(QUALITY) | BIT(RESPONSE_FORMAT) | BIT(USER))
#define OF_GROK (BIT(N) | BIT(RESPONSE_FORMAT) | BIT(ASPECT_RATIO) | BIT(RESOLUTION) | BIT(USER))

#define GPT_SIZES WORDS("auto", "1024x1024", "1536x1024", "1024x1536")
#define GPT_QUALITIES WORDS("auto", "low", "medium", "high", "hd")
#define ANY_BACKGROUND WORDS("auto", "opaque", "transparent")

// Lists of words: NULL where anything is taken.
static const struct model {
    const char *name; // begins with this; the first row that fits counts
    unsigned fields;
    int characters; // of a prompt; 0: nobody says
    int n;          // images at once
    int images;     // references of an edit; 0: it edits nothing
    bool makes_variations;
    bool has_free_size; // any that fits the rule
    const char *const *sizes, *const *qualities, *const *backgrounds;
} models[] = {
    {"gpt-image-2.", OF_GPT | BIT(INPUT_FIDELITY), 32000, 10, 16, false, false, NULL, NULL, NULL},
    {"gpt-image-2", OF_GPT, 32000, 10, 16, false, true, NULL, GPT_QUALITIES,
     WORDS("auto", "opaque")},
    {"gpt-image-1-mini", OF_GPT, 32000, 10, 16, false, false, GPT_SIZES, GPT_QUALITIES,
     ANY_BACKGROUND},
    {"gpt-image-1", OF_GPT | BIT(INPUT_FIDELITY), 32000, 10, 16, false, false, GPT_SIZES,
     GPT_QUALITIES, ANY_BACKGROUND},
    {"chatgpt-image-", OF_GPT | BIT(INPUT_FIDELITY), 32000, 10, 16, false, false, GPT_SIZES,
     GPT_QUALITIES, ANY_BACKGROUND},
    {"gpt-image-", OF_GPT | BIT(INPUT_FIDELITY), 32000, 10, 16, false, false, NULL, NULL, NULL},
    {"dall-e-3", OF_DALL_E | BIT(STYLE), 4000, 1, 1, false, false,
     WORDS("1024x1024", "1792x1024", "1024x1792"), WORDS("standard", "hd"), NULL},
    {"dall-e-2", OF_DALL_E, 1000, 10, 1, true, false, WORDS("256x256", "512x512", "1024x1024"),
     WORDS("standard"), NULL},
    {"grok-imagine-image", OF_GROK, 0, 10, 0, false, false, NULL, NULL, NULL},
    {"grok-2-image", OF_GROK, 0, 10, 0, false, false, NULL, NULL, NULL},
    // Others make one image, and bill as many as they are asked for.
    {"grok-", OF_GROK, 0, 1, 0, false, false, NULL, NULL, NULL},
};

#define FIRST_VOICES "alloy", "ash", "coral", "echo", "fable", "onyx", "nova", "sage", "shimmer"
static const struct speaker {
    const char *name; // begins with this
    const char *const *voices;
    bool takes_instructions;
} speakers[] = {
    {"tts-1", WORDS(FIRST_VOICES), false},
    {"gpt-4o-mini-tts", WORDS(FIRST_VOICES, "ballad", "verse", "marin", "cedar"), true},
};

static bool begins_with(const char *text, const char *start)
{
    return text != NULL && strncmp(text, start, strlen(start)) == 0;
}

static const struct model *model_named(const char *name)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (begins_with(name, models[i].name))
            return &models[i];
    return NULL;
}

// By the account's name of the model, else by the client's.
static const struct model *model_of(const struct task *task, const struct account *account)
{
    const struct model *model = model_named(provider_model(account, task->model));

    return model != NULL ? model : model_named(task->model);
}

static const struct speaker *speaker_of(const struct task *task, const struct account *account)
{
    const char *names[] = {provider_model(account, task->model), task->model};

    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < sizeof speakers / sizeof speakers[0]; k++)
            if (begins_with(names[i], speakers[k].name))
                return &speakers[k];
    return NULL;
}

static bool is_action(const struct task *task, const char *action)
{
    return strcmp(task->action, action) == 0;
}

// Checks.

static bool not_supported(const char *field, const char *model, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", field, model);
}

static bool check_word(const json_t *body, const char *name, const char *const *words,
                       struct err *err)
{
    const struct field_rule rule = {.kind = FIELD_WORD, .words = words};
    const json_t *value = field_at(body, name);

    return words == NULL || value == NULL || field_check_value(value, &rule, name, err);
}

static bool check_fields(const struct model *model, const json_t *body, const char *name,
                         struct err *err)
{
    for (int i = 0; i < FIELDS; i++) {
        if (field_at(body, fields[i].name) == NULL)
            continue;
        if ((model->fields & BIT(i)) == 0)
            return not_supported(fields[i].name, name, err);
        if (!check_word(body, fields[i].name, fields[i].words, err))
            return false;
    }
    return check_word(body, "size", model->sizes, err) &&
           check_word(body, "quality", model->qualities, err) &&
           check_word(body, "background", model->backgrounds, err);
}

// "auto", or WIDTHxHEIGHT: sides of 16 pixels' multiples, at most 3840, not more than three times
// as long as each other, and together neither too small nor too large.
static bool check_free_size(const json_t *body, struct err *err)
{
    enum { STEP = 16, MAX_SIDE = 3840, MIN_PIXELS = 655360, MAX_PIXELS = 8294400, MAX_RATIO = 3 };
    const char *size = field_str_or_empty(body, "size");
    int width, height, used = 0;

    if (*size == '\0' || strcmp(size, "auto") == 0)
        return true;
    if (sscanf(size, "%4dx%4d%n", &width, &height, &used) != 2 || size[used] != '\0' ||
        width <= 0 || height <= 0 || strspn(size, "0123456789x") != strlen(size))
        return err_set(err, ERR_INVALID, "size: must be auto or WIDTHxHEIGHT");
    if (width % STEP != 0 || height % STEP != 0)
        return err_set(err, ERR_INVALID, "size: its sides must be multiples of %d", (int)STEP);
    if (width > MAX_SIDE || height > MAX_SIDE)
        return err_set(err, ERR_INVALID, "size: its sides may be %d at most", (int)MAX_SIDE);
    if (width > height * MAX_RATIO || height > width * MAX_RATIO)
        return err_set(err, ERR_INVALID, "size: one side is more than %d times the other",
                       (int)MAX_RATIO);
    return (width * height >= MIN_PIXELS && width * height <= MAX_PIXELS) ||
           err_set(err, ERR_INVALID, "size: must have %d to %d pixels", (int)MIN_PIXELS,
                   (int)MAX_PIXELS);
}

// What is asked of the file's form must fit together. Without a word it is a PNG.
static bool check_form(const json_t *body, struct err *err)
{
    const char *format = field_str_or_empty(body, "output_format");

    if (field_at(body, "output_compression") != NULL &&
        (*format == '\0' || strcmp(format, "png") == 0))
        return err_set(err, ERR_INVALID,
                       "output_compression: only with output_format jpeg or webp");
    return strcmp(field_str_or_empty(body, "background"), "transparent") != 0 ||
           strcmp(format, "jpeg") != 0 ||
           err_set(err, ERR_INVALID, "background: a jpeg can't be transparent");
}

static bool check_count(const struct model *model, const json_t *body, const char *name,
                        struct err *err)
{
    if (field_int_or(body, "n", 1) <= model->n)
        return true;
    if (model->n == 1)
        return err_set(err, ERR_INVALID, "n: %.60s makes one image", name);
    return err_set(err, ERR_INVALID, "n: must be from 1 to %d", model->n);
}

static bool check_prompt(const struct model *model, const json_t *body, struct err *err)
{
    return model->characters == 0 ||
           adapter_characters(field_str_or_empty(body, "prompt")) <= (size_t)model->characters ||
           err_set(err, ERR_INVALID, "prompt: is longer than %d characters", model->characters);
}

// The images that the action is about.
static bool check_images(const struct task *task, const struct model *model, const json_t *body,
                         struct err *err)
{
    size_t count = field_count(body, "images");
    bool is_edit = is_action(task, "edit");

    if (is_action(task, "generate") && count > 0)
        return err_set(err, ERR_INVALID, "images: %.60s takes them at /v1/images/edits",
                       task->model);
    if (is_action(task, "variation") && !model->makes_variations)
        return err_set(err, ERR_INVALID, "model: %.60s makes no variations", task->model);
    if (is_edit && model->images == 0)
        return err_set(err, ERR_INVALID, "model: %.60s edits no images", task->model);
    if (!is_edit && field_at(body, "mask") != NULL)
        return err_set(err, ERR_INVALID, "mask: only for /v1/images/edits");
    return !is_edit || count <= (size_t)model->images ||
           err_set(err, ERR_INVALID, "images: %.60s takes at most %d", task->model, model->images);
}

static bool check_image(const struct task *task, const struct account *account, const json_t *body,
                        struct err *err)
{
    const struct model *model = model_of(task, account);

    return model == NULL ||
           (check_fields(model, body, task->model, err) &&
            (!model->has_free_size || check_free_size(body, err)) && check_form(body, err) &&
            check_count(model, body, task->model, err) && check_prompt(model, body, err) &&
            check_images(task, model, body, err));
}

static bool check_speech(const struct task *task, const struct account *account, const json_t *body,
                         struct err *err)
{
    const struct speaker *speaker = speaker_of(task, account);

    if (speaker == NULL)
        return true;
    if (field_at(body, "instructions") != NULL && !speaker->takes_instructions)
        return not_supported("instructions", task->model, err);
    return json_is_object(field_at(body, "voice")) ||
           check_word(body, "voice", speaker->voices, err);
}

bool openai_check(const struct task *task, const struct account *account, struct err *err)
{
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL &&
              (is_action(task, "speech") ? check_speech : check_image)(task, account, body, err);

    json_decref(body);
    return ok;
}

// Bodies.

json_t *openai_image_body(const struct task *task, const struct account *account, json_t *asked)
{
    const struct model *model = model_of(task, account);
    bool is_gpt = model != NULL && (model->fields & OF_GPT) == OF_GPT;
    json_t *body = image_call_body(task, account, task->action, asked);

    if (is_gpt && strcmp(field_str_or_empty(body, "quality"), "hd") == 0)
        json_object_set_new(body, "quality", json_string("high"));
    return body;
}

// An old name, and what has followed it, which an account calls what it likes.
static void set_model(const struct task *task, const struct account *account, json_t *body)
{
    const char *model = provider_model(account, task->model);

    if (account->model_count == 0 && strcmp(task->model, "tts-1-hd-1106") == 0)
        model = "tts-1-hd";
    json_object_set_new(body, "model", json_string(model == NULL ? task->model : model));
}

// The vendor refuses what it doesn't know.
json_t *openai_speech_body(const struct task *task, const struct account *account, json_t *asked)
{
    static const char *const sent[] = {"input", "voice", "instructions", "response_format",
                                       "speed"};
    json_t *body = json_object();

    set_model(task, account, body);
    for (size_t i = 0; i < sizeof sent / sizeof sent[0]; i++)
        if (json_object_get(asked, sent[i]) != NULL)
            json_object_set(body, sent[i], json_object_get(asked, sent[i]));
    json_decref(asked);
    return body;
}
