// Following: what is claimed and asked, and what each answer makes of a task.
#include "workers/follow.h"

#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/queue.h"
#include "providers/provider.h"
#include "tests/support/check.h"
#include "tests/support/fake_bench.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_provider.h"
#include "tests/support/fake_store.h"
#include "workers/jobs.h"

enum { TIMEOUT_MS = 600000, BATCH = 10, SINGLES = 16, REQUESTS_MAX = 16, UNSTORED_MAX = 300 };

#define LOOKS "looks account=many-1 max=10"
#define LOOKS_ONE "looks account=one-1 max=16"
#define GET(ids) "vendor GET https://many.example/" ids " account=many-1"
#define GET_ONE(id) "vendor GET https://one.example/" id " account=one-1"
#define DELETE "vendor DELETE https://many.example/up-1 account=many-1"
#define TOO_LATE(id)                                                                               \
    "change " id                                                                                   \
    " time out watch=1200000 code=task_timeout message=the vendor didn't finish in time"
#define RENDERING(id, progress) "change " id " see rendering progress=" progress " news"
#define ASKS "change task_1 see rendering progress=0 modal news"
#define DONE "succeeded image=https://a.example/1"
#define TEXT "change task_1 succeed result={\"artifacts\":[{\"kind\":\"text\",\"text\":\"yes\"}]}"
#define PROGRESS(number) "change task_1 progress " number
#define NOT_MODAL "change task_1 see rendering progress=50 news"
#define THERE_AGAIN "change task_1 see submitted progress=0"
#define FAILED(why) "change task_1 fail code=vendor_failed message=" why
#define CANCELLED "change task_1 cancel code=cancelled message=cancelled at the vendor"
#define CANCEL_HERE "cancel task_1 watch=1200000"
#define ARCHIVING                                                                                  \
    "change task_1 archive "                                                                       \
    "result={\"sources\":[{\"kind\":\"image\",\"url\":\"https://a.example/1\"}]} news"

static struct account accounts[] = {
    {.name = "many-1",
     FAKE_MANY,
     .base_url = "https://many.example",
     .task_timeout_ms = TIMEOUT_MS},
    {.name = "one-1", FAKE_ONE, .base_url = "https://one.example", .task_timeout_ms = TIMEOUT_MS},
    {.name = "many-1",
     .provider = &fake_many,
     .dialect = &fake_stops_dialect,
     .base_url = "https://many.example",
     .task_timeout_ms = TIMEOUT_MS}};
static struct config config;
static struct loop *loop;
static struct bench *bench;
static struct follow *follow;

static void cancel(void *ctx, const struct task *task, bool runs)
{
    (void)ctx;
    cancel_start(bench, task, runs);
}

static void put_off(void *ctx, const struct account *account, int64_t ms)
{
    (void)ctx;
    follow_put_off(follow, account, ms);
}

// With one account alone.
static int set_up_with(struct account *account)
{
    log_threshold = LOG_NOTHING;
    config = (struct config){.accounts = account, .account_count = 1};
    account->poll_interval_ms = 0;
    loop = loop_new();
    bench = fake_bench(loop, &config);
    bench->events.on_cancellable = cancel; // the real ones
    bench->events.on_put_off = put_off;
    follow = follow_start(bench);
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    return set_up_with(&accounts[0]);
}

static int set_up_one(void **state)
{
    (void)state;
    return set_up_with(&accounts[1]);
}

static int tear_down(void **state)
{
    (void)state;
    follow_drop(&follow);
    fake_bench_end(bench);
    loop_free(loop);
    return 0;
}

static struct task *task_of(int number, int64_t age_ms)
{
    struct task *task;
    char id[ID_SIZE], upstream_id[16];

    snprintf(id, sizeof id, "task_%d", number);
    snprintf(upstream_id, sizeof upstream_id, "up-%d", number);
    task = fake_task(id, "dev", TASK_SUBMITTED);
    task->provider = mem_str(config.accounts[0].provider->name);
    task->account = mem_str(config.accounts[0].name);
    task->action = mem_str("MAKE");
    task->upstream_id = mem_str(upstream_id);
    task->started_ms = clock_wall_ms() - age_ms;
    return task;
}

static void claim_one(struct task *task)
{
    follow_wake(follow);
    fake_looks_done(fake_waiting("looks"), &task, 1, -1);
    fake_skip();
}

