// Wan, at Alibaba's Model Studio (dashscope), or at a gateway of the one-api family or another
// Spool (relay).
//
// Sources: dashscope-sdk-python (PY), Model Studio's pages on Wan and on asynchronous tasks (DOC),
// new-api's relay/channel/task/ali (NA).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/relay.h"
#include "providers/wan_body.h"

static const char *const models[] = {
    "wan2.6-t2v",
    "wan2.5-t2v-preview",
    "wan2.2-t2v-plus",
    "wan2.5-i2v-preview",
    "wan2.2-i2v-plus",
    "wan2.2-i2v-flash",
    "wan2.2-kf2v-flash",
    "wan2.2-s2v",
    "wan-ai/wan2.1-t2v-14b",
    "wan-ai/wan2.1-i2v-14b-720p",
    NULL,
};
static const char *const prefixes[] = {"wan", NULL};

// Submits.

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    json_t *body = adapter_request_of(task, err);

    if (body == NULL)
        return false;
    adapter_add_bearer(account, request);
    http_add_header(request, "X-DashScope-Async", "enable"); // nothing else has it (DOC)
    return http_post_json(request, account->base_url, wan_body_of(task, account, body), err,
                          "/api/v1/services/aigc/%s/video-synthesis", wan_body_path(task, account));
}

// How codes begin, of answers and of jobs that have failed. The first row that fits counts.
static const struct code {
    const char *begins;
    enum outcome_kind kind; // of a submit
    const char *error;      // also of a job
} codes[] = {
    {"InvalidParameter", OUTCOME_REFUSED_FINAL, "invalid_request"},
    {"BadRequest", OUTCOME_REFUSED_FINAL, "invalid_request"},
    {"InvalidURL", OUTCOME_REFUSED_FINAL, "invalid_request"},
    {"DataInspectionFailed", OUTCOME_REFUSED_FINAL, "content_filter"},
    {"IPInfringementSuspect", OUTCOME_REFUSED_FINAL, "content_filter"},
    {"ModelNotFound", OUTCOME_REFUSED_FINAL, "model_not_found"}, // or another region's
    {"InvalidApiKey", OUTCOME_BAD_KEY, NULL},
    {"Arrearage", OUTCOME_REFUSED_ELSEWHERE, NULL}, // with status 400
    {"AccessDenied", OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"Model.AccessDenied", OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"AllocationQuota.FreeTierOnly", OUTCOME_REFUSED_ELSEWHERE, NULL},
    {"Throttling", OUTCOME_REFUSED_RETRY, NULL},
    {"InternalError", OUTCOME_DOUBT, NULL},
    {"SystemError", OUTCOME_DOUBT, NULL},
};

static const struct code *code_of(const char *text)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strncmp(text, codes[i].begins, strlen(codes[i].begins)) == 0)
            return &codes[i];
    return NULL;
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"output.task_id", NULL};
    const struct code *code = code_of(field_str_or_empty(body, "code"));

    (void)task, (void)account;
    if (adapter_accept(response, body, places, outcome, err))
        return true;
    if (code == NULL)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    outcome->kind = code->kind;
    outcome->code = code->error;
    outcome->retry_after_ms = http_retry_after_ms(response);
    return true;
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking.

static const struct outcome_word status_words[] = {
    {"PENDING", OUTCOME_RUNNING}, {"SUSPENDED", OUTCOME_RUNNING},
    {"RUNNING", OUTCOME_RUNNING}, {"SUCCEEDED", OUTCOME_SUCCEEDED},
    {"FAILED", OUTCOME_FAILED},   {"CANCELED", OUTCOME_CANCELLED},
    {"UNKNOWN", OUTCOME_MISSING}, // it never was, or is more than a day old
};

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, "/api/v1/tasks/%s", task->upstream_id);
}

// What it tells of the video, in the words of either of its generations (DOC).
static void read_facts(const json_t *body, struct outcome *outcome)
{
    static const char *const size_places[] = {"usage.size", "usage.video_ratio", NULL};
    json_t *seconds = field_at(body, "usage.video_duration");
    const char *prompt = field_str_or_empty(body, "output.actual_prompt");
    int lines = (int)field_int_or(body, "usage.SR", 0);

    if (seconds == NULL)
        seconds = field_at(body, "usage.duration");
    if (json_is_number(seconds))
        outcome_set_extra(outcome, "duration", json_incref(seconds));
    if (lines <= 0)
        lines = wan_body_lines(field_first_str(body, size_places));
    if (lines > 0)
        outcome_set_extra(outcome, "lines", json_integer(lines));
    if (*prompt != '\0')
        outcome_set_extra(outcome, "actual_prompt", json_string(prompt));
}

static void read_result(const json_t *body, struct outcome *outcome)
{
    static const char *const places[] = {"output.video_url", "output.results.video_url", NULL};
    const char *url = field_first_str(body, places);

    if (*url == '\0')
        return; // the link may come late
    outcome_add_source(outcome, "video", url);
    read_facts(body, outcome);
}

