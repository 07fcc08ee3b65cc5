// What Ideogram takes: its paths, the words of its fields, the bytes of its images.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct account;
struct http_request;
struct task;

// A dialect's check.
bool ideogram_check(const struct task *task, const struct account *account, struct err *err);
// A dialect's input_at: the vendor takes no links.
char *ideogram_input_at(const struct task *task, size_t index);
// The submit as the vendor has it, without a key.
bool ideogram_build(const struct task *task, const struct account *account,
                    struct http_request *request, struct err *err);
// The same in two steps, for whoever sends it elsewhere: the body, which the caller owns, NULL and
// err where there is none; and the request with it, which takes the body's reference. It is a form
// where the task's action has files.
json_t *ideogram_body(const struct task *task, const struct account *account,
                      struct err *err) WARN_UNUSED;
bool ideogram_post(const struct task *task, const struct account *account, const char *path,
                   json_t *body, struct http_request *request, struct err *err) WARN_UNUSED;
// The same as our own surface has it, which opens links itself.
bool ideogram_build_relay(const struct task *task, const struct account *account,
                          struct http_request *request, struct err *err);
// Whether the task is answered with texts.
bool ideogram_describes(const struct task *task);
// Whether the vendor says 403 of a wrong key where the task goes.
bool ideogram_has_403_for_key(const struct task *task);
