// HTTP messages as plain records: what adapters build and read, and what core/http sends and gets.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct multipart_write;

enum http_method { HTTP_GET_, HTTP_HEAD_, HTTP_POST_, HTTP_PUT_, HTTP_DELETE_, HTTP_OPTIONS_ };

// A place in a body that a file goes into, byte by byte.
struct http_gap {
    size_t at;     // how much of the body's text goes before it
    size_t file;   // the number of the file, as whoever sends the request knows it
    int64_t bytes; // of the file
};

// Owns all it points to: http_request_clear.
struct http_request {
    enum http_method method;
    char *url;
    struct buf headers; // "Name: value\n" each
    struct buf body;    // its text, where it has gaps
    struct http_gap *gaps;
    size_t gap_count;     // in their order; such a body can only be sent bit by bit
    int64_t timeout_ms;   // 0: the caller's default for such a request
    bool wants_token;     // to be sent with the account's token, which its adapter doesn't know
    bool wants_signature; // to be signed by the account's dialect right before it is sent
};

// Owns all it points to: http_response_clear.
struct http_response {
    int status;
    bool is_head_complete; // false: the head never ended, only the status is certain
    struct buf headers;    // "name: value\n" each, names in lower case
    struct buf body;
};

void http_request_clear(struct http_request *request);
void http_response_clear(struct http_response *response);

// A request without a body. `path` is a format whose %s are percent-encoded; %d stays.
bool http_get(struct http_request *request, const char *base_url, struct err *err, const char *path,
              ...) WARN_UNUSED;
// A POST of `body` as JSON; takes the reference, also on failure. `path` as in http_get.
bool http_post_json(struct http_request *request, const char *base_url, json_t *body,
                    struct err *err, const char *path, ...) WARN_UNUSED;
// A POST of the form that was written to the request's body. `path` as in http_get.
bool http_post_form(struct http_request *request, const char *base_url,
                    const struct multipart_write *form, struct err *err, const char *path,
                    ...) WARN_UNUSED;
// How long the body is, with its files.
int64_t http_body_bytes(const struct http_request *request);
// "Authorization: Bearer <token>".
void http_add_bearer(struct http_request *request, const char *token);
void http_add_header(struct http_request *request, const char *name, const char *value);

// One line of an answer's head as it came, its end included: a status line begins the head anew
// (what a 1xx brought is forgotten), a blank line completes it.
void http_response_add_line(struct http_response *response, const char *line, size_t len);
// Borrowed until the response is cleared; NULL where there is none. `name` in lower case.
const char *http_header(const struct http_response *response, const char *name,
                        struct buf *scratch);
// The number behind `prefix` in a header; -1 where there is none. `name` in lower case.
int64_t http_header_number(const struct http_response *response, const char *name,
                           const char *prefix);
// What a Retry-After says: seconds, or a date in one of HTTP's three forms, as milliseconds from
// now, not below 0. -1: the text is neither, or it is a date and `now_wall_ms` isn't known (-1).
int64_t http_read_wait_ms(const char *text, int64_t now_wall_ms);
// How long the answer's Retry-After asks us to wait, an hour at most; 0 where there is none. A date
// counts from the answer's own Date, so that it doesn't matter whose clock is wrong.
int64_t http_retry_after_ms(const struct http_response *response);
// Adds to `to` where an answer redirects us, as url_redirect has it. False where the answer doesn't
// redirect, or not to a place that we go to.
bool http_redirect(const struct http_response *response, const char *url, struct buf *to);
// The body as JSON, for json_auto_t; NULL and err where it isn't JSON. Vendors send what they send:
// duplicate keys are accepted here, and what can't be represented is replaced (json_lenient.h).
// Trailing garbage and a body that is cut off aren't accepted.
json_t *http_json(const struct http_response *response, struct err *err) WARN_UNUSED;
const char *http_method_name(enum http_method method);
const char *http_status_text(int status);

// The error envelope of our own surface, {"error":{"message","type","code"}}: its type follows from
// the status.
void http_write_error(int status, const char *code, const char *message, struct buf *json);
