// What DashScope wants to make a video from. Beyond what its pages say it refuses every field that
// a model hasn't got, so that tests see what is sent.
#include <string.h>

#include "tests/sim/rules.h"
#include "tests/sim/wan.h"

#define SIZES_480 "832*480 480*832 624*624"
#define SIZES_720 "1280*720 720*1280 960*960 1088*832 832*1088"
#define SIZES_1080 "1920*1080 1080*1920 1440*1440 1632*1248 1248*1632"
#define TEXTS(most)                                                                                \
    {"prompt", RULE_TEXT, .min = 1, .max = (most)},                                                \
    {                                                                                              \
        "negative_prompt", RULE_TEXT, .min = 1, .max = 500                                         \
    }
#define COMMON                                                                                     \
    {"prompt_extend", .type = RULE_BOOL}, {"watermark", .type = RULE_BOOL},                        \
    {                                                                                              \
        "seed", RULE_INTEGER, .min = 0, .max = 2147483647                                          \
    }

static const char *check_image(const char *text)
{
    return rules_is_http_url(text) || rules_is_data_url(text, "image/")
               ? NULL
               : "must be an http or https URL, or a base64 data URL of an image";
}

// Text to video.

static const struct rule t2v_input[] = {
    {"prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 800},
    {"negative_prompt", RULE_TEXT, .min = 1, .max = 500},
    {0},
};
static const struct rule t2v_sound_input[] = {
    {"prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 1500},
    {"negative_prompt", RULE_TEXT, .min = 1, .max = 500},
    {"audio_url", RULE_TEXT, .check = rules_http_url},
    {0},
};
static const struct rule t2v_21[] = {{"size", RULE_TEXT, .words = SIZES_720}, COMMON, {0}};
static const struct rule t2v_22[] = {
    {"size", RULE_TEXT, .words = SIZES_480 " " SIZES_1080}, COMMON, {0}};
static const struct rule t2v_25[] = {
    {"size", RULE_TEXT, .words = SIZES_480 " " SIZES_720 " " SIZES_1080},
    {"duration", RULE_INTEGER, .min = 5, .max = 10},
    {"audio", .type = RULE_BOOL},
    COMMON,
    {0},
};
static const struct rule t2v_26[] = {
    {"size", RULE_TEXT, .words = SIZES_480 " " SIZES_720 " " SIZES_1080},
    {"duration", RULE_INTEGER, .min = 2, .max = 15},
    {"audio", .type = RULE_BOOL},
    COMMON,
    {0},
};

// Image to video.

static const struct rule i2v_input[] = {
    {"img_url", RULE_TEXT, .is_required = true, .check = check_image},
    {"template", .type = RULE_TEXT},
    TEXTS(800),
    {0},
};
static const struct rule i2v_sound_input[] = {
    {"img_url", RULE_TEXT, .is_required = true, .check = check_image},
    {"audio_url", RULE_TEXT, .check = rules_http_url},
    {"template", .type = RULE_TEXT},
    TEXTS(1500),
    {0},
};
static const struct rule i2v_21[] = {{"resolution", RULE_TEXT, .words = "720P"}, COMMON, {0}};
static const struct rule i2v_22_plus[] = {
    {"resolution", RULE_TEXT, .words = "480P 1080P"}, COMMON, {0}};
static const struct rule i2v_22_flash[] = {
    {"resolution", RULE_TEXT, .words = "480P 720P 1080P"}, COMMON, {0}};
static const struct rule i2v_25[] = {
    {"resolution", RULE_TEXT, .words = "480P 720P 1080P"},
    {"duration", RULE_INTEGER, .min = 5, .max = 10},
    {"audio", .type = RULE_BOOL},
    COMMON,
    {0},
};

static const struct rule kf2v_input[] = {
    {"first_frame_url", RULE_TEXT, .is_required = true, .check = check_image},
    {"last_frame_url", RULE_TEXT, .check = check_image},
    {"template", .type = RULE_TEXT},
    TEXTS(800),
    {0},
};

// A portrait speaks.
static const struct rule s2v_input[] = {
    {"image_url", RULE_TEXT, .is_required = true, .check = rules_http_url},
    {"audio_url", RULE_TEXT, .is_required = true, .check = rules_http_url},
    {0},
};
static const struct rule s2v_parameters[] = {{"resolution", RULE_TEXT, .words = "480P 720P"}, {0}};

static const struct wan_model models[] = {
    {.name = "wan2.6-t2v",
     .service = "video-generation",
     .input = t2v_sound_input,
     .parameters = t2v_26,
     .is_newer = true},
    {.name = "wan2.5-t2v-preview",
     .service = "video-generation",
     .input = t2v_sound_input,
     .parameters = t2v_25},
    {.name = "wan2.2-t2v-plus",
     .service = "video-generation",
     .input = t2v_input,
     .parameters = t2v_22},
    {.name = "wan2.1-t2v-plus",
     .service = "video-generation",
     .input = t2v_input,
     .parameters = t2v_21},
    {.name = "wan2.5-i2v-preview",
     .service = "video-generation",
     .input = i2v_sound_input,
     .parameters = i2v_25},
    {.name = "wan2.2-i2v-plus",
     .service = "video-generation",
     .input = i2v_input,
     .parameters = i2v_22_plus},
    {.name = "wan2.2-i2v-flash",
     .service = "video-generation",
     .input = i2v_input,
     .parameters = i2v_22_flash},
    {.name = "wan2.1-i2v-plus",
     .service = "video-generation",
     .input = i2v_input,
     .parameters = i2v_21},
    {.name = "wan2.2-kf2v-flash",
     .service = "image2video",
     .input = kf2v_input,
     .parameters = i2v_22_flash},
    {.name = "wan2.2-s2v",
     .service = "image2video",
     .input = s2v_input,
     .parameters = s2v_parameters,
     .is_newer = true,
     .is_nested = true},
};

const struct wan_model *wan_model_named(const char *name)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (strcmp(models[i].name, name) == 0)
            return &models[i];
    return NULL;
}

static bool check_frames(const json_t *input, struct rule_error *error)
{
    if (json_object_get(input, "first_frame_url") == NULL ||
        json_object_get(input, "last_frame_url") != NULL ||
        json_object_get(input, "template") != NULL)
        return true;
    return rules_fail(error, "input.last_frame_url", "is required without a template");
}

// 2.5 makes 5 seconds or 10.
static bool check_duration(const struct wan_model *model, const json_t *parameters,
                           struct rule_error *error)
{
    const json_t *duration = json_object_get(parameters, "duration");

    if (duration == NULL || strncmp(model->name, "wan2.5", 6) != 0 ||
        json_integer_value(duration) % 5 == 0)
        return true;
    return rules_fail(error, "parameters.duration", "must be 5 or 10");
}

bool wan_check(const struct wan_model *model, const json_t *body, struct rule_error *error)
{
    const struct rule rules[] = {
        {"model", RULE_TEXT, .is_required = true},
        {"input", RULE_OBJECT, .is_required = true, .fields = model->input},
        {"parameters", RULE_OBJECT, .fields = model->parameters},
        {0},
    };

    return rules_check(body, rules, error) && check_frames(json_object_get(body, "input"), error) &&
           check_duration(model, json_object_get(body, "parameters"), error);
}
