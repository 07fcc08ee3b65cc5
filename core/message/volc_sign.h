// Volcengine's signature of requests to its OpenAPI, HMAC-SHA256 (volc-sdk-python SignerV4.py):
// nearly AWS' Signature Version 4, with other words. A signature is good for some minutes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/digest.h"
#include "core/base/err.h"

struct buf;
struct http_request;

struct volc_keys {
    const char *access_key, *secret_key;
    const char *session_token; // of temporary keys; "" or NULL: none
    const char *region, *service;
};

// Adds X-Date, X-Content-Sha256, X-Security-Token where there is a session token, and
// Authorization. Content-Type, Content-MD5 and every X-* that the request has are signed, so add
// them first. The URL is as in canonical.h.
bool volc_sign(const struct volc_keys *keys, struct http_request *request, int64_t now_s,
               struct err *err) WARN_UNUSED;

// Two steps of it, for tests against the vendor's own signer.

// Adds the canonical form of a request that has all its headers but Authorization, and the names of
// those that are signed.
bool volc_canonical(const struct http_request *request, struct buf *canonical, struct buf *names,
                    struct err *err) WARN_UNUSED;
// The key that signs all requests of a day, "20261120".
void volc_key(const struct volc_keys *keys, const char *date, unsigned char key[SHA256_BYTES]);
