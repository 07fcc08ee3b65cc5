// Values of a configuration in JSON, read by tables: one row per key, which says where the value
// goes and what it must be. Errors begin with the path of the key that is wrong. A value that is
// wrong leaves what was there, is noted, and the others are read all the same.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct config_mistakes;

struct setting_reader {
    const char *(*env)(const char *name); // a variable's value, NULL where it isn't set
    struct config_mistakes *mistakes;     // all that were noted
    struct err err;                       // the present one; empty where none is to be noted
    char path[160];                       // of the value, as errors call it
};

// Reads one value into `out`, whose type is the function's.
typedef bool (*setting_read_fn)(struct setting_reader *reader, const json_t *value, void *out);

struct setting_key {
    const char *name; // NULL ends a table; SETTING_OTHERS: of all that have no row before it
    size_t offset;    // in the record
    setting_read_fn read;
};

#define SETTING_OTHERS "*"
#define SETTING_AT(record, member) offsetof(struct record, member)

// Sets the error to what is wrong with the value, and returns false.
bool setting_bad(struct setting_reader *reader, const char *what);
// Adds the present mistake, if there is one, to those of the reader; returns false.
bool setting_note(struct setting_reader *reader);
// Whether the text has no control characters.
bool setting_is_plain(const char *text);
// Whether the text may be a name: names are parts of Redis' keys, of paths and of log lines. NULL
// is no name.
bool setting_is_name(const char *text);
// A string, or what the variable in "env:NAME" holds; borrowed. NULL where it is neither, or isn't
// plain.
const char *setting_text(struct setting_reader *reader, const json_t *value);

bool setting_string(struct setting_reader *reader, const json_t *value, void *out); // char *
bool setting_secret(struct setting_reader *reader, const json_t *value, void *out); // struct secret
bool setting_bool(struct setting_reader *reader, const json_t *value, void *out);   // bool
bool setting_number(struct setting_reader *reader, const json_t *value, int64_t min, int64_t max,
                    int64_t *number);
bool setting_count(struct setting_reader *reader, const json_t *value, void *out);       // int64_t
bool setting_small_count(struct setting_reader *reader, const json_t *value, void *out); // int
bool setting_bytes(struct setting_reader *reader, const json_t *value, void *out);       // size_t
bool setting_duration(struct setting_reader *reader, const json_t *value, void *out); // int64_t, ms
// A duration, or 0 for none.
bool setting_duration_or_none(struct setting_reader *reader, const json_t *value, void *out);
bool setting_hours(struct setting_reader *reader, const json_t *value, void *out); // int64_t, ms
bool setting_name(struct setting_reader *reader, const json_t *value, void *out);  // char *
// A URL that paths are put behind; char *, may be empty.
bool setting_base_url(struct setting_reader *reader, const json_t *value, void *out);
// One of `words`, which ends with NULL; `out` gets its index.
bool setting_word(struct setting_reader *reader, const json_t *value, const char *const *words,
                  unsigned *out);

// Reads one word into an enum that is in the order of the words.
#define SETTING_WORDS(function, type, ...)                                                         \
    static bool function(struct setting_reader *reader, const json_t *value, void *out)            \
    {                                                                                              \
        static const char *const words[] = {__VA_ARGS__, NULL};                                    \
        unsigned index;                                                                            \
        if (!setting_word(reader, value, words, &index))                                           \
            return false;                                                                          \
        *(type *)out = (type)index;                                                                \
        return true;                                                                               \
    }

// Reads an object by a table; keys that aren't in the table are an error. False: at least one key
// was wrong.
bool setting_keys(struct setting_reader *reader, const json_t *object,
                  const struct setting_key *keys, void *record);
// Reads an array's items one after the other into records of `size` bytes, on the heap. An empty
// array leaves `items` and `count` as they are.
bool setting_array(struct setting_reader *reader, const json_t *value, size_t size, void **items,
                   size_t *count, setting_read_fn read);
