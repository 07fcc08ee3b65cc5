// Secrets kept in Redis.
#include "core/store/shared_secret.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/store/keys.h"
#include "core/store/store.h"

enum { SECRET_BYTES = 32, AGAIN_MS = 5000 };

struct shared_secret {
    struct loop *loop;   // borrowed, outlives us
    struct store *store; // borrowed, outlives us
    const char *name, *prefix;
    shared_secret_fn fn;
    void *ctx;
    // Until it is known, exactly one of these is set.
    struct store_call *asking;
    struct loop_timer *again;
    char *proposal; // made once, so that we propose the same again after a lost answer
};

static void forget_proposal(struct shared_secret *secret)
{
    if (secret->proposal != NULL)
        OPENSSL_cleanse(secret->proposal, strlen(secret->proposal));
    free(secret->proposal);
    secret->proposal = NULL;
}

static bool make_proposal(struct shared_secret *secret)
{
    unsigned char bytes[SECRET_BYTES];
    struct buf text = {0};

    if (RAND_bytes(bytes, sizeof bytes) != 1)
        return false;
    buf_reserve(&text, 64); // all at once: a buffer that grows leaves copies of the secret behind
    buf_str(&text, secret->prefix);
    base64_encode(bytes, sizeof bytes, &text);
    OPENSSL_cleanse(bytes, sizeof bytes);
    secret->proposal = buf_take(&text);
    return true;
}

static void secret_ask(void *ctx);

static void ask_again(struct shared_secret *secret, const char *error)
{
    log_error("secret.unknown", "key=%s error=\"%s\"", secret->name, error);
    secret->again = loop_after(secret->loop, AGAIN_MS, secret_ask, secret);
}

// What Redis says to a question for the secret; false: nothing of use, and it is asked again.
static bool is_answer(struct shared_secret *secret, const redisReply *answer, const struct err *err)
{
    if (err != NULL)
        ask_again(secret, err->message);
    else if (answer->type != REDIS_REPLY_STRING && answer->type != REDIS_REPLY_NIL)
        ask_again(secret, "an answer that makes no sense");
    else
        return true;
    return false;
}

static void secret_take(struct shared_secret *secret, const char *text)
{
    struct err why;

    if (secret->fn(secret->ctx, text, &why))
        forget_proposal(secret);
    else
        ask_again(secret, why.message);
}

static void secret_on_proposed(void *ctx, store_then_fn then, const redisReply *answer,
                               const struct err *err)
{
    struct shared_secret *secret = ctx;

    (void)then;
    secret->asking = NULL;
    // Where the answer is nil, our proposal has become the secret.
    if (is_answer(secret, answer, err))
        secret_take(secret, answer->type == REDIS_REPLY_STRING ? answer->str : secret->proposal);
}

static void secret_send(struct shared_secret *secret, bool is_proposal, store_answer_fn fn)
{
    struct args args = {0};
    char key[64];

    snprintf(key, sizeof key, CELL_KEY("%s"), secret->name);
    args_str(&args, is_proposal ? "SET" : "GET");
    args_str(&args, key);
    if (is_proposal) {
        args_str(&args, secret->proposal);
        args_str(&args, "NX");
        args_str(&args, "GET");
    }
    secret->asking = store_command(secret->store, &args, STORE_FOR_EVER, fn, NULL, secret);
}

static void secret_on_answer(void *ctx, store_then_fn then, const redisReply *answer,
                             const struct err *err)
{
    struct shared_secret *secret = ctx;

    (void)then;
    secret->asking = NULL;
    if (!is_answer(secret, answer, err))
        return;
    if (answer->type == REDIS_REPLY_STRING)
        secret_take(secret, answer->str);
    else if (secret->proposal == NULL && !make_proposal(secret))
        ask_again(secret, "no random bytes");
    else
        secret_send(secret, true, secret_on_proposed);
}

// A Redis that is full tells what it has, and takes no proposal.
static void secret_ask(void *ctx)
{
    struct shared_secret *secret = ctx;

    secret->again = NULL;
    secret_send(secret, false, secret_on_answer);
}

struct shared_secret *shared_secret_start(struct loop *loop, struct store *store, const char *name,
                                          const char *prefix, shared_secret_fn fn, void *ctx)
{
    struct shared_secret *secret = mem_new(struct shared_secret);

    *secret = (struct shared_secret){
        .loop = loop, .store = store, .name = name, .prefix = prefix, .fn = fn, .ctx = ctx};
    secret_ask(secret);
    return secret;
}

void shared_secret_drop(struct shared_secret **secret)
{
    if (*secret == NULL)
        return;
    store_cancel(&(*secret)->asking);
    loop_cancel(&(*secret)->again);
    forget_proposal(*secret);
    free(*secret);
    *secret = NULL;
}
