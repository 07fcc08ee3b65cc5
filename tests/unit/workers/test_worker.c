// The worker: when it claims, what it starts of what it gets, what goes on by itself, and how it
// leaves.
#include "providers/provider.h"
#include "workers/worker.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/queue.h"
#include "tests/support/check.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_redis.h"
#include "tests/support/fake_storage.h"
#include "tests/support/fake_store.h"

enum {
    LEASE_MS = 60000,
    HEARTBEAT_MS = 1000,
    HEARTBEAT_IDLE_MS = 5000, // as often as the process says that it is there
    SUBMITS = 4096,
    ARCHIVES = 128
};

#define SUBMITS_1 "claim submits serial=1 max=64 room=2048"
#define SUBMITS_2 "claim submits serial=2 max=64 room=2048"
#define DUE_1 "claim due serial=1 max=64 room=64"
#define DUE_2 "claim due serial=2 max=64 room=64"
#define LOOKS "looks account=mj-1 max=100"
#define LOOK "vendor GET https://vendor.example/mj/task/up-1/fetch account=mj-1"
#define BEGIN "begin task_1 ms=60000"

static struct account account = {.name = "mj-1",
                                 .provider_name = "midjourney",
                                 .base_url = "https://vendor.example",
                                 .task_timeout_ms = 600000};
static struct config config = {.accounts = &account, .account_count = 1, .lease_ms = LEASE_MS};
static struct loop *loop;
static struct worker *worker;

// It is up, and has asked for everything once.
static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    account_set_key(&account, "api_key", "key");
    assert_true(provider_bind(&account, &(struct err){0}));
    loop = loop_new();
    worker = worker_start(loop, &config, "redis");
    fake_store_set_up(true);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    worker_drop(&worker);
    fake_skip();
    fake_late();
    fake_expect_nothing(); // it is silent
    fake_end();
    account_clear_keys(&account);
    loop_free(loop);
    return 0;
}

static void begin_anew(void)
{
    tear_down(NULL);
    set_up(NULL);
}

static struct task *task_of(const char *id, enum task_phase phase)
{
    struct task *task = fake_task(id, "dev", phase);

    task->provider = mem_str("midjourney");
    task->account = mem_str("mj-1");
    task->action = mem_str("IMAGINE");
    task->family = mem_str("midjourney");
    task->request = mem_str("{\"prompt\":\"a cat\"}");
    task->upstream_id = phase > TASK_IN_DOUBT ? mem_str("up-1") : NULL;
    task->created_ms = clock_wall_ms();
    task->watch_ms = clock_wall_ms() + 60000;
    return task;
}

static void give(const char *claim, enum work_kind kind, const char *id, enum task_phase phase)
{
    fake_claim_work(fake_waiting(claim), kind, task_of(id, phase));
}

// Both claims are through, and nothing more is there.
static void claimed_nothing(void)
{
    fake_claim_done(fake_waiting("claim submits"), 0, -1);
    fake_claim_done(fake_waiting("claim due"), 0, -1);
}

static void test_it_begins(void **state)
{
    (void)state;
    fake_expect("subscribe {spool}:wake");
    fake_expect("storage sweep");
    fake_expect("storage sweep");      // of the answers
    fake_expect("begin account mj-1"); // its key may have been mended
    fake_expect("beat 1");
    fake_expect(SUBMITS_1);
    fake_expect(DUE_1);
    fake_expect(LOOKS);
    fake_expect_nothing();
    claimed_nothing();
    fake_looks_done(fake_waiting("looks"), NULL, 0, -1);
    fake_store_set_up(false);
    fake_store_set_up(true); // Redis was away for a moment: the accounts are as they were
    fake_expect("beat 1");
    fake_expect(SUBMITS_2);
    fake_expect(DUE_2);
    fake_expect(LOOKS);
    fake_expect_nothing();
}

// Claims.

