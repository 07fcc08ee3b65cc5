// What families share beside their interface.
#include "providers/family_common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/family.h"

enum { MAX_SECONDS = 1000000 }; // the longest video: more is no length

const struct field_rule family_hook_rules[] = {
    {.path = "notifyHook",
     .kind = FIELD_LINK,
     .about = "Where each change of the task's status is posted to; the same as callback_url."},
    {.path = "callback_url", .kind = FIELD_LINK, .about = "The same as notifyHook."},
    {0},
};

const struct field_rule family_source_items[] = {{.path = "", .kind = FIELD_SOURCE}, {0}};

const struct field_rule family_ids_rules[] = {
    {.path = "ids",
     .kind = FIELD_ARRAY,
     .about = "Ids of tasks, as many as fit. What is no id is left out."},
    {0},
};

const char family_flat_schema[] =
    "{'type':'object','required':['code','message','data'],'properties':{"
    "'code':{'type':'string'},'message':{'type':'string','description':'Where a field is wrong, it "
    "begins with its name.'},'data':{'type':'null'}}}";

const char family_envelope_schema[] =
    "{'type':'object','required':['error'],'properties':{'error':{'type':'object',"
    "'required':['message','type','code'],'properties':{'message':{'type':'string','description':"
    "'Where a field is wrong, it begins with its name.'},'type':{'type':'string','enum':["
    "'authentication_error','invalid_request_error','rate_limit_error','server_error']},"
    "'code':{'type':'string'}}}}}";

bool family_read_hook(const json_t *body, struct task *task, struct err *err)
{
    const char *hook = "", *callback = "";

    if (!field_opt_str(body, "notifyHook", &hook, err) ||
        !field_opt_str(body, "callback_url", &callback, err))
        return false;
    if (*hook != '\0' || *callback != '\0')
        mem_set_str(&task->hook, *hook != '\0' ? hook : callback);
    return true;
}

bool family_list_ids(const json_t *body, const json_t **ids, struct err *err)
{
    if (!field_check(body, family_ids_rules, err))
        return false;
    *ids = field_at(body, "ids");
    if (!json_is_array(*ids))
        *ids = NULL;
    return true;
}

void family_add_to_list(struct buf *json, const char *head, const char *tail,
                        struct task *const *tasks, size_t count,
                        void (*render)(const struct task *task, struct buf *json))
{
    bool is_first = true;

    if (json->len == 0) {
        buf_str(json, head);
    } else {
        json->len -= strlen(tail); // the list goes on
        is_first = json->len == strlen(head);
    }
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL)
            continue;
        if (!is_first)
            buf_char(json, ',');
        is_first = false;
        render(tasks[i], json);
    }
    buf_str(json, tail);
}

void family_set_request(struct task *task, json_t *request)
{
    free(task->request);
    task->request = json_write_text(request);
    json_decref(request);
}

json_t *family_request_of(const struct task *task)
{
    json_t *request = json_read(task->request);

    return request == NULL ? json_object() : request;
}

static const json_t *find(const json_t *result, const char *kind, const char *of)
{
    json_t *artifact;
    size_t i;

    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (strcmp(field_str_or_empty(artifact, "kind"), kind) == 0 &&
            (of == NULL || strcmp(field_str_or_empty(artifact, "of"), of) == 0))
            return artifact;
    }
    return NULL;
}

const json_t *family_artifact(const json_t *result, const char *kind)
{
    return find(result, kind, NULL);
}

const char *family_link(const json_t *result, const char *kind)
{
    return field_str_or_empty(find(result, kind, NULL), "url");
}

const char *family_link_of(const json_t *result, const char *kind, const char *of)
{
    return field_str_or_empty(find(result, kind, of), "url");
}

int64_t family_updated_s(const struct task *task)
{
    int64_t ms = task->finished_ms > 0  ? task->finished_ms
                 : task->started_ms > 0 ? task->started_ms
                                        : task->created_ms;

    return ms / 1000;
}

const char *family_openai_word(enum task_phase phase, bool is_modal)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "queued",         [TASK_SUBMITTING] = "queued",
        [TASK_IN_DOUBT] = "queued",       [TASK_SUBMITTED] = "queued",
        [TASK_RENDERING] = "in_progress", [TASK_ARCHIVING] = "in_progress",
        [TASK_SUCCEEDED] = "completed",   [TASK_FAILED] = "failed",
        [TASK_CANCELLED] = "failed",
    };

    (void)is_modal;
    return words[phase];
}

// A number, or a string of one.
static double number_at(const json_t *value, const char *path)
{
    const json_t *field = field_at(value, path);

    if (json_is_string(field))
        return strtod(json_string_value(field), NULL);
    return json_is_number(field) ? json_number_value(field) : 0;
}

double family_duration(const json_t *result, const json_t *request)
{
    double duration = number_at(result, "extra.duration");

    if (duration <= 0)
        duration = number_at(request, "duration");
    if (duration <= 0)
        duration = number_at(request, "seconds");
    if (duration <= 0)
        duration = number_at(request, "parameters.duration");
    return duration > 0 && duration < MAX_SECONDS ? duration : 0;
}

