// JSON Web Tokens, as far as it takes to check one: <header>.<claims>.<signature>.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"

struct jwt {
    json_t *header; // ours, an object
    json_t *claims; // ours, an object
    struct buf signature;
    const char *text; // borrowed: what was signed
    size_t text_len;
};

// Reads a token, and checks nothing of what it says. jwt_clear, on failure too.
bool jwt_read(const char *token, struct jwt *jwt);
void jwt_clear(struct jwt *jwt);
