// The public /alibailian dialect: DashScope's own form of a video's request.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { MAX_TEXT = 20000, MAX_NAME = 128, MAX_WORD = 64, EAST_8_S = 8 * 3600 };

// Checks types alone: which field a model takes, and its limits, are the vendor's.
static const struct field_rule rules[] = {
    {.path = "model", .kind = FIELD_TEXT, .is_required = true, .max = MAX_NAME},
    {.path = "input", .kind = FIELD_OBJECT, .is_required = true},
    {.path = "input.prompt", .kind = FIELD_TEXT, .max = MAX_TEXT},
    {.path = "input.negative_prompt", .kind = FIELD_TEXT, .max = MAX_TEXT},
    {.path = "input.img_url", .kind = FIELD_SOURCE, .about = "The first frame."},
    {.path = "input.first_frame_url", .kind = FIELD_SOURCE, .about = "Of a kf2v model."},
    {.path = "input.last_frame_url", .kind = FIELD_SOURCE, .about = "Of a kf2v model."},
    {.path = "input.image_url", .kind = FIELD_SOURCE, .about = "Of an s2v model: who is to speak."},
    {.path = "input.audio_url", .kind = FIELD_SOURCE, .about = "What is to be heard."},
    {.path = "input.template", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "An effect's name."},
    {.path = "parameters", .kind = FIELD_OBJECT},
    {.path = "parameters.resolution",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "480P, 720P or 1080P, as the model has them."},
    {.path = "parameters.size",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "Of a t2v model, instead of a resolution: as in 1280*720."},
    {.path = "parameters.duration", .kind = FIELD_INT, .min = 1, .about = "In seconds."},
    {.path = "parameters.prompt_extend", .kind = FIELD_BOOL},
    {.path = "parameters.watermark", .kind = FIELD_BOOL},
    {.path = "parameters.audio", .kind = FIELD_BOOL},
    {.path = "parameters.seed", .kind = FIELD_INT},
    {0},
};

static const struct route routes[] = {
    {"POST", "/alibailian/api/v1/services/aigc/video-generation/video-synthesis", ROUTE_SUBMIT,
     "video", .rules = FIELD_RULES(rules, family_hook_rules), .summary = "Make a video with Wan",
     .example = "{'model':'wan2.5-t2v-preview','input':{'prompt':'a red kite over a harbour'},"
                "'parameters':{'resolution':'720P','duration':5}}"},
    {"GET", "/alibailian/api/v1/tasks/{id}", ROUTE_FETCH, NULL, .summary = "Show a video's task"},
    {0},
};

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    (void)once;
    if (!family_check(request, err) || !family_read_hook(request->body, task, err))
        return false;
    mem_set_str(&task->provider, "wan");
    mem_set_str(&task->action, request->route->action);
    mem_set_str(&task->model, field_str_or_empty(request->body, "model"));
    task->cost = 1;
    return true;
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json,
            "{\"request_id\":\"%s\",\"output\":{\"task_id\":\"%s\",\"task_status\":\"PENDING\"}}",
            task->id, task->id);
}

static const char *word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "PENDING",      [TASK_SUBMITTING] = "PENDING",
        [TASK_IN_DOUBT] = "PENDING",    [TASK_SUBMITTED] = "PENDING",
        [TASK_RENDERING] = "RUNNING",   [TASK_ARCHIVING] = "RUNNING",
        [TASK_SUCCEEDED] = "SUCCEEDED", [TASK_FAILED] = "FAILED",
        [TASK_CANCELLED] = "CANCELED",
    };

    (void)is_modal;
    return words[phase];
}

// As the vendor writes a time: by Beijing's clock.
static void add_time(struct buf *json, const char *name, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000 + EAST_8_S);
    char text[32] = "";
    struct tm tm;

    if (ms <= 0)
        return;
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_fmt(json, ",\"%s\":\"%s.%03d\"", name, text, (int)(ms % 1000));
}