// Of `count` tasks, from task_1 on; `next_ms` as the store says it.
static void give(int count, int64_t age_ms, int64_t next_ms)
{
    struct task *tasks[SINGLES];

    for (int i = 0; i < count; i++)
        tasks[i] = task_of(i + 1, age_ms);
    fake_looks_done(fake_waiting("looks"), tasks, (size_t)count, next_ms);
}

static void claim_many(int count, int64_t age_ms)
{
    follow_wake(follow);
    give(count, age_ms, -1);
    fake_skip();
}

static void answer(int status, const char *words)
{
    if (status != 0)
        fake_http_answer(fake_waiting("vendor GET"), status, NULL, words);
    else
        fake_http_fail(fake_waiting("vendor GET"), ERR_TIMEOUT, false);
}

enum { MODAL = 1, CANCEL = 2, LATE = 4 }; // it was modal, a cancel is asked for, its time is over

static const struct {
    const char *name;
    struct account *account;
    enum task_phase phase;
    int progress;
    unsigned flags;
    const char *words; // NULL: no answer
    const char *line, *line2;
} cases[] = {
#define MANY &accounts[0], TASK_SUBMITTED, 0
#define RENDERS &accounts[0], TASK_RENDERING, 40
#define ONE &accounts[1], TASK_SUBMITTED, 0
#define STOPS &accounts[2], TASK_SUBMITTED, 0
#define STOPS_LATE &accounts[2], TASK_RENDERING, 40
    {"it waits there", MANY, 0, "waiting", NULL, NULL},
    {"it says how far it is", MANY, 0, "waiting 5", PROGRESS("5"), NULL},
    {"it has begun", MANY, 0, "rendering", RENDERING("task_1", "0"), NULL},
    {"and how far it is", MANY, 0, "rendering 7", RENDERING("task_1", "7"), NULL},
    {"no news", RENDERS, 0, "rendering 40", NULL, NULL},
    {"its number goes back", RENDERS, 0, "rendering 3", NULL, NULL},
    {"its word goes back", RENDERS, 0, "waiting", NULL, NULL},
    {"no number", RENDERS, 0, "rendering", NULL, NULL},
    {"nearly done", RENDERS, 0, "rendering 100", PROGRESS("99"), NULL},
    {"still nearly done", &accounts[0], TASK_RENDERING, 99, 0, "rendering 100", NULL, NULL},
    {"it asks the client", MANY, 0, "modal", ASKS, NULL},
    {"it still asks", RENDERS, MODAL, "modal", NULL, NULL},
    {"it asks no more", RENDERS, MODAL, "rendering 50", NOT_MODAL, NULL},
    {"done", MANY, 0, DONE, ARCHIVING, NULL},
    {"a text is the result itself", MANY, 0, "succeeded text=yes", TEXT, NULL},
    {"failed", MANY, 0, "failed no cats", FAILED("no cats"), NULL},
    {"failed without a word", MANY, 0, "failed", FAILED("the vendor gave no reason"), NULL},
    {"cancelled there", MANY, 0, "cancelled", CANCELLED, NULL},
    {"unreadable", MANY, 0, "oops", NULL, NULL},
    {"no answer", MANY, 0, NULL, NULL, NULL},
    // Whatever isn't an end ends it.
    {"late, it waits", MANY, LATE, "waiting", TOO_LATE("task_1"), NULL},
    {"late, it renders", RENDERS, LATE, "rendering 50", TOO_LATE("task_1"), NULL},
    {"late, missing", MANY, LATE, "missing", TOO_LATE("task_1"), NULL},
    {"late, unreadable", MANY, LATE, "oops", TOO_LATE("task_1"), NULL},
    {"late, no answer", MANY, LATE, NULL, TOO_LATE("task_1"), NULL},
    {"late, but done", MANY, LATE, DONE, ARCHIVING, NULL},
    {"late, but failed", MANY, LATE, "failed no cats", FAILED("no cats"), NULL},
    // What runs there can't be stopped any more, and may succeed.
    {"cancel, it waits", MANY, CANCEL, "waiting", DELETE, NULL},
    {"cancel, it has begun", MANY, CANCEL, "rendering", RENDERING("task_1", "0"), NULL},
    {"cancel, unreadable", MANY, CANCEL, "oops", NULL, NULL},
    {"cancel, no answer", MANY, CANCEL, NULL, NULL, NULL},
    {"cancel, done", MANY, CANCEL, DONE, ARCHIVING, NULL},
    {"cancel, late", MANY, CANCEL | LATE, "waiting", DELETE, TOO_LATE("task_1")},
    // Unless the vendor says that it can.
    {"stop, it waits", STOPS, CANCEL, "waiting", DELETE, NULL},
    {"stop, it has begun", STOPS, CANCEL, "rendering", DELETE, RENDERING("task_1", "0")},
    {"stop, it renders", STOPS_LATE, CANCEL, "rendering 40", DELETE, NULL},
    {"stop, nobody asks", STOPS_LATE, 0, "rendering 40", NULL, NULL},
    {"stop, late", STOPS_LATE, CANCEL | LATE, "rendering 40", DELETE, TOO_LATE("task_1")},
    {"stop, done", STOPS, CANCEL, DONE, ARCHIVING, NULL},
    // A vendor that can't cancel: it is over here.
    {"over, it waits", ONE, CANCEL, "waiting", CANCEL_HERE, NULL},
    {"over, it renders", ONE, CANCEL, "rendering 1", CANCEL_HERE, NULL},
    {"over, missing", ONE, CANCEL, "missing", CANCEL_HERE, NULL},
    {"over, unreadable", ONE, CANCEL, "oops", CANCEL_HERE, NULL},
    {"over, no answer", ONE, CANCEL | LATE, NULL, CANCEL_HERE, NULL},
    {"over, done", ONE, CANCEL, DONE, ARCHIVING, NULL},
};

