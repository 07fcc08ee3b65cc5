// The bench that jobs hang on, over the fakes.
#include "tests/support/fake_bench.h"

#include "core/config/config.h"
#include "core/store/callbacks.h"
#include "core/store/store.h"
#include "tests/support/check.h"
#include "tests/support/fake.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_storage.h"
#include "tests/support/fake_store.h"
#include "workers/vendor.h"

enum { LATE_MS = 120000 };

static struct bench the_bench;

static void on_wake(void *ctx)
{
    (void)ctx;
    fake_note("wake");
}

static void on_expected(void *ctx, const struct account *account, int64_t ms)
{
    (void)ctx;
    fake_note("expect %s ms=%lld", account->name, (long long)ms);
}

static void on_put_off(void *ctx, const struct account *account, int64_t ms)
{
    (void)ctx;
    fake_note("put off %s ms=%lld", account->name, (long long)ms);
}

static void on_cancellable(void *ctx, const struct task *task, bool runs)
{
    (void)ctx;
    fake_note("cancellable %s%s", task->id, runs ? " runs" : "");
}

static void on_archiving(void *ctx, struct task *task, int64_t claimed_ms)
{
    (void)ctx;
    (void)claimed_ms;
    fake_note("archive %s", task->id);
    task_free(task);
}

struct bench *fake_bench(struct loop *loop, const struct config *config)
{
    static const struct bench_events events = {on_wake,        on_expected,  on_put_off,
                                               on_cancellable, on_archiving, NULL};

    bench_init(&the_bench, loop, config, &events);
    the_bench.store = fake_store(config);
    the_bench.http = fake_http_client();
    the_bench.vendors = vendors_new(loop, the_bench.http, config);
    the_bench.storage = fake_storage();
    the_bench.answers = fake_storage();
    the_bench.callbacks = callbacks_start(loop, config, the_bench.store, NULL, NULL);
    return &the_bench;
}

void fake_bench_end(struct bench *bench)
{
    bench_drop_jobs(bench);
    fake_late(); // changes that nobody waits for are heard by the bench
    fake_end();
    bench_clear(bench);
}

void fake_bench_drain(struct bench *bench)
{
    bench->is_draining = true;
    bench_hand_back(bench);
}

void fake_bench_drop_after(struct bench *bench, void (*const *steps)(void), size_t count)
{
    for (size_t i = 0; i < count; i++)
        steps[i]();
    bench_drop_jobs(bench);
    fake_skip();
    assert_int_equal(fake_count("create"), fake_count("drop"));
    assert_int_equal(bench->inputs.used, 0);
    for (int i = 0; i < PLACE_COUNT; i++) {
        assert_int_equal(bench->places[i].used, 0);
        for (size_t k = 0; k < bench->config->account_count; k++)
            assert_int_equal(bench->held[i][k], 0);
    }
    fake_late();
    fake_loop_run_ms(bench->loop, LATE_MS);
    fake_expect_nothing();
}
