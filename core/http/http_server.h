// The front door: a strict HTTP/1.1 server on libuv.
//
// What is refused with 400 and a close: more than one Content-Length or one that isn't digits,
// Content-Length with Transfer-Encoding, a Transfer-Encoding other than "chunked", no or two Hosts
// (HTTP/1.1), a bare LF, folded headers, a space before a colon, a NUL or control character in a
// value, HTTP/2's preface, broken chunk framing or trailers, a target that isn't a path (or an
// http:// URL), a malformed escape, a "." or ".." segment. Answers to requests that came in one
// packet are sent in their order.
//
// Refused otherwise: 414 for a target over `max_target_bytes`, 431 for headers over
// `max_header_bytes` or `max_header_count`, 413 for a body over `max_body_bytes` (before it is
// read), 408 past a deadline, 501 for an unknown method, 505 for another version, 503 where no room
// for a body was found in time. "Expect: 100-continue" is answered when the body is asked for. An
// unknown Upgrade is ignored, as RFC 9110 7.8 allows.
//
// The deadlines are absolute: headers within `header_timeout_ms` of their first byte (or of the
// accept), a body within `body_timeout_ms` plus 1 s per declared 256 KB. An idle keep-alive
// connection is closed after `idle_timeout_ms`, or when a newcomer finds all places taken: first a
// connection on which no request with a key came, of these the oldest.
//
// The head decides before the body is read: an answer that didn't ask for the body ends the
// connection. Bodies that are asked for share a fixed amount of memory and, where they are large,
// of disk; each owner has at most half of what the others leave, and a body that finds no room
// waits unread.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/message/http_message.h"

struct http_server;
struct http_exchange; // one request and its answer
struct loop;

// The request's head or body is complete: answer, or ask for the body, now or later. Exactly one
// answer. Called on the loop's thread.
typedef void (*http_handler_fn)(void *ctx, struct http_exchange *exchange);
// The client went away before the answer: forget the exchange. Not called after an answer. Where no
// on_gone is set the exchange stays valid, and its answer goes nowhere.
typedef void (*http_gone_fn)(void *ctx);
// The server refuses by itself a request whose head it has read: may add headers to the answer.
typedef void (*http_refuse_fn)(void *ctx, struct http_exchange *exchange, int status);
// The bytes written so far have left; write more or end.
typedef void (*http_drained_fn)(void *ctx);

struct http_server_options {
    const char *host; // an address or a name, borrowed during start; NULL: it doesn't listen, and
                      // has those connections alone that it adopts
    int port;         // 0: a free one
    int listen_fd;    // a socket that listens at that address already, of which we take a copy; 0:
                      // none
    size_t max_body_bytes;
    size_t max_long_bytes;     // of bodies that are read in pieces; 0: there are none
    size_t max_header_bytes;   // 0: 16 KB
    size_t max_target_bytes;   // 0: 8 KB
    unsigned max_header_count; // 0: 100
    unsigned max_connections;  // 0: no limit; further clients wait in the backlog until a
                               // connection can go
    int64_t header_timeout_ms; // 0: 10 s
    int64_t body_timeout_ms;   // 0: 30 s
    int64_t idle_timeout_ms;   // 0: 75 s
    const char *spool_dir;   // where large bodies wait, borrowed; NULL: in memory, without a limit
    http_handler_fn on_head; // NULL: every body is asked for, and on_request gets the whole request
    http_handler_fn on_request;
    http_refuse_fn on_refuse; // NULL: it adds no headers
    void *ctx;
};

struct http_server *http_server_start(struct loop *loop, const struct http_server_options *options,
                                      struct err *err) WARN_UNUSED;
int http_server_port(const struct http_server *server);
// For another server's listen_fd: from then on both accept connections.
int http_server_listen_fd(struct http_server *server);
unsigned http_server_connections(const struct http_server *server);
// Stops accepting; idle connections close now, busy ones after their answer.
void http_server_drain(struct http_server *server);
// Closes everything. on_gone is called for exchanges that weren't answered.
void http_server_drop(struct http_server **server);

// The request. Everything is borrowed and lives until the answer is given.
enum http_method http_exchange_method(const struct http_exchange *exchange);
const char *http_exchange_path(const struct http_exchange *exchange); // decoded, without the query
// A parameter of the query, decoded into memory of the exchange; NULL where there is none.
const char *http_exchange_query(struct http_exchange *exchange, const char *name);
// The value of a header, NULL where there is none or the name comes more than once.
const char *http_exchange_header(const struct http_exchange *exchange, const char *name);
unsigned http_exchange_header_count(const struct http_exchange *exchange, const char *name);
// One of the lines of a header that may come in several, which are one list: `number` counts from
// 0. NULL: there are no more.
const char *http_exchange_header_line(const struct http_exchange *exchange, const char *name,
                                      unsigned number);
