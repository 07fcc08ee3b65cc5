// What the paths of Kling's API want.
#include <stdlib.h>
#include <string.h>

#include "tests/sim/kling.h"
#include "tests/sim/rules.h"

enum { MAX_IMAGE_BYTES = 10 * 1024 * 1024, MAX_MARK = 256, MAX_PROMPT = 2500 };

// An http or https URL, or bare base64.
static const char *check_image(const char *text)
{
    if (rules_is_http_url(text))
        return NULL;
    if (strncmp(text, "data:", 5) == 0)
        return "must be base64 without a data: prefix";
    if (!rules_is_base64(text))
        return "must be an http or https URL, or base64";
    return strlen(text) / 4 * 3 > MAX_IMAGE_BYTES ? "must not have more than 10 MB" : NULL;
}

static const struct rule watermark[] = {{"enabled", RULE_BOOL, .is_required = true}, {0}};
static const struct rule camera[] = {
    {"type", .type = RULE_TEXT}, {"config", .type = RULE_OBJECT}, {0}};
static const struct rule element[] = {{"element_id", RULE_ANY, .is_required = true}, {0}};
static const struct rule voice[] = {{"voice_id", RULE_TEXT, .is_required = true}, {0}};
static const struct rule shot[] = {
    {"index", RULE_INTEGER, .is_required = true, .min = 1, .max = 6},
    {"prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 512},
    {"duration", RULE_TEXT, .is_required = true, .words = "1 2 3 4 5 6 7 8 9 10"},
    {0},
};
static const struct rule mask[] = {
    {"mask", RULE_TEXT, .is_required = true, .check = check_image},
    {"trajectories", RULE_ARRAY, .is_required = true},
    {0},
};
static const struct rule reference[] = {
    {"image", RULE_TEXT, .is_required = true, .check = check_image},
    {0},
};
static const struct rule omni_image[] = {
    {"image_url", RULE_TEXT, .is_required = true, .check = check_image},
    {"type", RULE_TEXT, .words = "first_frame end_frame"},
    {0},
};
static const struct rule omni_video[] = {
    {"video_url", RULE_TEXT, .is_required = true, .check = rules_http_url},
    {"refer_type", RULE_TEXT, .words = "feature base"},
    {"keep_original_sound", RULE_TEXT, .words = "yes no"},
    {0},
};

static const struct rule every_submit[] = {
    {"model_name", .type = RULE_TEXT},
    {"callback_url", RULE_TEXT, .check = rules_http_url},
    {"external_task_id", RULE_TEXT, .min = 1, .max = MAX_MARK},
    {0},
};
static const struct rule every_video[] = {
    {"prompt", RULE_TEXT, .max = MAX_PROMPT},
    {"negative_prompt", RULE_TEXT, .max = MAX_PROMPT},
    {"mode", RULE_TEXT, .words = "std pro"},
    {"aspect_ratio", RULE_TEXT, .words = "16:9 9:16 1:1"},
    {"sound", RULE_TEXT, .words = "on off"},
    {"multi_shot", .type = RULE_BOOL},
    {"shot_type", .type = RULE_TEXT},
    {"multi_prompt", RULE_ARRAY, .min = 1, .max = 6, .fields = shot},
    {"element_list", RULE_ARRAY, .fields = element},
    {"watermark_info", RULE_OBJECT, .fields = watermark},
    {.fields = every_submit},
};
static const struct rule standard_video[] = {
    {"duration", RULE_TEXT, .words = "5 10"},
    {"cfg_scale", RULE_NUMBER, .min = 0, .max = 1},
    {"camera_control", RULE_OBJECT, .fields = camera},
    {.fields = every_video},
};
static const struct rule image2video[] = {
    {"image", RULE_TEXT, .check = check_image},
    {"image_tail", RULE_TEXT, .check = check_image},
    {"static_mask", RULE_TEXT, .check = check_image},
    {"dynamic_masks", RULE_ARRAY, .min = 1, .max = 6, .fields = mask},
    {"voice_list", RULE_ARRAY, .fields = voice},
    {.fields = standard_video},
};
static const struct rule multi_image[] = {
    {"prompt", RULE_TEXT, .is_required = true, .min = 1, .max = MAX_PROMPT},
    {"image_list", RULE_ARRAY, .is_required = true, .min = 1, .max = 4, .fields = reference},
    {.fields = standard_video},
};
static const struct rule omni[] = {
    {"duration", RULE_TEXT, .words = "3 4 5 6 7 8 9 10"},
    {"image_list", RULE_ARRAY, .fields = omni_image},
    {"video_list", RULE_ARRAY, .max = 1, .fields = omni_video},
    {"voice_list", RULE_ARRAY, .fields = voice},
    {.fields = every_video},
};
static const struct rule images[] = {
    {"prompt", RULE_TEXT, .is_required = true, .min = 1, .max = MAX_PROMPT},
    {"negative_prompt", RULE_TEXT, .max = MAX_PROMPT},
    {"image", RULE_TEXT, .check = check_image},
    {"image_reference", RULE_TEXT, .words = "subject face"},
    {"image_fidelity", RULE_NUMBER, .min = 0, .max = 1},
    {"human_fidelity", RULE_NUMBER, .min = 0, .max = 1},
    {"resolution", RULE_TEXT, .words = "1k 2k"},
    {"aspect_ratio", RULE_TEXT, .words = "16:9 9:16 1:1 4:3 3:4 3:2 2:3 21:9"},
    {"n", RULE_INTEGER, .min = 1, .max = 9},
    {.fields = every_submit},
};
static const struct rule try_on[] = {
    {"human_image", RULE_TEXT, .is_required = true, .check = check_image},
    {"cloth_image", RULE_TEXT, .is_required = true, .check = check_image},
    {.fields = every_submit},
};

static bool has(const json_t *body, const char *name)
{
    return json_object_get(body, name) != NULL;
}

// The shots of a film have prompts of their own, and their lengths add up to the film's.
static bool check_shots(const json_t *body, struct rule_error *error)
{
    const char *duration = rules_text(body, "duration");
    const json_t *shots = json_object_get(body, "multi_prompt");
    long total = 0;
    json_t *each;
    size_t i;

    if (!json_is_true(json_object_get(body, "multi_shot")) || shots == NULL)
        return *rules_text(body, "prompt") != '\0' || rules_fail(error, "prompt", "is required");
    json_array_foreach((json_t *)shots, i, each) total +=
        strtol(rules_text(each, "duration"), NULL, 10);
    if (total == strtol(*duration == '\0' ? "5" : duration, NULL, 10))
        return true;
    return rules_fail(error, "multi_prompt", "must have durations that add up to duration");
}

static bool check_model(const json_t *body, struct rule_error *error)
{
    const char *model = rules_text(body, "model_name");

    if (has(body, "cfg_scale") && rules_one_of(model, "kling-v2*"))
        return rules_fail(error, "cfg_scale", "is not supported by %s", model);
    if (strcmp(rules_text(body, "sound"), "on") == 0 && !rules_one_of(model, "kling-v2-6 kling-v3"))
        return rules_fail(error, "sound", "needs kling-v2-6 or later");
    return true;
}

static bool check_text2video(const json_t *body, struct rule_error *error)
{
    return check_model(body, error) && check_shots(body, error);
}

static bool check_image2video(const json_t *body, struct rule_error *error)
{
    int ways = has(body, "image_tail") + (has(body, "static_mask") || has(body, "dynamic_masks")) +
               has(body, "camera_control");

    if (!has(body, "image") && !has(body, "image_tail"))
        return rules_fail(error, "image", "or image_tail is required");
    if (ways > 1)
        return rules_fail(error, "image_tail",
                          "excludes masks and camera_control, and they each other");
    return check_model(body, error);
}

// The shape of the result must be said, unless there is a first frame, or a video to be edited.
static bool check_omni(const json_t *body, struct rule_error *error)
{
    const json_t *video = json_array_get(json_object_get(body, "video_list"), 0);
    bool has_shape =
        has(body, "aspect_ratio") || strcmp(rules_text(video, "refer_type"), "base") == 0;
    json_t *image;
    size_t i;

    json_array_foreach(json_object_get(body, "image_list"), i, image)
    {
        has_shape = has_shape || strcmp(rules_text(image, "type"), "first_frame") == 0;
    }
    if (!has_shape)
        return rules_fail(error, "aspect_ratio", "is required");
    return check_shots(body, error);
}

static bool check_images(const json_t *body, struct rule_error *error)
{
    if (has(body, "image") && has(body, "negative_prompt"))
        return rules_fail(error, "negative_prompt", "is not supported with image");
    return true;
}

static const struct kling_route routes[] = {
    {"/v1/videos/text2video", "kling-v1* kling-v2* kling-v3", false, standard_video,
     check_text2video},
    {"/v1/videos/image2video", "kling-v1* kling-v2* kling-v3", false, image2video,
     check_image2video},
    {"/v1/videos/multi-image2video", "kling-v1* kling-v2* kling-v3", false, multi_image,
     check_model},
    {"/v1/videos/omni-video", "kling-video-o1 kling-v3-omni", false, omni, check_omni},
    {"/v1/images/generations", "kling-v*", true, images, check_images},
    {"/v1/images/kolors-virtual-try-on", "kolors-virtual-try-on-v1 kolors-virtual-try-on-v1-5",
     true, try_on, NULL},
};

const struct kling_route *kling_route_of(const char *path, const char **rest)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        size_t len = strlen(routes[i].path);

        if (strncmp(path, routes[i].path, len) != 0 || (path[len] != '\0' && path[len] != '/'))
            continue;
        *rest = path + len;
        return &routes[i];
    }
    return NULL;
}
