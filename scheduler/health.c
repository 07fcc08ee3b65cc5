// What monitors ask: alive, ready, metrics.
#include "core/base/buf.h"
#include "core/base/metrics.h"
#include "core/http/http_server.h"
#include "core/store/accounts.h"
#include "core/store/store.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"
#include "scheduler/waiting.h"

void health_alive(struct request *request)
{
    struct buf json = {0};

    buf_str(&json, "{\"status\":\"ok\"}");
    request_answer(request, 200, &json);
    buf_clear(&json);
}

void health_ready(struct request *request)
{
    const struct front *front = request->front;
    const char *problem = front->is_draining ? "draining" : store_problem(front->store);
    bool is_ready = !front->is_draining && store_is_up(front->store);
    struct buf json = {0};

    buf_fmt(&json, "{\"status\":\"%s\"", is_ready ? "ready" : "unavailable");
    if (!is_ready) {
        buf_fmt(&json, ",\"reason\":");
        buf_json_str(&json, problem);
        http_exchange_add_header(request->exchange, "Retry-After", "1");
    }
    buf_char(&json, '}');
    request_answer(request, is_ready ? 200 : 503, &json);
    buf_clear(&json);
}

static void write_metrics(struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    struct buf text = {0};

    metric_set(METRIC_http_connections, http_server_connections(request->front->server));
    metric_set(METRIC_redis_up, store_is_up(request->front->store));
    metrics_write(&text);
    request_drop(request);
    http_exchange_answer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text.data,
                         text.len);
    buf_clear(&text);
}

static void on_states(void *ctx, const struct account_state *states, bool is_worker_there,
                      const struct err *err)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_STORE);
    if (err == NULL)
        waiting_keep(request->front->waiting, states, is_worker_there);
    write_metrics(request);
}

// What is Redis' to know is asked there first.
void health_metrics(struct request *request)
{
    if (store_is_up(request->front->store))
        request_await(request, AWAIT_STORE,
                      accounts_read(request->front->store, on_states, request));
    else
        write_metrics(request);
}
