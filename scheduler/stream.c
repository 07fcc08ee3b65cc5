// GET /v1/tasks/{id}/events: Server-Sent Events, as WHATWG HTML 9.2 describes them.
//
// A browser's EventSource comes back by itself when a stream ends, with the id that it was told
// last; it is stopped by a 204 once it has been told of the task's end.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "core/loop/loop.h"
#include "core/store/events.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/realtime.h"
#include "scheduler/request.h"

// A client that lets so much pile up is dropped; a comment now and then keeps proxies from dropping
// the connection.
enum { KEEP_ALIVE_MS = 20000 };

static void on_drained(void *ctx)
{
    (void)ctx;
}

// A task that was forgotten meanwhile has no more news.
static void on_still_there(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    struct http_exchange *exchange = request->exchange;

    request_forget(request, AWAIT_TASKS);
    if (err == NULL) {
        task_free(task);
    } else if (err->code == ERR_NOT_FOUND) {
        request_drop(request);
        http_exchange_end(exchange);
    }
}

static void on_keep_alive(void *ctx)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_TIMER);
    request_get_task(request, on_still_there);
    request_await(request, AWAIT_TIMER,
                  loop_after(request->front->loop, KEEP_ALIVE_MS, on_keep_alive, request));
    http_exchange_write(request->exchange, ": \n\n", 4, on_drained, NULL);
}

static void on_news(void *ctx, const struct news *news, size_t count)
{
    struct request *request = ctx;
    struct http_exchange *exchange = request->exchange;
    struct buf text = {0};
    bool has_ended = false, is_slow;

    for (size_t i = 0; i < count; i++) {
        buf_fmt(&text, "id: %s\nevent: task\ndata: %s\n\n", news[i].cursor, news[i].json);
        has_ended = has_ended || task_is_terminal(news[i].task->phase);
    }
    is_slow = !http_exchange_write(exchange, text.data, text.len, on_drained, NULL);
    buf_clear(&text);
    if (has_ended) {
        request_drop(request);
        http_exchange_end(exchange);
    } else if (is_slow) {
        request_drop(request);
        http_exchange_abort(exchange); // the client comes back with Last-Event-ID
    }
}

static void on_gap(void *ctx)
{
    struct request *request = ctx;

    http_exchange_write(request->exchange, "event: gap\ndata: {}\n\n", 21, on_drained, NULL);
}

// The client comes back with Last-Event-ID, and finds another process.
static void on_drain(struct request *request)
{
    struct http_exchange *exchange = request->exchange;

    request_drop(request);
    http_exchange_abort(exchange);
}

// Whether the client, who was told everything up to `last`, knows of the task's end.
static bool has_been_told(const struct task *task, const char *last)
{
    return last != NULL && realtime_is_cursor(last) && task_is_terminal(task->phase) &&
           task->end_cursor != NULL && events_compare(last, task->end_cursor) >= 0;
}

static void answer_no_more(struct request *request)
{
    struct http_exchange *exchange = request->exchange;

    request_count(request, 204, 0);
    request_drop(request);
    http_exchange_answer(exchange, 204, NULL, NULL, 0);
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const char *last = http_exchange_header(request->exchange, "last-event-id");
    struct watcher_options options = {
        .owner = request_scope(request), .on_news = on_news, .on_gap = on_gap, .ctx = request};
    struct watcher *watcher;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    // Proxies that gather an answer before they pass it on would hold back what is news.
    http_exchange_add_header(request->exchange, "Cache-Control", "no-store");
    http_exchange_add_header(request->exchange, "X-Accel-Buffering", "no");
    if (has_been_told(task, last)) {
        answer_no_more(request);
        task_free(task);
        return;
    }
    if (!request_take_place(request)) {
        task_free(task);
        return;
    }
    request_count(request, 200, -1);
    http_exchange_begin(request->exchange, 200, "text/event-stream", -1);
    request_await(request, AWAIT_TIMER,
                  loop_after(request->front->loop, KEEP_ALIVE_MS, on_keep_alive, request));
    watcher = watcher_new(request->front->realtime, &options);
    request_watch(request, watcher, on_drain);
    if (last != NULL && realtime_is_cursor(last) && !task_is_terminal(task->phase))
        watcher_resume(watcher, task->id, last);
    else
        watcher_add(watcher, task->id, 0);
    task_free(task);
}

void stream_start(struct request *request)
{
    request_get_task(request, on_task);
}
