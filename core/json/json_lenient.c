// A pass over the bytes that leaves what jansson takes.
#include "core/json/json_lenient.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"

#define REPLACEMENT "\xef\xbf\xbd"
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum { MAX_NUMBER = 512 };

struct cleaner {
    const unsigned char *at, *end;
    struct buf out;
};

static bool is_continued(const unsigned char *at, const unsigned char *end, size_t count)
{
    if ((size_t)(end - at) <= count)
        return false;
    for (size_t i = 1; i <= count; i++)
        if ((at[i] & 0xc0) != 0x80)
            return false;
    return true;
}

// How many bytes the UTF-8 character at `at` has; 0 where there is none (RFC 3629, section 4).
static size_t character(const unsigned char *at, const unsigned char *end)
{
    unsigned char first = at[0], second = end - at > 1 ? at[1] : 0;

    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return is_continued(at, end, 1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        bool is_ok = (first != 0xe0 || second >= 0xa0) && (first != 0xed || second < 0xa0);

        return is_ok && is_continued(at, end, 2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        bool is_ok = (first != 0xf0 || second >= 0x90) && (first != 0xf4 || second < 0x90);

        return is_ok && is_continued(at, end, 3) ? 4 : 0;
    }
    return 0;
}

// The number in the four digits behind "\u" at `at`; -1 where these aren't four digits.
static int unit_at(const unsigned char *at, const unsigned char *end)
{
    char digits[5] = {0};

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 0; i < 4; i++) {
        if (!isxdigit(at[2 + i]))
            return -1;
        digits[i] = (char)at[2 + i];
    }
    return (int)strtol(digits, NULL, 16);
}

static void copy(struct cleaner *c, size_t count)
{
    buf_add(&c->out, c->at, count);
    c->at += count;
}

static void replace(struct cleaner *c, size_t count)
{
    buf_str(&c->out, REPLACEMENT);
    c->at += count;
}

static void clean_unicode(struct cleaner *c)
{
    int unit = unit_at(c->at, c->end);

    if (unit < 0) {
        c->at += 2; // the escape goes, with as many digits as it has
        for (int i = 0; i < 3 && c->at < c->end && isxdigit(*c->at); i++)
            c->at++;
        replace(c, 0);
    } else if (unit >= 0xd800 && unit <= 0xdbff) {
        int low = unit_at(c->at + 6, c->end);

        if (low >= 0xdc00 && low <= 0xdfff)
            copy(c, 12);
        else
            replace(c, 6);
    } else if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff)) {
        replace(c, 6);
    } else {
        copy(c, 6);
    }
}

static void clean_escape(struct cleaner *c)
{
    unsigned char name = c->end - c->at > 1 ? c->at[1] : 0;

    if (name == 'u')
        clean_unicode(c);
    else if (name != 0 && strchr("\"\\/bfnrt", name) != NULL)
        copy(c, 2);
    else
        replace(c, 1);
}

static void clean_control(struct cleaner *c)
{
    switch (*c->at) {
    case '\t':
        buf_str(&c->out, "\\t");
        break;
    case '\n':
        buf_str(&c->out, "\\n");
        break;
    case '\r':
        buf_str(&c->out, "\\r");
        break;
    default:
        buf_str(&c->out, REPLACEMENT);
        break;
    }
    c->at++;
}

// Copies what needs no change, in one piece: most of the input.
static void copy_plain(struct cleaner *c)
{
    const unsigned char *at = c->at;
    size_t len;

    while (at < c->end && *at >= 0x20 && *at != '"' && *at != '\\' &&
           (len = character(at, c->end)) > 0)
        at += len;
    copy(c, (size_t)(at - c->at));
}

// Cleans a string, from its first quote on; jansson finds out if it doesn't end.
static void clean_string(struct cleaner *c)
{
    copy(c, 1);
    while (c->at < c->end && *c->at != '"') {
        copy_plain(c);
        if (c->at == c->end || *c->at == '"')
            continue;
        if (*c->at == '\\')
            clean_escape(c);
        else if (*c->at < 0x20)
            clean_control(c);
        else
            replace(c, 1);
    }
    if (c->at < c->end)
        copy(c, 1);
}

static bool is_no_number(const char *word)
{
    static const char *const words[] = {"nan", "inf", "infinity"};

    word += *word == '-' || *word == '+';
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(words[i], word) == 0)
            return true;
    return false;
}

// What jansson takes in a word's place: the word as it is (""), the word with something behind it,
// or "null".
static const char *instead_of(const char *word)
{
    char *end;
    double value;

    if (is_no_number(word))
        return "null";
    if (strspn(word, "0123456789+-.eE") != strlen(word))
        return "";
    value = strtod(word, &end);
    if (*end != '\0')
        return "";
    if (isinf(value))
        return "null";
    errno = 0;
    (void)strtoll(word, &end, 10);
    return *end == '\0' && errno == ERANGE ? ".0" : "";
}

// Cleans a word, up to the next byte that can't be part of it.
static void clean_word(struct cleaner *c)
{
    const unsigned char *at = c->at;
    char word[MAX_NUMBER];
    const char *instead;
    size_t len;

    while (at < c->end && (isalnum(*at) || *at == '+' || *at == '-' || *at == '.'))
        at++;
    len = (size_t)(at - c->at);
    // No real number is longer than `word`: the characters that fit decide.
    snprintf(word, sizeof word, "%.*s", (int)(len < sizeof word ? len : sizeof word - 1),
             (const char *)c->at);
    instead = len < sizeof word                                    ? instead_of(word)
              : strspn(word, "0123456789+-.eE") == sizeof word - 1 ? "null"
                                                                   : "";
    if (strcmp(instead, "null") != 0)
        copy(c, len);
    c->at = at;
    buf_str(&c->out, instead);
}

static void clean(struct cleaner *c)
{
    while (c->at < c->end) {
        if (*c->at == '"')
            clean_string(c);
        else if (isalnum(*c->at) || *c->at == '+' || *c->at == '-')
            clean_word(c);
        else
            copy(c, 1);
    }
}

json_t *json_lenient_read(const char *text, size_t len)
{
    struct cleaner c = {0};
    json_t *value;

    if (len == 0)
        return NULL;
    c.at = (const unsigned char *)text;
    c.end = c.at + len;
    if (len >= 3 && memcmp(text, BYTE_ORDER_MARK, 3) == 0)
        c.at += 3;
    clean(&c);
    // Without JSON_DECODE_ANY: a single word is no answer of a vendor's, but may well be the text
    // of some page.
    value = json_loadb(buf_text(&c.out), c.out.len, 0, NULL);
    buf_clear(&c.out);
    return value;
}
