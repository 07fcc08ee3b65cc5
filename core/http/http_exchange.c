// The handler's side of a request: what the request holds, and the answer to it.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/http/http_server_private.h"

static bool is_request_id(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return len >= 1 && len < sizeof((struct http_exchange *)0)->request_id;
}

static void set_request_id(struct http_exchange *exchange)
{
    static const char hex[] = "0123456789abcdef";
    struct http_conn *conn = exchange->conn;
    struct http_server *server = conn->server;
    const struct http_field *field = conn->head.request_id;
    uint64_t id;

    if (field != NULL) {
        const char *text = conn->in.data + conn->start + field->value;

        if (is_request_id(text, field->value_len)) {
            memcpy(exchange->request_id, text, field->value_len);
            exchange->request_id[field->value_len] = '\0';
            return;
        }
    }
    id = (uint64_t)server->id_prefix << 32 | server->id_next++;
    for (int i = 15; i >= 0; i--, id >>= 4)
        exchange->request_id[i] = hex[id & 15];
    exchange->request_id[16] = '\0';
}

void http_exchange_open(struct http_conn *conn)
{
    struct http_exchange *exchange = &conn->exchange;

    exchange->serial++;
    exchange->on_gone = exchange->on_leaving = NULL;
    exchange->on_drained = NULL;
    buf_reset(&exchange->headers);
    exchange->has_query = false;
    exchange->is_begun = exchange->is_endless = false;
    exchange->left = 0;
    set_request_id(exchange);
}

void http_exchange_close(struct http_conn *conn)
{
    buf_clear(&conn->exchange.headers);
    buf_clear(&conn->exchange.path);
    buf_clear(&conn->exchange.query);
}

static char *request(const struct http_exchange *exchange)
{
    return exchange->conn->in.data + exchange->conn->start;
}

enum http_method http_exchange_method(const struct http_exchange *exchange)
{
    return exchange->conn->head.method;
}

const char *http_exchange_path(const struct http_exchange *exchange)
{
    return exchange->path.data;
}

// An escape that is malformed, or that makes a NUL, stays as it is.
static void add_decoded(struct buf *buf, const char *text, const char *end)
{
    for (; text < end; text++) {
        int high = *text == '%' && end - text > 2 ? text_hex(text[1]) : -1;
        int low = high >= 0 ? text_hex(text[2]) : -1;

        if (low >= 0 && high + low > 0) {
            buf_char(buf, (char)(high * 16 + low));
            text += 2;
        } else {
            buf_char(buf, *text == '+' ? ' ' : *text);
        }
    }
    buf_char(buf, '\0');
}

static void decode_query(struct http_exchange *exchange)
{
    const struct http_head *head = &exchange->conn->head;
    const char *at = request(exchange) + head->target + head->path_len;
    const char *end = request(exchange) + head->target + head->target_len;

    exchange->has_query = true;
    buf_reset(&exchange->query);
    while (at < end) { // at a '?' or '&'
        const char *next = memchr(at + 1, '&', (size_t)(end - at - 1));
        const char *equals;

        if (next == NULL)
            next = end;
        equals = memchr(at + 1, '=', (size_t)(next - at - 1));
        if (equals == NULL)
            equals = next;
        add_decoded(&exchange->query, at + 1, equals);
        add_decoded(&exchange->query, equals < next ? equals + 1 : next, next);
        at = next;
    }
}

