// The head of an HTTP/1.x request, read strictly, line by line as it arrives. Pure.
//
// RFC 9112 where readers agree on what a request is; where they differ, and something could be
// smuggled past one of them, the request is refused.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/message/http_message.h"

struct http_head_limits {
    size_t header_bytes;
    size_t target_bytes;
    unsigned header_count;
};

// Offsets count from the head's first byte, because the buffer moves while it grows.
struct http_field {
    uint32_t name, name_len;
    uint32_t value, value_len;
    char after; // what stood where the value is terminated now
};

// Memory the caller has; http_head_reset between requests, http_head_clear at the end.
struct http_head {
    size_t line;      // where the first incomplete line begins;
    size_t looked;    // how far that line was searched for its end;
    size_t fields_at; // where the lines after the request line begin; 0: not known yet

    // Complete once http_head_read says HTTP_HEAD_DONE.
    size_t bytes; // of the head, the blank line included
    enum http_method method;
    uint32_t target, target_len; // path and query, without a scheme and authority
    uint32_t path_len;
    int64_t content_length; // -1: none was given
    bool is_http_1_0;
    bool is_chunked;
    bool keeps_alive;
    bool expects_continue;
    bool wants_websocket;
    bool has_host;
    bool is_last, asks_upgrade;          // as its Connection header says
    bool has_encoding;                   // a Transfer-Encoding, or what some may take for one
    const struct http_field *request_id; // NULL: none
    struct http_field *fields;           // ours
    unsigned count, cap;

    // Set with HTTP_HEAD_BAD.
    int status;
    const char *why;
};

enum http_head_result { HTTP_HEAD_MORE, HTTP_HEAD_DONE, HTTP_HEAD_BAD };

// Reads on from where the last call stopped. `data` is everything since the head's first byte. When
// done the values in `data` are terminated.
enum http_head_result http_head_read(struct http_head *head, char *data, size_t len,
                                     const struct http_head_limits *limits);
// The decoded path. False for a malformed escape, a NUL, a "." or ".." segment.
bool http_head_path(const struct http_head *head, const char *data, struct buf *path);
// Puts back what the terminators replaced.
void http_head_restore(struct http_head *head, char *data);
// The header's value, NULL unless its name comes exactly once; `times` gets how often it comes.
const char *http_head_value(const struct http_head *head, const char *data, const char *name,
                            unsigned *times);
// One of the lines of a header that may come in several, which are one list: `number` counts from
// 0. NULL: there are no more.
const char *http_head_line(const struct http_head *head, const char *data, const char *name,
                           unsigned number);
void http_head_reset(struct http_head *head);
void http_head_clear(struct http_head *head);
