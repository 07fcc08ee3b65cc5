// Reads the body of a form with files (multipart/form-data, RFC 7578), held in memory whole.
//
// Nothing is copied: what a part points to lives as long as the body and isn't terminated. It takes
// what browsers, curl, undici and the like send and refuses what readers understand differently:
// text before the first boundary or after the last, lines that end with LF alone, folded headers, a
// boundary line with something behind it, filename*, a transfer encoding. Linear in the body.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
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

// What separates parts: CRLF, two dashes, the boundary.
struct multipart_delimiter {
    char text[4 + MULTIPART_BOUNDARY_BYTES_MAX];
    size_t len;
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

// The same for a form that is too long for memory, read in pieces: a part may begin in one and end
// in another. Fixed memory, beyond the largest piece.

enum multipart_event {
    MULTIPART_MORE, // another piece is wanted
    MULTIPART_PART, // a part begins: `part`, but for its data
    MULTIPART_DATA, // `data`: bytes of it
    MULTIPART_PART_END,
    MULTIPART_END, // the form is whole
    MULTIPART_BAD, // err, ERR_INVALID: it is malformed, or has too much of something
};

struct multipart_stream {
    struct multipart_part part; // borrowed until the next part
    struct multipart_text data; // borrowed until the next event or piece

    struct multipart_delimiter delimiter;
    struct buf head; // of the part
    struct buf held; // what has come; from `at` on it isn't read yet
    size_t at, count;
    bool is_all; // no piece follows
    int state;
};

bool multipart_stream_begin(struct multipart_stream *stream, const char *content_type,
                            struct err *err) WARN_UNUSED;
void multipart_stream_clear(struct multipart_stream *stream);
void multipart_stream_feed(struct multipart_stream *stream, const char *piece,
                           size_t len); // 0: that was all
enum multipart_event multipart_stream_next(struct multipart_stream *stream, struct err *err);
