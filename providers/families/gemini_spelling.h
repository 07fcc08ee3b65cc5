// One spelling of a request in Google's form, whose names Google reads in two (imageConfig,
// image_config), base64 in two alphabets, and one object where a list may be: its SDKs and examples
// use all of that.
#pragma once

#include <jansson.h>

#include "core/base/err.h"

// A copy with the first of each, and without what is left empty; what it doesn't know stays as it
// came. Types aren't checked. Its values are shared with the body, which stays as it is. NULL and
// an ERR_INVALID where a name is there in both spellings; json_decref.
json_t *gemini_spell(const json_t *body, struct err *err) WARN_UNUSED;
