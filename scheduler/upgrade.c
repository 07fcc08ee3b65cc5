// GET /v1/events: who may have a WebSocket. Runs on the front door's thread.
//
// What a stranger sends is read and checked here. libwebsockets, on the realtime loop, only sees a
// request that we wrote ourselves, so no key gets into its buffers, and no client can negotiate
// HTTP/2, an extension or a subprotocol with it.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/message/http_message.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/handover.h"
#include "scheduler/request.h"

enum { KEY_CHARS = 24 };

static void refuse_upgrade(struct request *request, int status, const char *message)
{
    struct buf json = {0};

    http_write_error(status, status == 403 ? "forbidden_origin" : "invalid_request", message,
                     &json);
    if (status == 426) {
        http_exchange_add_header(request->exchange, "Upgrade", "websocket");
        http_exchange_add_header(request->exchange, "Sec-WebSocket-Version", "13");
    }
    request_answer(request, status, &json);
    buf_clear(&json);
}

// A URL's host and port, without the scheme's own port.
static const char *authority_of(const char *url, size_t *len)
{
    bool is_tls = strncasecmp(url, "https://", 8) == 0;
    const char *port = is_tls ? ":443" : ":80";

    *len = 0;
    if (!is_tls && strncasecmp(url, "http://", 7) != 0)
        return NULL;
    url += is_tls ? 8 : 7;
    *len = strcspn(url, "/?#");
    if (*len > strlen(port) && memcmp(url + *len - strlen(port), port, strlen(port)) == 0)
        *len -= strlen(port);
    return url;
}

// Browsers open a WebSocket for any site's page, and say which asks: only our own page may, and
// those that may read our other answers, too.
static bool may_origin(const struct request *request, const char *origin)
{
    const char *host = http_exchange_header(request->exchange, "host"), *theirs, *ours;
    size_t their_len, our_len;

    if (config_cors_origin(request->front->config, origin) != NULL)
        return true;
    theirs = authority_of(origin, &their_len);
    if (theirs == NULL || their_len == 0)
        return false;
    ours = authority_of(request->front->config->public_url, &our_len);
    if (ours != NULL && our_len == their_len && strncasecmp(ours, theirs, our_len) == 0)
        return true;
    return host != NULL && strlen(host) == their_len && strncasecmp(host, theirs, their_len) == 0;
}

static bool is_key(const char *key)
{
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    return strlen(key) == KEY_CHARS && strspn(key, base64) == KEY_CHARS - 2 &&
           strcmp(key + KEY_CHARS - 2, "==") == 0;
}

// Frames that came with the request go along.
static void hand_over(struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    struct arrival *arrival = arrival_new(ARRIVAL_WEBSOCKET);
    struct buf head = {0};
    const char *rest;

    buf_fmt(&arrival->bytes,
            "GET /v1/events HTTP/1.1\r\nHost: spool\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n",
            http_exchange_header(exchange, "sec-websocket-key"));
    snprintf(arrival->request, sizeof arrival->request, "%s", http_exchange_request_id(exchange));
    request_count(request, 101, -1);
    arrival->fd = http_exchange_take_socket(exchange, &head);
    rest = strstr(buf_text(&head), "\r\n\r\n");
    if (rest != NULL) {
        arrival->rest = head.len - (size_t)(rest + 4 - head.data);
        buf_add(&arrival->bytes, rest + 4, arrival->rest);
    }
    buf_clear(&head);
    request_hand_over(request, arrival);
}

void websocket_start(struct request *request)
{
    struct http_exchange *exchange = request->exchange;
    const char *version = http_exchange_header(exchange, "sec-websocket-version");
    const char *key = http_exchange_header(exchange, "sec-websocket-key");
    const char *origin = http_exchange_header(exchange, "origin");
    size_t body_len;

    http_exchange_body(exchange, &body_len);
    if (http_exchange_method(exchange) != HTTP_GET_ || !http_exchange_wants_websocket(exchange)) {
        refuse_upgrade(request, 426, "this path is a WebSocket");
    } else if (version == NULL) {
        refuse_upgrade(request, 400, "Sec-WebSocket-Version: is required");
    } else if (strcmp(version, "13") != 0) {
        refuse_upgrade(request, 426, "Sec-WebSocket-Version: must be 13");
    } else if (key == NULL || !is_key(key)) {
        refuse_upgrade(request, 400, "Sec-WebSocket-Key: must be 16 bytes in base64");
    } else if (body_len > 0) {
        refuse_upgrade(request, 400, "an upgrade has no body");
    } else if (http_exchange_header_count(exchange, "origin") > 0 &&
               (origin == NULL || !may_origin(request, origin))) {
        refuse_upgrade(request, 403, "Origin: another site's page may not connect");
    } else if (request->front->is_draining) {
        request_refuse_with(request, ERR_UNAVAILABLE, "shutting down");
    } else {
        request_seek_watch(request, hand_over);
    }
}
