// The public /kling/v1 dialect: video, images and virtual try-on.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/field.h"
#include "core/base/field_check.h"
#include "core/base/media_type.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { MAX_PROMPT = 10000, MAX_NAME = 128, MAX_STATE = 255, MAX_IMAGES = 20 };
enum { MAX_SHOTS = 5, MAX_OMNI_SHOTS = 6, MAX_EXTENSION = 4 };

// Each action's path is where it is queried, too; any task of the family is found under each.
#define BOTH(path, action)                                                                         \
    {"POST", path, ROUTE_SUBMIT, action},                                                          \
    {                                                                                              \
        "GET", path "/{id}", ROUTE_FETCH, NULL                                                     \
    }
static const struct route routes[] = {
    BOTH("/kling/v1/videos/text2video", "text2video"),
    BOTH("/kling/v1/videos/image2video", "image2video"),
    BOTH("/kling/v1/videos/multi-image2video", "multi-image2video"),
    BOTH("/kling/v1/videos/omni-video", "omni-video"),
    BOTH("/kling/v1/images/generations", "generations"),
    BOTH("/kling/v1/images/kolors-virtual-try-on", "kolors-virtual-try-on"),
    {0},
};
#undef BOTH

static const char *const image_types[] = {"subject", "face", NULL};
static const char *const resolutions[] = {"1k", "2k", NULL};
// The page has kling-v3 alone; the others are what the vendor calls it on this route.
static const char *const omni_models[] = {"kling-v3", "kling-v3-omni", "kling-video-o1", NULL};

// What every video takes.
#define VIDEO_FIELDS(max_shots)                                                                    \
    {.path = "negative_prompt", .kind = FIELD_TEXT, .max = MAX_PROMPT},                            \
        {.path = "duration", .kind = FIELD_COUNT, .min = 3, .max = 15},                            \
        {.path = "aspect_ratio", .kind = FIELD_TEXT, .max = 8},                                    \
        {.path = "mode", .kind = FIELD_TEXT, .max = 16}, {.path = "sound", .kind = FIELD_SWITCH},  \
        {.path = "multi_shots", .kind = FIELD_BOOL}, {.path = "multi_shot", .kind = FIELD_BOOL},   \
        {.path = "multi_prompt", .kind = FIELD_ARRAY, .max = (max_shots)},                         \
        {.path = "kling_elements", .kind = FIELD_ARRAY, .max = MAX_IMAGES},                        \
        {.path = "element_list", .kind = FIELD_ARRAY, .max = MAX_IMAGES},                          \
        {.path = "cfg_scale", .kind = FIELD_NUMBER, .max = 1},                                     \
    {                                                                                              \
        .path = "camera_control", .kind = FIELD_OBJECT                                             \
    }

static const struct field_rule text_rules[] = {
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true, .max = MAX_PROMPT},
    {.path = "image_urls", .kind = FIELD_ARRAY, .min = 0, .max = 2},
    VIDEO_FIELDS(MAX_SHOTS),
    {0},
};

static const struct field_rule image_rules[] = {
    {.path = "prompt", .kind = FIELD_TEXT, .max = MAX_PROMPT},
    {.path = "image_urls", .kind = FIELD_ARRAY, .min = 1, .max = 2},
    {.path = "image", .kind = FIELD_MEDIA},
    {.path = "image_tail", .kind = FIELD_MEDIA},
    VIDEO_FIELDS(MAX_SHOTS),
    {0},
};

static const struct field_rule multi_image_rules[] = {
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true, .max = MAX_PROMPT},
    {.path = "image_list", .kind = FIELD_ARRAY, .is_required = true, .min = 1, .max = 4},
    VIDEO_FIELDS(MAX_SHOTS),
    {0},
};

static const struct field_rule omni_rules[] = {
    {.path = "model_name", .kind = FIELD_WORD, .words = omni_models},
    {.path = "model", .kind = FIELD_WORD, .words = omni_models},
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true, .max = MAX_PROMPT},
    {.path = "image_list", .kind = FIELD_ARRAY, .max = MAX_IMAGES},
    {.path = "video_list", .kind = FIELD_ARRAY, .max = 4},
    {.path = "voice_list", .kind = FIELD_ARRAY, .max = 4},
    VIDEO_FIELDS(MAX_OMNI_SHOTS),
    {0},
};

static const struct field_rule generation_rules[] = {
    {.path = "prompt", .kind = FIELD_TEXT, .is_required = true, .max = MAX_PROMPT},
    {.path = "negative_prompt", .kind = FIELD_TEXT, .max = MAX_PROMPT},
    {.path = "aspect_ratio", .kind = FIELD_TEXT, .max = 8},
    {.path = "n", .kind = FIELD_INT, .min = 1, .max = 9},
    {.path = "image", .kind = FIELD_MEDIA},
    {.path = "image_reference", .kind = FIELD_WORD, .words = image_types},
    {.path = "image_fidelity", .kind = FIELD_NUMBER, .max = 1},
    {.path = "human_fidelity", .kind = FIELD_NUMBER, .max = 1},
    {.path = "resolution", .kind = FIELD_WORD, .words = resolutions},
    {0},
};

