// A request's body on its way in: where it waits until it is whole, and until there is room.
//
//  asked for ─▶ waits unread ── room ──▶ arrives ── whole ──▶ handled
//                                          └── large: into a file ──▶ waits there ── room ──▶ read
//                                                                       └── long: read in pieces
//
// A small body stays in memory. A large one goes to a file as it comes, and is read back when it is
// whole: so a body that trickles in holds nothing that others need. What a body takes counts as its
// owner's share of what all bodies share (core/base/room).
#include <string.h>

#include "core/base/mem.h"
#include "core/http/http_server_private.h"
#include "core/http/http_spool.h"

enum {
    PIECE_BYTES = HTTP_BODY_PIECE_BYTES,
    BYTES_PER_SECOND = 256 * 1024,
};

static void on_spooled(void *ctx, bool ok, struct buf *data);

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t declared(const struct http_conn *conn)
{
    return conn->head.content_length > 0 ? (size_t)conn->head.content_length : 0;
}

// Where the body begins in `in`.
static size_t body_at(const struct http_conn *conn)
{
    return conn->start + conn->head.bytes;
}

static size_t came(const struct http_conn *conn)
{
    return conn->in.len - body_at(conn);
}

static void stop_waiting(struct http_conn *conn)
{
    struct http_body *body = &conn->body;

    if (body->at_waiting == NULL)
        return;
    *body->at_waiting = body->next_waiting;
    if (body->next_waiting != NULL)
        body->next_waiting->body.at_waiting = body->at_waiting;
    body->at_waiting = NULL;
}

// Puts the connection behind those that wait already.
static void wait_for_room(struct http_conn *conn)
{
    struct http_conn **at = &conn->server->waiting;

    if (conn->body.at_waiting != NULL)
        return;
    while (*at != NULL)
        at = &(*at)->body.next_waiting;
    *at = conn;
    conn->body.at_waiting = at;
    conn->body.next_waiting = NULL;
}

// Gives back what the body has of `room`. The connections that wait for room are looked at soon.
static void give(struct http_conn *conn, struct room *room, size_t *bytes)
{
    struct http_server *server = conn->server;

    if (*bytes == 0)
        return;
    room_give(room, conn->body.owner, *bytes);
    *bytes = 0;
    for (struct http_conn *other = server->waiting; other != NULL; other = other->body.next_waiting)
        http_server_wake(server, other);
}

void http_body_drop(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct http_body *body = &conn->body;

    if (body->owner == NULL)
        return;
    stop_waiting(conn);
    give(conn, &server->arriving, &body->arriving_bytes);
    give(conn, &server->on_disk, &body->disk_bytes);
    give(conn, &server->whole, &body->whole_bytes);
    http_spool_drop(&body->spool);
    buf_clear(&body->piece);
    buf_clear(&body->data);
    mem_set_str(&body->owner, NULL);
    *body = (struct http_body){0};
}

void http_body_forget(struct http_conn *conn)
{
    buf_clear(&conn->body.data);
    if (conn->body.is_in_file)
        give(conn, &conn->server->whole, &conn->body.whole_bytes);
}

// How long it may take to come.
static int64_t patience_ms(const struct http_conn *conn)
{
    const struct http_body *body = &conn->body;
    bool may_be_long = conn->head.is_chunked && body->max_bytes > body->long_bytes;
    size_t size = may_be_long ? body->max_bytes : declared(conn);

    return conn->server->options.body_timeout_ms + (int64_t)(size / BYTES_PER_SECOND) * 1000;
}

void http_body_ask(struct http_conn *conn, const char *owner, size_t max_bytes,
                   size_t max_long_bytes, http_handler_fn on_whole, void *ctx)
{
    const struct http_server_options *options = &conn->server->options;

    conn->body = (struct http_body){.on_whole = on_whole, .ctx = ctx};
    conn->body.max_bytes = conn->body.long_bytes = least(max_bytes, options->max_body_bytes);
    if (max_long_bytes > max_bytes)
        conn->body.max_bytes = least(max_long_bytes, options->max_long_bytes);
    conn->body.owner = mem_str(owner);
    conn->state = HTTP_READING_BODY;
    if (conn->later.len > 0) {
        buf_add(&conn->in, conn->later.data, conn->later.len);
        buf_reset(&conn->later);
    }
    http_server_set_deadline(conn->server, conn, patience_ms(conn));
    http_server_wake(conn->server, conn);
}

