// Fields of a JSON value by path.
#include "core/json/field.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/json/json_fast.h"

enum { MAX_DEPTH = 32, MAX_TOKENS = 20000 };
// jansson says where a mistake is, and takes a hundredth of a second for a MB.
enum { MAX_EXPLAINED = 1 << 20 };

static const json_t *item_at(const json_t *list, const char *digits, size_t len)
{
    size_t index = 0;

    for (size_t i = 0; i < len; i++) {
        if (digits[i] < '0' || digits[i] > '9')
            return NULL;
        index = index * 10 + (size_t)(digits[i] - '0');
    }
    return json_array_get(list, index);
}

json_t *field_at(const json_t *value, const char *path)
{
    const json_t *at = value;

    while (*path != '\0' && at != NULL) {
        const char *dot = strchr(path, '.');
        size_t len = dot == NULL ? strlen(path) : (size_t)(dot - path);

        at = json_is_array(at) ? item_at(at, path, len) : json_object_getn(at, path, len);
        path += len + (dot != NULL);
    }
    return json_is_null(at) ? NULL : (json_t *)at;
}

bool field_is_given(const json_t *value, const char *path)
{
    const json_t *field = field_at(value, path);

    return field != NULL && !(json_is_string(field) && json_string_length(field) == 0);
}

static bool is_blank(const json_t *value)
{
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0);
}

bool field_is_empty(const json_t *value)
{
    const char *name;
    json_t *item;
    size_t i;

    if (json_is_array(value)) {
        json_array_foreach((json_t *)value, i, item)
        {
            if (!is_blank(item))
                return false;
        }
        return true;
    }
    if (!json_is_object(value))
        return is_blank(value);
    json_object_foreach((json_t *)value, name, item)
    {
        if (!field_is_empty(item))
            return false;
    }
    return true;
}

void field_drop_empty(json_t *value)
{
    const char *name;
    json_t *item;
    void *next;

    json_object_foreach_safe(value, next, name, item)
    {
        field_drop_empty(item);
        if (field_is_empty(item))
            json_object_del(value, name);
    }
    for (size_t i = json_array_size(value); i-- > 0;) {
        item = json_array_get(value, i);
        field_drop_empty(item);
        if (is_blank(item))
            json_array_remove(value, i);
    }
}

size_t field_count(const json_t *value, const char *path)
{
    const json_t *list = field_at(value, path);
    size_t count = 0, i;
    json_t *item;

    json_array_foreach((json_t *)list, i, item) count += !is_blank(item);
    return count;
}

static bool wrong(struct err *err, const char *path, const char *what)
{
    return err_set(err, ERR_INVALID, "%s: %s", path, what);
}

bool field_opt_str(const json_t *value, const char *path, const char **text, struct err *err)
{
    json_t *field = field_at(value, path);

    if (field == NULL)
        return true;
    if (!json_is_string(field))
        return wrong(err, path, "must be a string");
    *text = json_string_value(field);
    return true;
}

bool field_str(const json_t *value, const char *path, const char **text, struct err *err)
{
    *text = NULL;
    if (!field_opt_str(value, path, text, err))
        return false;
    return *text != NULL || wrong(err, path, "is required");
}

bool field_text(const json_t *value, const char *path, size_t max, const char **text,
                struct err *err)
{
    if (!field_str(value, path, text, err) || *text == NULL)
        return false;
    if (**text == '\0')
        return wrong(err, path, "must not be empty");
    if (strlen(*text) > max)
        return err_set(err, ERR_INVALID, "%s: is longer than %zu bytes", path, max);
    return true;
}

bool field_opt_bool(const json_t *value, const char *path, bool *is_set, struct err *err)
{
    json_t *field = field_at(value, path);

    if (field == NULL)
        return true;
    if (!json_is_boolean(field))
        return wrong(err, path, "must be true or false");
    *is_set = json_is_true(field);
    return true;
}

bool field_opt_array(const json_t *value, const char *path, json_t **array, struct err *err)
{
    json_t *field = field_at(value, path);

    if (field == NULL)
        return true;
    if (!json_is_array(field))
        return wrong(err, path, "must be an array");
    *array = field;
    return true;
}

