// fal's models at a gateway of the one-api family, or at another Spool.
#include "providers/fal_relay.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/fal_answer.h"
#include "providers/fal_image.h"
#include "providers/fal_input.h"
#include "providers/fal_path.h"
#include "providers/image_call.h"
#include "providers/outcome.h"
#include "providers/refusal.h"
#include "providers/relay.h"

static const char root[] = "fal-ai/"; // of the models that a relay has

// Videos have the unified path.

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

// Images have fal's own path at a relay, which answers it with the result.

static bool is_call(const struct task *task, const struct account *account)
{
    (void)account;
    return fal_image_is(task);
}

static bool check_relay(const struct task *task, const struct account *account, struct err *err)
{
    const char *model = provider_model(account, task->model);

    if (!fal_image_is(task))
        return true;
    return model == NULL || strncmp(model, root, sizeof root - 1) == 0
               ? fal_input_check(task, account, err)
               : err_set(err, ERR_INVALID, "model: %.60s has no path at a relay", task->model);
}

static bool build_relay(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    struct buf path = {0};
    json_t *body;
    bool ok;

    if (!fal_image_is(task))
        return relay_build_submit(task, account, request, err);
    body = fal_input_of(task, account, &path, err);
    ok = body != NULL && fal_path_post(&path, account, body, request, err);
    adapter_add_bearer(account, request);
    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    request->timeout_ms = IMAGE_CALL_MS;
    buf_clear(&path);
    return ok;
}

static bool read_call(const struct task *task, const struct account *account,
                      const struct http_response *response, const json_t *body,
                      struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"error.code", "code", "detail.0.type", NULL};
    static const struct {
        const char *code;
        enum outcome_kind kind;
        const char *error;
    } failures[] = {
        {"content_filter", OUTCOME_REFUSED_FINAL, "content_filter"},
        {"content_policy_violation", OUTCOME_REFUSED_FINAL, "content_filter"},
        {"vendor_failed", OUTCOME_FAILED, "vendor_failed"},
    };
    const char *code = field_first_str(body, places);

    (void)account;
    if (response->status >= 200 && response->status <= 299 && json_object_size(body) > 0 &&
        !field_is_given(body, "error") && !field_is_given(body, "detail")) {
        fal_answer_read(task, body, outcome);
        return true;
    }
    for (size_t i = 0; i < sizeof failures / sizeof failures[0]; i++) {
        if (strcmp(failures[i].code, code) != 0)
            continue;
        outcome->kind = failures[i].kind;
        outcome->code = failures[i].error;
        outcome_set_reason(outcome, refusal_words(body));
        return true;
    }
    return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
}

static bool read_relay(const struct task *task, const struct account *account,
                       const struct http_response *response, struct outcome *outcome,
                       struct err *err)
{
    return fal_image_is(task)
               ? adapter_read_submit(task, account, response, read_call, outcome, err)
               : relay_read_submit(task, account, response, outcome, err);
}

const struct dialect fal_relay = {
    .name = "relay",
    .keys = adapter_bearer_keys,
    .relay = &table,
    .check = check_relay,
    .is_call = is_call,
    .build_submit = build_relay,
    .read_submit = read_relay,
    .build_poll = relay_build_poll,
    .read_poll = relay_read_poll,
    .build_fetch = relay_build_fetch,
    .inline_keys = image_call_inline_keys,
};
