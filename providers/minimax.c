// MiniMax, whose videos are Hailuo's, at its own platform, or at a gateway of the one-api family or
// another Spool (relay).
//
// Sources: platform.minimax.io's pages on video generation, its query, its files, its errors and
// its callbacks (DOC), and on video generation v2 (DOC2), MiniMax-MCP (MCP), new-api's
// relay/channel/task/hailuo (NA).
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/json_write.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/minimax_body.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/relay.h"

static const char *const models[] = {
    "video-01",
    "video-01-live2d",
    "MiniMax-Hailuo-2.3",
    "MiniMax-Hailuo-2.3-Fast",
    "MiniMax-Hailuo-02",
    "T2V-01",
    "T2V-01-Director",
    "I2V-01",
    "I2V-01-Director",
    "I2V-01-live",
    "S2V-01",
    "MiniMax-H3",
    "MiniMax-H3-Max",
    NULL,
};
static const char *const prefixes[] = {"MiniMax-", "video-01", "T2V-01", "I2V-01", "S2V-01", NULL};

// Submits.

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    json_t *body = adapter_request_of(task, err);

    if (body == NULL)
        return false;
    body = minimax_body_of(task, account, body);
    if (task->callback_url != NULL)
        json_object_set_new(body, "callback_url", json_string(task->callback_url));
    adapter_add_bearer(account, request);
    return http_post_json(request, account->base_url, body, err,
                          minimax_body_is_v2(task, account) ? "/v2/video_generation"
                                                            : "/v1/video_generation");
}

// Its codes, of answers with whatever status, and of jobs that have failed.
static const struct code {
    int64_t number;
    enum outcome_kind kind; // of a submit
    const char *error;      // also of a job
} codes[] = {
    {1002, OUTCOME_REFUSED_RETRY, NULL},     // too often
    {1041, OUTCOME_REFUSED_RETRY, NULL},     // too many at once
    {2045, OUTCOME_REFUSED_RETRY, NULL},     // too many more than before
    {1008, OUTCOME_REFUSED_ELSEWHERE, NULL}, // the balance
    {2038, OUTCOME_REFUSED_ELSEWHERE, NULL}, // nobody knows who it belongs to (MCP)
    {2056, OUTCOME_REFUSED_ELSEWHERE, NULL}, // the plan is used up
    {1004, OUTCOME_BAD_KEY, NULL},
    {2049, OUTCOME_BAD_KEY, NULL},
    {1026, OUTCOME_REFUSED_FINAL, "content_filter"}, // what was asked for
    {1027, OUTCOME_REFUSED_FINAL, "content_filter"}, // what was made
    {1039, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {1042, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {2013, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {1000, OUTCOME_DOUBT, NULL},
    {1001, OUTCOME_DOUBT, NULL}, // it took too long
    {1024, OUTCOME_DOUBT, NULL},
    {1033, OUTCOME_DOUBT, NULL}, // DOC says to try again, not that it did nothing
};

static const char code_place[] = "base_resp.status_code", words_place[] = "base_resp.status_msg";

// NULL where there is none that we know.
static const struct code *code_at(const json_t *body, const char *place)
{
    int64_t number = refusal_number(body, place);

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].number == number)
            return &codes[i];
    return NULL;
}

static bool refuse(const struct task *task, const struct http_response *response,
                   const json_t *body, struct outcome *outcome)
{
    const struct code *code = code_at(body, code_place);

    (void)task, (void)response;
    if (code == NULL)
        return false;
    outcome->kind = code->kind;
    outcome->code = code->error;
    return true;
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"task_id", NULL};

    (void)account;
    if (adapter_accept(response, body, places, outcome, err))
        return true;
    outcome->retry_after_ms = http_retry_after_ms(response);
    return refuse(task, response, body, outcome) ||
           err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking. The words have a capital in answers and none in callbacks (DOC): case doesn't count.

static const struct outcome_word status_words[] = {
    {"Preparing", OUTCOME_RUNNING},   {"Queueing", OUTCOME_RUNNING}, {"Queued", OUTCOME_RUNNING},
    {"Processing", OUTCOME_RUNNING},  {"Unknown", OUTCOME_RUNNING},  {"Success", OUTCOME_SUCCEEDED},
    {"Succeeded", OUTCOME_SUCCEEDED}, {"Fail", OUTCOME_FAILED},      {"Failed", OUTCOME_FAILED},
};

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err,
                    minimax_body_is_v2(task, account) ? "/v2/query/video_generation/%s"
                                                      : "/v1/query/video_generation?task_id=%s",
                    task->upstream_id);
}

