// A growing byte buffer.
#include "core/base/buf.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

void buf_reserve(struct buf *buf, size_t more)
{
    size_t need = buf->len + more + 1;
    size_t cap = buf->cap == 0 ? 64 : buf->cap;

    if (need <= buf->cap)
        return;
    while (cap < need)
        cap *= 2;
    buf->data = mem_resize(buf->data, cap);
    buf->cap = cap;
    buf->data[buf->len] = '\0';
}

void buf_add(struct buf *buf, const void *data, size_t len)
{
    buf_reserve(buf, len);
    if (len > 0)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
}

void buf_str(struct buf *buf, const char *text)
{
    buf_add(buf, text, strlen(text));
}

void buf_char(struct buf *buf, char c)
{
    buf_add(buf, &c, 1);
}

void buf_vfmt(struct buf *buf, const char *format, va_list args)
{
    va_list again;
    int len;

    va_copy(again, args);
    len = vsnprintf(NULL, 0, format, args);
    assert(len >= 0);
    buf_reserve(buf, (size_t)len);
    vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
    va_end(again);
    buf->len += (size_t)len;
}

void buf_fmt(struct buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vfmt(buf, format, args);
    va_end(args);
}

void buf_int(struct buf *buf, int64_t number)
{
    char digits[TEXT_INT_SIZE] = "";

    buf_add(buf, digits, (size_t)(text_int(digits, digits + sizeof digits, number) - digits));
}

// How many bytes the character takes; 0 where it isn't UTF-8 (RFC 3629: no overlong forms, no
// surrogates, nothing above U+10FFFF).
static size_t utf8_len(const char *text)
{
    const unsigned char *c = (const unsigned char *)text;
    size_t len = c[0] >= 0xf0 ? 4 : c[0] >= 0xe0 ? 3 : 2;

    if (c[0] < 0xc2 || c[0] > 0xf4)
        return 0;
    if ((c[0] == 0xe0 && c[1] < 0xa0) || (c[0] == 0xed && c[1] > 0x9f) ||
        (c[0] == 0xf0 && c[1] < 0x90) || (c[0] == 0xf4 && c[1] > 0x8f))
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

void buf_json_str(struct buf *buf, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    const char *from;

    buf_char(buf, '"');
    for (from = text = text == NULL ? "" : text; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\')
            continue;
        if (c >= 0x80 && utf8_len(text) > 0) {
            text += utf8_len(text) - 1;
            continue;
        }
        buf_add(buf, from, (size_t)(text - from));
        from = text + 1;
        if (c >= 0x80) {
            buf_add(buf, "\xef\xbf\xbd", 3); // U+FFFD: a text that was cut, or a stranger's
        } else if (c == '"' || c == '\\') {
            buf_add(buf, (char[]){'\\', (char)c}, 2);
        } else if (c == '\n') {
            buf_add(buf, "\\n", 2);
        } else {
            buf_add(buf, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        }
    }
    buf_add(buf, from, (size_t)(text - from));
    buf_char(buf, '"');
}

void buf_percent(struct buf *buf, const char *text)
{
    static const char hex[] = "0123456789ABCDEF";

    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            strchr("-._~", c) != NULL)
            buf_char(buf, (char)c);
        else
            buf_add(buf, (char[]){'%', hex[c >> 4], hex[c & 15]}, 3);
    }
}

void buf_consume(struct buf *buf, size_t len)
{
    assert(len <= buf->len);
    if (len == 0)
        return;
    memmove(buf->data, buf->data + len, buf->len - len + 1);
    buf->len -= len;
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

void buf_clear(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

char *buf_take(struct buf *buf)
{
    char *data;

    buf_reserve(buf, 0);
    data = buf->data;
    *buf = (struct buf){0};
    return data;
}

const char *buf_text(const struct buf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}
