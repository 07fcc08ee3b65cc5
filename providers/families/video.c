// The public /v1/video dialect: one form for every video model; the model tells the provider.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/families/video_rules.h"
#include "providers/family.h"
#include "providers/family_common.h"

static const struct field_rule rules[] = {
    VIDEO_MODEL_RULE,
    {.path = "prompt",
     .kind = FIELD_TEXT,
     .max = VIDEO_MAX_PROMPT,
     .about = "What is to be seen. May be left out where there is an image."},
    {.path = "negative_prompt", .kind = FIELD_TEXT, .max = VIDEO_MAX_PROMPT},
    {.path = "aspect_ratio", .kind = FIELD_TEXT, .max = VIDEO_MAX_WORD, .about = "As in 16:9."},
    {.path = "size",
     .kind = FIELD_TEXT,
     .max = VIDEO_MAX_WORD,
     .about = "As in 1280x720, or 720P."},
    VIDEO_IMAGES_RULE,
    VIDEO_DURATION_RULE,
    {0},
};

static const struct field_rule query_rules[] = {
    {.path = "id", .kind = FIELD_TEXT, .about = "The task's id; task_id is the same."},
    {.path = "task_id", .kind = FIELD_TEXT, .about = "The same as id."},
    {0},
};

#define BODY FIELD_RULES(rules, family_hook_rules)
#define EXAMPLE "{'model':'veo-3.1','prompt':'the first tram of the morning','aspect_ratio':'16:9'}"
static const struct route routes[] = {
    {"POST", "/v1/video/create", ROUTE_SUBMIT, "video", .rules = BODY,
     .summary = "Make a video with any model", .example = EXAMPLE},
    {"GET", "/v1/video/query", ROUTE_FETCH, NULL, .query = query_rules,
     .summary = "Show a video's task"},
    {"POST", "/v1/video/generations", ROUTE_SUBMIT, "video", .rules = BODY,
     .summary = "Make a video with any model, on the path that some clients know",
     .example = EXAMPLE},
    {"GET", "/v1/video/generations/{id}", ROUTE_FETCH, NULL, .summary = "Show a video's task"},
    {0},
};

static const struct family_alias aliases[] = {
    {"ratio", "aspect_ratio"}, // in the providers' own forms
    {"ratio", "size"},
    {"resolution", "size"},
    {"image_urls.0", "images.0"},
    VIDEO_DASHSCOPE_ALIASES,
    VIDEO_FRAME_ALIASES,
    {"parameters.duration", "duration"},
    {"aspect_ratio", "aspect_ratio"}, // of both, what was given
    {"aspect_ratio", "size"},
    {"image_urls", "images"},
    {0},
};

// An image may come without a prompt, where the vendor can do that.
static bool check_subject(const json_t *body, struct err *err)
{
    if (field_is_given(body, "prompt") || field_count(body, "images") > 0)
        return true;
    return err_set(err, ERR_INVALID, "prompt: %s",
                   field_at(body, "prompt") == NULL ? "is required" : "must not be empty");
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    (void)once;
    if (!family_check(request, err) || !check_subject(request->body, err) ||
        !family_read_hook(request->body, task, err))
        return false;
    mem_set_str(&task->model, field_str_or_empty(request->body, "model"));
    mem_set_str(&task->action, request->route->action);
    task->cost = 1;
    return true;
}

static const char *word(enum task_phase phase, bool is_modal)
{
    (void)is_modal;
    if (!task_is_terminal(phase))
        return "processing";
    return phase == TASK_SUCCEEDED ? "completed" : "failed";
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json, "{\"id\":\"%s\",\"status\":\"processing\",\"status_update_time\":%lld}", task->id,
            (long long)(task->created_ms / 1000));
}

static void render(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task);

    buf_fmt(json, "{\"id\":\"%s\",\"status\":\"%s\",\"status_update_time\":%lld", task->id,
            word(task->phase, false), (long long)family_updated_s(task));
    if (task->phase == TASK_SUCCEEDED) {
        buf_str(json, ",\"video_url\":");
        buf_json_str(json, family_link(result, "video"));
    } else if (task_is_terminal(task->phase)) {
        family_add_error(json, task);
    }
    buf_char(json, '}');
    json_decref(result);
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

const struct family family_video = {
    .name = "video",
    .routes = routes,
    .kin = "openai_video",
    .accept = accept,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = word,
    .aliases = aliases,
    .refuse = family_refuse_flat,
    .title = "Video, unified",
    .accepted_schema =
        "{'type':'object','required':['id','status','status_update_time'],"
        "'properties':{'id':{'type':'string'},'status':{'const':'processing'},"
        "'status_update_time':{'type':'integer','description':'Unix seconds.'}}}",
    .shown_schema =
        "{'type':'object','required':['id','status','status_update_time'],'properties':{"
        "'id':{'type':'string'},'status':{'enum':['processing','completed','failed']},"
        "'status_update_time':{'type':'integer','description':'Unix seconds.'},"
        "'video_url':{'type':'string'},'error':{'type':'object','properties':{"
        "'code':{'type':'string'},'message':{'type':'string'}}}}}",
    .refused_schema = family_flat_schema,
};
