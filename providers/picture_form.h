// Pictures in a form with files. What is in the request is copied; a file behind a link, which the
// worker has fetched, leaves a gap.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct multipart_write;
struct task;

// Whether a file of so many `bytes`, which begins with the `len` bytes of `head`, will do. The
// error begins with the field's name.
typedef bool (*picture_check_fn)(const char *field, const void *head, size_t len, int64_t bytes,
                                 struct err *err);

// A form whose pictures are being written, in the order of the dialect's input_at.
struct picture_form {
    struct multipart_write *form; // borrowed, as all of it
    const struct task *task;
    picture_check_fn check; // what it lets pass is of a type that we know
    const char *otherwise;  // the error where a picture is neither a link nor base64
    size_t fetched;         // links so far: the next of the task's files
};

struct picture_part {
    const char *field; // what the errors call it
    const char *name;  // of the part
    const char *stem;  // of the file's name, before the dot
};

// `text` is the request's word for the picture: a link, base64 or a data URL.
bool picture_form_write(struct picture_form *pictures, const struct picture_part *part,
                        const char *text, struct err *err);
