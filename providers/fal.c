// Models at fal.ai's queue (official), or at a gateway of the one-api family or another Spool
// (relay). An account lists the models that it is to serve, by the names of fal's endpoints.
//
// Sources: fal-ai/fal-js (JS), fal's pages on the queue, cancelling, request errors, retries and
// webhooks (DOC). What is kept as a job's id is the path of its result; its status and its cancel
// lie below.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/fal_answer.h"
#include "providers/fal_image.h"
#include "providers/fal_input.h"
#include "providers/fal_path.h"
#include "providers/fal_relay.h"
#include "providers/outcome.h"
#include "providers/provider.h"

static const struct dialect_key official_keys[] = {{.name = "base_url", .is_required = true},
                                                   {.name = "api_key", .is_required = true},
                                                   {.name = "webhook_keys_url", .is_url = true},
                                                   {0}};

static const char *const models[] = {NULL};
static const char *const id_places[] = {"request_id", NULL};
static const char *const prefixes[] = {"fal-ai/", NULL};

// Requests.

static void add_key(const struct account *account, struct http_request *request)
{
    buf_fmt(&request->headers, "Authorization: Key %s\n",
            secret_reveal(account_key(account, "api_key")));
}

// A GET of the job's path with something behind it. An operator, who adopts a job, may know its
// request id alone.
static bool build(const struct task *task, const struct account *account, const char *behind,
                  struct http_request *request, struct err *err)
{
    struct buf path = {0};
    bool ok = true;

    if (fal_path_is(task->upstream_id))
        buf_str(&path, task->upstream_id);
    else if (!fal_path_add(task, account, task->upstream_id, &path))
        ok = err_set(err, ERR_UPSTREAM, "it isn't known which of the vendor's apps has the job");
    buf_str(&path, behind);
    ok = ok && fal_path_get(&path, account, request, err);
    add_key(account, request);
    buf_clear(&path);
    return ok;
}

// Submits.

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    struct buf path = {0};
    json_t *body = fal_input_of(task, account, &path, err);
    bool ok;

    if (task->callback_url != NULL) {
        buf_str(&path, "?fal_webhook=");
        buf_percent(&path, task->callback_url);
    }
    ok = body != NULL && fal_path_post(&path, account, body, request, err);
    add_key(account, request);
    buf_clear(&path);
    return ok;
}

// Types of errors, of the model's (in `detail`) and of fal's own (error_type), whose code isn't
// that of their status.
static const struct type {
    const char *type;
    enum outcome_kind kind; // of a job
    const char *error;
} types[] = {
    {"content_policy_violation", OUTCOME_FAILED, "content_filter"},
    {"internal_server_error", OUTCOME_FAILED, NULL},
    {"generation_timeout", OUTCOME_FAILED, NULL},
    {"downstream_service_error", OUTCOME_FAILED, NULL},
    {"downstream_service_unavailable", OUTCOME_FAILED, NULL},
    {"client_cancelled", OUTCOME_CANCELLED, NULL},
    {"client_disconnected", OUTCOME_CANCELLED, NULL},
};

// What a status says where the answer has a `detail`; 403 also comes where there is no balance.
static const struct {
    int status;
    enum outcome_kind kind; // of a submit
    const char *error;
} statuses[] = {
    {400, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {401, OUTCOME_BAD_KEY, NULL},
    {402, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {403, OUTCOME_BAD_KEY, NULL},
    {404, OUTCOME_REFUSED_FINAL, "model_not_found"},
    {422, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {429, OUTCOME_REFUSED_RETRY, NULL},
};

static const struct type *type_of(const json_t *body, const char *header)
{
    static const char *const places[] = {"detail.0.type", "error_type", NULL};
    const char *type = field_first_str(body, places);

    if (*type == '\0' && header != NULL)
        type = header;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].type, type) == 0)
            return &types[i];
    return NULL;
}

static size_t status_row(int status)
{
    size_t i = 0;

    while (i < sizeof statuses / sizeof statuses[0] && statuses[i].status != status)
        i++;
    return i;
}

static const char *code_of(const json_t *body, int status, const char *header)
{
    const struct type *type = type_of(body, header);
    size_t row = status_row(status);

    if (type != NULL)
        return type->error;
    return row < sizeof statuses / sizeof statuses[0] ? statuses[row].error : NULL;
}

