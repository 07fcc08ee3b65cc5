// Requests for a WebSocket: a head read in pieces is the same head, what is let in is what RFC 6455
// asks for, and libwebsockets sees a request of ours with nothing of theirs but the key and the
// frames behind it. What says where a stream goes on is taken along.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/config/config.h"
#include "core/http/http_head.h"
#include "core/http/http_server.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/handover.h"
#include "scheduler/realtime.h"
#include "scheduler/request.h"
#include "tests/fuzz/expect.h"

enum { KEY_LEN = 24, SOCKET = 7 };
static const struct http_head_limits limits = {
    .header_bytes = 4096, .target_bytes = 1024, .header_count = 32};

// In the place of the server's.
struct http_exchange {
    struct http_head head;
    char *data;
    size_t len;
    unsigned answered, accepted;
};

enum http_method http_exchange_method(const struct http_exchange *exchange)
{
    return exchange->head.method;
}

const char *http_exchange_header(const struct http_exchange *exchange, const char *name)
{
    unsigned times;

    return http_head_value(&exchange->head, exchange->data, name, &times);
}

unsigned http_exchange_header_count(const struct http_exchange *exchange, const char *name)
{
    unsigned times;

    http_head_value(&exchange->head, exchange->data, name, &times);
    return times;
}

static size_t body_len(const struct http_exchange *exchange)
{
    size_t rest = exchange->len - exchange->head.bytes;

    return exchange->head.content_length > 0 && (size_t)exchange->head.content_length < rest
               ? (size_t)exchange->head.content_length
           : exchange->head.content_length > 0 ? rest
                                               : 0;
}

char *http_exchange_body(struct http_exchange *exchange, size_t *len)
{
    *len = body_len(exchange);
    return exchange->data + exchange->head.bytes;
}

const char *http_exchange_request_id(const struct http_exchange *exchange)
{
    (void)exchange;
    return "request";
}

bool http_exchange_wants_websocket(const struct http_exchange *exchange)
{
    return exchange->head.wants_websocket;
}

void http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value)
{
    EXPECT(exchange->answered == 0 && *name != '\0' && strpbrk(value, "\r\n") == NULL);
}

int http_exchange_take_socket(struct http_exchange *exchange, struct buf *head)
{
    http_head_restore(&exchange->head, exchange->data);
    buf_add(head, exchange->data, exchange->len);
    return SOCKET;
}

void request_answer(struct request *request, int status, const struct buf *json)
{
    json_t *body = json_loads(json->data, 0, NULL);

    EXPECT(status >= 400 && status < 500 && body != NULL);
    json_decref(body);
    request->exchange->answered++;
}

void request_refuse_with(struct request *request, enum err_code code, const char *message)
{
    (void)request;
    (void)code;
    (void)message;
    EXPECT(false); // it isn't draining
}

void request_seek_watch(struct request *request, void (*then)(struct request *request))
{
    request->has_place = true;
    then(request);
}

void request_count(const struct request *request, int status, int64_t bytes)
{
    (void)request;
    (void)bytes;
    EXPECT(status == 101);
}

// What libwebsockets is going to get.
void request_hand_over(struct request *request, struct arrival *arrival)
{
    const char *key, *end, *readbuf = arrival->bytes.data;
    struct http_exchange *exchange = request->exchange;
    struct http_head head = {.content_length = -1};
    unsigned times;
    size_t len = arrival->bytes.len, rest = exchange->len - exchange->head.bytes;
    char *copy = malloc(len);

    memcpy(copy, readbuf, len);
    EXPECT(arrival->kind == ARRIVAL_WEBSOCKET && arrival->fd == SOCKET && arrival->rest == rest);
    EXPECT(http_head_read(&head, copy, len, &limits) == HTTP_HEAD_DONE && head.wants_websocket);
    EXPECT(head.count == 5 && head.content_length < 0 && !head.is_chunked);
    key = http_head_value(&head, copy, "sec-websocket-key", &times);
    EXPECT(key != NULL && strlen(key) == KEY_LEN);
    end = readbuf + head.bytes;
    EXPECT(len - head.bytes == rest);
    EXPECT(memcmp(end, exchange->data + exchange->head.bytes, rest) == 0);
    exchange->accepted++;
    http_head_clear(&head);
    free(copy);
    arrival->fd = -1;
    arrival_free(arrival);
}