static void read_failure(const json_t *body, struct outcome *outcome)
{
    static const char *const reasons[] = {"output.message", "message", "output.code", NULL};
    const char *reason = field_first_str(body, reasons);
    const struct code *code = code_of(field_str_or_empty(body, "output.code"));

    outcome_set_reason(outcome, *reason == '\0' ? "the vendor gave no reason" : reason);
    if (code != NULL)
        outcome->code = code->error;
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    const char *status = field_str_or_empty(body, "output.task_status");
    const char *id = field_str_or_empty(body, "output.task_id");

    (void)account;
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d %.60s", response->status,
                       field_str_or_empty(body, "code"));
    if (*id != '\0' && strcmp(id, task->upstream_id) != 0)
        return err_set(err, ERR_UPSTREAM, "the answer is about %.60s", id);
    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    outcome->has_started = strcmp(status, "RUNNING") == 0;
    if (outcome->kind == OUTCOME_SUCCEEDED)
        read_result(body, outcome);
    if (outcome->kind == OUTCOME_FAILED)
        read_failure(body, outcome);
    return true;
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, "video", read_poll_body, outcome, err);
}

// Of a job that is PENDING; any other it leaves alone, and says so (DOC).
static bool build_cancel(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    bool ok =
        http_get(request, account->base_url, err, "/api/v1/tasks/%s/cancel", task->upstream_id);

    request->method = HTTP_POST_;
    adapter_add_bearer(account, request);
    return ok;
}

// A submit in doubt. There is no id of ours at DashScope: in the list a job is told by its time,
// its model and its prompt. (DOC shows no prompt there; a list without prompts tells nothing.)

enum { EAST_8_S = 8 * 3600 };
enum { CLOCKS_APART_MS = 60 * 1000, DECIDE_MS = 15 * 1000, LIST_SIZE = 100, MOST_ALIKE = 64 };

static int64_t window_start(const struct task *task)
{
    return (task->sent_ms > 0 ? task->sent_ms : task->doubt_ms) - CLOCKS_APART_MS;
}

static int64_t window_end(const struct task *task)
{
    return task->doubt_ms + DECIDE_MS + CLOCKS_APART_MS;
}

// "20261120185556", by Beijing's clock.
static void write_time(int64_t ms, char text[16])
{
    time_t seconds = (time_t)(ms / 1000 + EAST_8_S);
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, 16, "%Y%m%d%H%M%S", &tm);
}

// The prompt that the task was sent with; "": it had none, or that isn't known any more.
static char *prompt_of(const struct task *task)
{
    struct err err;
    json_t *body = task->request == NULL ? NULL : adapter_request_of(task, &err);
    char *prompt = mem_str(field_str_or_empty(body, "input.prompt"));

    json_decref(body);
    return prompt;
}

// A job without a prompt looks like any other of its model.
static bool add_likeness(const struct task *task, const struct account *account,
                         struct buf *likeness)
{
    char *prompt = prompt_of(task);
    bool ok = *prompt != '\0' && wan_body_sends_prompt(task, account);

    if (ok)
        buf_fmt(likeness, "%s\n%s", wan_body_model(task, account), prompt);
    free(prompt);
    return ok;
}

static bool build_lookup(const struct task *task, const struct account *account, int step,
                         struct http_request *request, struct err *err)
{
    struct buf likeness = {0};
    bool is_told = add_likeness(task, account, &likeness);
    char start[16], end[16];

    buf_clear(&likeness);
    if (step > 0 || !is_told)
        return err_set(err, ERR_UPSTREAM, "the list doesn't tell");
    write_time(window_start(task), start);
    write_time(window_end(task), end);
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err,
                    "/api/v1/tasks?start_time=%s&end_time=%s&model_name=%s&page_no=1&page_size=%d",
                    start, end, wan_body_model(task, account), (int)LIST_SIZE);
}

static bool is_alike(const struct task *task, const char *model, const char *prompt,
                     const json_t *item)
{
    static const char *const models_at[] = {"model_name", "model", NULL};
    static const char *const prompts_at[] = {"orig_prompt", "prompt", "input.prompt",
                                             "output.orig_prompt", NULL};
    int64_t made_ms = field_int_or(item, "gmt_create", window_start(task));

    return *field_str_or_empty(item, "task_id") != '\0' &&
           strcmp(field_first_str(item, models_at), model) == 0 &&
           strcmp(field_first_str(item, prompts_at), prompt) == 0 &&
           made_ms >= window_start(task) && made_ms <= window_end(task);
}

static void read_list(const struct task *task, const struct account *account, const json_t *list,
                      struct outcome *outcome)
{
    char *prompt = prompt_of(task);
    json_t *item;
    size_t i, count = 0;

