// Reading the configuration again: keys that a running process can't change keep their values.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config_private.h"

// Adds a key to the list of those that keep their values.
static void note_fixed(struct buf *keys, const char *key)
{
    buf_fmt(keys, "%s%s", keys->len == 0 ? "" : ",", key);
}

static void keep_text(char **text, const char *old, const char *key, struct buf *keys)
{
    if (strcmp(*text == NULL ? "" : *text, old == NULL ? "" : old) == 0)
        return;
    note_fixed(keys, key);
    mem_set_str(text, old);
}

static void keep_secret(struct secret *secret, const struct secret *old, const char *key,
                        struct buf *keys)
{
    if (strcmp(secret_reveal(secret), secret_reveal(old)) == 0)
        return;
    note_fixed(keys, key);
    secret_set(secret, secret_reveal(old));
}

static void keep_storage(struct config *config, const struct config *running, struct buf *keys)
{
    struct err err;
    size_t before = keys->len;

    keep_text(&config->storage.url, running->storage.url, "storage.url", keys);
    keep_text(&config->storage.endpoint, running->storage.endpoint, "storage.endpoint", keys);
    keep_text(&config->storage.region, running->storage.region, "storage.region", keys);
    keep_text(&config->storage.public_base, running->storage.public_base, "storage.public_base",
              keys);
    keep_secret(&config->storage.access_key, &running->storage.access_key, "storage.access_key",
                keys);
    keep_secret(&config->storage.secret_key, &running->storage.secret_key, "storage.secret_key",
                keys);
    if (keys->len == before)
        return;
    // The links are made of these keys.
    s3_place_clear(&config->links.place);
    mem_set_str(&config->links.base, NULL);
    if (*config->storage.url != '\0' && !config_finish_bucket(config, &err))
        log_error("config.storage", "error=\"%s\"", err.message); // it was fine before
}

void config_keep_fixed(struct config *config, const struct config *running)
{
    struct buf keys = {0};
    bool is_derived = strcmp(running->public_url, config->public_url) != 0 &&
                      strstr(config->public_url, ":0") != NULL;

    // Port 0 has become a free port, which is meant again.
    if (config->listen_port == 0)
        config->listen_port = running->listen_port;
    if (config->listen_port != running->listen_port) {
        note_fixed(&keys, "listen");
        config->listen_port = running->listen_port;
    }
    keep_text(&config->listen_host, running->listen_host, "listen", &keys);
    if (config->admin_host != NULL && config->admin_port != running->admin_port)
        note_fixed(&keys, "admin_listen");
    config->admin_port = running->admin_port;
    keep_text(&config->admin_host, running->admin_host, "admin_listen", &keys);
    keep_text(&config->redis_url, running->redis_url, "redis_url", &keys);
    keep_text(&config->data_dir, running->data_dir, "data_dir", &keys);
    if (config->roles != running->roles)
        note_fixed(&keys, "roles");
    config->roles = running->roles;
    keep_storage(config, running, &keys);
    config_set_public_url(config, is_derived ? running->public_url : config->public_url);
    if (keys.len > 0)
        log_warn("config.fixed", "keys=%s hint=\"these change with a restart alone\"", keys.data);
    buf_clear(&keys);
}
