// The configuration file. Its accounts: config_account.c.
#include "core/config/config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config_private.h"
#include "core/config/mistakes.h"
#include "core/config/setting.h"

SETTING_WORDS(read_persistence, enum config_persistence, "require", "none")
SETTING_WORDS(read_log_level, enum log_level, "error", "warn", "info", "debug")
SETTING_WORDS(read_on_failure, enum config_on_failure, "fail", "vendor_url")
SETTING_WORDS(read_callbacks, enum config_callbacks, "auto", "always", "never")

static bool add_role(struct setting_reader *reader, const char *name, size_t len, unsigned *roles)
{
    static const char *const names[] = {"api", "worker", "webhook"};

    for (unsigned i = 0; i < 3; i++) {
        if (strlen(names[i]) == len && memcmp(names[i], name, len) == 0) {
            *roles |= 1u << i;
            return true;
        }
    }
    return setting_bad(reader, "a role must be one of: api, worker, webhook");
}

static bool read_roles(struct setting_reader *reader, const json_t *value, void *out)
{
    unsigned roles = 0;
    size_t i;
    json_t *item;

    if (!json_is_array(value) || json_array_size(value) == 0)
        return setting_bad(reader, "must be an array of roles");
    json_array_foreach(value, i, item)
    {
        const char *name = setting_text(reader, item);

        if (name == NULL || !add_role(reader, name, strlen(name), &roles))
            return false;
    }
    *(unsigned *)out = roles;
    return true;
}

// An address to listen at. "" stands for no address, where there may be none.
static bool read_address(struct setting_reader *reader, const json_t *value, bool may_be_none,
                         char **host, int *port)
{
    const char *text = setting_text(reader, value), *colon;
    char *end;
    long number;

    if (text == NULL)
        return false;
    if (may_be_none && *text == '\0') {
        mem_set_str(host, NULL);
        return true;
    }
    colon = strrchr(text, ':');
    if (colon == NULL || colon == text || !isdigit((unsigned char)colon[1]) ||
        strncmp(text, "[]:", 3) == 0)
        return setting_bad(reader, "must be HOST:PORT");
    number = strtol(colon + 1, &end, 10);
    if (*end != '\0' || number > 65535)
        return setting_bad(reader, "must be HOST:PORT");
    free(*host);
    if (*text == '[' && colon[-1] == ']')
        *host = mem_strn(text + 1, (size_t)(colon - text - 2));
    else
        *host = mem_strn(text, (size_t)(colon - text));
    *port = (int)number;
    return true;
}

static bool read_listen(struct setting_reader *reader, const json_t *value, void *out)
{
    struct config *config = (struct config *)((char *)out - offsetof(struct config, listen_host));

    return read_address(reader, value, false, &config->listen_host, &config->listen_port);
}

static bool read_admin_listen(struct setting_reader *reader, const json_t *value, void *out)
{
    struct config *config = (struct config *)((char *)out - offsetof(struct config, admin_host));

    return read_address(reader, value, true, &config->admin_host, &config->admin_port);
}

static bool read_storage(struct setting_reader *reader, const json_t *value, void *out)
{
    static const struct setting_key keys[] = {
        {"url", SETTING_AT(config, storage.url), setting_string},
        {"endpoint", SETTING_AT(config, storage.endpoint), setting_base_url},
        {"region", SETTING_AT(config, storage.region), setting_name},
        {"access_key", SETTING_AT(config, storage.access_key), setting_secret},
        {"secret_key", SETTING_AT(config, storage.secret_key), setting_secret},
        {"public_base", SETTING_AT(config, storage.public_base), setting_base_url},
        {"on_failure", SETTING_AT(config, storage.on_failure), read_on_failure},
        {0},
    };

    return setting_keys(reader, value, keys, out);
}

static bool read_token(struct setting_reader *reader, const json_t *value, void *out)
{
    static const struct setting_key keys[] = {
        {"name", SETTING_AT(config_token, name), setting_name},
        {"key", SETTING_AT(config_token, key), setting_secret},
        {"admin", SETTING_AT(config_token, is_admin), setting_bool},
        {0},
    };
    struct config_token *token = out;

    if (!setting_keys(reader, value, keys, out))
        return false;
    if (token->name == NULL || *token->name == '\0' || token->key.text == NULL ||
        *token->key.text == '\0')
        return setting_bad(reader, "needs a name and a key");
    return true;
}

