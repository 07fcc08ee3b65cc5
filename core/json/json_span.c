// Spaces and strings.
#include "core/json/json_span.h"

#include <jansson.h>
#include <string.h>

#include "core/base/mem.h"

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

bool json_is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

const char *json_skip_space(const char *at, const char *end)
{
    while (at < end && json_is_space(*at))
        at++;
    return at;
}

const char *json_skip_string(const char *at, const char *end)
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
