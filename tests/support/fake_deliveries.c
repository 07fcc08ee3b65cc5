// A store without Redis: deliveries, vendors' callbacks, the shared secret.
#include "core/store/deliveries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/callbacks.h"
#include "core/store/shared_secret.h"
#include "core/store/store.h"
#include "tests/support/check.h"
#include "tests/support/fake_store_private.h"

void delivery_free(struct delivery *delivery)
{
    if (delivery == NULL)
        return;
    task_free(delivery->task);
    free(delivery->body);
    free(delivery->receiver);
    free(delivery);
}

static void end_claim(struct store_call *call, size_t count, int64_t next_ms, bool is_short,
                      const struct err *err)
{
    const struct delivery_claim *claim = call->claim;

    if (fake_takes(&call->call))
        claim->done(claim->ctx, count, next_ms, is_short, err);
}

static void fail_claim(struct fake_call *call, const struct err *err)
{
    end_claim((struct store_call *)call, 0, -1, false, err);
}

struct store_call *deliveries_claim(struct store *store, int64_t serial,
                                    const struct delivery_limits *limits, int64_t lease_ms,
                                    const struct delivery_claim *claim)
{
    struct store_call *call = fake_store_call_new((void (*)(void))claim->done, NULL, fail_claim);
    struct delivery_limits *kept = mem_new(struct delivery_limits);

    (void)store;
    (void)lease_ms;
    *kept = *limits;
    call->more = kept;
    call->claim = claim;
    fake_add(&call->call, "deliveries serial=%lld quick=%d slow=%d", (long long)serial,
             limits->all.quick, limits->all.slow);
    return call;
}

const struct delivery_limits *fake_deliveries_limits(const struct fake_call *call)
{
    return ((const struct store_call *)call)->more;
}

void fake_deliveries_give(struct fake_call *fake, struct delivery *delivery)
{
    const struct delivery_claim *claim = ((struct store_call *)fake)->claim;

    if (fake->is_answered || fake->is_cancelled)
        delivery_free(delivery);
    else
        claim->on_delivery(claim->ctx, delivery);
}

void fake_deliveries_done(struct fake_call *call, size_t count, int64_t next_ms, bool is_short)
{
    end_claim((struct store_call *)call, count, next_ms, is_short, NULL);
}

struct store_call *deliveries_finish(struct store *store, const struct delivery *delivery,
                                     const struct delivery_result *result)
{
    static const char *const words[] = {"delivered", "retry", "exhausted", "ended", "later"};
    struct buf line = {0};

    (void)store;
    buf_fmt(&line, "finish %s n=%d %s", delivery->task->id, delivery->number,
            words[result->outcome]);
    if (result->delay_ms != 0)
        buf_fmt(&line, " delay=%lld", (long long)result->delay_ms);
    if (result->http_status != 0)
        buf_fmt(&line, " status=%d", result->http_status);
    if (result->is_silent)
        buf_str(&line, " silent");
    if (*result->error != '\0')
        buf_fmt(&line, " error=%s", result->error);
    fake_note("%s", line.data);
    buf_clear(&line);
    return NULL;
}

static void fail_log(struct fake_call *fake, const struct err *err)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake))
        ((delivery_log_fn)call->fn)(call->ctx, NULL, NULL, 0, err);
}

struct delivery_log *deliveries_read(struct store *store, const char *id, delivery_log_fn fn,
                                     void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_log);

    (void)store;
    fake_add(&call->call, "log %s", id);
    return (struct delivery_log *)call;
}

void delivery_log_cancel(struct delivery_log **log)
{
    store_cancel((struct store_call **)log);
}

static void fail_redeliver(struct fake_call *fake, const struct err *err)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake))
        ((redeliver_fn)call->fn)(call->ctx, err);
}

struct store_call *deliveries_redeliver(struct store *store, const char *id, const char *owner,
                                        int number, redeliver_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_redeliver);

    (void)store;
    fake_add(&call->call, "redeliver %s n=%d owner=%s", id, number, owner);
    return call;
}

// Vendors' callbacks: ready from the start.

struct callbacks {
    char nothing;
};

static struct callbacks the_callbacks;

struct callbacks *callbacks_start(struct loop *loop, const struct config *config,
                                  struct store *store, void (*on_ready)(void *ctx), void *ctx)
{
    (void)loop;
    (void)config;
    (void)store;
    (void)on_ready;
    (void)ctx;
    return &the_callbacks;
}

bool callbacks_is_ready(const struct callbacks *callbacks)
{
    (void)callbacks;
    return true;
}

void callbacks_drop(struct callbacks **callbacks)
{
    *callbacks = NULL;
}

char *callbacks_url(const struct callbacks *callbacks, const char *task_id)
{
    struct buf url = {0};

    if (callbacks == NULL)
        return NULL;
    buf_fmt(&url, "https://spool.example/callbacks/%s", task_id);
    return buf_take(&url);
}

bool callbacks_check(const struct callbacks *callbacks, const char *segment, char id[ID_SIZE])
{
    (void)callbacks;
    snprintf(id, ID_SIZE, "%s", segment);
    return id_is_task(segment);
}

void callbacks_note(struct callbacks *callbacks, const char *task_id, const char *upstream_id)
{
    (void)callbacks;
    fake_note("note %s upstream=%s", task_id, upstream_id == NULL ? "" : upstream_id);
}

// The shared secret.

struct shared_secret *shared_secret_start(struct loop *loop, struct store *store, const char *name,
                                          const char *prefix, shared_secret_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, NULL);

    (void)loop;
    (void)store;
    (void)prefix;
    fake_add(&call->call, "secret %s", name);
    return (struct shared_secret *)call;
}

void shared_secret_drop(struct shared_secret **secret)
{
    store_cancel((struct store_call **)secret);
}

void fake_secret_done(struct fake_call *fake, const char *text)
{
    struct store_call *call = (struct store_call *)fake;
    struct err err;

    if (fake_takes(fake))
        assert_true(((shared_secret_fn)call->fn)(call->ctx, text, &err));
}