static const struct field_rule try_on_rules[] = {
    {.path = "human_image", .kind = FIELD_MEDIA, .is_required = true},
    {.path = "cloth_image", .kind = FIELD_MEDIA, .is_required = true},
    {0},
};

static const struct field_rule common_rules[] = {
    {.path = "model_name", .kind = FIELD_TEXT, .max = MAX_NAME},
    {.path = "model", .kind = FIELD_TEXT, .max = MAX_NAME},
    {.path = "external_task_id", .kind = FIELD_TEXT, .max = MAX_STATE},
    {0},
};

static const struct kind {
    const char *action;
    const struct field_rule *rules;
    bool needs_model, is_image;
} kinds[] = {
    {"text2video", text_rules, true, false},
    {"image2video", image_rules, true, false},
    {"multi-image2video", multi_image_rules, true, false},
    {"omni-video", omni_rules, true, false},
    {"generations", generation_rules, false, true},
    {"kolors-virtual-try-on", try_on_rules, false, true},
};

static const struct kind *kind_of(const char *action)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].action, action) == 0)
            return &kinds[i];
    return &kinds[0];
}

static bool wrong(struct err *err, const char *text)
{
    return err_set(err, ERR_INVALID, "%s", text);
}

static bool check_items(const json_t *body, const char *list, const char *name,
                        const struct field_rule *rule, struct err *err)
{
    json_t *item;
    size_t i;

    json_array_foreach(field_at(body, list), i, item)
    {
        const json_t *value = name == NULL ? item : json_object_get(item, name);
        char path[64];

        snprintf(path, sizeof path, name == NULL ? "%s.%zu" : "%s.%zu.%s", list, i, name);
        if (value == NULL && rule->is_required)
            return err_set(err, ERR_INVALID, "%s: is required", path);
        if (value != NULL && !field_check_value(value, rule, path, err))
            return false;
    }
    return true;
}

// An element of image_list calls its image image_url, as the page has it, or image, as the vendor.
static bool check_image_list(const json_t *body, struct err *err)
{
    static const struct field_rule media = {.kind = FIELD_MEDIA};
    json_t *item;
    size_t i;

    json_array_foreach(field_at(body, "image_list"), i, item)
    {
        const json_t *image = json_is_string(item) ? item : json_object_get(item, "image_url");
        char path[64];

        snprintf(path, sizeof path, "image_list.%zu.image_url", i);
        if (image == NULL)
            image = json_object_get(item, "image");
        if (image == NULL)
            return err_set(err, ERR_INVALID, "%s: is required", path);
        if (!field_check_value(image, &media, path, err))
            return false;
    }
    return true;
}

static bool check_lists(const json_t *body, struct err *err)
{
    static const struct field_rule media = {.kind = FIELD_MEDIA};
    static const struct field_rule text = {
        .kind = FIELD_TEXT, .is_required = true, .min = 1, .max = MAX_PROMPT};
    static const struct field_rule link = {.kind = FIELD_LINK, .is_required = true};
    bool is_multi =
        json_is_true(field_at(body, "multi_shots")) || json_is_true(field_at(body, "multi_shot"));

    if (is_multi && json_array_size(field_at(body, "multi_prompt")) == 0)
        return wrong(err, "multi_prompt: is required with multi_shots");
    return check_items(body, "image_urls", NULL, &media, err) && check_image_list(body, err) &&
           check_items(body, "multi_prompt", "prompt", &text, err) &&
           check_items(body, "video_list", "video_url", &link, err);
}

static bool check_images(const json_t *body, const char *action, struct err *err)
{
    bool has_one = json_array_size(field_at(body, "image_urls")) > 0 ||
                   field_is_given(body, "image") || field_is_given(body, "image_tail");

    if (strcmp(action, "image2video") == 0 && !has_one)
        return wrong(err, "image_urls: is required");
    return true;
}

