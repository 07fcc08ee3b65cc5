// Pictures that are in a request, in base64 or as data URLs.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct buf;
struct media_type;

// Adds the picture's first bytes to `head`: of so many characters of base64 (a multiple of 4), or
// all. False: it isn't base64.
bool picture_head(const char *text, size_t chars, struct buf *head);
// What the picture is, or whatever else it may be, by its first bytes. NULL: nothing that we know.
const struct media_type *picture_type(const char *text);
// Whether the mask is as large as the image that it is laid on, as far as their first bytes tell;
// of links, or of "", only the vendor can. The error begins with "mask".
bool picture_check_mask(const char *image, const char *mask, struct err *err);
