// Takes files in base64 out of a JSON document.
//
//  OUTSIDE ── '"' ──▶ STRING ── '"' ──▶ OUTSIDE
//     │                 │ ▲
//     │      ";base64," ▼ │ what isn't base64
//     └── '"' after a key of ours ──▶ FILE ── '"' ──▶ OUTSIDE
//
// The document is expected to be JSON, and is read as JSON afterwards: a document that isn't JSON
// is not found out here, and does no harm.
#include "core/json/json_inline.h"

#include <stdint.h>
#include <string.h>

#include "core/base/buf.h"

static const char data_url[] = "data:", mark[] = ";base64,";
enum { LEAD = sizeof data_url - 1, MARK = sizeof mark - 1 };

enum { BAD = -1, PAD = -2 };

// The value of each character of base64, plus one; 0 for all others.
static const unsigned char values[128] = {
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,
    0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  0,  63,
    0,  63, 0,  64, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 0,  0,  0,  0,  0,  0,  0,  1,
    2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
    24, 25, 26, 0,  0,  0,  0,  64, 0,  27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
    40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 0,  0,  0,  0,  0,
};

static int base64_value(char c)
{
    int value = (unsigned char)c < sizeof values ? values[(unsigned char)c] : 0;

    return value > 0 ? value - 1 : c == '=' || c == '\n' || c == '\r' ? PAD : BAD;
}

static bool is_ours(const struct json_inline *scan)
{
    for (size_t i = 0; scan->keys[i] != NULL; i++)
        if (strlen(scan->keys[i]) == scan->name_len &&
            memcmp(scan->keys[i], scan->name, scan->name_len) == 0)
            return true;
    return false;
}

static void add_base64(struct json_inline *scan, char c, struct buf *file)
{
    int value = base64_value(c);

    if (value == BAD)
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

// A file may begin as a data URL does, which begins as a file may.
static void add_plain_char(struct json_inline *scan, char c, struct buf *file)
{
    if (scan->is_skipping) {
        scan->is_skipping = c != ',';
        return;
    }
    if (scan->lead_len < LEAD && c == data_url[scan->lead_len]) {
        scan->is_skipping = ++scan->lead_len == LEAD;
        return;
    }
    for (size_t i = 0, len = scan->lead_len; scan->lead_len < LEAD && i < len; i++)
        add_base64(scan, data_url[i], file);
    scan->lead_len = LEAD;
    add_base64(scan, c, file);
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
            add_plain_char(scan, scan->unicode < 128 ? (char)scan->unicode : '?', file);
    } else if (scan->is_escaped) {
        scan->is_escaped = false;
        if (c == 'u') {
            scan->unicode_left = 4;
            scan->unicode = 0;
        } else if (scan->is_wanted && c != 'n' && c != 'r') {
            add_plain_char(scan, c, file);
        }
    } else if (c == '\\') {
        scan->is_escaped = true;
    } else if (scan->is_wanted) {
        add_plain_char(scan, c, file);
    }
}

// Four characters at a time, while nothing else comes. Returns how many.
static size_t add_run(struct json_inline *scan, const char *data, size_t len, struct buf *file)
{
    size_t i = 0;
    unsigned char *to;

    if (scan->bit_count != 0 || scan->lead_len < LEAD || scan->is_skipping || scan->is_escaped ||
        scan->unicode_left > 0 || file == NULL)
        return 0;
    buf_reserve(file, len / 4 * 3);
    to = (unsigned char *)file->data + file->len;
    for (; i + 4 <= len; i += 4, to += 3) {
        const unsigned char *from = (const unsigned char *)data + i;
        uint32_t a, b, c, d, bits;

        if ((from[0] | from[1] | from[2] | from[3]) >= (int)sizeof values)
            break;
        a = values[from[0]], b = values[from[1]], c = values[from[2]], d = values[from[3]];
        if (a == 0 || b == 0 || c == 0 || d == 0)
            break;
        bits = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        to[0] = (unsigned char)(bits >> 16);
        to[1] = (unsigned char)(bits >> 8);
        to[2] = (unsigned char)bits;
    }
    file->len += i / 4 * 3;
    file->data[file->len] = '\0';
    return i;
}