// The two names of the model are the same.
static bool read_model(const json_t *body, bool is_needed, struct task *task, struct err *err)
{
    const char *name = field_str_or_empty(body, "model_name");
    const char *other = field_str_or_empty(body, "model");

    if (*name != '\0' && *other != '\0' && strcmp(name, other) != 0)
        return wrong(err, "model: is another one than model_name");
    if (*name == '\0')
        name = other;
    if (*name == '\0' && is_needed)
        return wrong(err, "model_name: is required");
    if (*name != '\0')
        mem_set_str(&task->model, name);
    return true;
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const struct kind *kind = kind_of(request->route->action);
    const json_t *body = request->body;
    const char *state = field_str_or_empty(body, "external_task_id");

    (void)once;
    if (!field_check(body, common_rules, err) || !read_model(body, kind->needs_model, task, err) ||
        !field_check(body, kind->rules, err) || !check_lists(body, err) ||
        !check_images(body, kind->action, err) || !family_read_hook(body, task, err))
        return false;
    mem_set_str(&task->provider, "kling");
    mem_set_str(&task->action, kind->action);
    // The vendor takes frames on another path than words alone.
    if (strcmp(kind->action, "text2video") == 0 &&
        json_array_size(field_at(body, "image_urls")) > 0)
        mem_set_str(&task->action, "image2video");
    if (*state != '\0')
        mem_set_str(&task->state, state);
    task->cost = 1;
    if (strcmp(kind->action, "generations") == 0)
        task->cost = (int)field_int_or(body, "n", 1); // the vendor counts each image as one job
    return true;
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json,
            "{\"created_at\":%lld,\"id\":\"%s\",\"model\":", (long long)(task->created_ms / 1000),
            task->id);
    buf_json_str(json, task->model);
    buf_fmt(json, ",\"object\":\"video\",\"progress\":0,\"status\":\"\",\"task_id\":\"%s\"}",
            task->id);
}

static const char *word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "queued",        [TASK_SUBMITTING] = "queued",
        [TASK_IN_DOUBT] = "queued",      [TASK_SUBMITTED] = "queued",
        [TASK_RENDERING] = "processing", [TASK_ARCHIVING] = "processing",
        [TASK_SUCCEEDED] = "succeeded",  [TASK_FAILED] = "failed",
        [TASK_CANCELLED] = "failed",
    };

    (void)is_modal;
    return words[phase];
}

// What the file is: by its type, or as a vendor's link calls it behind the last dot of its path;
// what it will be, while there is none.
static void add_format(struct buf *json, const struct task *task, const json_t *artifact)
{
    const struct media_type *type = media_type_named(field_str_or_empty(artifact, "content_type"));
    const char *url = field_str_or_empty(artifact, "url");
    size_t end = strcspn(url, "?#"), start = end;
    char format[MAX_EXTENSION + 1];

    while (start > 0 && url[start - 1] != '.' && url[start - 1] != '/')
        start--;
    if (type != NULL)
        snprintf(format, sizeof format, "%s", type->extension);
    else if (start > 0 && url[start - 1] == '.' && end > start && end - start <= MAX_EXTENSION)
        snprintf(format, sizeof format, "%.*s", (int)(end - start), url + start);
    else
        snprintf(format, sizeof format, "%s", kind_of(task->action)->is_image ? "png" : "mp4");
    buf_str(json, ",\"format\":");
    buf_json_str(json, format);
}

// {"urls":[…]} where there is more than one image, else null.
static void add_metadata(struct buf *json, const json_t *result)
{
    json_t *artifact;
    size_t i, count = 0;

    json_array_foreach(json_object_get(result, "artifacts"), i, artifact) count +=
        strcmp(field_str_or_empty(artifact, "kind"), "image") == 0;
    if (count < 2) {
        buf_str(json, "null");
        return;
    }
    buf_str(json, "{\"urls\":[");
    count = 0;
    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "kind"), "image") != 0)
            continue;
        if (count++ > 0)
            buf_char(json, ',');
        buf_json_str(json, field_str_or_empty(artifact, "url"));
    }
    buf_str(json, "]}");
}

static void render(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task);
    const char *kind = kind_of(task->action)->is_image ? "image" : "video";

    buf_str(json, "{\"code\":\"success\",\"message\":\"\",\"data\":{\"error\":");
    if (task->phase == TASK_FAILED || task->phase == TASK_CANCELLED) {
        buf_str(json, "{\"message\":");
        buf_json_str(json, family_reason(task));
        buf_str(json, ",\"code\":");
        buf_json_str(json, family_error_code(task));
        buf_char(json, '}');
    } else {
        buf_str(json, "null");
    }
    add_format(json, task, family_artifact(result, kind));
    buf_str(json, ",\"metadata\":");
    add_metadata(json, result);
    buf_fmt(json, ",\"status\":\"%s\",\"task_id\":\"%s\",\"url\":", word(task->phase, false),
            task->id);
    buf_json_str(json, family_link(result, kind));
    buf_str(json, "}}");
    json_decref(result);
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, kind_of(task->action)->is_image, json);
}

const struct family family_kling = {
    .name = "kling",
    .routes = routes,
    .accept = accept,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = word,
    .refuse = family_refuse_flat,
};
