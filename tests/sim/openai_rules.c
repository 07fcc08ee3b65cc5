// What the simulated OpenAI checks in calls.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "tests/sim/openai.h"
#include "tests/sim/rules.h"

static const struct rule source_rules[] = {
    {.name = "image_url", .type = RULE_TEXT}, {.name = "file_id", .type = RULE_TEXT}, {0}};

#define MODEL                                                                                      \
    {                                                                                              \
        .name = "model", .type = RULE_TEXT, .is_required = true                                    \
    }
#define PROMPT(characters)                                                                         \
    {                                                                                              \
        .name = "prompt", .type = RULE_TEXT, .is_required = true, .min = 1, .max = (characters)    \
    }
#define COUNT(most)                                                                                \
    {                                                                                              \
        .name = "n", .type = RULE_INTEGER, .min = 1, .max = (most)                                 \
    }
#define WORDS(field, list)                                                                         \
    {                                                                                              \
        .name = (field), .type = RULE_TEXT, .words = (list)                                        \
    }
#define USER                                                                                       \
    {                                                                                              \
        .name = "user", .type = RULE_TEXT                                                          \
    }
#define THEN(table)                                                                                \
    {                                                                                              \
        .fields = (table)                                                                          \
    }

static const struct rule gpt_rules[] = {
    MODEL,
    PROMPT(32000),
    COUNT(10),
    WORDS("quality", "auto low medium high"),
    WORDS("output_format", "png jpeg webp"),
    {.name = "output_compression", .type = RULE_INTEGER, .min = 0, .max = 100},
    WORDS("moderation", "auto low"),
    WORDS("background", "auto opaque transparent"),
    {.name = "stream", .type = RULE_BOOL},
    {.name = "partial_images", .type = RULE_INTEGER, .min = 0, .max = 3},
    USER,
    {.name = "size", .type = RULE_TEXT},
    {0},
};
static const struct rule edit_rules[] = {
    {.name = "images",
     .type = RULE_ARRAY,
     .is_required = true,
     .min = 1,
     .max = 16,
     .fields = source_rules},
    {.name = "mask", .type = RULE_OBJECT, .fields = source_rules},
    WORDS("input_fidelity", "high low"),
    THEN(gpt_rules),
};
static const struct rule dall_e_3_rules[] = {
    MODEL,
    PROMPT(4000),
    COUNT(1),
    WORDS("size", "1024x1024 1792x1024 1024x1792"),
    WORDS("quality", "standard hd"),
    WORDS("style", "vivid natural"),
    WORDS("response_format", "url b64_json"),
    USER,
    {0},
};
#define DALL_E_2                                                                                   \
    MODEL, COUNT(10), WORDS("size", "256x256 512x512 1024x1024"),                                  \
        WORDS("response_format", "url b64_json"), USER
static const struct rule dall_e_2_rules[] = {
    PROMPT(1000), WORDS("quality", "standard"), DALL_E_2, {0}};
static const struct rule old_edit_rules[] = {
    PROMPT(1000),
    {.name = "images",
     .type = RULE_ARRAY,
     .is_required = true,
     .min = 1,
     .max = 1,
     .fields = source_rules},
    {.name = "mask", .type = RULE_OBJECT, .fields = source_rules},
    DALL_E_2,
    {0},
};
static const struct rule variation_rules[] = {
    {.name = "images", .type = RULE_ARRAY, .min = 1, .max = 1, .fields = source_rules},
    {.name = "image", .type = RULE_TEXT}, // as relays take it
    DALL_E_2,
    {0},
};
static const struct rule grok_rules[] = {
    MODEL,
    PROMPT(8000),
    COUNT(10),
    {.name = "aspect_ratio", .type = RULE_TEXT},
    WORDS("resolution", "1k 2k"),
    WORDS("response_format", "url b64_json"),
    USER,
    {0},
};
static const struct rule speech_rules[] = {
    MODEL,
    {.name = "input", .type = RULE_TEXT, .is_required = true, .min = 1, .max = 4096},
    {.name = "voice", .type = RULE_ANY, .is_required = true},
    {.name = "instructions", .type = RULE_TEXT, .min = 0, .max = 4096},
    WORDS("response_format", "mp3 opus aac flac wav pcm"),
    {.name = "speed", .type = RULE_NUMBER, .min = 0.25, .max = 4},
    WORDS("stream_format", "audio"),
    {0},
};

#define VOICES "alloy ash coral echo fable onyx nova sage shimmer"

// What each makes by which rules; NULL: it doesn't.
static const struct {
    const char *names;
    const struct rule *rules[OPENAI_SPEECH + 1];
    const char *sizes;  // NULL: its rules say them
    const char *voices; // of speech
} models[] = {
    {"gpt-image-2 gpt-image-2-2026-04-21", {gpt_rules, edit_rules, NULL, NULL}, "", NULL},
    {"gpt-image-1.5 gpt-image-1 gpt-image-1-mini chatgpt-image-latest",
     {gpt_rules, edit_rules, NULL, NULL},
     "auto 1024x1024 1536x1024 1024x1536",
     NULL},
    {"dall-e-3", {dall_e_3_rules, old_edit_rules, NULL, NULL}, NULL, NULL},
    {"dall-e-2", {dall_e_2_rules, old_edit_rules, variation_rules, NULL}, NULL, NULL},
    {"grok-4-image grok-imagine-image", {grok_rules, NULL, NULL, NULL}, NULL, NULL},
    {"tts-1 tts-1-hd", {NULL, NULL, NULL, speech_rules}, NULL, VOICES},
    {"gpt-4o-mini-tts", {NULL, NULL, NULL, speech_rules}, NULL, VOICES " ballad verse marin cedar"},
};
enum { MODELS = sizeof models / sizeof models[0] };

