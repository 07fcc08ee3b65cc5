// Fields of a body against a table.
#include "core/json/field_check.h"

#include <stdio.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/json/field.h"

enum {
    MAX_LINK = FIELD_MAX_LINK,
    MAX_PATH = 128,
    MAX_TIME_DIGITS = 15,
    MAX_NINE_DIGITS = 999999999
};

static bool wrong(struct err *err, const char *path, const char *what)
{
    return err_set(err, ERR_INVALID, "%s: %s", path, what);
}

bool field_is_link(const char *text)
{
    struct url_parts parts;

    return strlen(text) <= MAX_LINK && url_split(text, &parts);
}

const char *field_base64_of(const char *text)
{
    const char *comma = strncmp(text, "data:", 5) == 0 ? strchr(text, ',') : NULL;

    return comma == NULL ? text : comma + 1;
}

bool field_is_base64(const char *text)
{
    const char *data = field_base64_of(text);
    size_t len, padding;

    // "data:image/png;base64," at least.
    if (strncmp(text, "data:", 5) == 0 &&
        (data - text < 13 || strncmp(data - 8, ";base64,", 8) != 0))
        return false;
    len = strspn(data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    padding = strspn(data + len, "=");
    return len >= 4 && padding <= 2 && data[len + padding] == '\0' && (len + padding) % 4 == 0;
}

const char *const *field_next_base64(const json_t *value, const char *const *paths)
{
    while (*paths != NULL && !field_is_base64(field_str_or_empty(value, *paths)))
        paths++;
    return paths;
}

// Whoever opens the source knows what it may be: here it must only not break lines, or be endless.
static bool check_source(const json_t *value, const char *path, struct err *err)
{
    const char *text = json_string_value(value);

    if (text == NULL)
        return wrong(err, path, "must be a string");
    if (*text == '\0')
        return wrong(err, path, "must not be empty");
    if (field_is_base64(text))
        return true;
    if (strncmp(text, "data:", 5) != 0 && strlen(text) > MAX_LINK)
        return err_set(err, ERR_INVALID, "%s: is longer than %d bytes", path, MAX_LINK);
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return wrong(err, path, "has a control character");
    return true;
}

static bool check_range(double number, const struct field_rule *rule, const char *path,
                        struct err *err)
{
    if (number >= rule->min && (rule->max == 0 || number <= rule->max))
        return true;
    if (rule->max == 0)
        return err_set(err, ERR_INVALID, "%s: must be at least %.10g", path, rule->min);
    return err_set(err, ERR_INVALID, "%s: must be from %.10g to %.10g", path, rule->min, rule->max);
}

static bool check_text(const json_t *value, const struct field_rule *rule, const char *path,
                       struct err *err)
{
    size_t len = json_string_length(value);

    if (!json_is_string(value))
        return wrong(err, path, "must be a string");
    if (len == 0 && (rule->is_required || rule->min > 0))
        return wrong(err, path, "must not be empty");
    if (rule->max > 0 && (double)len > rule->max)
        return err_set(err, ERR_INVALID, "%s: is longer than %g bytes", path, rule->max);
    return true;
}

static bool check_word(const json_t *value, const char *const *words, const char *path,
                       struct err *err)
{
    const char *text = json_string_value(value);
    struct buf all = {0};

    for (size_t i = 0; text != NULL && words[i] != NULL; i++)
        if (strcmp(words[i], text) == 0)
            return true;
    for (size_t i = 0; words[i] != NULL; i++)
        buf_fmt(&all, "%s%s", i == 0 ? "" : ", ", words[i]);
    err_set(err, ERR_INVALID, "%s: must be one of: %s", path, buf_text(&all));
    buf_clear(&all);
    return false;
}

static bool check_count(const json_t *value, const struct field_rule *rule, const char *path,
                        struct err *err)
{
    const char *text = json_string_value(value);
    double number = json_number_value(value);
    size_t digits = rule->max > MAX_NINE_DIGITS ? 10 : 9;

    if (text != NULL && *text != '\0' && strlen(text) <= digits &&
        strspn(text, "0123456789") == strlen(text)) {
        number = 0;
        for (; *text != '\0'; text++)
            number = number * 10 + (*text - '0');
    } else if (!json_is_integer(value)) {
        return wrong(err, path, "must be an integer");
    }
    return check_range(number, rule, path, err);
}

static bool check_base64(const json_t *value, const char *path, struct err *err)
{
    const char *text = json_string_value(value);

    if (text == NULL)
        return wrong(err, path, "must be a string");
    return field_is_base64(text) || wrong(err, path, "must be an image in base64");
}

static bool check_time(const json_t *value, const char *path, struct err *err)
{
    const char *text = json_string_value(value);
    bool is = text == NULL ? json_is_integer(value) && json_integer_value(value) >= 0
                           : *text != '\0' && strlen(text) <= MAX_TIME_DIGITS &&
                                 strspn(text, "0123456789") == strlen(text);

    return is || wrong(err, path, "must be a time in Unix milliseconds");
}

static bool check_fields(const json_t *value, const struct field_rule *rules, const char *prefix,
                         struct err *err);

static bool check_items(const json_t *list, const struct field_rule *items, const char *path,
                        struct err *err)
{
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)list, i, item)
    {
        char prefix[MAX_PATH];

        snprintf(prefix, sizeof prefix, "%s.%zu", path, i);
        if (field_is_given(item, "") && !check_fields(item, items, prefix, err))
            return false;
    }
    return true;
}

