// Fields of a JSON value by path ("data.videos.0.url"), with errors that name the field.
//
// field_* wants the field to be there; field_opt_* leaves the result alone where it is absent or
// null. A wrong type is an error for both. Strings are borrowed from the value.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

// The value at `path`; NULL where there is none, or where it is null.
json_t *field_at(const json_t *value, const char *path);
// Whether there is a value that isn't an empty string: what clients leave empty they mean to leave
// out.
bool field_is_given(const json_t *value, const char *path);
// Whether there is nothing in the value: null and "", a list of nothing but these, an object whose
// members are all empty. NULL is empty, too.
bool field_is_empty(const json_t *value);
// Takes what is empty out of objects, and null and "" out of lists, at any depth. An object in a
// list stays, even if nothing is left in it: somebody meant it to be there.
void field_drop_empty(json_t *value);
// How many items the list at `path` has, without null and "".
size_t field_count(const json_t *value, const char *path);

bool field_str(const json_t *value, const char *path, const char **text,
               struct err *err) WARN_UNUSED;
bool field_opt_str(const json_t *value, const char *path, const char **text,
                   struct err *err) WARN_UNUSED;
// A string that isn't empty and isn't longer than `max` bytes.
bool field_text(const json_t *value, const char *path, size_t max, const char **text,
                struct err *err) WARN_UNUSED;
bool field_opt_bool(const json_t *value, const char *path, bool *is_set,
                    struct err *err) WARN_UNUSED;
bool field_opt_array(const json_t *value, const char *path, json_t **array,
                     struct err *err) WARN_UNUSED;

// The string at `path`, or "" (also where the value is no string): for what a vendor sends.
const char *field_str_or_empty(const json_t *value, const char *path);
// The first string in some places that isn't empty; "" where all are. `paths` ends with NULL.
const char *field_first_str(const json_t *value, const char *const *paths);
// The first id in some places, as a vendor sends it: a string that isn't empty, or a positive
// number, whose digits go into `digits`. "" where there is none.
enum { FIELD_ID_DIGITS = 21 };
const char *field_first_id(const json_t *value, const char *const *paths,
                           char digits[FIELD_ID_DIGITS]);
int64_t field_int_or(const json_t *value, const char *path, int64_t other);

// A client's body as a JSON object. Refused before it is parsed: depth over 32, more than 20,000
// tokens (jansson needs 26 times the memory of such a body, and a tenth of a second per MB).
// Refused by the parser: duplicate keys, NUL, what isn't UTF-8, anything after the value.
json_t *field_parse_body(const char *text, size_t len, struct err *err) WARN_UNUSED;
