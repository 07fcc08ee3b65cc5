// The configuration of "spool dev", from the tables of the providers.
#include "scheduler/cli/cli_dev_config.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/json/json_plain.h"
#include "providers/provider.h"

enum { POLL_INTERVAL_MS = 300, URL_BYTES_MAX = 512, PATH_BYTES_MAX = 512 };

// The vendor's own, where the provider has one.
static const struct dialect *dialect_of(const struct provider *provider)
{
    for (size_t i = 0; provider->dialects[i] != NULL; i++)
        if (strcmp(provider->dialects[i]->name, "relay") != 0)
            return provider->dialects[i];
    return provider->dialects[0];
}

// "service_account_file" is "service-account.json", here and at the simulator.
static void name_file(const struct dialect_key *key, char *name, size_t size)
{
    int len = (int)(strstr(key->name, "_file") - key->name);

    snprintf(name, size, "%.*s.json", len, key->name);
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '_' ? '-' : *c;
}

// What the simulator takes.
static json_t *value_of(const struct dialect *dialect, const struct dialect_key *key,
                        const char *sim_url, const char *folder)
{
    char text[URL_BYTES_MAX], name[64];
    const char *rest;

    if (strcmp(key->name, "base_url") == 0) {
        rest = dialect->base_url == NULL ? NULL : strstr(dialect->base_url, "://");
        rest = rest == NULL ? NULL : strchr(rest + 3, '/');
        snprintf(text, sizeof text, "%s%s", sim_url, rest == NULL ? "" : rest);
        return json_string(text);
    }
    if (key->members != NULL) {
        name_file(key, name, sizeof name);
        snprintf(text, sizeof text, "%s/%s", folder, name);
        return json_string(text);
    }
    return json_string(strcmp(key->name, "access_key") == 0 ? "sim-access" : "sim-secret");
}

// A base_url stands for the vendor's own also where it may be left out.
static bool is_wanted(const struct dialect_key *key)
{
    return key->is_required || strcmp(key->name, "base_url") == 0 ||
           strcmp(key->name, "api_key") == 0;
}

static json_t *account_of(const struct provider *provider, const char *sim_url, const char *folder)
{
    const struct dialect *dialect = dialect_of(provider);
    json_t *account =
        json_pack("{s:o,s:s,s:s,s:i}", "name", json_sprintf("%s-1", provider->name), "provider",
                  provider->name, "dialect", dialect->name, "poll_interval_ms", POLL_INTERVAL_MS);

    for (const struct dialect_key *key = dialect->keys; key->name != NULL; key++)
        if (is_wanted(key))
            json_object_set_new(account, key->name, value_of(dialect, key, sim_url, folder));
    if (provider->example.models != NULL)
        json_object_set_new(account, "models", json_plain_read(provider->example.models));
    return account;
}

void cli_dev_config(const char *sim_url, const char *folder, struct buf *json)
{
    json_t *accounts = json_array();
    json_auto_t *config =
        json_pack("{s:o,s:[{s:s,s:s,s:b}],s:{s:b},s:o}", "data_dir",
                  json_sprintf("%s/data", folder), "tokens", "name", "dev", "key", "sk-dev",
                  "admin", 1, "webhook", "allow_private_networks", 1, "accounts", accounts);
    const struct provider *provider;
    char *text;

    for (size_t i = 0; (provider = provider_at(i)) != NULL; i++)
        if (provider->example.path != NULL)
            json_array_append_new(accounts, account_of(provider, sim_url, folder));
    text = json_dumps(config, JSON_INDENT(2));
    buf_str(json, text);
    buf_char(json, '\n');
    free(text);
}

bool cli_dev_key_file(size_t index, char *name, size_t size)
{
    const struct provider *provider;

    for (size_t i = 0; (provider = provider_at(i)) != NULL; i++)
        for (const struct dialect_key *key = dialect_of(provider)->keys; key->name != NULL; key++) {
            if (key->members == NULL || index-- > 0)
                continue;
            name_file(key, name, size);
            return true;
        }
    return false;
}
