// A long list in a client's body, read in pages: a page's items become values, the others stay
// text. So a list may be as long as a body, which field_parse_body alone would refuse.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct buf;

struct field_list {
    size_t at, len; // where in the text the next item is, and how much is still to be read
    bool goes_on;   // we are behind a comma: there must be another item
};

// Finds the list `name` of the object that the text is, and adds the text without the list's items
// to `rest`, for field_parse_body, which says what else is wrong. Where the object has no such
// list, `list` is an empty one and `rest` is the whole text.
void field_list_open(struct field_list *list, const char *text, size_t len, const char *name,
                     struct buf *rest);
// The next items, `max` at most, as an array: empty at the end. `text` must have the same bytes as
// before, though it may have moved. A \u0000 in an item becomes U+FFFD. NULL and err where it isn't
// JSON; json_decref.
json_t *field_list_next(struct field_list *list, const char *text, size_t max,
                        struct err *err) WARN_UNUSED;
