// The configuration file, read by tables: one row per key.
#include "core/base/config.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/mem.h"

// Where a value is read from and what it is called in errors.
struct reader {
    config_env_fn env;
    struct err *err;
    char path[160];
};

typedef bool (*read_fn)(struct reader *reader, const json_t *value, void *out);

struct key {
    const char *name;
    size_t offset;
    read_fn read;
};

static bool bad(struct reader *reader, const char *what)
{
    return err_set(reader->err, ERR_CONFIG, "%s: %s", reader->path, what);
}

// A string, or what the variable in "env:NAME" holds.
static const char *text_of(struct reader *reader, const json_t *value)
{
    const char *text = json_string_value(value), *from_env;

    if (text == NULL) {
        bad(reader, "must be a string");
        return NULL;
    }
    if (strncmp(text, "env:", 4) != 0)
        return text;
    from_env = reader->env(text + 4);
    if (from_env == NULL)
        err_set(reader->err, ERR_CONFIG, "%s: the environment variable %s is not set", reader->path,
                text + 4);
    return from_env;
}

static bool read_string(struct reader *reader, const json_t *value, void *out)
{
    const char *text = text_of(reader, value);

    if (text == NULL)
        return false;
    mem_set_str(out, text);
    return true;
}

static bool read_secret(struct reader *reader, const json_t *value, void *out)
{
    const char *text = text_of(reader, value);

    if (text == NULL)
        return false;
    secret_set(out, text);
    return true;
}

static bool read_bool(struct reader *reader, const json_t *value, void *out)
{
    if (!json_is_boolean(value))
        return bad(reader, "must be true or false");
    *(bool *)out = json_is_true(value);
    return true;
}

static bool read_number(struct reader *reader, const json_t *value, int64_t min, int64_t max,
                        int64_t *number)
{
    if (!json_is_integer(value))
        return bad(reader, "must be an integer");
    *number = json_integer_value(value);
    if (*number < min || *number > max)
        return err_set(reader->err, ERR_CONFIG, "%s: must be between %lld and %lld", reader->path,
                       (long long)min, (long long)max);
    return true;
}

static bool read_count(struct reader *reader, const json_t *value, void *out)
{
    return read_number(reader, value, 0, 1000000000000, out);
}

static bool read_small_count(struct reader *reader, const json_t *value, void *out)
{
    int64_t number = 0;

    if (!read_number(reader, value, 0, 1000000000, &number))
        return false;
    *(int *)out = (int)number;
    return true;
}

static bool read_bytes(struct reader *reader, const json_t *value, void *out)
{
    int64_t number = 0;

    if (!read_number(reader, value, 1024, 1LL << 31, &number))
        return false;
    *(size_t *)out = (size_t)number;
    return true;
}

static bool read_duration(struct reader *reader, const json_t *value, void *out)
{
    return read_number(reader, value, 50, 1000LL * 3600 * 24 * 365, out);
}

// 0 leaves the choice to the provider.
static bool read_interval(struct reader *reader, const json_t *value, void *out)
{
    if (json_is_integer(value) && json_integer_value(value) == 0) {
        *(int64_t *)out = 0;
        return true;
    }
    return read_duration(reader, value, out);
}

static bool read_hours(struct reader *reader, const json_t *value, void *out)
{
    int64_t hours = 0;

    if (!read_number(reader, value, 1, 24 * 365 * 10, &hours))
        return false;
    *(int64_t *)out = hours * 3600 * 1000;
    return true;
}

// One word of a list; its index is the value of an enum.
static bool read_word(struct reader *reader, const json_t *value, const char *const *words,
                      unsigned *out)
{
    const char *text = text_of(reader, value);
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
    err_set(reader->err, ERR_CONFIG, "%s: must be one of: %s", reader->path, all.data);
    buf_clear(&all);
    return false;
}

