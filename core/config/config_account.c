// An account of the configuration: one row per key.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config_private.h"
#include "core/config/mistakes.h"
#include "core/config/setting.h"

SETTING_WORDS(read_on_unknown, enum config_on_unknown, "fail", "retry")

// 0 leaves the choice to the provider.
static bool read_interval(struct setting_reader *reader, const json_t *value, void *out)
{
    if (json_is_integer(value) && json_integer_value(value) == 0) {
        *(int64_t *)out = 0;
        return true;
    }
    return setting_duration(reader, value, out);
}

static bool read_models(struct setting_reader *reader, const json_t *value, void *out)
{
    struct account *account = out;
    size_t path_len = strlen(reader->path);
    const char *name;
    json_t *item;
    bool ok = true;

    if (!json_is_object(value))
        return setting_bad(reader, "must be an object");
    account->models = mem_array(struct config_model, json_object_size(value));
    json_object_foreach((json_t *)value, name, item)
    {
        struct config_model *model;

        if (!setting_is_plain(name)) {
            setting_bad(reader, "a name has a line break or another control character");
            ok = setting_note(reader);
            continue;
        }
        if (*name == '\0') {
            setting_bad(reader, "a model without a name");
            ok = setting_note(reader);
            continue;
        }
        snprintf(reader->path + path_len, sizeof reader->path - path_len, ".%s", name);
        model = &account->models[account->model_count++];
        model->name = mem_str(name);
        if (!setting_string(reader, item, &model->upstream) ||
            (*model->upstream == '\0' && !setting_bad(reader, "must not be empty")))
            ok = setting_note(reader);
        reader->path[path_len] = '\0';
    }
    return ok;
}

static bool read_whole(struct setting_reader *reader, const char *path, struct buf *text)
{
    char piece[4096];
    size_t got;
    FILE *file = fopen(path, "r");
    bool ok;

    if (file == NULL)
        return err_set(&reader->err, ERR_CONFIG, "%s: %s: %s", reader->path, path, strerror(errno));
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && text->len < 65536)
        buf_add(text, piece, got);
    ok = !ferror(file) && feof(file);
    memset(piece, 0, sizeof piece);
    fclose(file);
    return ok || err_set(&reader->err, ERR_CONFIG, "%s: %s: can't be read", reader->path, path);
}

// A key file in JSON, as Google's cloud has them.
static bool read_file(struct setting_reader *reader, const char *name, const char *path,
                      struct account *account)
{
    struct buf text = {0}, member = {0};
    const char *inner;
    json_t *root = NULL, *value;
    bool is_object;

    if (read_whole(reader, path, &text))
        root = json_loads(buf_text(&text), 0, NULL);
    if (text.data != NULL)
        memset(text.data, 0, text.len); // the file has a key
    buf_clear(&text);
    json_object_foreach(root, inner, value)
    {
        buf_reset(&member);
        buf_fmt(&member, "%s.%s", name, inner);
        if (json_is_string(value))
            account_set_key(account, member.data, json_string_value(value));
    }
    buf_clear(&member);
    is_object = json_is_object(root);
    json_decref(root);
    if (!is_object && *reader->err.message == '\0')
        setting_bad(reader, "the file isn't a JSON object");
    return is_object;
}

// Whether the path is that of a key of an account: "accounts.0.api_key".
static bool is_in_account(const char *path)
{
    size_t dots = 0;

    for (; *path != '\0'; path++)
        dots += *path == '.';
    return dots == 2;
}

// What a dialect takes, whichever it is: the dialect itself looks at it (provider_bind). A key that
// is empty is as good as absent.
static bool read_key(struct setting_reader *reader, const json_t *value, void *out)
{
    const char *name = strrchr(reader->path, '.') + 1, *text;
    size_t len = strlen(name);

    // A name with a dot in it would be taken for what is behind the dot.
    if (!json_is_string(value) || !is_in_account(reader->path))
        return setting_bad(reader, "unknown key");
    text = setting_text(reader, value);
    if (text == NULL || *text == '\0')
        return text != NULL;
    account_set_key(out, name, text);
    return len < 5 || strcmp(name + len - 5, "_file") != 0 || read_file(reader, name, text, out);
}

static bool is_noted(const struct setting_reader *reader, const char *key)
{
    return config_mistakes_has(reader->mistakes, "%s.%s", reader->path, key);
}

bool config_read_account(struct setting_reader *reader, const json_t *value, void *out)
{
    static const struct setting_key keys[] = {
        {"name", SETTING_AT(account, name), setting_string},
        {"provider", SETTING_AT(account, provider_name), setting_string},
        {"dialect", SETTING_AT(account, dialect_name), setting_string},
        {"base_url", SETTING_AT(account, base_url), setting_base_url},
        {"models", 0, read_models},
        {"max_concurrency", SETTING_AT(account, max_concurrency), setting_small_count},
        {"requests_per_minute", SETTING_AT(account, requests_per_minute), setting_small_count},
        {"weight", SETTING_AT(account, weight), setting_small_count},
        {"poll_interval_ms", SETTING_AT(account, poll_interval_ms), read_interval},
        {"task_timeout_ms", SETTING_AT(account, task_timeout_ms), setting_duration},
        {"on_unknown_submit", SETTING_AT(account, on_unknown_submit), read_on_unknown},
        {SETTING_OTHERS, 0, read_key},
        {0},
    };
    struct account *account = out;
    size_t len;
    bool ok;

    account->max_concurrency = 12;
    account->is_limit_by_default = json_object_get(value, "max_concurrency") == NULL;
    account->weight = 1;
    account->task_timeout_ms = TASK_TIMEOUT_MS;
    ok = setting_keys(reader, value, keys, out);
    if (!json_is_object(value))
        return false;
    // Names are parts of Redis keys and of artifact paths.
    if (!setting_is_name(account->name) && !is_noted(reader, "name")) {
        setting_bad(reader, "name: must be 1 to 64 letters, digits, '-', '_' or '.'");
        ok = setting_note(reader);
    }
    if (account->provider_name == NULL && !is_noted(reader, "provider")) {
        setting_bad(reader, "provider: is required");
        ok = setting_note(reader);
    }
    if (account->weight == 0)
        account->weight = 1;
    if (account->base_url != NULL) {
        len = strlen(account->base_url);
        while (len > 0 && account->base_url[len - 1] == '/')
            account->base_url[--len] = '\0';
    }
    return ok;
}

void config_clear_account(struct account *account)
{
    free(account->name);
    free(account->provider_name);
    free(account->dialect_name);
    free(account->base_url);
    account_clear_keys(account);
    for (size_t k = 0; k < account->model_count; k++) {
        free(account->models[k].name);
        free(account->models[k].upstream);
    }
    free(account->models);
}
