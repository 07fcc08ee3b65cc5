// A store without Redis: its connection, and the queue.
#include "core/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/queue.h"
#include "tests/support/check.h"
#include "tests/support/fake_store_private.h"

struct store {
    const struct config *config;
    store_fn on_up;
    void *ctx;
    bool is_down;
};

static struct store the_store;

struct store *fake_store(const struct config *config)
{
    the_store = (struct store){.config = config};
    return &the_store;
}

void fake_store_set_up(bool is_up)
{
    the_store.is_down = !is_up;
    if (is_up && the_store.on_up != NULL)
        the_store.on_up(the_store.ctx);
}

struct store *store_start(struct loop *loop, const struct config *config, const char *redis_url,
                          store_fn on_up, void *ctx)
{
    (void)loop;
    (void)redis_url;
    fake_store(config);
    the_store.on_up = on_up;
    the_store.ctx = ctx;
    return &the_store;
}

void store_drop(struct store **store)
{
    *store = NULL;
    fake_cancel_store_s();
    the_store = (struct store){0};
}

bool store_is_up(const struct store *store)
{
    return !store->is_down;
}

const char *store_problem(const struct store *store)
{
    return store->is_down ? "the test says so" : "";
}

unsigned store_pending(const struct store *store)
{
    (void)store;
    return (unsigned)fake_count_waiting("");
}

unsigned store_owed(const struct store *store)
{
    (void)store;
    return (unsigned)(fake_count_waiting("change") + fake_count_waiting("finish"));
}

int64_t store_now_ms(const struct store *store)
{
    (void)store;
    return clock_wall_ms();
}

const struct config *store_config(const struct store *store)
{
    return store->config;
}

static void clear_call(struct fake_call *call)
{
    free(((struct store_call *)call)->more);
}

struct store_call *fake_store_call_new(void (*fn)(void), void *ctx, fake_lose_fn lose)
{
    struct store_call *call = mem_new(struct store_call);

    call->fn = fn;
    call->ctx = ctx;
    call->call.lose = fn == NULL ? NULL : lose;
    call->call.clear = clear_call;
    return call;
}

void fake_store_fail(struct fake_call *call)
{
    struct err err;

    err_set(&err, ERR_UNAVAILABLE, "Redis: the test says so");
    if (call->lose != NULL)
        call->lose(call, &err);
}

void store_cancel(struct store_call **call)
{
    if (*call != NULL)
        fake_cancel(&(*call)->call);
    *call = NULL;
}

// Claims.

static void end_claim(struct store_call *call, size_t count, int64_t next_ms, const struct err *err)
{
    const struct queue_claim *claim = call->claim;

    if (fake_takes(&call->call))
        claim->done(claim->ctx, count, next_ms, err);
}

static void fail_claim(struct fake_call *call, const struct err *err)
{
    end_claim((struct store_call *)call, 0, -1, err);
}

static struct store_call *claim_new(const struct queue_claim *claim)
{
    struct store_call *call = fake_store_call_new((void (*)(void))claim->done, NULL, fail_claim);

    call->claim = claim;
    return call;
}

// Adds a claim's line, with the room that the first account has.
static void say_claim(struct store_call *call, const char *what, int64_t serial, int max,
                      const struct queue_account *accounts, size_t count)
{
    fake_add(&call->call, "claim %s serial=%lld max=%d room=%d", what, (long long)serial, max,
             count == 0 ? 0 : accounts[0].room);
}

struct store_call *queue_claim_submits(struct store *store, int64_t serial, int max,
                                       const struct queue_account *accounts, size_t count,
                                       const struct queue_claim *claim)
{
    struct store_call *call = claim_new(claim);

    (void)store;
    say_claim(call, "submits", serial, max, accounts, count);
    return call;
}

struct store_call *queue_claim_due(struct store *store, int64_t serial, int max,
                                   const struct queue_account *accounts, size_t count,
                                   int room_of_others, const struct queue_claim *claim)
{
    struct store_call *call = claim_new(claim);

    (void)store;
    (void)room_of_others;
    say_claim(call, "due", serial, max, accounts, count);
    return call;
}

void fake_claim_work(struct fake_call *fake, enum work_kind kind, struct task *task)
{
    const struct queue_claim *claim = ((struct store_call *)fake)->claim;

    if (fake->is_answered || fake->is_cancelled)
        task_free(task);
    else
        claim->on_work(claim->ctx, kind, task);
}

void fake_claim_done(struct fake_call *call, size_t count, int64_t next_ms)
{
    end_claim((struct store_call *)call, count, next_ms, NULL);
}

static void fail_looks(struct fake_call *fake, const struct err *err)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake))
        ((queue_looks_fn)call->fn)(call->ctx, NULL, 0, -1, err);
}

struct store_call *queue_claim_looks(struct store *store, const struct queue_look *look,
                                     queue_looks_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_looks);

    (void)store;
    fake_add(&call->call, "looks account=%s max=%d", look->account, look->max);
    return call;
}

void fake_looks_done(struct fake_call *fake, struct task **tasks, size_t count, int64_t next_ms)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake)) {
        ((queue_looks_fn)call->fn)(call->ctx, tasks, count, next_ms, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
}

void queue_look_now(struct store *store, const struct task *task)
{
    (void)store;
    fake_note("look now %s", task->id);
}

// The sweeper.

static void fail_sweep(struct fake_call *fake, const struct err *err)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake))
        ((sweep_fn)call->fn)(call->ctx, &(struct sweep){.is_over = true}, err);
}

void fake_sweep_done(struct fake_call *fake, const struct sweep *sweep)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake))
        ((sweep_fn)call->fn)(call->ctx, sweep, NULL);
}

struct store_call *queue_sweep(struct store *store, int count, sweep_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_sweep);

    (void)store;
    (void)count;
    fake_add(&call->call, "sweep");
    return call;
}
