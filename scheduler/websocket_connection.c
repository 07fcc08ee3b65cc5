// One WebSocket: what its client asks for, and what waits to be sent to it.
#include "scheduler/websocket_private.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/json/field.h"
#include "core/loop/loop.h"
#include "scheduler/handover.h"
#include "scheduler/holds.h"
#include "scheduler/news.h"
#include "scheduler/realtime.h"

#define GAP_TEXT "{\"type\":\"gap\"}"

// The queue.

static void queue_clear(struct websocket *ws)
{
    while (ws->first < ws->last)
        websocket_text_unref(ws->queue[ws->first++]);
    free(ws->queue);
    ws->queue = NULL;
    ws->first = ws->last = ws->cap = 0;
    ws->waiting_bytes = 0;
}

static void unwake(struct websocket *ws)
{
    if (!ws->is_woken)
        return;
    ws->is_woken = false;
    *ws->at_woken = ws->next_woken;
    if (ws->next_woken != NULL)
        ws->next_woken->at_woken = ws->at_woken;
}

static void wake(struct websocket *ws)
{
    struct websockets *websockets = ws->websockets;

    if (ws->is_woken)
        return;
    ws->is_woken = true;
    ws->next_woken = websockets->woken;
    ws->at_woken = &websockets->woken;
    if (ws->next_woken != NULL)
        ws->next_woken->at_woken = &ws->next_woken;
    websockets->woken = ws;
    loop_turn_ask(websockets->turn);
}

static void make_room(struct websocket *ws)
{
    unsigned count = ws->last - ws->first;
    unsigned cap = count > ws->cap / 2 ? 2 * ws->cap : ws->cap == 0 ? 4 : ws->cap;
    struct websocket_text **queue = mem_array(struct websocket_text *, cap);

    for (unsigned i = 0; i < count; i++)
        queue[i] = ws->queue[ws->first + i];
    free(ws->queue);
    ws->queue = queue;
    ws->first = 0;
    ws->last = count;
    ws->cap = cap;
}

// Takes the text. False: the connection is being closed.
static bool queue_add(struct websocket *ws, struct websocket_text *text)
{
    if (ws->close_code != 0) {
        websocket_text_unref(text);
        return false;
    }
    if (ws->waiting_bytes + text->len > WEBSOCKET_MAX_WAITING && ws->waiting_bytes > 0) {
        websocket_text_unref(text);
        log_info("websocket.slow", "request=%s key=%s waiting_bytes=%u", ws->request, ws->owner,
                 ws->waiting_bytes);
        metric_add(METRIC_websocket_slow_total, 1);
        websocket_close(ws, WEBSOCKET_TRY_AGAIN);
        return false;
    }
    if (ws->last == ws->cap)
        make_room(ws);
    ws->queue[ws->last++] = text;
    ws->waiting_bytes += (unsigned)text->len;
    wake(ws);
    return true;
}

static bool say(struct websocket *ws, const char *json)
{
    return queue_add(ws, websocket_text_new(json, strlen(json)));
}

static void complain(struct websocket *ws, const char *message, const char *task)
{
    struct buf json = {0};

    buf_str(&json, "{\"type\":\"error\",\"message\":");
    buf_json_str(&json, message);
    if (task != NULL) {
        buf_str(&json, ",\"task\":");
        buf_json_str(&json, task);
    }
    buf_char(&json, '}');
    say(ws, json.data);
    buf_clear(&json);
}

// Sending.

// Sends as much as goes together in one write. The frames are ours: libwebsockets would send each
// by itself, and a send costs far more than what is in it.
static bool send_next(struct websocket *ws)
{
    unsigned char *data;
    size_t len;
    unsigned count = websocket_pack(ws->websockets, ws->queue + ws->first, ws->last - ws->first,
                                    ws->is_batch, &data, &len);
    bool ok = lws_write(ws->wsi, data, len, LWS_WRITE_RAW) >= 0;

    while (count-- > 0) {
        struct websocket_text *text = ws->queue[ws->first++];

        ws->waiting_bytes -= (unsigned)text->len;
        websocket_text_unref(text);
    }
    return ok;
}

// libwebsockets sends the close frame in its own time; but asked while it has something else to
// send, it would send neither. False: it isn't told yet.
static bool tell_close(struct websocket *ws)
{
    if (ws->is_told)
        return true;
    if (lws_partial_buffered(ws->wsi))
        return false;
    ws->is_told = true;
    lws_close_reason(ws->wsi, (enum lws_close_status)ws->close_code, NULL, 0);
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_SYNC);
    return true;
}

// libwebsockets keeps one piece that the socket didn't take; a second would go wrong, so we ask
// first whether it has one.
bool websocket_send(struct websocket *ws)
{
    if (ws->close_code != 0) {
        if (!tell_close(ws))
            lws_callback_on_writable(ws->wsi);
        return true;
    }
    while (ws->first < ws->last) {
        if (lws_partial_buffered(ws->wsi)) {
            lws_callback_on_writable(ws->wsi);
            return true;
        }
        if (!send_next(ws))
            return false;
    }
    queue_clear(ws);
    return true;
}

