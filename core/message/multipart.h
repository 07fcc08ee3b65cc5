// Reads the body of a form with files (multipart/form-data, RFC 7578), held in memory whole.
//
// Nothing is copied: what a part points to lives as long as the body and isn't terminated. It takes
// what browsers, curl, undici and the like send and refuses what readers understand differently:
// text before the first boundary or after the last, lines that end with LF alone, folded headers, a
// boundary line with something behind it, filename*, a transfer encoding. Linear in the body.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

enum {
    MULTIPART_PARTS_MAX = 64,
    MULTIPART_HEADER_BYTES_MAX = 4096, // all headers of one part, with their line ends
    MULTIPART_NAME_BYTES_MAX = 128,
    MULTIPART_BOUNDARY_BYTES_MAX = 70,
};

// Borrowed bytes. `data` is NULL where there is no such text, which is not the same as an empty
// text.
struct multipart_text {
    const char *data;
    size_t len;
};

struct multipart_part {
    struct multipart_text name;         // never empty
    struct multipart_text filename;     // for showing only; as sent, with %22 or \" for a quote
    struct multipart_text content_type; // as sent, perhaps with parameters
    struct multipart_text data;
};

// Small enough for the stack. Names may come more than once.
struct multipart {
    struct multipart_part parts[MULTIPART_PARTS_MAX];
    size_t count;
};

// Whether the value of a Content-Type header (NULL: none was sent) says that the body is a form.
// Its boundary may still be wrong.
bool multipart_is_form(const char *content_type);
// ERR_INVALID where the body is malformed or has too much of something; `form` is undefined then.
bool multipart_parse(const char *content_type, const char *body, size_t len, struct multipart *form,
                     struct err *err) WARN_UNUSED;
bool multipart_text_is(struct multipart_text text, const char *expected);