static void test_what_each_kind_of_work_starts(void **state)
{
    static const struct {
        const char *claim;
        enum work_kind kind;
        enum task_phase phase;
        const char *line;
    } cases[] = {
        {"claim submits", WORK_SUBMIT, TASK_SUBMITTING, BEGIN},
        {"claim due", WORK_DOUBT, TASK_IN_DOUBT,
         "vendor GET https://vendor.example/mj/task/list account=mj-1"},
        {"claim due", WORK_WATCH, TASK_CANCELLED, LOOK},
        // Its result can't be read, which ends it.
        {"claim due", WORK_ARCHIVE, TASK_ARCHIVING,
         "change task_1 fail code=archive_failed message=the result couldn't be archived: the "
         "stored result can't be read"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%d\n", cases[i].kind);
        fake_skip();
        give(cases[i].claim, cases[i].kind, "task_1", cases[i].phase);
        fake_expect(cases[i].line);
        begin_anew();
    }
}

static void test_as_long_as_it_gets_something_it_claims(void **state)
{
    (void)state;
    fake_skip();
    give("claim submits", WORK_SUBMIT, "task_1", TASK_SUBMITTING);
    fake_expect(BEGIN);
    fake_claim_done(fake_waiting("claim submits"), 1, -1);
    fake_expect("claim submits serial=2 max=64 room=2047"); // its account holds a place
    fake_claim_done(fake_waiting("claim submits"), 0, 300);
    fake_expect_nothing();
    fake_loop_run_ms(loop, 299);
    fake_expect_nothing();
    fake_loop_run_ms(loop, 1); // a task waits so long
    fake_expect("claim submits serial=3 max=64 room=2047");
}

static void test_one_claim_at_a_time(void **state)
{
    (void)state;
    fake_skip();
    fake_redis_publish("{spool}:wake", "midjourney"); // a lane
    fake_redis_publish("{spool}:wake", "midjourney");
    fake_expect_nothing();
    claimed_nothing();
    fake_expect(SUBMITS_2); // wanted meanwhile
    fake_expect(DUE_2);
    claimed_nothing();
    fake_expect_nothing();
}

static void test_it_is_rung(void **state)
{
    (void)state;
    claimed_nothing();
    fake_looks_done(fake_waiting("looks"), NULL, 0, -1);
    fake_skip();
    fake_redis_publish("{spool}:wake", "midjourney");
    fake_expect(SUBMITS_2);
    fake_expect(DUE_2);
    claimed_nothing();
    fake_loop_run_ms(loop, 0);
    fake_expect_nothing(); // a lane has nothing to look at
    fake_redis_publish("{spool}:wake", "mj-1");
    fake_expect("claim submits serial=3 max=64 room=2048");
    fake_expect("claim due serial=3 max=64 room=64");
    fake_loop_run_ms(loop, 0);
    fake_expect(LOOKS); // an account may have
}

// Redis may have given something: it is asked for again by the same number, as long as the lease of
// what was given may last.
static void test_a_lost_claim_keeps_its_number(void **state)
{
    (void)state;
    fake_skip();
    fake_store_fail(fake_waiting("claim submits"));
    fake_store_fail(fake_waiting("claim due"));
    fake_expect_nothing(); // the heartbeat asks again
    fake_loop_run_ms(loop, HEARTBEAT_MS);
    assert_int_equal(fake_count(SUBMITS_1), 2);
    assert_int_equal(fake_count(DUE_1), 2);
    claimed_nothing();
    fake_skip();
    fake_loop_run_ms(loop, HEARTBEAT_MS);
    assert_int_equal(fake_count(SUBMITS_2), 1);
    assert_int_equal(fake_count(DUE_2), 1);
    fake_store_fail(fake_waiting("claim submits"));
    fake_store_fail(fake_waiting("claim due"));
    fake_clock_pass_ms(LEASE_MS);
    fake_loop_run_ms(loop, HEARTBEAT_MS);
    assert_int_equal(fake_count(SUBMITS_2), 1); // nothing of that is ours any more
    assert_int_equal(fake_count("claim submits serial=3"), 1);
    assert_int_equal(fake_count("claim due serial=3"), 1);
}

// What a lost answer gave was claimed when it was asked for first.
static void test_a_lost_claim_is_as_old_as_it_is(void **state)
{
    (void)state;
    fake_skip();
    fake_store_fail(fake_waiting("claim submits"));
    fake_clock_pass_ms(LEASE_MS / 2);
    fake_loop_run_ms(loop, HEARTBEAT_MS);
    fake_skip();
    give("claim submits", WORK_SUBMIT, "task_1", TASK_SUBMITTING);
    fake_expect("change task_1 hand back"); // its lease isn't sure any more
}

// By itself.

static void test_the_heartbeat(void **state)
{
    (void)state;
    claimed_nothing();
    fake_looks_done(fake_waiting("looks"), NULL, 0, -1);
    fake_skip();
    fake_loop_run_ms(loop, HEARTBEAT_MS - 1);
    fake_expect_nothing();
    fake_loop_run_ms(loop, 1);
    fake_expect(SUBMITS_2);
    fake_expect(DUE_2);
    fake_expect(LOOKS);
    fake_expect("sweep");
    fake_expect_nothing();
    fake_loop_run_ms(loop, 10 * HEARTBEAT_MS);
    assert_int_equal(fake_count("beat 1"), 3); // every 5 s
    fake_skip();
    fake_store_set_up(false);
    fake_loop_run_ms(loop, 10 * HEARTBEAT_MS);
    fake_expect_nothing();
}

// Each has been answered that there is nothing.
static void settle(void)
{
    claimed_nothing();
    fake_looks_done(fake_waiting("looks"), NULL, 0, -1);
    if (fake_count_waiting("sweep") > 0)
        fake_sweep_done(fake_waiting("sweep"), &(struct sweep){.is_over = true});
    fake_skip();
}

static void test_where_there_is_nothing_to_do_it_beats_rarely(void **state)
{
    (void)state;
    settle();
    fake_loop_run_ms(loop, HEARTBEAT_MS);
    settle();
    fake_loop_run_ms(loop, HEARTBEAT_IDLE_MS - HEARTBEAT_MS);
    settle();
    assert_int_equal(fake_count("beat 1"), 2);
    fake_loop_run_ms(loop, HEARTBEAT_IDLE_MS - 1);
    fake_expect_nothing();
    fake_loop_run_ms(loop, 1); // one wake-up for both
    assert_int_equal(fake_count("beat 1"), 3);
    assert_int_equal(fake_count_waiting("claim submits"), 1);
    fake_store_fail(fake_waiting("claim submits"));
    fake_loop_run_ms(loop, HEARTBEAT_MS); // what failed isn't kept waiting
    assert_int_equal(fake_count_waiting("claim submits"), 1);
    settle();
    fake_store_set_up(true); // asks again
    fake_claim_done(fake_waiting("claim due"), 0, 4000);
    fake_loop_run_ms(loop, 4000);
    assert_int_equal(fake_count_waiting("claim due"), 1); // in time
}

static void test_the_sweep(void **state)
{
    struct task ended = {.id = "task_9", .is_request_stored = true, .phase = TASK_FAILED};

    (void)state;
    claimed_nothing();
    fake_loop_run_ms(loop, HEARTBEAT_MS);
    assert_int_equal(fake_count("sweep"), 1);
    fake_store_fail(fake_waiting("sweep"));
    fake_loop_run_ms(loop, HEARTBEAT_MS);
    assert_int_equal(fake_count("sweep"), 2); // where it was
    fake_sweep_done(fake_waiting("sweep"), &(struct sweep){.is_over = false});
    fake_loop_run_ms(loop, HEARTBEAT_MS);
    assert_int_equal(fake_count("sweep"), 3); // from there on, without a pause
    claimed_nothing();
    fake_skip();
    fake_sweep_done(
        fake_waiting("sweep"),
        &(struct sweep){.is_over = true, .repairs = 2, .ended = &ended, .ended_count = 1});
    assert_int_equal(fake_count_waiting("claim submits"), 1); // what was repaired may be claimable
    assert_int_equal(fake_count_waiting("claim due"), 1);
    assert_int_equal(fake_count("delete inputs/task_9.json"), 1);
    fake_loop_run_ms(loop, 2 * HEARTBEAT_MS);
    assert_int_equal(fake_count_waiting("sweep"), 0); // that was the last of a round
    fake_loop_run_ms(loop, HEARTBEAT_MS);
    assert_int_equal(fake_count_waiting("sweep"), 1);
}

// It leaves.

static void test_a_drain(void **state)
{
    (void)state;
    give("claim submits", WORK_SUBMIT, "task_1", TASK_SUBMITTING);
    give("claim due", WORK_WATCH, "task_2", TASK_CANCELLED);
    fake_begin_done(fake_waiting("begin"), BEGIN_GO); // it is sent
    fake_skip();
    assert_false(worker_drain(worker));
    fake_expect("hold task_2 ms=0");
    fake_expect("beat 0");
    fake_expect_nothing();
    // What a claim gives now goes back as well.
    give("claim submits", WORK_SUBMIT, "task_3", TASK_SUBMITTING);
    fake_expect("change task_3 hand back");
    give("claim due", WORK_ARCHIVE, "task_4", TASK_ARCHIVING);
    fake_expect("hold task_4 ms=0");
    claimed_nothing();
    fake_looks_done(fake_waiting("looks"), NULL, 0, -1);
    fake_loop_run_ms(loop, 10 * HEARTBEAT_MS);
    fake_redis_publish("{spool}:wake", "mj-1");
    fake_expect_nothing();              // nothing new is claimed
    assert_false(worker_drain(worker)); // what is owed for task_3 isn't forgotten
    fake_change_done(fake_waiting("change task_3"), CHANGE_DONE, false);
    // The answer to a submit is worth money: it is waited for, and stored.
    assert_false(worker_drain(worker));
    fake_http_answer(fake_waiting("vendor POST"), 200, NULL,
                     "{\"code\":1,\"description\":\"ok\",\"result\":\"up-1\"}");
    assert_int_equal(fake_count("change task_1 accept upstream=up-1"), 1);
    assert_false(worker_drain(worker));
    fake_change_done(fake_waiting("change task_1"), CHANGE_DONE, false);
    assert_true(worker_drain(worker));
}

// Answers that change nothing are waited for a moment.
static void test_a_drain_has_patience(void **state)
{
    (void)state;
    assert_false(worker_drain(worker));
    fake_clock_pass_ms(1499);
    assert_false(worker_drain(worker));
    fake_clock_pass_ms(1);
    assert_true(worker_drain(worker));
}

static void test_dropped_with_everything_in_hand(void **state)
{
    struct task *look = task_of("task_5", TASK_RENDERING);

    (void)state;
    give("claim submits", WORK_SUBMIT, "task_1", TASK_SUBMITTING);
    give("claim due", WORK_DOUBT, "task_2", TASK_IN_DOUBT);
    give("claim due", WORK_WATCH, "task_3", TASK_CANCELLED);
    fake_looks_done(fake_waiting("looks"), &look, 1, 500);
    fake_claim_done(fake_waiting("claim submits"), 0, 2 * HEARTBEAT_MS);
    fake_claim_done(fake_waiting("claim due"), 0, HEARTBEAT_MS - 1);
    fake_loop_run_ms(loop, HEARTBEAT_MS / 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_it_begins),
        TEST(test_what_each_kind_of_work_starts),
        TEST(test_as_long_as_it_gets_something_it_claims),
        TEST(test_one_claim_at_a_time),
        TEST(test_it_is_rung),
        TEST(test_a_lost_claim_keeps_its_number),
        TEST(test_a_lost_claim_is_as_old_as_it_is),
        TEST(test_the_heartbeat),
        TEST(test_where_there_is_nothing_to_do_it_beats_rarely),
        TEST(test_the_sweep),
        TEST(test_a_drain),
        TEST(test_a_drain_has_patience),
        TEST(test_dropped_with_everything_in_hand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