static bool read_tokens(struct setting_reader *reader, const json_t *value, void *out)
{
    struct config *config = out;

    return setting_array(reader, value, sizeof *config->tokens, (void **)&config->tokens,
                         &config->token_count, read_token);
}

// One secret, or a list of them while a new one is being introduced.
static bool read_webhook_secret(struct setting_reader *reader, const json_t *value, void *out)
{
    struct config *config = out;

    if (json_is_array(value))
        return setting_array(reader, value, sizeof *config->webhook.secrets,
                             (void **)&config->webhook.secrets, &config->webhook.secret_count,
                             setting_secret);
    config->webhook.secrets = mem_new(struct secret);
    if (!setting_secret(reader, value, config->webhook.secrets))
        return false;
    config->webhook.secret_count = *config->webhook.secrets->text != '\0';
    return true;
}

static bool read_retry_delays(struct setting_reader *reader, const json_t *value, void *out)
{
    struct config *config = out;

    free(config->webhook.retry_delays_ms);
    config->webhook.retry_delays_ms = NULL;
    config->webhook.retry_count = 0;
    return setting_array(reader, value, sizeof *config->webhook.retry_delays_ms,
                         (void **)&config->webhook.retry_delays_ms, &config->webhook.retry_count,
                         setting_duration);
}

static bool read_webhook(struct setting_reader *reader, const json_t *value, void *out)
{
    static const struct setting_key keys[] = {
        {"secret", 0, read_webhook_secret},
        {"timeout_ms", SETTING_AT(config, webhook.timeout_ms), setting_duration},
        {"retry_delays_ms", 0, read_retry_delays},
        {"allow_private_networks", SETTING_AT(config, webhook.allow_private_networks),
         setting_bool},
        {0},
    };

    return setting_keys(reader, value, keys, out);
}

static bool read_accounts(struct setting_reader *reader, const json_t *value, void *out)
{
    struct config *config = out;

    return setting_array(reader, value, sizeof *config->accounts, (void **)&config->accounts,
                         &config->account_count, config_read_account);
}

static bool read_network(struct setting_reader *reader, const json_t *value, void *out)
{
    const char *text = setting_text(reader, value);

    return text != NULL && (network_read(out, text) ||
                            setting_bad(reader, "must be a network, as in 10.0.0.0/8 or fd00::/8"));
}

static bool read_networks(struct setting_reader *reader, const json_t *value, void *out)
{
    struct reach *reach = out;

    return setting_array(reader, value, sizeof *reach->networks, (void **)&reach->networks,
                         &reach->count, read_network);
}

static bool read_log_format(struct setting_reader *reader, const json_t *value, void *out)
{
    const char *text = setting_text(reader, value);

    if (text == NULL)
        return false;
    *(bool *)out = strcmp(text, "json") == 0;
    return *(bool *)out || strcmp(text, "text") == 0 ||
           setting_bad(reader, "must be one of: text, json");
}