#define WORDS(function, type, ...)                                                                 \
    static bool function(struct reader *reader, const json_t *value, void *out)                    \
    {                                                                                              \
        static const char *const words[] = {__VA_ARGS__, NULL};                                    \
        unsigned index;                                                                            \
        if (!read_word(reader, value, words, &index))                                              \
            return false;                                                                          \
        *(type *)out = (type)index;                                                                \
        return true;                                                                               \
    }

WORDS(read_log_level, enum log_level, "error", "warn", "info", "debug")
WORDS(read_on_failure, enum config_on_failure, "fail", "vendor_url")
WORDS(read_on_unknown, enum config_on_unknown, "fail", "retry")
WORDS(read_callbacks, enum config_callbacks, "auto", "always", "never")

static bool add_role(struct reader *reader, const char *name, size_t len, unsigned *roles)
{
    static const char *const names[] = {"api", "worker", "webhook"};

    for (unsigned i = 0; i < 3; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            *roles |= 1u << i;
            return true;
        }
    }
    return bad(reader, "a role must be one of: api, worker, webhook");
}

static bool read_roles(struct reader *reader, const json_t *value, void *out)
{
    unsigned roles = 0;
    size_t i;
    json_t *item;

    if (!json_is_array(value) || json_array_size(value) == 0)
        return bad(reader, "must be an array of roles");
    json_array_foreach(value, i, item)
    {
        const char *name = text_of(reader, item);

        if (name == NULL || !add_role(reader, name, strlen(name), &roles))
            return false;
    }
    *(unsigned *)out = roles;
    return true;
}

static bool read_listen(struct reader *reader, const json_t *value, void *out)
{
    struct config *config = (struct config *)((char *)out - offsetof(struct config, listen_host));
    const char *text = text_of(reader, value), *colon;
    char *end;
    long port;

    if (text == NULL)
        return false;
    colon = strrchr(text, ':');
    if (colon == NULL || colon == text || !isdigit((unsigned char)colon[1]))
        return bad(reader, "must be HOST:PORT");
    port = strtol(colon + 1, &end, 10);
    if (*end != '\0' || port > 65535)
        return bad(reader, "must be HOST:PORT");
    free(config->listen_host);
    if (*text == '[' && colon[-1] == ']')
        config->listen_host = mem_strn(text + 1, (size_t)(colon - text - 2));
    else
        config->listen_host = mem_strn(text, (size_t)(colon - text));
    config->listen_port = (int)port;
    return true;
}

static bool read_keys(struct reader *reader, const json_t *object, const struct key *keys,
                      void *record)
{
    size_t path_len = strlen(reader->path);
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return bad(reader, "must be an object");
    json_object_foreach((json_t *)object, name, value)
    {
        const struct key *key = keys;

        snprintf(reader->path + path_len, sizeof reader->path - path_len, "%s%s",
                 path_len == 0 ? "" : ".", name);
        while (key->name != NULL && strcmp(key->name, name) != 0)
            key++;
        if (key->name == NULL)
            return bad(reader, "unknown key");
        if (!key->read(reader, value, (char *)record + key->offset))
            return false;
        reader->path[path_len] = '\0';
    }
    return true;
}

// Reads an array's items one after the other into records of `size` bytes.
static bool read_array(struct reader *reader, const json_t *value, size_t size, void **items,
                       size_t *count, bool (*read)(struct reader *, const json_t *, void *))
{
    size_t path_len = strlen(reader->path), i;
    json_t *item;

    if (!json_is_array(value))
        return bad(reader, "must be an array");
    *items = mem_zeroed(json_array_size(value), size);
    json_array_foreach(value, i, item)
    {
        snprintf(reader->path + path_len, sizeof reader->path - path_len, ".%zu", i);
        (*count)++;
        if (!read(reader, item, (char *)*items + i * size))
            return false;
        reader->path[path_len] = '\0';
    }
    return true;
}

#define AT(record, member) offsetof(struct record, member)

