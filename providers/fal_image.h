// What fal's models are asked for by those who want images, or who speak to them in fal's own words
// (families/fal.c): the counterpart of fal_body.h.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct task;

// Whether the task is such a one; else it is a video's, in the unified form.
bool fal_image_is(const struct task *task);
// Whether it is in fal's own words.
bool fal_image_is_own(const struct task *task);
// Whether the model is known to make images.
bool fal_image_makes(const char *model);
// The endpoint that is asked: the model's own, or that for edits where there is something to edit.
// The caller frees it.
char *fal_image_endpoint(const struct task *task, const char *model);
// The endpoint's input. NULL and err: ERR_INVALID names the field that it has no word for.
json_t *fal_image_body_of(const struct task *task, const char *endpoint,
                          struct err *err) WARN_UNUSED;
