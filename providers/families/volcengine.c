// The public /volc/v1 dialect of Volcengine: content is an object. seedance.c, which has the same
// path, hands such requests on.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { MAX_TEXT = 20000, MAX_NAME = 128, MAX_WORD = 32 };

static const struct field_rule rules[] = {
    {.path = "model",
     .kind = FIELD_TEXT,
     .is_required = true,
     .max = MAX_NAME,
     .about = "As in doubao-video, where an account's models map it."},
    {.path = "content", .kind = FIELD_OBJECT, .is_required = true},
    {.path = "content.prompt", .kind = FIELD_TEXT, .is_required = true, .max = MAX_TEXT},
    {.path = "content.image_url", .kind = FIELD_SOURCE, .about = "The first frame."},
    {.path = "content.aspect_ratio", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "As in 16:9."},
    {0},
};

static const struct route routes[] = {
    {"POST", "/volc/v1/contents/generations/tasks", ROUTE_SUBMIT, "video",
     .rules = FIELD_RULES(rules, family_hook_rules), .summary = "Make a video with Seedance",
     .example = "{'model':'doubao-seedance-1-5-pro','content':{'prompt':'a red kite',"
                "'aspect_ratio':'16:9'}}"},
    {"GET", "/volc/v1/contents/generations/tasks/{id}", ROUTE_FETCH, NULL,
     .summary = "Show a video's task"},
    {0},
};

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    (void)once;
    if (!field_check_all(request->body, routes->rules, err) ||
        !family_read_hook(request->body, task, err))
        return false;
    mem_set_str(&task->provider, "seedance");
    mem_set_str(&task->action, request->route->action);
    mem_set_str(&task->model, field_str_or_empty(request->body, "model"));
    task->cost = 1;
    return true;
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json, "{\"code\":0,\"message\":\"success\",\"data\":{\"task_id\":\"%s\"}}", task->id);
}

static const char *word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "SUBMITTED",     [TASK_SUBMITTING] = "SUBMITTED",
        [TASK_IN_DOUBT] = "SUBMITTED",   [TASK_SUBMITTED] = "SUBMITTED",
        [TASK_RENDERING] = "PROCESSING", [TASK_ARCHIVING] = "PROCESSING",
        [TASK_SUCCEEDED] = "SUCCESS",    [TASK_FAILED] = "FAILED",
        [TASK_CANCELLED] = "FAILED",
    };

    (void)is_modal;
    return words[phase];
}

static void render(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task), *request = family_request_of(task);

    buf_fmt(json,
            "{\"code\":0,\"message\":\"success\",\"data\":{\"task_id\":\"%s\",\"status\":\"%s\"",
            task->id, word(task->phase, false));
    if (task->phase == TASK_SUCCEEDED) {
        buf_str(json, ",\"content\":{\"video_url\":");
        buf_json_str(json, family_link(result, "video"));
        buf_str(json, ",\"duration\":");
        family_add_number(json, family_duration(result, request));
        buf_char(json, '}');
    } else if (task_is_terminal(task->phase)) {
        family_add_error(json, task);
    }
    buf_str(json, "}}");
    json_decref(result);
    json_decref(request);
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

const struct family family_volcengine = {
    .name = "volcengine",
    .routes = routes,
    .accept = accept,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = word,
    .refuse = family_refuse_flat,
    .title = "Video, as Volcengine has it",
    .accepted_schema =
        "{'type':'object','required':['code','message','data'],'properties':{"
        "'code':{'const':0},'message':{'type':'string'},'data':{'type':'object',"
        "'required':['task_id'],'properties':{'task_id':{'type':'string'}}}}}",
    .shown_schema =
        "{'type':'object','required':['code','message','data'],'properties':{'code':{'const':0},"
        "'message':{'type':'string'},'data':{'type':'object','required':['task_id','status'],"
        "'properties':{'task_id':{'type':'string'},'status':{'enum':['SUBMITTED','PROCESSING',"
        "'SUCCESS','FAILED']},'content':{'type':'object','properties':{'video_url':{"
        "'type':'string'},'duration':{'type':'number'}}},'error':{'type':'object','properties':{"
        "'code':{'type':'string'},'message':{'type':'string'}}}}}}}",
    .refused_schema = family_flat_schema,
};