const char *field_str_or_empty(const json_t *value, const char *path)
{
    const char *text = json_string_value(field_at(value, path));

    return text == NULL ? "" : text;
}

const char *field_first_str(const json_t *value, const char *const *paths)
{
    for (; *paths != NULL; paths++)
        if (*field_str_or_empty(value, *paths) != '\0')
            return field_str_or_empty(value, *paths);
    return "";
}

int64_t field_int_or(const json_t *value, const char *path, int64_t other)
{
    json_t *field = field_at(value, path);

    return json_is_integer(field) ? json_integer_value(field) : other;
}

const char *field_first_id(const json_t *value, const char *const *paths,
                           char digits[FIELD_ID_DIGITS])
{
    for (; paths != NULL && *paths != NULL; paths++) {
        const json_t *field = field_at(value, *paths);

        if (json_string_length(field) > 0)
            return json_string_value(field);
        if (json_is_integer(field) && json_integer_value(field) > 0) {
            snprintf(digits, FIELD_ID_DIGITS, "%lld", (long long)json_integer_value(field));
            return digits;
        }
    }
    return "";
}

// One pass over the bytes outside strings; it is for the parser to say what is malformed.
static bool is_modest(const char *text, size_t len, struct err *err)
{
    const char *end = text + len;
    const char *string = text;
    unsigned depth = 0, tokens = 0;

    for (; text < end; text++) {
        switch (*text) {
        case '"':
            string = text;
            // A long string is skipped at the speed of memchr: it may be an image.
            for (;;) {
                const char *quote = memchr(text + 1, '"', (size_t)(end - text - 1));
                size_t slashes = 0;

                if (quote == NULL)
                    return true;
                while (quote[-1 - (ptrdiff_t)slashes] == '\\')
                    slashes++;
                text = quote;
                if (slashes % 2 == 0)
                    break;
            }
            tokens++;
            break;
        case '{':
        case '[':
            if (++depth > MAX_DEPTH)
                return err_set(err, ERR_INVALID, "body: JSON deeper than %d levels", MAX_DEPTH);
            tokens++;
            break;
        case '}':
        case ']':
            if (depth > 0)
                depth--;
            break;
        case ':':
            if (text - string > JSON_NAME_BYTES_MAX + 2)
                return err_set(err, ERR_INVALID, "body: a name longer than %d bytes",
                               JSON_NAME_BYTES_MAX);
            tokens++;
            break;
        case ',':
            tokens++;
            break;
        default:
            break;
        }
        if (tokens > 2 * MAX_TOKENS)
            return err_set(err, ERR_INVALID, "body: more than %d JSON values", MAX_TOKENS);
    }
    return true;
}

// jansson's words for it are about its own options.
static bool is_nul(const json_error_t *why)
{
    return json_error_code(why) == json_error_null_character ||
           json_error_code(why) == json_error_null_byte_in_key;
}

json_t *field_parse_body(const char *text, size_t len, struct err *err)
{
    json_error_t why;
    json_t *json;

    if (!is_modest(text, len, err))
        return NULL;
    // jansson passes over a NUL behind a number.
    if (memchr(text, '\0', len) != NULL) {
        err_set(err, ERR_INVALID, "body: not valid JSON: it has a NUL");
        return NULL;
    }
    json = json_fast_read(text, len);
    if (json == NULL && len > MAX_EXPLAINED) {
        err_set(err, ERR_INVALID, "body: not valid JSON, or it has a \\u0000, or a name twice");
        return NULL;
    }
    if (json == NULL)
        json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
    if (json == NULL && is_nul(&why)) {
        err_set(err, ERR_INVALID,
                "body: a string has a \\u0000, which isn't taken (line %d, column %d)", why.line,
                why.column);
    } else if (json == NULL) {
        err_set(err, ERR_INVALID, "body: not valid JSON: %s (line %d, column %d)", why.text,
                why.line, why.column);
    } else if (!json_is_object(json)) {
        err_set(err, ERR_INVALID, "body: must be a JSON object");
        json_decref(json);
        json = NULL;
    }
    return json;
}
