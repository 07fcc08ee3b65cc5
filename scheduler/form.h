// Forms, as the JSON body they stand for.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

// A multipart/form-data body: a field becomes a string, a file a data URL, "a[b]" is b in the
// object a, and "a[]" an item of the list a, as are files of one name. NULL and ERR_INVALID where
// the form is malformed, or has two fields of one name.
json_t *form_read(const char *content_type, const char *body, size_t len,
                  struct err *err) WARN_UNUSED;
// The same, one part at a time: adds a part's value, which it takes; NULL: it isn't UTF-8.
struct multipart_part;
bool form_add(json_t *body, const struct multipart_part *part, json_t *value,
              struct err *err) WARN_UNUSED;
