// GET /v1/tasks/{id}/events: Server-Sent Events, as WHATWG HTML 9.2 describes them. Here, on the
// front door's thread, it is found out what is to be told; event_stream.c tells it.
//
// A browser's EventSource comes back by itself when a stream ends, with the id that it was told
// last; it is stopped by a 204 once it has been told of the task's end.
#include <stdio.h>

#include "core/http/http_server.h"
#include "core/store/events.h"
#include "core/task/task.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/handover.h"
#include "scheduler/realtime.h"
#include "scheduler/request.h"

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
    char last[CURSOR_SIZE]; // what the client was told last; "": nothing that we could go on behind
    bool is_gap;            // there was something, and nobody knows what came behind it
};

static void hand_over(struct request *request)
{
    const struct watch *watch = request->kept;
    struct http_exchange *exchange = request->exchange;
    struct arrival *arrival = arrival_new(ARRIVAL_STREAM);

    snprintf(arrival->request, sizeof arrival->request, "%s", http_exchange_request_id(exchange));
    snprintf(arrival->task, sizeof arrival->task, "%s", watch->task);
    snprintf(arrival->last, sizeof arrival->last, "%s", watch->last);
    arrival->is_gap = watch->is_gap;
    request_count(request, 200, -1);
    arrival->fd = http_exchange_take_answer(exchange, 200, "text/event-stream", &arrival->bytes);
    request_hand_over(request, arrival);
}

static void answer_watch(struct request *request)
{
    if (http_exchange_method(request->exchange) == HTTP_HEAD_)
        answer_head(request);
    else
        request_seek_watch(request, hand_over);
}

static void watch_with_gap(struct request *request)
{
    struct watch *watch = request->kept;

    *watch->last = '\0';
    watch->is_gap = true;
    answer_watch(request);
}

// Whether the stream, which has gone on since the task's end, ever came to what the client says
// that it was told.
static void on_stream_known(void *ctx, const struct event *events, size_t count, bool is_gap,
                            const struct err *err)
{
    struct request *request = ctx;

    (void)events;
    (void)count;
    if (!request_got(request, AWAIT_EVENTS, err))
        return;
    if (is_gap)
        watch_with_gap(request);
    else
        answer_no_more(request);
}

static void answer_ended(struct request *request, const char *end_cursor)
{
    struct watch *watch = request->kept;
    int behind_end = end_cursor == NULL ? 0 : events_compare(watch->last, end_cursor);

    if (end_cursor == NULL) {
        *watch->last = '\0'; // what we go on with has no end
        answer_watch(request);
    } else if (behind_end < 0) {
        answer_watch(request);
    } else if (behind_end == 0) {
        answer_no_more(request);
    } else {
        request_await(request, AWAIT_EVENTS,
                      events_read(request->front->store, watch->last, watch->last, 1,
                                  on_stream_known, request));
    }
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const char *last = http_exchange_header(request->exchange, "last-event-id");
    struct watch *watch;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    // Proxies that gather an answer before they pass it on would hold back what is news.
    http_exchange_add_header(request->exchange, "Cache-Control", "no-store");
    http_exchange_add_header(request->exchange, "X-Accel-Buffering", "no");
    watch = request_keep(request, sizeof *watch, NULL);
    snprintf(watch->task, sizeof watch->task, "%s", task->id);
    if (last == NULL || *last == '\0') {
        answer_watch(request);
    } else if (!realtime_is_cursor(last)) {
        watch_with_gap(request);
    } else {
        snprintf(watch->last, sizeof watch->last, "%s", last);
        if (task_is_terminal(task->phase))
            answer_ended(request, task->end_cursor);
        else
            answer_watch(request);
    }
    task_free(task);
}

void stream_start(struct request *request)
{
    request_get_task(request, on_task);
}
