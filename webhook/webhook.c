// The webhook role: the signing secret, and the dispatcher that uses it.
#include "webhook/webhook.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/config.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/http_client.h"
#include "core/io/loop.h"
#include "core/store/store.h"
#include "webhook/delivery.h"
#include "webhook/dispatcher.h"
#include "webhook/sign.h"

enum { SECRET_BYTES = 32, SECRET_AGAIN_MS = 5000 };

struct webhook {
    struct loop *loop;
    const struct config *config;
    struct store *store;
    struct http_client *http;
    struct sign_keys keys; // none: not known yet, and nothing is sent
    struct dispatcher *dispatcher;
    // While the secret isn't known: at most one of these is set.
    struct store_call *asking;
    struct loop_timer *again;
    char *proposal; // made once, so that asking again after a lost answer is asking the same
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

bool webhook_check_config(const struct config *config, struct err *err)
{
    struct sign_keys keys;

    if (!read_secrets(config, &keys, err))
        return false;
    sign_keys_clear(&keys);
    return true;
}

// The secret that is kept in Redis.

static void forget_proposal(struct webhook *w)
{
    if (w->proposal != NULL)
        OPENSSL_cleanse(w->proposal, strlen(w->proposal));
    free(w->proposal);
    w->proposal = NULL;
}

static bool make_proposal(struct webhook *w)
{
    unsigned char bytes[SECRET_BYTES];
    struct buf text = {0};

    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    buf_reserve(&text, 64); // at once: growing it would leave a piece behind
    buf_str(&text, "whsec_");
    base64_encode(bytes, sizeof bytes, &text);
    OPENSSL_cleanse(bytes, sizeof bytes);
    w->proposal = buf_take(&text);
    return true;
}

static void ask_for_secret(void *ctx);

static void ask_again(struct webhook *w, const char *error)
{
    log_error("webhook.secret", "error=\"%s\"", error);
    loop_cancel(&w->again);
    w->again = loop_after(w->loop, SECRET_AGAIN_MS, ask_for_secret, w);
}

static void on_secret(void *ctx, store_then_fn then, const redisReply *answer,
                      const struct err *err)
{
    struct webhook *w = ctx;
    const char *text = w->proposal; // nil: it has become the secret
    struct err why;

    (void)then;
    w->asking = NULL;
    if (err != NULL) {
        ask_again(w, err->message);
        return;
    }
    if (answer->type == REDIS_REPLY_STRING)
        text = answer->str;
    if (answer->type != REDIS_REPLY_STRING && answer->type != REDIS_REPLY_NIL) {
        ask_again(w, "spool:webhook_secret: an answer that makes no sense");
    } else if (!sign_keys_parse(&w->keys, &text, 1, &why)) {
        err_wrap(&why, "spool:webhook_secret");
        ask_again(w, why.message);
    } else {
        forget_proposal(w);
        dispatcher_wake(w->dispatcher);
    }
}

// The first process to ask makes it, the others get it.
static void ask_for_secret(void *ctx)
{
    struct webhook *w = ctx;
    struct args args = {0};

    w->again = NULL;
    if (w->proposal == NULL && !make_proposal(w)) {
        ask_again(w, "no random bytes");
        return;
    }
    args_str(&args, "SET");
    args_str(&args, "spool:webhook_secret");
    args_str(&args, w->proposal);
    args_str(&args, "NX");
    args_str(&args, "GET");
    w->asking = store_command(w->store, &args, STORE_FOR_EVER, on_secret, w);
}

// The role.

static void on_up(void *ctx)
{
    struct webhook *w = ctx;

    dispatcher_wake(w->dispatcher);
}

struct webhook *webhook_start(struct loop *loop, const struct config *config, const char *redis_url)
{
    struct webhook *w = mem_new(struct webhook);
    struct err err;

    w->loop = loop;
    w->config = config;
    w->http = http_client_new(loop, "Spool/" SPOOL_VERSION);
    w->store = store_start(loop, config, redis_url, on_up, w);
    w->dispatcher = dispatcher_start(
        loop, w->store, redis_url,
        &(struct delivery_sender){.http = w->http, .config = config, .keys = &w->keys});
    if (config->webhook.secret_count == 0)
        ask_for_secret(w);
    else if (!read_secrets(config, &w->keys, &err)) // webhook_check_config comes first
        log_error("webhook.secret", "error=\"%s\"", err.message);
    return w;
}

bool webhook_drain(struct webhook *webhook)
{
    bool is_idle = dispatcher_drain(webhook->dispatcher);

    loop_cancel(&webhook->again);
    store_cancel(&webhook->asking);
    return is_idle && store_pending(webhook->store) == 0;
}

void webhook_drop(struct webhook **slot)
{
    struct webhook *w = *slot;

    if (w == NULL)
        return;
    *slot = NULL;
    loop_cancel(&w->again);
    store_cancel(&w->asking);
    dispatcher_drop(&w->dispatcher);
    http_client_drop(&w->http);
    store_drop(&w->store);
    sign_keys_clear(&w->keys);
    forget_proposal(w);
    free(w);
}