void websocket_end(struct websocket *ws, int code)
{
    if (ws->close_code != 0)
        return;
    ws->close_code = (uint16_t)code;
    ws->is_told = true;
    queue_clear(ws);
    buf_clear(&ws->in);
    watcher_drop(&ws->watcher);
}

void websocket_close(struct websocket *ws, int code)
{
    if (ws->close_code != 0)
        return;
    websocket_end(ws, code);
    ws->is_told = false;
    if (tell_close(ws))
        return;
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_REASON_BASE, WEBSOCKET_CLOSE_S);
    lws_callback_on_writable(ws->wsi);
}

// What the watcher tells.

static void on_news(void *ctx, const struct news *news, size_t count)
{
    struct websocket *ws = ctx;

    for (size_t i = 0; i < count; i++)
        if (!queue_add(ws, websocket_text_of_news(ws->websockets, &news[i], ws->is_operator)))
            return;
}

// Many tasks that are resumed find the same gap: it is told once.
static void on_gap(void *ctx)
{
    struct websocket *ws = ctx;
    const struct websocket_text *last = ws->first < ws->last ? ws->queue[ws->last - 1] : NULL;

    if (last == NULL || !websocket_text_is(last, GAP_TEXT))
        say(ws, GAP_TEXT);
}

static void on_missing(void *ctx, const char *id)
{
    complain(ctx, "no such task", id);
}

// What the client asks for.

static bool say_subscribed(struct websocket *ws, bool is_lost)
{
    return say(ws, "{\"type\":\"subscribed\"}") && (!is_lost || say(ws, GAP_TEXT));
}

// Who hears that it has subscribed to all may read what there is, and count on hearing of the rest.
static void on_ready(void *ctx)
{
    struct websocket *ws = ctx;
    bool is_lost = ws->has_lost;

    ws->has_lost = false;
    for (; ws->owed > 0; ws->owed--)
        if (!say_subscribed(ws, is_lost && ws->owed == 1))
            return;
}

static void resume(struct websocket *ws, const json_t *tasks, bool is_all, const char *since)
{
    size_t count = json_array_size(tasks);
    const char **ids = mem_array(const char *, count);

    for (size_t i = 0; i < count; i++)
        ids[i] = json_string_value(json_array_get(tasks, i));
    watcher_resume(ws->watcher, ids, count, is_all, since);
    free(ids);
}

static void subscribe(struct websocket *ws, const json_t *body)
{
    struct watcher_options options = {.owner = ws->is_operator ? NULL : ws->owner,
                                      .on_news = on_news,
                                      .on_gap = on_gap,
                                      .on_missing = on_missing,
                                      .on_ready = on_ready,
                                      .ctx = ws};
    bool is_all = false, is_batch = ws->is_batch, is_lost;
    const char *since = NULL;
    json_t *tasks = NULL, *id;
    struct err err;
    size_t i, count;

    if (!field_opt_array(body, "tasks", &tasks, &err) ||
        !field_opt_bool(body, "all", &is_all, &err) ||
        !field_opt_bool(body, "batch", &is_batch, &err) ||
        !field_opt_str(body, "since", &since, &err)) {
        complain(ws, err.message, NULL);
        return;
    }
    if (tasks == NULL && !is_all) {
        complain(ws, "tasks: is required, or all", NULL);
        return;
    }
    json_array_foreach(tasks, i, id)
    {
        if (json_is_string(id) && id_is_task(json_string_value(id)))
            continue;
        err_set(&err, ERR_INVALID, "tasks.%zu: must be a task id", i);
        complain(ws, err.message, NULL);
        return;
    }
    count = json_array_size(tasks) + (is_all ? 1 : 0);
    if (count + (ws->watcher == NULL ? 0 : watcher_count(ws->watcher)) > WEBSOCKET_MAX_TASKS) {
        websocket_close(ws, LWS_CLOSE_STATUS_POLICY_VIOLATION);
        return;
    }
    if (ws->watcher == NULL)
        ws->watcher = watcher_new(ws->websockets->realtime, &options);
    ws->is_batch = is_batch;
    is_lost = since != NULL && !realtime_is_cursor(since);
    if (is_lost)
        since = NULL;
    if (is_all && since == NULL && !realtime_is_ready(ws->websockets->realtime)) {
        ws->owed++;
        ws->has_lost = ws->has_lost || is_lost;
    } else if (!say_subscribed(ws, is_lost)) {
        return;
    }
    if (since != NULL) {
        resume(ws, tasks, is_all, since);
        return;
    }
    json_array_foreach(tasks, i, id) watcher_add(ws->watcher, json_string_value(id), 0);
    if (is_all)
        watcher_add_all(ws->watcher);
}

