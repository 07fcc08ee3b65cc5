// Compact JSON.
#include "core/json/json_write.h"

#include <string.h>

#include "core/base/buf.h"

enum { REAL_BYTES = 64 };

// What a character is written as behind a backslash; 0: as itself, 'u': by its number.
static const char escapes[256] = {
    ['\0'] = 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'u', 'b',         't',           'n', 'u',
    'f',          'r', 'u', 'u', 'u', 'u', 'u', 'u', 'u',         'u',           'u', 'u',
    'u',          'u', 'u', 'u', 'u', 'u', 'u', 'u', ['"'] = '"', ['\\'] = '\\',
};

static void write_string(const char *text, size_t len, struct buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    const char *from = text, *end = text + len;

    buf_char(out, '"');
    for (; text < end; text++) {
        unsigned char c = (unsigned char)*text;

        if (escapes[c] == 0)
            continue;
        buf_add(out, from, (size_t)(text - from));
        from = text + 1;
        if (escapes[c] == 'u')
            buf_add(out, (char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6);
        else
            buf_add(out, (char[]){'\\', escapes[c]}, 2);
    }
    buf_add(out, from, (size_t)(text - from));
    buf_char(out, '"');
}

static void write_real(const json_t *value, struct buf *out)
{
    char text[REAL_BYTES];

    buf_add(out, text, json_dumpb(value, text, sizeof text, JSON_ENCODE_ANY));
}

static void write_object(const json_t *object, struct buf *out)
{
    char before = '{';

    // jansson has no way to go through an object that it is shown only.
    for (void *at = json_object_iter((json_t *)object); at != NULL;
         at = json_object_iter_next((json_t *)object, at)) {
        buf_char(out, before);
        before = ',';
        write_string(json_object_iter_key(at), strlen(json_object_iter_key(at)), out);
        buf_char(out, ':');
        json_write(json_object_iter_value(at), out);
    }
    buf_str(out, before == '{' ? "{}" : "}");
}

static void write_array(const json_t *array, struct buf *out)
{
    char before = '[';

    for (size_t i = 0; i < json_array_size(array); i++) {
        buf_char(out, before);
        before = ',';
        json_write(json_array_get(array, i), out);
    }
    buf_str(out, before == '[' ? "[]" : "]");
}

void json_write(const json_t *value, struct buf *out)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        write_object(value, out);
        break;
    case JSON_ARRAY:
        write_array(value, out);
        break;
    case JSON_STRING:
        write_string(json_string_value(value), json_string_length(value), out);
        break;
    case JSON_INTEGER:
        buf_int(out, json_integer_value(value));
        break;
    case JSON_REAL:
        write_real(value, out);
        break;
    case JSON_TRUE:
        buf_str(out, "true");
        break;
    case JSON_FALSE:
        buf_str(out, "false");
        break;
    case JSON_NULL:
        buf_str(out, "null");
        break;
    }
}

char *json_write_text(const json_t *value)
{
    struct buf text = {0};

    if (value == NULL)
        return NULL;
    json_write(value, &text);
    return buf_take(&text);
}
