// The bench: what becomes of a stored request, of jobs in a drain, of places; and how a lease is
// kept.
#include "workers/bench.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/store.h"
#include "tests/support/check.h"
#include "tests/support/fake_bench.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_provider.h"
#include "tests/support/fake_store.h"
#include "workers/job.h"
#include "workers/lease.h"

enum { LEASE_MS = 60000, SURE_MS = LEASE_MS / 2 };

static struct account accounts[] = {{.name = "many-1", FAKE_MANY}, {.name = "many-2", FAKE_MANY}};
static struct config config = {.accounts = accounts, .account_count = 2, .lease_ms = LEASE_MS};
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

static struct task *task_of(const char *id, const char *account, enum task_phase phase)
{
    struct task *task = fake_task(id, "dev", phase);

    task->provider = mem_str("many");
    task->account = mem_str(account);
    task->is_request_stored = true;
    return task;
}

// What is kept of a request goes when nobody can want to send it any more, and not before.
static void test_when_a_request_is_forgotten(void **state)
{
    static const struct {
        const char *name;
        enum task_phase phase;
        enum change_result result;
        bool is_lost, is_forgotten, is_woken;
    } cases[] = {
        {"ended before it was submitted", TASK_SUBMITTING, CHANGE_ENDED, false, true, true},
        {"ended in doubt", TASK_IN_DOUBT, CHANGE_ENDED, false, true, true},
        {"it goes on", TASK_SUBMITTING, CHANGE_DONE, false, false, true},
        {"somebody else has it", TASK_SUBMITTING, CHANGE_STALE, false, false, false},
        {"nobody knows", TASK_SUBMITTING, CHANGE_STALE, true, false, false},
        // It went when the vendor's id was stored.
        {"ended at the vendor", TASK_RENDERING, CHANGE_ENDED, false, false, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_of("task_1", "many-1", cases[i].phase);
        int64_t stale = metric_get(METRIC_stale_writes_total);

        print_message("%s\n", cases[i].name);
        transition_fail(bench->store, task, "x", "no", bench_listener(bench, task));
        task_free(task); // it needn't wait for the answer
        fake_skip();
        if (cases[i].is_lost)
            fake_store_fail(fake_waiting("change"));
        else
            fake_change_done(fake_waiting("change"), cases[i].result, false);
        if (cases[i].is_forgotten)
            fake_expect("delete inputs/task_1.json");
        if (cases[i].is_woken)
            fake_expect("wake");
        fake_expect_nothing();
        assert_null(bench->unsent);
        assert_int_equal(metric_get(METRIC_stale_writes_total) - stale,
                         cases[i].result == CHANGE_STALE && !cases[i].is_lost);
    }
}

// Files that are stored for a task that its client has forgotten meanwhile go again.
static void test_when_files_are_deleted(void **state)
{
    static const struct {
        const char *name;
        enum change_result result;
        bool is_lost, is_deleted, is_woken;
    } cases[] = {
        {"it has ended", CHANGE_ENDED, false, false, true},
        {"somebody else has it", CHANGE_STALE, false, false, false},
        {"it was forgotten", CHANGE_GONE, false, true, false},
        {"nobody knows", CHANGE_STALE, true, false, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_of("task_1", "many-1", TASK_ARCHIVING);
        json_t *result =
            json_pack("{s:[{s:{s:s}},{},{s:{s:s}},{s:{s:s}}]}", "sources", "artifact", "key",
                      "a.mp4", "artifact", "text", "no file", "artifact", "key", "a-1.png");

        print_message("%s\n", cases[i].name);
        transition_succeed(bench->store, task, "{}", bench_listener_of_files(bench, task, result));
        task_free(task);
        json_decref(result);
        fake_skip();
        if (cases[i].is_lost)
            fake_store_fail(fake_waiting("change"));
        else
            fake_change_done(fake_waiting("change"), cases[i].result, false);
        if (cases[i].is_deleted) {
            fake_expect("delete a.mp4");
            fake_expect("delete a-1.png");
        }
        if (cases[i].is_woken)
            fake_expect("wake");
        fake_expect_nothing();
        assert_null(bench->unsent);
    }
}

// Jobs.

static void drop(struct job *job)
{
    job_clear(job);
    free(job);
}

enum { FREE, BOUND };

static const struct job_state states[] = {
    [FREE] = {"free", JOB_TO(BOUND), true}, [BOUND] = {"bound", 0, false}};
static const struct job_kind kind = {"test", states, drop, job_hand_back, NULL};

static struct job *job_of(const char *id, const char *account)
{
    struct job *job = mem_new(struct job);

    job_init(job, bench, task_of(id, account, TASK_IN_DOUBT), &kind);
    return job;
}

static void test_a_drain_hands_back_what_may_be(void **state)
{
    struct job *kept;

    (void)state;
    job_of("task_1", "many-1");
    kept = job_of("task_2", "many-1");
    job_move(kept, BOUND);
    job_of("task_3", "many-1");
    fake_bench_drain(bench);
    fake_expect("hold task_3 ms=0");
    fake_expect("hold task_1 ms=0");
    fake_expect_nothing();
    assert_ptr_equal(bench->jobs, kept);
    assert_null(kept->next);
}

static void test_how_a_job_ends(void **state)
{
    (void)state;
    job_finish(job_of("task_1", "many-1"));
    fake_expect("wake"); // there is room for one more
    job_put_off(job_of("task_1", "many-1"), 500);
    fake_expect("hold task_1 ms=500");
    fake_expect_nothing();
    job_await_account(job_of("task_1", "gone-1"));
    fake_expect("hold task_1 ms=3000");
    assert_null(bench->jobs);
}

static void test_places_are_counted_for_each_account(void **state)
{
    struct job *first = job_of("task_1", "many-1"), *second = job_of("task_2", "many-2");
    struct job *third = job_of("task_3", "gone-1"); // not configured: it counts for all alone

    (void)state;
    job_take_place(first, PLACE_ARCHIVE);
    job_take_place(second, PLACE_ARCHIVE);
    job_take_place(third, PLACE_ARCHIVE);
    assert_int_equal(bench->places[PLACE_ARCHIVE].used, 3);
    assert_int_equal(bench->places[PLACE_SUBMIT].used, 0);
    assert_int_equal(bench->held[PLACE_ARCHIVE][0], 1);
    assert_int_equal(bench->held[PLACE_ARCHIVE][1], 1);
    job_drop(second);
    assert_int_equal(bench->places[PLACE_ARCHIVE].used, 2);
    assert_int_equal(bench->held[PLACE_ARCHIVE][0], 1);
    assert_int_equal(bench->held[PLACE_ARCHIVE][1], 0);
    bench_drop_jobs(bench);
    assert_int_equal(bench->places[PLACE_ARCHIVE].used, 0);
    assert_int_equal(bench->held[PLACE_ARCHIVE][0], 0);
}

// A lease.

static struct lease lease;
static int lost, checked, unknown;

static void on_lost(struct job *job)
{
    (void)job;
    lost++;
}

static void on_checked(struct job *job, const struct err *err)
{
    (void)job;
    checked += err == NULL;
    unknown += err != NULL;
}

static void start_lease(void)
{
    lost = checked = unknown = 0;
    lease_start(&lease, job_of("task_1", "many-1"), clock_mono_ms(), on_lost);
}

#define RENEW "hold task_1 ms=60000"

static void test_a_lease_is_sure_for_half_of_it(void **state)
{
    (void)state;
    start_lease();
    fake_clock_pass_ms(SURE_MS - 1);
    assert_true(lease_is_sure(&lease));
    fake_clock_pass_ms(1);
    assert_false(lease_is_sure(&lease));
    lease_stop(&lease);

    start_lease();
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(RENEW);
    fake_clock_pass_ms(1000); // the answer takes a while: from the question on it counts
    fake_hold_done(fake_waiting("hold"), true);
    assert_int_equal(lease_sure_until(&lease), clock_mono_ms() - 1000 + SURE_MS);
    lease_stop(&lease);
    fake_loop_run_ms(loop, LEASE_MS);
    fake_expect_nothing();
}

static void test_what_becomes_of_a_lease(void **state)
{
    (void)state;
    start_lease();
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(RENEW);
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect_nothing(); // one question at a time
    fake_store_fail(fake_waiting("hold"));
    assert_int_equal(lost + checked + unknown, 0); // no answer proves nothing
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(RENEW);
    fake_hold_done(fake_waiting("hold"), false);
    assert_int_equal(lost, 1);
    lease_stop(&lease);
    lease_stop(&lease);
}

static void test_a_lease_is_checked(void **state)
{
    struct fake_call *renewal;

    (void)state;
    start_lease();
    fake_loop_run_ms(loop, LEASE_MS / 3);
    renewal = fake_waiting("hold");
    lease_check(&lease, on_checked); // which renews it, too
    fake_hold_done(renewal, true);
    assert_int_equal(checked, 0); // that was the other question's
    fake_hold_done(fake_waiting("hold"), true);
    assert_int_equal(checked, 1);
    lease_check(&lease, on_checked);
    fake_store_fail(fake_waiting("hold"));
    assert_int_equal(unknown, 1);
    lease_check(&lease, on_checked);
    fake_hold_done(fake_waiting("hold"), false);
    assert_int_equal(lost, 1);
    assert_int_equal(checked + unknown, 2);
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_hold_done(fake_waiting("hold"), true);
    assert_int_equal(checked + unknown, 2); // a renewal isn't a check
    lease_check(&lease, on_checked);
    lease_stop(&lease);
    fake_late();
    assert_int_equal(lost + checked + unknown, 3); // silent
}

static void test_a_lease_is_lent(void **state)
{
    struct fake_call *renewal;

    (void)state;
    start_lease();
    fake_loop_run_ms(loop, LEASE_MS / 3);
    renewal = fake_waiting("hold");
    fake_skip();
    lease_lend(&lease);
    fake_hold_done(renewal, true); // asked before: it says nothing of the other question
    assert_int_equal(lease_sure_until(&lease), clock_mono_ms() - LEASE_MS / 3 + SURE_MS);
    fake_loop_run_ms(loop, LEASE_MS);
    fake_expect_nothing();
    lease_return(&lease);
    assert_int_equal(lease_sure_until(&lease), clock_mono_ms() - LEASE_MS + SURE_MS);
    fake_loop_run_ms(loop, LEASE_MS / 3);
    fake_expect(RENEW);
    lease_stop(&lease);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_when_a_request_is_forgotten),
        TEST(test_when_files_are_deleted),
        TEST(test_a_drain_hands_back_what_may_be),
        TEST(test_how_a_job_ends),
        TEST(test_places_are_counted_for_each_account),
        TEST(test_a_lease_is_sure_for_half_of_it),
        TEST(test_what_becomes_of_a_lease),
        TEST(test_a_lease_is_checked),
        TEST(test_a_lease_is_lent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