void family_add_number(struct buf *json, double number)
{
    json_t *value =
        number == (double)(int64_t)number ? json_integer((json_int_t)number) : json_real(number);
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));

    buf_str(json, text == NULL ? "0" : text);
    free(text);
    json_decref(value);
}

const char *family_reason(const struct task *task)
{
    if (task->error_message != NULL)
        return task->error_message;
    return task->phase == TASK_CANCELLED ? "cancelled" : "failed";
}

const char *family_error_code(const struct task *task)
{
    if (task->error_code == NULL)
        return "cancelled";
    return strncmp(task->error_code, "vendor_", 7) == 0 ? "task_failed" : task->error_code;
}

void family_add_error(struct buf *json, const struct task *task)
{
    buf_str(json, ",\"error\":{\"code\":");
    buf_json_str(json, family_error_code(task));
    buf_str(json, ",\"message\":");
    buf_json_str(json, family_reason(task));
    buf_char(json, '}');
}

int family_refuse_flat(const struct err *err, struct buf *json)
{
    // Asked for, or named in a body.
    bool is_unknown = err->code == ERR_NOT_FOUND;

    buf_str(json, "{\"code\":");
    buf_json_str(json, is_unknown ? "task_not_exist" : err_name(err->code));
    buf_str(json, ",\"message\":");
    buf_json_str(json, is_unknown ? "task_not_exist" : err->message);
    buf_str(json, ",\"data\":null}");
    return err_http_status(err->code);
}

int family_refuse_envelope(const struct err *err, struct buf *json)
{
    int status = err_http_status(err->code);

    http_write_error(status, err_name(err->code), err->message, json);
    return status;
}

int family_result_status(const struct task *task)
{
    enum { BAD_REQUEST = 400, CONFLICT = 409, BAD_GATEWAY = 502 };
    static const struct {
        const char *code;
        int status;
    } statuses[] = {
        {"content_filter", BAD_REQUEST}, {"invalid_request", BAD_REQUEST},
        {"vendor_refused", BAD_REQUEST}, {"model_not_found", 404},
        {"vendor_unavailable", 503},     {"account_removed", 503},
        {"task_timeout", 504},
    };

    if (task->phase == TASK_SUCCEEDED)
        return 200;
    if (task->phase == TASK_CANCELLED)
        return CONFLICT;
    for (size_t i = 0; task->error_code != NULL && i < sizeof statuses / sizeof statuses[0]; i++)
        if (strcmp(statuses[i].code, task->error_code) == 0)
            return statuses[i].status;
    return BAD_GATEWAY; // the vendor failed, or nobody knows what it did
}

int family_refuse_ended(const struct task *task, struct buf *json)
{
    int status = family_result_status(task);
    const char *code = task->phase == TASK_CANCELLED ? "cancelled" : "archive_failed";

    if (status == 200)
        status = 502; // a success whose file isn't ours to give
    http_write_error(status, task->error_code == NULL ? code : task->error_code,
                     family_reason(task), json);
    return status;
}

// `link` is the name of the link, of the first file of `kind`.
static void render_callback(const struct task *task, const char *kind, const char *link,
                            struct buf *json)
{
    static const char *const words[] = {
        [TASK_QUEUED] = "queued",        [TASK_SUBMITTING] = "queued",
        [TASK_IN_DOUBT] = "queued",      [TASK_SUBMITTED] = "queued",
        [TASK_RENDERING] = "processing", [TASK_ARCHIVING] = "processing",
        [TASK_SUCCEEDED] = "succeed",    [TASK_FAILED] = "failed",
        [TASK_CANCELLED] = "failed",
    };
    json_t *result = family_result(task), *request = family_request_of(task);

    buf_fmt(json, "{\"id\":\"%s\",\"status\":\"%s\",\"type\":\"%s\",\"output\":{\"%s\":", task->id,
            words[task->phase], kind, link);
    buf_json_str(json, family_link(result, kind));
    if (strcmp(kind, "video") == 0) {
        buf_str(json, ",\"cover_url\":");
        buf_json_str(json, family_link(result, "cover"));
        buf_str(json, ",\"duration\":");
        family_add_number(json, family_duration(result, request));
    }
    buf_fmt(json, "},\"created_at\":%lld,\"updated_at\":%lld", (long long)(task->created_ms / 1000),
            (long long)family_updated_s(task));
    if (task->phase == TASK_FAILED || task->phase == TASK_CANCELLED)
        family_add_error(json, task);
    buf_char(json, '}');
    json_decref(result);
    json_decref(request);
}

void family_render_media_callback(const struct task *task, bool is_image, struct buf *json)
{
    render_callback(task, is_image ? "image" : "video", is_image ? "image_url" : "video_url", json);
}

void family_render_sound_callback(const struct task *task, struct buf *json)
{
    render_callback(task, "audio", "audio_url", json);
}
