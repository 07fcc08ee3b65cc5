// Qwen's image models, as tables.
//
// Sources: Model Studio's pages on Qwen's images and their editing as transcribed (DOC), new-api's
// relay/channel/ali (NA).
#include "providers/qwen_body.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/image_call.h"
#include "providers/provider.h"

enum { MAX_PROMPT = 800, MAX_NEGATIVE = 500 }; // characters: the vendor cuts what is longer (DOC)

// How a model is told the size.
enum sizing {
    SIZE_ANY, // nobody says
    SIZE_ONE_OF_FIVE,
    SIZE_BY_AREA,
};

static const struct model {
    const char *name; // without its date
    bool makes_task;
    enum sizing sizing;
    int n;
    int min_images, max_images; // references
} models[] = {
    {"qwen-image", true, SIZE_ONE_OF_FIVE, 1, 0, 0},
    {"qwen-image-plus", true, SIZE_ONE_OF_FIVE, 1, 0, 0},
    {"qwen-image-max", false, SIZE_ONE_OF_FIVE, 1, 0, 0},
    {"qwen-image-2.0", false, SIZE_BY_AREA, 6, 0, 3},
    {"qwen-image-2.0-pro", false, SIZE_BY_AREA, 6, 0, 3},
    {"qwen-image-edit", false, SIZE_ANY, 1, 1, 3},
    {"qwen-image-edit-plus", false, SIZE_ANY, 6, 1, 3},
    {"qwen-image-edit-max", false, SIZE_ANY, 6, 1, 3},
};

struct size {
    long width, height;
};

static const struct size five[] = {
    {1664, 928}, {1472, 1104}, {1328, 1328}, {1104, 1472}, {928, 1664},
};

// Other vendors' fields. What isn't here is passed on as a parameter.
static const char *const foreign[] = {
    "aspect_ratio",
    "background",
    "input_fidelity",
    "mask",
    "moderation",
    "optimize_prompt_options",
    "output_compression",
    "output_format",
    "resolution",
    "sequential_image_generation",
    "sequential_image_generation_options",
};

// What isn't a parameter: it is elsewhere in the body, ours to do, or OpenAI's word for what Qwen
// has no word for, and does no harm.
static const char *const no_parameters[] = {"model",           "prompt",        "images", "quality",
                                            "style",           "user",          "stream", "size",
                                            "response_format", "partial_images"};

static const struct field_rule bounds[] = {
    {.path = "seed", .kind = FIELD_INT, .max = INT32_MAX},
    {.path = "prompt_extend", .kind = FIELD_BOOL},
    {.path = "negative_prompt", .kind = FIELD_TEXT},
    {0},
};

// "-2026-01-09"
static bool is_date(const char *text)
{
    return *text == '-' && strlen(text) > 6 && strspn(text, "-0123456789") == strlen(text);
}

static const struct model *model_named(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof models / sizeof models[0]; i++) {
        size_t len = strlen(models[i].name);

        if (strncmp(models[i].name, name, len) == 0 && (name[len] == '\0' || is_date(name + len)))
            return &models[i];
    }
    return NULL;
}

const char *qwen_body_model(const struct task *task, const struct account *account)
{
    const char *model = provider_model(account, task->model);

    return model == NULL ? task->model : model;
}

// By the account's name of the model, else by the client's.
static const struct model *model_of(const struct task *task, const struct account *account)
{
    const struct model *model = model_named(qwen_body_model(task, account));

    return model != NULL ? model : model_named(task->model);
}

bool qwen_body_makes_task(const struct task *task, const struct account *account)
{
    const struct model *model = model_of(task, account);

    return model != NULL && model->makes_task;
}

// Sizes.

// "1328x1328", or as DashScope has it, "1328*1328".
static bool read_size(const char *text, struct size *size)
{
    enum { MAX_DIGITS = 5 };
    size_t digits = strspn(text, "0123456789"), more;

    if (digits == 0 || digits > MAX_DIGITS || (text[digits] != 'x' && text[digits] != '*'))
        return false;
    more = strspn(text + digits + 1, "0123456789");
    if (more == 0 || more > MAX_DIGITS || text[digits + 1 + more] != '\0')
        return false;
    size->width = strtol(text, NULL, 10);
    size->height = strtol(text + digits + 1, NULL, 10);
    return size->width > 0 && size->height > 0;
}

// How many times the one is as wide for its height as the other; at least 1.
static double unlike(const struct size *one, const struct size *other)
{
    double ratio =
        (double)one->width * (double)other->height / ((double)one->height * (double)other->width);

    return ratio < 1 ? 1 / ratio : ratio;
}

