// Submits: a family makes a task of the body, a provider looks at it, the store takes it.
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/config.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/io/http_server.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/family.h"
#include "providers/provider.h"
#include "scheduler/api.h"
#include "scheduler/outs.h"

enum { MAX_IDEMPOTENCY_KEY = 255 };

static void on_submitted(void *ctx, enum submit_result result, const char *id, int64_t waiting,
                         const struct err *err)
{
    struct request *request = ctx;
    struct buf json = {0};

    request->op = NULL;
    if (err != NULL) {
        request_refuse(request, err);
        return;
    }
    if (result == SUBMIT_ACCEPTED) {
        metric_add(METRIC_tasks_accepted_total, 1);
        log_info("task.accepted", "task=%s key=%s provider=%s action=%s", id, request->owner,
                 request->task->provider, request->task->action);
    } else if (result == SUBMIT_REPLAYED) {
        http_exchange_add_header(request->exchange, "Idempotent-Replayed", "true");
    }
    if (request->route->kind == ROUTE_ASK) {
        query_answer(request, id);
        return;
    }
    request->family->accepted(id, waiting, result == SUBMIT_REPEATED, &json);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

// Which account could do it: any that serves the model and takes what the task asks.
static bool choose(struct request *request, struct err *err)
{
    const struct config *config = request->api->config;
    const struct task *task = request->task;
    const struct provider *provider = provider_find(task->provider);
    bool is_served = false, is_checked = false, is_in = false;
    struct err refusal;

    for (size_t i = 0; i < config->account_count; i++) {
        const struct account *account = &config->accounts[i];

        if (strcmp(account->provider, task->provider) != 0 ||
            (task->account != NULL && strcmp(account->name, task->account) != 0) ||
            account_model(account, task->model == NULL ? "" : task->model) == NULL)
            continue;
        is_served = true;
        if (provider->check != NULL && !provider->check(task, account, &refusal))
            continue;
        is_checked = true;
        is_in = is_in || !outs_has(request->api->outs, account);
    }
    if (!is_served && task->account != NULL)
        return err_set(err, ERR_CHANNEL, "the account of the parent task is no longer configured");
    if (!is_served)
        return err_set(err, ERR_MODEL, "no account serves %s %s", task->provider,
                       task->model == NULL ? "" : task->model);
    if (!is_checked) {
        *err = refusal;
        return false;
    }
    return is_in || err_set(err, ERR_CHANNEL, "every account for this is out of service");
}

static void send(struct request *request, const char *once)
{
    const struct task *task = request->task;
    struct submit submit = {.task = task,
                            .once = once,
                            .is_listed = !task->is_ask,
                            .idempotency = request->idempotency};
    char lane[160];
    struct err err;

    if (!choose(request, &err)) {
        request_refuse(request, &err);
        return;
    }
    lane_name(lane, sizeof lane, task->provider, task->model, task->account, task->cost > 0);
    submit.lane = lane;
    request->op = tasks_submit(request->api->store, &submit, on_submitted, request);
}

static void on_parent(void *ctx, struct task *parent, const struct err *err)
{
    struct request *request = ctx;
    struct err why;

    request->op = NULL;
    if (err != NULL) {
        why = *err;
        if (err->code == ERR_NOT_FOUND)
            err_set(&why, ERR_NOT_FOUND, "taskId: no such task");
        request_refuse(request, &why);
        return;
    }
    if (request->family->adopt(request->task, parent, &why)) {
        char *once = request->extra; // noted by submit_handle: what is asked of the parent

        request->extra = NULL;
        send(request, once);
        free(once);
    } else {
        request_refuse(request, &why);
    }
    task_free(parent);
}

static bool check_hook(const struct request *request, struct err *err)
{
    const struct task *task = request->task;

    if (task->hook == NULL ||
        url_check_public(task->hook, request->api->config->webhook.allow_private_networks, err))
        return true;
    err->code = ERR_INVALID; // a field like any other
    return err_wrap(err, "%s",
                    json_object_get(request->body, "callback_url") != NULL ? "callback_url"
                                                                           : "notifyHook");
}

static bool check_idempotency_key(struct request *request, struct err *err)
{
    const char *key = http_exchange_header(request->exchange, "idempotency-key");
    unsigned count = http_exchange_header_count(request->exchange, "idempotency-key");

    if (count > 1 || (key != NULL && (*key == '\0' || strlen(key) > MAX_IDEMPOTENCY_KEY)))
        return err_set(err, ERR_INVALID, "Idempotency-Key: must come once, with 1 to %d characters",
                       MAX_IDEMPOTENCY_KEY);
    return true;
}

static bool make_task(struct request *request, const char **once, struct err *err)
{
    struct family_request family_request = {.route = request->route,
                                            .path_id = *request->id == '\0' ? NULL : request->id,
                                            .mode = request->extra,
                                            .body = request->body};
    struct task *task = request->task = task_new();
    size_t len;
    const char *body = http_exchange_body(request->exchange, &len);

    task->created_ms = store_now_ms(request->api->store);
    id_make_task(task->id, task->created_ms);
    mem_set_str(&task->owner, request->owner);
    mem_set_str(&task->family, request->family->name);
    task->request = len == 0 ? mem_str("{}") : mem_strn(body, len);
    return check_idempotency_key(request, err) &&
           request->family->accept(&family_request, task, once, err) && check_hook(request, err);
}

static void go_on(struct request *request)
{
    if (request->task->parent == NULL)
        send(request, NULL);
    else
        request->op = tasks_get(request->api->store, request->task->parent, request->owner,
                                on_parent, request);
}

// Asked first: the answer that was given once stands, whatever became of the parent or the accounts
// since. Two at the same time are told apart by the submit itself.
static void on_replay(void *ctx, enum submit_result result, const char *id, int64_t waiting,
                      const struct err *err)
{
    struct request *request = ctx;

    request->op = NULL;
    if (err != NULL || result == SUBMIT_REPLAYED)
        on_submitted(request, result, id, waiting, err);
    else
        go_on(request);
}

void submit_handle(struct request *request)
{
    const char *once = NULL, *key;
    char *once_copy;
    struct err err;

    outs_look(request->api->outs);
    if (strcmp(request->route->method, "POST") != 0)
        request->body = json_object();
    else if (!request_read_body(request))
        return;
    if (!make_task(request, &once, &err)) {
        request_refuse(request, &err);
        return;
    }
    once_copy = mem_str(once); // it may point into what the request frees
    free(request->extra);
    request->extra = once_copy;
    key = http_exchange_header(request->exchange, "idempotency-key");
    if (key == NULL) {
        go_on(request);
        return;
    }
    request->idempotency = mem_new(struct idempotency);
    idempotency_init(request->idempotency, key, request->task);
    request->op = tasks_find_replay(request->api->store, request->owner, request->idempotency,
                                    on_replay, request);
}