static void read_failure(const json_t *body, const json_t *job, struct outcome *outcome)
{
    static const char *const places[] = {"error.message", "error", words_place, NULL};
    const char *reason = field_first_str(job, places);
    const struct code *code = code_at(job, "error.code");

    if (code == NULL)
        code = code_at(body, code_place);
    if (*reason == '\0')
        reason = field_str_or_empty(body, words_place);
    if (*reason == '\0' || strcmp(reason, "success") == 0)
        reason = "the vendor gave no reason";
    outcome_set_reason(outcome, reason);
    if (code != NULL)
        outcome->code = code->error;
}

// v2 says where the file is; v1 has an id for it, a text here and a number elsewhere (DOC).
static void read_result(const json_t *job, struct outcome *outcome)
{
    static const char *const files[] = {"file_id", NULL};
    const char *link = field_str_or_empty(job, "content.url");
    json_t *duration = field_at(job, "duration");
    char digits[FIELD_ID_DIGITS];
    const char *file = field_first_id(job, files, digits);

    if (*link != '\0') {
        outcome_add_source(outcome, "video", link);
        if (json_is_number(duration))
            outcome_set_extra(outcome, "duration", json_incref(duration));
    } else if (*file != '\0') {
        outcome->kind = OUTCOME_NEXT;
        mem_set_str(&outcome->next, file);
    }
}

// The job is the answer, or, in v2, in it.
static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    static const char *const ids[] = {"task_id", "id", NULL};
    const json_t *job = json_is_object(field_at(body, "task")) ? field_at(body, "task") : body;
    const char *status = field_str_or_empty(job, "status");
    int64_t code = refusal_number(body, code_place);

    (void)account;
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d %.60s", response->status,
                       field_str_or_empty(body, words_place));
    if (adapter_is_about_another(task, job, ids, err))
        return false;
    if (code != 0 && *status == '\0')
        return err_set(err, ERR_UPSTREAM, "%lld %.60s", (long long)code,
                       field_str_or_empty(body, words_place));
    if (!outcome_from_word_of_any_case(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    if (outcome->kind == OUTCOME_SUCCEEDED && code != 0)
        return err_set(err, ERR_UPSTREAM, "%s, but %lld", status, (long long)code);
    outcome->has_started = adapter_is_text(status, (const char *const[]){"processing", NULL});
    if (outcome->kind == OUTCOME_SUCCEEDED)
        read_result(job, outcome);
    if (outcome->kind == OUTCOME_FAILED)
        read_failure(body, job, outcome);
    return true;
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, "video", read_poll_body, outcome, err);
}

// The second request: where the file is.
static bool build_next(const struct task *task, const struct account *account, const char *next,
                       struct http_request *request, struct err *err)
{
    (void)task;
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, "/v1/files/retrieve?file_id=%s", next);
}

static bool read_file(const struct task *task, const struct account *account,
                      const struct http_response *response, const json_t *body,
                      struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"file.download_url", "file.backup_download_url", NULL};
    const char *link = field_first_str(body, places);

    (void)task, (void)account;
    if (response->status >= 300 || refusal_number(body, code_place) != 0)
        return err_set(err, ERR_UPSTREAM, "HTTP %d %lld %.60s", response->status,
                       (long long)refusal_number(body, code_place),
                       field_str_or_empty(body, words_place));
    outcome->kind = OUTCOME_SUCCEEDED;
    if (*link != '\0')
        outcome_add_source(outcome, "video", link);
    return true;
}

static bool read_next(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, "video", read_file, outcome, err);
}

// A submit in doubt. v1 has no list: only its callback can tell, which comes to a path that this
// submit alone has. v2's list is of all jobs, the newest first: one is told by its time, its model
// and its prompt. (No page shows a prompt there; a list without prompts tells nothing.)

enum { CLOCKS_APART_MS = 60 * 1000, DECIDE_MS = 15 * 1000, LIST_SIZE = 50 };

static int64_t window_start(const struct task *task)
{
    return (task->sent_ms > 0 ? task->sent_ms : task->doubt_ms) - CLOCKS_APART_MS;
}

static int64_t window_end(const struct task *task)
{
    return task->doubt_ms + DECIDE_MS + CLOCKS_APART_MS;
}

