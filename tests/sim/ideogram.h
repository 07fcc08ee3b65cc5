// The parts of the simulated Ideogram: ideogram.c takes calls and answers them, ideogram_rules.c
// knows what they want, ideogram_form.c reads forms.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct rule_error;

enum ideogram_kind {
    IDEOGRAM_GENERATE,
    IDEOGRAM_EDIT,
    IDEOGRAM_PROMPT_EDIT,
    IDEOGRAM_REMIX,
    IDEOGRAM_REFRAME,
    IDEOGRAM_BACKGROUND,
    IDEOGRAM_OLD_GENERATE,
    IDEOGRAM_OLD_REMIX,
    IDEOGRAM_OLD_UPSCALE,
    IDEOGRAM_OLD_DESCRIBE,
    IDEOGRAM_KINDS
};

// A form as the JSON that says the same: texts, numbers where `kind` wants them, objects; a file is
// {"type","bytes","width","height"}, both 0 where that isn't known. What is said behind "words:" in
// a file is added to `words`. NULL and `why`: the vendor wouldn't read it.
json_t *ideogram_read_form(const char *content_type, const char *text, size_t len,
                           struct buf *words, const char **why);
// Whether the vendor would take such a call.
bool ideogram_check(enum ideogram_kind kind, const json_t *body, struct rule_error *error);
