// Forms as JSON.
#include "scheduler/form.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/message/multipart.h"

enum { MAX_DEPTH = 2 }; // how deep objects may lie in the body

// The type that the client names is only passed on: what a file is shows in its bytes.
static json_t *data_url(const struct multipart_part *part)
{
    struct buf url = {0};
    size_t type_len = 0;
    json_t *value;

    while (type_len < part->content_type.len && part->content_type.data[type_len] != ';')
        type_len++;
    buf_str(&url, "data:");
    if (type_len > 0)
        buf_add(&url, part->content_type.data, type_len);
    else
        buf_str(&url, "application/octet-stream");
    buf_str(&url, ";base64,");
    base64_encode(part->data.data, part->data.len, &url);
    value = json_stringn(url.data, url.len);
    buf_clear(&url);
    return value;
}

// The object of that name in another, made where there is none; NULL: there is something else of
// that name.
static json_t *member(json_t *object, const char *name)
{
    if (json_object_get(object, name) == NULL)
        json_object_set_new(object, name, json_object());
    object = json_object_get(object, name);
    return json_is_object(object) ? object : NULL;
}

// Takes "a[b]" apart, which is how the OpenAI clients name a member of an object: returns the
// object that its value belongs in, and in `last` its name there. NULL: the name isn't of that
// form, or is taken.
static json_t *place(json_t *body, char *name, char **last)
{
    char *open = strchr(name, '[');

    *last = name;
    for (int depth = 0; open != NULL && *open != '\0'; depth++) {
        char *inner = open + 1, *close = inner + strcspn(inner, "[]");

        if (depth == MAX_DEPTH || *open != '[' || open == name || close == inner || *close != ']')
            return NULL;
        *open = *close = '\0';
        body = member(body, *last);
        if (body == NULL)
            return NULL;
        *last = inner;
        open = close + 1;
    }
    return body;
}

// Takes off the end of "a[]", which is how clients name the items of a list.
static bool cut_list(char *name)
{
    size_t len = strlen(name);

    if (len < 3 || strcmp(name + len - 2, "[]") != 0)
        return false;
    name[len - 2] = '\0';
    return true;
}

// Adds to the list of that name, made where there is none: of the value itself, or, of a file, of
// the one that is there already. Takes the value. False: there is something else of that name.
static bool add_item(json_t *object, const char *key, json_t *value, bool is_file)
{
    json_t *before = json_object_get(object, key);

    if (json_is_array(before))
        return json_array_append_new(before, value) == 0;
    if (before == NULL)
        return json_object_set_new(object, key, json_pack("[o]", value)) == 0;
    if (is_file && json_is_string(before))
        return json_object_set_new(object, key, json_pack("[O,o]", before, value)) == 0;
    json_decref(value);
    return false;
}

// JSON is read without it, so no text of a body may have one.
static bool has_nul(const char *text, size_t len)
{
    return memchr(text, '\0', len) != NULL;
}

bool form_add(json_t *body, const struct multipart_part *part, json_t *value, struct err *err)
{
    bool is_file = part->filename.data != NULL, is_item;
    int name_len = (int)part->name.len;
    const char *name = part->name.data;
    char whole[MULTIPART_NAME_BYTES_MAX + 1], *key;
    json_t *object, *before;

    if (value == NULL)
        return err_set(err, ERR_INVALID, "%.*s: isn't UTF-8", name_len, name);
    if (has_nul(name, part->name.len) ||
        has_nul(json_string_value(value), json_string_length(value))) {
        json_decref(value);
        return err_set(err, ERR_INVALID, "%.*s: has a NUL", name_len, name);
    }
    memcpy(whole, name, part->name.len);
    whole[part->name.len] = '\0';
    is_item = cut_list(whole);
    object = place(body, whole, &key);
    if (object == NULL) {
        json_decref(value);
        return err_set(err, ERR_INVALID,
                       "%.*s: isn't a name as a, a[], a[b] or a[b][c], or is there as another one",
                       name_len, name);
    }
    before = json_object_get(object, key);
    if (is_item || (is_file && before != NULL))
        return add_item(object, key, value, is_file) ||
               err_set(err, ERR_INVALID, "%.*s: is there as another one", name_len, name);
    if (before != NULL) {
        json_decref(value);
        return err_set(err, ERR_INVALID, "%.*s: is there twice", name_len, name);
    }
    if (json_object_set_new(object, key, value) != 0)
        return err_set(err, ERR_INVALID, "a field's name isn't UTF-8");
    return true;
}

json_t *form_read(const char *content_type, const char *text, size_t len, struct err *err)
{
    struct multipart form;
    json_t *body;

    if (!multipart_parse(content_type, text, len, &form, err))
        return NULL;
    body = json_object();
    for (size_t i = 0; i < form.count; i++) {
        const struct multipart_part *part = &form.parts[i];
        json_t *value = part->filename.data != NULL ? data_url(part)
                                                    : json_stringn(part->data.data, part->data.len);

        if (!form_add(body, part, value, err)) {
            json_decref(body);
            return NULL;
        }
    }
    return body;
}
