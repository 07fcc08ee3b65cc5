// Spellings of Google's form.
#include "providers/families/gemini_spelling.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field_check.h"

enum { MAX_PATH = 96 };

// "image_config" as "imageConfig".
static char *camel_of(const char *name)
{
    struct buf text = {0};

    for (; *name != '\0'; name++) {
        if (name[0] == '_' && islower((unsigned char)name[1]))
            buf_char(&text, (char)toupper((unsigned char)*++name));
        else
            buf_char(&text, *name);
    }
    return buf_take(&text);
}

// Whether a client means to leave it out.
static bool is_left_out(const json_t *value)
{
    return json_is_null(value) || (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

// The object with Google's first spelling of its names and without what is left out; anything else
// as it is. NULL and err where a name is there in both.
static json_t *spelled(json_t *value, const char *path, struct err *err)
{
    json_t *object, *member;
    const char *name;

    if (!json_is_object(value))
        return json_incref(value);
    object = json_object();
    json_object_foreach(value, name, member)
    {
        char *camel = camel_of(name);
        bool is_twice = json_object_get(object, camel) != NULL;

        if (!is_twice && !is_left_out(member))
            json_object_set(object, camel, member);
        free(camel);
        if (is_twice && !is_left_out(member)) {
            err_set(err, ERR_INVALID, "%s%s%.60s: is there in two spellings", path,
                    *path == '\0' ? "" : ".", name);
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

typedef json_t *(*spell_fn)(json_t *value, const char *path, struct err *err);

// Puts a member of ours in the form that we keep.
static bool spell(json_t *object, const char *name, const char *path, spell_fn fn, struct err *err)
{
    json_t *value = json_object_get(object, name), *made;
    char inner[MAX_PATH];

    if (value == NULL)
        return true;
    snprintf(inner, sizeof inner, "%s%s%s", path, *path == '\0' ? "" : ".", name);
    made = fn(value, inner, err);
    return made != NULL && json_object_set_new(object, name, made) == 0;
}

// A list of what one object may stand for. Items with nothing in them aren't there.
static json_t *spelled_list(json_t *value, const char *path, spell_fn fn, struct err *err)
{
    json_t *list, *item, *made;
    char inner[MAX_PATH];
    size_t i;

    if (!json_is_array(value) && !json_is_object(value))
        return json_incref(value);
    list = json_is_object(value) ? json_pack("[O]", value) : json_incref(value);
    value = json_array();
    json_array_foreach(list, i, item)
    {
        snprintf(inner, sizeof inner, "%s.%zu", path, i);
        made = fn(item, inner, err);
        if (made == NULL) {
            json_decref(value);
            value = NULL;
            break;
        }
        if (!is_left_out(made) && (!json_is_object(made) || json_object_size(made) > 0))
            json_array_append(value, made);
        json_decref(made);
    }
    json_decref(list);
    return value;
}

// Base64 of the usual alphabet, with its padding, and without what makes it a data URL.
static json_t *plain_base64(json_t *value, const char *path, struct err *err)
{
    const char *given = json_string_value(value);
    struct buf text = {0};
    json_t *plain;

    (void)path, (void)err;
    if (given == NULL || (field_base64_of(given) == given && field_is_base64(given)))
        return json_incref(value);
    for (given = field_base64_of(given); *given != '\0'; given++)
        buf_char(&text, *given == '-' ? '+' : *given == '_' ? '/' : *given);
    while (text.len % 4 == 2 || text.len % 4 == 3)
        buf_char(&text, '=');
    plain = json_string(buf_text(&text));
    buf_clear(&text);
    return plain;
}

// Of an object that is NULL where it couldn't be spelled; takes it.
static json_t *with(json_t *object, bool ok)
{
    if (ok)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *spelled_blob(json_t *value, const char *path, struct err *err)
{
    json_t *blob = spelled(value, path, err);

    return with(blob, blob != NULL && spell(blob, "data", path, plain_base64, err));
}

static json_t *spelled_part(json_t *value, const char *path, struct err *err)
{
    json_t *part = spelled(value, path, err);

    return with(part, part != NULL && spell(part, "inlineData", path, spelled_blob, err) &&
                          spell(part, "fileData", path, spelled, err));
}

static json_t *spelled_parts(json_t *value, const char *path, struct err *err)
{
    return spelled_list(value, path, spelled_part, err);
}

static json_t *spelled_content(json_t *value, const char *path, struct err *err)
{
    json_t *content = spelled(value, path, err);

    return with(content, content != NULL && spell(content, "parts", path, spelled_parts, err));
}

static json_t *spelled_contents(json_t *value, const char *path, struct err *err)
{
    return spelled_list(value, path, spelled_content, err);
}

// "Image" is IMAGE.
static json_t *upper_words(json_t *value, const char *path, struct err *err)
{
    json_t *words, *item;
    size_t i;

    (void)path, (void)err;
    if (!json_is_array(value))
        return json_incref(value);
    words = json_array();
    json_array_foreach(value, i, item)
    {
        char *text = mem_str(json_string_value(item));

        for (char *c = text; c != NULL && *c != '\0'; c++)
            *c = (char)toupper((unsigned char)*c);
        json_array_append_new(words, text == NULL ? json_incref(item) : json_string(text));
        free(text);
    }
    return words;
}

static json_t *spelled_config(json_t *value, const char *path, struct err *err)
{
    json_t *config = spelled(value, path, err);

    return with(config, config != NULL &&
                            spell(config, "responseModalities", path, upper_words, err) &&
                            spell(config, "imageConfig", path, spelled, err) &&
                            spell(config, "imageGenerationConfig", path, spelled, err));
}

json_t *gemini_spell(const json_t *body, struct err *err)
{
    json_t *request = spelled((json_t *)body, "", err);
    json_t *hook = json_object_get(body, "callback_url"); // our own

    if (json_object_del(request, "callbackUrl") == 0 && hook != NULL)
        json_object_set(request, "callback_url", hook);
    return with(request, request != NULL && spell(request, "contents", "", spelled_contents, err) &&
                             spell(request, "generationConfig", "", spelled_config, err));
}
