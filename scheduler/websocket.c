// WebSockets: how libwebsockets gets the sockets, when it is asked to write, and their pings.
#include "scheduler/websocket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "scheduler/handover.h"
#include "scheduler/websocket_private.h"

enum {
    // libwebsockets allocates RX_BYTES for each connection; a longer message comes in pieces.
    // Without TX_BYTES it would also cut in pieces what we send.
    RX_BYTES = 128,
    TX_BYTES = 16 * 1024 * 1024,
    SEND_BUFFER_BYTES = 128 * 1024,
    PING_MS = 25000,
    SILENCE_MS = 60000,
    LOOK_MS = 1000,      // the least time between two looks at all connections
    PINGS_AT_ONCE = 250, // so that a look never takes long
    END_TURNS = 4,       // of the loop, until libwebsockets' handles are gone
};

// Pings. One timer looks at all connections, when the first of them may be due.

static bool send_ping(struct websocket *ws)
{
    // libwebsockets doesn't tell us of a pong that is empty.
    unsigned char frame[LWS_PRE + 1] = {[LWS_PRE] = '.'};

    if (lws_partial_buffered(ws->wsi))
        return true; // the client is behind with reading already, which counts as silence
    return lws_write(ws->wsi, frame + LWS_PRE, 1, LWS_WRITE_PING) >= 0;
}

// Ends the connection without another word.
static void cut_off(struct websocket *ws)
{
    websocket_end(ws, LWS_CLOSE_STATUS_ABNORMAL_CLOSE);
    lws_set_timeout(ws->wsi, PENDING_TIMEOUT_USER_REASON_BASE, LWS_TO_KILL_ASYNC);
}

static void on_look(void *ctx)
{
    struct websockets *websockets = ctx;
    int64_t now = clock_mono_ms(), first = INT64_MAX;
    int sent = 0;

    websockets->timer = NULL;
    for (struct websocket *ws = websockets->all; ws != NULL; ws = ws->next) {
        int64_t due = ws->pinged_ms + PING_MS;

        if (ws->close_code != 0)
            continue;
        if (now - ws->heard_ms >= SILENCE_MS) {
            log_info("websocket.silent", "request=%s key=%s", ws->request, ws->owner);
            cut_off(ws);
            continue;
        }
        if (due <= now && sent < PINGS_AT_ONCE) {
            sent++;
            ws->pinged_ms = now;
            if (!send_ping(ws)) {
                cut_off(ws);
                continue;
            }
            due = now + PING_MS;
        }
        if (ws->pinged_ms > ws->heard_ms && ws->heard_ms + SILENCE_MS < due)
            due = ws->heard_ms + SILENCE_MS;
        if (due < first)
            first = due;
    }
    if (websockets->count > 0)
        websockets->timer = loop_after(websockets->loop,
                                       first == INT64_MAX      ? PING_MS
                                       : first - now < LOOK_MS ? LOOK_MS
                                                               : first - now,
                                       on_look, websockets);
}

// What a turn of the loop brought is sent at its end.
static void on_turn(void *ctx)
{
    struct websockets *websockets = ctx;
    struct websocket *ws;

    while ((ws = websockets->woken) != NULL) {
        websockets->woken = ws->next_woken;
        if (ws->next_woken != NULL)
            ws->next_woken->at_woken = &websockets->woken;
        ws->is_woken = false;
        if (!websocket_send(ws))
            cut_off(ws);
    }
    websocket_clear_shared(websockets);
}

// libwebsockets.

static int on_established(struct websockets *websockets, struct websocket *ws, struct lws *wsi)
{
    int fd = lws_get_socket_fd(wsi), size = SEND_BUFFER_BYTES, yes = 1;

    if (websockets->arriving == NULL)
        return -1;
    // libwebsockets has made the kernel's buffer as small as its own.
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    websocket_open(ws, websockets, wsi, websockets->arriving);
    if (websockets->timer == NULL)
        websockets->timer = loop_after(websockets->loop, PING_MS, on_look, websockets);
    return 0;
}

static void on_closed(struct websockets *websockets, struct websocket *ws)
{
    websocket_forget(ws);
    if (websockets->count == 0)
        loop_cancel(&websockets->timer);
}

static int add_headers(struct websockets *websockets, struct lws *wsi,
                       struct lws_process_html_args *args)
{
    unsigned char *at = (unsigned char *)args->p;

    if (websockets->arriving == NULL)
        return -1;
    if (lws_add_http_header_by_name(wsi, (const unsigned char *)"x-request-id:",
                                    (const unsigned char *)websockets->arriving->request,
                                    (int)strlen(websockets->arriving->request), &at,
                                    at + args->max_len) != 0)
        return -1;
    args->p = (char *)at;
    return 0;
}

