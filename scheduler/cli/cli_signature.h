// Whether a webhook comes from who has the secret: Standard Webhooks 1.0.0, as a receiver reads it.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct buf;

// As its headers say; NULL: there is no such header.
struct cli_signed {
    const char *id, *timestamp, *signature;
    const void *body;
    size_t len;
};

// Adds the key in "whsec_" and base64, of 24 to 64 bytes. False: it is none, which is wrong use.
bool cli_signature_key(const char *secret, struct buf *key, struct err *err) WARN_UNUSED;
// Whether one of the signatures is the key's. They are compared in a time that says nothing.
bool cli_signature_fits(const struct buf *key, const struct cli_signed *message);
// Adds a new secret.
void cli_signature_make_secret(struct buf *secret);
