// What a client says on a WebSocket, in whatever pieces libwebsockets hands over: everything it
// hears is JSON, only real ids and cursors get to the watcher, and nothing is done after a close.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/task/task.h"
#include "scheduler/handover.h"
#include "scheduler/holds.h"
#include "scheduler/news.h"
#include "scheduler/realtime.h"
#include "scheduler/websocket_private.h"
#include "tests/fuzz/expect.h"

// In the place of libwebsockets.

static struct frame {
    bool is_final, is_binary;
    size_t to_come;
    bool is_slow; // the client doesn't read
} frame;
static unsigned closes;

lws_sockfd_type lws_get_socket_fd(struct lws *wsi)
{
    (void)wsi;
    return -1;
}

size_t lws_remaining_packet_payload(struct lws *wsi)
{
    (void)wsi;
    return frame.to_come;
}

int lws_frame_is_binary(struct lws *wsi)
{
    (void)wsi;
    return frame.is_binary;
}

int lws_is_final_fragment(struct lws *wsi)
{
    (void)wsi;
    return frame.is_final;
}

int lws_partial_buffered(struct lws *wsi)
{
    (void)wsi;
    return frame.is_slow;
}

int lws_callback_on_writable(struct lws *wsi)
{
    (void)wsi;
    return 0;
}

void lws_set_timeout(struct lws *wsi, enum pending_timeout reason, int secs)
{
    (void)wsi;
    (void)reason;
    (void)secs;
}

void lws_close_reason(struct lws *wsi, enum lws_close_status status, unsigned char *buf, size_t len)
{
    (void)wsi;
    (void)buf;
    EXPECT(len == 0 && status >= 1000 && status < 5000);
    closes++;
}

static void check_message(const unsigned char *text, size_t len)
{
    json_t *json = json_loadb((const char *)text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(json, "type"));

    EXPECT(type != NULL);
    if (strcmp(type, "error") == 0)
        EXPECT(json_string_length(json_object_get(json, "message")) > 0);
    json_decref(json);
}

// Whole frames of text, each as short as it can be written.
int lws_write(struct lws *wsi, unsigned char *buf, size_t len, enum lws_write_protocol protocol)
{
    (void)wsi;
    EXPECT(closes == 0 && protocol == LWS_WRITE_RAW && len > 0);
    for (size_t at = 0; at < len;) {
        size_t more, text_len;

        EXPECT(len - at >= 2 && buf[at] == 0x81 && buf[at + 1] < 0x80);
        more = buf[at + 1] == 126 ? 2 : buf[at + 1] == 127 ? 8 : 0;
        EXPECT(len - at >= 2 + more);
        text_len = more == 0 ? buf[at + 1] : 0;
        for (size_t i = 0; i < more; i++)
            text_len = text_len << 8 | buf[at + 2 + i];
        EXPECT(more == (text_len > 65535 ? 8u : text_len > 125 ? 2u : 0u));
        at += 2 + more;
        EXPECT(text_len <= len - at);
        check_message(buf + at, text_len);
        at += text_len;
    }
    return (int)len;
}

// In the place of the loop, and of the watchers of tasks.

void loop_turn_ask(struct loop_turn *turn)
{
    (void)turn;
}

struct watcher {
    struct watcher_options options;
    size_t count;
};

static char first[ID_SIZE]; // of those that were asked for, to be told of

struct watcher *watcher_new(struct realtime *realtime, const struct watcher_options *options)
{
    struct watcher *watcher = mem_new(struct watcher);

    (void)realtime;
    watcher->options = *options;
    return watcher;
}

void watcher_drop(struct watcher **watcher)
{
    free(*watcher);
    *watcher = NULL;
}

void watcher_add(struct watcher *watcher, const char *id, int after_version)
{
    EXPECT(id_is_task(id) && after_version == 0 && closes == 0);
    snprintf(first, sizeof first, "%s", id);
    watcher->count++;
}

void watcher_resume(struct watcher *watcher, const char *const *ids, size_t count, bool is_all,
                    const char *cursor)
{
    EXPECT(realtime_is_cursor(cursor) && (is_all || count > 0));
    for (size_t i = 0; i < count; i++)
        watcher_add(watcher, ids[i], 0);
    watcher->count += is_all;
}

void watcher_add_all(struct watcher *watcher)
{
    watcher->count++;
}

size_t watcher_count(const struct watcher *watcher)
{
    return watcher->count;
}

static bool is_ready; // from the first turn of the loop on

bool realtime_is_ready(const struct realtime *realtime)
{
    (void)realtime;
    return is_ready;
}

// It is tried in fuzz_upgrade; here it only matters that what it refuses goes nowhere.
bool realtime_is_cursor(const char *text)
{
    return strspn(text, "0123456789-") == strlen(text) && strchr(text, '-') != NULL;
}

// What a turn of the loop brings to one that has subscribed.
static void tell(struct websocket *ws)
{
    struct task task = {.version = 2};
    struct news news[2] = {{&task, "1-1", "{\"id\":\"a\"}", 0},
                           {&task, "1-2", "{\"id\":\"b\"}", 1}};
    struct watcher_options options;

    if (ws->watcher == NULL)
        return;
    options = ws->watcher->options;
    snprintf(task.id, sizeof task.id, "%s", first);
    if (!is_ready)
        options.on_ready(options.ctx);
    is_ready = true;
    if (ws->watcher != NULL)
        options.on_news(options.ctx, news, 2);
    if (ws->watcher != NULL)
        options.on_gap(options.ctx);
    if (ws->watcher != NULL)
        options.on_missing(options.ctx, first);
}

// Each piece: its kind (1 the last of a message, 2 binary, 4 more of the frame to come, 8 the
// client is slow), its length in two bytes, the piece.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct websockets websockets = {0};
    struct websocket ws = {0};
    struct arrival arrival = {.owner = "key", .holds = holds_new(2)};

    closes = 0;
    is_ready = false;
    first[0] = '\0';
    EXPECT(holds_take(arrival.holds, "key"));
    websocket_open(&ws, &websockets, NULL, &arrival);
    for (size_t at = 0; at + 3 <= size;) {
        size_t len = data[at + 1] | (size_t)data[at + 2] << 8, left = size - at - 3;
        char *piece;

        len = len < left ? len : left;
        frame = (struct frame){.is_final = data[at] & 1,
                               .is_binary = data[at] & 2,
                               .to_come = data[at] & 4 ? (size_t)data[at] << 8 : 0,
                               .is_slow = data[at] & 8};
        piece = malloc(len); // so that ASan sees a look too far
        memcpy(piece, data + at + 3, len);
        websocket_receive(&ws, piece, len);
        free(piece);
        tell(&ws);
        EXPECT(websocket_send(&ws));
        websocket_clear_shared(&websockets);
        EXPECT(ws.close_code == 0 || ws.watcher == NULL);
        at += 3 + len;
    }
    websocket_close(&ws, LWS_CLOSE_STATUS_GOINGAWAY);
    websocket_forget(&ws);
    EXPECT(websockets.count == 0 && websockets.all == NULL && websockets.woken == NULL);
    return 0;
}
