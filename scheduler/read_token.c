// Read tokens: "rt_<until when, Unix ms>.<mark>.<the key's name>", which a query takes as it is.
#include "scheduler/read_token.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/base/secret.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/store/shared_secret.h"
#include "core/store/store.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

enum { LIFE_MS = 10 * 60 * 1000, MARK_BYTES = 24, MARK_HEX = 2 * MARK_BYTES };

static const char prefix[] = "rt_";

struct read_tokens {
    struct shared_secret *asking;
    struct secret secret; // none: not known yet
};

static bool on_secret(void *ctx, const char *text, struct err *err)
{
    struct read_tokens *tokens = ctx;

    (void)err;
    secret_set(&tokens->secret, text);
    return true;
}

struct read_tokens *read_tokens_start(struct loop *loop, struct store *store)
{
    struct read_tokens *tokens = mem_new(struct read_tokens);

    tokens->asking = shared_secret_start(loop, store, "read_secret", "", on_secret, tokens);
    return tokens;
}

void read_tokens_drop(struct read_tokens **tokens)
{
    if (*tokens == NULL)
        return;
    shared_secret_drop(&(*tokens)->asking);
    secret_clear(&(*tokens)->secret);
    free(*tokens);
    *tokens = NULL;
}

bool read_tokens_are_ready(const struct read_tokens *tokens)
{
    return tokens->secret.text != NULL;
}

static bool is_ready(const struct read_tokens *tokens, struct err *err)
{
    return read_tokens_are_ready(tokens) ||
           err_set(err, ERR_UNAVAILABLE, "read tokens can't be had yet, try again");
}

static void mark_of(const struct read_tokens *tokens, const struct config_token *key,
                    int64_t expires_ms, char mark[MARK_HEX + 1])
{
    const char *secret = secret_reveal(&tokens->secret);
    unsigned char mac[SHA256_BYTES];
    struct buf text = {0};

    buf_reserve(&text, 1024); // all at once: a buffer that grows leaves copies of the key behind
    buf_fmt(&text, "%lld %s %s", (long long)expires_ms, key->name, secret_reveal(&key->key));
    hmac_sha256(secret, strlen(secret), text.data, text.len, mac);
    hex_encode(mac, MARK_BYTES, mark);
    OPENSSL_cleanse(text.data, text.len);
    buf_clear(&text);
}

bool read_token_make(const struct read_tokens *tokens, const struct config_token *key,
                     int64_t now_ms, struct buf *text, int64_t *expires_ms, struct err *err)
{
    char mark[MARK_HEX + 1];

    if (!is_ready(tokens, err))
        return false;
    *expires_ms = now_ms + LIFE_MS;
    mark_of(tokens, key, *expires_ms, mark);
    buf_fmt(text, "%s%lld.%s.%s", prefix, (long long)*expires_ms, mark, key->name);
    return true;
}

bool read_token_is(const char *text)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

// Two keys may have one name: each has marks of its own.
static const struct config_token *key_marked(const struct read_tokens *tokens,
                                             const struct config *config, const char *name,
                                             int64_t expires_ms, const char *mark)
{
    const struct config_token *found = NULL;
    char wanted[MARK_HEX + 1];

    for (size_t i = 0; i < config->token_count; i++) {
        if (strcmp(config->tokens[i].name, name) != 0)
            continue;
        mark_of(tokens, &config->tokens[i], expires_ms, wanted);
        if (CRYPTO_memcmp(wanted, mark, MARK_HEX) == 0)
            found = &config->tokens[i];
    }
    return found;
}

const struct config_token *read_token_find(const struct read_tokens *tokens,
                                           const struct config *config, const char *text,
                                           int64_t now_ms, struct err *err)
{
    const struct config_token *key = NULL;
    char *mark;
    int64_t expires_ms;

    if (!is_ready(tokens, err))
        return NULL;
    err_set(err, ERR_AUTH, "Invalid read token, or one that has ended");
    if (!read_token_is(text))
        return NULL;
    expires_ms = strtoll(text + strlen(prefix), &mark, 10);
    if (*mark != '.' || strlen(mark) < MARK_HEX + 3 || mark[MARK_HEX + 1] != '.')
        return NULL;
    if (now_ms < expires_ms && expires_ms <= now_ms + 2 * LIFE_MS)
        key = key_marked(tokens, config, mark + MARK_HEX + 2, expires_ms, mark + 1);
    return key;
}

// POST /v1/events/token

// The key that the request came with: its name is borrowed from there. Another key may have the
// same name.
static const struct config_token *key_of(const struct request *request)
{
    const struct config_token *key = request->front->config->tokens;

    while (key->name != request->owner)
        key++;
    return key;
}

void read_token_give(struct request *request)
{
    const struct front *front = request->front;
    const struct config_token *key = key_of(request);
    struct buf token = {0}, json = {0};
    int64_t expires_ms;
    struct err err;

    if (!read_token_make(front->read_tokens, key, store_now_ms(front->store), &token, &expires_ms,
                         &err)) {
        request_refuse(request, &err);
        return;
    }
    http_exchange_add_header(request->exchange, "Cache-Control", "no-store");
    buf_fmt(&json, "{\"token\":\"%s\",\"expires_at\":%lld}", token.data, (long long)expires_ms);
    request_answer(request, 200, &json);
    buf_clear(&token);
    buf_clear(&json);
}