static bool read_storage(struct reader *reader, const json_t *value, void *out)
{
    static const struct key keys[] = {
        {"url", AT(config, storage.url), read_string},
        {"endpoint", AT(config, storage.endpoint), read_string},
        {"region", AT(config, storage.region), read_string},
        {"access_key", AT(config, storage.access_key), read_secret},
        {"secret_key", AT(config, storage.secret_key), read_secret},
        {"public_base", AT(config, storage.public_base), read_string},
        {"on_failure", AT(config, storage.on_failure), read_on_failure},
        {0},
    };

    return read_keys(reader, value, keys, out);
}

static bool read_token(struct reader *reader, const json_t *value, void *out)
{
    static const struct key keys[] = {
        {"name", AT(config_token, name), read_string},
        {"key", AT(config_token, key), read_secret},
        {0},
    };
    struct config_token *token = out;

    if (!read_keys(reader, value, keys, out))
        return false;
    if (token->name == NULL || *token->name == '\0' || token->key.text == NULL ||
        *token->key.text == '\0')
        return bad(reader, "needs a name and a key");
    return true;
}

static bool read_tokens(struct reader *reader, const json_t *value, void *out)
{
    struct config *config = out;

    return read_array(reader, value, sizeof *config->tokens, (void **)&config->tokens,
                      &config->token_count, read_token);
}

// One secret, or a list of them while a new one is being introduced.
static bool read_webhook_secret(struct reader *reader, const json_t *value, void *out)
{
    struct config *config = out;

    if (json_is_array(value))
        return read_array(reader, value, sizeof *config->webhook.secrets,
                          (void **)&config->webhook.secrets, &config->webhook.secret_count,
                          read_secret);
    config->webhook.secrets = mem_new(struct secret);
    if (!read_secret(reader, value, config->webhook.secrets))
        return false;
    config->webhook.secret_count = *config->webhook.secrets->text != '\0';
    return true;
}

static bool read_retry_delays(struct reader *reader, const json_t *value, void *out)
{
    struct config *config = out;

    free(config->webhook.retry_delays_ms);
    config->webhook.retry_delays_ms = NULL;
    config->webhook.retry_count = 0;
    return read_array(reader, value, sizeof *config->webhook.retry_delays_ms,
                      (void **)&config->webhook.retry_delays_ms, &config->webhook.retry_count,
                      read_duration);
}

static bool read_webhook(struct reader *reader, const json_t *value, void *out)
{
    static const struct key keys[] = {
        {"secret", 0, read_webhook_secret},
        {"timeout_ms", AT(config, webhook.timeout_ms), read_duration},
        {"retry_delays_ms", 0, read_retry_delays},
        {"allow_private_networks", AT(config, webhook.allow_private_networks), read_bool},
        {0},
    };

    return read_keys(reader, value, keys, out);
}

static bool read_models(struct reader *reader, const json_t *value, void *out)
{
    struct account *account = out;
    size_t path_len = strlen(reader->path);
    const char *name;
    json_t *item;

    if (!json_is_object(value))
        return bad(reader, "must be an object");
    account->models = mem_array(struct config_model, json_object_size(value));
    json_object_foreach((json_t *)value, name, item)
    {
        struct config_model *model = &account->models[account->model_count++];

        snprintf(reader->path + path_len, sizeof reader->path - path_len, ".%s", name);
        model->name = mem_str(name);
        if (!read_string(reader, item, &model->upstream))
            return false;
        reader->path[path_len] = '\0';
    }
    return true;
}

static bool is_name(const char *text)
{
    size_t len = text == NULL ? 0 : strlen(text);

    return len > 0 && len <= 64 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               len &&
           *text != '.';
}