static int on_lws(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t len)
{
    struct websocket *ws = user;

    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(lws_context_user(lws_get_context(wsi)), ws, wsi);
    case LWS_CALLBACK_CLOSED:
        if (ws->websockets != NULL)
            on_closed(ws->websockets, ws);
        break;
    case LWS_CALLBACK_RECEIVE:
        ws->heard_ms = clock_mono_ms();
        websocket_receive(ws, in, len);
        break;
    case LWS_CALLBACK_RECEIVE_PONG:
        ws->heard_ms = clock_mono_ms();
        break;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE: // libwebsockets answers the close
        websocket_end(ws, LWS_CLOSE_STATUS_NORMAL);
        break;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return websocket_send(ws) ? 0 : -1;
    case LWS_CALLBACK_ADD_HEADERS:
        return add_headers(lws_context_user(lws_get_context(wsi)), wsi, in);
    default:
        break;
    }
    return 0;
}

static const struct lws_protocols protocols[] = {
    {"spool", on_lws, sizeof(struct websocket), RX_BYTES, 0, NULL, TX_BYTES},
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

// What libwebsockets logs as an error often is none: each adoption is logged as one.
static void on_log(int level, const char *line)
{
    (void)level;
    log_debug("lws", "text=\"%.*s\"", (int)strcspn(line, "\n"), line);
}

static void create_context(struct websockets *websockets)
{
    static const lws_retry_bo_t patience = {.secs_since_valid_ping = 65534,
                                            .secs_since_valid_hangup = 65535};
    void *loops[] = {loop_uv(websockets->loop)};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN_SERVER,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_VALIDATE_UTF8 | LWS_SERVER_OPTION_DISABLE_IPV6 |
                   LWS_SERVER_OPTION_NO_LWS_SYSTEM_STATES,
        .foreign_loops = loops,
        .retry_and_idle_policy = &patience, // the pings are ours
        .vhost_name = "spool",
        .alpn = "http/1.1",
        .gid = (__typeof__(info.gid))-1, // its type depends on libwebsockets' version
        .uid = (__typeof__(info.uid))-1,
        .user = websockets,
    };

    lws_set_log_level(LLL_ERR | LLL_WARN, on_log);
    websockets->context = lws_create_context(&info);
    if (websockets->context != NULL)
        websockets->vhost = lws_create_vhost(websockets->context, &info);
}

// The whole.

struct websockets *websockets_start(struct loop *loop, struct realtime *realtime)
{
    struct websockets *websockets = mem_new(struct websockets);

    websockets->loop = loop;
    websockets->realtime = realtime;
    websockets->turn = loop_turn_new(loop, on_turn, websockets);
    return websockets;
}

void websockets_adopt(struct websockets *websockets, struct arrival *arrival)
{
    if (websockets->context == NULL)
        create_context(websockets);
    if (websockets->vhost != NULL) {
        websockets->arriving = arrival;
        lws_adopt_socket_vhost_readbuf(websockets->vhost, arrival->fd, arrival->bytes.data,
                                       arrival->bytes.len);
        websockets->arriving = NULL;
        arrival->fd = -1;
    } else {
        log_error("websocket.refused",
                  "request=%s error=\"libwebsockets can't be started\" hint=\"is its package for "
                  "libuv installed?\"",
                  arrival->request);
    }
    arrival_free(arrival); // a WebSocket has taken the place over
}

// The loop may end with this turn, so we tell libwebsockets at once that the sockets can be written
// to.
void websockets_drain(struct websockets *websockets)
{
    struct websocket *next;

    for (struct websocket *ws = websockets->all; ws != NULL; ws = next) {
        struct lws_pollfd writable = {
            .fd = lws_get_socket_fd(ws->wsi), .events = LWS_POLLOUT, .revents = LWS_POLLOUT};

        next = ws->next;
        if (ws->close_code != 0)
            continue;
        websocket_close(ws, LWS_CLOSE_STATUS_GOINGAWAY);
        lws_service_fd(websockets->context, &writable);
    }
}

static void on_ended(uv_handle_t *handle)
{
    free(handle->data);
}

// libwebsockets' handles are closed in the loop's next turns. Only then may its memory be freed,
// and its code be unloaded: its glue to libuv is a plugin.
static void on_end(uv_idle_t *idle)
{
    struct websockets *websockets = idle->data;

    if (++websockets->end_turns < END_TURNS)
        return;
    lws_context_destroy(websockets->context);
    uv_close((uv_handle_t *)idle, on_ended);
}

void websockets_drop(struct websockets **pointer)
{
    struct websockets *websockets = *pointer;

    if (websockets == NULL)
        return;
    *pointer = NULL;
    if (websockets->context != NULL)
        lws_context_destroy(websockets->context); // closes all WebSockets
    loop_cancel(&websockets->timer);
    loop_turn_drop(&websockets->turn);
    websocket_clear_shared(websockets);
    if (websockets->context == NULL) {
        free(websockets);
        return;
    }
    uv_idle_init(loop_uv(websockets->loop), &websockets->end);
    websockets->end.data = websockets;
    uv_idle_start(&websockets->end, on_end);
}
