// Walks over the outer levels of a JSON text and gives each value as it stands there: for a text
// whose inner values somebody else reads, each by itself.
//
// Of the levels that are walked over everything is checked, but for what is within strings. Of a
// value only that its strings end and that as many brackets close as open, as deep as they may be;
// numbers and words are checked.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/json/json_span.h"

struct json_walk {
    const char *at, *end;
    char close; // the bracket that ends what is walked over
    bool has_begun;
};

enum json_step { JSON_STEP_VALUE, JSON_STEP_END, JSON_STEP_BAD };

// Begins with the members of an object (`open` is '{') or the items of an array ('['). False: the
// text doesn't begin so.
bool json_walk_begin(struct json_walk *walk, const char *text, size_t len, char open);
// The next value; `name` is that of a member, without its quotes and as it stands there, and empty
// for an item.
enum json_step json_walk_next(struct json_walk *walk, struct json_span *name,
                              struct json_span *value);
// Whether nothing follows the end.
bool json_walk_is_over(const struct json_walk *walk);
