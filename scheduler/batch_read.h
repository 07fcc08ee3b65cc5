// The body of a batch: {"requests":[{"path","body","idempotency_key"},…]}. The bodies in it are cut
// out as they stand, for their routes to read. Pure.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/json/json_span.h"

enum { BATCH_MAX = 1000 };

// What one request of it has, each borrowed from the text; a length of 0: it isn't there, or null.
struct batch_ask {
    struct json_span path, body, key;
    bool is_object; // false: the request is something else, and has nothing
};

// `= {0}` and batch_read_clear.
struct batch_read {
    struct batch_ask *asks; // ours
    size_t count;
};

// False: the whole can't be read, or has no requests or too many; the error names where. What is
// wrong with one request alone is for its own answer to say.
bool batch_read(struct batch_read *read, const char *text, size_t len, struct err *err) WARN_UNUSED;
void batch_read_clear(struct batch_read *read);