static bool read_whole(struct reader *reader, const char *path, struct buf *text)
{
    char piece[4096];
    size_t got;
    FILE *file = fopen(path, "r");
    bool ok;

    if (file == NULL)
        return err_set(reader->err, ERR_CONFIG, "%s: %s: %s", reader->path, path, strerror(errno));
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && text->len < 65536)
        buf_add(text, piece, got);
    ok = !ferror(file) && feof(file);
    memset(piece, 0, sizeof piece);
    fclose(file);
    return ok || err_set(reader->err, ERR_CONFIG, "%s: %s: can't be read", reader->path, path);
}

// A key file of Google's cloud: only what signing in with it takes.
static bool read_service_account(struct reader *reader, const json_t *value, void *out)
{
    struct account *account = out;
    struct service_account *key = &account->service_account;
    const char *path = text_of(reader, value);
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
        memset(text.data, 0, text.len); // it has the private key
    buf_clear(&text);
    mem_set_str(&key->client_email, json_string_value(json_object_get(root, "client_email")));
    mem_set_str(&key->project_id, json_string_value(json_object_get(root, "project_id")));
    mem_set_str(&key->token_uri, json_string_value(json_object_get(root, "token_uri")));
    secret_set(&key->private_key, json_string_value(json_object_get(root, "private_key")));
    json_decref(root);
    ok = key->client_email != NULL && key->project_id != NULL && key->private_key.text != NULL;
    if (key->token_uri == NULL)
        mem_set_str(&key->token_uri, "https://oauth2.googleapis.com/token");
    return ok || bad(reader, "the file must have client_email, project_id and private_key");
}

static bool read_account(struct reader *reader, const json_t *value, void *out)
{
    static const struct key keys[] = {
        {"name", AT(account, name), read_string},
        {"provider", AT(account, provider), read_string},
        {"dialect", AT(account, dialect), read_string},
        {"base_url", AT(account, base_url), read_string},
        {"api_key", AT(account, api_key), read_secret},
        {"access_key", AT(account, access_key), read_secret},
        {"secret_key", AT(account, secret_key), read_secret},
        {"region", AT(account, region), read_string},
        {"service_account_file", 0, read_service_account},
        {"models", 0, read_models},
        {"max_concurrency", AT(account, max_concurrency), read_small_count},
        {"requests_per_minute", AT(account, requests_per_minute), read_small_count},
        {"weight", AT(account, weight), read_small_count},
        {"poll_interval_ms", AT(account, poll_interval_ms), read_interval},
        {"task_timeout_ms", AT(account, task_timeout_ms), read_duration},
        {"on_unknown_submit", AT(account, on_unknown_submit), read_on_unknown},
        {0},
    };
    struct account *account = out;
    size_t len;

    account->max_concurrency = 12;
    account->weight = 1;
    account->task_timeout_ms = 1800000;
    if (!read_keys(reader, value, keys, out))
        return false;
    // Names are parts of Redis keys and of artifact paths.
    if (!is_name(account->name))
        return bad(reader, "name: must be 1 to 64 letters, digits, '-', '_' or '.'");
    if (account->provider == NULL)
        return bad(reader, "provider: is required");
    if (account->weight == 0)
        account->weight = 1;
    if (account->base_url != NULL && *account->base_url != '\0') {
        struct url_parts parts;

        if (!url_split(account->base_url, &parts))
            return bad(reader, "base_url: must be an http or https URL");
        len = strlen(account->base_url);
        while (len > 0 && account->base_url[len - 1] == '/')
            account->base_url[--len] = '\0';
    }
    return true;
}

static bool read_accounts(struct reader *reader, const json_t *value, void *out)
{
    struct config *config = out;

    return read_array(reader, value, sizeof *config->accounts, (void **)&config->accounts,
                      &config->account_count, read_account);
}

