// Checks the fields of a client's body against a table: types, ranges, words. The first field that
// is wrong is an ERR_INVALID that begins with its name. The same tables tell clients what we take
// (field_schema.h).
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

enum { FIELD_MAX_LINK = 8192 }; // bytes of a link

enum field_kind {
    FIELD_TEXT,   // a string of min to max bytes
    FIELD_WORD,   // one of `words`
    FIELD_LINK,   // an http or https URL
    FIELD_MEDIA,  // an http or https URL, a data URL, or base64
    FIELD_SOURCE, // what somebody else opens: a link of any kind, an id, base64
    FIELD_BOOL,   //
    FIELD_FLAG,   // a bool, or, as forms have it, "true" or "false"
    FIELD_SWITCH, // a bool, or "on" or "off"
    FIELD_INT,    // min to max
    FIELD_COUNT,  // an integer, min to max, or a string of digits
    FIELD_NUMBER, // min to max, perhaps with a fraction
    FIELD_BASE64, // a file in base64, perhaps in a data URL
    FIELD_TASK,   // the id of a task
    FIELD_TIME,   // Unix milliseconds, or a string of them
    FIELD_ARRAY,  // min to max items
    FIELD_OBJECT,
    FIELD_ANY, // whoever reads it checks it
};

struct field_rule {
    const char *path; // as in field_at
    enum field_kind kind;
    bool is_required;
    double min, max;          // max 0: no limit but the body's own
    const char *const *words; // of FIELD_WORD; ends with NULL
    // Of FIELD_ARRAY: the fields of each item that isn't empty; the path "" is the item itself.
    // Ends with a NULL path. NULL: items may be anything.
    const struct field_rule *items;
    const char
        *about; // for people: what it is for, or what it is by default. NULL: its name says it
};

// Several tables, as field_check_all takes them.
#define FIELD_RULES(...) ((const struct field_rule *const[]){__VA_ARGS__, NULL})

// `rules` ends with a NULL path. What is null or "" counts as absent, and so do an empty list where
// a list may be, and an empty object where an object may be (field_is_empty).
bool field_check(const json_t *body, const struct field_rule *rules, struct err *err) WARN_UNUSED;
// The same against several tables, one after the other; ends with NULL. NULL: none.
bool field_check_all(const json_t *body, const struct field_rule *const *tables,
                     struct err *err) WARN_UNUSED;
// Checks one value that isn't null; `path` is only for the error. Null and "" don't count as items.
bool field_check_value(const json_t *value, const struct field_rule *rule, const char *path,
                       struct err *err) WARN_UNUSED;

// Whether it is an http or https URL with a host.
bool field_is_link(const char *text);
// Whether it is base64 that isn't empty, with its padding, perhaps in a data URL.
bool field_is_base64(const char *text);
// The base64 in a data URL, or the text itself.
const char *field_base64_of(const char *text);
// The first of the paths at which there is base64; the NULL that ends them where there is none.
const char *const *field_next_base64(const json_t *value, const char *const *paths);
