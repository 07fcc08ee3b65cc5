// Errors: one type, on the caller's stack, never freed.
//
// What can fail returns bool (or a pointer, NULL for failure) and takes `struct err *err` last.
// Programs test the code, people read the message: outermost first, no secret, no newline.
#pragma once

#include <stdbool.h>

// code, name in JSON, HTTP status
#define ERR_TABLE(X)                                                                               \
    X(ERR_INTERNAL, "internal_error", 500)                                                         \
    X(ERR_INVALID, "invalid_request", 400)                                                         \
    X(ERR_AUTH, "invalid_api_key", 401)                                                            \
    X(ERR_FORBIDDEN, "forbidden", 403)                                                             \
    X(ERR_PATH, "not_found", 404)                                                                  \
    X(ERR_NOT_FOUND, "not_found", 404)                                                             \
    X(ERR_METHOD, "method_not_allowed", 405)                                                       \
    X(ERR_CONFLICT, "conflict", 409)                                                               \
    X(ERR_TOO_LARGE, "request_too_large", 413)                                                     \
    X(ERR_MEDIA_TYPE, "unsupported_media_type", 415)                                               \
    X(ERR_IDEMPOTENCY, "idempotency_key_reused", 422)                                              \
    X(ERR_QUEUE_FULL, "queue_full", 429)                                                           \
    X(ERR_TOO_MANY, "too_many_connections", 429)                                                   \
    X(ERR_MODEL, "model_not_found", 404)                                                           \
    X(ERR_CHANNEL, "get_channel_failed", 503)                                                      \
    X(ERR_UNAVAILABLE, "service_unavailable", 503)                                                 \
    X(ERR_TIMEOUT, "timeout", 504)                                                                 \
    X(ERR_WAITED, "task_timeout_waiting", 504)                                                     \
    X(ERR_UPSTREAM, "upstream_error", 502)                                                         \
    X(ERR_REFUSED, "refused", 400)                                                                 \
    X(ERR_IO, "io_error", 500)                                                                     \
    X(ERR_CONFIG, "config_error", 500)

enum err_code {
#define X(code, name, status) code,
    ERR_TABLE(X)
#undef X
};

struct err {
    enum err_code code;
    char message[240];
};

#define WARN_UNUSED __attribute__((warn_unused_result))

// Both return false, so that a function can end with `return err_set(…)`.
bool err_set(struct err *err, enum err_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// Puts "prefix: " before the message.
bool err_wrap(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

const char *err_name(enum err_code code);
int err_http_status(enum err_code code);
