// A look that takes one request, and one that takes two.
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/task/task.h"
#include "providers/outcome.h"
#include "tests/support/check.h"
#include "tests/support/fake_bench.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_provider.h"
#include "tests/support/fake_store.h"
#include "workers/poll.h"

#define GET(path) "vendor GET https://one.example/" path " account=one-1"

static struct account account = {FAKE_ONE, .name = "one-1", .base_url = "https://one.example"};
static struct config config = {.accounts = &account, .account_count = 1};
static struct loop *loop;
static struct bench *bench;
static struct task *task;
static struct poll *poll;
static struct buf told; // "succeeded image=… next=f1; ", "unknown: why; "

static void on_told(void *ctx, const struct outcome *outcome, const struct err *err)
{
    assert_ptr_equal(ctx, &told);
    poll = NULL;
    if (outcome == NULL)
        buf_fmt(&told, "unknown: %s; ", err->message);
    else
        buf_fmt(&told, "%s, %zu files, next %s; ",
                outcome->kind == OUTCOME_SUCCEEDED ? "succeeded" : "something else",
                outcome->source_count, outcome->next == NULL ? "none" : outcome->next);
}

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    loop = loop_new();
    bench = fake_bench(loop, &config);
    task = fake_task("task_1", "dev", TASK_SUBMITTED);
    mem_set_str(&task->upstream_id, "up-1");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    poll_cancel(&poll);
    task_free(task);
    fake_bench_end(bench);
    loop_free(loop);
    buf_clear(&told);
    return 0;
}

static void start(const char *next)
{
    struct err err;

    poll = poll_start(bench, task, &account, next, on_told, &told, &err);
    assert_non_null(poll);
    assert_int_equal(told.len, 0); // never before it returns
}

static void answer(const char *body)
{
    fake_http_answer(fake_waiting("vendor"), 200, NULL, body);
}

static void check_told(const char *what)
{
    assert_string_equal(buf_text(&told), what);
    assert_null(poll);
    fake_expect_nothing();
}

static void test_one_request(void **state)
{
    (void)state;
    start(NULL);
    fake_expect(GET("up-1"));
    answer("succeeded image=https://a/1.png");
    check_told("succeeded, 1 files, next none; ");
}

static void test_two_requests(void **state)
{
    (void)state;
    start(NULL);
    fake_expect(GET("up-1"));
    answer("next f1");
    fake_expect(GET("next/f1"));
    assert_int_equal(told.len, 0);
    answer("succeeded image=https://a/1.png");
    check_told("succeeded, 1 files, next f1; ");
}

static void test_the_second_alone(void **state)
{
    (void)state;
    start("f1");
    fake_expect(GET("next/f1"));
    answer("succeeded image=https://a/2.png");
    check_told("succeeded, 1 files, next f1; ");
}

static void test_nothing_is_learnt(void **state)
{
    static const struct {
        const char *first, *second, *told; // second NULL: none is asked for
    } cases[] = {
        {"gibberish", NULL, "unknown: unreadable; "},
        {"next nothing", NULL, "unknown: nothing follows; "},
        {"next f1", "gibberish", "unknown: unreadable; "},
        {"next f1", "next f2", "unknown: the second answer asks for a third; "},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start(NULL);
        fake_expect(GET("up-1"));
        answer(cases[i].first);
        if (cases[i].second != NULL) {
            fake_expect(GET("next/f1"));
            answer(cases[i].second);
        }
        check_told(cases[i].told);
        tear_down(state);
        set_up(state);
    }
    start(NULL);
    fake_expect(GET("up-1"));
    fake_http_fail(fake_waiting("vendor"), ERR_TIMEOUT, false);
    assert_non_null(strstr(buf_text(&told), "unknown: "));
}

static void test_what_is_cancelled_stays_silent(void **state)
{
    (void)state;
    start(NULL);
    fake_expect(GET("up-1"));
    poll_cancel(&poll);
    poll_cancel(&poll);
    assert_int_equal(fake_count_waiting("vendor"), 0);
    start(NULL);
    fake_expect(GET("up-1"));
    answer("next f1");
    fake_expect(GET("next/f1"));
    poll_cancel(&poll);
    assert_int_equal(fake_count_waiting("vendor"), 0);
    check_told("");
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_one_request),
        TEST(test_two_requests),
        TEST(test_the_second_alone),
        TEST(test_nothing_is_learnt),
        TEST(test_what_is_cancelled_stays_silent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
