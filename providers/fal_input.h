// What a task asks fal for: an endpoint and its input.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct buf;
struct task;

// The input; adds the endpoint's path, as in fal_path.h. NULL and err: ERR_INVALID names the field
// that is wrong.
json_t *fal_input_of(const struct task *task, const struct account *account, struct buf *path,
                     struct err *err) WARN_UNUSED;
// A dialect's check: whether there is an input.
bool fal_input_check(const struct task *task, const struct account *account,
                     struct err *err) WARN_UNUSED;
