// A connection to the front door: bytes in, one request at a time, answers out.
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/http/http_server_private.h"

enum {
    // How long and how much we read and throw away behind the last answer, so that a client who is
    // still sending gets that answer.
    LINGER_MS = 2000,
    LINGER_BYTES = 64 * 1024 * 1024,
    // A client that shut its side down may have gone, or only be done with sending: the answer has
    // this long to come.
    HALF_CLOSED_MS = 1000,
    DRAIN_FIRST_MS = 250, // for a first request that hasn't begun
    DRAIN_MS = 2000,      // for a request that is half sent when no more are taken
};

static const struct {
    int status;
    const char *code;
} error_codes[] = {
    {400, "invalid_request"},     {408, "request_timeout"},       {413, "request_too_large"},
    {414, "uri_too_long"},        {431, "headers_too_large"},     {501, "method_not_implemented"},
    {503, "service_unavailable"}, {505, "version_not_supported"},
};

static void conn_process(struct http_conn *conn);
static void update_reading(struct http_conn *conn);

static size_t waiting_bytes(const struct http_conn *conn)
{
    return conn->out.len + conn->sending.len;
}

static void trim(struct buf *buf)
{
    if (buf->cap > HTTP_KEEP_BYTES)
        buf_clear(buf);
    else
        buf_reset(buf);
}

void http_conn_free_if_over(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    if (!conn->is_closed || conn->is_busy)
        return;
    buf_clear(&conn->in);
    buf_clear(&conn->later);
    buf_clear(&conn->out);
    buf_clear(&conn->sending);
    http_head_clear(&conn->head);
    http_body_drop(conn);
    http_exchange_close(conn);
    free(conn);
    http_server_unref(server);
}

static void conn_on_closed(uv_handle_t *conn_handle)
{
    struct http_conn *conn = (struct http_conn *)conn_handle;

    conn->is_closed = true;
    http_conn_free_if_over(conn);
}

void http_conn_close(struct http_conn *conn)
{
    if (conn->is_closing)
        return;
    conn->is_closing = true;
    if (!conn->is_whole)
        http_body_drop(conn); // else its handler may be reading it
    http_server_forget(conn->server, conn);
    uv_close((uv_handle_t *)&conn->uv, conn_on_closed);
}

void http_conn_gone(struct http_conn *conn)
{
    struct http_exchange *exchange = &conn->exchange;
    http_gone_fn on_gone = exchange->on_gone;
    http_drained_fn on_drained = exchange->on_drained;

    http_conn_close(conn);
    if (conn->state == HTTP_READING_BODY && on_gone == NULL)
        conn->is_busy = false; // its handler hasn't seen it yet
    if (!conn->is_busy)
        return;
    exchange->on_gone = NULL;
    exchange->on_drained = NULL;
    conn->body.on_piece = NULL;
    if (on_gone != NULL) {
        conn->is_busy = false;
        on_gone(exchange->gone_ctx);
    } else if (on_drained != NULL) {
        on_drained(exchange->drained_ctx); // what the writer writes goes nowhere, but it gets to
                                           // its end
    }
}

static void conn_on_allocate(uv_handle_t *conn_handle, size_t suggested, uv_buf_t *chunk)
{
    struct http_server *server = ((struct http_conn *)conn_handle)->server;

    (void)suggested;
    *chunk = uv_buf_init(server->chunk, sizeof server->chunk);
}

static void conn_on_eof(struct http_conn *conn)
{
    http_gone_fn on_leaving = conn->exchange.on_leaving;

    conn->is_eof = true;
    conn->is_reading = false;
    uv_read_stop((uv_stream_t *)&conn->uv);
    switch (conn->state) {
    case HTTP_READING_HEAD:
    case HTTP_READING_BODY:
        // Earlier answers still go out; pipelined requests that are complete are served.
        http_server_wake(conn->server, conn);
        break;
    case HTTP_DECIDING:
    case HTTP_HANDLING:
        if (!conn->exchange.is_begun || conn->exchange.is_endless)
            http_server_set_deadline(conn->server, conn, HALF_CLOSED_MS);
        if (on_leaving != NULL) {
            conn->exchange.on_leaving = NULL;
            on_leaving(conn->exchange.gone_ctx);
        }
        break;
    case HTTP_FLUSHING:
        break;
    case HTTP_LINGERING:
        http_conn_close(conn);
        break;
    }
}

