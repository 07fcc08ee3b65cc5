// Reads JSON whose strings and numbers aren't all JSON, as strangers' encoders write it: the text
// of one item must not spoil the answer that holds it.
//
// What can't be represented is replaced: bytes that aren't UTF-8, lone surrogates, \u0000 and
// escapes that aren't any by U+FFFD; NaN, the infinities and what is out of a double's range by
// null; an integer that is too large becomes a real number. Control characters within a string mean
// themselves, and a byte order mark in front means nothing. All else is as strict as ever: what is
// cut off, what follows the value, and what isn't an object or an array is no answer.
//
// The time is linear in the length, and nothing here is recursive.
#pragma once

#include <jansson.h>
#include <stddef.h>

// For json_decref; NULL where the text can't be read even so.
json_t *json_lenient_read(const char *text, size_t len);
