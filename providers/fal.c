// Models at fal.ai's queue (official), or at a gateway of the one-api family or another Spool
// (relay). An account lists the models that it is to serve, by the names of fal's endpoints.
//
// Sources: fal-ai/fal-js (JS), fal's pages on the queue, cancelling, request errors, retries and
// webhooks (DOC). What is kept as a job's id is the path of its result, as it stands in a URL:
// "fal-ai/kling-video/requests/<request id>". Its status and its cancel lie below.
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
#include "providers/fal_body.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/relay.h"

static const struct dialect_key official_keys[] = {{.name = "base_url", .is_required = true},
                                                   {.name = "api_key", .is_required = true},
                                                   {.name = "webhook_keys_url", .is_url = true},
                                                   {0}};

static const char *const models[] = {NULL};
static const char *const prefixes[] = {"fal-ai/", NULL};

// Paths.

// Whether the text is the path of a job's result, without the first slash, and nothing else that
// could stand in a URL.
static bool is_path(const char *text)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
        "-._~%/";

    if (*text == '/' || text[strspn(text, allowed)] != '\0' || strstr(text, "//") != NULL ||
        strstr(text, "/requests/") == NULL)
        return false;
    for (; text != NULL; text = strchr(text, '/')) {
        text += *text == '/';
        if (strcspn(text, "/") == strspn(text, ".")) // "..", or nothing
            return false;
    }
    return true;
}

// Whether the path is that of this request.
static bool is_path_of(const char *path, const char *request_id)
{
    struct buf end = {0};
    size_t len = strlen(path);
    bool is;

    buf_str(&end, "/requests/");
    buf_percent(&end, request_id);
    is = len > end.len && strcmp(path + len - end.len, end.data) == 0 && is_path(path);
    buf_clear(&end);
    return is;
}

// Adds the model's path: all of it, or as far as it names the app (JS: parseEndpointId). False
// where it names none.
static bool add_model(const char *model, bool is_app, struct buf *path)
{
    bool has_space = strncmp(model, "workflows/", 10) == 0 || strncmp(model, "comfy/", 6) == 0;
    size_t wanted = has_space ? 3 : 2, count = 0;

    while (*model != '\0' && !(is_app && count == wanted)) {
        size_t len = strcspn(model, "/");
        char *part = mem_strn(model, len);
        bool is_fine = len > 0 && strspn(part, ".") != len;

        buf_str(path, count == 0 ? "" : "/");
        buf_percent(path, part);
        free(part);
        if (!is_fine)
            return false;
        count++;
        model += len;
        model += *model == '/';
    }
    return count >= wanted;
}

// Adds the path of a request's result, by the model's name.
static bool add_path(const struct task *task, const struct account *account, const char *request_id,
                     struct buf *path)
{
    const char *model = provider_model(account, task->model);

    if (model == NULL || !add_model(model, true, path))
        return false;
    buf_str(path, "/requests/");
    buf_percent(path, request_id);
    return true;
}

// Completes a request to the account's base_url and a slash.
static void complete(const struct account *account, const struct buf *path,
                     struct http_request *request)
{
    struct buf url = {0};

    buf_str(&url, request->url);
    buf_str(&url, buf_text(path));
    free(request->url);
    request->url = buf_take(&url);
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

    if (is_path(task->upstream_id))
        buf_str(&path, task->upstream_id);
    else if (!add_path(task, account, task->upstream_id, &path))
        ok = err_set(err, ERR_UPSTREAM, "it isn't known which of the vendor's apps has the job");
    buf_str(&path, behind);
    ok = ok && http_get(request, account->base_url, err, "/");
    if (ok)
        complete(account, &path, request);
    buf_clear(&path);
    return ok;
}

// Submits.

// Adds the path; NULL where there is none, or where the model can't be asked for this.
static json_t *body_of(const struct task *task, const struct account *account, struct buf *path,
                       struct err *err)
{
    const char *model = provider_model(account, task->model);

    if (model != NULL && add_model(model, false, path))
        return fal_body_of(task, model, err);
    err_set(err, ERR_INVALID, "model: %.60s stands for no endpoint of the vendor's", task->model);
    return NULL;
}

static bool check(const struct task *task, const struct account *account, struct err *err)
{
    struct buf path = {0};
    json_t *body = body_of(task, account, &path, err);
    bool ok = body != NULL;

    buf_clear(&path);
    json_decref(body);
    return ok;
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    struct buf path = {0};
    json_t *body = body_of(task, account, &path, err);
    bool ok = body != NULL && http_post_json(request, account->base_url, body, err, "/");

    if (task->callback_url != NULL) {
        buf_str(&path, "?fal_webhook=");
        buf_percent(&path, task->callback_url);
    }
    if (ok)
        complete(account, &path, request);
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
        is_path_of(parts.path + 1, outcome->upstream_id))
        buf_str(&path, parts.path + 1);
    else if (!add_path(task, account, outcome->upstream_id, &path))
        buf_reset(&path);
    if (path.len > 0)
        mem_set_str(&outcome->upstream_id, path.data);
    buf_clear(&path);
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"request_id", NULL};

    // A refusal may have an id of its own.
    if (field_at(body, "detail") != NULL || !adapter_accept(response, body, places, outcome, err))
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
    const char *id = field_str_or_empty(body, "request_id");

    (void)account;
    if (response->status == 404 && task->is_cancel_asked && field_is_given(body, "detail")) {
        outcome->kind = OUTCOME_CANCELLED; // what waited is removed (DOC)
        return true;
    }
    if (response->status >= 300 && response->status != 404)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    if (*id != '\0' && is_path(task->upstream_id) && !is_path_of(task->upstream_id, id))
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

