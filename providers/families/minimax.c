// The public /minimax dialect: MiniMax' own form of a video's request.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum { MAX_TEXT = 20000, MAX_NAME = 128, MAX_WORD = 64 };

// MiniMax' own codes, as its clients know them.
enum {
    CODE_FINE = 0,
    CODE_UNKNOWN = 1000,
    CODE_BUSY = 1002,
    CODE_KEY = 1004,
    CODE_CONTENT = 1026,
    CODE_INVALID = 2013,
};

static const struct field_rule subject_rules[] = {
    {.path = "", .kind = FIELD_OBJECT},
    {.path = "type", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "As in character."},
    {.path = "image", .kind = FIELD_ARRAY, .is_required = true, .items = family_source_items},
    {0},
};

// Checks types alone: which field a model takes, and its limits, are the vendor's.
static const struct field_rule rules[] = {
    {.path = "model", .kind = FIELD_TEXT, .is_required = true, .max = MAX_NAME},
    {.path = "prompt",
     .kind = FIELD_TEXT,
     .max = MAX_TEXT,
     .about = "What is to be seen. May be left out where there is an image."},
    {.path = "first_frame_image", .kind = FIELD_SOURCE},
    {.path = "last_frame_image", .kind = FIELD_SOURCE},
    {.path = "subject_reference",
     .kind = FIELD_ARRAY,
     .items = subject_rules,
     .about = "Who is to be seen, of S2V-01."},
    {.path = "duration", .kind = FIELD_INT, .min = 1, .about = "In seconds."},
    {.path = "resolution",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "512P, 720P, 768P, 1080P or 2K, as the model has them."},
    {.path = "ratio", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "As in 9:16, of MiniMax-H3."},
    {.path = "prompt_optimizer", .kind = FIELD_BOOL},
    {.path = "fast_pretreatment", .kind = FIELD_BOOL},
    {.path = "aigc_watermark", .kind = FIELD_BOOL},
    {0},
};

static const struct field_rule task_rules[] = {
    {.path = "task_id", .kind = FIELD_TEXT, .about = "The task's id."}, {0}};
static const struct field_rule file_rules[] = {
    {.path = "file_id", .kind = FIELD_TEXT, .about = "As the query has it."}, {0}};

#define BASE_SCHEMA                                                                                \
    "'base_resp':{'type':'object','required':['status_code','status_msg'],'properties':{"          \
    "'status_code':{'type':'integer','description':'0 where all is well.'},"                       \
    "'status_msg':{'type':'string'}}}"

static const char file_schema[] =
    "{'type':'object','required':['base_resp'],'properties':{'file':{'type':'object','properties':{"
    "'file_id':{'type':'string'},'bytes':{'type':'integer'},'created_at':{'type':'integer',"
    "'description':'Unix seconds.'},'filename':{'type':'string'},'purpose':{'const':"
    "'video_generation'},'download_url':{'type':'string'}}}," BASE_SCHEMA "}}";

static const char no_file[] = "file_id: there is no such file";
static void render_file(const struct task *task, struct buf *json);

static const struct route routes[] = {
    {"POST", "/minimax/v1/video_generation", ROUTE_SUBMIT, "video",
     .rules = FIELD_RULES(rules, family_hook_rules), .summary = "Make a video with MiniMax",
     .example = "{'model':'video-01','prompt':'a kitten asleep in the sun'}"},
    {"GET", "/minimax/v1/query/video_generation", ROUTE_FETCH, NULL, .query = task_rules,
     .summary = "Show a video's task"},
    {"GET", "/minimax/v1/files/retrieve", ROUTE_FETCH, NULL, .query = file_rules,
     .render = render_file, .shown_schema = file_schema, .summary = "Show where a video's file is"},
    {0},
};

static bool check_subject(const json_t *body, struct err *err)
{
    static const char *const pictures[] = {"first_frame_image", "last_frame_image",
                                           "subject_reference"};

    for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++)
        if (!field_is_empty(field_at(body, pictures[i])))
            return true;
    return field_is_given(body, "prompt") ||
           err_set(err, ERR_INVALID, "prompt: %s",
                   field_at(body, "prompt") == NULL ? "is required" : "must not be empty");
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    (void)once;
    if (!family_check(request, err) || !check_subject(request->body, err) ||
        !family_read_hook(request->body, task, err))
        return false;
    mem_set_str(&task->provider, "minimax");
    mem_set_str(&task->action, request->route->action);
    mem_set_str(&task->model, field_str_or_empty(request->body, "model"));
    task->cost = 1;
    return true;
}

static void add_base(struct buf *json, int code, const char *words)
{
    buf_fmt(json, "\"base_resp\":{\"status_code\":%d,\"status_msg\":", code);
    buf_json_str(json, words);
    buf_char(json, '}');
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    buf_fmt(json, "{\"task_id\":\"%s\",", task->id);
    add_base(json, CODE_FINE, "success");
    buf_char(json, '}');
}

