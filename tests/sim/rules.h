// What a vendor checks in a request's body, as tables.
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum rule_type {
    RULE_TEXT,
    RULE_INTEGER,
    RULE_NUMBER,
    RULE_BOOL,
    RULE_OBJECT,
    RULE_ARRAY, // of objects
    RULE_ANY,
};

// What is wrong with a text, NULL if nothing is.
typedef const char *(*rule_text_fn)(const char *text);

// A table of rules ends with one that has no name; where that rule has `fields`, the table goes on
// with these.
struct rule {
    const char *name;
    enum rule_type type;
    bool is_required;
    double min, max;           // of a number, of a text's characters, of an array's elements;
                               // both 0: any
    const char *words;         // what a text may be, separated by spaces; NULL: anything
    rule_text_fn check;        // what else is checked of a text; NULL: nothing
    const struct rule *fields; // of an object, or of an array's elements; NULL: any
};

struct rule_error {
    char param[120]; // as "content[0].text"
    char why[160];
    bool is_missing;
};

// Whether the object has what the rules want, and nothing that they don't know. A null is a value
// of the wrong type.
bool rules_check(const json_t *object, const struct rule *rules, struct rule_error *error);
bool rules_fail(struct rule_error *error, const char *param, const char *format, ...)
    __attribute__((format(printf, 3, 4))); // false

// One of the words, which are separated by spaces; "kling-v*" stands for all that begin with
// "kling-v".
bool rules_one_of(const char *text, const char *words);
bool rules_is_base64(const char *text);
bool rules_is_data_url(const char *text, const char *kind); // "image/": data:image/…;base64,…
bool rules_is_http_url(const char *text);
// A rule_text_fn; NULL where the text is an http or https URL.
const char *rules_http_url(const char *text);

// The string of that name, or "".
const char *rules_text(const json_t *object, const char *name);
