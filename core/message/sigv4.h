// AWS Signature Version 4, as S3 and what is compatible with it want it (AWS: "Authenticating
// Requests: Using the Authorization Header", and "Using Query Parameters").
//
// URLs are as in canonical.h: S3, too, signs them as they go over the wire.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf;
struct http_request;

struct sigv4_keys {
    const char *access_key, *secret_key, *region;
};

#define SIGV4_UNSIGNED                                                                             \
    "UNSIGNED-PAYLOAD" // instead of the payload's hash: its bytes are yet to come

// Adds x-amz-date, x-amz-content-sha256 and Authorization. Every header that the request has is
// signed, so add the others first. `payload` is the SHA-256 of the body in hexadecimal, or
// SIGV4_UNSIGNED.
bool sigv4_sign(const struct sigv4_keys *keys, struct http_request *request, const char *payload,
                int64_t now_s, struct err *err) WARN_UNUSED;
// The URL with a signature in its query, good for `life_s` seconds; added to `signed_url`. Whoever
// uses the URL must send that Content-Type; NULL: any, or none.
bool sigv4_presign(const struct sigv4_keys *keys, const char *method, const char *content_type,
                   const char *url, int64_t now_s, int64_t life_s, struct buf *signed_url,
                   struct err *err) WARN_UNUSED;