static const struct key root_keys[] = {
    {"listen", AT(config, listen_host), read_listen},
    {"public_url", AT(config, public_url), read_string},
    {"data_dir", AT(config, data_dir), read_string},
    {"redis_url", AT(config, redis_url), read_string},
    {"storage", 0, read_storage},
    {"roles", AT(config, roles), read_roles},
    {"log_level", AT(config, log_level), read_log_level},
    {"retention_hours", AT(config, retention_ms), read_hours},
    {"max_body_bytes", AT(config, max_body_bytes), read_bytes},
    {"max_connections", AT(config, max_connections), read_small_count},
    {"queue_limit", AT(config, queue_limit), read_count},
    {"queue_limit_per_key", AT(config, queue_limit_per_key), read_count},
    {"lease_ms", AT(config, lease_ms), read_duration},
    {"drain_timeout_ms", AT(config, drain_timeout_ms), read_duration},
    {"vendor_callbacks", AT(config, vendor_callbacks), read_callbacks},
    {"tokens", 0, read_tokens},
    {"webhook", 0, read_webhook},
    {"accounts", 0, read_accounts},
    {0},
};

static void set_defaults(struct config *config)
{
    static const int64_t delays_ms[] = {10000, 30000, 60000};

    *config = (struct config){
        .listen_host = mem_str("127.0.0.1"),
        .listen_port = 8080,
        .data_dir = mem_str("var"),
        .redis_url = mem_str(""),
        .roles = ROLE_API | ROLE_WORKER | ROLE_WEBHOOK,
        .log_level = LOG_INFO,
        .retention_ms = 168LL * 3600 * 1000,
        .max_body_bytes = 33554432,
        .max_connections = 4096,
        .queue_limit = 1000000,
        .lease_ms = 30000,
        .drain_timeout_ms = 10000,
    };
    config->storage.url = mem_str("");
    config->storage.endpoint = mem_str("");
    config->storage.region = mem_str("us-east-1");
    config->storage.public_base = mem_str("");
    config->webhook.timeout_ms = 5000;
    config->webhook.retry_count = 3;
    config->webhook.retry_delays_ms = mem_array(int64_t, 3);
    memcpy(config->webhook.retry_delays_ms, delays_ms, sizeof delays_ms);
}

// Values that come as plain words, from the environment or from a flag.
static bool read_override(struct config *config, struct reader *reader, const char *label,
                          const char *key_name, const char *text)
{
    const struct key *key = root_keys;
    json_t *value;
    bool ok;

    if (text == NULL)
        return true;
    snprintf(reader->path, sizeof reader->path, "%s", label);
    if (strcmp(key_name, "roles") == 0) {
        config->roles = 0;
        for (;;) {
            size_t len = strcspn(text, ",");

            if (!add_role(reader, text, len, &config->roles))
                return false;
            if (text[len] == '\0')
                return true;
            text += len + 1;
        }
    }
    if (strcmp(key_name, "storage.url") == 0) {
        mem_set_str(&config->storage.url, text);
        return true;
    }
    while (strcmp(key->name, key_name) != 0)
        key++;
    value = json_string(text);
    if (value == NULL)
        return bad(reader, "must be UTF-8");
    ok = key->read(reader, value, (char *)config + key->offset);
    json_decref(value);
    return ok;
}

static bool read_overrides(struct config *config, struct reader *reader,
                           const struct config_flags *flags)
{
    static const struct {
        const char *variable, *key;
    } variables[] = {
        {"SPOOL_LISTEN", "listen"},           {"SPOOL_PUBLIC_URL", "public_url"},
        {"SPOOL_DATA_DIR", "data_dir"},       {"SPOOL_REDIS_URL", "redis_url"},
        {"SPOOL_STORAGE_URL", "storage.url"}, {"SPOOL_ROLES", "roles"},
        {"SPOOL_LOG_LEVEL", "log_level"},
    };

    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        if (!read_override(config, reader, variables[i].variable, variables[i].key,
                           reader->env(variables[i].variable)))
            return false;
    return read_override(config, reader, "--listen", "listen", flags->listen) &&
           read_override(config, reader, "--roles", "roles", flags->roles);
}