static void conn_on_read(uv_stream_t *stream, ssize_t got, const uv_buf_t *chunk)
{
    struct http_conn *conn = (struct http_conn *)stream;
    size_t len = (size_t)got;

    if (got == 0)
        return;
    if (got == UV_EOF) {
        conn_on_eof(conn);
        return;
    }
    if (got < 0) {
        http_conn_gone(conn);
        return;
    }
    conn->since_ms = http_server_now_ms(conn->server);
    conn->has_said = true;
    switch (conn->state) {
    case HTTP_READING_HEAD:
        if (conn->in.len == conn->start)
            http_server_set_deadline(conn->server, conn, conn->server->options.header_timeout_ms);
        // fallthrough
    case HTTP_READING_BODY:
        if (conn->start > 0) {
            buf_consume(&conn->in, conn->start);
            conn->start = 0;
        }
        buf_add(&conn->in, chunk->base, len);
        conn_process(conn);
        http_server_wake(conn->server, conn);
        if (conn->state == HTTP_READING_BODY)
            update_reading(conn); // at once: libuv would bring megabytes in one turn
        break;
    case HTTP_DECIDING:
    case HTTP_HANDLING:
        buf_add(&conn->later, chunk->base, len);
        if (conn->later.len >= HTTP_READ_BYTES)
            http_server_wake(conn->server, conn); // which stops the reading
        break;
    case HTTP_FLUSHING:
    case HTTP_LINGERING:
        if (len >= conn->linger_left) {
            if (conn->state == HTTP_LINGERING)
                http_conn_close(conn);
            else
                conn->is_cut = true; // the client doesn't read
            conn->linger_left = 0;
            update_reading(conn);
        } else {
            conn->linger_left -= len;
        }
        break;
    }
}

// Reading stops where more would only pile up: the kernel's buffer then slows the client down.
static void update_reading(struct http_conn *conn)
{
    bool wanted = !conn->is_eof;

    if (conn->is_closing)
        return;
    if (conn->state == HTTP_HANDLING || conn->state == HTTP_DECIDING)
        wanted = wanted && conn->later.len < HTTP_READ_BYTES;
    else if (conn->state == HTTP_READING_BODY)
        wanted = wanted && http_body_wants_more(conn);
    else if (conn->state == HTTP_READING_HEAD)
        wanted = wanted && waiting_bytes(conn) < HTTP_HIGH_WATER;
    else if (conn->state == HTTP_FLUSHING)
        wanted = wanted && conn->linger_left > 0;
    if (wanted == conn->is_reading)
        return;
    conn->is_reading = wanted;
    if (wanted)
        uv_read_start((uv_stream_t *)&conn->uv, conn_on_allocate, conn_on_read);
    else
        uv_read_stop((uv_stream_t *)&conn->uv);
}

struct http_conn *http_conn_open(struct http_server *server, int fd)
{
    struct http_conn *conn = mem_new(struct http_conn);

    uv_tcp_init(server->uv, &conn->uv);
    conn->server = server;
    conn->exchange.conn = conn;
    conn->is_whole = true;
    conn->since_ms = http_server_now_ms(server);
    http_head_reset(&conn->head);
    server->refs++;
    server->connections++;
    conn->next = server->all;
    conn->link = &server->all;
    if (conn->next != NULL)
        conn->next->link = &conn->next;
    server->all = conn;
    if (uv_tcp_open(&conn->uv, fd) != 0) {
        close(fd);
        http_conn_close(conn);
        return NULL;
    }
    http_server_set_deadline(server, conn, server->options.header_timeout_ms);
    update_reading(conn);
    return conn;
}

// Answers for ourselves; nothing that this client sends after that is believed. `has_path`: the
// request's head has been read, and so has its path.
static void conn_refuse(struct http_conn *conn, int status, const char *why, bool has_path)
{
    const struct http_server_options *options = &conn->server->options;
    struct buf body = {0};
    const char *code = "invalid_request";

    for (size_t i = 0; i < sizeof error_codes / sizeof error_codes[0]; i++)
        if (error_codes[i].status == status)
            code = error_codes[i].code;
    http_write_error(status, code, why, &body);
    conn->keeps_alive = false;
    conn->state = HTTP_FLUSHING;
    conn->linger_left = LINGER_BYTES;
    http_exchange_open(conn);
    if (status == 503)
        http_exchange_add_header(&conn->exchange, "Retry-After", "1");
    if (has_path && options->on_refuse != NULL)
        options->on_refuse(options->ctx, &conn->exchange, status);
    http_exchange_add_head(conn, status, "application/json", (int64_t)body.len);
    if (conn->head.method != HTTP_HEAD_)
        buf_add(&conn->out, body.data, body.len);
    buf_clear(&body);
    http_server_set_deadline(conn->server, conn, conn->server->options.idle_timeout_ms);
}

