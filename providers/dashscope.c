// What DashScope's models have in common.
#include "providers/dashscope.h"

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

const char dashscope_nobodys_id[] = "00000000-0000-0000-0000-000000000000";

// How codes begin, of answers and of jobs that have failed. The first row that fits counts.
static const char *const id_places[] = {"output.task_id", NULL};
static const char *const item_id_places[] = {"task_id", NULL};

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

bool dashscope_refuse(const struct http_response *response, const char *code,
                      struct outcome *outcome)
{
    const struct code *known = code_of(code);

    if (known == NULL)
        return false;
    outcome->kind = known->kind;
    outcome->code = known->error;
    outcome->retry_after_ms = http_retry_after_ms(response);
    return true;
}

const char *dashscope_failure(const char *code)
{
    const struct code *known = code_of(code);

    return known == NULL ? NULL : known->error;
}

// Submits.

bool dashscope_post(const struct account *account, const char *service, const char *name,
                    json_t *body, struct http_request *request, struct err *err)
{
    adapter_add_bearer(account, request);
    return http_post_json(request, account->base_url, body, err, "/api/v1/services/aigc/%s/%s",
                          service, name);
}

bool dashscope_post_task(const struct account *account, const char *service, const char *name,
                         json_t *body, struct http_request *request, struct err *err)
{
    http_add_header(request, "X-DashScope-Async", "enable"); // nothing else has it (DOC)
    return dashscope_post(account, service, name, body, request, err);
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    (void)task, (void)account;
    return adapter_accept(response, body, id_places, outcome, err) ||
           dashscope_refuse(response, field_str_or_empty(body, "code"), outcome) ||
           err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
}

bool dashscope_read_submit(const struct task *task, const struct account *account,
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

bool dashscope_build_poll(const struct task *task, const struct account *account,
                          struct http_request *request, struct err *err)
{
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, "/api/v1/tasks/%s", task->upstream_id);
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

bool dashscope_read_status(const struct task *task, const struct http_response *response,
                           const json_t *body, struct outcome *outcome, struct err *err)
{
    const char *status = field_str_or_empty(body, "output.task_status");

    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d %.60s", response->status,
                       field_str_or_empty(body, "code"));
    if (adapter_is_about_another(task, body, id_places, err))
        return false;
    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    outcome->has_started = strcmp(status, "RUNNING") == 0;
    if (outcome->kind == OUTCOME_FAILED)
        read_failure(body, outcome);
    return true;
}

bool dashscope_build_cancel(const struct task *task, const struct account *account,
                            struct http_request *request, struct err *err)
{
    bool ok =
        http_get(request, account->base_url, err, "/api/v1/tasks/%s/cancel", task->upstream_id);

    request->method = HTTP_POST_;
    adapter_add_bearer(account, request);
    return ok;
}

// A submit in doubt.

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
static char *prompt_of(const struct task *task, const struct dashscope_job *job)
{
    struct err err;
    json_t *asked = task->request == NULL ? NULL : adapter_request_of(task, &err);
    char *prompt = mem_str(job->sends_prompt ? field_str_or_empty(asked, job->prompt_at) : "");

    json_decref(asked);
    return prompt;
}

bool dashscope_add_likeness(const struct task *task, const struct dashscope_job *job,
                            struct buf *likeness)
{
    char *prompt = prompt_of(task, job);
    bool ok = *prompt != '\0';

    if (ok)
        buf_fmt(likeness, "%s\n%s", job->model, prompt);
    free(prompt);
    return ok;
}

bool dashscope_build_lookup(const struct task *task, const struct account *account,
                            const struct dashscope_job *job, int step, struct http_request *request,
                            struct err *err)
{
    char *prompt = prompt_of(task, job);
    bool tells = step == 0 && *prompt != '\0';
    char start[16], end[16];

    free(prompt);
    if (!tells)
        return err_set(err, ERR_UPSTREAM, "the list doesn't tell");
    write_time(window_start(task), start);
    write_time(window_end(task), end);
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err,
                    "/api/v1/tasks?start_time=%s&end_time=%s&model_name=%s&page_no=1&page_size=%d",
                    start, end, job->model, (int)LIST_SIZE);
}

static bool is_alike(const struct task *task, const char *model, const char *prompt,
                     const json_t *item)
{
    static const char *const models_at[] = {"model_name", "model", NULL};
    static const char *const prompts_at[] = {"orig_prompt", "prompt", "input.prompt",
                                             "output.orig_prompt", NULL};
    int64_t made_ms = field_int_or(item, "gmt_create", window_start(task));

    return strcmp(field_first_str(item, models_at), model) == 0 &&
           strcmp(field_first_str(item, prompts_at), prompt) == 0 &&
           made_ms >= window_start(task) && made_ms <= window_end(task);
}

static void read_items(const struct task *task, const struct dashscope_job *job, const json_t *list,
                       struct outcome *outcome)
{
    char *prompt = prompt_of(task, job);
    json_t *item;
    size_t i, count = 0;

    json_array_foreach((json_t *)list, i, item)
    {
        char digits[FIELD_ID_DIGITS];
        const char *id = field_first_id(item, item_id_places, digits);

        if (*id == '\0' || *prompt == '\0' || !is_alike(task, job->model, prompt, item))
            continue;
        outcome_add_mark(outcome, id);
        count++;
    }
    if (count > 0 && count <= MOST_ALIKE)
        outcome->kind = OUTCOME_ALIKE;
    free(prompt);
}

bool dashscope_read_lookup(const struct task *task, const struct dashscope_job *job,
                           const struct http_response *response, struct outcome *outcome,
                           struct err *err)
{
    json_t *body = http_json(response, err), *list = field_at(body, "data");
    int64_t total = field_int_or(body, "total", -1);
    bool ok = true;

    *outcome = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    if (response->status != 200 || !json_is_array(list))
        ok = err_set(err, ERR_UPSTREAM, "the list can't be read (HTTP %d)", response->status);
    // What is on other pages may look the same.
    else if (total >= 0 ? total <= (int64_t)json_array_size(list)
                        : json_array_size(list) < LIST_SIZE)
        read_items(task, job, list, outcome);
    json_decref(body);
    return ok;
}
