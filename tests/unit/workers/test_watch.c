// The silent watch of a job whose task has ended here.
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "providers/provider.h"
#include "tests/support/check.h"
#include "tests/support/fake_bench.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_store.h"
#include "workers/jobs.h"

enum { LEFT_MS = 40000, LOOK_EVERY_MS = 15000 };

#define LOOK "vendor GET https://vendor.example/mj/task/up-1/fetch account=mj-1"

static struct account account = {
    .name = "mj-1", .provider_name = "midjourney", .base_url = "https://vendor.example"};
static struct config config = {.accounts = &account, .account_count = 1};
static struct loop *loop;
static struct bench *bench;

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    account_set_key(&account, "api_key", "key");
    assert_true(provider_bind(&account, &(struct err){0}));
    loop = loop_new();
    bench = fake_bench(loop, &config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_bench_end(bench);
    account_clear_keys(&account);
    loop_free(loop);
    return 0;
}

static void start(const char *upstream_id, int64_t left_ms)
{
    struct task *task = fake_task("task_1", "dev", TASK_CANCELLED);

    task->provider = mem_str("midjourney");
    task->account = mem_str("mj-1");
    task->action = mem_str("IMAGINE");
    task->upstream_id = mem_str(upstream_id);
    task->watch_ms = clock_wall_ms() + left_ms;
    watch_start(bench, task, clock_mono_ms());
}

static void test_what_a_look_means(void **state)
{
    static const struct {
        const char *name;
        int status; // 0: no answer
        const char *body;
        const char *line;
        int64_t left_ms;
    } cases[] = {
        {"it has ended there", 200,
         "{\"id\":\"up-1\",\"status\":\"SUCCESS\",\"imageUrl\":\"http://a/b.png\"}",
         "unwatch task_1", LEFT_MS},
        {"it failed there", 200, "{\"id\":\"up-1\",\"status\":\"FAILURE\",\"failReason\":\"no\"}",
         "unwatch task_1", LEFT_MS},
        {"it was cancelled there", 200, "{\"id\":\"up-1\",\"status\":\"CANCEL\"}", "unwatch task_1",
         LEFT_MS},
        {"it isn't there", 200, "null", "hold task_1 ms=15000", LEFT_MS},
        {"it runs", 200, "{\"id\":\"up-1\",\"status\":\"IN_PROGRESS\",\"progress\":\"10%\"}",
         "hold task_1 ms=15000", LEFT_MS},
        {"it runs, the watch ends soon", 200,
         "{\"id\":\"up-1\",\"status\":\"IN_PROGRESS\",\"progress\":\"10%\"}", "hold task_1 ms=7000",
         7000},
        {"the watch is over", 200,
         "{\"id\":\"up-1\",\"status\":\"IN_PROGRESS\",\"progress\":\"10%\"}", "hold task_1 ms=0",
         -1},
        {"no answer proves anything", 500, "oops", "hold task_1 ms=15000", LEFT_MS},
        {"none at all", 0, NULL, "hold task_1 ms=15000", LEFT_MS},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        start("up-1", cases[i].left_ms);
        fake_expect(LOOK);
        if (cases[i].status != 0)
            fake_http_answer(fake_waiting("vendor"), cases[i].status, NULL, cases[i].body);
        else
            fake_http_fail(fake_waiting("vendor"), ERR_TIMEOUT, false);
        fake_expect(cases[i].line);
        fake_expect_nothing();
        assert_null(bench->jobs);
        tear_down(state);
        set_up(state);
    }
}

static void test_nothing_to_look_at(void **state)
{
    (void)state;
    start(NULL, LEFT_MS);
    fake_expect("hold task_1 ms=40000"); // until the end
    fake_expect_nothing();
    assert_null(bench->jobs);
}

static void test_the_operators_interval(void **state)
{
    (void)state;
    account.poll_interval_ms = 300;
    start("up-1", LEFT_MS);
    fake_expect(LOOK);
    fake_http_answer(fake_waiting("vendor"), 500, NULL, "oops");
    fake_expect("hold task_1 ms=300");
    account.poll_interval_ms = 0;
}

// Nobody can be asked: its slot stays taken until the watch ends, or the account is there again.
static void test_an_account_that_is_not_there(void **state)
{
    (void)state;
    config.account_count = 0;
    start("up-1", LEFT_MS);
    config.account_count = 1;
    fake_expect("hold task_1 ms=15000");
    fake_expect_nothing();
    assert_null(bench->jobs);
}

static void test_handed_back_on_a_drain(void **state)
{
    (void)state;
    start("up-1", LEFT_MS);
    fake_expect(LOOK);
    fake_bench_drain(bench);
    fake_expect("hold task_1 ms=0");
    fake_expect_nothing();
    assert_null(bench->jobs);
}

static void test_dropped_while_it_looks(void **state)
{
    (void)state;
    start("up-1", LEFT_MS);
    fake_expect(LOOK);
    bench_drop_jobs(bench);
    fake_late();
    fake_loop_run_ms(loop, LOOK_EVERY_MS);
    fake_expect_nothing();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_a_look_means, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_to_look_at, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_operators_interval, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_account_that_is_not_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_handed_back_on_a_drain, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_while_it_looks, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