// "image_url: field required": with the name of the field, where the model says which.
static void set_reason(const json_t *body, struct outcome *outcome)
{
    static const char *const places[] = {"detail.0.msg", "detail", "error", NULL};
    const json_t *at = field_at(body, "detail.0.loc");
    const char *said = field_first_str(body, places);
    const char *field = json_string_value(json_array_get(at, json_array_size(at) - 1));
    struct buf reason = {0};

    if (json_array_size(at) > 1 && field != NULL)
        buf_fmt(&reason, "%s: ", field);
    buf_str(&reason, said);
    if (*said != '\0')
        outcome_set_reason(outcome, reason.data);
    buf_clear(&reason);
}

static bool has_no_balance(const json_t *body)
{
    const char *said = field_str_or_empty(body, "detail");

    return strcasestr(said, "balance") != NULL || strcasestr(said, "locked") != NULL;
}

static bool refuse(const struct http_response *response, const json_t *body,
                   struct outcome *outcome, struct err *err)
{
    size_t row = status_row(response->status);

    if (row == sizeof statuses / sizeof statuses[0] || field_at(body, "detail") == NULL)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    set_reason(body, outcome);
    outcome->kind = statuses[row].kind;
    if (response->status == 403 && has_no_balance(body))
        outcome->kind = OUTCOME_REFUSED_ELSEWHERE;
    if (outcome->kind == OUTCOME_REFUSED_FINAL)
        outcome->code = code_of(body, response->status, NULL);
    outcome->retry_after_ms = http_retry_after_ms(response);
    return true;
}

// The job's path as the answer has it, if that is on the account's own host; else by the model.
static void set_path(const struct task *task, const struct account *account, const json_t *body,
                     struct outcome *outcome)
{
    const char *url = field_str_or_empty(body, "response_url");
    struct url_parts parts;
    struct buf path = {0};

    if (url_split(url, &parts) && url_same_origin(url, account->base_url) && *parts.path == '/' &&
        fal_path_is_of(parts.path + 1, outcome->upstream_id))
        buf_str(&path, parts.path + 1);
    else if (!fal_path_add(task, account, outcome->upstream_id, &path))
        buf_reset(&path);
    if (path.len > 0)
        mem_set_str(&outcome->upstream_id, path.data);
    buf_clear(&path);
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    // A refusal may have an id of its own.
    if (field_at(body, "detail") != NULL ||
        !adapter_accept(response, body, id_places, outcome, err))
        return refuse(response, body, outcome, err);
    set_path(task, account, body, outcome);
    return true;
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking: at the status, and where that says that all is done at the result, which may be an
// error.

static const struct outcome_word status_words[] = {
    {"IN_QUEUE", OUTCOME_RUNNING},    // with HTTP 202,
    {"IN_PROGRESS", OUTCOME_RUNNING}, // as this
    {"COMPLETED", OUTCOME_NEXT},
    {"NOT_FOUND", OUTCOME_MISSING},
};

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    return build(task, account, "/status", request, err);
}

static void fail_job(const struct http_response *response, const json_t *body,
                     const char *error_type, struct outcome *outcome)
{
    const struct type *type = type_of(body, error_type);

    outcome->kind = type == NULL ? OUTCOME_FAILED : type->kind;
    outcome->code = code_of(body, response->status, error_type);
    set_reason(body, outcome);
    if (outcome->reason == NULL)
        outcome_set_reason(outcome, error_type == NULL || *error_type == '\0'
                                        ? "the vendor gave no reason"
                                        : error_type);
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    const char *status = field_str_or_empty(body, "status");
    char digits[FIELD_ID_DIGITS];
    const char *id = field_first_id(body, id_places, digits);

    (void)account;
    if (response->status == 404 && task->is_cancel_asked && field_is_given(body, "detail")) {
        outcome->kind = OUTCOME_CANCELLED; // what waited is removed (DOC)
        return true;
    }
    if (response->status >= 300 && response->status != 404)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    if (*id != '\0' && fal_path_is(task->upstream_id) && !fal_path_is_of(task->upstream_id, id))
        return err_set(err, ERR_UPSTREAM, "the answer is about %.60s", id);
    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    outcome->has_started = strcmp(status, "IN_PROGRESS") == 0;
    if (outcome->kind == OUTCOME_NEXT && field_is_given(body, "error"))
        fail_job(response, body, NULL, outcome);
    if (outcome->kind == OUTCOME_NEXT)
        mem_set_str(&outcome->next, "result");
    return true;
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, NULL, read_poll_body, outcome, err);
}