static bool is_one_of_ours(const char *origin)
{
    static const char *const ours[] = {"https://spool.example", "https://spool.example:443"};

    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++)
        if (strncasecmp(origin, ours[i], strlen(ours[i])) == 0 &&
            (origin[strlen(ours[i])] == '\0' || strchr("/?#", origin[strlen(ours[i])]) != NULL))
            return true;
    return false;
}

// A page's origin that isn't ours is only let in where it is the very host that was asked.
static void check_accepted(struct http_exchange *exchange, const char *host, const char *origin)
{
    EXPECT(exchange->head.method == HTTP_GET_ && !exchange->head.is_http_1_0);
    EXPECT(body_len(exchange) == 0);
    if (origin != NULL && !is_one_of_ours(origin))
        EXPECT(host != NULL && *host != '\0' && strcasestr(origin, host) != NULL);
}

static void ask(struct http_exchange *exchange)
{
    static char url[] = "https://spool.example:443";
    struct config config = {.public_url = url};
    struct front front = {.config = &config};
    struct request request = {.front = &front, .exchange = exchange, .owner = "key"};
    const char *last = http_exchange_header(exchange, "last-event-id");
    const char *host = http_exchange_header(exchange, "host");
    const char *origin = http_exchange_header(exchange, "origin");
    char *host_copy = host == NULL ? NULL : strdup(host);
    char *origin_copy = origin == NULL ? NULL : strdup(origin);

    // It goes on to Redis as it is.
    if (last != NULL && realtime_is_cursor(last))
        EXPECT(strspn(last, "0123456789-") == strlen(last) && strlen(last) < 48);
    websocket_start(&request);
    EXPECT(exchange->answered + exchange->accepted == 1);
    if (exchange->accepted == 1)
        check_accepted(exchange, host_copy, origin_copy);
    free(host_copy);
    free(origin_copy);
}

static void check_path(const struct http_head *head, const char *data)
{
    struct buf path = {0};

    if (http_head_path(head, data, &path))
        EXPECT(path.data[0] == '/' && strlen(path.data) == path.len && path.len <= head->path_len &&
               strstr(path.data, "/../") == NULL);
    buf_clear(&path);
}

static enum http_head_result read_in_pieces(const uint8_t *data, size_t size, size_t step,
                                            struct http_head *head)
{
    enum http_head_result result = HTTP_HEAD_MORE;
    size_t len = 0;
    char *seen = NULL;

    while (result == HTTP_HEAD_MORE && len < size) {
        char *more;

        len = size - len < step ? size : len + step;
        more = malloc(len); // it moves, and ASan sees a look too far
        memcpy(more, data, len);
        free(seen);
        seen = more;
        result = http_head_read(head, seen, len, &limits);
    }
    free(seen);
    return result;
}

// The first byte is how long the pieces are.
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_exchange exchange = {.head = {.content_length = -1}};
    struct http_head pieces = {.content_length = -1};
    size_t step;
    bool is_done;

    if (size < 2)
        return 0;
    step = data[0] % 64 + 1u;
    exchange.len = size - 1;
    exchange.data = malloc(exchange.len);
    memcpy(exchange.data, data + 1, exchange.len);
    is_done =
        http_head_read(&exchange.head, exchange.data, exchange.len, &limits) == HTTP_HEAD_DONE;
    EXPECT((read_in_pieces(data + 1, size - 1, step, &pieces) == HTTP_HEAD_DONE) == is_done);
    if (is_done) {
        EXPECT(pieces.bytes == exchange.head.bytes && pieces.count == exchange.head.count);
        EXPECT(pieces.wants_websocket == exchange.head.wants_websocket);
        check_path(&exchange.head, exchange.data);
        ask(&exchange);
        if (exchange.accepted == 0)
            http_head_restore(&exchange.head, exchange.data);
        EXPECT(memcmp(exchange.data, data + 1, exchange.len) == 0);
    }
    http_head_clear(&exchange.head);
    http_head_clear(&pieces);
    free(exchange.data);
    return 0;
}
