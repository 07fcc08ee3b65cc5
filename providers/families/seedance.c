// The public /volc/v1 dialect of Seedance: content is an array. On the same path volcengine.c's is
// an object.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/field.h"
#include "core/base/field_check.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { MAX_TEXT = 20000, MAX_NAME = 128, MAX_ITEMS = 32 };
enum { MAX_IMAGES = 9, MAX_VIDEOS = 3, MAX_AUDIOS = 3, MAX_FILES = 12 };

static const struct route routes[] = {
    {"POST", "/volc/v1/contents/generations/tasks", ROUTE_SUBMIT, "video"},
    {"GET", "/volc/v1/contents/generations/tasks/{id}", ROUTE_FETCH, NULL},
    {0},
};

static const char *const types[] = {"text",      "image_url",  "video_url",
                                    "audio_url", "draft_task", NULL};
static const char *const roles[] = {"first_frame",     "last_frame",      "reference_image",
                                    "reference_video", "reference_audio", NULL};
static const char *const ratios[] = {"16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive", NULL};
static const char *const resolutions[] = {"480p", "720p", "1080p", NULL};
static const char *const small_resolutions[] = {"480p", "720p", NULL};
static const char *const tiers[] = {"default", "flex", NULL};

static const struct field_rule rules[] = {
    {.path = "model", .kind = FIELD_TEXT, .is_required = true, .max = MAX_NAME},
    {.path = "ratio", .kind = FIELD_WORD, .words = ratios},
    {.path = "resolution", .kind = FIELD_WORD, .words = resolutions},
    {.path = "duration", .kind = FIELD_INT, .min = -1, .max = 60},
    {.path = "frames", .kind = FIELD_INT, .min = 1, .max = 10000},
    {.path = "seed", .kind = FIELD_INT, .min = -1, .max = 4294967295},
    {.path = "generate_audio", .kind = FIELD_BOOL},
    {.path = "watermark", .kind = FIELD_BOOL},
    {.path = "camera_fixed", .kind = FIELD_BOOL},
    {.path = "draft", .kind = FIELD_BOOL},
    {.path = "return_last_frame", .kind = FIELD_BOOL},
    {.path = "service_tier", .kind = FIELD_WORD, .words = tiers},
    {.path = "execution_expires_after", .kind = FIELD_INT, .min = 1, .max = 30 * 86400},
    {0},
};

// Seedance 2.0, as the page bounds it.
static bool check_second_generation(const json_t *body, struct err *err)
{
    static const struct field_rule bounds[] = {
        {.path = "resolution", .kind = FIELD_WORD, .words = small_resolutions},
        {0},
    };
    static const char *const unsupported[] = {"frames", "camera_fixed"};
    const char *model = field_str_or_empty(body, "model");
    int64_t duration = field_int_or(body, "duration", -1);

    if (strncmp(model, "doubao-seedance-2-0", 19) != 0)
        return true;
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        if (field_at(body, unsupported[i]) != NULL)
            return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", unsupported[i],
                           model);
    if (duration != -1 && (duration < 4 || duration > 15))
        return err_set(err, ERR_INVALID, "duration: must be from 4 to 15, or -1");
    return field_check(body, bounds, err);
}

struct counts {
    size_t images, videos, audios, drafts;
};

// One item: its type's own field, and a role.
static bool check_item(const json_t *item, size_t i, struct counts *counts, struct err *err)
{
    static const struct field_rule media = {.kind = FIELD_MEDIA};
    static const struct field_rule text = {
        .kind = FIELD_TEXT, .is_required = true, .min = 1, .max = MAX_TEXT};
    static const struct field_rule id = {
        .kind = FIELD_TEXT, .is_required = true, .min = 1, .max = MAX_NAME};
    static const struct field_rule type_rule = {.kind = FIELD_WORD, .words = types};
    static const struct field_rule role_rule = {.kind = FIELD_WORD, .words = roles};
    const char *type = field_str_or_empty(item, "type");
    const struct field_rule *rule = &media;
    char path[64], name[40];
    const json_t *value;

    snprintf(path, sizeof path, "content.%zu.type", i);
    if (!field_check_value(json_object_get(item, "type"), &type_rule, path, err))
        return false;
    counts->images += strcmp(type, "image_url") == 0;
    counts->videos += strcmp(type, "video_url") == 0;
    counts->audios += strcmp(type, "audio_url") == 0;
    counts->drafts += strcmp(type, "draft_task") == 0;
    if (strcmp(type, "draft_task") == 0)
        rule = &id;
    if (strcmp(type, "text") == 0)
        rule = &text;
    snprintf(name, sizeof name, "%s%s", type, rule == &text ? "" : rule == &id ? ".id" : ".url");
    value = field_at(item, name);
    snprintf(path, sizeof path, "content.%zu.%s", i, name);
    if (value == NULL)
        return err_set(err, ERR_INVALID, "%s: is required", path);
    if (!field_check_value(value, rule, path, err))
        return false;
    snprintf(path, sizeof path, "content.%zu.role", i);
    return field_at(item, "role") == NULL ||
           field_check_value(field_at(item, "role"), &role_rule, path, err);
}

