// Ideogram's newer API, where a submit may be answered before the images are there: a job, which
// has an id and is looked at. It takes less than the older one, so that some tasks at such an
// account are calls all the same.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct buf;
struct http_request;
struct http_response;
struct outcome;
struct task;

// Whether the newer API has all that the task asks for; else it goes to the older one
// (ideogram_body.h), which answers with the result.
bool ideogram_v2_has(const struct task *task);
// What follows is about such tasks alone.
// The submit as the vendor has it, without a key.
bool ideogram_v2_build(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err);
// A dialect's read_submit, read_poll and read_callback. The outcome's extra is as in
// ideogram_answer.h.
bool ideogram_v2_read_submit(const struct task *task, const struct account *account,
                             const struct http_response *response, struct outcome *outcome,
                             struct err *err);
bool ideogram_v2_read_poll(const struct task *task, const struct account *account,
                           const struct http_response *response, struct outcome *outcome,
                           struct err *err);
bool ideogram_v2_read_callback(const struct task *task, const struct account *account,
                               const json_t *body, struct buf *upstream_id, struct err *err);
