// The webhook role: the signing secret, and the dispatcher that uses it.
#include "webhook/webhook.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/config/mistakes.h"
#include "core/http/http_client.h"
#include "core/store/heartbeat.h"
#include "core/store/shared_secret.h"
#include "core/store/store.h"
#include "webhook/delivery.h"
#include "webhook/dispatcher.h"
#include "webhook/sign.h"

struct webhook {
    const struct config *config;
    struct store *store;
    struct http_client *http;
    struct sign_keys keys; // none: the secret isn't known yet, and nothing is sent
    struct dispatcher *dispatcher;
    struct heartbeat *beat;
    struct shared_secret *secret; // NULL: the configuration has it
    int64_t drain_ms;             // since when the role is to end; 0: it isn't
};

static bool read_secrets(const struct config *config, struct sign_keys *keys, struct err *err)
{
    const char **texts = mem_array(const char *, config->webhook.secret_count);
    bool is_good;

    for (size_t i = 0; i < config->webhook.secret_count; i++)
        texts[i] = secret_reveal(&config->webhook.secrets[i]);
    is_good = sign_keys_parse(keys, texts, config->webhook.secret_count, err);
    free(texts);
    return is_good || err_wrap(err, "webhook.secret");
}

void webhook_check_config(const struct config *config, struct config_mistakes *mistakes)
{
    struct err err;

    for (size_t i = 0; i < config->webhook.secret_count; i++) {
        if (config_mistakes_has(mistakes, "webhook.secret.%zu", i) ||
            sign_key_check(secret_reveal(&config->webhook.secrets[i]), i + 1, &err))
            continue;
        err_wrap(&err, "webhook.secret");
        config_mistakes_add(mistakes, &err);
    }
}

// The secret that is kept in Redis.

static bool on_secret(void *ctx, const char *text, struct err *err)
{
    struct webhook *w = ctx;

    if (!sign_keys_parse(&w->keys, &text, 1, err))
        return err_wrap(err, "the webhook secret in Redis");
    dispatcher_wake(w->dispatcher);
    return true;
}

// The role.

static void on_up(void *ctx)
{
    struct webhook *w = ctx;

    heartbeat_wake(w->beat);
    dispatcher_wake(w->dispatcher);
}

static unsigned count_in_hand(void *ctx)
{
    const struct webhook *w = ctx;

    return dispatcher_in_hand(w->dispatcher);
}

struct webhook *webhook_start(struct loop *loop, const struct config *config, const char *redis_url)
{
    struct webhook *w = mem_new(struct webhook);
    struct err err;

    w->config = config;
    w->http = http_client_new(loop, "Spool/" SPOOL_VERSION);
    w->store = store_start(loop, config, redis_url, on_up, w);
    w->dispatcher = dispatcher_start(
        loop, w->store, redis_url,
        &(struct delivery_sender){.http = w->http, .config = config, .keys = &w->keys});
    w->beat = heartbeat_start(loop, w->store, "webhook", count_in_hand, NULL, w);
    if (config->webhook.secret_count == 0)
        w->secret = shared_secret_start(loop, w->store, "webhook_secret", "whsec_", on_secret, w);
    else if (!read_secrets(config, &w->keys, &err)) // webhook_check_config has checked them before
        log_error("webhook.secret", "error=\"%s\"", err.message);
    return w;
}

bool webhook_drain(struct webhook *webhook)
{
    bool is_idle = dispatcher_drain(webhook->dispatcher);

    if (webhook->drain_ms == 0) {
        webhook->drain_ms = clock_mono_ms();
        heartbeat_leave(webhook->beat);
    }
    shared_secret_drop(&webhook->secret);
    // A delivery whose result Redis doesn't get in time is sent again when its lease is over.
    return clock_mono_ms() - webhook->drain_ms < STORE_PATIENCE_MS
               ? is_idle && store_pending(webhook->store) == 0
               : dispatcher_is_quiet(webhook->dispatcher);
}

void webhook_drop(struct webhook **slot)
{
    struct webhook *w = *slot;

    if (w == NULL)
        return;
    *slot = NULL;
    shared_secret_drop(&w->secret);
    heartbeat_drop(&w->beat);
    dispatcher_drop(&w->dispatcher);
    http_client_drop(&w->http);
    store_drop(&w->store);
    sign_keys_clear(&w->keys);
    free(w);
}
