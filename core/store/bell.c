// What rings in Redis.
#include "core/store/bell.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/redis/redis.h"
#include "core/store/keys.h"

struct bell {
    struct redis *redis;
    bell_fn fn;
    void *ctx;
};

static void bell_on_message(void *ctx, const redisReply *message)
{
    struct bell *bell = ctx;

    if (message != NULL && message->type == REDIS_REPLY_STRING)
        bell->fn(bell->ctx, message->str);
}

struct bell *bell_start(struct loop *loop, const char *redis_url, enum bell_kind kind, bell_fn fn,
                        void *ctx)
{
    static const char *const channels[] = {
        [BELL_QUEUE] = CELL_KEY("wake"), [BELL_DELIVERIES] = CELL_KEY("ring")};
    struct redis_options options = {.url = redis_url};
    struct bell *bell = mem_new(struct bell);

    bell->fn = fn;
    bell->ctx = ctx;
    bell->redis = redis_start(loop, &options);
    redis_subscribe(bell->redis, channels[kind], bell_on_message, bell);
    return bell;
}

void bell_drop(struct bell **bell)
{
    if (*bell == NULL)
        return;
    redis_drop(&(*bell)->redis);
    free(*bell);
    *bell = NULL;
}
