// Ideogram's answers, which are the result: {"created","data":[{"url",…}]}, or descriptions.
//
// The outcome's extra has `created`, in Unix seconds, and `data`, for each image in turn what is
// told of it.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct http_response;
struct outcome;
struct task;

// The images of an answer's list, beside what the answer says of them all; and what the vendor's
// own words refuse, false and err where they refuse nothing.
void ideogram_read_images(const json_t *body, const json_t *images, struct outcome *outcome);
bool ideogram_read_refusal(const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err) WARN_UNUSED;
// A dialect's read_submit, of the vendor's own API and of a relay.
bool ideogram_read_submit(const struct task *task, const struct account *account,
                          const struct http_response *response, struct outcome *outcome,
                          struct err *err);
bool ideogram_read_relay(const struct task *task, const struct account *account,
                         const struct http_response *response, struct outcome *outcome,
                         struct err *err);
