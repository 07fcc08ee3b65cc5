// The unified form of a request for a video, as /v1/video and /v1/videos take it for whatever
// model: {prompt, negative_prompt, images, size, aspect_ratio, duration}; "google" has what a
// client of Google's said beside it, in Google's words. What providers that have a form of their
// own share when they turn it into theirs (provider.h: from_unified).
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct buf;
struct task;

// What size and aspect_ratio say together.
struct unified_frame {
    char ratio[12]; // "16:9"; "": nothing says it
    int lines;      // of the shorter side, as in 720P; 0: nothing says it
};

// An error names the field that is wrong.
bool unified_read_frame(const json_t *request, struct unified_frame *frame,
                        struct err *err) WARN_UNUSED;
// Refuses the first of `fields` that is given: the provider has nothing like it. Ends with NULL.
bool unified_check_absent(const json_t *request, const char *const *fields, const char *model,
                          struct err *err) WARN_UNUSED;
// The images that are given, in an array of the caller's.
json_t *unified_images(const json_t *request);
// The media type of an image in base64, perhaps in a data URL.
void unified_image_type(const char *image, char *type, size_t size);
// Adds the image as a link or a data URL: base64 alone becomes one.
void unified_add_image_url(const char *image, struct buf *url);
// Without what is kept of the unified form to be shown to the client alone: the vendor has no such
// fields.
void unified_drop_shown(json_t *body);