bool http_body_wants_more(const struct http_conn *conn)
{
    return conn->body.is_admitted && !conn->body.is_working && !conn->body.is_complete;
}

// Whether it is a thread, or room for the body, that we wait for, and not the client.
bool http_body_is_waiting(const struct http_conn *conn)
{
    return conn->body.is_working || conn->body.is_complete || conn->body.at_waiting != NULL;
}

// Takes the room that the body needs to come in, all or nothing; room for a file, too, where the
// body is known to be large, or has become so. A refusal must not wake the connections that wait:
// they would wake each other for ever.
static bool take_room(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct http_body *body = &conn->body;
    bool is_chunked = conn->head.is_chunked;
    size_t size = is_chunked ? body->max_bytes : declared(conn);
    size_t piece = body->arriving_bytes > 0 ? 0 : least(size, PIECE_BYTES);
    bool is_large = is_chunked ? body->kept > PIECE_BYTES : size > PIECE_BYTES;
    bool wants_file = is_large && server->options.spool_dir != NULL;

    if (!room_take(&server->arriving, body->owner, piece))
        return false;
    if (wants_file && !room_take(&server->on_disk, body->owner, size)) {
        room_give(&server->arriving, body->owner, piece);
        return false;
    }
    body->arriving_bytes += piece;
    if (wants_file) {
        body->disk_bytes = size;
        body->is_in_file = true;
        body->spool = http_spool_new(server->uv, server->options.spool_dir, on_spooled, conn);
    }
    return true;
}

