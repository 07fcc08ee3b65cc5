// What a file is, by its first bytes: nobody's word for it is asked.
#pragma once

#include <stddef.h>

struct media_type {
    const char *content_type, *extension, *kind; // kind: image, video, audio
};
enum { MEDIA_HEAD_BYTES = 16 };

// Of the first MEDIA_HEAD_BYTES, or all there is. NULL: none that we know, an HTML page for
// instance.
const struct media_type *media_type_of(const void *head, size_t len);
// By its name, as "image/png". NULL: none that we know.
const struct media_type *media_type_named(const char *content_type);