static bool check_unique(const struct config *config, struct err *err)
{
    for (size_t i = 0; i < config->account_count; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(config->accounts[i].name, config->accounts[k].name) == 0)
                return err_set(err, ERR_CONFIG, "accounts.%zu.name: %s is already taken", i,
                               config->accounts[i].name);
    for (size_t i = 0; i < config->token_count; i++)
        for (size_t k = 0; k < i; k++)
            if (secret_equals(&config->tokens[i].key, secret_reveal(&config->tokens[k].key)))
                return err_set(err, ERR_CONFIG,
                               "tokens.%zu.key: the same key as that of tokens.%zu", i, k);
    return true;
}

void config_set_public_url(struct config *config, const char *url)
{
    struct buf media = {0};

    if (*config->storage.url == '\0') {
        buf_fmt(&media, "%s/media", url);
        mem_set_str(&config->links.base, media.data);
    }
    mem_set_str(&config->public_url, url);
    buf_clear(&media);
}

// Files of a bucket are linked to behind public_base, or with a signature each.
static bool finish_bucket(struct config *config, struct err *err)
{
    const char *public_base = config->storage.public_base;
    struct url_parts parts;
    struct buf base = {0};

    if (*config->storage.endpoint != '\0' && !url_split(config->storage.endpoint, &parts))
        return err_set(err, ERR_CONFIG, "storage.endpoint: must be an http or https URL");
    if (*public_base != '\0' && !url_split(public_base, &parts))
        return err_set(err, ERR_CONFIG, "storage.public_base: must be an http or https URL");
    if (!s3_place_init(&config->links.place, config, err))
        return false;
    if (*public_base != '\0') {
        buf_str(&base, public_base);
        while (base.len > 0 && base.data[base.len - 1] == '/')
            base.data[--base.len] = '\0';
        buf_fmt(&base, "/%s", config->links.place.prefix);
        base.data[--base.len] = '\0'; // the slash that is put before keys
        config->links.base = buf_take(&base);
    }
    return true;
}

// What is derived from other keys, and what only makes sense together.
static bool finish(struct config *config, struct err *err)
{
    size_t len;

    if (config->account_count == 0)
        return err_set(err, ERR_CONFIG, "accounts: at least one account is required");
    if (config->token_count == 0) {
        if (!address_is_loopback_host(config->listen_host))
            return err_set(err, ERR_CONFIG,
                           "tokens: required where listen isn't a loopback address");
        config->tokens = mem_new(struct config_token);
        config->token_count = 1;
        config->tokens->name = mem_str("dev");
        secret_set(&config->tokens->key, "sk-dev");
    }
    if (config->public_url == NULL) {
        struct buf url = {0};

        buf_fmt(&url, strchr(config->listen_host, ':') ? "http://[%s]:%d" : "http://%s:%d",
                config->listen_host, config->listen_port);
        config->public_url = buf_take(&url);
    }
    for (len = strlen(config->public_url); len > 0 && config->public_url[len - 1] == '/';)
        config->public_url[--len] = '\0';
    config_set_public_url(config, config->public_url);
    if (strncmp(config->public_url, "http://", 7) != 0 &&
        strncmp(config->public_url, "https://", 8) != 0)
        return err_set(err, ERR_CONFIG, "public_url: must be an http or https URL");
    if (*config->data_dir == '\0')
        return err_set(err, ERR_CONFIG, "data_dir: must not be empty");
    if (strncmp(config->redis_url, "rediss://", 9) == 0)
        return err_set(err, ERR_CONFIG,
                       "redis_url: hiredis has no TLS here; run stunnel to %s and name its port",
                       "the server");
    if (*config->redis_url != '\0' && strncmp(config->redis_url, "redis://", 8) != 0 &&
        strncmp(config->redis_url, "unix:///", 8) != 0)
        return err_set(err, ERR_CONFIG,
                       "redis_url: must be redis://host:port, unix:///path or empty");
    if (*config->storage.url != '\0' && !finish_bucket(config, err))
        return false;
    return check_unique(config, err);
}

