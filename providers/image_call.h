// Calls for images in OpenAI's form, which vendors and gateways share: a submit at /v1/images/…
// whose answer is the result, {"data":[{"url"} or {"b64_json"}]}, or an error. The stored request
// is that of families/images.c.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "providers/provider.h"

struct account;
struct http_request;
struct http_response;
struct outcome;
struct task;

enum { IMAGE_CALL_MS = 360000 }; // no byte comes before the end

// A dialect's.
extern const char *const image_call_inline_keys[];
bool image_call_is_call(const struct task *task, const struct account *account);
// A call leaves nothing to look at: what is asked for here, at no cost, are the models.
bool image_call_build_look(const struct task *task, const struct account *account,
                           struct http_request *request, struct err *err);
bool image_call_read_look(const struct task *task, const struct account *account,
                          const struct http_response *response, struct outcome *outcome,
                          struct err *err);

// The references as links and data URLs, in a list of the caller's.
json_t *image_call_urls(const json_t *asked);
// Turns the kept request into the body of a submit for the action ("generate", "edit",
// "variation"), which need not be the task's own, with the account's model; takes the reference.
json_t *image_call_body(const struct task *task, const struct account *account, const char *action,
                        json_t *asked);
// A part of a check: how many references the model called `name` takes.
bool image_call_check_count(const json_t *body, const char *name, int min, int max,
                            struct err *err);
// The path of an action; NULL: it has none.
const char *image_call_path(const char *action);
// What the request has beside its body: the key, and how long it may take.
void image_call_prepare(const struct account *account, struct http_request *request);
// The submit at the action's path; takes the reference to the body.
bool image_call_post(const struct account *account, const char *action, json_t *body,
                     struct http_request *request, struct err *err);

// What is a vendor's own in answers.
struct image_call_words {
    // Reads a refusal by the vendor's code. False: its code says nothing, or there is none.
    bool (*refuse)(const struct http_response *response, const char *code, struct outcome *outcome);
    // The code that clients see for an image in whose place the answer has an error with the
    // vendor's code; NULL: vendor_failed. NULL slot: no answer has such places.
    const char *(*failure)(const char *code);
};
// Writes the place of a file in the answer to a call, "inline:<n>", whose text has the word for it
// at its end. False: the text has none.
bool image_call_place(const json_t *body, const json_t *text, char *place, size_t size);
// The body of an answer to a submit, for an adapter_read_fn (adapter.h).
bool image_call_read(const struct http_response *response, const json_t *body,
                     const struct image_call_words *words, struct outcome *outcome,
                     struct err *err) WARN_UNUSED;