const char *http_exchange_query(struct http_exchange *exchange, const char *name)
{
    const char *at, *end;

    if (!exchange->has_query)
        decode_query(exchange);
    at = buf_text(&exchange->query);
    end = at + exchange->query.len;
    while (at < end) {
        const char *value = at + strlen(at) + 1;

        if (strcmp(at, name) == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}

const char *http_exchange_header(const struct http_exchange *exchange, const char *name)
{
    unsigned times;

    return http_head_value(&exchange->conn->head, request(exchange), name, &times);
}

unsigned http_exchange_header_count(const struct http_exchange *exchange, const char *name)
{
    unsigned times;

    http_head_value(&exchange->conn->head, request(exchange), name, &times);
    return times;
}

const char *http_exchange_header_line(const struct http_exchange *exchange, const char *name,
                                      unsigned number)
{
    return http_head_line(&exchange->conn->head, request(exchange), name, number);
}

bool http_exchange_has_body(const struct http_exchange *exchange)
{
    return !exchange->conn->is_whole;
}

int64_t http_exchange_body_length(const struct http_exchange *exchange)
{
    return exchange->conn->head.content_length;
}

void http_exchange_await_body(struct http_exchange *exchange, const char *owner, size_t max_bytes,
                              http_handler_fn on_whole, void *ctx)
{
    struct http_conn *conn = exchange->conn;

    if (!conn->is_closing) // where it is closing, on_gone is on its way
        http_body_ask(conn, owner, max_bytes, 0, on_whole, ctx);
}

void http_exchange_await_long_body(struct http_exchange *exchange, const char *owner,
                                   size_t max_bytes, size_t max_long_bytes,
                                   http_handler_fn on_whole, void *ctx)
{
    struct http_conn *conn = exchange->conn;

    if (!conn->is_closing)
        http_body_ask(conn, owner, max_bytes, max_long_bytes, on_whole, ctx);
}

bool http_exchange_is_body_long(const struct http_exchange *exchange)
{
    return http_body_is_long(exchange->conn);
}

void http_exchange_read_body(struct http_exchange *exchange, http_piece_fn fn, void *ctx)
{
    if (!exchange->conn->is_closing)
        http_body_read(exchange->conn, fn, ctx);
}

char *http_exchange_body(struct http_exchange *exchange, size_t *len)
{
    struct http_conn *conn = exchange->conn;

    if (conn->body.is_in_file) {
        *len = conn->body.data.len;
        buf_reserve(&conn->body.data, 0);
        return conn->body.data.data;
    }
    *len = conn->body_len;
    return request(exchange) + conn->head.bytes;
}

void http_exchange_take_body(struct http_exchange *exchange, struct buf *body)
{
    struct http_conn *conn = exchange->conn;

    buf_clear(body);
    if (conn->body.is_in_file) {
        *body = conn->body.data;
        conn->body.data = (struct buf){0};
    } else {
        buf_add(body, request(exchange) + conn->head.bytes, conn->body_len);
    }
}

void http_exchange_forget_body(struct http_exchange *exchange)
{
    http_body_forget(exchange->conn);
}

void http_exchange_know(struct http_exchange *exchange)
{
    exchange->conn->is_known = true;
}

const char *http_exchange_request_id(const struct http_exchange *exchange)
{
    return exchange->request_id;
}

unsigned http_exchange_serial(const struct http_exchange *exchange)
{
    return exchange->serial;
}

bool http_exchange_wants_websocket(const struct http_exchange *exchange)
{
    return exchange->conn->head.wants_websocket;
}

void http_exchange_on_gone(struct http_exchange *exchange, http_gone_fn on_gone, void *ctx)
{
    exchange->on_gone = on_gone;
    exchange->on_leaving = NULL;
    exchange->gone_ctx = ctx;
}

void http_exchange_on_leaving(struct http_exchange *exchange, http_gone_fn on_leaving)
{
    exchange->on_leaving = on_leaving;
}

void http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value)
{
    struct buf *headers = &exchange->headers;
    size_t from;

    buf_str(headers, name);
    buf_add(headers, ": ", 2);
    from = headers->len;
    buf_str(headers, value);
    // A value may come from a stranger: it must not become a second header.
    for (size_t i = from; i < headers->len; i++)
        if ((unsigned char)headers->data[i] < 0x20 || headers->data[i] == 0x7f)
            headers->data[i] = ' ';
    buf_add(headers, "\r\n", 2);
}

void http_exchange_add_head(struct http_conn *conn, int status, const char *content_type,
                            int64_t length)
{
    struct http_exchange *exchange = &conn->exchange;
    struct buf *out = &conn->out;

    if (status == 200) {
        buf_str(out, "HTTP/1.1 200 OK\r\nDate: ");
    } else {
        buf_str(out, "HTTP/1.1 ");
        buf_int(out, status);
        buf_char(out, ' ');
        buf_str(out, http_status_text(status));
        buf_str(out, "\r\nDate: ");
    }
    buf_str(out, http_server_date(conn->server));
    if (content_type != NULL) {
        buf_str(out, "\r\nContent-Type: ");
        buf_str(out, content_type);
    }
    if (length >= 0 && status >= 200 && status != 204 && status != 304) {
        buf_str(out, "\r\nContent-Length: ");
        buf_int(out, length);
    }
    buf_str(out, "\r\nX-Request-Id: ");
    buf_str(out, exchange->request_id);
    buf_str(out, conn->keeps_alive ? "\r\n" : "\r\nConnection: close\r\n");
    buf_add(out, buf_text(&exchange->headers), exchange->headers.len);
    buf_add(out, "\r\n", 2);
}

static bool has_body(const struct http_conn *conn, int status)
{
    return conn->head.method != HTTP_HEAD_ && status != 204 && status != 304;
}

void http_exchange_answer(struct http_exchange *exchange, int status, const char *content_type,
                          const void *body, size_t len)
{
    struct http_conn *conn = exchange->conn;

    if (!conn->is_closing) {
        http_conn_settle(conn);
        buf_reserve(&conn->out, 512 + len);
        http_exchange_add_head(conn, status, content_type, (int64_t)len);
        if (has_body(conn, status))
            buf_add(&conn->out, body, len);
    }
    http_conn_finish(conn);
}

void http_exchange_answer_json(struct http_exchange *exchange, int status, const char *json)
{
    http_exchange_answer(exchange, status, "application/json", json, strlen(json));
}

void http_exchange_begin(struct http_exchange *exchange, int status, const char *content_type,
                         int64_t length)
{
    struct http_conn *conn = exchange->conn;

    exchange->is_begun = true;
    if (conn->is_closing)
        return;
    exchange->is_endless = length < 0;
    http_conn_settle(conn);
    if (exchange->is_endless)
        conn->keeps_alive = false;
    if (!exchange->is_endless)
        conn->deadline_ms = INT64_MAX; // a client that is done with sending still reads
    exchange->left = length > 0 && has_body(conn, status) ? (uint64_t)length : 0;
    if (exchange->is_endless && has_body(conn, status))
        exchange->left = UINT64_MAX;
    http_exchange_add_head(conn, status, content_type, length);
    http_server_wake(conn->server, conn);
}

bool http_exchange_write(struct http_exchange *exchange, const void *data, size_t len,
                         http_drained_fn on_drained, void *ctx)
{
    struct http_conn *conn = exchange->conn;

    if (conn->is_closing)
        return true;
    if (len > exchange->left)
        len = (size_t)exchange->left;
    if (!exchange->is_endless)
        exchange->left -= len;
    buf_add(&conn->out, data, len);
    http_server_wake(conn->server, conn);
    if (conn->out.len + conn->sending.len < HTTP_HIGH_WATER)
        return true;
    exchange->on_drained = on_drained;
    exchange->drained_ctx = ctx;
    return false;
}

void http_exchange_end(struct http_exchange *exchange)
{
    if (exchange->left > 0 && !exchange->is_endless)
        http_exchange_abort(exchange); // the client must see that something is missing
    else
        http_conn_finish(exchange->conn);
}

void http_exchange_abort(struct http_exchange *exchange)
{
    exchange->conn->is_cut = true;
    exchange->conn->keeps_alive = false;
    http_conn_finish(exchange->conn);
}

// A duplicate of the descriptor; -1 where the connection can't be given away.
static int copy_socket(struct http_conn *conn)
{
    uv_os_fd_t fd;

    return !conn->is_closing && http_conn_flush_now(conn) &&
                   uv_fileno((const uv_handle_t *)&conn->uv, &fd) == 0
               ? fcntl(fd, F_DUPFD_CLOEXEC, 3)
               : -1;
}

// The exchange is over, and with it what is left of the connection here.
static void leave_socket(struct http_conn *conn)
{
    conn->is_busy = false;
    if (conn->is_closing)
        http_conn_free_if_over(conn);
    else
        http_conn_close(conn);
}

int http_exchange_take_socket(struct http_exchange *exchange, struct buf *head)
{
    struct http_conn *conn = exchange->conn;
    int copy = copy_socket(conn);

    if (copy >= 0) {
        http_head_restore(&conn->head, request(exchange));
        request(exchange)[conn->head.bytes] = conn->stolen; // the request has no body
        buf_add(head, request(exchange), conn->in.len - conn->start);
        buf_add(head, buf_text(&conn->later), conn->later.len);
    }
    leave_socket(conn);
    return copy;
}

int http_exchange_take_answer(struct http_exchange *exchange, int status, const char *content_type,
                              struct buf *head)
{
    struct http_conn *conn = exchange->conn;
    int copy = copy_socket(conn);

    if (copy >= 0) {
        conn->keeps_alive = false;
        http_exchange_add_head(conn, status, content_type, -1);
        buf_add(head, conn->out.data, conn->out.len);
    }
    leave_socket(conn);
    return copy;
}