static const struct size *nearest(const struct size *size)
{
    const struct size *best = &five[0];

    for (size_t i = 1; i < sizeof five / sizeof five[0]; i++)
        if (unlike(size, &five[i]) < unlike(size, best))
            best = &five[i];
    return best;
}

static bool check_size(const struct model *model, const json_t *body, struct err *err)
{
    enum { MIN_PIXELS = 512 * 512, MAX_PIXELS = 2048 * 2048 };
    const char *text = field_str_or_empty(body, "size");
    struct size size;
    long long pixels;

    if (*text == '\0')
        return true;
    if (!read_size(text, &size))
        return err_set(err, ERR_INVALID, "size: must be WIDTHxHEIGHT");
    pixels = (long long)size.width * size.height;
    return model->sizing != SIZE_BY_AREA || (pixels >= MIN_PIXELS && pixels <= MAX_PIXELS) ||
           err_set(err, ERR_INVALID, "size: must have %d to %d pixels", (int)MIN_PIXELS,
                   (int)MAX_PIXELS);
}

static void set_size(const struct model *model, const char *text, json_t *parameters)
{
    struct size size;
    char theirs[32];

    if (read_size(text, &size)) {
        if (model != NULL && model->sizing == SIZE_ONE_OF_FIVE)
            size = *nearest(&size);
        snprintf(theirs, sizeof theirs, "%ld*%ld", size.width, size.height);
        text = theirs;
    }
    if (*text != '\0')
        json_object_set_new(parameters, "size", json_string(text));
}

// Checks.

static bool check_length(const json_t *body, const char *field, int max, struct err *err)
{
    return adapter_characters(field_str_or_empty(body, field)) <= (size_t)max ||
           err_set(err, ERR_INVALID, "%s: is longer than %d characters", field, max);
}

static bool check_fields(const json_t *body, const char *name, struct err *err)
{
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        if (field_at(body, foreign[i]) != NULL)
            return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", foreign[i], name);
    return field_check(body, bounds, err) && check_length(body, "prompt", MAX_PROMPT, err) &&
           check_length(body, "negative_prompt", MAX_NEGATIVE, err);
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

bool qwen_body_check(const struct task *task, const struct account *account, struct err *err)
{
    const struct model *model = model_of(task, account);
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL;

    if (ok && strcmp(task->action, "variation") == 0)
        ok = err_set(err, ERR_INVALID, "model: %.60s makes no variations", task->model);
    if (ok && model != NULL)
        ok = check_fields(body, task->model, err) && check_size(model, body, err) &&
             check_count(model, body, task->model, err) &&
             image_call_check_count(body, task->model, model->min_images, model->max_images, err);
    json_decref(body);
    return ok;
}

// Bodies.

// {"prompt","negative_prompt"}; the latter is no parameter here.
static json_t *input_of_task(json_t *asked)
{
    json_t *input = json_pack("{s:O}", "prompt", json_object_get(asked, "prompt"));
    json_t *negative = json_object_get(asked, "negative_prompt");

    if (negative != NULL)
        json_object_set(input, "negative_prompt", negative);
    json_object_del(asked, "negative_prompt");
    return input;
}

// One message of the user's: what is to be changed, then the words.
static json_t *input_of_call(const json_t *asked)
{
    json_t *urls = image_call_urls(asked), *url, *content = json_array();
    size_t i;

    json_array_foreach(urls, i, url)
        json_array_append_new(content, json_pack("{s:O}", "image", url));
    json_array_append_new(content, json_pack("{s:O}", "text", json_object_get(asked, "prompt")));
    json_decref(urls);
    return json_pack("{s:[{s:s,s:o}]}", "messages", "role", "user", "content", content);
}

json_t *qwen_body_of(const struct task *task, const struct account *account, json_t *asked)
{
    const struct model *model = model_of(task, account);
    json_t *input =
        qwen_body_makes_task(task, account) ? input_of_task(asked) : input_of_call(asked);
    json_t *body = json_pack("{s:s,s:o}", "model", qwen_body_model(task, account), "input", input);
    json_t *size = json_incref(json_object_get(asked, "size"));

    for (size_t i = 0; i < sizeof no_parameters / sizeof no_parameters[0]; i++)
        json_object_del(asked, no_parameters[i]);
    if (json_is_string(size))
        set_size(model, json_string_value(size), asked);
    if (json_object_size(asked) > 0)
        json_object_set(body, "parameters", asked);
    json_decref(size);
    json_decref(asked);
    return body;
}