static const char *word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "Queueing",      [TASK_SUBMITTING] = "Queueing",
        [TASK_IN_DOUBT] = "Queueing",    [TASK_SUBMITTED] = "Queueing",
        [TASK_RENDERING] = "Processing", [TASK_ARCHIVING] = "Processing",
        [TASK_SUCCEEDED] = "Success",    [TASK_FAILED] = "Fail",
        [TASK_CANCELLED] = "Fail",
    };

    (void)is_modal;
    return words[phase];
}

// The vendor's code for why a task has failed.
static int code_of(const struct task *task)
{
    static const struct {
        const char *error;
        int code;
    } codes[] = {{"content_filter", CODE_CONTENT}, {"invalid_request", CODE_INVALID}};
    const char *error = family_error_code(task);

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(codes[i].error, error) == 0)
            return codes[i].code;
    return CODE_UNKNOWN;
}

// That all is well, or why the task has failed.
static void add_end(const struct task *task, struct buf *json)
{
    bool has_failed = task->phase == TASK_FAILED || task->phase == TASK_CANCELLED;

    add_base(json, has_failed ? code_of(task) : CODE_FINE,
             has_failed ? family_reason(task) : "success");
}

// The file has the task's id.
static void render(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task);

    buf_fmt(json, "{\"task_id\":\"%s\",\"status\":\"%s\",", task->id, word(task->phase, false));
    if (task->phase == TASK_SUCCEEDED) {
        buf_fmt(json, "\"file_id\":\"%s\",\"video_url\":", task->id);
        buf_json_str(json, family_link(result, "video"));
        buf_char(json, ',');
    }
    add_end(task, json);
    buf_char(json, '}');
    json_decref(result);
}

static void add_file(const struct task *task, const json_t *video, struct buf *json)
{
    const char *link = field_str_or_empty(video, "url"), *slash = strrchr(link, '/');

    buf_fmt(json, "\"file\":{\"file_id\":\"%s\",\"bytes\":%lld,\"created_at\":%lld,\"filename\":",
            task->id, (long long)field_int_or(video, "bytes", 0),
            (long long)(task->finished_ms / 1000));
    buf_json_str(json, slash == NULL ? link : slash + 1);
    buf_str(json, ",\"purpose\":\"video_generation\",\"download_url\":");
    buf_json_str(json, link);
    buf_str(json, "},");
}

static void render_file(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task);
    const json_t *video = family_artifact(result, "video");

    buf_char(json, '{');
    if (task->phase == TASK_SUCCEEDED && video != NULL) {
        add_file(task, video, json);
        add_end(task, json);
    } else {
        add_base(json, CODE_INVALID,
                 task_is_terminal(task->phase) ? no_file : "file_id: the file isn't there yet");
    }
    buf_char(json, '}');
    json_decref(result);
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

// What isn't here is nothing of the request's.
static int refusal_code(enum err_code code)
{
    static const struct {
        enum err_code error;
        int code;
    } codes[] = {
        {ERR_INVALID, CODE_INVALID},   {ERR_PATH, CODE_INVALID},
        {ERR_NOT_FOUND, CODE_INVALID}, {ERR_METHOD, CODE_INVALID},
        {ERR_CONFLICT, CODE_INVALID},  {ERR_TOO_LARGE, CODE_INVALID},
        {ERR_MODEL, CODE_INVALID},     {ERR_MEDIA_TYPE, CODE_INVALID},
        {ERR_REFUSED, CODE_INVALID},   {ERR_IDEMPOTENCY, CODE_INVALID},
        {ERR_QUEUE_FULL, CODE_BUSY},   {ERR_TOO_MANY, CODE_BUSY},
        {ERR_CHANNEL, CODE_BUSY}, // nobody has seen the request
        {ERR_AUTH, CODE_KEY},          {ERR_FORBIDDEN, CODE_KEY},
    };

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].error == code)
            return codes[i].code;
    return CODE_UNKNOWN;
}

static int refuse(const struct err *err, struct buf *json)
{
    const char *message = err->message;

    if (err->code == ERR_NOT_FOUND)
        message = strncmp(message, "file_id:", 8) == 0 ? no_file : "task_id: there is no such task";
    buf_char(json, '{');
    add_base(json, refusal_code(err->code), message);
    buf_char(json, '}');
    return err_http_status(err->code);
}

const struct family family_minimax = {
    .name = "minimax",
    .routes = routes,
    .accept = accept,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = word,
    .refuse = refuse,
    .title = "MiniMax",
    .accepted_schema =
        "{'type':'object','required':['task_id','base_resp'],'properties':{"
        "'task_id':{'type':'string'}," BASE_SCHEMA "}}",
    .shown_schema =
        "{'type':'object','required':['task_id','status','base_resp'],'properties':{'task_id':{"
        "'type':'string'},'status':{'enum':['Queueing','Processing','Success','Fail']},'file_id':{"
        "'type':'string'},'video_url':{'type':'string'}," BASE_SCHEMA "}}",
    .refused_schema = "{'type':'object','required':['base_resp'],'properties':{" BASE_SCHEMA "}}",
};
