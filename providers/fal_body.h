// What fal's models are asked for: the unified form (unified.h) in their words.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct task;

// Whether the model is known to make videos.
bool fal_body_makes(const char *model);
// The input of the model that fal calls `model`. NULL and err: ERR_INVALID names the unified field
// that the model has no word for.
json_t *fal_body_of(const struct task *task, const char *model, struct err *err) WARN_UNUSED;