    json_array_foreach((json_t *)list, i, item)
    {
        if (*prompt == '\0' || !is_alike(task, wan_body_model(task, account), prompt, item))
            continue;
        outcome_add_mark(outcome, field_str_or_empty(item, "task_id"));
        count++;
    }
    if (count > 0 && count <= MOST_ALIKE)
        outcome->kind = OUTCOME_ALIKE;
    free(prompt);
}

static bool read_lookup(const struct task *task, const struct account *account, int step,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    json_t *body = http_json(response, err), *list = field_at(body, "data");
    int64_t total = field_int_or(body, "total", -1);
    bool ok = true;

    (void)step;
    *outcome = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    if (response->status != 200 || !json_is_array(list))
        ok = err_set(err, ERR_UPSTREAM, "the list can't be read (HTTP %d)", response->status);
    // What is on other pages may look the same.
    else if (total >= 0 ? total <= (int64_t)json_array_size(list)
                        : json_array_size(list) < LIST_SIZE)
        read_list(task, account, list, outcome);
    json_decref(body);
    return ok;
}

static const struct dialect dashscope = {
    .name = "dashscope",
    .base_url = "https://dashscope.aliyuncs.com",
    .keys = adapter_bearer_keys,
    .polls_per_second = 20, // of the account, whichever key asks (DOC)
    .check = wan_body_check,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_poll,
    .read_poll = read_poll,
    .build_lookup = build_lookup,
    .read_lookup = read_lookup,
    .add_likeness = add_likeness,
    .build_cancel = build_cancel,
};

// A relay's public paths.

// Without what is kept of the unified form to be shown.
static bool shape(const struct task *task, json_t *body, struct err *err)
{
    static const char *const shown[] = {"prompt",   "negative_prompt", "size",   "aspect_ratio",
                                        "duration", "seconds",         "private"};

    (void)task, (void)err;
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        json_object_del(body, shown[i]);
    return true;
}

// DashScope's words come first.
static const struct outcome_word relay_words[] = {
    {"PENDING", OUTCOME_RUNNING},     {"SUSPENDED", OUTCOME_RUNNING},
    {"RUNNING", OUTCOME_RUNNING},     {"SUCCEEDED", OUTCOME_SUCCEEDED},
    {"FAILED", OUTCOME_FAILED},       {"CANCELED", OUTCOME_CANCELLED},
    {"UNKNOWN", OUTCOME_MISSING},     {"NOT_START", OUTCOME_RUNNING},
    {"SUBMITTED", OUTCOME_RUNNING},   {"QUEUED", OUTCOME_RUNNING},
    {"IN_PROGRESS", OUTCOME_RUNNING}, {"SUCCESS", OUTCOME_SUCCEEDED},
    {"FAILURE", OUTCOME_FAILED},      {"queued", OUTCOME_RUNNING},
    {"in_progress", OUTCOME_RUNNING}, {"processing", OUTCOME_RUNNING},
    {"completed", OUTCOME_SUCCEEDED}, {"succeeded", OUTCOME_SUCCEEDED},
    {"failed", OUTCOME_FAILED},       {"cancelled", OUTCOME_CANCELLED},
};

static const struct relay table = {
    .submit = "/alibailian/api/v1/services/aigc/video-generation/video-synthesis",
    .poll = "/alibailian/api/v1/tasks/%s",
    .ids = (const char *const[]){"output.task_id", "task_id", "id", "data.task_id", NULL},
    .jobs = (const char *const[]){"output", "data", NULL},
    .statuses = (const char *const[]){"task_status", "status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .started = (const char *const[]){"RUNNING", "IN_PROGRESS", "in_progress", "processing", NULL},
    .kind = "video",
    .links = (const char *const[]){"video_url", "results.video_url", "url", "result_url",
                                   "fail_reason", NULL}, // the last: NA, on success
    .reasons = (const char *const[]){"message", "error.message", "fail_reason", NULL},
    .codes = (const char *const[]){"code", "error.code", NULL},
    .filters = (const char *const[]){"content_filter", "DataInspectionFailed",
                                     "IPInfringementSuspect", NULL},
    .shape = shape,
};

static const struct dialect relay = {RELAY(table), .model_prefixes = prefixes};

static const struct dialect *const dialects[] = {&dashscope, &relay, NULL};

const struct provider provider_wan = {
    .name = "wan",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 15000, // DOC
    .poll_max_ms = 20000,
    .typical_ms = 180000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 24 * 3600 * 1000LL, // DOC
    .nobodys_action = "video",
    .nobodys_id = "00000000-0000-0000-0000-000000000000",
    .from_unified = wan_body_from_unified,
    .example = {.path = "/alibailian/api/v1/services/aigc/video-generation/video-synthesis",
                .body =
                    "{'model':'wan2.5-t2v-preview','input':{'prompt':'a red kite over a harbour'},"
                    "'parameters':{'resolution':'480P'}}"},
};