static void add_text(struct buf *json, const char *name, const char *text)
{
    if (*text == '\0')
        return;
    buf_fmt(json, ",\"%s\":", name);
    buf_json_str(json, text);
}

static void add_result(const struct task *task, const json_t *result, struct buf *json)
{
    json_t *request = family_request_of(task);

    add_text(json, "video_url", family_link(result, "video"));
    add_text(json, "orig_prompt", field_str_or_empty(request, "input.prompt"));
    add_text(json, "actual_prompt", field_str_or_empty(result, "extra.actual_prompt"));
    json_decref(request);
}

// The lines as the vendor told them, else as they were asked for; 0: nobody said them.
static int64_t lines_of(const json_t *result, const json_t *request)
{
    const char *resolution = field_str_or_empty(request, "parameters.resolution");
    int64_t lines = field_int_or(result, "extra.lines", 0);

    return lines > 0 ? lines : strtol(resolution, NULL, 10);
}

static void add_usage(const struct task *task, const json_t *result, struct buf *json)
{
    json_t *request = family_request_of(task);
    double seconds = family_duration(result, request);
    int64_t lines = lines_of(result, request);

    buf_str(json, ",\"usage\":{");
    if (lines > 0)
        buf_fmt(json, "\"SR\":%lld,", (long long)lines);
    if (seconds > 0) {
        buf_str(json, "\"duration\":");
        family_add_number(json, seconds);
        buf_char(json, ',');
    }
    buf_str(json, "\"video_count\":1}");
    json_decref(request);
}

static void render(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task);
    bool has_failed = task->phase == TASK_FAILED || task->phase == TASK_CANCELLED;

    buf_fmt(json, "{\"request_id\":\"%s\",\"output\":{\"task_id\":\"%s\",\"task_status\":\"%s\"",
            task->id, task->id, word(task->phase, false));
    add_time(json, "submit_time", task->created_ms);
    add_time(json, "scheduled_time", task->started_ms);
    if (task_is_terminal(task->phase))
        add_time(json, "end_time", task->finished_ms);
    if (task->phase == TASK_SUCCEEDED)
        add_result(task, result, json);
    if (has_failed) {
        add_text(json, "code", family_error_code(task));
        add_text(json, "message", family_reason(task));
    }
    buf_char(json, '}');
    if (task->phase == TASK_SUCCEEDED)
        add_usage(task, result, json);
    buf_char(json, '}');
    json_decref(result);
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

const struct family family_wan = {
    .name = "wan",
    .routes = routes,
    .accept = accept,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = word,
    .refuse = family_refuse_flat,
    .title = "Wan, as DashScope has it",
    .accepted_schema =
        "{'type':'object','required':['request_id','output'],'properties':{'request_id':{"
        "'type':'string'},'output':{'type':'object','required':['task_id','task_status'],"
        "'properties':{'task_id':{'type':'string'},'task_status':{'const':'PENDING'}}}}}",
    .shown_schema =
        "{'type':'object','required':['request_id','output'],'properties':{'request_id':{"
        "'type':'string'},'output':{'type':'object','required':['task_id','task_status'],"
        "'properties':{'task_id':{'type':'string'},'task_status':{'enum':['PENDING','RUNNING',"
        "'SUCCEEDED','FAILED','CANCELED']},'submit_time':{'type':'string','description':"
        "'In UTC+8, as the other times.'},'scheduled_time':{'type':'string'},'end_time':{'type':"
        "'string'},'video_url':{'type':'string'},'orig_prompt':{'type':'string'},'actual_prompt':{"
        "'type':'string'},'code':{'type':'string'},'message':{'type':'string'}}},'usage':{'type':"
        "'object','properties':{'SR':{'type':'integer'},'duration':{'type':'number'},"
        "'video_count':{'type':'integer'}}}}}",
    .refused_schema = family_flat_schema,
};