static const struct setting_key root_keys[] = {
    {"listen", SETTING_AT(config, listen_host), read_listen},
    {"admin_listen", SETTING_AT(config, admin_host), read_admin_listen},
    {"public_url", SETTING_AT(config, public_url), setting_base_url},
    {"data_dir", SETTING_AT(config, data_dir), setting_string},
    {"redis_url", SETTING_AT(config, redis_url), setting_string},
    {"redis_persistence", SETTING_AT(config, redis_persistence), read_persistence},
    {"storage", 0, read_storage},
    {"roles", SETTING_AT(config, roles), read_roles},
    {"log_level", SETTING_AT(config, log_level), read_log_level},
    {"log_format", SETTING_AT(config, is_log_json), read_log_format},
    {"access_log", SETTING_AT(config, has_access_log), setting_bool},
    {"retention_hours", SETTING_AT(config, retention_ms), setting_hours},
    {"max_body_bytes", SETTING_AT(config, max_body_bytes), setting_bytes},
    {"max_connections", SETTING_AT(config, max_connections), setting_small_count},
    {"cors_origins", 0, config_read_cors_origins},
    {"queue_limit", SETTING_AT(config, queue_limit), setting_count},
    {"queue_limit_per_key", SETTING_AT(config, queue_limit_per_key), setting_count},
    {"queue_timeout_ms", SETTING_AT(config, queue_timeout_ms), setting_duration_or_none},
    {"sync_wait_ms", SETTING_AT(config, sync_wait_ms), setting_duration},
    {"lease_ms", SETTING_AT(config, lease_ms), setting_duration},
    {"drain_timeout_ms", SETTING_AT(config, drain_timeout_ms), setting_duration},
    {"vendor_callbacks", SETTING_AT(config, vendor_callbacks), read_callbacks},
    {"tokens", 0, read_tokens},
    {"webhook", 0, read_webhook},
    {"allow_networks", SETTING_AT(config, vendors_reach), read_networks},
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
        .queue_timeout_ms = 24LL * 3600 * 1000,
        .sync_wait_ms = 600000,
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
static bool read_override(struct config *config, struct setting_reader *reader, const char *label,
                          const char *key_name, const char *text)
{
    static const struct setting_key storage_url = {"storage.url", SETTING_AT(config, storage.url),
                                                   setting_string};
    const struct setting_key *key = root_keys;
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
    if (strcmp(key_name, "storage.url") == 0)
        key = &storage_url;
    while (strcmp(key->name, key_name) != 0)
        key++;
    value = json_string(text);
    if (value == NULL)
        return setting_bad(reader, "must be UTF-8");
    ok = key->read(reader, value, (char *)config + key->offset);
    json_decref(value);
    return ok;
}

static void read_overrides(struct config *config, struct setting_reader *reader,
                           const struct config_flags *flags)
{
    static const struct {
        const char *variable, *key;
    } variables[] = {
        {"SPOOL_LISTEN", "listen"},           {"SPOOL_PUBLIC_URL", "public_url"},
        {"SPOOL_DATA_DIR", "data_dir"},       {"SPOOL_REDIS_URL", "redis_url"},
        {"SPOOL_STORAGE_URL", "storage.url"}, {"SPOOL_ROLES", "roles"},
        {"SPOOL_LOG_LEVEL", "log_level"},     {"SPOOL_ADMIN_LISTEN", "admin_listen"},
    };

    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++)
        if (!read_override(config, reader, variables[i].variable, variables[i].key,
                           reader->env(variables[i].variable)))
            setting_note(reader);
    if (!read_override(config, reader, "--listen", "listen", flags->listen))
        setting_note(reader);
    if (!read_override(config, reader, "--admin-listen", "admin_listen", flags->admin_listen))
        setting_note(reader);
    if (!read_override(config, reader, "--roles", "roles", flags->roles))
        setting_note(reader);
}

// What is wrong with a key that was read, unless that was said already.
static void complain(struct config_mistakes *mistakes, const char *key, const char *what)
{
    struct err mistake;

    if (config_mistakes_has(mistakes, "%s", key))
        return;
    err_set(&mistake, ERR_CONFIG, "%s: %s", key, what);
    config_mistakes_add(mistakes, &mistake);
}

static bool is_account_taken(const struct config *config, size_t i)
{
    const char *name = config->accounts[i].name;

    for (size_t k = 0; k < i && name != NULL; k++)
        if (config->accounts[k].name != NULL && strcmp(config->accounts[k].name, name) == 0)
            return true;
    return false;
}

static void check_unique(const struct config *config, struct config_mistakes *mistakes)
{
    struct err mistake;

    for (size_t i = 0; i < config->account_count; i++) {
        if (!is_account_taken(config, i))
            continue;
        err_set(&mistake, ERR_CONFIG, "accounts.%zu.name: %s is already taken", i,
                config->accounts[i].name);
        config_mistakes_add(mistakes, &mistake);
    }
    for (size_t i = 0; i < config->token_count; i++) {
        for (size_t k = 0; k < i; k++) {
            if (!secret_equals(&config->tokens[i].key, secret_reveal(&config->tokens[k].key)))
                continue;
            err_set(&mistake, ERR_CONFIG, "tokens.%zu.key: the same key as that of tokens.%zu", i,
                    k);
            config_mistakes_add(mistakes, &mistake);
            break;
        }
    }
}

