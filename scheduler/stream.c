// GET /v1/tasks/{id}/events: Server-Sent Events, as WHATWG HTML 9.2 describes them. Here, on the
// front door's thread, it is found out what is to be told; event_stream.c tells it.
//
// A browser's EventSource comes back by itself when a stream ends, with the id that it was told
// last; it is stopped by a 204 once it has been told of the task's end.
#include <stdio.h>

#include "core/http/http_server.h"
#include "core/store/events.h"
#include "core/task/task.h"
#include "scheduler/handlers.h"
#include "scheduler/handover.h"
#include "scheduler/realtime.h"
#include "scheduler/request.h"

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

// HEAD: there is nothing to watch for.
static void answer_head(struct request *request)
{
    struct http_exchange *exchange = request->exchange;

    request_count(request, 200, 0);
    request_drop(request);
    http_exchange_begin(exchange, 200, "text/event-stream", -1);
    http_exchange_end(exchange);
}

// What is found out before there is a place.
struct watch {
    char task[ID_SIZE];
    bool is_terminal;
};

static void keep_watch(struct request *request, const struct task *task)
{
    struct watch *watch = request_keep(request, sizeof *watch, NULL);

    snprintf(watch->task, sizeof watch->task, "%s", task->id);
    watch->is_terminal = task_is_terminal(task->phase);
}

static void hand_over(struct request *request)
{
    const struct watch *watch = request->kept;
    struct http_exchange *exchange = request->exchange;
    const char *last = http_exchange_header(exchange, "last-event-id");
    struct arrival *arrival = arrival_new(ARRIVAL_STREAM);

    snprintf(arrival->request, sizeof arrival->request, "%s", http_exchange_request_id(exchange));
    snprintf(arrival->task, sizeof arrival->task, "%s", watch->task);
    if (last != NULL && realtime_is_cursor(last) && !watch->is_terminal)
        snprintf(arrival->last, sizeof arrival->last, "%s", last);
    request_count(request, 200, -1);
    arrival->fd = http_exchange_take_answer(exchange, 200, "text/event-stream", &arrival->bytes);
    request_hand_over(request, arrival);
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const char *last = http_exchange_header(request->exchange, "last-event-id");

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    // Proxies that gather an answer before they pass it on would hold back what is news.
    http_exchange_add_header(request->exchange, "Cache-Control", "no-store");
    http_exchange_add_header(request->exchange, "X-Accel-Buffering", "no");
    if (has_been_told(task, last)) {
        answer_no_more(request);
    } else if (http_exchange_method(request->exchange) == HTTP_HEAD_) {
        answer_head(request);
    } else {
        keep_watch(request, task);
        request_seek_watch(request, hand_over);
    }
    task_free(task);
}

void stream_start(struct request *request)
{
    request_get_task(request, on_task);
}