static void on_message(struct websocket *ws, const char *text, size_t len)
{
    struct err err;
    const char *type;
    json_auto_t *body = field_parse_body(text, len, &err);

    if (body == NULL || !field_str(body, "type", &type, &err))
        complain(ws, err.message, NULL);
    else if (strcmp(type, "subscribe") != 0)
        complain(ws, "type: must be \"subscribe\"", NULL);
    else
        subscribe(ws, body);
}

// The kernel's tcp_info; glibc's is older, and linux/tcp.h doesn't go with its netinet/tcp.h.
struct long_tcp_info {
    struct tcp_info known;
    uint64_t pacing_rate, max_pacing_rate, bytes_acked, bytes_received;
};

static uint64_t bytes_received(int fd)
{
    struct long_tcp_info info = {0};
    socklen_t len = sizeof info;

    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && len >= sizeof info
               ? info.bytes_received
               : 0;
}

// How many bytes of what the client sent were read, at most: what comes in between the two calls
// makes the result too large, never too small. 0 where the kernel can't say.
static uint64_t most_bytes_read(struct websocket *ws)
{
    int fd = lws_get_socket_fd(ws->wsi), unread = 0;

    return ioctl(fd, FIONREAD, &unread) == 0 ? bytes_received(fd) - (uint64_t)unread : 0;
}

// The same at least, and without the `rest` that is going to be read once more: too small, never
// too large. A client may well send its first frame while we count.
static uint64_t least_bytes_read(struct websocket *ws, size_t rest)
{
    int fd = lws_get_socket_fd(ws->wsi), unread = 0;
    uint64_t received = bytes_received(fd), not_yet;

    if (ioctl(fd, FIONREAD, &unread) != 0)
        return 0;
    not_yet = (uint64_t)unread + rest;
    return received > not_yet ? received - not_yet : 0;
}

// A client has to mask its frames. libwebsockets 4.1 doesn't insist, and doesn't tell, so we count
// bytes: a mask has four.
static bool is_masked(struct websocket *ws, size_t len, size_t to_come)
{
    size_t frame_len = len + to_come;
    uint64_t read;

    if (ws->is_in_frame)
        ws->least_bytes += len;
    else
        ws->least_bytes += 2 + (frame_len > 0xffff ? 8u : frame_len > 125 ? 2u : 0u) + 4 + len;
    ws->is_in_frame = to_come > 0;
    read = to_come > 0 ? 0 : most_bytes_read(ws);
    return read == 0 || read >= ws->least_bytes;
}

void websocket_receive(struct websocket *ws, const char *data, size_t len)
{
    size_t to_come = lws_remaining_packet_payload(ws->wsi);

    if (ws->close_code != 0)
        return;
    if (lws_frame_is_binary(ws->wsi)) {
        websocket_close(ws, LWS_CLOSE_STATUS_UNACCEPTABLE_OPCODE);
    } else if (to_come > WEBSOCKET_MAX_INCOMING ||
               ws->in.len + len + to_come > WEBSOCKET_MAX_INCOMING) {
        websocket_close(ws, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE);
    } else if (!is_masked(ws, len, to_come)) {
        websocket_close(ws, LWS_CLOSE_STATUS_PROTOCOL_ERR);
    } else if (to_come == 0 && lws_is_final_fragment(ws->wsi) && ws->in.len == 0) {
        on_message(ws, data, len);
    } else {
        buf_add(&ws->in, data, len);
        if (to_come > 0 || !lws_is_final_fragment(ws->wsi))
            return;
        on_message(ws, buf_text(&ws->in), ws->in.len);
        buf_clear(&ws->in);
    }
}

// Its life.

void websocket_open(struct websocket *ws, struct websockets *websockets, struct lws *wsi,
                    struct arrival *arrival)
{
    ws->websockets = websockets;
    ws->wsi = wsi;
    ws->owner = arrival->owner;
    ws->holds = arrival->holds;
    arrival->holds = NULL;
    ws->request = mem_str(arrival->request);
    ws->is_operator = arrival->is_operator;
    ws->heard_ms = ws->pinged_ms = clock_mono_ms();
    ws->least_bytes = least_bytes_read(ws, arrival->rest);
    ws->next = websockets->all;
    ws->at = &websockets->all;
    if (ws->next != NULL)
        ws->next->at = &ws->next;
    websockets->all = ws;
    websockets->count++;
    log_debug("websocket.opened", "request=%s key=%s", ws->request, ws->owner);
}

void websocket_forget(struct websocket *ws)
{
    log_debug("websocket.closed", "request=%s key=%s code=%d", ws->request, ws->owner,
              ws->close_code);
    unwake(ws);
    queue_clear(ws);
    buf_clear(&ws->in);
    free(ws->request);
    watcher_drop(&ws->watcher);
    *ws->at = ws->next;
    if (ws->next != NULL)
        ws->next->at = ws->at;
    ws->websockets->count--;
    holds_give(ws->holds, ws->owner);
    holds_leave(&ws->holds);
    metric_add(METRIC_websocket_connections, -1);
    ws->websockets = NULL;
}