void config_set_public_url(struct config *config, const char *url)
{
    struct buf media = {0};

    if (*config->storage.url == '\0') {
        buf_fmt(&media, "%s/media", url);
        mem_set_str(&config->links.base, media.data);
    }
    if (url != config->public_url)
        mem_set_str(&config->public_url, url);
    config->links.api = config->public_url;
    buf_clear(&media);
}

// Links to a bucket's files begin with public_base, or have a signature each.
bool config_finish_bucket(struct config *config, struct err *err)
{
    const char *public_base = config->storage.public_base;
    struct sigv4_keys keys = {secret_reveal(&config->storage.access_key),
                              secret_reveal(&config->storage.secret_key), config->storage.region};
    struct buf base = {0};

    if (!s3_place_init(&config->links.place, config->storage.url, config->storage.endpoint, &keys,
                       err))
        return false;
    if (*public_base != '\0') {
        buf_str(&base, public_base);
        while (base.len > 0 && base.data[base.len - 1] == '/')
            base.data[--base.len] = '\0';
        buf_fmt(&base, "/%s", config->links.place.prefix);
        base.data[--base.len] = '\0'; // the slash comes with the key
        config->links.base = buf_take(&base);
    }
    return true;
}

static void finish_tokens(struct config *config, struct config_mistakes *mistakes)
{
    if (config->token_count > 0)
        return;
    if (!address_is_loopback_host(config->listen_host)) {
        complain(mistakes, "tokens", "required where listen isn't a loopback address");
        return;
    }
    // Operators' listener takes clients' keys, too.
    if (config->admin_host != NULL && !address_is_loopback_host(config->admin_host)) {
        complain(mistakes, "tokens", "required where admin_listen isn't a loopback address");
        return;
    }
    config->tokens = mem_new(struct config_token);
    config->token_count = 1;
    config->tokens->name = mem_str("dev");
    secret_set(&config->tokens->key, "sk-dev");
}

static void finish_public_url(struct config *config, struct config_mistakes *mistakes)
{
    size_t len;

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
        complain(mistakes, "public_url", "must be an http or https URL");
}

// Fills in what is derived from other keys, and checks those that only make sense together.
static void finish_config(struct config *config, struct config_mistakes *mistakes)
{
    struct err mistake;

    if (config->account_count == 0)
        complain(mistakes, "accounts", "at least one account is required");
    finish_tokens(config, mistakes);
    finish_public_url(config, mistakes);
    if (*config->data_dir == '\0')
        complain(mistakes, "data_dir", "must not be empty");
    if (strncmp(config->redis_url, "rediss://", 9) == 0)
        complain(mistakes, "redis_url",
                 "hiredis has no TLS here; run stunnel to the server and name its port");
    else if (*config->redis_url != '\0' && strncmp(config->redis_url, "redis://", 8) != 0 &&
             strncmp(config->redis_url, "unix:///", 8) != 0)
        complain(mistakes, "redis_url", "must be redis://host:port, unix:///path or empty");
    if (*config->storage.url != '\0' && !config_mistakes_has(mistakes, "storage") &&
        !config_finish_bucket(config, &mistake))
        config_mistakes_add(mistakes, &mistake);
    if (config->admin_host != NULL)
        config->roles |= ROLE_ADMIN;
    if (config->admin_host != NULL && config->admin_port > 0 &&
        config->admin_port == config->listen_port &&
        strcmp(config->admin_host, config->listen_host) == 0)
        complain(mistakes, "admin_listen", "must be another address than listen");
    config->clients_reach = config->vendors_reach;
    config->clients_reach.anywhere = config->webhook.allow_private_networks;
    check_unique(config, mistakes);
}

// NULL where it isn't even JSON.
static json_t *read_json(const char *text, size_t len, struct err *err)
{
    json_error_t why;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);

    if (root == NULL) {
        err_set(err, ERR_CONFIG, "line %d, column %d: %s", why.line, why.column, why.text);
    } else if (!json_is_object(root)) {
        err_set(err, ERR_CONFIG, "must be a JSON object");
        json_decref(root);
        root = NULL;
    }
    return root;
}

