// Strings, brackets and commas.
#include "core/json/json_walk.h"

#include <jansson.h>
#include <string.h>

#include "core/base/mem.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static void skip_space(struct json_walk *walk)
{
    while (walk->at < walk->end && is_space(*walk->at))
        walk->at++;
}

static bool take(struct json_walk *walk, char c)
{
    skip_space(walk);
    if (walk->at == walk->end || *walk->at != c)
        return false;
    walk->at++;
    return true;
}

// Behind the string that begins at `at`; NULL where it doesn't end. A long one is skipped at the
// speed of memchr: it may be an image.
static const char *skip_string(const char *at, const char *end)
{
    const char *from = at + 1, *quote, *escape;

    for (at = from; (quote = memchr(at, '"', (size_t)(end - at))) != NULL; at = quote + 1) {
        for (escape = quote; escape > from && escape[-1] == '\\'; escape--)
            ;
        if ((quote - escape) % 2 == 0)
            return quote + 1;
    }
    return NULL;
}

// Behind the object or array that begins at `at`; NULL where it doesn't end. Which bracket closes
// which is for its reader to say: what matters is where it ends, if it is one.
static const char *skip_nested(const char *at, const char *end)
{
    size_t depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = skip_string(at, end);
            if (at == NULL)
                return NULL;
            continue;
        }
        if (*at == '{' || *at == '[')
            depth++;
        else if ((*at == '}' || *at == ']') && --depth == 0)
            return at + 1;
        at++;
    }
    return NULL;
}

static bool is_word_or_number(const char *at, size_t len)
{
    json_t *value = json_loadb(at, len, JSON_DECODE_ANY, NULL);

    json_decref(value);
    return value != NULL;
}

// Behind the number or word; NULL where it is neither.
static const char *skip_plain(const char *at, const char *end)
{
    const char *from = at;

    while (at < end && *at != ',' && *at != '}' && *at != ']' && *at != '"' && !is_space(*at))
        at++;
    return is_word_or_number(from, (size_t)(at - from)) ? at : NULL;
}

static bool take_value(struct json_walk *walk, struct json_span *value)
{
    const char *behind;

    skip_space(walk);
    if (walk->at == walk->end)
        return false;
    if (*walk->at == '"')
        behind = skip_string(walk->at, walk->end);
    else if (*walk->at == '{' || *walk->at == '[')
        behind = skip_nested(walk->at, walk->end);
    else
        behind = skip_plain(walk->at, walk->end);
    if (behind == NULL)
        return false;
    *value = (struct json_span){walk->at, (size_t)(behind - walk->at)};
    walk->at = behind;
    return true;
}

static bool take_name(struct json_walk *walk, struct json_span *name)
{
    skip_space(walk);
    if (walk->at == walk->end || *walk->at != '"' || !take_value(walk, name) || !take(walk, ':'))
        return false;
    name->at++;
    name->len -= 2;
    return true;
}

bool json_walk_begin(struct json_walk *walk, const char *text, size_t len, char open)
{
    *walk = (struct json_walk){.at = text, .end = text + len, .close = open == '{' ? '}' : ']'};
    return take(walk, open);
}

enum json_step json_walk_next(struct json_walk *walk, struct json_span *name,
                              struct json_span *value)
{
    bool is_first = !walk->has_begun;

    walk->has_begun = true;
    if (take(walk, walk->close))
        return JSON_STEP_END;
    if (!is_first && !take(walk, ','))
        return JSON_STEP_BAD;
    *name = (struct json_span){walk->at, 0};
    if (walk->close == '}' && !take_name(walk, name))
        return JSON_STEP_BAD;
    return take_value(walk, value) ? JSON_STEP_VALUE : JSON_STEP_BAD;
}

bool json_walk_is_over(const struct json_walk *walk)
{
    struct json_walk rest = *walk;

    skip_space(&rest);
    return rest.at == rest.end;
}

static bool is_as_it_stands(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f || text[i] == '\\')
            return false;
    return true;
}

char *json_span_text(const struct json_span *value)
{
    json_t *string;
    char *text;

    if (value->len < 2 || *value->at != '"')
        return NULL;
    if (is_as_it_stands(value->at + 1, value->len - 2))
        return mem_strn(value->at + 1, value->len - 2);
    string = json_loadb(value->at, value->len, JSON_DECODE_ANY, NULL);
    text = mem_str(json_string_value(string));
    json_decref(string);
    return text;
}

bool json_span_is(const struct json_span *span, const char *text)
{
    return span->len == strlen(text) && memcmp(span->at, text, span->len) == 0;
}
