// Tokens: what requests carry where a vendor wants more than a fixed key. They are made from the
// account's keys, some by asking the vendor, and kept until they are to be renewed.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf;

// Owns its text: token_clear. `= {0}` is none.
struct token {
    char *text;
    int64_t renew_ms; // Unix milliseconds: from then on a new one should be made
};

void token_clear(struct token *token); // wipes the text

// A JSON Web Token of these claims (RFC 7519), signed with HMAC (HS256) by the bytes of the key as
// they are, or with RSA (RS256) by a private key in PEM. Added to `out`.
void jwt_hs256(const char *key, const char *claims, struct buf *out);
bool jwt_rs256(const char *pem, const char *claims, struct buf *out, struct err *err) WARN_UNUSED;