static void test_what_a_look_means(void **state)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task;

        print_message("%s\n", cases[i].name);
        tear_down(state);
        set_up_with(cases[i].account);
        task = task_of(1, (cases[i].flags & LATE) != 0 ? TIMEOUT_MS + 1 : 0);
        task->phase = cases[i].phase;
        task->progress = cases[i].progress;
        task->is_cancel_asked = (cases[i].flags & CANCEL) != 0;
        if ((cases[i].flags & MODAL) != 0)
            task->substate = mem_str("MODAL");
        claim_one(task);
        answer(cases[i].words == NULL ? 0 : 200, cases[i].words);
        if (cases[i].line != NULL)
            fake_expect(cases[i].line);
        if (cases[i].line2 != NULL)
            fake_expect(cases[i].line2);
        fake_expect_nothing();
    }
}

static void test_a_task_that_lets_its_vendor_take_longer(void **state)
{
    struct task *task = task_of(1, TIMEOUT_MS + 1);

    (void)state;
    task->patience_s = TIMEOUT_MS / 1000 + 60;
    claim_one(task);
    answer(200, "rendering");
    fake_expect(RENDERING("task_1", "0"));
    fake_expect_nothing();
    task = task_of(1, TIMEOUT_MS + 60001);
    task->patience_s = TIMEOUT_MS / 1000 + 60;
    claim_one(task);
    answer(200, "rendering");
    assert_int_equal(fake_count_waiting("change task_1 time out"), 1);
}

static void test_done_wakes_who_archives(void **state)
{
    (void)state;
    claim_many(1, 0);
    answer(200, DONE);
    fake_skip();
    fake_change_done(fake_waiting("change"), CHANGE_DONE, false);
    fake_expect("wake");
    claim_many(1, 0);
    answer(200, DONE);
    fake_skip();
    fake_change_done(fake_waiting("change"), CHANGE_STALE, false);
    fake_expect_nothing();
}

static void test_cancelled_here_wakes_who_watches(void **state)
{
    struct task *task = task_of(1, 0);

    (void)state;
    task->is_cancel_asked = true;
    claim_one(task);
    answer(200, "waiting");
    fake_skip();
    fake_cancel_done(fake_waiting("cancel"), CANCEL_NOT_SUPPORTED);
    fake_expect("wake");
}

static void test_a_cancel_is_sent_once(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct task *task = task_of(1, 0);

        task->is_cancel_asked = true;
        claim_one(task);
        answer(200, "waiting");
    }
    assert_int_equal(fake_count(DELETE), 1);
}

