// The public /luma dialect: videos, and videos that go on from another.
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

enum { MAX_PROMPT = 10000, MAX_NAME = 128, MAX_WORD = 32, TIME_SIZE = 32 };

// Checks types: limits and words are the vendor's, and change with its APIs.
#define COMMON_FIELDS                                                                              \
    {.path = "user_prompt",                                                                        \
     .kind = FIELD_TEXT,                                                                           \
     .is_required = true,                                                                          \
     .min = 1,                                                                                     \
     .max = MAX_PROMPT,                                                                            \
     .about = "What is to be seen."},                                                              \
        {.path = "model_name", .kind = FIELD_TEXT, .max = MAX_NAME, .about = "As in ray-v2."},     \
        {.path = "duration", .kind = FIELD_COUNT, .min = 1, .about = "In seconds: 5 or 10."},      \
        {.path = "resolution",                                                                     \
         .kind = FIELD_TEXT,                                                                       \
         .max = MAX_WORD,                                                                          \
         .about = "540p, 720p or 1080p."},                                                         \
        {.path = "aspect_ratio", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "As in 16:9."},     \
        {.path = "expand_prompt", .kind = FIELD_BOOL}, {.path = "loop", .kind = FIELD_BOOL},       \
        {.path = "image_end_url", .kind = FIELD_MEDIA, .about = "The last frame."},                \
    {                                                                                              \
        .path = "notify_hook", .kind = FIELD_LINK, .about = "The same as notifyHook."              \
    }

static const struct field_rule rules[] = {
    COMMON_FIELDS,
    {.path = "image_url", .kind = FIELD_MEDIA, .about = "The first frame."},
    {0},
};
static const struct field_rule extend_rules[] = {COMMON_FIELDS, {0}};

static const struct route routes[] = {
    {"POST", "/luma/generations", ROUTE_SUBMIT, "generations",
     .rules = FIELD_RULES(rules, family_hook_rules), .summary = "Make a video with Luma",
     .example = "{'user_prompt':'a drone flies over a tropical island','model_name':'ray-v2',"
                "'duration':'5','resolution':'720p'}"},
    {"POST", "/luma/generations/video", ROUTE_SUBMIT, "generations",
     .rules = FIELD_RULES(rules, family_hook_rules),
     .summary = "Make a video with Luma, on the path of its own client",
     .example = "{'user_prompt':'a drone flies over a tropical island'}"},
    {"GET", "/luma/generations/{id}", ROUTE_FETCH, NULL, .summary = "Show a video's task"},
    {"POST", "/luma/generations/{id}/extend", ROUTE_SUBMIT, "extend",
     .rules = FIELD_RULES(extend_rules, family_hook_rules), .summary = "Let a video go on",
     .example = "{'user_prompt':'it lands on the beach'}"},
    {0},
};

// The relays of this family call the hook so.
static bool read_hook(const json_t *body, struct task *task, struct err *err)
{
    const char *hook = field_str_or_empty(body, "notify_hook");

    if (!family_read_hook(body, task, err))
        return false;
    if (task->hook == NULL && *hook != '\0')
        mem_set_str(&task->hook, hook);
    return true;
}

// Luma's own client speaks to us, too: what it calls otherwise gets the page's names.
static const struct family_alias aliases[] = {
    {"user_prompt", "prompt"},
    {"model_name", "model"},
    {"image_url", "keyframes.frame0.url"},
    {"image_end_url", "keyframes.frame1.url"},
    {0},
};

static json_t *with_our_names(const json_t *body)
{
    json_t *request = json_copy((json_t *)body);
    const char *duration = field_str_or_empty(body, "duration");
    size_t digits = strspn(duration, "0123456789");

    for (const struct family_alias *alias = aliases; alias->field != NULL; alias++)
        if (!field_is_given(body, alias->field) && field_is_given(body, alias->alias))
            json_object_set(request, alias->field, field_at(body, alias->alias));
    json_object_del(request, "prompt");
    json_object_del(request, "model");
    json_object_del(request, "keyframes");
    if (digits > 0 && strcmp(duration + digits, "s") == 0) // "5s"
        json_object_set_new(request, "duration", json_stringn(duration, digits));
    return request;
}

