// What MiniMax wants to make a video from. Beyond what its pages say it refuses every field that a
// model hasn't got, which it ignores in truth, so that tests see what is sent.
#include <string.h>

#include "tests/sim/minimax.h"
#include "tests/sim/rules.h"

static const char *check_image(const char *text)
{
    return rules_is_http_url(text) || rules_is_data_url(text, "image/")
               ? NULL
               : "must be an http or https URL, or a base64 data URL of an image";
}

// v1.

static const struct rule common[] = {
    {"model", RULE_TEXT, .is_required = true},
    {"prompt", RULE_TEXT, .min = 1, .max = 2000},
    {"prompt_optimizer", .type = RULE_BOOL},
    {"aigc_watermark", .type = RULE_BOOL},
    {"callback_url", RULE_TEXT, .check = rules_http_url},
    {0},
};
#define COMMON                                                                                     \
    {                                                                                              \
        .fields = common                                                                           \
    }
#define PROMPT                                                                                     \
    {                                                                                              \
        "prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 2000                            \
    }
#define FIRST(must)                                                                                \
    {                                                                                              \
        "first_frame_image", RULE_TEXT, .is_required = (must), .check = check_image                \
    }
#define HAILUO(resolutions)                                                                        \
    {"duration", RULE_INTEGER, .min = 6, .max = 10},                                               \
        {"resolution", RULE_TEXT, .words = (resolutions)},                                         \
    {                                                                                              \
        "fast_pretreatment", .type = RULE_BOOL                                                     \
    }
#define OLDER                                                                                      \
    {"duration", RULE_INTEGER, .min = 6, .max = 6},                                                \
    {                                                                                              \
        "resolution", RULE_TEXT, .words = "720P"                                                   \
    }

static const struct rule hailuo_23[] = {FIRST(false), HAILUO("768P 1080P"), COMMON};
static const struct rule hailuo_23_fast[] = {FIRST(true), HAILUO("768P 1080P"), COMMON};
static const struct rule hailuo_02[] = {FIRST(false),
                                        {"last_frame_image", RULE_TEXT, .check = check_image},
                                        HAILUO("512P 768P 1080P"),
                                        COMMON};
static const struct rule t2v[] = {PROMPT, OLDER, COMMON};
static const struct rule i2v[] = {FIRST(true), OLDER, COMMON};

static const struct rule subject[] = {
    {"type", RULE_TEXT, .is_required = true, .words = "character"},
    {"image", RULE_ANY, .is_required = true},
    {0},
};
static const struct rule s2v[] = {
    {"subject_reference", RULE_ARRAY, .is_required = true, .min = 1, .max = 1, .fields = subject},
    OLDER,
    COMMON,
};

// v2.

static const struct rule link[] = {{"url", RULE_TEXT, .is_required = true, .check = check_image},
                                   {0}};
static const struct rule content[] = {
    {"type", RULE_TEXT, .is_required = true, .words = "text image_url"},
    {"text", RULE_TEXT, .min = 1, .max = 7000},
    {"image_url", RULE_OBJECT, .fields = link},
    {"role", RULE_TEXT, .words = "first_frame last_frame"},
    {0},
};
static const struct rule h3[] = {
    {"model", RULE_TEXT, .is_required = true},
    {"content", RULE_ARRAY, .is_required = true, .min = 1, .max = 3, .fields = content},
    {"resolution", RULE_TEXT, .words = "768P 2K"},
    {"duration", RULE_INTEGER, .min = 4, .max = 15},
    {"ratio", RULE_TEXT, .words = "16:9 9:16 1:1 4:3 3:4 21:9 adaptive"},
    {"aigc_watermark", .type = RULE_BOOL},
    {"callback_url", RULE_TEXT, .check = rules_http_url},
    {0},
};

static const struct minimax_model models[] = {
    {"MiniMax-Hailuo-2.3", false, hailuo_23},
    {"MiniMax-Hailuo-2.3-Fast", false, hailuo_23_fast},
    {"MiniMax-Hailuo-02", false, hailuo_02},
    {"T2V-01", false, t2v},
    {"T2V-01-Director", false, t2v},
    {"I2V-01", false, i2v},
    {"I2V-01-Director", false, i2v},
    {"I2V-01-live", false, i2v},
    {"S2V-01", false, s2v},
    {"MiniMax-H3", true, h3},
    {"MiniMax-H3-Max", true, h3},
};

const struct minimax_model *minimax_model_named(const char *name)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (strcmp(models[i].name, name) == 0)
            return &models[i];
    return NULL;
}

// Hailuo makes 6 seconds or 10, and no 10 in 1080P.
static bool check_duration(const json_t *body, struct rule_error *error)
{
    const json_t *duration = json_object_get(body, "duration");

    if (duration == NULL || json_integer_value(duration) == 6)
        return true;
    if (json_integer_value(duration) != 10)
        return rules_fail(error, "duration", "must be 6 or 10");
    return strcmp(rules_text(body, "resolution"), "1080P") != 0 ||
           rules_fail(error, "duration", "must be 6 for 1080P");
}

static bool check_source(const json_t *body, struct rule_error *error)
{
    const json_t *images =
        json_object_get(json_array_get(json_object_get(body, "subject_reference"), 0), "image");

    if (images != NULL &&
        (json_array_size(images) != 1 || json_string_value(json_array_get(images, 0)) == NULL ||
         check_image(json_string_value(json_array_get(images, 0))) != NULL))
        return rules_fail(error, "subject_reference[0].image", "must have one image");
    return images != NULL || *rules_text(body, "prompt") != '\0' ||
           *rules_text(body, "first_frame_image") != '\0' ||
           *rules_text(body, "last_frame_image") != '\0' ||
           rules_fail(error, "prompt", "is required");
}

// Each item has what its type says; a video of text alone needs a ratio.
static bool check_content(const json_t *body, struct rule_error *error)
{
    json_t *item;
    size_t i, images = 0;

    json_array_foreach(json_object_get(body, "content"), i, item)
    {
        const char *type = rules_text(item, "type");
        bool is_image = strcmp(type, "image_url") == 0;

        images += is_image;
        if (json_object_get(item, type) == NULL || (*rules_text(item, "role") != '\0') != is_image)
            return rules_fail(error, "content", "has an item that is not complete");
    }
    return images > 0 ||
           (*rules_text(body, "ratio") != '\0' &&
            strcmp(rules_text(body, "ratio"), "adaptive") != 0) ||
           rules_fail(error, "ratio", "is required for text to video");
}

bool minimax_check(const struct minimax_model *model, const json_t *body, struct rule_error *error)
{
    if (!rules_check(body, model->rules, error))
        return false;
    return model->is_v2 ? check_content(body, error)
                        : check_duration(body, error) && check_source(body, error);
}
