// A submit in doubt: what is asked of the vendor, and what is believed.
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
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

enum { LEASE_MS = 60000 };

#define STEP(number) "vendor GET https://many.example/search/task_1/" number " account=many-1"
#define NAMED "vendor GET https://many.example/up-7 account=many-1"
#define FOUND(id) "change task_1 adopt upstream=" id " news"
#define NOT_FOUND "change task_1 disprove"
#define UNKNOWN(account) "change task_1 fail unknown account=" account " typical=60000"
#define RETRIED "change task_1 retry unknown"
#define HANDED_BACK "hold task_1 ms=0"

static struct account accounts[] = {
    {.name = "many-1", FAKE_MANY, .base_url = "https://many.example"},
    {.name = "one-1", FAKE_ONE, .base_url = "https://one.example"}};
static struct config config = {.accounts = accounts, .account_count = 2, .lease_ms = LEASE_MS};
static struct loop *loop;
static struct bench *bench;

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    for (size_t i = 0; i < config.account_count; i++)
        accounts[i].on_unknown_submit = ON_UNKNOWN_FAIL;
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

static void begin_anew(void)
{
    tear_down(NULL);
    set_up(NULL);
}

static void start_task(struct task *task, const char *account, int64_t elapsed_ms, const char *hint)
{
    task->provider = mem_strn(account, strcspn(account, "-"));
    task->account = mem_str(account);
    task->action = mem_str("MAKE");
    task->doubt_ms = clock_wall_ms() - elapsed_ms;
    task->is_request_stored = true;
    mem_set_str(&task->upstream_hint, hint);
    doubt_start(bench, task, clock_mono_ms());
}

// With this request.
static void start_like(const char *request)
{
    struct task *task = fake_task("task_1", "dev", TASK_IN_DOUBT);

    mem_set_str(&task->request, request);
    start_task(task, "many-1", 0, NULL);
}

// In doubt for so long; `hint`: what the vendor's callback named, NULL: it didn't come.
static void start_at(const char *account, int64_t elapsed_ms, const char *hint)
{
    start_task(fake_task("task_1", "dev", TASK_IN_DOUBT), account, elapsed_ms, hint);
}

static void start(void)
{
    start_at("many-1", 0, NULL);
}

static void answer(const char *words)
{
    fake_http_answer(fake_waiting("vendor"), 200, NULL, words);
}

static void check_over(void)
{
    fake_expect_nothing();
    assert_null(bench->jobs);
}

static void test_found_by_a_search_in_steps(void **state)
{
    (void)state;
    start();
    fake_expect(STEP("0"));
    answer("next");
    fake_expect(STEP("1"));
    answer("next");
    fake_expect(STEP("2"));
    answer("accepted up-1");
    fake_expect(FOUND("up-1"));
    fake_expect_nothing(); // before it is stored
    fake_change_done(fake_waiting("change"), CHANGE_DONE, false);
    fake_expect("delete inputs/task_1.json");
    fake_expect("expect many-1 ms=2000");
    fake_expect("wake");
    check_over();
}

// What the vendor lists shows no mark: whose it is, and whether it is the task's, Redis tells.
static void test_found_by_its_likeness(void **state)
{
    static const char choose[] = "choose task_1 of up-1,up-2";

    (void)state;
    start_like("{}");
    answer("alike up-1 up-2");
    fake_expect(STEP("0"));
    fake_expect(choose);
    fake_expect_nothing();
    fake_choose_done(fake_waiting("choose"), "up-2");
    fake_expect(FOUND("up-2"));
    begin_anew();

    start_like("{}");
    answer("alike up-1 up-2");
    fake_expect(STEP("0"));
    fake_expect(choose);
    fake_choose_done(fake_waiting("choose"), NULL);
    fake_expect("hold task_1 ms=500"); // looked at again
    begin_anew();

    start_like("{}");
    answer("alike up-1 up-2");
    fake_expect(STEP("0"));
    fake_expect(choose);
    fake_store_fail(fake_waiting("choose"));
    fake_expect("hold task_1 ms=500");
    begin_anew();

    start_like(NULL); // it isn't known what it looks like
    answer("alike up-1");
    fake_expect(STEP("0"));
    fake_expect("hold task_1 ms=500");
    begin_anew();

    start_like("{}");
    answer("alike");
    fake_expect(STEP("0"));
    fake_expect("hold task_1 ms=500");
    begin_anew();

    start_like("{}");
    answer("alike up-1");
    fake_expect(STEP("0"));
    fake_expect("choose task_1 of up-1");
    bench_drop_jobs(bench); // while Redis is asked
    fake_expect_nothing();
}

