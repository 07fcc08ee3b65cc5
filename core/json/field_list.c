// A long list in a client's body, read in pages.
#include "core/json/field_list.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/json/field.h"
#include "core/json/json_span.h"

// The place behind the string that begins at `at`; `end` where the string has no end.
static const char *pass_string(const char *at, const char *end)
{
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\' && at + 1 < end;
    return at < end ? at + 1 : end;
}

// The next comma that stands in no string and no bracket, or the bracket that closes what `at` is
// in; `end` where there is neither.
static const char *find_break(const char *at, const char *end)
{
    unsigned depth = 0;

    while (at < end) {
        if (*at == '"') {
            at = pass_string(at, end);
            continue;
        }
        if (depth == 0 && (*at == ',' || *at == ']' || *at == '}'))
            return at;
        depth += *at == '[' || *at == '{';
        depth -= *at == ']' || *at == '}';
        at++;
    }
    return end;
}

// The first item of the list; NULL: the object has no such list.
static const char *find_list(const char *text, const char *end, const char *name)
{
    size_t len = strlen(name);
    const char *at = json_skip_space(text, end);

    if (at == end || *at != '{')
        return NULL;
    do {
        const char *key = json_skip_space(at + 1, end), *behind;

        if (key == end || *key != '"')
            return NULL;
        behind = pass_string(key, end);
        at = json_skip_space(behind, end);
        if (at == end || *at != ':')
            return NULL;
        at = json_skip_space(at + 1, end);
        if (at < end && *at == '[' && (size_t)(behind - key) == len + 2 &&
            strncmp(key + 1, name, len) == 0)
            return at + 1;
        at = find_break(at, end);
    } while (at < end && *at == ',');
    return NULL;
}

void field_list_open(struct field_list *list, const char *text, size_t len, const char *name,
                     struct buf *rest)
{
    const char *end = text + len, *first = find_list(text, end, name), *last = end;

    *list = (struct field_list){0};
    if (first != NULL)
        for (last = find_break(first, end); last < end && *last == ',';)
            last = find_break(last + 1, end);
    if (last == end || *last != ']') {
        buf_add(rest, text, len); // the reader of `rest` says what is wrong
        return;
    }
    list->at = (size_t)(first - text);
    list->len = (size_t)(last - first);
    buf_add(rest, text, (size_t)(first - text));
    buf_add(rest, last, (size_t)(end - last));
}

// jansson takes no \u0000, and one item must not spoil the others. U+FFFD is in no name that
// anybody looks for, either.
static void replace_nuls(char *text)
{
    static const char nul[] = "\\u0000", other[] = "\\ufffd";

    while ((text = strchr(text, '\\')) != NULL && text[1] != '\0') {
        if (strncmp(text, nul, sizeof nul - 1) == 0)
            memcpy(text, other, sizeof other - 1);
        text += 2; // with what it escapes
    }
}

json_t *field_list_next(struct field_list *list, const char *text, size_t max, struct err *err)
{
    const char *start = text + list->at, *end = start + list->len, *at = start;
    struct buf page = {0};
    json_t *body, *items;
    size_t left;

    for (size_t count = 0; (at = find_break(at, end)) < end && ++count < max; at++)
        ; // the comma behind the last item of the page, or the end
    buf_str(&page, "{\"list\":[");
    buf_add(&page, start, (size_t)(at - start));
    buf_str(&page, "]}");
    replace_nuls(page.data);
    body = field_parse_body(page.data, page.len, err);
    items = json_incref(json_object_get(body, "list"));
    json_decref(body);
    buf_clear(&page);
    if (items == NULL || (json_array_size(items) == 0 && (at < end || list->goes_on))) {
        json_decref(items);
        err_set(err, ERR_INVALID, "body: not valid JSON, within its list");
        return NULL;
    }
    list->goes_on = at < end;
    left = (size_t)(end - at) - list->goes_on;
    list->at += list->len - left;
    list->len = left;
    return items;
}