static void begin_file(struct json_inline *scan, bool is_within)
{
    scan->state = INLINE_FILE;
    scan->is_key = false;
    scan->is_within = is_within;
    scan->is_wanted = scan->wanted == JSON_INLINE_EACH || scan->count == scan->wanted;
    scan->count++;
    scan->bits = scan->bit_count = 0;
    scan->lead_len = is_within ? LEAD : 0;
    scan->is_skipping = false;
    if (scan->is_wanted)
        scan->is_bad = false;
}

static void end_file(struct json_inline *scan, struct buf *file)
{
    for (size_t i = 0, len = scan->lead_len; scan->is_wanted && len < LEAD && i < len; i++)
        add_base64(scan, data_url[i], file);
    scan->has_ended = true;
    scan->is_wanted = false;
}

static void on_outside(struct json_inline *scan, char c)
{
    if (c == ':') {
        scan->is_key = scan->name_len > 0 && is_ours(scan);
        scan->name_len = 0;
    } else if (c == '"' && scan->is_key) {
        begin_file(scan, false);
    } else if (c == '"') {
        scan->state = INLINE_STRING;
        scan->name_len = scan->mark_len = 0;
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
    scan->mark_len = c == mark[scan->mark_len] ? scan->mark_len + 1 : c == *mark;
    if (scan->mark_len == MARK) {
        scan->mark_len = 0;
        if (scan->takes_data_urls)
            begin_file(scan, true);
    }
}

// Whether the file ends before this character. What follows a backslash may be the file's.
static bool is_end(const struct json_inline *scan, char c)
{
    if (!scan->is_within)
        return c == '"' && !scan->is_escaped && scan->unicode_left == 0;
    if (scan->is_escaped)
        return c != '/';
    return c != '\\' && base64_value(c) == BAD;
}

// A file within a string has ended: what isn't its own is read as what it is.
static void back_to_string(struct json_inline *scan, char c, struct buf *rest)
{
    scan->state = INLINE_STRING;
    if (scan->is_escaped && rest != NULL)
        buf_char(rest, '\\');
    on_string(scan, c);
}

size_t json_inline_step(struct json_inline *scan, const char *data, size_t len, struct buf *rest,
                        struct buf *file)
{
    size_t kept = 0, i; // from `kept` on the input isn't in `rest` yet

    scan->has_ended = false;
    for (i = 0; i < len && !scan->has_ended; i++) {
        char c = data[i];

        if (scan->state != INLINE_FILE) {
            if (scan->state == INLINE_OUTSIDE)
                on_outside(scan, c);
            else
                on_string(scan, c);
            if (scan->state == INLINE_FILE && rest != NULL) {
                buf_add(rest, data + kept, i + 1 - kept);
                buf_str(rest, "inline");
            }
        } else if (is_end(scan, c)) {
            end_file(scan, file);
            kept = i;
            if (scan->is_within)
                back_to_string(scan, c, rest);
            else
                scan->state = INLINE_OUTSIDE;
        } else {
            size_t run = scan->is_wanted ? add_run(scan, data + i, len - i, file) : 0;

            if (run > 0)
                i += run - 1;
            else
                add_file_char(scan, c, file);
        }
    }
    if (rest != NULL && scan->state != INLINE_FILE && kept < i)
        buf_add(rest, data + kept, i - kept);
    return i;
}

bool json_inline_feed(struct json_inline *scan, const char *data, size_t len, struct buf *rest,
                      struct buf *file)
{
    bool was_bad = scan->is_bad;

    for (size_t at = 0; at < len;)
        at += json_inline_step(scan, data + at, len - at, rest, file);
    scan->is_bad = scan->is_bad || was_bad;
    return !scan->is_bad;
}