static bool build_next(const struct task *task, const struct account *account, const char *next,
                       struct http_request *request, struct err *err)
{
    (void)next;
    return build(task, account, "", request, err);
}

// Whether the result isn't there yet, although it was said to be.
static bool is_early(const json_t *body)
{
    static const char *const texts[] = {"Request is still in progress", "Request is in progress",
                                        "Request is in queue", NULL};

    return adapter_is_text(field_str_or_empty(body, "detail"), texts);
}

static bool read_result(const struct task *task, const struct account *account,
                        const struct http_response *response, const json_t *body,
                        struct outcome *outcome, struct err *err)
{
    (void)account;
    if (response->status < 300 && !field_is_given(body, "detail")) {
        if (fal_image_is(task) && json_object_size(body) == 0)
            return err_set(err, ERR_UPSTREAM, "the answer is empty");
        fal_answer_read(task, body, outcome);
        return true;
    }
    if (!field_is_given(body, "detail") || response->status == 402 || is_early(body))
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    fail_job(response, body, NULL, outcome);
    return true;
}

// A 5xx is the job's own where fal says so in its head; else the way to the result has failed, and
// the job may be fine.
static bool read_next(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    struct buf scratch = {0};
    const char *error_type = http_header(response, "x-fal-error-type", &scratch);
    bool is_own = response->status >= 500 && error_type != NULL && *error_type != '\0';
    json_t *body;

    if (is_own) {
        *outcome = (struct outcome){.progress = -1};
        body = http_json(response, err);
        fail_job(response, body, error_type, outcome);
        json_decref(body);
    }
    buf_clear(&scratch);
    return is_own || adapter_read_poll(task, account, response, NULL, read_result, outcome, err);
}

// What waits is removed; what runs gets a signal, and may end all the same (DOC).
static bool build_cancel(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    bool ok = build(task, account, "/cancel", request, err);

    request->method = HTTP_PUT_;
    return ok;
}

// Its gateway_request_id changes where fal itself has tried again (DOC).
static bool read_callback(const struct task *task, const struct account *account,
                          const json_t *body, struct buf *upstream_id, struct err *err)
{
    char digits[FIELD_ID_DIGITS];
    const char *id = field_first_id(body, id_places, digits);

    if (*id == '\0')
        return err_set(err, ERR_INVALID, "request_id: is required");
    if (task->upstream_id != NULL && fal_path_is_of(task->upstream_id, id)) {
        buf_str(upstream_id, task->upstream_id);
    } else if (!fal_path_add(task, account, id, upstream_id)) {
        buf_reset(upstream_id);
        buf_str(upstream_id, id);
    }
    return true;
}

static const struct dialect_signature signature = {
    .prefix = "x-fal-webhook",
    .id = "request-id",
    .keys_url = "https://rest.fal.ai/.well-known/jwks.json",
    .url_key = "webhook_keys_url",
};

static const struct dialect official = {
    .name = "official",
    .base_url = "https://queue.fal.run",
    .request_id = "x-fal-request-id",
    .keys = official_keys,
    .check = fal_input_check,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_poll,
    .read_poll = read_poll,
    .build_next = build_next,
    .read_next = read_next,
    .build_cancel = build_cancel,
    .cancels_running = true,
    .read_callback = read_callback,
    .callback_signature = &signature,
};

static const struct dialect *const dialects[] = {&official, &fal_relay, NULL};

const struct provider provider_fal = {
    .name = "fal",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes, [MEDIA_IMAGE] = prefixes},
    .poll_first_ms = 5000,
    .poll_max_ms = 15000,
    .typical_ms = 120000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 24 * 3600 * 1000LL, // days, it seems: no page says it
    .nobodys_action = "video",
    .nobodys_id = "00000000-0000-0000-0000-000000000000",
    .example = {.models = "{'fal-ai/kling-video/v2/master':"
                          "'fal-ai/kling-video/v2/master/text-to-video',"
                          "'fal-ai/nano-banana':'fal-ai/nano-banana',"
                          "'fal-ai/nano-banana/edit':'fal-ai/nano-banana/edit'}",
                .path = "/v1/video/create",
                .body = "{'model':'fal-ai/kling-video/v2/master','prompt':'a red kite over a "
                        "harbour','duration':5,'aspect_ratio':'16:9'}"},
};