// Whether a body is still to be asked for.
bool http_exchange_has_body(const struct http_exchange *exchange);
// How long the body is said to be; -1: that isn't said, or there is none.
int64_t http_exchange_body_length(const struct http_exchange *exchange);
// Asks for the body: `on_whole` is called when it is there, never before this returns. It counts as
// `owner`'s. Where it can't be had (too large, too slow, malformed, no room) the client is told and
// on_gone is called, which must be set. What was borrowed from the request before is no longer
// valid, and is to be asked for again.
void http_exchange_await_body(struct http_exchange *exchange, const char *owner, size_t max_bytes,
                              http_handler_fn on_whole, void *ctx);
// The same for a body that may become longer than what fits into memory: of more than `max_bytes`,
// and of `max_long_bytes` at most, it stays in its file, and is read in pieces. Needs a spool_dir.
void http_exchange_await_long_body(struct http_exchange *exchange, const char *owner,
                                   size_t max_bytes, size_t max_long_bytes,
                                   http_handler_fn on_whole, void *ctx);
bool http_exchange_is_body_long(const struct http_exchange *exchange);
// The next piece of a long body, borrowed for the call; none left: `len` is 0; it can't be read:
// `data` is NULL, too. Never called before http_exchange_read_body returns, nor after on_gone or
// the answer.
typedef void (*http_piece_fn)(void *ctx, const char *data, size_t len);
void http_exchange_read_body(struct http_exchange *exchange, http_piece_fn fn, void *ctx);
// The body, terminated. Its reader may modify it in place.
char *http_exchange_body(struct http_exchange *exchange, size_t *len);
// The body becomes the caller's. A large one goes on counting as its owner's until
// http_exchange_forget_body.
void http_exchange_take_body(struct http_exchange *exchange, struct buf *body);
// Nobody reads the body any more, though the answer may take long: the room of a large body is free
// for others.
void http_exchange_forget_body(struct http_exchange *exchange);
// The request came with a key: its connection isn't among the first to go when there are too many.
void http_exchange_know(struct http_exchange *exchange);
const char *http_exchange_request_id(const struct http_exchange *exchange); // as in X-Request-Id
// The number of this request on its connection, from 1.
unsigned http_exchange_serial(const struct http_exchange *exchange);
// True for "Connection: Upgrade" with "Upgrade: websocket".
bool http_exchange_wants_websocket(const struct http_exchange *exchange);

// Called at most once, when the client goes away while the answer is pending or streaming.
void http_exchange_on_gone(struct http_exchange *exchange, http_gone_fn on_gone, void *ctx);
// Called at most once, with the ctx of on_gone: the client has shut its side down. As a rule it has
// gone, of which on_gone tells a little later; but it may only be done with sending. Another
// on_gone takes its place, too.
void http_exchange_on_leaving(struct http_exchange *exchange, http_gone_fn on_leaving);

// Headers for the answer, before it is given. Content-Length, Date, Connection and X-Request-Id
// are the server's.
void http_exchange_add_header(struct http_exchange *exchange, const char *name, const char *value);
// The whole answer. The exchange is gone afterwards. `content_type` may be NULL without a body.
void http_exchange_answer(struct http_exchange *exchange, int status, const char *content_type,
                          const void *body, size_t len);
void http_exchange_answer_json(struct http_exchange *exchange, int status, const char *json);

// An answer in pieces: begin, write while http_exchange_write returns true, else wait for
// on_drained; end. `length` is the Content-Length, or -1 for a stream that ends with the
// connection. For HEAD nothing but the head is sent and on_drained is not called: end at once.
void http_exchange_begin(struct http_exchange *exchange, int status, const char *content_type,
                         int64_t length);
bool http_exchange_write(struct http_exchange *exchange, const void *data, size_t len,
                         http_drained_fn on_drained, void *ctx); // copies; false: wait
void http_exchange_end(struct http_exchange *exchange);          // the exchange is gone
// Closes the connection without a proper end once what was written has left; before
// http_exchange_begin, without any answer.
void http_exchange_abort(struct http_exchange *exchange);

// Gives the connection away: the descriptor is the caller's (a duplicate), `head` gets the request
// as it was received, up to the blank line and what followed. The exchange is gone. -1 where the
// client went away or earlier answers are still leaving: the connection is closed then.
int http_exchange_take_socket(struct http_exchange *exchange, struct buf *head);
// The same for an answer without a length, which ends with the connection, and which the caller
// gives: `head` gets its head, which hasn't been sent.
int http_exchange_take_answer(struct http_exchange *exchange, int status, const char *content_type,
                              struct buf *head);
// Goes on with such an answer on another server, perhaps another thread's. Takes the descriptor;
// `head` goes out first, and the exchange is as after http_exchange_begin. NULL: it can't be had.
struct http_exchange *http_server_adopt(struct http_server *server, int fd, const struct buf *head);
