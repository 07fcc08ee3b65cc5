// A connection to Redis that goes nowhere.
#include "tests/support/fake_redis.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/redis/redis.h"

struct redis {
    struct redis_options options;
    struct {
        const char *channel;
        redis_reply_fn fn;
        void *ctx;
    } subscription;
    struct redis *next;
};

struct redis_call {
    struct fake_call call; // first
    struct redis *redis;
    redis_reply_fn fn;
    void *ctx;
    struct redis_call *next;
};

static struct redis *all;
static struct redis_call *sent;
static bool is_down;

struct redis *redis_start(struct loop *loop, const struct redis_options *options)
{
    struct redis *redis = mem_new(struct redis);

    (void)loop;
    redis->options = *options;
    redis->next = all;
    all = redis;
    return redis;
}

void redis_drop(struct redis **slot)
{
    struct redis **at = &all;

    if (*slot == NULL)
        return;
    for (struct redis_call *call = sent; call != NULL; call = call->next)
        if (call->redis == *slot)
            fake_cancel(&call->call);
    while (*at != *slot)
        at = &(*at)->next;
    *at = (*slot)->next;
    free(*slot);
    *slot = NULL;
}

bool redis_is_up(const struct redis *redis)
{
    (void)redis;
    return !is_down;
}

void redis_reconnect(struct redis *redis, const char *why)
{
    (void)redis;
    fake_note("redis reconnect %s", why);
}

void fake_redis_set_up(bool is_up)
{
    is_down = !is_up;
    for (struct redis *redis = all, *next; redis != NULL; redis = next) {
        next = redis->next;
        if (redis->options.on_state != NULL)
            redis->options.on_state(redis->options.ctx, is_up);
    }
}

void fake_redis_answer(struct fake_call *fake, const redisReply *reply)
{
    struct redis_call *call = (struct redis_call *)fake;

    if (fake_takes(fake) && call->fn != NULL)
        call->fn(call->ctx, reply);
}

static void fail_call(struct fake_call *call, const struct err *err)
{
    (void)err;
    fake_redis_answer(call, NULL);
}

static void clear_call(struct fake_call *fake)
{
    struct redis_call **at = &sent;

    while (*at != (struct redis_call *)fake)
        at = &(*at)->next;
    *at = (*at)->next;
}

void redis_sendf(struct redis *redis, redis_reply_fn fn, void *ctx, const char *format, ...)
{
    struct redis_call *call;
    struct buf text = {0};
    va_list args;

    if (is_down) {
        if (fn != NULL)
            fn(ctx, NULL);
        return;
    }
    va_start(args, format);
    buf_vfmt(&text, format, args);
    va_end(args);
    call = mem_new(struct redis_call);
    call->redis = redis;
    call->fn = fn;
    call->ctx = ctx;
    call->next = sent;
    sent = call;
    call->call.lose = fail_call;
    call->call.clear = clear_call;
    fake_add(&call->call, "redis %s", text.data);
    buf_clear(&text);
}

void redis_subscribe(struct redis *redis, const char *channel, redis_reply_fn fn, void *ctx)
{
    redis->subscription.channel = channel;
    redis->subscription.fn = fn;
    redis->subscription.ctx = ctx;
    fake_note("subscribe %s", channel);
}

void fake_redis_publish(const char *channel, const char *text)
{
    redisReply message = {.type = REDIS_REPLY_STRING, .str = (char *)text, .len = strlen(text)};

    for (struct redis *redis = all, *next; redis != NULL; redis = next) {
        next = redis->next;
        if (redis->subscription.channel != NULL &&
            strcmp(redis->subscription.channel, channel) == 0)
            redis->subscription.fn(redis->subscription.ctx, &message);
    }
}
