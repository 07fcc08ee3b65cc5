// The public /volc/v1 dialect of Seedance: content is an array. On the same path, volcengine.c's
// content is an object.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_write.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { MAX_TEXT = 20000, MAX_NAME = 128, MAX_WORD = 32 };

static const struct field_rule content_items[] = {
    {.path = "type",
     .kind = FIELD_TEXT,
     .is_required = true,
     .min = 1,
     .max = MAX_WORD,
     .about = "text, image_url, video_url, audio_url or draft_task: which of the fields it has."},
    {.path = "role", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "As in first_frame."},
    {.path = "text", .kind = FIELD_ANY, .about = "What is to be seen."},
    {.path = "image_url", .kind = FIELD_ANY, .about = "An object with url."},
    {.path = "video_url", .kind = FIELD_ANY, .about = "An object with url."},
    {.path = "audio_url", .kind = FIELD_ANY, .about = "An object with url."},
    {.path = "draft_task", .kind = FIELD_ANY, .about = "An object with the id of a task."},
    {0},
};

// Checks types alone: limits and words are the vendor's, and change with its models.
static const struct field_rule rules[] = {
    {.path = "model", .kind = FIELD_TEXT, .is_required = true, .max = MAX_NAME},
    {.path = "content", .kind = FIELD_ARRAY, .is_required = true, .items = content_items},
    {.path = "ratio", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "As in 16:9, or adaptive."},
    {.path = "resolution", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "As in 720p."},
    {.path = "duration", .kind = FIELD_INT, .min = -1, .about = "In seconds; -1: the model's."},
    {.path = "frames", .kind = FIELD_INT, .min = 1},
    {.path = "seed", .kind = FIELD_INT, .min = -1},
    {.path = "generate_audio", .kind = FIELD_BOOL},
    {.path = "watermark", .kind = FIELD_BOOL},
    {.path = "camera_fixed", .kind = FIELD_BOOL},
    {.path = "draft", .kind = FIELD_BOOL},
    {.path = "return_last_frame", .kind = FIELD_BOOL},
    {.path = "service_tier", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "default or flex."},
    {.path = "execution_expires_after", .kind = FIELD_INT, .min = 1, .about = "In seconds."},
    {0},
};

static const struct route routes[] = {
    {"POST", "/volc/v1/contents/generations/tasks", ROUTE_SUBMIT, "video",
     .rules = FIELD_RULES(rules, family_hook_rules), .summary = "Make a video with Seedance",
     .example = "{'model':'doubao-seedance-1-5-pro','content':[{'type':'text',"
                "'text':'a red kite over a harbour'}],'duration':5}"},
    {"GET", "/volc/v1/contents/generations/tasks/{id}", ROUTE_FETCH, NULL,
     .summary = "Show a video's task"},
    {0},
};

// The field that an item of each type must have; types that aren't listed are for the vendor to
// check.
static const struct {
    const char *type, *field;
    struct field_rule rule;
} items[] = {
    {"text", "text", {.kind = FIELD_TEXT, .min = 1, .max = MAX_TEXT}},
    {"image_url", "image_url.url", {.kind = FIELD_SOURCE}},
    {"video_url", "video_url.url", {.kind = FIELD_SOURCE}},
    {"audio_url", "audio_url.url", {.kind = FIELD_SOURCE}},
    {"draft_task", "draft_task.id", {.kind = FIELD_TEXT, .min = 1, .max = MAX_NAME}},
};

static bool check_field(const json_t *item, size_t i, const char *name,
                        const struct field_rule *rule, struct err *err)
{
    const json_t *value = field_at(item, name);
    char path[64];

    snprintf(path, sizeof path, "content.%zu.%s", i, name);
    if (value == NULL)
        return err_set(err, ERR_INVALID, "%s: is required", path);
    return field_check_value(value, rule, path, err);
}

static bool check_item(const json_t *item, size_t i, struct err *err)
{
    const char *type = field_str_or_empty(item, "type");

    for (size_t k = 0; k < sizeof items / sizeof items[0]; k++)
        if (strcmp(items[k].type, type) == 0 &&
            !check_field(item, i, items[k].field, &items[k].rule, err))
            return false;
    return true;
}

static bool check_content(const json_t *body, struct err *err)
{
    json_t *item;
    size_t i, drafts = 0;

    json_array_foreach(field_at(body, "content"), i, item)
    {
        if (field_is_given(item, "") && !check_item(item, i, err))
            return false;
        drafts += strcmp(field_str_or_empty(item, "type"), "draft_task") == 0;
    }
    return drafts <= 1 || err_set(err, ERR_INVALID, "content: at most one draft_task");
}

// The id of the draft that the task goes on with; `at` gets its index in the content. "" where
// there is none.
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

// What waits for the vendor's idle hours (flex) is over when the vendor says so, if it isn't told
// when: after two days.
static int patience_of(const json_t *body)
{
    bool is_flex = strcmp(field_str_or_empty(body, "service_tier"), "flex") == 0;

    return (int)field_int_or(body, "execution_expires_after", is_flex ? 2 * 86400 : 0);
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
    if (!family_check(request, err) || !check_content(body, err) ||
        !family_read_hook(body, task, err))
        return false;
    mem_set_str(&task->provider, "seedance");
    mem_set_str(&task->action, request->route->action);
    mem_set_str(&task->model, field_str_or_empty(body, "model"));
    task->cost = 1;
    task->patience_s = patience_of(body);
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
        return err_set(err, ERR_NOT_FOUND, "content.%zu.draft_task.id: no such task", at);
    if (parent->phase != TASK_SUCCEEDED)
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

// Adds a fact of the video: as the vendor said it, else as it was asked for.
static void add_fact(struct buf *json, const json_t *result, const json_t *request,
                     const char *name)
{
    const json_t *value = json_object_get(json_object_get(result, "extra"), name);
    char *text;

    if (value == NULL)
        value = json_object_get(request, name);
    if (!field_is_given(value, ""))
        return;
    text = json_write_text(value);
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
    .title = "Seedance, as Ark has it",
    .accepted_schema =
        "{'type':'object','required':['id','task_id'],'properties':{"
        "'id':{'type':'string'},'task_id':{'type':'string'}}}",
    .shown_schema =
        "{'type':'object','required':['id','object','model','status','progress','created_at'],"
        "'properties':{'id':{'type':'string'},'object':{'const':'video'},'model':{'type':"
        "'string'},'status':{'enum':['queued','in_progress','completed','failed']},"
        "'progress':{'type':'integer'},'created_at':{'type':'integer'},'completed_at':{'type':"
        "'integer'},'seconds':{'type':'string'},'metadata':{'type':'object','properties':{"
        "'url':{'type':'string'},'artifact_url':{'type':'string'},'last_frame_url':{'type':"
        "'string'}}},'error':{'type':'object','properties':{'code':{'type':'string'},"
        "'message':{'type':'string'}}}}}",
    .refused_schema = family_flat_schema,
};