// The handler has the whole request: what the client sends next waits.
static void set_handling(struct http_conn *conn)
{
    conn->state = HTTP_HANDLING;
    conn->is_whole = true;
    conn->deadline_ms = INT64_MAX;
    if (conn->is_eof)
        http_server_set_deadline(conn->server, conn, HALF_CLOSED_MS);
    if (!conn->body.is_in_file) {
        char *end = conn->in.data + conn->start + conn->head.bytes + conn->body_len;

        conn->stolen = *end;
        *end = '\0';
    }
}

struct http_exchange *http_server_adopt(struct http_server *server, int fd, const struct buf *head)
{
    struct http_conn *conn = http_conn_open(server, fd);

    if (conn == NULL)
        return NULL;
    conn->is_busy = conn->is_known = true;
    buf_reserve(&conn->in, 1); // the request was read elsewhere; here it is empty
    http_exchange_open(conn);
    conn->exchange.is_begun = conn->exchange.is_endless = true;
    conn->exchange.left = UINT64_MAX;
    set_handling(conn);
    buf_add(&conn->out, head->data, head->len);
    http_server_wake(server, conn);
    return &conn->exchange;
}

// The head is there: from here on a handler has the exchange.
static void open_request(struct http_conn *conn)
{
    struct http_server_options *options = &conn->server->options;

    conn->is_busy = true;
    http_exchange_open(conn);
    if (conn->is_whole) {
        set_handling(conn);
    } else {
        conn->state = HTTP_DECIDING;
        conn->deadline_ms = INT64_MAX;
    }
    if (options->on_head != NULL)
        options->on_head(options->ctx, &conn->exchange);
    else if (conn->is_whole)
        options->on_request(options->ctx, &conn->exchange);
    else
        http_body_ask(conn, "", SIZE_MAX, 0, options->on_request, options->ctx);
}

// False: more of the head has to come, or the request was refused.
static bool take_head(struct http_conn *conn)
{
    const struct http_server_options *options = &conn->server->options;
    const struct http_head_limits limits = {
        .header_bytes = options->max_header_bytes,
        .target_bytes = options->max_target_bytes,
        .header_count = options->max_header_count,
    };
    struct http_head *head = &conn->head;
    char *data = conn->in.data + conn->start;
    size_t len = conn->in.len - conn->start, declared;

    if (len == 0)
        return false;
    switch (http_head_read(head, data, len, &limits)) {
    case HTTP_HEAD_MORE:
        return false;
    case HTTP_HEAD_BAD:
        conn_refuse(conn, head->status, head->why, false);
        return false;
    case HTTP_HEAD_DONE:
        break;
    }
    if (!http_head_path(head, data, &conn->exchange.path)) {
        conn_refuse(conn, 400, "the path is malformed", false);
        return false;
    }
    declared = head->content_length > 0 ? (size_t)head->content_length : 0;
    if (declared > options->max_body_bytes && declared > options->max_long_bytes) {
        conn_refuse(conn, 413, "the body is too large", true);
        return false;
    }
    conn->body_len = 0;
    conn->request_len = head->bytes;
    conn->keeps_alive = head->keeps_alive;
    conn->is_whole = declared == 0 && !head->is_chunked;
    open_request(conn);
    return true;
}

void http_conn_fail(struct http_conn *conn, int status, const char *why)
{
    http_gone_fn on_gone = conn->exchange.on_gone;
    void *ctx = conn->exchange.gone_ctx;

    http_body_drop(conn);
    conn->is_busy = false;
    conn_refuse(conn, status, why, true);
    http_server_wake(conn->server, conn);
    if (on_gone != NULL)
        on_gone(ctx);
}

// The whole request is there: its handler gets it.
static void conn_handle(struct http_conn *conn)
{
    http_handler_fn on_whole = conn->body.on_whole;

    set_handling(conn);
    on_whole(conn->body.ctx, &conn->exchange);
}

