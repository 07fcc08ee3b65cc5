// Outgoing HTTP: libcurl's multi interface on the loop, with the guards that every call needs.
//
// For every call: only http and https, no redirects, no proxy from the environment, no netrc, no
// cookies, TLS verified, `Expect:` switched off, and an address check at connect time, so that no
// spelling of a host and no DNS answer gets around it.
//
// An answer's Content-Encoding is undone, whether it was asked for or not, and limits count the
// decoded bytes. An encoding that we can't undo is ERR_UPSTREAM. What a head says of the encoded
// form (its length, its ETag) is then left out of the response.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/base/err.h"
#include "core/message/http_message.h"

struct http_call;
struct http_client;
struct http_failure;
struct loop;

// May we connect to the address? Called for each address that is tried.
typedef bool (*http_address_fn)(const struct sockaddr *address, void *ctx);
// A piece of the body. False: the callee can't take it now, and gets the same piece again after
// http_resume.
typedef bool (*http_data_fn)(void *ctx, const struct http_response *head, const void *data,
                             size_t len);
// The next piece of the request's body, at most `max` bytes. 0: there is none now, and the source
// is asked again after http_resume. HTTP_SOURCE_BROKEN: there will be none: the call fails, and its
// connection is closed before the request was whole.
typedef size_t (*http_source_fn)(void *ctx, char *to, size_t max);
#define HTTP_SOURCE_BROKEN SIZE_MAX
// A kept connection turned out to be dead, and the request is to go out on another one: the source
// starts from the body's first byte again. False: it can't, and the call fails.
typedef bool (*http_rewind_fn)(void *ctx);
// Asked when the connection stands and the request goes next, which may be a while after
// http_start. False: it mustn't go any more, and the call fails with nothing sent.
typedef bool (*http_begin_fn)(void *ctx);
// Called once, never before http_start returns, never after http_cancel. `failure` is NULL where an
// answer came, whatever its status. `response` is borrowed for the callback, and has what did
// arrive.
typedef void (*http_done_fn)(void *ctx, const struct http_response *response,
                             const struct http_failure *failure);

struct http_failure {
    struct err err;    // ERR_TIMEOUT, ERR_UPSTREAM, ERR_REFUSED (by on_address), ERR_TOO_LARGE
    bool nothing_sent; // proof that not one byte of the request left: no connection, no TLS
};

struct http_options {
    int64_t timeout_ms;         // for the whole call; 0: none (only with low_speed_ms)
    int64_t connect_timeout_ms; // 0: 10 s
    int64_t low_speed_ms;       // give up when less than 1 KB/s passed for so long; 0: off. Time in
                                // which on_source has nothing isn't counted
    size_t max_body_bytes;      // 0: 4 MB; more is ERR_TOO_LARGE. Not counted with on_data
    bool wants_plain;           // don't ask for an encoding: for files, whose lengths count
    bool fresh_connection;      // never reuse one: libcurl would send a POST twice on a dead one
    bool offers_http2; // with TLS: where the server takes it, calls to it share a connection.
                       // For short answers: curl collects what comes of a paused one
    http_address_fn on_address; // NULL: anywhere
    http_begin_fn on_begin;     // NULL: the request may go whenever there is a connection
    http_data_fn on_data;       // NULL: the body is collected in the response
    http_source_fn on_source;   // the body of a POST or a PUT, source_bytes long; NULL: the request
                                // has it, without gaps
    http_rewind_fn on_rewind;   // starts on_source again; NULL: it can't
    int64_t source_bytes;
    void *ctx; // of on_address, on_begin, on_data, on_source and done
};

struct http_client *http_client_new(struct loop *loop, const char *user_agent);
void http_client_drop(struct http_client **client); // cancels every call

// Takes what `request` holds, leaves it empty. Never NULL; a call that can't even start fails by
// callback.
struct http_call *http_start(struct http_client *client, struct http_request *request,
                             const struct http_options *options, http_done_fn done);
void http_resume(struct http_call *call);
void http_cancel(struct http_call **call);