static bool admit(struct http_conn *conn)
{
    struct http_body *body = &conn->body;
    bool is_first = body->arriving_bytes == 0;

    if (!conn->head.is_chunked && declared(conn) > body->max_bytes) {
        http_conn_fail(conn, 413, "the body is too large");
        return false;
    }
    if (!take_room(conn)) {
        wait_for_room(conn);
        return false;
    }
    stop_waiting(conn);
    body->is_admitted = true;
    if (is_first && conn->head.expects_continue && !conn->head.is_http_1_0 && came(conn) == 0) {
        buf_str(&conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
        http_server_wake(conn->server, conn);
    }
    if (!body->is_in_file && declared(conn) > came(conn))
        buf_reserve(&conn->in, least(declared(conn), PIECE_BYTES) - came(conn));
    return true;
}

// Hands the first `len` bytes of the body in `in` to the file; what follows the first `skip` bytes
// moves up.
static void spool(struct http_conn *conn, size_t len, size_t skip)
{
    struct http_body *body = &conn->body;
    char *data = conn->in.data + body_at(conn);
    size_t rest = came(conn) - skip;

    buf_add(&body->piece, data, len);
    memmove(data, data + skip, rest);
    conn->in.len = body_at(conn) + rest;
    body->kept = 0;
    body->is_working = true;
    http_spool_write(body->spool, &body->piece);
}

static bool take_plain(struct http_conn *conn)
{
    struct http_body *body = &conn->body;
    size_t left = declared(conn) - conn->body_len, len = least(came(conn), left);

    if (!body->is_in_file) {
        if (len < left)
            return false;
        body->kept = conn->body_len = left;
        conn->request_len = conn->head.bytes + left;
        return true;
    }
    if (len < left && len < PIECE_BYTES / 2)
        return false;
    conn->body_len += len;
    body->is_complete = len == left;
    conn->request_len = conn->head.bytes;
    spool(conn, len, len);
    return false;
}

// Decodes in place: the body grows behind the head and overwrites the chunks that it was sent in.
static bool take_chunks(struct http_conn *conn)
{
    struct http_body *body = &conn->body;
    char *data = conn->in.data + body_at(conn) + body->kept;
    size_t len = came(conn) - body->kept, used;
    enum http_chunked_result result =
        http_chunked_decode(&body->chunked, data, &len, body->max_bytes - conn->body_len, &used);

    conn->body_len += len;
    body->kept += len;
    switch (result) {
    case HTTP_CHUNKED_MORE:
        conn->in.len = body_at(conn) + body->kept;
        conn->in.data[conn->in.len] = '\0';
        if (body->kept > PIECE_BYTES && conn->server->options.spool_dir != NULL &&
            !body->is_in_file)
            body->is_admitted = false; // the body needs a file from here on
        else if (body->is_in_file && body->kept >= PIECE_BYTES / 2)
            spool(conn, body->kept, body->kept);
        return false;
    case HTTP_CHUNKED_TOO_LARGE:
        http_conn_fail(conn, 413, "the body is too large");
        return false;
    case HTTP_CHUNKED_BAD:
        http_conn_fail(conn, 400, "the chunked body is malformed");
        return false;
    case HTTP_CHUNKED_DONE:
        break;
    }
    // What follows in `in` is the next request.
    if (!body->is_in_file) {
        conn->request_len = conn->head.bytes + body->kept - len + used;
        return true;
    }
    body->is_complete = true;
    conn->request_len = conn->head.bytes;
    spool(conn, body->kept, body->kept - len + used);
    return false;
}

// No owner has two bodies loaded in a row while another owner's, woken with the second, would find
// room.
static bool is_anothers_turn(const struct http_conn *conn)
{
    struct http_server *server = conn->server;
    const struct http_conn *other = server->waiting;
    bool is_theirs = false;

    if (server->loaded_last == NULL || strcmp(server->loaded_last, conn->body.owner) != 0)
        return false;
    for (; other != NULL && !is_theirs; other = other->body.next_waiting) {
        const char *owner = other->body.owner;

        if (!other->is_woken || !other->body.is_complete || strcmp(owner, conn->body.owner) == 0)
            continue;
        is_theirs = room_take(&server->whole, owner, other->body_len);
        if (is_theirs)
            room_give(&server->whole, owner, other->body_len);
    }
    return is_theirs;
}

// Reads the body back from its file, as soon as there is room for it in memory.
static void load(struct http_conn *conn)
{
    struct http_server *server = conn->server;
    struct http_body *body = &conn->body;

    if (is_anothers_turn(conn) || !room_take(&server->whole, body->owner, conn->body_len)) {
        wait_for_room(conn);
        return;
    }
    stop_waiting(conn);
    mem_set_str(&server->loaded_last, body->owner);
    body->whole_bytes = conn->body_len;
    body->is_working = true;
    http_spool_read(body->spool);
}

bool http_body_is_long(const struct http_conn *conn)
{
    return conn->body.is_in_file && conn->body_len > conn->body.long_bytes;
}

// Leaves it in its file.
static void keep_long(struct http_conn *conn)
{
    buf_clear(&conn->body.piece);
    give(conn, &conn->server->arriving, &conn->body.arriving_bytes);
    conn->body.is_loaded = true;
}

void http_body_read(struct http_conn *conn, http_piece_fn fn, void *ctx)
{
    conn->body.on_piece = fn;
    conn->body.piece_ctx = ctx;
    conn->body.is_working = true;
    http_spool_read_piece(conn->body.spool, HTTP_READ_BYTES);
}

static void on_spooled(void *ctx, bool ok, struct buf *data)
{
    struct http_conn *conn = ctx;
    struct http_body *body = &conn->body;
    http_piece_fn on_piece = body->on_piece;

    body->is_working = false;
    if (body->is_loaded) { // its handler has it
        body->on_piece = NULL;
        if (on_piece != NULL)
            on_piece(body->piece_ctx, ok ? buf_text(data) : NULL, ok ? data->len : 0);
        return;
    }
    if (!ok) {
        http_conn_fail(conn, 503, "there is no room for the body");
    } else if (data != NULL) {
        body->data = *data;
        *data = (struct buf){0};
        http_spool_drop(&body->spool);
        give(conn, &conn->server->on_disk, &body->disk_bytes);
        give(conn, &conn->server->arriving, &body->arriving_bytes);
        body->is_loaded = true;
    }
    http_server_wake(conn->server, conn);
}

bool http_body_take(struct http_conn *conn)
{
    struct http_body *body = &conn->body;

    if (body->is_working)
        return false;
    if (body->is_loaded)
        return true;
    if (body->is_complete && http_body_is_long(conn)) {
        keep_long(conn);
        return true;
    }
    if (body->is_complete) {
        load(conn);
        return false;
    }
    if (!body->is_admitted && !admit(conn))
        return false;
    return conn->head.is_chunked ? take_chunks(conn) : take_plain(conn);
}