static void test_what_storing_it_tells(void **state)
{
    (void)state;
    start();
    answer("accepted up-1");
    fake_skip();
    fake_change_done(fake_waiting("change"), CHANGE_DONE, true);
    fake_expect("delete inputs/task_1.json");
    fake_expect("expect many-1 ms=0"); // a cancel is asked for
    fake_expect("wake");
    check_over();

    start();
    answer("accepted up-1");
    fake_skip();
    fake_change_done(fake_waiting("change"), CHANGE_STALE, false);
    fake_expect("wake");
    check_over();
}

static void test_found_by_the_vendors_callback(void **state)
{
    static const struct {
        const char *name, *words; // NULL: no answer
        const char *line;
    } cases[] = {
        {"it runs", "rendering 3", FOUND("up-7")},
        {"it has failed", "failed no cats", FOUND("up-7")},
        {"it isn't there", "missing", STEP("0")},
        {"unreadable", "oops", STEP("0")},
        {"no answer", NULL, STEP("0")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        start_at("many-1", 0, "up-7");
        fake_expect(NAMED);
        if (cases[i].words != NULL)
            answer(cases[i].words);
        else
            fake_http_fail(fake_waiting("vendor"), ERR_TIMEOUT, false);
        fake_expect(cases[i].line);
        fake_expect_nothing();
        begin_anew();
    }
}

static void test_what_a_search_tells(void **state)
{
    static const struct {
        const char *name;
        int64_t elapsed_ms;
        const char *words; // NULL: no answer
        const char *line;
    } cases[] = {
        // Absence is believed once the vendor had time to list it.
        {"absent, at once", 0, "absent", "hold task_1 ms=500"},
        {"absent, soon", 1999, "absent", "hold task_1 ms=1999"},
        {"absent, after a while", 2000, "absent", NOT_FOUND},
        {"absent, at the end", 20000, "absent", NOT_FOUND},
        // Anything else proves nothing.
        {"missing", 0, "missing", "hold task_1 ms=500"},
        {"unreadable", 0, "oops", "hold task_1 ms=500"},
        {"no answer", 0, NULL, "hold task_1 ms=500"},
        {"a word of a submit", 0, "doubt it", "hold task_1 ms=500"},
        // The waits grow, and end.
        {"after 501 ms", 501, "missing", "hold task_1 ms=501"},
        {"after 3 s", 3000, "missing", "hold task_1 ms=3000"},
        {"after 5 s", 5000, "missing", "hold task_1 ms=4000"},
        {"the last look", 11000, "missing", "hold task_1 ms=4000"},
        {"there is no time for another", 11001, "missing", UNKNOWN("many-1")},
        {"late", 20000, "oops", UNKNOWN("many-1")},
        {"late, no answer", 20000, NULL, UNKNOWN("many-1")},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool is_held = strncmp(cases[i].line, "hold", 4) == 0;

        print_message("%s\n", cases[i].name);
        start_at("many-1", cases[i].elapsed_ms, NULL);
        fake_expect(STEP("0"));
        if (cases[i].words != NULL)
            answer(cases[i].words);
        else
            fake_http_fail(fake_waiting("vendor"), ERR_TIMEOUT, false);
        fake_expect(cases[i].line);
        if (!is_held)
            fake_expect("wake");
        check_over();
        begin_anew();
    }
}

static void test_found_late(void **state)
{
    (void)state;
    start_at("many-1", 20000, NULL);
    answer("accepted up-1");
    fake_expect(STEP("0"));
    fake_expect(FOUND("up-1"));
}

static void test_a_search_has_an_end(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 3; i++)
        answer("next");
    fake_skip();
    assert_int_equal(fake_count("vendor"), 3);
    assert_int_equal(fake_count(UNKNOWN("many-1")), 1); // all was searched, and nothing proved
    assert_null(bench->jobs);
    begin_anew();

    // One that is first looked up late may take as long as one request.
    start_at("many-1", 20000, NULL);
    fake_loop_run_ms(loop, 4999);
    answer("next");
    fake_expect(STEP("0"));
    fake_expect(STEP("1"));
    fake_loop_run_ms(loop, 1);
    answer("next");
    fake_expect(UNKNOWN("many-1"));
    fake_expect("wake");
    check_over();
    begin_anew();

    start();
    fake_loop_run_ms(loop, 14999);
    answer("next");
    fake_expect(STEP("0"));
    fake_expect(STEP("1"));
    fake_loop_run_ms(loop, 1);
    answer("next");
    fake_expect(UNKNOWN("many-1"));
}

