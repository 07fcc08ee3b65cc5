// A call for an edit as a form with files, which is all that many gateways take. Links are fetched
// for it.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct account;
struct http_request;
struct task;

// A dialect's input_at: the links among the references, then the mask.
char *image_form_input_at(const struct task *task, size_t index);
// As image_call_post, of an edit or a variation: takes the reference to the body that it would
// send.
bool image_form_post(const struct task *task, const struct account *account, json_t *body,
                     struct http_request *request, struct err *err);
