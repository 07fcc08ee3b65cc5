// Ideogram's answers, which are the result: {"created","data":[{"url",…}]}, or descriptions.
//
// The outcome's extra has `created`, in Unix seconds, and `data`, for each image in turn what is
// told of it.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct http_response;
struct outcome;
struct task;

// A dialect's read_submit, of the vendor's own API and of a relay.
bool ideogram_read_submit(const struct task *task, const struct account *account,
                          const struct http_response *response, struct outcome *outcome,
                          struct err *err);
bool ideogram_read_relay(const struct task *task, const struct account *account,
                         const struct http_response *response, struct outcome *outcome,
                         struct err *err);
