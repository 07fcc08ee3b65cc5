// Paths for vendors to call.
#include "core/store/callbacks.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/config/config.h"
#include "core/store/keys.h"
#include "core/store/shared_secret.h"
#include "core/store/store.h"

enum { MARK_BYTES = 12, MARK_HEX = 2 * MARK_BYTES, NOTE_DEADLINE_MS = 5000 };

struct callbacks {
    const struct config *config; // borrowed, outlives us
    struct store *store;         // borrowed, outlives us
    struct shared_secret *asking;
    struct secret key; // none: not known yet
    void (*on_ready)(void *ctx);
    void *ctx;
};

static bool on_key(void *ctx, const char *text, struct err *err)
{
    struct callbacks *callbacks = ctx;

    (void)err;
    secret_set(&callbacks->key, text);
    if (callbacks->on_ready != NULL)
        callbacks->on_ready(callbacks->ctx);
    return true;
}

struct callbacks *callbacks_start(struct loop *loop, const struct config *config,
                                  struct store *store, void (*on_ready)(void *ctx), void *ctx)
{
    struct callbacks *callbacks;
    struct err err;

    if (config->vendor_callbacks == CALLBACKS_NEVER ||
        (config->vendor_callbacks == CALLBACKS_AUTO &&
         !url_check_reach(config->public_url, NULL, &err)))
        return NULL;
    callbacks = mem_new(struct callbacks);
    callbacks->config = config;
    callbacks->store = store;
    callbacks->on_ready = on_ready;
    callbacks->ctx = ctx;
    callbacks->asking = shared_secret_start(loop, store, "callback_secret", "", on_key, callbacks);
    return callbacks;
}

bool callbacks_is_ready(const struct callbacks *callbacks)
{
    return callbacks == NULL || callbacks->key.text != NULL;
}

void callbacks_drop(struct callbacks **callbacks)
{
    if (*callbacks == NULL)
        return;
    shared_secret_drop(&(*callbacks)->asking);
    secret_clear(&(*callbacks)->key);
    free(*callbacks);
    *callbacks = NULL;
}

static void mark_of(const struct callbacks *callbacks, const char *task_id, char mark[MARK_HEX + 1])
{
    unsigned char mac[SHA256_BYTES];
    const char *key = secret_reveal(&callbacks->key);

    hmac_sha256(key, strlen(key), task_id, strlen(task_id), mac);
    hex_encode(mac, MARK_BYTES, mark);
}

char *callbacks_url(const struct callbacks *callbacks, const char *task_id)
{
    char mark[MARK_HEX + 1];
    struct buf url = {0};

    if (callbacks == NULL || callbacks->key.text == NULL)
        return NULL;
    mark_of(callbacks, task_id, mark);
    buf_fmt(&url, "%s/v1/callbacks/%s.%s", callbacks->config->public_url, task_id, mark);
    return buf_take(&url);
}

bool callbacks_check(const struct callbacks *callbacks, const char *segment, char id[ID_SIZE])
{
    const char *dot = strchr(segment, '.');
    size_t len = dot == NULL ? 0 : (size_t)(dot - segment);
    char mark[MARK_HEX + 1];

    if (callbacks == NULL || callbacks->key.text == NULL || len == 0 || len >= ID_SIZE ||
        strlen(dot + 1) != MARK_HEX)
        return false;
    memcpy(id, segment, len);
    id[len] = '\0';
    mark_of(callbacks, id, mark);
    return id_is_task(id) && CRYPTO_memcmp(mark, dot + 1, MARK_HEX) == 0;
}

void callbacks_note(struct callbacks *callbacks, const char *task_id, const char *upstream_id)
{
    struct args args = {0};

    args_id(&args, task_id);
    args_str(&args, upstream_id);
    store_call(callbacks->store, SCRIPT_hint, &args, NOTE_DEADLINE_MS, NULL, NULL, NULL);
}