static bool check_counts(const struct counts *counts, struct err *err)
{
    if (counts->images > MAX_IMAGES)
        return err_set(err, ERR_INVALID, "content: at most %d images", MAX_IMAGES);
    if (counts->videos > MAX_VIDEOS)
        return err_set(err, ERR_INVALID, "content: at most %d videos", MAX_VIDEOS);
    if (counts->audios > MAX_AUDIOS)
        return err_set(err, ERR_INVALID, "content: at most %d audios", MAX_AUDIOS);
    if (counts->images + counts->videos + counts->audios > MAX_FILES)
        return err_set(err, ERR_INVALID, "content: at most %d files", MAX_FILES);
    if (counts->drafts > 1)
        return err_set(err, ERR_INVALID, "content: at most one draft_task");
    return counts->audios == 0 || counts->images + counts->videos > 0 ||
           err_set(err, ERR_INVALID, "content: audio needs an image or a video beside it");
}

static bool check_content(const json_t *body, struct err *err)
{
    static const struct field_rule array = {.kind = FIELD_ARRAY, .min = 1, .max = MAX_ITEMS};
    const json_t *content = field_at(body, "content");
    struct counts counts = {0};
    json_t *item;
    size_t i;

    if (content == NULL)
        return err_set(err, ERR_INVALID, "content: is required");
    if (!field_check_value(content, &array, "content", err))
        return false;
    json_array_foreach((json_t *)content, i, item)
    {
        if (!check_item(item, i, &counts, err))
            return false;
    }
    return check_counts(&counts, err);
}

// The id of the draft that the task goes on with; `at` gets its place. "" where there is none.
static const char *draft_of(const json_t *body, size_t *at)
{
    const json_t *content = field_at(body, "content");

    for (*at = 0; *at < json_array_size(content); ++*at) {
        const json_t *item = json_array_get(content, *at);

        if (strcmp(field_str_or_empty(item, "type"), "draft_task") == 0)
            return field_str_or_empty(item, "draft_task.id");
    }
    return "";
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const struct family *other = family_find("volcengine");
    const json_t *body = request->body;
    size_t at = 0;

    if (json_is_object(field_at(body, "content"))) {
        mem_set_str(&task->family, other->name);
        return other->accept(request, task, once, err);
    }
    if (!field_check(body, rules, err) || !check_content(body, err) ||
        !check_second_generation(body, err) || !family_read_hook(body, task, err))
        return false;
    mem_set_str(&task->provider, "seedance");
    mem_set_str(&task->action, request->route->action);
    mem_set_str(&task->model, field_str_or_empty(body, "model"));
    task->cost = 1;
    if (*draft_of(body, &at) != '\0')
        mem_set_str(&task->parent, draft_of(body, &at));
    return true;
}

static bool adopt(struct task *task, const struct task *parent, struct err *err)
{
    json_t *request = family_request_of(task);
    const char *problem = NULL;
    size_t at = 0;

    draft_of(request, &at);
    json_decref(request);
    if (parent == NULL || strcmp(parent->provider, "seedance") != 0)
        problem = "no such task";
    else if (parent->phase != TASK_SUCCEEDED)
        problem = "the task has not succeeded";
    else if (parent->upstream_id == NULL || parent->account == NULL)
        problem = "the vendor never had the task";
    if (problem != NULL)
        return err_set(err, ERR_INVALID, "content.%zu.draft_task.id: %s", at, problem);
    mem_set_str(&task->account, parent->account);
    mem_set_str(&task->upstream_parent, parent->upstream_id);
    return true;
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json, "{\"id\":\"%s\",\"task_id\":\"%s\"}", task->id, task->id);
}

// What the vendor said of the video, else what was asked for.
static void add_fact(struct buf *json, const json_t *result, const json_t *request,
                     const char *name)
{
    const json_t *value = json_object_get(json_object_get(result, "extra"), name);
    char *text;

    if (value == NULL)
        value = json_object_get(request, name);
    if (value == NULL || json_is_null(value))
        return;
    text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    buf_fmt(json, ",\"%s\":", name);
    buf_str(json, text);
    free(text);
}

static void add_result(struct buf *json, const struct task *task)
{
    json_t *result = family_result(task), *request = family_request_of(task);
    const char *url = family_link(result, "video"), *frame = family_link(result, "image");
    double seconds = family_duration(result, request);
    char text[32];

    snprintf(text, sizeof text, "%g", seconds);
    buf_str(json, ",\"seconds\":");
    buf_json_str(json, seconds > 0 ? text : "");
    buf_str(json, ",\"metadata\":{\"url\":");
    buf_json_str(json, url);
    buf_str(json, ",\"artifact_url\":");
    buf_json_str(json, url);
    if (*frame != '\0') {
        buf_str(json, ",\"last_frame_url\":");
        buf_json_str(json, frame);
    }
    add_fact(json, result, request, "resolution");
    add_fact(json, result, request, "ratio");
    add_fact(json, result, request, "frames_per_second");
    buf_char(json, '}');
    json_decref(result);
    json_decref(request);
}

static void render(const struct task *task, struct buf *json)
{
    buf_fmt(json, "{\"id\":\"%s\",\"object\":\"video\",\"model\":", task->id);
    buf_json_str(json, task->model);
    buf_fmt(json, ",\"status\":\"%s\",\"progress\":%d,\"created_at\":%lld",
            family_openai_word(task->phase, false), task->progress,
            (long long)(task->created_ms / 1000));
    if (task_is_terminal(task->phase))
        buf_fmt(json, ",\"completed_at\":%lld", (long long)(task->finished_ms / 1000));
    if (task->phase == TASK_SUCCEEDED)
        add_result(json, task);
    else if (task_is_terminal(task->phase))
        family_add_error(json, task);
    buf_char(json, '}');
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

const struct family family_seedance = {
    .name = "seedance",
    .routes = routes,
    .accept = accept,
    .adopt = adopt,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = family_openai_word,
    .refuse = family_refuse_flat,
};