static void test_a_vendor_that_cannot_be_searched(void **state)
{
    struct task *task;

    (void)state;
    start_at("one-1", 1000, NULL); // it may still call back
    fake_expect("hold task_1 ms=1000");
    check_over();
    start_at("one-1", 14000, NULL);
    fake_expect(UNKNOWN("one-1"));
    fake_expect("wake");
    check_over();
    task = fake_task("task_1", "dev", TASK_IN_DOUBT);
    task->is_call = true; // nobody is told of a call
    start_task(task, "one-1", 1000, NULL);
    fake_expect(UNKNOWN("one-1"));
    fake_expect("wake");
    check_over();
    bench->callbacks = NULL; // nor can it call
    start_at("one-1", 0, NULL);
    fake_expect(UNKNOWN("one-1"));
    fake_expect("wake");
    check_over();
}

static void test_the_operator_prefers_to_send_again(void **state)
{
    (void)state;
    accounts[0].on_unknown_submit = ON_UNKNOWN_RETRY;
    start_at("many-1", 20000, NULL);
    answer("missing");
    fake_expect(STEP("0"));
    fake_expect(RETRIED);
    fake_expect("wake");
    check_over();
}

static void test_an_account_that_is_not_there(void **state)
{
    (void)state;
    start_at("gone-1", 20000, "up-7");
    fake_expect("hold task_1 ms=3000"); // looked at again later, decided by nobody
    check_over();
}

// The lease.

static void test_the_lease(void **state)
{
    (void)state;
    start();
    fake_expect(STEP("0"));
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect("hold task_1 ms=60000");
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect_nothing();
    fake_store_fail(fake_waiting("hold")); // proves nothing
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect("hold task_1 ms=60000");
    fake_hold_done(fake_waiting("hold"), true);
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect("hold task_1 ms=60000");
    fake_hold_done(fake_waiting("hold"), false); // somebody else looks it up
    fake_expect("wake");
    check_over();
    assert_int_equal(fake_count_waiting("vendor"), 0);
}

// Whoever has the task by now: the id was paid for.
static void test_what_is_found_is_stored_whatever_the_lease(void **state)
{
    struct fake_call *hold;

    (void)state;
    start();
    fake_loop_run_ms(loop, LEASE_MS / 3);
    hold = fake_waiting("hold");
    answer("accepted up-1");
    fake_skip();
    fake_hold_done(hold, false);
    fake_loop_run_ms(loop, LEASE_MS);
    fake_expect_nothing();
    assert_int_equal(fake_count_waiting("change"), 1);
    assert_non_null(bench->jobs);
}

// Its longest way.

static void start_named(void)
{
    start_at("many-1", 0, "up-7");
}

static void not_there(void)
{
    answer("missing");
}

static void next(void)
{
    answer("next");
}

static void find(void)
{
    fake_loop_run_ms(loop, LEASE_MS / 3); // the lease is asked for meanwhile
    answer("accepted up-1");
}

static void (*const steps[])(void) = {start_named, not_there, find};
static void (*const more_steps[])(void) = {start, next, find};
enum { STEPS = sizeof steps / sizeof steps[0] };

static void test_dropped_after_each_step(void **state)
{
    (void)state;
    for (size_t count = 1; count <= STEPS; count++) {
        fake_bench_drop_after(bench, steps, count);
        begin_anew();
        fake_bench_drop_after(bench, more_steps, count);
        begin_anew();
    }
}

static void test_drained_after_each_step(void **state)
{
    (void)state;
    for (size_t count = 1; count <= STEPS; count++) {
        for (size_t i = 0; i < count; i++)
            steps[i]();
        fake_skip();
        fake_bench_drain(bench);
        if (count < STEPS) {
            fake_expect(HANDED_BACK);
            check_over();
        } else {
            fake_expect_nothing();
            assert_non_null(bench->jobs); // what was found is stored first
            fake_change_done(fake_waiting("change"), CHANGE_DONE, false);
            assert_null(bench->jobs);
        }
        begin_anew();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_found_by_a_search_in_steps),
        TEST(test_found_by_its_likeness),
        TEST(test_what_storing_it_tells),
        TEST(test_found_by_the_vendors_callback),
        TEST(test_what_a_search_tells),
        TEST(test_found_late),
        TEST(test_a_search_has_an_end),
        TEST(test_a_vendor_that_cannot_be_searched),
        TEST(test_the_operator_prefers_to_send_again),
        TEST(test_an_account_that_is_not_there),
        TEST(test_the_lease),
        TEST(test_what_is_found_is_stored_whatever_the_lease),
        TEST(test_dropped_after_each_step),
        TEST(test_drained_after_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