static void parse(struct config *config, const char *text, size_t len, config_env_fn env,
                  const struct config_flags *flags, struct config_mistakes *mistakes)
{
    struct setting_reader reader = {.env = env, .mistakes = mistakes};
    static const struct config_flags no_flags = {0};

    set_defaults(config);
    if (text != NULL) {
        json_t *root = read_json(text, len, &reader.err);

        if (root == NULL) {
            setting_note(&reader);
            return;
        }
        setting_keys(&reader, root, root_keys, config);
        json_decref(root);
    }
    read_overrides(config, &reader, flags == NULL ? &no_flags : flags);
    finish_config(config, mistakes);
}

bool config_parse(struct config *config, const char *text, size_t len, config_env_fn env,
                  const struct config_flags *flags, struct err *err)
{
    struct config_mistakes mistakes = {0};
    bool ok;

    parse(config, text, len, env, flags, &mistakes);
    ok = mistakes.count == 0;
    if (!ok)
        *err = mistakes.list[0];
    config_mistakes_clear(&mistakes);
    return ok;
}

static const char *from_environment(const char *name)
{
    return getenv(name);
}

// False: `err` says why, without the file's name.
static bool read_file(const char *path, struct buf *text, struct err *err)
{
    char piece[4096];
    size_t got;
    bool ok;
    FILE *file = fopen(path, "r");

    if (file == NULL)
        return err_set(err, ERR_CONFIG, "%s", strerror(errno));
    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && text->len < 4u << 20)
        buf_add(text, piece, got);
    ok = !ferror(file) && feof(file);
    if (!ok)
        err_set(err, ERR_CONFIG, "can't be read: %s", ferror(file) ? strerror(errno) : "too large");
    fclose(file);
    return ok;
}

bool config_load(struct config *config, const char *path, const struct config_flags *flags,
                 struct config_mistakes *mistakes)
{
    struct buf text = {0};
    struct err err;

    if (path == NULL)
        path = getenv("SPOOL_CONFIG");
    mistakes->file = path == NULL || *path == '\0' ? NULL : path;
    if (mistakes->file == NULL) {
        parse(config, NULL, 0, from_environment, flags, mistakes);
    } else if (read_file(path, &text, &err)) {
        parse(config, buf_text(&text), text.len, from_environment, flags, mistakes);
    } else {
        *config = (struct config){0};
        config_mistakes_add(mistakes, &err);
    }
    buf_clear(&text);
    return mistakes->count == 0;
}

void config_clear(struct config *config)
{
    free(config->listen_host);
    free(config->admin_host);
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
    for (size_t i = 0; i < config->cors_count; i++)
        free(config->cors_origins[i]);
    free(config->cors_origins);
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
    free(config->vendors_reach.networks);
    for (size_t i = 0; i < config->account_count; i++)
        config_clear_account(&config->accounts[i]);
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

const struct secret *account_key(const struct account *account, const char *name)
{
    static const struct secret none;

    for (size_t i = 0; i < account->key_count; i++)
        if (strcmp(account->keys[i].name, name) == 0)
            return &account->keys[i].value;
    return &none;
}

void account_set_key(struct account *account, const char *name, const char *value)
{
    struct account_key *key;

    account->keys = mem_resize(account->keys, (account->key_count + 1) * sizeof *account->keys);
    key = &account->keys[account->key_count++];
    *key = (struct account_key){.name = mem_str(name)};
    secret_set(&key->value, value);
}

void account_clear_keys(struct account *account)
{
    for (size_t i = 0; i < account->key_count; i++) {
        free(account->keys[i].name);
        secret_clear(&account->keys[i].value);
    }
    free(account->keys);
    account->keys = NULL;
    account->key_count = 0;
}

const char *account_model(const struct account *account, const char *model)
{
    for (size_t i = 0; i < account->model_count; i++)
        if (strcmp(account->models[i].name, model) == 0)
            return account->models[i].upstream;
    return NULL;
}