// "Unknown" isn't believed at once.
static void test_missing(void **state)
{
    static const struct {
        const char *name;
        int64_t missing_for_ms; // 0: it was there
        const char *words, *line;
    } missing_cases[] = {
        {"still", FAKE_MISSING_GRACE_MS, "missing", NULL},
        {"too long", FAKE_MISSING_GRACE_MS + 1, "missing",
         "change task_1 fail code=upstream_lost message=the vendor doesn't know the task any more"},
        {"too long, with a word why", FAKE_MISSING_GRACE_MS + 1, "missing no file",
         "change task_1 fail code=upstream_lost message=no file"},
        {"it is there again", 5000, "waiting", THERE_AGAIN},
        {"it is there and renders", 5000, "rendering 2", RENDERING("task_1", "2")},
        {"nobody knows", FAKE_MISSING_GRACE_MS + 1, "oops", NULL},
    };
    char line[80];

    claim_many(1, 0);
    answer(200, "missing");
    snprintf(line, sizeof line, "change task_1 miss from=%lld", (long long)clock_wall_ms());
    fake_expect(line);
    fake_expect_nothing();
    for (size_t i = 0; i < sizeof missing_cases / sizeof missing_cases[0]; i++) {
        struct task *task;

        print_message("%s\n", missing_cases[i].name);
        tear_down(state);
        set_up(state);
        task = task_of(1, 0);
        task->missing_ms = clock_wall_ms() - missing_cases[i].missing_for_ms;
        claim_one(task);
        answer(200, missing_cases[i].words);
        if (missing_cases[i].line != NULL)
            fake_expect(missing_cases[i].line);
        fake_expect_nothing();
    }
}

// Many in one request.

static void test_many_at_once(void **state)
{
    (void)state;
    follow_wake(follow);
    fake_expect(LOOKS);
    follow_wake(follow);
    fake_expect_nothing(); // one claim at a time
    give(3, 0, -1);
    fake_expect(GET("up-1,up-2,up-3"));
    fake_expect_nothing();
    answer(200, "up-1 waiting\nup-3 rendering 1\nup-9 failed");
    fake_skip();
    assert_int_equal(fake_count("change"), 2); // the second isn't in it
    assert_int_equal(fake_count("change task_2 miss"), 1);
    assert_int_equal(fake_count(RENDERING("task_3", "1")), 1);
}

// That a list hasn't got a task proves nothing by itself, however long: it is asked about alone.
static void test_lost_from_a_list(void **state)
{
    struct task *tasks[4];

    (void)state;
    for (int i = 0; i < 4; i++) {
        tasks[i] = task_of(i + 1, 0);
        if (i > 0)
            tasks[i]->missing_ms = clock_wall_ms() - FAKE_MISSING_GRACE_MS - 1;
    }
    follow_wake(follow);
    fake_looks_done(fake_waiting("looks"), tasks, 4, -1);
    fake_skip();
    answer(200, "up-1 rendering 7\nup-3 waiting");
    fake_expect(RENDERING("task_1", "7"));
    fake_skip();
    assert_int_equal(fake_count("change task_3"), 1); // it is there again
    assert_int_equal(fake_count("fail"), 0);
    answer(200, "missing");
    fake_expect(
        "change task_2 fail code=upstream_lost message=the vendor doesn't know the task any more");
    fake_expect(GET("up-4"));
    answer(200, "rendering 8");
    fake_expect(RENDERING("task_4", "8"));
    fake_expect_nothing();
}

static void test_one_cannot_be_read(void **state)
{
    (void)state;
    claim_many(3, 0);
    answer(200, "up-1 rendering\nup-2 oops\n");
    fake_expect(GET("up-1")); // one by one: it is the fault of one of them
    answer(200, "rendering");
    fake_expect(RENDERING("task_1", "0"));
    fake_expect(GET("up-2"));
    answer(200, "oops");
    fake_expect(GET("up-3"));
    answer(200, "rendering");
    fake_expect(RENDERING("task_3", "0"));
    fake_expect_nothing();
}

// Where the first three fail it isn't one of them. Their deadlines count all the same.
static void test_none_can_be_read(void **state)
{
    static const char *const ids[] = {"task_1", "task_2", "task_3", "task_4", "task_5"};

    (void)state;
    claim_many(5, TIMEOUT_MS + 1);
    answer(200, "oops");
    for (int i = 0; i < 3; i++)
        answer(i == 0 ? 0 : 200, "oops");
    assert_int_equal(fake_count_waiting("vendor"), 0);
    assert_int_equal(fake_count("change"), 5);
    for (size_t i = 0; i < 5; i++) {
        char line[40];

        snprintf(line, sizeof line, "change %s time out watch", ids[i]);
        assert_int_equal(fake_count(line), 1);
    }
}

static void test_it_goes_on_where_one_of_the_first_is_read(void **state)
{
    (void)state;
    claim_many(5, 0);
    answer(200, "oops");
    answer(200, "oops");
    answer(200, "waiting");
    answer(200, "oops");
    answer(200, "oops");
    fake_skip();
    answer(200, "rendering");
    fake_expect(RENDERING("task_5", "0"));
    fake_expect_nothing();
}

