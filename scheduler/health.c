// What monitors ask: alive, ready, metrics.
#include "core/base/buf.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/store/accounts.h"
#include "core/store/heartbeat.h"
#include "core/store/overview.h"
#include "core/store/store.h"
#include "scheduler/front.h"
#include "scheduler/gauges.h"
#include "scheduler/handlers.h"
#include "scheduler/holds.h"
#include "scheduler/request.h"

void health_alive(struct request *request)
{
    struct buf json = {0};

    buf_str(&json, "{\"status\":\"ok\"}");
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void answer_unready(struct request *request, const char *missing, const char *problem)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"status\":\"unavailable\",\"missing\":[%s],\"reason\":", missing);
    buf_json_str(&json, problem);
    buf_char(&json, '}');
    http_exchange_add_header(request->exchange, "Retry-After", "1");
    request_answer(request, 503, &json);
    buf_clear(&json);
}

// What submits need beside Redis, and what their results do.
struct readiness {
    bool has_worker, has_account;
};

static void answer_ready(struct request *request, bool has_storage)
{
    const struct readiness *ready = request->kept;
    const char *missing[] = {ready->has_worker ? NULL : "workers",
                             ready->has_account ? NULL : "accounts",
                             has_storage ? NULL : "storage"};
    struct buf list = {0}, json = {0};

    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        if (missing[i] != NULL)
            buf_fmt(&list, "%s\"%s\"", list.len == 0 ? "" : ",", missing[i]);
    if (ready->has_account) {
        buf_fmt(&json, "{\"status\":\"ready\",\"missing\":[%s]}", buf_text(&list));
        request_answer(request, 200, &json);
    } else {
        answer_unready(request, buf_text(&list), "every account is out or disabled");
    }
    buf_clear(&list);
    buf_clear(&json);
}

static void on_trouble(void *ctx, const char *trouble, const struct err *err)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_STORE);
    if (err != NULL)
        answer_unready(request, "\"redis\"", err->message);
    else
        answer_ready(request, *trouble == '\0');
}

static void on_ready_states(void *ctx, const struct account_state *states, bool is_worker_there,
                            const struct err *err)
{
    struct request *request = ctx;
    const struct front *front = request->front;
    struct readiness *ready;

    request_forget(request, AWAIT_STORE);
    if (err != NULL) {
        answer_unready(request, "\"redis\"", err->message);
        return;
    }
    ready = request_keep(request, sizeof *ready, NULL);
    ready->has_worker = is_worker_there;
    for (size_t i = 0; i < front->config->account_count; i++)
        ready->has_account = ready->has_account || (!states[i].is_out && !states[i].is_disabled);
    request_await(request, AWAIT_STORE, heartbeat_read_trouble(front->store, on_trouble, request));
}

void health_ready(struct request *request)
{
    const struct front *front = request->front;

    if (front->is_draining)
        answer_unready(request, "", "draining");
    else if (!store_is_up(front->store))
        answer_unready(request, "\"redis\"", store_problem(front->store));
    else
        request_await(request, AWAIT_STORE, accounts_read(front->store, on_ready_states, request));
}

static void write_metrics(struct request *request, const struct overview *overview)
{
    const struct front *front = request->front;
    struct http_exchange *exchange = request->exchange;
    struct buf text = {0};
    int64_t out = 0;

    metric_set(METRIC_http_connections,
               http_server_connections(front->server) + holds_streams(front->holds));
    metric_set(METRIC_redis_up, store_is_up(front->store));
    for (size_t i = 0; overview != NULL && i < overview->account_count; i++)
        out += *overview->accounts[i].out != '\0';
    if (overview != NULL)
        metric_set(METRIC_accounts_out, out);
    metrics_write(&text);
    gauges_write(&text, front->config, overview, store_now_ms(front->store));
    request_count(request, 200, (int64_t)text.len);
    request_drop(request);
    http_exchange_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text.data,
                         text.len);
    buf_clear(&text);
}

static void on_metrics_overview(void *ctx, const struct overview *overview, const struct err *err)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_STORE);
    write_metrics(request, err == NULL ? overview : NULL);
}

// The metrics that Redis knows are read first, where it is there.
void health_metrics(struct request *request)
{
    if (store_is_up(request->front->store))
        request_await(request, AWAIT_STORE,
                      overview_read(request->front->store, on_metrics_overview, request));
    else
        write_metrics(request, NULL);
}
