// The items of a list in a JSON text, as they stand there: for a list whose items need not all be
// read.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/json/json_span.h"

struct json_items {
    struct json_span *items; // objects or arrays each, in the list's text
    size_t count;
    const char *end; // of the list: where its bracket closes
};

// Finds the list: the whole text, or the first member of the whole that is one. False, and nothing
// to free, where there is none, where something else than objects and arrays is in it, or where its
// brackets don't fit. Nothing else is checked.
bool json_items_find(const char *text, size_t len, struct json_items *items);
void json_items_clear(struct json_items *items);
// The next string in an item, from *at on, which moves behind it: its characters as they stand,
// without the quotes. NULL where there is none. *at is NULL to begin with.
const char *json_item_string(const struct json_span *item, const char **at, size_t *len);