static void test_no_answer_about_many(void **state)
{
    static const int statuses[] = {500, 0};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        claim_many(3, TIMEOUT_MS + 1);
        answer(statuses[i], "oops");
        fake_expect(TOO_LATE("task_1")); // nobody is asked one by one
        fake_expect(TOO_LATE("task_2"));
        fake_expect(TOO_LATE("task_3"));
        fake_expect_nothing();
    }
}

// When it claims.

static void test_it_looks_when_something_is_due(void **state)
{
    (void)state;
    follow_wake(follow);
    give(0, 0, 700);
    fake_skip();
    fake_loop_run_ms(loop, 699);
    fake_expect_nothing();
    fake_loop_run_ms(loop, 1);
    fake_expect(LOOKS);
    give(0, 0, -1);
    fake_loop_run_ms(loop, TIMEOUT_MS);
    fake_expect_nothing();

    follow_expect(follow, &accounts[0], 900);
    follow_expect(follow, &accounts[0], 300);
    follow_expect(follow, &accounts[0], 600);
    follow_expect(follow, &accounts[1], 0); // not one of ours
    fake_loop_run_ms(loop, 299);
    fake_expect_nothing();
    fake_loop_run_ms(loop, 1);
    fake_expect(LOOKS);
    give(0, 0, -1);

    accounts[0].poll_interval_ms = 200; // the operator's word
    follow_expect(follow, &accounts[0], 900);
    fake_loop_run_ms(loop, 200);
    fake_expect(LOOKS);
}

static void test_it_does_not_look(void **state)
{
    (void)state;
    bench->is_draining = true;
    follow_wake(follow);
    fake_expect_nothing();
    bench->is_draining = false;
    fake_store_set_up(false);
    follow_wake(follow);
    fake_expect_nothing();
    fake_store_set_up(true);
    follow_wake(follow);
    fake_expect(LOOKS);
    fake_store_fail(fake_waiting("looks"));
    fake_loop_run_ms(loop, TIMEOUT_MS);
    fake_expect_nothing(); // the heartbeat asks again
    follow_wake(follow);
    fake_expect(LOOKS);
}

static void test_as_long_as_there_is_more_it_claims(void **state)
{
    (void)state;
    follow_wake(follow);
    give(BATCH, 0, 0);
    fake_skip();
    assert_int_equal(fake_count(LOOKS), 2);
    give(BATCH - 1, 0, -1);
    assert_int_equal(fake_count(LOOKS), 2);
    assert_int_equal(fake_count_waiting("vendor"), 2);
}

// A vendor that hangs holds up nobody but itself.
static void test_so_many_requests_of_an_account(void **state)
{
    (void)state;
    follow_wake(follow);
    for (int i = 0; i < REQUESTS_MAX; i++)
        give(BATCH, 0, 0);
    fake_skip();
    assert_int_equal(fake_count_waiting("vendor"), REQUESTS_MAX);
    follow_wake(follow);
    follow_expect(follow, &accounts[0], 0);
    fake_loop_run_ms(loop, 0);
    fake_expect_nothing();
    answer(0, NULL);
    fake_expect(LOOKS); // the answer has made room
}

static void test_so_many_of_one_by_one(void **state)
{
    (void)state;
    follow_wake(follow);
    fake_expect(LOOKS_ONE);
    give(2, 0, -1);
    fake_expect(GET_ONE("up-1"));
    fake_expect(GET_ONE("up-2"));
    answer(200, "rendering");
    fake_expect(RENDERING("task_1", "0"));
    answer(200, "oops");
    fake_expect_nothing();
    follow_wake(follow);
    give(SINGLES, 0, 0);
    fake_skip();
    assert_int_equal(fake_count_waiting("vendor"), REQUESTS_MAX);
    follow_wake(follow);
    fake_expect_nothing();
    answer(200, "waiting");
    fake_expect("looks account=one-1 max=1"); // as many as there is room for
    answer(200, "waiting");
    fake_expect_nothing(); // one claim at a time
    give(1, 0, 0);
    fake_expect(GET_ONE("up-1"));
    fake_expect("looks account=one-1 max=1");
    give(1, 0, 0);
    fake_expect(GET_ONE("up-1"));
    fake_expect_nothing();
    assert_int_equal(fake_count_waiting("vendor"), REQUESTS_MAX);
    for (int i = 0; i < 3; i++)
        answer(200, "waiting");
    fake_expect("looks account=one-1 max=1");
    give(0, 0, -1); // there is no more
    answer(200, "waiting");
    fake_expect_nothing();
}

