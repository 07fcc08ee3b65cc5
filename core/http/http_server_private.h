// What the parts of the front door share: http_server.c listens and keeps the deadlines,
// http_connection.c reads and writes, http_body.c keeps bodies while they arrive, http_exchange.c
// is the handler's side of a request.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/room.h"
#include "core/http/http_chunked.h"
#include "core/http/http_head.h"
#include "core/http/http_server.h"

struct http_conn;
struct http_spool;
struct loop_turn;

enum {
    HTTP_HIGH_WATER = 256 * 1024, // so many bytes may wait for the client before the writer must
                                  // wait
    HTTP_KEEP_BYTES = 16 * 1024,  // of a buffer, between requests
    HTTP_READ_BYTES = 64 * 1024,
    HTTP_BODY_PIECE_BYTES = 128 * 1024, // of a body in memory while it arrives; the rest in a file
    // What all bodies share: memory for those that arrive, memory for those that are whole (at
    // least this much, and twice the longest body), and files (room for so many of the longest
    // body).
    HTTP_ARRIVING_BYTES = 16 * 1024 * 1024,
    HTTP_WHOLE_BYTES = 64 * 1024 * 1024,
    HTTP_FILES = 16,
    HTTP_LONG_FILES = 4, // of bodies that are read in pieces: two of one owner
};

struct http_server {
    struct http_server_options options; // with the defaults filled in; `host` isn't kept
    uv_loop_t *uv;
    struct loop_turn *turn; // sends what a turn of the loop brought
    uv_poll_t listener;
    uv_timer_t timer; // runs only while there is a deadline
    int fd;           // the socket that we listen on, -1 when we don't
    int port;
    unsigned refs; // open handles and connections in memory
    unsigned connections;
    bool has_listener;
    bool is_dropped;
    bool is_draining;
    bool is_shared; // another server listens on the same socket
    bool is_paused; // not accepting: too many connections, or no descriptors
    struct room arriving, whole, on_disk;
    struct http_conn *waiting; // bodies for which there is no room yet
    char *loaded_last;         // whose body was read back last
    int64_t timer_due_ms;      // INT64_MAX: the timer is off
    struct http_conn *all;     // the open connections
    struct http_conn *woken;
    uint32_t id_prefix;
    uint32_t id_next;
    int64_t date_second;
    char date[32];
    char chunk[HTTP_READ_BYTES]; // into which every connection reads
};

//   READING_HEAD ─▶ DECIDING ─▶ READING_BODY ─▶ HANDLING ─▶ READING_HEAD, or the end:
//   FLUSHING ─▶ LINGERING ─▶ closed
enum http_conn_state {
    HTTP_READING_HEAD,
    HTTP_DECIDING, // the handler has the head; nobody has asked for the body yet
    HTTP_READING_BODY,
    HTTP_HANDLING,
    HTTP_FLUSHING,  // the last answer is leaving
    HTTP_LINGERING, // the last answer has left: what still comes is thrown away, so that no RST
                    // overtakes the answer
};

// Lives in its connection, which has one at a time.
struct http_exchange {
    struct http_conn *conn;
    unsigned serial;
    http_gone_fn on_gone, on_leaving;
    void *gone_ctx;
    http_drained_fn on_drained; // set while the writer waits
    void *drained_ctx;
    struct buf headers;
    struct buf path;
    struct buf query; // decoded: name, NUL, value, NUL, and so on
    bool has_query;
    bool is_begun;
    bool is_endless; // the answer ends when the connection does
    uint64_t left;   // bytes of the announced body that are yet to be written
    char request_id[65];
};

// A body that was asked for after its head; zero until then. http_body_drop.
struct http_body {
    http_handler_fn on_whole;
    void *ctx;
    char *owner; // whose share it takes
    size_t max_bytes;
    size_t long_bytes;      // where it has more it stays in its file
    http_piece_fn on_piece; // its handler waits for a piece of it
    void *piece_ctx;
    size_t arriving_bytes, disk_bytes, whole_bytes; // what it has taken of each room
    size_t kept;                                    // bytes of it, decoded, in `in` behind the head
    struct http_chunked chunked;
    bool is_admitted; // there is room for it to be read
    bool is_in_file;
    bool is_complete; // all of it is in the file
    bool is_working;  // a thread writes to the file or reads it back
    bool is_loaded;
    struct http_spool *spool;
    struct buf piece, data;                       // bytes on their way to the file; bytes read back
                                                  // from it
    struct http_conn *next_waiting, **at_waiting; // NULL: it doesn't wait for room
};

