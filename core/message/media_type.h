// What a file is, by its first bytes: nobody is believed who only says what it is.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct media_type {
    const char *content_type, *extension, *kind; // kind: image, video, audio
};
enum { MEDIA_HEAD_BYTES = 16 };

// By the file's first MEDIA_HEAD_BYTES, or all that it has. NULL: a type that we don't know, an
// HTML page for instance.
const struct media_type *media_type_of(const void *head, size_t len);
// By the type's name, as "image/png". NULL: a type that we don't know.
const struct media_type *media_type_named(const char *content_type);
// Whether these first bytes are those of a JSON object: no media begins like that, save raw sound
// by a rare chance, of which more bytes leave less.
bool media_is_json(const void *head, size_t len);