// The prompt that the task was sent with; "": it had none, or that isn't known any more.
static char *prompt_of(const struct task *task)
{
    struct err err;
    json_t *body = task->request == NULL ? NULL : adapter_request_of(task, &err);
    char *prompt = mem_str(field_str_or_empty(body, "prompt"));

    json_decref(body);
    return prompt;
}

// A job without a prompt looks like any other of its model.
static bool add_likeness(const struct task *task, const struct account *account,
                         struct buf *likeness)
{
    char *prompt = prompt_of(task);
    bool ok = *prompt != '\0' && minimax_body_is_v2(task, account);

    if (ok)
        buf_fmt(likeness, "%s\n%s", minimax_body_model(task, account), prompt);
    free(prompt);
    return ok;
}

static bool build_lookup(const struct task *task, const struct account *account, int step,
                         struct http_request *request, struct err *err)
{
    struct buf likeness = {0};
    bool is_told = add_likeness(task, account, &likeness);

    buf_clear(&likeness);
    if (step > 0 || !is_told)
        return err_set(err, ERR_UPSTREAM, "no list tells");
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err,
                    "/v2/query/video_generation?page_num=1&page_size=%d", (int)LIST_SIZE);
}

// Unix seconds; 0: it doesn't say.
static int64_t made_ms(const json_t *item)
{
    int64_t seconds = field_int_or(item, "created_at", 0);

    return seconds > 0 && seconds < INT64_MAX / 1000 ? seconds * 1000 : 0;
}

// Whether all jobs of the window are on the page: there is no other, or the page goes back, in
// order, to before the window.
static bool has_whole_window(const struct task *task, const json_t *body, const json_t *list)
{
    size_t count = json_array_size(list);
    int64_t total = field_int_or(body, "total", -1), before = INT64_MAX;
    json_t *item;
    size_t i;

    if (total >= 0 ? total <= (int64_t)count : count < LIST_SIZE)
        return true;
    json_array_foreach((json_t *)list, i, item)
    {
        if (made_ms(item) == 0 || made_ms(item) > before)
            return false;
        before = made_ms(item);
    }
    return count > 0 && before < window_start(task);
}

static bool is_alike(const struct task *task, const char *model, const char *prompt,
                     const json_t *item)
{
    static const char *const prompts[] = {"prompt", "input.prompt", "request.prompt", NULL};

    return strcmp(field_str_or_empty(item, "model"), model) == 0 &&
           strcmp(field_first_str(item, prompts), prompt) == 0 &&
           made_ms(item) >= window_start(task) && made_ms(item) <= window_end(task);
}

static const char *const id_places[] = {"id", NULL};

static void read_list(const struct task *task, const struct account *account, const json_t *list,
                      struct outcome *outcome)
{
    char *prompt = prompt_of(task);
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)list, i, item)
    {
        char digits[FIELD_ID_DIGITS];
        const char *id = field_first_id(item, id_places, digits);

        if (*id == '\0' || *prompt == '\0' ||
            !is_alike(task, minimax_body_model(task, account), prompt, item))
            continue;
        outcome_add_mark(outcome, id);
        outcome->kind = OUTCOME_ALIKE;
    }
    free(prompt);
}

// The list's name isn't known for sure.
static const json_t *list_of(const json_t *body)
{
    static const char *const places[] = {"tasks",      "data",       "items",    "list",
                                         "data.tasks", "data.items", "data.list"};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (json_is_array(field_at(body, places[i])))
            return field_at(body, places[i]);
    return NULL;
}

static bool read_lookup(const struct task *task, const struct account *account, int step,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    json_t *body = http_json(response, err);
    const json_t *list = list_of(body);
    // Of more than these not all are looked at.
    bool is_short = json_array_size(list) <= 64, ok = true;

    (void)step;
    *outcome = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    if (response->status != 200 || list == NULL || refusal_number(body, code_place) != 0)
        ok = err_set(err, ERR_UPSTREAM, "the list can't be read (HTTP %d)", response->status);
    else if (is_short && has_whole_window(task, body, list))
        read_list(task, account, list, outcome);
    json_decref(body);
    return ok;
}

// Callbacks.

enum { MAX_CHALLENGE = 4096 };

