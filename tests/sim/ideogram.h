// The parts of the simulated Ideogram: ideogram.c takes calls and answers them, ideogram_v2.c has
// the newer API's jobs and their webhooks, ideogram_rules.c and ideogram_v2_rules.c know what these
// want, ideogram_form.c reads forms.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct http_exchange;
struct job;
struct rule;
struct rule_error;
struct sim;

// What V_3 draws.
#define IDEOGRAM_SIZES                                                                             \
    "1024x1024 1024x832 1024x896 1024x960 1088x768 1088x832 1088x896 1088x960 1120x896 1152x704 "  \
    "1152x832 1152x864 1152x896 1216x704 1216x768 1216x832 1248x832 1280x704 1280x768 1280x800 "   \
    "1312x736 1344x640 1344x704 1344x768 1408x576 1408x640 1408x704 1472x576 1472x640 1472x704 "   \
    "1536x512 1536x576 1536x640 512x1536 576x1408 576x1472 576x1536 640x1344 640x1408 640x1472 "   \
    "640x1536 704x1152 704x1216 704x1280 704x1344 704x1408 704x1472 736x1312 768x1088 768x1216 "   \
    "768x1280 768x1344 800x1280 832x1024 832x1088 832x1152 832x1216 832x1248 832x960 864x1152 "    \
    "896x1024 896x1088 896x1120 896x1152 896x960 960x1024 960x1088 960x832 960x896"
#define IDEOGRAM_RATIOS "1x3 3x1 1x2 2x1 9x16 16x9 10x16 16x10 2x3 3x2 3x4 4x3 4x5 5x4 1x1"

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

void ideogram_refuse(struct http_exchange *exchange, int status, const char *why);
// NULL: the request has been refused. What its files say behind "words:" is added to `words`.
json_t *ideogram_read_body(struct http_exchange *exchange, bool takes_json, bool takes_form,
                           struct buf *words);

// A form as the JSON that says the same: texts, numbers where `kind` wants them, objects; a file is
// {"type","bytes","width","height"}, both 0 where that isn't known. What is said behind "words:" in
// a file is added to `words`. NULL and `why`: the vendor wouldn't read it.
json_t *ideogram_read_form(const char *content_type, const char *text, size_t len,
                           struct buf *words, const char **why);
// Whether the vendor would take such a call.
bool ideogram_check(enum ideogram_kind kind, const json_t *body, struct rule_error *error);
// A part of that: the files, and what goes without the other.
bool ideogram_check_files(const json_t *body, struct rule_error *error);

// Adds an image's link, which one that is held for unsafe hasn't got, and its prompt, as members.
// Whether it is held.
bool ideogram_add_link(const struct sim *sim, const struct job *job, int number, struct buf *json);

// What a path of the newer API wants; `name` is behind /v2/image/. NULL: there is no such path.
const struct rule *ideogram_v2_rules(const char *name);
// Answers requests to the newer API, whose key is right.
void ideogram_v2_handle(struct sim *sim, struct http_exchange *exchange);
