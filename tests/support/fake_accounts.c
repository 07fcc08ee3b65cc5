// The accounts of the fake store (core/store/accounts.h): calls wait until the test answers.
#include "core/store/accounts.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/heartbeat.h"
#include "core/store/store.h"
#include "tests/support/fake_store_private.h"

static void lose(struct fake_call *call, const struct err *err)
{
    struct store_call *question = (struct store_call *)call;

    if (fake_takes(call))
        ((accounts_fn)question->fn)(question->ctx, NULL, false, err);
}

void fake_accounts_done(struct fake_call *call, const struct account_state *states,
                        bool is_worker_there)
{
    struct store_call *question = (struct store_call *)call;

    if (fake_takes(call))
        ((accounts_fn)question->fn)(question->ctx, states, is_worker_there, NULL);
}

struct store_call *accounts_read(struct store *store, accounts_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, lose);

    (void)store;
    fake_add(&call->call, "accounts");
    return call;
}

void accounts_begin(struct store *store, const struct account *account)
{
    (void)store;
    fake_note("begin account %s", account->name);
}

// Heartbeats: "beat 1", and "beat 0" where the role leaves.

struct heartbeat {
    struct loop *loop;
    struct store *store;
    struct loop_timer *timer;
    heartbeat_count_fn count;
    void *ctx;
};

static void on_beat(void *ctx)
{
    struct heartbeat *heartbeat = ctx;

    heartbeat->timer = loop_in_step(heartbeat->loop, HEARTBEAT_EVERY_MS, on_beat, heartbeat);
    if (!store_is_up(heartbeat->store))
        return;
    heartbeat->count(heartbeat->ctx);
    fake_note("beat 1");
}

struct heartbeat *heartbeat_start(struct loop *loop, struct store *store, const char *role,
                                  heartbeat_count_fn count, heartbeat_trouble_fn trouble, void *ctx)
{
    struct heartbeat *heartbeat = mem_new(struct heartbeat);

    (void)role;
    (void)trouble;
    heartbeat->loop = loop;
    heartbeat->store = store;
    heartbeat->count = count;
    heartbeat->ctx = ctx;
    heartbeat->timer = loop_in_step(loop, HEARTBEAT_EVERY_MS, on_beat, heartbeat);
    return heartbeat;
}

void heartbeat_wake(struct heartbeat *heartbeat)
{
    loop_cancel(&heartbeat->timer);
    on_beat(heartbeat);
}

void heartbeat_leave(struct heartbeat *heartbeat)
{
    loop_cancel(&heartbeat->timer);
    fake_note("beat 0");
}

void heartbeat_drop(struct heartbeat **heartbeat)
{
    loop_cancel(&(*heartbeat)->timer);
    free(*heartbeat);
    *heartbeat = NULL;
}