// Where the vendor says that it is asked too often, and when it may be asked again.
static void test_the_vendor_wants_no_looks(void **state)
{
    (void)state;
    for (int count = 1; count <= 2; count++) { // of a look at one task, and at many
        claim_many(count, 0);
        fake_http_answer(fake_waiting("vendor GET"), 429, "retry-after: 7\n", "slowly");
        follow_wake(follow);
        follow_expect(follow, &accounts[0], 0);
        fake_loop_run_ms(loop, 6999);
        fake_expect_nothing();
        fake_loop_run_ms(loop, 1);
        fake_expect(LOOKS);
        give(0, 0, -1);
    }
    // Not for ever: looks find deadlines, too.
    claim_many(1, 0);
    fake_http_answer(fake_waiting("vendor GET"), 429, "retry-after: 3600\n", "slowly");
    follow_wake(follow);
    fake_loop_run_ms(loop, 299999);
    fake_expect_nothing();
    fake_loop_run_ms(loop, 1);
    fake_expect(LOOKS);
    give(0, 0, -1);
    // Where it doesn't say when, and where something else is wrong, the next look is as it was.
    claim_many(1, 0);
    fake_http_answer(fake_waiting("vendor GET"), 429, NULL, "slowly");
    follow_wake(follow);
    fake_expect(LOOKS);
    give(1, 0, -1);
    fake_skip();
    fake_http_answer(fake_waiting("vendor GET"), 503, "retry-after: 7\n", "slowly");
    follow_wake(follow);
    fake_expect(LOOKS);
    give(0, 0, -1);
}

// What was found out is stored before more is.
static void test_so_much_may_be_unstored(void **state)
{
    struct task *task = task_of(1, 0);

    (void)state;
    for (int i = 0; i <= UNSTORED_MAX; i++)
        transition_hold(bench->store, task, 0, NULL, NULL);
    fake_skip();
    follow_wake(follow);
    fake_loop_run_ms(loop, 100);
    fake_expect_nothing();
    fake_hold_done(fake_waiting("hold"), true);
    fake_loop_run_ms(loop, 5);
    fake_expect(LOOKS);
    task_free(task);
}

// Its longest way.

static void wake(void)
{
    follow_wake(follow);
}

static void claimed(void)
{
    struct task *tasks[] = {task_of(1, 0), task_of(2, 0), task_of(3, 0)};

    tasks[0]->is_cancel_asked = true;
    fake_looks_done(fake_waiting("looks"), tasks, 3, 1000);
}

static void unreadable(void)
{
    answer(200, "oops");
}

static void waiting(void)
{
    answer(200, "waiting"); // its cancel is sent
}

static void done(void)
{
    answer(200, DONE);
}

static void test_dropped_after_each_step(void **state)
{
    static void (*const steps[])(void) = {wake, claimed, unreadable, waiting, done};

    for (size_t count = 1; count <= sizeof steps / sizeof steps[0]; count++) {
        for (size_t i = 0; i < count; i++)
            steps[i]();
        bench_drop_jobs(bench);
        follow_drop(&follow);
        fake_skip();
        assert_int_equal(fake_loop_timers(loop), 0);
        fake_late();
        fake_expect_nothing();
        tear_down(state);
        set_up(state);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define TEST_ONE(name) cmocka_unit_test_setup_teardown(name, set_up_one, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_what_a_look_means),
        TEST(test_a_task_that_lets_its_vendor_take_longer),
        TEST(test_done_wakes_who_archives),
        TEST_ONE(test_cancelled_here_wakes_who_watches),
        TEST(test_a_cancel_is_sent_once),
        TEST(test_missing),
        TEST(test_lost_from_a_list),
        TEST(test_many_at_once),
        TEST(test_one_cannot_be_read),
        TEST(test_none_can_be_read),
        TEST(test_it_goes_on_where_one_of_the_first_is_read),
        TEST(test_no_answer_about_many),
        TEST(test_it_looks_when_something_is_due),
        TEST(test_it_does_not_look),
        TEST(test_as_long_as_there_is_more_it_claims),
        TEST(test_so_many_requests_of_an_account),
        TEST_ONE(test_so_many_of_one_by_one),
        TEST(test_the_vendor_wants_no_looks),
        TEST(test_so_much_may_be_unstored),
        TEST(test_dropped_after_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