// Serves the buffered requests, one after the other; an answer that is given meanwhile leaves the
// next request to this loop.
static void conn_process(struct http_conn *conn)
{
    bool goes_on = !conn->is_processing;

    if (conn->is_processing || conn->is_closing)
        return;
    conn->is_processing = true;
    while (goes_on && !conn->is_closing) {
        if (conn->state == HTTP_READING_HEAD) {
            goes_on = waiting_bytes(conn) < HTTP_HIGH_WATER && take_head(conn);
        } else if (conn->state == HTTP_READING_BODY) {
            goes_on = http_body_take(conn);
            if (goes_on)
                conn_handle(conn);
        } else {
            goes_on = false;
        }
    }
    conn->is_backlogged = conn->state == HTTP_READING_HEAD && conn->in.len > conn->start &&
                          waiting_bytes(conn) >= HTTP_HIGH_WATER;
    conn->is_processing = false;
}

// A body that nobody has read is passed over where it has come with the head; where it hasn't, we
// would have to wait for the client, so the answer ends the connection.
void http_conn_settle(struct http_conn *conn)
{
    const struct http_head *head = &conn->head;
    size_t body_at = conn->start + head->bytes;

    if (conn->server->is_draining)
        conn->keeps_alive = false;
    if (conn->is_whole)
        return;
    if (conn->state == HTTP_DECIDING && !head->is_chunked &&
        conn->in.len - body_at >= (size_t)head->content_length)
        conn->request_len = head->bytes + (size_t)head->content_length;
    else
        conn->keeps_alive = false;
}

void http_conn_finish(struct http_conn *conn)
{
    struct http_server *server = conn->server;

    conn->is_busy = false;
    if (conn->is_closing) {
        http_body_drop(conn);
        http_conn_free_if_over(conn);
        return;
    }
    if (conn->is_whole && !conn->body.is_in_file)
        conn->in.data[conn->start + conn->head.bytes + conn->body_len] = conn->stolen;
    http_body_drop(conn);
    conn->is_whole = true;
    conn->since_ms = http_server_now_ms(server);
    conn->start += conn->request_len;
    if (conn->start == conn->in.len) {
        conn->start = 0;
        trim(&conn->in);
    }
    if (conn->later.len > 0) {
        buf_add(&conn->in, conn->later.data, conn->later.len);
        trim(&conn->later);
    }
    http_head_reset(&conn->head);
    if (conn->keeps_alive && !server->is_draining) {
        conn->state = HTTP_READING_HEAD;
        http_server_set_deadline(server, conn,
                                 conn->in.len > conn->start ? server->options.header_timeout_ms
                                                            : server->options.idle_timeout_ms);
    } else {
        conn->state = HTTP_FLUSHING;
        conn->linger_left = LINGER_BYTES;
        http_server_set_deadline(server, conn, server->options.idle_timeout_ms);
    }
    http_server_wake(server, conn);
}

// Bytes that nobody has read: if we closed now, their sender would see a reset.
static bool has_unread(struct http_conn *conn)
{
    uv_os_fd_t fd;
    int count = 0;

    return uv_fileno((uv_handle_t *)&conn->uv, &fd) == 0 && ioctl(fd, FIONREAD, &count) == 0 &&
           count > 0;
}

void http_conn_drain(struct http_conn *conn)
{
    if (conn->state == HTTP_READING_HEAD && !conn->has_said) {
        // A request is on its way: nobody opens a connection for nothing.
        http_server_set_deadline(conn->server, conn, DRAIN_FIRST_MS);
        return;
    }
    if (conn->state != HTTP_READING_HEAD || conn->in.len > conn->start || has_unread(conn)) {
        // The answer to this request will be the last.
        if ((conn->state == HTTP_READING_HEAD || conn->state == HTTP_READING_BODY) &&
            conn->deadline_ms > http_server_now_ms(conn->server) + DRAIN_MS)
            http_server_set_deadline(conn->server, conn, DRAIN_MS);
        return;
    }
    if (waiting_bytes(conn) == 0) {
        http_conn_close(conn);
        return;
    }
    conn->state = HTTP_FLUSHING;
    conn->linger_left = LINGER_BYTES;
}

static void start_linger(struct http_conn *conn)
{
    if (conn->is_eof || conn->is_cut ||
        uv_shutdown(&conn->shutdown, (uv_stream_t *)&conn->uv, NULL) != 0) {
        http_conn_close(conn);
        return;
    }
    conn->state = HTTP_LINGERING;
    http_server_set_deadline(conn->server, conn, LINGER_MS);
}