static bool check_array(const json_t *value, const struct field_rule *rule, const char *path,
                        struct err *err)
{
    size_t count = field_count(value, "");

    if (!json_is_array(value))
        return wrong(err, path, "must be an array");
    if (count == 0 && rule->is_required && rule->max == 0)
        return wrong(err, path, "must not be empty");
    if (rule->max > 0 && ((double)count < rule->min || (double)count > rule->max))
        return err_set(err, ERR_INVALID, "%s: must have %g to %g items", path, rule->min,
                       rule->max);
    return rule->items == NULL || check_items(value, rule->items, path, err);
}

bool field_check_value(const json_t *value, const struct field_rule *rule, const char *path,
                       struct err *err)
{
    const char *text = json_string_value(value);

    switch (rule->kind) {
    case FIELD_TEXT:
        return check_text(value, rule, path, err);
    case FIELD_WORD:
        return check_word(value, rule->words, path, err);
    case FIELD_LINK:
        return (text != NULL && field_is_link(text)) ||
               wrong(err, path, "must be an http or https URL");
    case FIELD_MEDIA:
        return (text != NULL && (field_is_link(text) || field_is_base64(text))) ||
               wrong(err, path, "must be an http or https URL, or base64");
    case FIELD_SOURCE:
        return check_source(value, path, err);
    case FIELD_BOOL:
        return json_is_boolean(value) || wrong(err, path, "must be true or false");
    case FIELD_FLAG:
        return json_is_boolean(value) ||
               (text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)) ||
               wrong(err, path, "must be true or false");
    case FIELD_SWITCH:
        return json_is_boolean(value) ||
               (text != NULL && (strcmp(text, "on") == 0 || strcmp(text, "off") == 0)) ||
               wrong(err, path, "must be \"on\", \"off\", true or false");
    case FIELD_INT:
        if (!json_is_integer(value))
            return wrong(err, path, "must be an integer");
        return check_range((double)json_integer_value(value), rule, path, err);
    case FIELD_COUNT:
        return check_count(value, rule, path, err);
    case FIELD_NUMBER:
        if (!json_is_number(value))
            return wrong(err, path, "must be a number");
        return check_range(json_number_value(value), rule, path, err);
    case FIELD_BASE64:
        return check_base64(value, path, err);
    case FIELD_TASK:
        return (text != NULL && id_is_task(text)) || wrong(err, path, "must be a task id");
    case FIELD_TIME:
        return check_time(value, path, err);
    case FIELD_ARRAY:
        return check_array(value, rule, path, err);
    case FIELD_OBJECT:
        return json_is_object(value) || wrong(err, path, "must be an object");
    case FIELD_ANY:
        return true;
    }
    return false;
}

// Whether a client left the value empty. An empty list counts only where a list may be, an empty
// object only where an object may be.
static bool is_left_empty(const json_t *value, enum field_kind kind)
{
    bool may_be =
        json_is_array(value) ? kind == FIELD_ARRAY : !json_is_object(value) || kind == FIELD_OBJECT;

    return may_be && field_is_empty(value);
}

static bool check_field(const json_t *field, const struct field_rule *rule, const char *path,
                        struct err *err)
{
    if (field == NULL)
        return wrong(err, path, "is required");
    if (rule->is_required && json_is_string(field) && json_string_length(field) == 0)
        return wrong(err, path, "must not be empty");
    return field_check_value(field, rule, path, err);
}

// The same for a field of what is at `prefix`.
static bool check_inner(const json_t *field, const struct field_rule *rule, const char *prefix,
                        struct err *err)
{
    char path[MAX_PATH];

    snprintf(path, sizeof path, "%s%s%s", prefix, *rule->path == '\0' ? "" : ".", rule->path);
    return check_field(field, rule, path, err);
}

// `prefix`: where the value is; "" where it is the body.
static bool check_fields(const json_t *value, const struct field_rule *rules, const char *prefix,
                         struct err *err)
{
    for (const struct field_rule *rule = rules; rule->path != NULL; rule++) {
        const json_t *field = field_at(value, rule->path);

        if (!rule->is_required && is_left_empty(field, rule->kind))
            continue;
        if (*prefix == '\0' ? !check_field(field, rule, rule->path, err)
                            : !check_inner(field, rule, prefix, err))
            return false;
    }
    return true;
}

bool field_check(const json_t *body, const struct field_rule *rules, struct err *err)
{
    return check_fields(body, rules, "", err);
}

bool field_check_all(const json_t *body, const struct field_rule *const *tables, struct err *err)
{
    for (; tables != NULL && *tables != NULL; tables++)
        if (!field_check(body, *tables, err))
            return false;
    return true;
}