bool config_parse(struct config *config, const char *text, size_t len, config_env_fn env,
                  const struct config_flags *flags, struct err *err)
{
    struct reader reader = {.env = env, .err = err};
    static const struct config_flags no_flags = {0};

    set_defaults(config);
    if (text != NULL) {
        json_error_t why;
        json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
        bool ok;

        if (root == NULL)
            return err_set(err, ERR_CONFIG, "line %d, column %d: %s", why.line, why.column,
                           why.text);
        if (!json_is_object(root)) {
            json_decref(root);
            return err_set(err, ERR_CONFIG, "must be a JSON object");
        }
        ok = read_keys(&reader, root, root_keys, config);
        json_decref(root);
        if (!ok)
            return false;
    }
    return read_overrides(config, &reader, flags == NULL ? &no_flags : flags) &&
           finish(config, err);
}

static const char *from_environment(const char *name)
{
    return getenv(name);
}

bool config_load(struct config *config, const char *path, const struct config_flags *flags,
                 struct err *err)
{
    struct buf text = {0};
    char piece[4096];
    size_t got;
    bool ok = false;
    FILE *file;

    if (path == NULL)
        path = getenv("SPOOL_CONFIG");
    if (path == NULL || *path == '\0')
        return config_parse(config, NULL, 0, from_environment, flags, err);
    file = fopen(path, "r");
    if (file == NULL) {
        *config = (struct config){0};
        return err_set(err, ERR_CONFIG, "%s: %s", path, strerror(errno));
    }
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && text.len < 4u << 20)
        buf_add(&text, piece, got);
    if (ferror(file) || !feof(file)) {
        *config = (struct config){0};
        err_set(err, ERR_CONFIG, "can't be read: %s", ferror(file) ? strerror(errno) : "too large");
    } else {
        ok = config_parse(config, buf_text(&text), text.len, from_environment, flags, err);
    }
    fclose(file);
    buf_clear(&text);
    return ok || err_wrap(err, "%s", path);
}

void config_clear(struct config *config)
{
    free(config->listen_host);
    free(config->public_url);
    free(config->links.base);
    s3_place_clear(&config->links.place);
    free(config->data_dir);
    free(config->redis_url);
    free(config->storage.url);
    free(config->storage.endpoint);
    free(config->storage.region);
    free(config->storage.public_base);
    secret_clear(&config->storage.access_key);
    secret_clear(&config->storage.secret_key);
    for (size_t i = 0; i < config->token_count; i++) {
        free(config->tokens[i].name);
        secret_clear(&config->tokens[i].key);
    }
    free(config->tokens);
    // The count is 0 where the only secret is empty: the first is cleared all the same.
    for (size_t i = 0;
         config->webhook.secrets != NULL && (i == 0 || i < config->webhook.secret_count); i++)
        secret_clear(&config->webhook.secrets[i]);
    free(config->webhook.secrets);
    free(config->webhook.retry_delays_ms);
    for (size_t i = 0; i < config->account_count; i++) {
        struct account *account = &config->accounts[i];

        free(account->name);
        free(account->provider);
        free(account->dialect);
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
    free(config->accounts);
    *config = (struct config){0};
}

const struct account *config_account(const struct config *config, const char *name)
{
    for (size_t i = 0; name != NULL && i < config->account_count; i++)
        if (strcmp(config->accounts[i].name, name) == 0)
            return &config->accounts[i];
    return NULL;
}

const char *account_model(const struct account *account, const char *model)
{
    for (size_t i = 0; i < account->model_count; i++)
        if (strcmp(account->models[i].name, model) == 0)
            return account->models[i].upstream;
    return NULL;
}
