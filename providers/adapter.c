// What adapters share.
#include "providers/adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/config.h"
#include "core/base/field.h"
#include "core/base/http.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "providers/outcome.h"

bool adapter_check_base_url(const struct account *account, struct err *err)
{
    return (account->base_url != NULL && *account->base_url != '\0') ||
           err_set(err, ERR_CONFIG, "base_url: is required");
}

json_t *adapter_request_of(const struct task *task, struct err *err)
{
    json_t *body = json_loads(task->request, 0, NULL), *value;
    const char *name;
    void *next;

    if (!json_is_object(body)) {
        json_decref(body);
        err_set(err, ERR_INTERNAL, "the stored request isn't a JSON object");
        return NULL;
    }
    json_object_foreach_safe(body, next, name, value)
    {
        if (!field_is_given(value, ""))
            json_object_del(body, name);
    }
    json_object_del(body, "notifyHook");
    json_object_del(body, "callback_url");
    return body;
}

const char *adapter_first(const json_t *body, const char *const *places)
{
    for (; *places != NULL; places++)
        if (*field_str_or_empty(body, *places) != '\0')
            return field_str_or_empty(body, *places);
    return "";
}

// A web server or a CDN in front of the vendor says these without a body, or with a page of its
// own: the vendor then never saw the submit.
static bool refuse_without_json(const struct http_response *response, struct outcome *outcome,
                                struct err *err)
{
    char reason[32];

    if (response->status != 401 && response->status != 403 && response->status != 429)
        return false;
    snprintf(reason, sizeof reason, "HTTP %d without a reason", response->status);
    outcome_set_reason(outcome, reason);
    return adapter_refuse_by_status(response, outcome, err);
}

// A gateway that has nobody to send a submit to: another Spool says so with 503, Crazyrouter's page
// doesn't tell the status. new-api says it with 500, but only after somebody that it did send it to
// has failed (controller/relay.go): who knows what that one accepted.
static bool has_no_channel(const struct http_response *response, const json_t *body)
{
    return (response->status < 500 || response->status == 503) &&
           strcmp(field_str_or_empty(body, "code"), "get_channel_failed") == 0;
}

static void refuse_for_now(const struct http_response *response, const json_t *body,
                           struct outcome *outcome)
{
    outcome->kind = OUTCOME_REFUSED_RETRY;
    outcome->code = NULL;
    outcome->retry_after_ms = http_retry_after_ms(response);
    outcome_set_reason(outcome, field_str_or_empty(body, "message"));
}

bool adapter_read_submit(const struct task *task, const struct http_response *response,
                         adapter_read_fn read, struct outcome *outcome, struct err *err)
{
    json_t *body = http_json(response, err);
    bool ok;

    *outcome = (struct outcome){.progress = -1};
    if (body == NULL)
        ok = refuse_without_json(response, outcome, err);
    else
        ok = read(task, response, body, outcome, err);
    if (outcome->kind != OUTCOME_ACCEPTED && has_no_channel(response, body)) {
        refuse_for_now(response, body, outcome);
        ok = true;
    }
    json_decref(body);
    if (!ok)
        outcome->kind = OUTCOME_DOUBT;
    return ok;
}

bool adapter_accepted(struct outcome *outcome, const char *id, const char *field, struct err *err)
{
    if (*id == '\0')
        return err_set(err, ERR_UPSTREAM, "the answer has no %s", field);
    outcome->kind = OUTCOME_ACCEPTED;
    outcome->upstream_id = mem_str(id);
    return true;
}

bool adapter_refuse_by_status(const struct http_response *response, struct outcome *outcome,
                              struct err *err)
{
    switch (response->status) {
    case 400:
    case 422:
        outcome->kind = OUTCOME_REFUSED_FINAL;
        outcome->code = "invalid_request";
        return true;
    case 401:
        outcome->kind = OUTCOME_BAD_KEY;
        return true;
    case 402:
    case 403: // the gateway's balance
        outcome->kind = OUTCOME_REFUSED_ELSEWHERE;
        return true;
    case 404:
        outcome->kind = OUTCOME_REFUSED_FINAL;
        outcome->code = "model_not_found";
        return true;
    case 429:
        outcome->kind = OUTCOME_REFUSED_RETRY;
        outcome->retry_after_ms = http_retry_after_ms(response);
        return true;
    default:
        break;
    }
    return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
}

bool adapter_proves_nothing(const struct http_response *response, struct err *err)
{
    if (response->status < 500 && response->status != 401 && response->status != 403 &&
        response->status != 429)
        return false;
    err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    return true;
}

// In a relay's word at any status, else by 404.
static bool is_missing(const struct http_response *response, const json_t *body)
{
    return response->status == 404 ||
           strcmp(field_str_or_empty(body, "code"), "task_not_exist") == 0;
}

bool adapter_read_poll(const struct task *task, const struct http_response *response,
                       adapter_read_fn read, struct outcome *outcome, struct err *err)
{
    json_t *body;
    bool ok = true;

    *outcome = (struct outcome){.progress = -1};
    if (adapter_proves_nothing(response, err))
        return false;
    body = http_json(response, err);
    if (is_missing(response, body))
        outcome->kind = OUTCOME_MISSING;
    else
        ok = body != NULL && read(task, response, body, outcome, err);
    json_decref(body);
    return ok;
}

int adapter_percent(const char *text)
{
    char *end;
    long progress = strtol(text, &end, 10);

    return end == text || progress < 0 || progress > 100 ? -1 : (int)progress;
}

json_t *adapter_list_body(const struct http_response *response, size_t count,
                          struct outcome *outcomes, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        outcomes[i] = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    if (response->status == 200)
        return http_json(response, err);
    err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    return NULL;
}

void adapter_read_list(const struct task *const *tasks, size_t count, const json_t *list,
                       const char *(*id_of)(const json_t *item), adapter_read_item_fn read,
                       struct outcome *outcomes)
{
    json_t *item;
    size_t k;

    json_array_foreach((json_t *)list, k, item)
    {
        for (size_t i = 0; i < count; i++) {
            struct err one;

            if (strcmp(tasks[i]->upstream_id, id_of(item)) != 0)
                continue;
            outcome_clear(&outcomes[i]);
            if (!read(tasks[i], item, &outcomes[i], &one))
                outcomes[i].kind = OUTCOME_NONE;
        }
    }
}
