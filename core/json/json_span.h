// A piece of a JSON text, and what its readers pass over.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// Borrowed from the text.
struct json_span {
    const char *at;
    size_t len;
};

// What a value is that is a string, as the caller's own text. NULL: it isn't a string, or can't be
// read as one.
char *json_span_text(const struct json_span *value);
bool json_span_is(const struct json_span *span, const char *text);

bool json_is_space(char c);
const char *json_skip_space(const char *at, const char *end);
// Behind the string that begins at `at`; NULL where it doesn't end. A long one, as an image, is
// skipped at the speed of memchr.
const char *json_skip_string(const char *at, const char *end);
