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
        snprintf(reader->path + path_len, sizeof reader->path - path_len, ".%s", name);
        model = &account->models[account->model_count++];
        model->name = mem_str(name);
        if (!setting_string(reader, item, &model->upstream))
            ok = setting_note(reader);
        reader->path[path_len] = '\0';
    }
    return ok;
}

// A part of the vendor's host name.
static bool read_region(struct setting_reader *reader, const json_t *value, void *out)
{
    const char *text = setting_text(reader, value);

    if (text == NULL)
        return false;
    if (*text != '\0' && !setting_is_name(text))
        return setting_bad(reader, "must be the name of a region");
    mem_set_str(out, text);
    return true;
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

// A key file of Google's cloud: only those fields that signing in with it needs.
static bool read_service_account(struct setting_reader *reader, const json_t *value, void *out)
{
    struct account *account = out;
    struct service_account *key = &account->service_account;
    const char *path = setting_text(reader, value);
    struct buf text = {0};
    json_t *root;
    bool ok;

    if (path == NULL || *path == '\0')
        return path != NULL;
    if (!read_whole(reader, path, &text)) {
        buf_clear(&text);
        return false;
    }
    root = json_loads(buf_text(&text), 0, NULL);
    if (text.data != NULL)
        memset(text.data, 0, text.len); // the file has the private key
    buf_clear(&text);
    mem_set_str(&key->client_email, json_string_value(json_object_get(root, "client_email")));
    mem_set_str(&key->project_id, json_string_value(json_object_get(root, "project_id")));
    mem_set_str(&key->token_uri, json_string_value(json_object_get(root, "token_uri")));
    secret_set(&key->private_key, json_string_value(json_object_get(root, "private_key")));
    json_decref(root);
    ok = key->client_email != NULL && key->project_id != NULL && key->private_key.text != NULL;
    if (key->token_uri == NULL)
        mem_set_str(&key->token_uri, "https://oauth2.googleapis.com/token");
    return ok || setting_bad(reader, "the file must have client_email, project_id and private_key");
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
        {"api_key", SETTING_AT(account, api_key), setting_secret},
        {"access_key", SETTING_AT(account, access_key), setting_secret},
        {"secret_key", SETTING_AT(account, secret_key), setting_secret},
        {"region", SETTING_AT(account, region), read_region},
        {"service_account_file", 0, read_service_account},
        {"models", 0, read_models},
        {"max_concurrency", SETTING_AT(account, max_concurrency), setting_small_count},
        {"requests_per_minute", SETTING_AT(account, requests_per_minute), setting_small_count},
        {"weight", SETTING_AT(account, weight), setting_small_count},
        {"poll_interval_ms", SETTING_AT(account, poll_interval_ms), read_interval},
        {"task_timeout_ms", SETTING_AT(account, task_timeout_ms), setting_duration},
        {"on_unknown_submit", SETTING_AT(account, on_unknown_submit), read_on_unknown},
        {0},
    };
    struct account *account = out;
    size_t len;
    bool ok;

    account->max_concurrency = 12;
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
    secret_clear(&account->api_key);
    secret_clear(&account->access_key);
    secret_clear(&account->secret_key);
    free(account->region);
    free(account->service_account.client_email);
    free(account->service_account.project_id);
    free(account->service_account.token_uri);
    secret_clear(&account->service_account.private_key);
    for (size_t k = 0; k < account->model_count; k++) {
        free(account->models[k].name);
        free(account->models[k].upstream);
    }
    free(account->models);
}
