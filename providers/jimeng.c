// Jimeng: Volcengine's visual service (volc), or a gateway of the one-api family or another Spool
// (relay).
//
// Sources: volc-sdk-python (SDK: VisualService.py, SignerV4.py), Volcengine's pages 85621 on
// Jimeng's videos as transcribed (DOC) and 6444/69728 on the service's codes (COM), BytePlus' list
// of the gateway's errors (GW). A task is found only by the req_key that it was submitted with, so
// its id is kept as "<req_key>/<task_id>".
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/message/volc_sign.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/jimeng_body.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/relay.h"
#include "providers/unified.h"

#define SUBMIT "/?Action=CVSync2AsyncSubmitTask&Version=2022-08-31"
#define POLL "/?Action=CVSync2AsyncGetResult&Version=2022-08-31"
#define CANCEL "/?Action=CVCancelTask&Version=2024-06-06" // sic

enum { CODE_FINE = 10000 };

static const struct dialect_key volc_keys[] = {{.name = "base_url", .is_required = true},
                                               {.name = "access_key", .is_required = true},
                                               {.name = "secret_key", .is_required = true},
                                               {.name = "session_token"},
                                               {0}};

static const char *const models[] = {"jimeng-video-3.0", NULL};
static const char *const prefixes[] = {"jimeng-", NULL};

static bool sign(const struct account *account, int64_t now_ms, struct http_request *request,
                 struct err *err)
{
    const struct volc_keys keys = {
        .access_key = secret_reveal(account_key(account, "access_key")),
        .secret_key = secret_reveal(account_key(account, "secret_key")),
        .session_token = secret_reveal(account_key(account, "session_token")),
        .region = "cn-north-1",
        .service = "cv",
    };

    return volc_sign(&keys, request, now_ms / 1000, err);
}

// Submits.

static bool check(const struct task *task, const struct account *account, struct err *err)
{
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL && jimeng_check(account, task->model, body, err);

    json_decref(body);
    return ok;
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    json_t *body = adapter_request_of(task, err);
    const char *req_key = body == NULL ? NULL : jimeng_req_key(account, task->model, body, err);
    char *copy = mem_str(req_key); // it may be a part of the body

    if (copy == NULL) {
        json_decref(body);
        return false;
    }
    jimeng_remap(body, copy);
    free(copy);
    request->wants_signature = true;
    return http_post_json(request, account->base_url, body, err, SUBMIT);
}

// "code" (DOC, COM), whatever the HTTP status. A submit is refused, a job that runs has failed;
// where only a submit is refused, and where there is a doubt, a look has told nothing. Moderation
// of what was made (50511, 50516, 50517, 50519) may pass at another try, which the client may pay
// for.
static const struct code {
    int64_t first, last;
    enum outcome_kind kind;
    const char *error;
} codes[] = {
    {50200, 50299, OUTCOME_REFUSED_FINAL, "invalid_request"}, // COM: what was sent
    {50411, 50413, OUTCOME_REFUSED_FINAL, "content_filter"},  // image, text, words
    {50429, 50430, OUTCOME_REFUSED_RETRY, NULL},              // too fast, too many at once
    {50500, 50501, OUTCOME_DOUBT, NULL},
    {50511, 50512, OUTCOME_REFUSED_FINAL, "content_filter"},
    {50516, 50519, OUTCOME_REFUSED_FINAL, "content_filter"},
    {50520, 50522, OUTCOME_REFUSED_FINAL, NULL}, // the review itself has failed
};

static const struct code *code_of(const json_t *body)
{
    int64_t code = refusal_number(body, "code");

    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (code >= codes[i].first && code <= codes[i].last)
            return &codes[i];
    return NULL;
}

// The gateway before the service, which has words of its own (GW). Any other of its words means
// what its status says; with 401 and 403 it is about the key.
static const struct {
    const char *word;
    enum outcome_kind kind;
} gateway_words[] = {
    {"InvalidTimestamp", OUTCOME_REFUSED_RETRY}, // one of the clocks is wrong
    {"FlowLimitExceeded", OUTCOME_REFUSED_RETRY},
    {"AccountFlowLimitExceeded", OUTCOME_REFUSED_RETRY},
    {"ServiceNotFound", OUTCOME_REFUSED_ELSEWHERE}, // its base_url is another service's
    {"InvalidActionOrVersion", OUTCOME_REFUSED_ELSEWHERE},
    {"InvalidAccessKey", OUTCOME_BAD_KEY},
    {"InvalidCredential", OUTCOME_BAD_KEY},
    {"InvalidSecretToken", OUTCOME_BAD_KEY},
    {"MissingAuthenticationToken", OUTCOME_BAD_KEY},
    {"SignatureDoesNotMatch", OUTCOME_BAD_KEY},
};

