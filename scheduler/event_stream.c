// Streams of events, one for each client that watches a task.
#include "scheduler/event_stream.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/http/http_server.h"
#include "core/loop/loop.h"
#include "core/store/tasks.h"
#include "core/task/task.h"
#include "scheduler/handover.h"
#include "scheduler/news.h"
#include "scheduler/realtime.h"

// A comment now and then keeps proxies from dropping the connection.
enum { KEEP_ALIVE_MS = 20000 };

struct event_stream {
    struct event_streams *streams;
    struct arrival *arrival; // with the place, and the key's name
    struct http_exchange *exchange;
    struct watcher *watcher;
    struct loop_timer *timer; // the next comment
    struct tasks_op *look;    // whether the task is still there
    bool is_late;             // it came while the streams were being ended
    struct event_stream *next, **at;
};

struct event_streams {
    struct loop *loop; // these three are borrowed, and outlive us
    struct store *store;
    struct realtime *realtime;
    struct http_server *server; // has the connections; listens nowhere
    struct event_stream *all;
    bool is_draining;
    // The change that was told last, as it goes out: many may watch the same task.
    struct told {
        struct buf text;
        char task[ID_SIZE], cursor[CURSOR_SIZE];
        int version;
    } told, told_operators;
};

// The exchange goes its own way.
static void stream_free(struct event_stream *stream)
{
    *stream->at = stream->next;
    if (stream->next != NULL)
        stream->next->at = stream->at;
    watcher_drop(&stream->watcher);
    loop_cancel(&stream->timer);
    tasks_op_cancel(&stream->look);
    arrival_free(stream->arrival);
    free(stream);
}

static void stream_end(struct event_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;

    stream_free(stream);
    http_exchange_end(exchange);
}

// The client comes back with Last-Event-ID.
static void stream_cut(struct event_stream *stream)
{
    struct http_exchange *exchange = stream->exchange;

    stream_free(stream);
    http_exchange_abort(exchange);
}

static const char *scope_of(const struct event_stream *stream)
{
    return stream->arrival->is_operator ? NULL : stream->arrival->owner;
}

static void on_gone(void *ctx)
{
    stream_free(ctx);
}

static void on_drained(void *ctx)
{
    (void)ctx;
}

// A task that was forgotten meanwhile has no more news.
static void on_still_there(void *ctx, struct task *task, const struct err *err)
{
    struct event_stream *stream = ctx;

    stream->look = NULL;
    task_free(task);
    if (err != NULL && err->code == ERR_NOT_FOUND)
        stream_end(stream);
}

static void on_keep_alive(void *ctx)
{
    struct event_stream *stream = ctx;

    stream->timer = loop_after(stream->streams->loop, KEEP_ALIVE_MS, on_keep_alive, stream);
    if (stream->look == NULL)
        stream->look = tasks_get(stream->streams->store, stream->arrival->task, scope_of(stream),
                                 on_still_there, stream);
    http_exchange_write(stream->exchange, ": \n\n", 4, on_drained, NULL);
}

// The cursor says which change it is; but the present states of several tasks, and of one that is
// read again, may have the same.
static const struct buf *text_of(struct event_streams *streams, const struct news *news,
                                 bool is_operator)
{
    struct told *told = is_operator ? &streams->told_operators : &streams->told;

    if (told->version != news->task->version || strcmp(told->cursor, news->cursor) != 0 ||
        strcmp(told->task, news->task->id) != 0) {
        buf_reset(&told->text);
        buf_fmt(&told->text, "id: %s\nevent: task\ndata: ", news->cursor);
        news_write(news, is_operator, &told->text);
        buf_str(&told->text, "\n\n");
        snprintf(told->task, sizeof told->task, "%s", news->task->id);
        snprintf(told->cursor, sizeof told->cursor, "%s", news->cursor);
        told->version = news->task->version;
    }
    return &told->text;
}

// A client that lets too much pile up is dropped.
static void on_news(void *ctx, const struct news *news, size_t count)
{
    struct event_stream *stream = ctx;
    bool has_ended = false, is_slow = false;

    for (size_t i = 0; i < count; i++) {
        const struct buf *text = text_of(stream->streams, &news[i], stream->arrival->is_operator);

        is_slow = !http_exchange_write(stream->exchange, text->data, text->len, on_drained, NULL);
        has_ended = has_ended || task_is_terminal(news[i].task->phase);
    }
    if (has_ended)
        stream_end(stream);
    else if (is_slow)
        stream_cut(stream);
}

static void on_gap(void *ctx)
{
    struct event_stream *stream = ctx;

    http_exchange_write(stream->exchange, "event: gap\ndata: {}\n\n", 21, on_drained, NULL);
}

void event_streams_adopt(struct event_streams *streams, struct arrival *arrival)
{
    struct http_exchange *exchange =
        http_server_adopt(streams->server, arrival->fd, &arrival->bytes);
    struct event_stream *stream;
    struct watcher_options options;

    arrival->fd = -1;
    if (exchange == NULL) {
        arrival_free(arrival);
        return;
    }
    buf_clear(&arrival->bytes);
    stream = mem_new(struct event_stream);
    stream->streams = streams;
    stream->arrival = arrival;
    stream->exchange = exchange;
    stream->next = streams->all;
    stream->at = &streams->all;
    if (stream->next != NULL)
        stream->next->at = &stream->next;
    streams->all = stream;
    stream->is_late = streams->is_draining;
    http_exchange_on_gone(exchange, on_gone, stream);
    options = (struct watcher_options){
        .owner = scope_of(stream), .on_news = on_news, .on_gap = on_gap, .ctx = stream};
    stream->timer = loop_after(streams->loop, KEEP_ALIVE_MS, on_keep_alive, stream);
    stream->watcher = watcher_new(streams->realtime, &options);
    if (arrival->is_gap)
        on_gap(stream);
    if (*arrival->last != '\0')
        watcher_resume(stream->watcher, &(const char *){arrival->task}, 1, false, arrival->last);
    else
        watcher_add(stream->watcher, arrival->task, 0);
}

struct event_streams *event_streams_start(struct loop *loop, struct store *store,
                                          struct realtime *realtime)
{
    struct event_streams *streams = mem_new(struct event_streams);
    struct err err;

    *streams = (struct event_streams){.loop = loop, .store = store, .realtime = realtime};
    streams->server = http_server_start(loop, &(struct http_server_options){0}, &err);
    return streams;
}

bool event_streams_drain(struct event_streams *streams)
{
    struct event_stream *next;

    if (!streams->is_draining)
        http_server_drain(streams->server);
    streams->is_draining = true;
    for (struct event_stream *stream = streams->all; stream != NULL; stream = next) {
        next = stream->next;
        if (!stream->is_late)
            stream_cut(stream);
        else
            stream->is_late = false;
    }
    return http_server_connections(streams->server) == 0;
}

void event_streams_drop(struct event_streams **pointer)
{
    struct event_streams *streams = *pointer;

    if (streams == NULL)
        return;
    *pointer = NULL;
    http_server_drop(&streams->server); // the streams end with their exchanges
    while (streams->all != NULL)
        stream_free(streams->all);
    buf_clear(&streams->told.text);
    buf_clear(&streams->told_operators.text);
    free(streams);
}
