// The usual JSON, read in one pass.
#include "core/json/json_fast.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { MAX_DEPTH = 32, MAX_ESCAPED = 4096 };

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
    const char *at; // borrowed from the input, or from the scratch where it has escapes
    size_t len;
    bool has_escape;
    bool is_ascii; // then it needs no check for UTF-8
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

// Copies the string without its escapes; false for an escape that isn't one letter long.
static bool unescape(const char *from, const char *end, char *to, size_t *len)
{
    static const char names[] = "\"\\/nrtbf", values[] = "\"\\/\n\r\t\b\f";
    char *start = to;

    if (end - from > MAX_ESCAPED)
        return false;
    for (; from < end; from++) {
        const char *name;

        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        name = memchr(names, *++from, sizeof names - 1);
        if (name == NULL)
            return false;
        *to++ = values[name - names];
    }
    *len = (size_t)(to - start);
    return true;
}

// The text of a string behind its first quote; `scratch` is used where it has escapes.
static bool read_text(struct reader *r, char *scratch, struct text *text)
{
    const char *quote = find_quote(r->at, r->end, text);

    if (quote == NULL)
        return false;
    text->at = r->at;
    text->len = (size_t)(quote - r->at);
    r->at = quote + 1;
    if (!text->has_escape)
        return true;
    text->at = scratch;
    return unescape(quote - text->len, quote, scratch, &text->len);
}

static json_t *read_string(struct reader *r)
{
    char scratch[MAX_ESCAPED];
    struct text text;

    if (!read_text(r, scratch, &text))
        return NULL;
    // jansson's own check takes longer than all the rest.
    return text.is_ascii ? json_stringn_nocheck(text.at, text.len)
                         : json_stringn(text.at, text.len);
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
        return NULL;
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

static bool read_member(struct reader *r, json_t *object)
{
    char scratch[MAX_ESCAPED], key[256];
    size_t count = json_object_size(object);
    struct text text;
    json_t *value;

    if (!take(r, '"') || !read_text(r, scratch, &text) || text.len >= sizeof key ||
        !text.is_ascii || memchr(text.at, '\0', text.len) != NULL || !take(r, ':'))
        return false;
    memcpy(key, text.at, text.len);
    key[text.len] = '\0';
    value = read_value(r);
    // The setter takes the value, also on failure. Where the object doesn't grow, the key is a
    // duplicate.
    return value != NULL && json_object_set_new_nocheck(object, key, value) == 0 &&
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