static bool read_gateway(const struct http_response *response, const json_t *error,
                         struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"Message", "Code", NULL};
    const char *word = field_str_or_empty(error, "Code");

    outcome_set_reason(outcome, field_first_str(error, places));
    if (error != NULL && (response->status == 401 || response->status == 403))
        outcome->kind = OUTCOME_BAD_KEY;
    for (size_t i = 0; i < sizeof gateway_words / sizeof gateway_words[0]; i++)
        if (strcmp(gateway_words[i].word, word) == 0)
            outcome->kind = gateway_words[i].kind;
    if (outcome->kind == OUTCOME_REFUSED_RETRY)
        outcome->retry_after_ms = http_retry_after_ms(response);
    return outcome->kind != OUTCOME_NONE ||
           err_set(err, ERR_UPSTREAM, "HTTP %d %.60s", response->status, word);
}

static bool read_code(const struct http_response *response, const json_t *body,
                      struct outcome *outcome, struct err *err)
{
    const struct code *code = code_of(body);

    if (refusal_number(body, "code") == CODE_FINE) {
        outcome->kind = OUTCOME_DOUBT; // accepted, by its own word, but the id has got lost
        return true;
    }
    if (code == NULL)
        return read_gateway(response, field_at(body, "ResponseMetadata.Error"), outcome, err);
    outcome->kind = code->kind;
    outcome->code = code->error;
    if (code->kind == OUTCOME_REFUSED_RETRY)
        outcome->retry_after_ms = http_retry_after_ms(response);
    return true;
}

// Puts the req_key before the id that the vendor gave.
static bool add_req_key(const struct task *task, const struct account *account,
                        struct outcome *outcome, struct err *err)
{
    json_t *body = task->request == NULL ? NULL : adapter_request_of(task, err);
    const char *req_key = jimeng_req_key(account, task->model, body, err);
    struct buf id = {0};

    if (req_key != NULL) {
        buf_fmt(&id, "%s/%s", req_key, outcome->upstream_id);
        free(outcome->upstream_id);
        outcome->upstream_id = buf_take(&id);
    }
    json_decref(body);
    return true; // whatever else, the job is there
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"data.task_id", NULL};

    if (adapter_accept(response, body, places, outcome, err))
        return add_req_key(task, account, outcome, err);
    return read_code(response, body, outcome, err);
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking.

static const struct outcome_word status_words[] = {
    {"in_queue", OUTCOME_RUNNING},   {"generating", OUTCOME_RUNNING},
    {"done", OUTCOME_SUCCEEDED},     {"not_found", OUTCOME_MISSING},
    {"expired", OUTCOME_FAILED},     {"cancelled", OUTCOME_CANCELLED}, // not documented
    {"canceled", OUTCOME_CANCELLED},
};

// A request about a task, by the req_key that it was submitted with. An id without one (an
// operator's) is taken for that of a text.
static bool build_question(const struct task *task, const struct account *account,
                           const char *action, struct http_request *request, struct err *err)
{
    const char *slash = strchr(task->upstream_id, '/');
    const char *req_key =
        slash == NULL ? jimeng_req_key(account, task->model, NULL, err) : task->upstream_id;
    json_t *body;

    if (req_key == NULL)
        return false;
    body = json_pack("{s:s%,s:s}", "req_key", req_key,
                     slash == NULL ? strlen(req_key) : (size_t)(slash - req_key), "task_id",
                     slash == NULL ? task->upstream_id : slash + 1);
    request->wants_signature = true;
    return http_post_json(request, account->base_url, body, err, action);
}

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    return build_question(task, account, POLL, request, err);
}

// Taken only while the job is queued (DOC). How it is answered isn't known: the next look tells.
static bool build_cancel(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    return build_question(task, account, CANCEL, request, err);
}

static void fail_job(const char *code, const char *reason, struct outcome *outcome)
{
    outcome->kind = OUTCOME_FAILED;
    outcome->code = code;
    outcome_set_reason(outcome, *reason == '\0' ? "the vendor gave no reason" : reason);
}

