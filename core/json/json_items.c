// Strings and brackets, and nothing else.
#include "core/json/json_items.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum { MAX_DEPTH = 64 };

// Behind the object or array that begins at `at`; NULL where it doesn't end.
static const char *skip_nested(const char *at, const char *end)
{
    char open[MAX_DEPTH];
    size_t depth = 0;

    while (at < end) {
        switch (*at) {
        case '"':
            at = json_skip_string(at, end);
            if (at == NULL)
                return NULL;
            continue;
        case '{':
        case '[':
            if (depth == MAX_DEPTH)
                return NULL;
            open[depth++] = *at;
            break;
        case '}':
        case ']':
            if (open[depth - 1] != (*at == '}' ? '{' : '['))
                return NULL;
            if (--depth == 0)
                return at + 1;
            break;
        default:
            break;
        }
        at++;
    }
    return NULL;
}

// Behind the value; NULL where there is none.
static const char *skip_value(const char *at, const char *end)
{
    if (at >= end)
        return NULL;
    if (*at == '{' || *at == '[')
        return skip_nested(at, end);
    if (*at == '"')
        return json_skip_string(at, end);
    while (at < end && *at != ',' && *at != '}' && *at != ']')
        at++;
    return at;
}

// Where the first member of the object that is an array begins; NULL: there is none.
static const char *find_array(const char *at, const char *end)
{
    at = json_skip_space(at + 1, end);
    while (at < end && *at == '"') {
        at = json_skip_string(at, end);
        if (at == NULL)
            return NULL;
        at = json_skip_space(at, end);
        if (at >= end || *at != ':')
            return NULL;
        at = json_skip_space(at + 1, end);
        if (at < end && *at == '[')
            return at;
        at = skip_value(at, end);
        if (at == NULL)
            return NULL;
        at = json_skip_space(at, end);
        if (at >= end || *at != ',')
            return NULL;
        at = json_skip_space(at + 1, end);
    }
    return NULL;
}

bool json_items_find(const char *text, size_t len, struct json_items *items)
{
    const char *end = text + len, *at = json_skip_space(text, end);
    size_t room = 0;

    *items = (struct json_items){0};
    if (at < end && *at == '{')
        at = find_array(at, end);
    if (at == NULL || at >= end || *at != '[')
        return false;
    at = json_skip_space(at + 1, end);
    while (at < end && (*at == '{' || *at == '[')) {
        const char *behind = skip_nested(at, end);

        if (behind == NULL)
            break;
        if (items->count == room) {
            room = room == 0 ? 16 : 2 * room;
            items->items = mem_resize(items->items, room * sizeof *items->items);
        }
        items->items[items->count++] = (struct json_span){at, (size_t)(behind - at)};
        at = json_skip_space(behind, end);
        if (at < end && *at == ']') {
            items->end = at;
            return true;
        }
        if (at >= end || *at != ',')
            break;
        at = json_skip_space(at + 1, end);
    }
    json_items_clear(items);
    return false;
}

void json_items_clear(struct json_items *items)
{
    free(items->items);
    *items = (struct json_items){0};
}

const char *json_item_string(const struct json_span *item, const char **at, size_t *len)
{
    const char *end = item->at + item->len, *from = *at == NULL ? item->at : *at;
    const char *quote = memchr(from, '"', (size_t)(end - from));
    const char *behind = quote == NULL ? NULL : json_skip_string(quote, end);

    if (behind == NULL)
        return NULL;
    *at = behind;
    *len = (size_t)(behind - quote) - 2;
    return quote + 1;
}
