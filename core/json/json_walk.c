// Strings, brackets and commas.
#include "core/json/json_walk.h"

#include <jansson.h>

static bool take(struct json_walk *walk, char c)
{
    walk->at = json_skip_space(walk->at, walk->end);
    if (walk->at == walk->end || *walk->at != c)
        return false;
    walk->at++;
    return true;
}

// Behind the object or array that begins at `at`; NULL where it doesn't end. Which bracket closes
// which is for its reader to say: what matters is where it ends, if it is one.
static const char *skip_nested(const char *at, const char *end)
{
    size_t depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = json_skip_string(at, end);
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

    while (at < end && *at != ',' && *at != '}' && *at != ']' && *at != '"' && !json_is_space(*at))
        at++;
    return is_word_or_number(from, (size_t)(at - from)) ? at : NULL;
}

static bool take_value(struct json_walk *walk, struct json_span *value)
{
    const char *behind;

    walk->at = json_skip_space(walk->at, walk->end);
    if (walk->at == walk->end)
        return false;
    if (*walk->at == '"')
        behind = json_skip_string(walk->at, walk->end);
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
    walk->at = json_skip_space(walk->at, walk->end);
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
    return json_skip_space(walk->at, walk->end) == walk->end;
}