static void conn_on_written(uv_write_t *write, int status)
{
    struct http_conn *conn = write->handle->data;

    conn->is_sending = false;
    trim(&conn->sending);
    if (conn->is_closing)
        return;
    if (status != 0) {
        http_conn_gone(conn);
        return;
    }
    conn->since_ms = http_server_now_ms(conn->server);
    if (conn->state == HTTP_HANDLING && !conn->is_eof)
        conn->deadline_ms = INT64_MAX; // the handler may take its time
    http_conn_turn(conn);
}

bool http_conn_flush_now(struct http_conn *conn)
{
    uv_buf_t piece;
    int sent;

    if (conn->is_sending)
        return false;
    if (conn->out.len == 0)
        return true;
    piece = uv_buf_init(conn->out.data, (unsigned)conn->out.len);
    sent = uv_try_write((uv_stream_t *)&conn->uv, &piece, 1);
    if (sent < 0)
        return false; // the full write will tell what is wrong
    if ((size_t)sent < conn->out.len) {
        buf_consume(&conn->out, (size_t)sent);
        return false;
    }
    trim(&conn->out);
    return true;
}

static void send_rest(struct http_conn *conn)
{
    struct buf spare = conn->sending;
    uv_buf_t piece;

    conn->sending = conn->out;
    conn->out = spare;
    conn->is_sending = true;
    conn->uv.data = conn;
    conn->queue_seen = SIZE_MAX;
    piece = uv_buf_init(conn->sending.data, (unsigned)conn->sending.len);
    if (uv_write(&conn->write, (uv_stream_t *)&conn->uv, &piece, 1, conn_on_written) != 0) {
        conn->is_sending = false;
        http_conn_gone(conn);
        return;
    }
    if (conn->deadline_ms == INT64_MAX)
        http_server_set_deadline(conn->server, conn, conn->server->options.idle_timeout_ms);
}

static void conn_flush(struct http_conn *conn)
{
    struct http_exchange *exchange = &conn->exchange;
    http_drained_fn on_drained;

    if (conn->is_sending)
        return;
    // A writer that waits is called back from the loop and not from here: one fast reader must not
    // keep the turn for itself.
    if (conn->out.len > 0 && (exchange->on_drained != NULL || !http_conn_flush_now(conn))) {
        send_rest(conn);
        return;
    }
    if (conn->is_backlogged) {
        http_server_wake(conn->server, conn); // there is room for more answers now
    } else if (conn->state == HTTP_FLUSHING) {
        start_linger(conn);
    } else if (conn->state == HTTP_HANDLING && exchange->on_drained != NULL) {
        on_drained = exchange->on_drained;
        exchange->on_drained = NULL;
        on_drained(exchange->drained_ctx);
    } else if (conn->is_eof &&
               (conn->state == HTTP_READING_HEAD ||
                (conn->state == HTTP_READING_BODY && !http_body_is_waiting(conn)))) {
        http_conn_gone(conn);
    }
}

void http_conn_turn(struct http_conn *conn)
{
    if (conn->is_closing)
        return;
    conn_process(conn);
    if (!conn->is_closing)
        conn_flush(conn);
    update_reading(conn);
}

void http_conn_on_deadline(struct http_conn *conn)
{
    size_t queued = uv_stream_get_write_queue_size((uv_stream_t *)&conn->uv);

    // A slow reader isn't a dead one.
    if (conn->is_sending && queued != conn->queue_seen) {
        conn->queue_seen = queued;
        http_server_set_deadline(conn->server, conn, conn->server->options.idle_timeout_ms);
        return;
    }
    switch (conn->state) {
    case HTTP_READING_HEAD:
        if (conn->in.len > conn->start && !conn->is_sending) {
            conn_refuse(conn, 408, "the request took too long", false);
            http_conn_turn(conn);
            return;
        }
        http_conn_close(conn);
        return;
    case HTTP_READING_BODY:
        if (http_body_is_waiting(conn))
            http_conn_fail(conn, 503, "there is no room for the body");
        else
            http_conn_fail(conn, 408, "the request took too long");
        http_conn_turn(conn);
        return;
    case HTTP_DECIDING:
    case HTTP_HANDLING:
        http_conn_gone(conn);
        return;
    case HTTP_FLUSHING:
    case HTTP_LINGERING:
        http_conn_close(conn);
        return;
    }
}
