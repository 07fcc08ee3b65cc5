// Routes that answer with the result: a task is made, and the request is held until it has ended.
//
// The task goes on whatever becomes of the request. A client that doesn't want to wait prefers to
// respond-async, and gets the task; one that has waited for sync_wait_ms is told which task it is.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/store/tasks.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "scheduler/filled.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/query_shown.h"
#include "scheduler/realtime.h"
#include "scheduler/request.h"
#include "scheduler/task_json.h"

// Proxies drop a connection on which nothing comes for a minute.
enum { KEEP_ALIVE_MS = 15000 };

static bool prefers_async(const char *preferences)
{
    static const char word[] = "respond-async";

    while (*preferences != '\0') {
        size_t len = strcspn(preferences, ",; \t");

        if (len == sizeof word - 1 && strncasecmp(preferences, word, len) == 0)
            return true;
        preferences += len + strspn(preferences + len, ",; \t");
    }
    return false;
}

bool result_is_async(const struct request *request)
{
    const char *line;

    for (unsigned i = 0; (line = request_header_line(request, "prefer", i)) != NULL; i++)
        if (prefers_async(line))
            return true;
    return false;
}

// The end of a stream that has begun: what it says is all that the client gets.
static void stream_end(struct request *request, const char *event, const struct buf *json)
{
    struct http_exchange *exchange = request->exchange;
    struct buf text = {0};

    buf_fmt(&text, "event: %s\ndata: %s\n\n", event, buf_text(json));
    request_drop(request);
    http_exchange_write(exchange, text.data, text.len, NULL, NULL);
    http_exchange_end(exchange);
    buf_clear(&text);
}

static void result_refuse(struct request *request, const struct err *err)
{
    struct buf json = {0};

    if (!request->is_stream) {
        request_refuse(request, err);
        return;
    }
    request->family->refuse(err, &json);
    stream_end(request, "error", &json);
    buf_clear(&json);
}

static void result_send(struct request *request, const struct task *task,
                        struct family_answer *answer, int status)
{
    struct http_exchange *exchange = request->exchange;
    struct storage *storage = request->front->storage;
    struct filled_options options = {
        .status = status, .head = "", .tail = "", .has_begun = request->is_stream};
    char head[64];

    if (request->is_stream) {
        snprintf(head, sizeof head, "event: %s\ndata: ", answer->event);
        options.head = head;
        options.tail = "\n\n";
    } else {
        request_count(request, status, -1);
    }
    request_drop(request);
    filled_send(exchange, storage, task->result, answer, &options);
}

// The task has ended.
static void result_finish(struct request *request, const struct task *task)
{
    struct family_answer answer = {0};
    int status = request->family->result(task, &answer);

    if (!request->is_stream && status != 503) // which says that the vendor never had it
        request_end_retries(request);

    if (answer.file != NULL || answer.gap_count > 0)
        result_send(request, task, &answer, status);
    else if (request->is_stream)
        stream_end(request, status < 300 ? answer.event : "error", &answer.json);
    else
        request_answer(request, status, &answer.json);
    family_answer_clear(&answer);
}

static void on_news(void *ctx, const struct news *news, size_t count)
{
    struct request *request = ctx;

    for (size_t i = 0; i < count; i++) {
        if (task_is_terminal(news[i].task->phase)) {
            result_finish(request, news[i].task);
            return;
        }
    }
}

static void refuse_late(struct request *request, enum err_code code, const char *why)
{
    struct err err;

    if (!request->is_stream)
        request_end_retries(request);
    err_set(&err, code, "%s: task %s goes on, ask for it at /v1/tasks", why, request->held);
    result_refuse(request, &err);
}

static void on_drain(struct request *request)
{
    refuse_late(request, ERR_UNAVAILABLE, "shutting down");
}

static void on_drained(void *ctx)
{
    (void)ctx;
}

static void on_time(void *ctx)
{
    struct request *request = ctx;
    const struct front *front = request->front;
    int64_t left_ms = request->begun_ms + front->config->sync_wait_ms - clock_mono_ms();

    request_forget(request, AWAIT_TIMER);
    if (left_ms <= 0) {
        request_leave(request);
        refuse_late(request, ERR_WAITED, "the result isn't there yet");
        return;
    }
    if (request->is_stream)
        http_exchange_write(request->exchange, ": \n\n", 4, on_drained, NULL);
    request_await(request, AWAIT_TIMER,
                  loop_after(front->loop, left_ms < KEEP_ALIVE_MS ? left_ms : KEEP_ALIVE_MS,
                             on_time, request));
}

static void stream_begin(struct request *request)
{
    request->is_stream = true;
    request_end_retries(request);
    http_exchange_add_header(request->exchange, "Cache-Control", "no-store");
    http_exchange_add_header(request->exchange, "X-Accel-Buffering", "no");
    request_count(request, 200, -1);
    http_exchange_begin(request->exchange, 200, "text/event-stream", -1);
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    struct buf json = {0};

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    request_show(request, task);
    task_json_write(task, NULL, request->is_operator, &json);
    request_answer(request, 202, &json);
    buf_clear(&json);
    task_free(task);
}

static void name_task(struct request *request, const char *id)
{
    request_add_header(request, "X-Task-Id", id);
    if (request->family->id_header != NULL)
        request_add_header(request, request->family->id_header, id);
}

void result_answer(struct request *request, const struct task *task, const char *id)
{
    struct front *front = request->front;
    struct watcher_options options = {
        .owner = request_scope(request), .on_news = on_news, .ctx = request};
    struct watcher *watcher;

    request_forget_body(request);
    name_task(request, id);
    snprintf(request->held, sizeof request->held, "%s", id);
    if (request->has_left)
        request->on_leave(request); // it couldn't name the task yet
    if (result_is_async(request)) {
        request_end_retries(request);
        request_await(request, AWAIT_TASKS,
                      tasks_get(front->store, id, request_scope(request), on_task, request));
        return;
    }
    if (request->family->wants_stream != NULL && request->family->wants_stream(task))
        stream_begin(request);
    on_time(request);
    watcher = watcher_new(front->realtime, &options);
    request_watch(request, watcher, on_drain);
    watcher_add(watcher, id, 0);
}

static void on_ended(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    request_show(request, task);
    if (query_shown_by(request, task) == NULL) {
        request_refuse_with(request, ERR_NOT_FOUND, "no such task");
    } else if (!task_is_terminal(task->phase)) {
        request_refuse_with(request, ERR_INVALID, request->family->unfinished);
    } else {
        name_task(request, task->id);
        result_finish(request, task);
    }
    task_free(task);
}

void result_show(struct request *request)
{
    request_get_task(request, on_ended);
}