struct http_conn {
    uv_tcp_t uv; // first: the handle is the connection
    struct http_server *server;
    struct http_conn *next, **link; // of all open connections
    struct http_conn *next_woken;
    enum http_conn_state state;
    bool is_woken;
    bool is_processing;
    bool is_reading;
    bool is_eof;
    bool is_busy; // a handler has the exchange
    bool is_closing;
    bool is_closed;     // the handle is gone; only the exchange keeps the connection in memory
    bool is_cut;        // closed without lingering: its answer is cut off, or its client doesn't
                        // read
    bool is_sending;    // libuv has `sending`
    bool is_backlogged; // requests wait because earlier answers wait to be sent
    bool keeps_alive;
    bool is_whole;    // the body is there, or there is none
    bool has_said;    // something came on it
    bool is_known;    // a request with a key came on it
    char stolen;      // what stood where the body is terminated
    int64_t since_ms; // since when nothing has been read or sent
    int64_t deadline_ms;
    size_t queue_seen; // what was left to send when the deadline was set
    size_t linger_left;

    struct buf in;      // what came, stable while a request is handled
    size_t start;       // where the present request begins
    size_t request_len; // bytes of head and body as they came
    size_t body_len;    // bytes of the decoded body, wherever it is
    struct buf later;   // what comes while a request is handled
    struct buf out, sending;
    struct http_head head;
    struct http_body body;
    struct http_exchange exchange;
    uv_write_t write;
    uv_shutdown_t shutdown;
};

// http_server.c
int64_t http_server_now_ms(const struct http_server *server); // the loop's
void http_server_set_deadline(struct http_server *server, struct http_conn *conn, int64_t ms);
void http_server_wake(struct http_server *server, struct http_conn *conn);
void http_server_forget(struct http_server *server, struct http_conn *conn); // it was closed
void http_server_unref(struct http_server *server);
const char *http_server_date(struct http_server *server);

// http_connection.c
struct http_conn *http_conn_open(struct http_server *server, int fd); // NULL: it was closed
void http_conn_turn(struct http_conn *conn);                          // reads on and sends
void http_conn_on_deadline(struct http_conn *conn);
void http_conn_drain(struct http_conn *conn); // closes it unless a request is under way
void http_conn_gone(struct http_conn *conn);  // tells the exchange's owner, closes
void http_conn_close(struct http_conn *conn);
void http_conn_settle(struct http_conn *conn); // before the answer: what becomes of a body that
                                               // wasn't read
void http_conn_finish(struct http_conn *conn); // the exchange is over
// The body can't be had: its handler is told that the exchange is gone, the client why.
void http_conn_fail(struct http_conn *conn, int status, const char *why);
bool http_conn_flush_now(struct http_conn *conn); // false: something is left to send
void http_conn_free_if_over(struct http_conn *conn);

// http_body.c
// `max_bytes`: what it may have in memory; `max_long_bytes`: what it may have at all.
void http_body_ask(struct http_conn *conn, const char *owner, size_t max_bytes,
                   size_t max_long_bytes, http_handler_fn on_whole, void *ctx);
void http_body_read(struct http_conn *conn, http_piece_fn fn, void *ctx);
bool http_body_is_long(const struct http_conn *conn);
bool http_body_take(
    struct http_conn *conn); // true: the body is whole; else more has to come, or it failed
bool http_body_wants_more(const struct http_conn *conn);
// Whether it waits for room or a thread, and not for its client.
bool http_body_is_waiting(const struct http_conn *conn);
void http_body_forget(struct http_conn *conn);
void http_body_drop(struct http_conn *conn);

// http_exchange.c
void http_exchange_open(struct http_conn *conn);
void http_exchange_close(struct http_conn *conn);
// `length` < 0: no length is announced.
void http_exchange_add_head(struct http_conn *conn, int status, const char *content_type,
                            int64_t length);