static size_t row_of(const char *name)
{
    size_t i = 0;

    while (i < MODELS && (*name == '\0' || !rules_one_of(name, models[i].names)))
        i++;
    return i;
}

bool openai_has_model(const char *name)
{
    return row_of(name) < MODELS;
}

bool openai_links(const char *model)
{
    return strncmp(model, "dall-e-", 7) == 0 || strncmp(model, "grok-", 5) == 0;
}

// Any size whose sides divide by 16, up to 3:1 and 3840x2160.
static bool is_free_size(const char *size)
{
    long width, height, longer, shorter;
    char *end;

    if (*size == '\0' || strcmp(size, "auto") == 0)
        return true;
    width = strtol(size, &end, 10);
    if (*end != 'x')
        return false;
    height = strtol(end + 1, &end, 10);
    longer = width > height ? width : height;
    shorter = width > height ? height : width;
    return *end == '\0' && shorter > 0 && longer <= 3840 && width % 16 == 0 && height % 16 == 0 &&
           longer <= 3 * shorter && width * height <= 3840L * 2160;
}

static bool check_size(size_t row, const json_t *body, struct rule_error *error)
{
    const char *size = rules_text(body, "size"), *sizes = models[row].sizes;

    if (sizes == NULL || *size == '\0')
        return true;
    if (*sizes == '\0' ? is_free_size(size) : rules_one_of(size, sizes))
        return true;
    return rules_fail(error, "size", "is not one that the model makes");
}

// A PNG, a JPEG or a WebP, by its first bytes.
static bool is_picture(const char *url)
{
    const char *data = strstr(url, ";base64,");
    struct buf head = {0};
    bool is;

    if (data == NULL || !rules_is_base64(data + 8))
        return false;
    is = base64_decode(data + 8, strnlen(data + 8, 16), &head) && head.len >= 4 &&
         (memcmp(head.data, "\x89PNG", 4) == 0 || memcmp(head.data, "\xff\xd8\xff", 3) == 0 ||
          memcmp(head.data, "RIFF", 4) == 0);
    buf_clear(&head);
    return is;
}

static bool check_source(const json_t *source, const char *name, struct rule_error *error)
{
    const char *url = rules_text(source, "image_url");

    if ((*url == '\0') == (*rules_text(source, "file_id") == '\0'))
        return rules_fail(error, name, "must have one of image_url and file_id");
    return *url == '\0' || rules_is_http_url(url) || is_picture(url) ||
           rules_fail(error, name, "is not a picture");
}

static bool check_sources(const json_t *body, struct rule_error *error)
{
    const json_t *mask = json_object_get(body, "mask");
    json_t *image;
    size_t i;

    json_array_foreach(json_object_get(body, "images"), i, image)
    {
        if (!check_source(image, "images", error))
            return false;
    }
    return mask == NULL || check_source(mask, "mask", error);
}

static bool check_form(const json_t *body, struct rule_error *error)
{
    const char *format = rules_text(body, "output_format");
    bool is_png = *format == '\0' || strcmp(format, "png") == 0;

    if (is_png && json_object_get(body, "output_compression") != NULL)
        return rules_fail(error, "output_compression", "must be 100 for png");
    if (json_object_get(body, "partial_images") != NULL &&
        !json_is_true(json_object_get(body, "stream")))
        return rules_fail(error, "partial_images", "needs stream");
    return strcmp(rules_text(body, "background"), "transparent") != 0 ||
           strcmp(format, "jpeg") != 0 ||
           rules_fail(error, "background", "is not transparent in a jpeg");
}

static bool check_speech(size_t row, const json_t *body, struct rule_error *error)
{
    const json_t *voice = json_object_get(body, "voice");
    bool is_old = strncmp(rules_text(body, "model"), "tts-1", 5) == 0;

    if (is_old && json_object_get(body, "instructions") != NULL)
        return rules_fail(error, "instructions", "is not for this model");
    if (json_is_object(voice))
        return *rules_text(voice, "id") != '\0' || rules_fail(error, "voice", "has no id");
    return (json_is_string(voice) && rules_one_of(json_string_value(voice), models[row].voices)) ||
           rules_fail(error, "voice", "must be one of: %s", models[row].voices);
}

bool openai_check(enum openai_kind kind, const json_t *body, struct rule_error *error,
                  const char **code)
{
    const char *model = rules_text(body, "model");
    size_t row = row_of(*model == '\0' ? "gpt-image-2" : model);

    if (models[row].rules[kind] == NULL)
        return rules_fail(error, "model", "is not for this");
    if (!rules_check(body, models[row].rules[kind], error))
        return false;
    if (kind == OPENAI_SPEECH)
        return check_speech(row, body, error);
    if (strncmp(model, "gpt-image-2", 11) == 0 && json_object_get(body, "input_fidelity") != NULL) {
        *code = "invalid_input_fidelity_model";
        return rules_fail(error, "input_fidelity", "is not for this model");
    }
    if (!check_sources(body, error)) {
        *code = "invalid_image_file";
        return false;
    }
    return check_size(row, body, error) && check_form(body, error);
}