static void add_file(const json_t *file, const char *kind, struct outcome *outcome)
{
    const char *url =
        json_is_string(file) ? json_string_value(file) : field_str_or_empty(file, "url");

    if (strncmp(url, "http", 4) != 0)
        return;
    if (strcmp(kind, "cover") == 0)
        outcome_add_part(outcome, kind, url, NULL, true);
    else
        outcome_add_source(outcome, kind, url);
}

// Models name their files as they like; these are the names that video models have (JS).
static void add_files(const json_t *body, struct outcome *outcome)
{
    static const struct {
        const char *name, *kind;
    } names[] = {
        {"video", "video"}, {"videos", "video"}, {"video_url", "video"},
        {"image", "image"}, {"images", "image"}, {"thumbnail_url", "cover"},
    };
    json_t *file;
    size_t k;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const json_t *found = field_at(body, names[i].name);

        if (!json_is_array(found))
            add_file(found, names[i].kind, outcome);
        json_array_foreach((json_t *)found, k, file) add_file(file, names[i].kind, outcome);
    }
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
    (void)task, (void)account;
    if (response->status < 300 && !field_is_given(body, "detail")) {
        outcome->kind = OUTCOME_SUCCEEDED;
        add_files(body, outcome);
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
    const char *id = field_str_or_empty(body, "request_id");

    if (*id == '\0')
        return err_set(err, ERR_INVALID, "request_id: is required");
    if (task->upstream_id != NULL && is_path_of(task->upstream_id, id)) {
        buf_str(upstream_id, task->upstream_id);
    } else if (!add_path(task, account, id, upstream_id)) {
        buf_reset(upstream_id);
        buf_str(upstream_id, id);
    }
    return true;
}

static const struct dialect_signature signature = {
    .prefix = "x-fal-webhook",
    .keys_url = "https://rest.fal.ai/.well-known/jwks.json",
    .url_key = "webhook_keys_url",
};

static const struct dialect official = {
    .name = "official",
    .base_url = "https://queue.fal.run",
    .request_id = "x-fal-request-id",
    .keys = official_keys,
    .check = check,
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

// A relay's unified path.

static const struct outcome_word relay_words[] = {
    {"processing", OUTCOME_RUNNING},  {"completed", OUTCOME_SUCCEEDED},
    {"failed", OUTCOME_FAILED},       {"queued", OUTCOME_RUNNING},
    {"submitted", OUTCOME_RUNNING},   {"pending", OUTCOME_RUNNING},
    {"in_progress", OUTCOME_RUNNING}, {"succeeded", OUTCOME_SUCCEEDED},
    {"cancelled", OUTCOME_CANCELLED}, {"NOT_START", OUTCOME_RUNNING},
    {"SUBMITTED", OUTCOME_RUNNING},   {"QUEUED", OUTCOME_RUNNING},
    {"IN_PROGRESS", OUTCOME_RUNNING}, {"SUCCESS", OUTCOME_SUCCEEDED},
    {"FAILURE", OUTCOME_FAILED},
};

static const struct relay table = {
    .submit = "/v1/video/generations",
    .poll = "/v1/video/generations/%s",
    .ids = (const char *const[]){"id", "task_id", "data.task_id", "data.id", NULL},
    .jobs = (const char *const[]){"data", NULL},
    .statuses = (const char *const[]){"status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .started = (const char *const[]){"in_progress", "IN_PROGRESS", NULL},
    .kind = "video",
    .links = (const char *const[]){"video_url", "url", "metadata.url", "result_url", "fail_reason",
                                   NULL}, // the last: new-api, on success
    .reasons = (const char *const[]){"error.message", "fail_reason", "message", NULL},
    .filters = (const char *const[]){"content_filter", "content_policy_violation", NULL},
};

static const struct dialect relay = {RELAY(table)};

static const struct dialect *const dialects[] = {&official, &relay, NULL};

const struct provider provider_fal = {
    .name = "fal",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
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
                          "'fal-ai/kling-video/v2/master/text-to-video'}",
                .path = "/v1/video/create",
                .body = "{'model':'fal-ai/kling-video/v2/master','prompt':'a red kite over a "
                        "harbour','duration':5,'aspect_ratio':'16:9'}"},
};
