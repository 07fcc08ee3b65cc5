// A growing byte buffer. Always terminated, so `data` of a non-empty buf is also a C string.
//
// Memory the caller has: `struct buf b = {0}` is ready for use, buf_clear gives it back.
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data; // NULL while nothing was ever added
    size_t len;
    size_t cap;
};

void buf_add(struct buf *buf, const void *data, size_t len);
void buf_str(struct buf *buf, const char *text);
void buf_char(struct buf *buf, char c);
void buf_fmt(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vfmt(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void buf_int(struct buf *buf, int64_t number);
// Quoted and escaped; what isn't UTF-8 becomes U+FFFD. NULL gives "".
void buf_json_str(struct buf *buf, const char *text);
void buf_percent(struct buf *buf, const char *text); // percent-encodes all but RFC 3986 unreserved
void buf_reserve(struct buf *buf, size_t more);
void buf_consume(struct buf *buf, size_t len); // drops from the front
void buf_reset(struct buf *buf);               // empty, memory kept
void buf_clear(struct buf *buf);
char *buf_take(struct buf *buf);             // the string becomes the caller's; never NULL
const char *buf_text(const struct buf *buf); // borrowed, "" while empty
