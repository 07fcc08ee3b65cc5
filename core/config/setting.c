// Values of a configuration in JSON, read by tables.
#include "core/config/setting.h"

#include <stdio.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/config/mistakes.h"

bool setting_bad(struct setting_reader *reader, const char *what)
{
    return err_set(&reader->err, ERR_CONFIG, "%s: %s", reader->path, what);
}

bool setting_note(struct setting_reader *reader)
{
    if (*reader->err.message != '\0')
        config_mistakes_add(reader->mistakes, &reader->err);
    *reader->err.message = '\0';
    return false;
}

bool setting_is_plain(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            return false;
    return true;
}

bool setting_is_name(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    return len > 0 && len <= 64 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               len &&
           *text != '.';
}

const char *setting_text(struct setting_reader *reader, const json_t *value)
{
    const char *text = json_string_value(value), *name;

    if (text == NULL) {
        setting_bad(reader, "must be a string");
        return NULL;
    }
    // None of our values has several lines: in a header, a Redis key or a log line it would become
    // two.
    if (!setting_is_plain(text)) {
        setting_bad(reader, "has a line break or another control character");
        return NULL;
    }
    if (strncmp(text, "env:", 4) != 0)
        return text;
    name = text + 4;
    text = reader->env(name);
    if (text != NULL && setting_is_plain(text))
        return text;
    err_set(&reader->err, ERR_CONFIG, "%s: the environment variable %s %s", reader->path, name,
            text == NULL ? "is not set" : "has a line break or another control character");
    return NULL;
}

bool setting_string(struct setting_reader *reader, const json_t *value, void *out)
{
    const char *text = setting_text(reader, value);

    if (text == NULL)
        return false;
    mem_set_str(out, text);
    return true;
}

bool setting_secret(struct setting_reader *reader, const json_t *value, void *out)
{
    const char *text = setting_text(reader, value);

    if (text == NULL)
        return false;
    secret_set(out, text);
    return true;
}

bool setting_bool(struct setting_reader *reader, const json_t *value, void *out)
{
    if (!json_is_boolean(value))
        return setting_bad(reader, "must be true or false");
    *(bool *)out = json_is_true(value);
    return true;
}

bool setting_number(struct setting_reader *reader, const json_t *value, int64_t min, int64_t max,
                    int64_t *number)
{
    if (!json_is_integer(value))
        return setting_bad(reader, "must be an integer");
    *number = json_integer_value(value);
    if (*number < min || *number > max)
        return err_set(&reader->err, ERR_CONFIG, "%s: must be between %lld and %lld", reader->path,
                       (long long)min, (long long)max);
    return true;
}

bool setting_count(struct setting_reader *reader, const json_t *value, void *out)
{
    return setting_number(reader, value, 0, 1000000000000, out);
}

bool setting_small_count(struct setting_reader *reader, const json_t *value, void *out)
{
    int64_t number = 0;

    if (!setting_number(reader, value, 0, 1000000000, &number))
        return false;
    *(int *)out = (int)number;
    return true;
}

bool setting_bytes(struct setting_reader *reader, const json_t *value, void *out)
{
    int64_t number = 0;

    if (!setting_number(reader, value, 1024, 1LL << 31, &number))
        return false;
    *(size_t *)out = (size_t)number;
    return true;
}

bool setting_duration(struct setting_reader *reader, const json_t *value, void *out)
{
    return setting_number(reader, value, 50, 1000LL * 3600 * 24 * 365, out);
}

bool setting_duration_or_none(struct setting_reader *reader, const json_t *value, void *out)
{
    int64_t *ms = out;

    if (json_is_integer(value) && json_integer_value(value) == 0) {
        *ms = 0;
        return true;
    }
    return setting_duration(reader, value, out);
}

bool setting_hours(struct setting_reader *reader, const json_t *value, void *out)
{
    static const double least = 0.01, most = 24 * 365 * 10;
    double hours = json_number_value(value);

    if (!json_is_number(value))
        return setting_bad(reader, "must be a number");
    if (hours < least || hours > most)
        return err_set(&reader->err, ERR_CONFIG, "%s: must be between %g and %g", reader->path,
                       least, most);
    *(int64_t *)out = (int64_t)(hours * 3600 * 1000);
    return true;
}

bool setting_name(struct setting_reader *reader, const json_t *value, void *out)
{
    const char *text = setting_text(reader, value);

    if (text == NULL)
        return false;
    if (!setting_is_name(text))
        return setting_bad(reader, "must be 1 to 64 letters, digits, '-', '_' or '.'");
    mem_set_str(out, text);
    return true;
}

bool setting_base_url(struct setting_reader *reader, const json_t *value, void *out)
{
    const char *text = setting_text(reader, value);
    struct url_parts parts;

    if (text == NULL)
        return false;
    if (*text != '\0' && (!url_split(text, &parts) || strpbrk(parts.path, "?#") != NULL))
        return setting_bad(reader, "must be an http or https URL, without a query");
    mem_set_str(out, text);
    return true;
}

bool setting_word(struct setting_reader *reader, const json_t *value, const char *const *words,
                  unsigned *out)
{
    const char *text = setting_text(reader, value);
    struct buf all = {0};

    if (text == NULL)
        return false;
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i;
            buf_clear(&all);
            return true;
        }
        buf_fmt(&all, "%s%s", i == 0 ? "" : ", ", words[i]);
    }
    err_set(&reader->err, ERR_CONFIG, "%s: must be one of: %s", reader->path, all.data);
    buf_clear(&all);
    return false;
}

static bool read_key(struct setting_reader *reader, const char *name, const json_t *value,
                     const struct setting_key *keys, void *record)
{
    const struct setting_key *key = keys;

    while (key->name != NULL && strcmp(key->name, name) != 0 &&
           strcmp(key->name, SETTING_OTHERS) != 0)
        key++;
    if (key->name == NULL)
        return setting_bad(reader, "unknown key");
    return key->read(reader, value, (char *)record + key->offset);
}

bool setting_keys(struct setting_reader *reader, const json_t *object,
                  const struct setting_key *keys, void *record)
{
    size_t path_len = strlen(reader->path);
    const char *name;
    json_t *value;
    bool ok = true;

    if (!json_is_object(object))
        return setting_bad(reader, "must be an object");
    json_object_foreach((json_t *)object, name, value)
    {
        if (!setting_is_plain(name)) {
            setting_bad(reader, "a key has a line break or another control character");
            ok = setting_note(reader);
            continue;
        }
        snprintf(reader->path + path_len, sizeof reader->path - path_len, "%s%s",
                 path_len == 0 ? "" : ".", name);
        if (!read_key(reader, name, value, keys, record))
            ok = setting_note(reader);
        reader->path[path_len] = '\0';
    }
    return ok;
}

bool setting_array(struct setting_reader *reader, const json_t *value, size_t size, void **items,
                   size_t *count, setting_read_fn read)
{
    size_t path_len = strlen(reader->path), i;
    json_t *item;
    bool ok = true;

    if (!json_is_array(value))
        return setting_bad(reader, "must be an array");
    if (json_array_size(value) == 0)
        return true; // as if the key weren't there
    *items = mem_zeroed(json_array_size(value), size);
    json_array_foreach(value, i, item)
    {
        snprintf(reader->path + path_len, sizeof reader->path - path_len, ".%zu", i);
        (*count)++;
        if (!read(reader, item, (char *)*items + i * size))
            ok = setting_note(reader);
        reader->path[path_len] = '\0';
    }
    return ok;
}