// Where a path is called first it wants to have the value back that it sends, within 3 s (DOC).
static bool answer_callback(const json_t *body, struct buf *json)
{
    const json_t *challenge = field_at(body, "challenge");
    char *text;
    bool ok;

    if (challenge == NULL || field_at(body, "task_id") != NULL ||
        json_string_length(challenge) > MAX_CHALLENGE)
        return false;
    text = json_write_text(challenge);
    ok = text != NULL && strlen(text) <= MAX_CHALLENGE;
    if (ok)
        buf_fmt(json, "{\"challenge\":%s}", text);
    free(text);
    return ok;
}

// The same as a query's answer.
static bool read_callback(const struct task *task, const struct account *account,
                          const json_t *body, struct buf *upstream_id, struct err *err)
{
    static const char *const places[] = {"task_id", "task.id", "id", NULL};

    (void)task, (void)account;
    return adapter_callback_id(body, places, upstream_id, err);
}

static const struct dialect official = {
    .name = "official",
    .base_url = "https://api.minimax.io",
    .keys = adapter_bearer_keys,
    .check = minimax_body_check,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_poll,
    .read_poll = read_poll,
    .build_next = build_next,
    .read_next = read_next,
    .build_lookup = build_lookup,
    .read_lookup = read_lookup,
    .add_likeness = add_likeness,
    .read_callback = read_callback,
    .answer_callback = answer_callback,
};

// A relay's public paths, where both generations are one.

// Without what is kept of the unified form to be shown.
static bool shape(const struct task *task, json_t *body, struct err *err)
{
    static const char *const shown[] = {"negative_prompt", "size",    "aspect_ratio",
                                        "seconds",         "private", "storyboard"};

    (void)task, (void)err;
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        json_object_del(body, shown[i]);
    return true;
}

// MiniMax's words come first; case doesn't count.
static const struct outcome_word relay_words[] = {
    {"Preparing", OUTCOME_RUNNING},   {"Queueing", OUTCOME_RUNNING},
    {"Processing", OUTCOME_RUNNING},  {"Unknown", OUTCOME_RUNNING},
    {"Success", OUTCOME_SUCCEEDED},   {"Fail", OUTCOME_FAILED},
    {"Failed", OUTCOME_FAILED},       {"not_start", OUTCOME_RUNNING},
    {"submitted", OUTCOME_RUNNING},   {"queued", OUTCOME_RUNNING},
    {"in_progress", OUTCOME_RUNNING}, {"completed", OUTCOME_SUCCEEDED},
    {"succeeded", OUTCOME_SUCCEEDED}, {"failure", OUTCOME_FAILED},
    {"cancelled", OUTCOME_CANCELLED},
};

static const struct relay table = {
    .submit = "/minimax/v1/video_generation",
    .poll = "/minimax/v1/query/video_generation?task_id=%s",
    .next = "/minimax/v1/files/retrieve?file_id=%s",
    .nexts = (const char *const[]){"file_id", "data.file_id", NULL},
    .ids = (const char *const[]){"task_id", "id", "data.task_id", NULL},
    .jobs = (const char *const[]){"data", NULL}, // NA
    .statuses = (const char *const[]){"status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .has_any_case = true,
    .started = (const char *const[]){"Processing", "in_progress", NULL},
    .kind = "video",
    .links = (const char *const[]){"video_url", "file.download_url", "data.file.download_url",
                                   "file.backup_download_url", "data.file.backup_download_url",
                                   "url", "result_url", "fail_reason", NULL}, // the last: NA, on
                                                                              // success
    .reasons = (const char *const[]){"fail_reason", "base_resp.status_msg", "error.message",
                                     "message", NULL},
    .codes = (const char *const[]){"base_resp.status_code", "data.base_resp.status_code", "code",
                                   "error.code", NULL},
    .filters = (const char *const[]){"1026", "1027", "content_filter", NULL},
    .gone = (const char *const[]){"task_id: there is no such task", NULL},
    .refuse = refuse,
    .shape = shape,
};

static const struct dialect relay = {RELAY(table), .build_next = relay_build_next,
                                     .read_next = relay_read_next, .model_prefixes = prefixes};

static const struct dialect *const dialects[] = {&official, &relay, NULL};

const struct provider provider_minimax = {
    .name = "minimax",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 15000,
    .typical_ms = 180000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 9 * 3600 * 1000LL, // DOC
    .nobodys_action = "video",
    .nobodys_id = "1",
    .from_unified = minimax_body_from_unified,
    .example = {.path = "/minimax/v1/video_generation",
                .body = "{'model':'video-01','prompt':'a red kite over a harbour'}"},
};
