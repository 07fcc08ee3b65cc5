// The usual JSON, read in one pass.
#include "core/json/json_fast.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/base/text.h"

enum { MAX_DEPTH = 32, MAX_ESCAPED = 4096, MAX_NUMBER = 1024 };

struct reader {
    const char *at, *end;
    int depth;
};

static json_t *read_value(struct reader *r);

static void skip_space(struct reader *r)
{
    while (r->at < r->end && (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r'))
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

// What a string is made of.
struct text {
    const char *at; // borrowed from the input, or, where it has escapes, from one of the next two
    size_t len;
    bool has_escape;
    bool is_ascii; // but for what its escapes stand for: then it needs no check for UTF-8
    char *large;   // ours; NULL: what had escapes fitted into `small`
    char small[MAX_ESCAPED];
};

// The quote that ends the string; NULL where there is none, or a control character before it.
static const char *find_quote(const char *at, const char *end, struct text *text)
{
    static const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t seen = 0;

    text->has_escape = false;
    for (;;) {
        // Eight bytes at once, while none of them is special (Hacker's Delight, 6-1).
        while (end - at >= 8) {
            uint64_t word, quote, slash, control;

            memcpy(&word, at, 8);
            quote = word ^ ones * '"';
            slash = word ^ ones * '\\';
            control = (word - ones * 0x20) & ~word;
            if (((((quote - ones) & ~quote) | ((slash - ones) & ~slash) | control) & highs) != 0)
                break;
            seen |= word;
            at += 8;
        }
        if (at == end || (unsigned char)*at < 0x20)
            return NULL;
        if (*at == '"') {
            text->is_ascii = (seen & highs) == 0;
            return at;
        }
        if (*at == '\\') {
            text->has_escape = true;
            at++;
            if (at == end)
                return NULL;
        }
        seen |= (unsigned char)*at;
        at++;
    }
}

// Four hexadecimal digits, from `at` on; -1: they aren't.
static int read_hex(const char *at, const char *end)
{
    int value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = text_hex(at[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

// As UTF-8: never longer than the escapes that stand for it. Returns its end.
static char *write_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
    } else if (code < 0x800) {
        *to++ = (char)(0xc0 | code >> 6);
        *to++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *to++ = (char)(0xe0 | code >> 12);
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    } else {
        *to++ = (char)(0xf0 | code >> 18);
        *to++ = (char)(0x80 | (code >> 12 & 0x3f));
        *to++ = (char)(0x80 | (code >> 6 & 0x3f));
        *to++ = (char)(0x80 | (code & 0x3f));
    }
    return to;
}

// The character whose digits stand behind "\\u", or of two such escapes, as UTF-16 has those beyond
// U+FFFF. Moves *at behind it. 0: there is none, or it is a NUL, which no text may have.
static unsigned read_unicode(const char **at, const char *end)
{
    int code = read_hex(*at, end), low = -1;

    *at += 4;
    if (code < 0xd800 || code > 0xdfff)
        return code < 0 ? 0 : (unsigned)code;
    if (code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u')
        low = read_hex(*at + 2, end);
    *at += 6;
    return low < 0xdc00 || low > 0xdfff
               ? 0
               : 0x10000 + ((unsigned)(code - 0xd800) << 10) + (unsigned)(low - 0xdc00);
}

// Copies the string without its escapes, which makes it no longer; false where one isn't right.
static bool unescape(const char *from, const char *end, char *to, size_t *len)
{
    static const char names[] = "\"\\/nrtbf", values[] = "\"\\/\n\r\t\b\f";
    char *start = to;

    while (from < end) {
        const char *slash = memchr(from, '\\', (size_t)(end - from)), *name;
        size_t plain = (size_t)((slash == NULL ? end : slash) - from);

        memcpy(to, from, plain);
        to += plain;
        from += plain;
        if (slash == NULL)
            break;
        from += 2;
        if (slash[1] == 'u') {
            unsigned code = read_unicode(&from, end);

            if (code == 0)
                return false;
            to = write_utf8(to, code);
            continue;
        }
        name = memchr(names, slash[1], sizeof names - 1);
        if (name == NULL)
            return false;
        *to++ = values[name - names];
    }
    *len = (size_t)(to - start);
    return true;
}

// The text of a string behind its first quote; text_clear where it is true.
static bool read_text(struct reader *r, struct text *text)
{
    const char *quote = find_quote(r->at, r->end, text), *from = r->at;
    char *to = text->small;

    text->large = NULL;
    if (quote == NULL)
        return false;
    text->at = from;
    text->len = (size_t)(quote - from);
    r->at = quote + 1;
    if (!text->has_escape)
        return true;
    if (text->len > sizeof text->small)
        to = text->large = mem_resize(NULL, text->len);
    text->at = to;
    if (unescape(from, quote, to, &text->len))
        return true;
    free(text->large);
    return false;
}

static void text_clear(struct text *text)
{
    free(text->large);
}

static json_t *read_string(struct reader *r)
{
    struct text text;
    json_t *string;

    if (!read_text(r, &text))
        return NULL;
    // jansson's own check takes longer than all the rest.
    string =
        text.is_ascii ? json_stringn_nocheck(text.at, text.len) : json_stringn(text.at, text.len);
    text_clear(&text);
    return string;
}

// Any number: jansson reads it by itself.
static json_t *read_number(struct reader *r)
{
    size_t len = 0, left = (size_t)(r->end - r->at);
    json_t *number;

    while (len < left && len < MAX_NUMBER && r->at[len] != '\0' &&
           strchr("+-.0123456789Ee", r->at[len]) != NULL)
        len++;
    number = json_loadb(r->at, len, JSON_DECODE_ANY, NULL);
    if (number != NULL)
        r->at += len;
    return number;
}

static json_t *read_integer(struct reader *r)
{
    bool is_negative = *r->at == '-';
    const char *digits = r->at + is_negative, *at = digits;
    json_int_t number = 0;

    while (at < r->end && *at >= '0' && *at <= '9' && at - digits < 18)
        number = number * 10 + (*at++ - '0');
    if (at == digits || at == r->end || strchr(",]} \n\r\t", *at) == NULL ||
        (*digits == '0' && at - digits > 1))
        return read_number(r);
    r->at = at;
    return json_integer(is_negative ? -number : number);
}

static json_t *read_word(struct reader *r)
{
    static const struct {
        const char *word;
        size_t len;
    } words[] = {{"true", 4}, {"false", 5}, {"null", 4}};

    for (size_t i = 0; i < 3; i++) {
        if ((size_t)(r->end - r->at) >= words[i].len &&
            memcmp(r->at, words[i].word, words[i].len) == 0) {
            r->at += words[i].len;
            return i == 0 ? json_true() : i == 1 ? json_false() : json_null();
        }
    }
    return NULL;
}

// jansson takes names that end with a zero byte.
static bool copy_name(const struct text *text, char name[JSON_NAME_BYTES_MAX + 1])
{
    if (text->len > JSON_NAME_BYTES_MAX || memchr(text->at, '\0', text->len) != NULL)
        return false;
    memcpy(name, text->at, text->len);
    name[text->len] = '\0';
    return true;
}

static bool read_member(struct reader *r, json_t *object)
{
    size_t count = json_object_size(object);
    char name[JSON_NAME_BYTES_MAX + 1];
    struct text text;
    json_t *value;
    bool ok;

    if (!take(r, '"') || !read_text(r, &text))
        return false;
    ok = copy_name(&text, name);
    text_clear(&text);
    if (!ok || !take(r, ':'))
        return false;
    value = read_value(r);
    // The setter takes the value, also on failure. Where the object doesn't grow, the name is there
    // twice.
    return value != NULL &&
           (text.is_ascii ? json_object_set_new_nocheck(object, name, value)
                          : json_object_set_new(object, name, value)) == 0 &&
           json_object_size(object) == count + 1;
}

static json_t *read_object(struct reader *r)
{
    json_t *object = json_object();

    if (take(r, '}'))
        return object;
    while (read_member(r, object)) {
        if (take(r, '}'))
            return object;
        if (!take(r, ','))
            break;
    }
    json_decref(object);
    return NULL;
}

static json_t *read_array(struct reader *r)
{
    json_t *array = json_array(), *value;

    if (take(r, ']'))
        return array;
    while ((value = read_value(r)) != NULL) {
        json_array_append_new(array, value);
        if (take(r, ']'))
            return array;
        if (!take(r, ','))
            break;
    }
    json_decref(array);
    return NULL;
}

static json_t *read_value(struct reader *r)
{
    json_t *value = NULL;

    skip_space(r);
    if (r->at == r->end || ++r->depth > MAX_DEPTH)
        return NULL;
    switch (*r->at) {
    case '{':
        r->at++;
        value = read_object(r);
        break;
    case '[':
        r->at++;
        value = read_array(r);
        break;
    case '"':
        r->at++;
        value = read_string(r);
        break;
    case 't':
    case 'f':
    case 'n':
        value = read_word(r);
        break;
    default:
        if (*r->at == '-' || (*r->at >= '0' && *r->at <= '9'))
            value = read_integer(r);
        break;
    }
    r->depth--;
    return value;
}

json_t *json_fast_read(const char *text, size_t len)
{
    struct reader r = {text, text + len, 0};
    json_t *value = read_value(&r);

    skip_space(&r);
    if (r.at == r.end)
        return value;
    json_decref(value);
    return NULL;
}

json_t *json_read(const char *text)
{
    json_t *value = text == NULL ? NULL : json_fast_read(text, strlen(text));

    return value == NULL && text != NULL ? json_loads(text, JSON_DECODE_ANY, NULL) : value;
}
