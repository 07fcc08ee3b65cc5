// Takes files in base64 out of a JSON document.
//
//  OUTSIDE ── '"' ──▶ STRING ── '"' ──▶ OUTSIDE
//     └── '"' after a key of ours ──▶ FILE ── '"' ──▶ OUTSIDE
//
// The document is expected to be JSON, and is read as JSON afterwards: a document that isn't JSON
// is not found out here, and does no harm.
#include "core/json/json_inline.h"

#include <string.h>

#include "core/base/buf.h"

static bool is_ours(const struct json_inline *scan)
{
    for (size_t i = 0; scan->keys[i] != NULL; i++)
        if (strlen(scan->keys[i]) == scan->name_len &&
            memcmp(scan->keys[i], scan->name, scan->name_len) == 0)
            return true;
    return false;
}

static int base64_value(char c)
{
    return c >= 'A' && c <= 'Z'                 ? c - 'A'
           : c >= 'a' && c <= 'z'               ? c - 'a' + 26
           : c >= '0' && c <= '9'               ? c - '0' + 52
           : c == '+' || c == '-'               ? 62
           : c == '/' || c == '_'               ? 63
           : c == '=' || c == '\n' || c == '\r' ? -2
                                                : -1;
}

static void add_base64(struct json_inline *scan, char c, struct buf *file)
{
    int value = base64_value(c);

    if (value == -1)
        scan->is_bad = true;
    if (value < 0)
        return;
    scan->bits = (scan->bits << 6 | (unsigned)value) & 0xffff;
    scan->bit_count += 6;
    if (scan->bit_count >= 8) {
        scan->bit_count -= 8;
        if (file != NULL)
            buf_char(file, (char)(scan->bits >> scan->bit_count & 0xff));
    }
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : 16;
}

// One character of a file, which may be escaped: "\/", "\n" and "\u003d" come from real encoders.
static void add_file_char(struct json_inline *scan, char c, struct buf *file)
{
    if (scan->unicode_left > 0) {
        scan->unicode = scan->unicode << 4 | (unsigned)hex_value(c);
        if (--scan->unicode_left == 0 && scan->is_wanted)
            add_base64(scan, scan->unicode < 128 ? (char)scan->unicode : '?', file);
    } else if (scan->is_escaped) {
        scan->is_escaped = false;
        if (c == 'u') {
            scan->unicode_left = 4;
            scan->unicode = 0;
        } else if (scan->is_wanted && c != 'n' && c != 'r') {
            add_base64(scan, c, file);
        }
    } else if (c == '\\') {
        scan->is_escaped = true;
    } else if (scan->is_wanted) {
        add_base64(scan, c, file);
    }
}

static void on_outside(struct json_inline *scan, char c)
{
    if (c == ':') {
        scan->is_key = scan->name_len > 0 && is_ours(scan);
        scan->name_len = 0;
    } else if (c == '"' && scan->is_key) {
        scan->state = INLINE_FILE;
        scan->is_key = false;
        scan->is_wanted = scan->count++ == scan->wanted;
        scan->bits = scan->bit_count = 0;
    } else if (c == '"') {
        scan->state = INLINE_STRING;
        scan->name_len = 0;
    } else if (c != ' ' && c != '\t' && c != '\n' && c != '\r') {
        scan->is_key = false;
    }
}

static void on_string(struct json_inline *scan, char c)
{
    if (scan->is_escaped) {
        scan->is_escaped = false;
    } else if (c == '\\') {
        scan->is_escaped = true;
    } else if (c == '"') {
        scan->state = INLINE_OUTSIDE;
        return;
    }
    // A string that is too long for `name` is none of our keys.
    if (scan->name_len < sizeof scan->name)
        scan->name[scan->name_len++] = c;
}

bool json_inline_feed(struct json_inline *scan, const char *data, size_t len, struct buf *rest,
                      struct buf *file)
{
    size_t kept = 0; // from here on the input isn't in `rest` yet

    for (size_t i = 0; i < len; i++) {
        char c = data[i];

        if (scan->state == INLINE_OUTSIDE) {
            on_outside(scan, c);
            if (scan->state == INLINE_FILE && rest != NULL) {
                buf_add(rest, data + kept, i + 1 - kept);
                buf_str(rest, "inline");
            }
        } else if (scan->state == INLINE_STRING) {
            on_string(scan, c);
        } else if (c == '"' && !scan->is_escaped && scan->unicode_left == 0) {
            scan->state = INLINE_OUTSIDE;
            scan->is_wanted = false;
            kept = i;
        } else {
            add_file_char(scan, c, file);
        }
    }
    if (rest != NULL && scan->state != INLINE_FILE && kept < len)
        buf_add(rest, data + kept, len - kept);
    return !scan->is_bad;
}
