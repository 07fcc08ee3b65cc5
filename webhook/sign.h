// Signatures on webhooks, as Standard Webhooks 1.0.0 has them.
//
// A delivery carries three headers: webhook-id (the same on every attempt), webhook-timestamp (of
// this attempt, in Unix seconds) and webhook-signature, which is what is made here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

struct hmac;

// Newest first. `struct sign_keys k = {0}` has none; sign_keys_clear gives the memory back.
struct sign_keys {
    struct hmac **keys; // ours
    size_t count;
};

// Reads texts that are "whsec_" and the base64 of 24 to 64 bytes each. On failure `keys` is empty;
// the message says which of the texts is wrong, not what is in it.
bool sign_keys_parse(struct sign_keys *keys, const char *const *texts, size_t count,
                     struct err *err) WARN_UNUSED;
void sign_keys_clear(struct sign_keys *keys);
// Whether one of them can be read; `number` is for the message.
bool sign_key_check(const char *text, size_t number, struct err *err) WARN_UNUSED;

// Adds the value of webhook-signature: one "v1,<base64>" per key, with spaces between, so that a
// receiver may have the old key or the new one. `body` is what is sent, byte for byte; `id` has no
// dot. Adds nothing where there is no key: the delivery then has no such header.
void sign_message(const struct sign_keys *keys, const char *id, int64_t timestamp_s,
                  const void *body, size_t len, struct buf *signature);
