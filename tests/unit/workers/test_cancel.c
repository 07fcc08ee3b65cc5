// A cancel at a vendor: sent once, and looked at right after, whatever is said to it.
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "tests/support/check.h"
#include "tests/support/fake_bench.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_provider.h"
#include "tests/support/fake_store.h"
#include "workers/jobs.h"

#define SEND(id) "vendor DELETE https://many.example/" id " account=many-1"

static struct account account = {.name = "many-1", FAKE_MANY, .base_url = "https://many.example"};
static struct config config = {.accounts = &account, .account_count = 1};
static struct loop *loop;
static struct bench *bench;

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    loop = loop_new();
    bench = fake_bench(loop, &config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    fake_bench_end(bench);
    loop_free(loop);
    return 0;
}

// The task stays the caller's, who may be done with it before the vendor is.
static void cancel_as(const char *id, const char *upstream_id, bool runs)
{
    struct task *task = fake_task(id, "dev", TASK_SUBMITTED);

    task->provider = mem_str("many");
    task->account = mem_str("many-1");
    task->action = mem_str("MAKE");
    mem_set_str(&task->upstream_id, upstream_id);
    cancel_start(bench, task, runs);
    task_free(task);
}

static void cancel(const char *id, const char *upstream_id)
{
    cancel_as(id, upstream_id, false);
}

static void test_what_is_said_to_it(void **state)
{
    static const int statuses[] = {200, 204, 404, 409, 500, 0}; // 0: no answer

    (void)state;
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        print_message("%d\n", statuses[i]);
        cancel("task_1", "up-1");
        fake_expect(SEND("up-1"));
        fake_expect_nothing();
        if (statuses[i] != 0)
            fake_http_answer(fake_waiting("vendor"), statuses[i], NULL, "so be it");
        else
            fake_http_fail(fake_waiting("vendor"), ERR_TIMEOUT, false);
        fake_expect("look now task_1"); // the vendor's own state decides
        fake_expect("expect many-1 ms=50");
        fake_expect_nothing();
        assert_null(bench->jobs);
    }
}

// It may go on for as long as it likes: to look at once would be to ask at once, again and again.
static void test_of_a_job_that_runs(void **state)
{
    (void)state;
    cancel_as("task_1", "up-1", true);
    fake_expect(SEND("up-1"));
    fake_http_answer(fake_waiting("vendor"), 202, NULL, "so be it");
    fake_expect_nothing();
    assert_null(bench->jobs);
}

static void test_sent_once(void **state)
{
    (void)state;
    cancel("task_1", "up-1");
    fake_expect(SEND("up-1"));
    cancel("task_1", "up-1");
    fake_expect_nothing();
    cancel("task_2", "up-2"); // another one
    fake_expect(SEND("up-2"));
    fake_http_answer(fake_waiting("vendor"), 500, NULL, NULL);
    fake_expect("look now task_1");
    fake_expect("expect many-1 ms=50");
    cancel("task_1", "up-1"); // it still waits there: again
    fake_expect(SEND("up-1"));
}

static void test_no_request_can_be_made(void **state)
{
    (void)state;
    cancel("task_1", NULL);
    fake_expect_nothing();
    assert_null(bench->jobs);
}

static void begin(void)
{
    cancel("task_1", "up-1");
}

static void test_dropped_while_it_is_asked(void **state)
{
    static void (*const steps[])(void) = {begin};

    (void)state;
    fake_bench_drop_after(bench, steps, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_said_to_it),
        TEST(test_of_a_job_that_runs),
        TEST(test_sent_once),
        TEST(test_no_request_can_be_made),
        TEST(test_dropped_while_it_is_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