// A video that goes on from another has a path for that.
static bool check_frames(const json_t *body, struct err *err)
{
    static const char *const places[] = {"keyframes.frame0", "keyframes.frame1"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (strcmp(field_str_or_empty(field_at(body, places[i]), "type"), "generation") == 0)
            return err_set(err, ERR_INVALID, "%s: POST /luma/generations/{id}/extend goes on",
                           places[i]);
    return true;
}

static bool accept_body(const struct family_request *request, struct task *task, struct err *err)
{
    const char *model = field_str_or_empty(request->body, "model_name");

    if (!family_check(request, err) || !read_hook(request->body, task, err))
        return false;
    mem_set_str(&task->provider, "luma");
    mem_set_str(&task->action, request->route->action);
    if (*model != '\0')
        mem_set_str(&task->model, model);
    if (strcmp(request->route->action, "extend") == 0)
        mem_set_str(&task->parent, request->path_id);
    task->cost = 1;
    return true;
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    struct family_request ours = *request;
    json_t *body = with_our_names(request->body);
    bool ok;

    (void)once;
    ours.body = body;
    ok = check_frames(request->body, err) && accept_body(&ours, task, err);
    if (ok)
        family_set_request(task, json_incref(body));
    json_decref(body);
    return ok;
}

// The vendor knows the video at one account only, by its own name.
static bool adopt(struct task *task, const struct task *parent, struct err *err)
{
    if (parent == NULL || parent->is_ask || strcmp(parent->provider, "luma") != 0)
        return err_set(err, ERR_NOT_FOUND, "no such generation");
    if (parent->phase != TASK_SUCCEEDED || parent->upstream_id == NULL || parent->account == NULL)
        return err_set(err, ERR_INVALID, "id: the generation has not completed");
    mem_set_str(&task->account, parent->account);
    mem_set_str(&task->upstream_parent, parent->upstream_id);
    return true;
}

static const char *word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "queued",       [TASK_SUBMITTING] = "queued",
        [TASK_IN_DOUBT] = "queued",     [TASK_SUBMITTED] = "queued",
        [TASK_RENDERING] = "dreaming",  [TASK_ARCHIVING] = "dreaming",
        [TASK_SUCCEEDED] = "completed", [TASK_FAILED] = "failed",
        [TASK_CANCELLED] = "failed",
    };

    (void)is_modal;
    return words[phase];
}

// "2024-03-01T12:00:00Z"
static void add_time(struct buf *json, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000);
    char text[TIME_SIZE];
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    buf_str(json, text);
}

static void add_head(struct buf *json, const struct task *task)
{
    buf_fmt(json, "{\"id\":\"%s\",\"state\":\"%s\",\"created_at\":\"", task->id,
            word(task->phase, false));
    add_time(json, task->created_ms);
    buf_char(json, '"');
}

static void accepted(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json)
{
    (void)waiting, (void)is_repeated;
    add_head(json, task);
    buf_char(json, '}');
}

static void render(const struct task *task, struct buf *json)
{
    json_t *result = family_result(task);
    const char *video = family_link(result, "video"), *cover = family_link(result, "cover");

    add_head(json, task);
    if (task->phase == TASK_SUCCEEDED) {
        buf_str(json, ",\"video\":{\"url\":");
        buf_json_str(json, video);
        buf_str(json, ",\"download_url\":");
        buf_json_str(json, video);
        buf_str(json, "},\"assets\":{\"video\":");
        buf_json_str(json, video);
        buf_str(json, ",\"image\":");
        if (*cover != '\0')
            buf_json_str(json, cover);
        else
            buf_str(json, "null");
        buf_char(json, '}');
        if (*cover != '\0') {
            buf_str(json, ",\"thumbnail\":{\"url\":");
            buf_json_str(json, cover);
            buf_char(json, '}');
        }
    } else if (task_is_terminal(task->phase)) {
        buf_str(json, ",\"failure_reason\":");
        buf_json_str(json, family_reason(task));
        family_add_error(json, task);
    }
    buf_char(json, '}');
    json_decref(result);
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, false, json);
}

// As Luma writes an error. What isn't about the request has our code, too: another Spool in front
// of us learns from it that nothing was accepted.
static int refuse(const struct err *err, struct buf *json)
{
    int status = err_http_status(err->code);

    buf_str(json, "{\"detail\":");
    buf_json_str(json, err->message);
    if (status != 400 && status != 404)
        buf_fmt(json, ",\"code\":\"%s\"", err_name(err->code));
    buf_char(json, '}');
    return status;
}

const struct family family_luma = {
    .name = "luma",
    .routes = routes,
    .aliases = aliases,
    .accept = accept,
    .adopt = adopt,
    .accepted = accepted,
    .render = render,
    .render_callback = render_callback,
    .word = word,
    .refuse = refuse,
    .title = "Luma",
    .accepted_schema =
        "{'type':'object','required':['id','state','created_at'],'properties':{'id':{'type':"
        "'string'},'state':{'const':'queued'},'created_at':{'type':'string','format':'date-time'}"
        "}}",
    .shown_schema =
        "{'type':'object','required':['id','state','created_at'],'properties':{'id':{'type':"
        "'string'},'state':{'enum':['queued','dreaming','completed','failed']},'created_at':{"
        "'type':'string','format':'date-time'},'video':{'type':'object','properties':{'url':{"
        "'type':'string'},'download_url':{'type':'string'}}},'assets':{'type':'object'},'thumbnail'"
        ":{'type':'object'},"
        "'failure_reason':{'type':'string'},'error':{'type':'object'}}}",
    .refused_schema =
        "{'type':'object','required':['detail'],'properties':{'detail':{'type':'string'}}}",
};
