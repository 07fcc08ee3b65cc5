// How large an image is, by its first bytes.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct image_size {
    unsigned width, height; // in pixels
};

// Of a PNG, JPEG, WebP or GIF. False: it is none of these, or its size isn't among so few bytes
// (behind a JPEG's comments, for instance).
bool image_size_of(const void *data, size_t len, struct image_size *size);