static bool read_job(const struct task *task, const json_t *job, struct outcome *outcome,
                     struct err *err)
{
    const char *status = field_str_or_empty(job, "status");
    const char *url = field_str_or_empty(job, "video_url");

    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    outcome->has_started = strcmp(status, "generating") == 0;
    if (outcome->kind == OUTCOME_FAILED)
        fail_job("task_expired", "the job has expired at the vendor", outcome);
    else if (outcome->kind == OUTCOME_MISSING && task->is_cancel_asked)
        outcome->kind = OUTCOME_CANCELLED; // nothing is left of a job that was taken back
    else if (outcome->kind == OUTCOME_SUCCEEDED && strncmp(url, "http", 4) == 0)
        outcome_add_source(outcome, "video", url);
    else if (outcome->kind == OUTCOME_SUCCEEDED)
        fail_job(NULL, "the job is done, but there is no video", outcome);
    return true;
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    const struct code *code = code_of(body);
    int64_t number = refusal_number(body, "code");

    (void)account;
    if (number == CODE_FINE && response->status < 300)
        return read_job(task, field_at(body, "data"), outcome, err);
    if (code == NULL || code->kind != OUTCOME_REFUSED_FINAL)
        return err_set(err, ERR_UPSTREAM, "HTTP %d, code %lld %.60s", response->status,
                       (long long)number, field_str_or_empty(body, "ResponseMetadata.Error.Code"));
    fail_job(code->error, refusal_words(body), outcome);
    return true;
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, "video", read_poll_body, outcome, err);
}

static const struct dialect volc = {
    .name = "volc",
    .base_url = "https://visual.volcengineapi.com",
    .keys = volc_keys,
    .check = check,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_poll,
    .read_poll = read_poll,
    .build_cancel = build_cancel,
    .sign = sign,
};

// Relays.

// The public form, without what only we show. A relay has no word for the lines.
static bool shape(const struct task *task, json_t *body, struct err *err)
{
    struct unified_frame frame;

    (void)task;
    if (!unified_read_frame(body, &frame, err))
        return false;
    if (frame.lines != 0 && frame.lines != 1080)
        return err_set(err, ERR_INVALID, "size: a relay makes 1080P only");
    unified_drop_shown(body);
    return true;
}

// The first row of words is another Spool's, the others are new-api's.
static const struct outcome_word relay_words[] = {
    {"queued", OUTCOME_RUNNING},      {"processing", OUTCOME_RUNNING},
    {"succeeded", OUTCOME_SUCCEEDED}, {"failed", OUTCOME_FAILED},
    {"submitted", OUTCOME_RUNNING},   {"in_progress", OUTCOME_RUNNING},
    {"completed", OUTCOME_SUCCEEDED}, {"NOT_START", OUTCOME_RUNNING},
    {"SUBMITTED", OUTCOME_RUNNING},   {"QUEUED", OUTCOME_RUNNING},
    {"IN_PROGRESS", OUTCOME_RUNNING}, {"UNKNOWN", OUTCOME_RUNNING},
    {"SUCCESS", OUTCOME_SUCCEEDED},   {"FAILURE", OUTCOME_FAILED},
};

static const struct relay table = {
    .submit = "/jimeng/submit/videos",
    .poll = "/jimeng/fetch/%s",
    .ids = (const char *const[]){"task_id", "id", "data.task_id", "data.id", "data", NULL},
    .jobs = (const char *const[]){"data", NULL},
    .statuses = (const char *const[]){"status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .started = (const char *const[]){"processing", "in_progress", "IN_PROGRESS", NULL},
    .kind = "video",
    .links = (const char *const[]){"url", "video_url", "result_url", "data.data.video_url",
                                   "data.video_url", "fail_reason", NULL}, // new-api, on success
    .reasons = (const char *const[]){"error.message", "error", "fail_reason", "message", NULL},
    .filters = (const char *const[]){"content_filter", NULL},
    .shape = shape,
};

static bool check_relay(const struct task *task, const struct account *account, struct err *err)
{
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL && jimeng_may_choose(account, body, err);

    json_decref(body);
    return ok && relay_check(task, account, err);
}

static const struct dialect relay = {RELAY(table), .check = check_relay,
                                     .model_prefixes = prefixes};

static const struct dialect *const dialects[] = {&volc, &relay, NULL};

const struct provider provider_jimeng = {
    .name = "jimeng",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 15000,
    .typical_ms = 180000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 3600 * 1000LL, // DOC
    .nobodys_action = "generate",
    .nobodys_id = "jimeng_t2v_v30/0",
    .from_unified = jimeng_from_unified,
    .example = {.path = "/jimeng/submit/videos",
                .body = "{'model':'jimeng-video-3.0','prompt':'an orange cat yawns by the window',"
                        "'aspect_ratio':'9:16'}"},
};
