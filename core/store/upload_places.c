// Places for clients' files.
#include "core/store/upload_places.h"

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/store/keys.h"
#include "core/store/store.h"

enum { DEADLINE_MS = 5000 };

static void add_key(struct args *args, const char *name)
{
    struct buf key = {0};

    buf_fmt(&key, CELL_KEY("upload:%s"), name);
    args_str(args, key.data);
    buf_clear(&key);
}

static void on_promised(void *ctx, store_then_fn then, const redisReply *answer,
                        const struct err *err)
{
    (void)answer;
    ((upload_place_fn)then)(ctx, NULL, err);
}

struct store_call *upload_place_promise(struct store *store, const char *name, const char *key,
                                        int64_t life_ms, upload_place_fn fn, void *ctx)
{
    struct args args = {0};

    args_str(&args, "SET");
    add_key(&args, name);
    args_str(&args, key);
    args_str(&args, "PX");
    args_int(&args, life_ms);
    return store_command(store, &args, DEADLINE_MS, on_promised, (store_then_fn)fn, ctx);
}

static void on_found(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    bool is_there = err == NULL && answer->type == REDIS_REPLY_STRING;

    ((upload_place_fn)then)(ctx, is_there ? answer->str : NULL, err);
}

struct store_call *upload_place_find(struct store *store, const char *name, upload_place_fn fn,
                                     void *ctx)
{
    struct args args = {0};

    args_str(&args, "GET");
    add_key(&args, name);
    return store_command(store, &args, DEADLINE_MS, on_found, (store_then_fn)fn, ctx);
}

void upload_place_forget(struct store *store, const char *name)
{
    struct args args = {0};

    args_str(&args, "DEL");
    add_key(&args, name);
    store_command(store, &args, DEADLINE_MS, NULL, NULL, NULL);
}
