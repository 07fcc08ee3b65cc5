// Calls whose sender signs them with Ed25519, by keys that it publishes as a JSON Web Key Set.
// Signed is a text of four lines: the headers <prefix>-<id>, -User-Id, -Timestamp (Unix seconds),
// and the SHA-256 of the body in hexadecimal; <prefix>-Signature is hexadecimal, too. What the
// first is called is the sender's own: Request-Id, Generation-Id.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/digest.h"
#include "core/base/err.h"

struct buf;

// A header of the call; NULL where there is none. `name` in lower case.
typedef const char *(*signed_call_header_fn)(const void *ctx, const char *name);

struct signed_call {
    char *text; // what is signed; ours
    unsigned char signature[ED25519_BYTES];
};

// Reads what doesn't take the keys: false with an ERR_AUTH where a header is missing or isn't what
// it is to be, or where the call was signed more than five minutes ago, or later than now.
// `prefix` and `id` in lower case. signed_call_clear, on failure too.
bool signed_call_read(struct signed_call *call, const char *prefix, const char *id,
                      signed_call_header_fn header, const void *ctx, const void *body, size_t len,
                      int64_t now_ms, struct err *err) WARN_UNUSED;
void signed_call_clear(struct signed_call *call);
// Adds the set's Ed25519 keys, ED25519_KEY_BYTES each; others are left out. False where there is
// none: then it is no set that we can use.
bool signed_call_read_keys(const json_t *set, struct buf *keys, struct err *err) WARN_UNUSED;
// Whether one of the keys has signed the call.
bool signed_call_fits(const struct signed_call *call, const struct buf *keys);
