// One past, against a stream, records and a loop that do nothing by themselves.
#include "scheduler/past.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/events.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "scheduler/interest.h"
#include "scheduler/waiting.h"
#include "tests/support/check.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_store.h"

enum { RETRY_MS = 1000 };

static const char text[] =
    "{\"accounts\":[{\"name\":\"a\",\"provider\":\"kling\",\"base_url\":\"http://v\"}]}";

static struct config config;
static struct loop *loop;
static struct interest_ground ground;
static struct waiting *waiting;
static struct past *past;
static bool drops;       // what it tells makes its owner drop it
static struct buf heard; // "t1 v3; over 7-0 t1 v3; gap t1 v0; "

static void on_news(void *ctx, const struct news *news, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++)
        buf_fmt(&heard, "%s v%d; ", news[i].task->id, news[i].task->version);
    if (drops)
        past_drop(&past);
}

static void on_over(void *ctx, struct past *ended, const char *cursor)
{
    (void)ctx;
    assert_ptr_equal(ended, past);
    buf_fmt(&heard, cursor == NULL ? "gap" : "over %s", cursor);
    for (size_t i = 0; i < past_count(past); i++)
        buf_fmt(&heard, " %s v%d", past_id(past, i), past_version(past, i));
    buf_str(&heard, past_is_all(past) ? " all; " : "; ");
    past_drop(&past);
}

static const struct past_calls calls = {on_news, on_over};

static void check_heard(const char *expected)
{
    if (strcmp(buf_text(&heard), expected) != 0)
        fail_msg("expected \"%s\", heard \"%s\"", expected, buf_text(&heard));
    buf_reset(&heard);
}

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static int set_up(void **state)
{
    static const struct events_options no_reader = {0};
    struct store *store = fake_store(&config);
    struct err err;

    (void)state;
    log_threshold = LOG_NOTHING;
    drops = false;
    assert_true(config_parse(&config, text, sizeof text - 1, no_env, NULL, &err));
    for (size_t k = 0; k < config.account_count; k++)
        assert_true(provider_bind(&config.accounts[k], &err));
    loop = loop_new();
    waiting = waiting_start(store);
    ground = (struct interest_ground){.loop = loop,
                                      .events = events_start(loop, store, &no_reader),
                                      .waiting = waiting,
                                      .store = store};
    fake_events_ready("7-0");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    past_drop(&past);
    fake_late();
    fake_loop_run_ms(loop, 10 * RETRY_MS);
    check_heard("");
    events_drop(&ground.events);
    waiting_drop(&waiting);
    fake_end();
    buf_clear(&heard);
    loop_free(loop);
    config_clear(&config);
    return 0;
}

static void start(const char *since)
{
    static const char *const ids[] = {"t1", "t3", "t1"};

    past = past_new(&ground,
                    &(struct past_options){
                        .ids = ids, .count = 3, .owner = "dev", .since = since, .calls = &calls});
}

static void start_all(const char *since)
{
    past = past_new(&ground, &(struct past_options){
                                 .is_all = true, .owner = "dev", .since = since, .calls = &calls});
}

static struct event event_of(const char *cursor, const char *id, int version)
{
    struct event event = {
        .cursor = cursor, .owner = "dev", .view = {TASK_SUCCEEDED, version, 0, false}};

    snprintf(event.task, sizeof event.task, "%s", id);
    return event;
}

static struct task *others_task(const char *id)
{
    return fake_task(id, "other", TASK_SUCCEEDED);
}

static struct task *question(const char *id)
{
    struct task *task = fake_ended_task(id);

    task->is_ask = true;
    return task;
}

// The ways into each state. What is waited for there: exactly one thing, or the stream.

static void await(void)
{
    start("1-0");
}

static void range(void)
{
    start("1-0");
    past_begin(past);
}

static void tell(void)
{
    struct event event = event_of("2-0", "t1", 2);

    range();
    fake_range_done(fake_waiting("range"), &event, 1, false);
}

static void rest_after_range(void)
{
    range();
    fake_store_fail(fake_waiting("range"));
}

static void rest_after_tell(void)
{
    tell();
    fake_store_fail(fake_waiting("read"));
}

static const struct way {
    const char *name;
    void (*go)(void);
    size_t reads, ranges, timers; // what waits then
} ways[] = {
    {"awaiting", await, 0, 0, 0},
    {"ranging", range, 0, 1, 0},
    {"telling", tell, 1, 0, 0},
    {"resting after a range", rest_after_range, 0, 0, 1},
    {"resting after a page", rest_after_tell, 0, 0, 1},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void again(void **state)
{
    tear_down(state);
    set_up(state);
}

// tear_down lets every late answer come, and hears nothing.
static void test_dropped_in_each_state(void **state)
{
    for (size_t i = 0; i < WAYS; i++) {
        ways[i].go();
        if (fake_count_waiting("read") != ways[i].reads ||
            fake_count_waiting("range") != ways[i].ranges ||
            fake_loop_timers(loop) != ways[i].timers)
            fail_msg("%s", ways[i].name);
        past_drop(&past);
        assert_null(past);
        assert_int_equal(fake_count_waiting(""), 0);
        assert_int_equal(fake_loop_timers(loop), 0);
        again(state);
    }
}

static void test_it_goes_on_after_a_rest(void **state)
{
    for (size_t i = 0; i < WAYS; i++) {
        if (ways[i].timers == 0)
            continue;
        ways[i].go();
        fake_loop_run_ms(loop, RETRY_MS - 1);
        assert_int_equal(fake_count_waiting(""), 0);
        fake_loop_run_ms(loop, 1);
        assert_int_equal(fake_count_waiting("range 1-0 7-0"), 1);
        again(state);
    }
}

static void test_dropped_by_what_it_tells(void **state)
{
    (void)state;
    drops = true;
    tell();
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("t1 v2; ");
    assert_null(past);
    assert_int_equal(fake_count_waiting(""), 0);
}

// Page by page; a page of others' changes isn't read, and the reader may go on meanwhile.
static void test_page_by_page(void **state)
{
    const struct event others[] = {event_of("2-0", "t2", 1), event_of("2-1", "t2", 2)};
    const struct event first[] = {event_of("3-0", "t1", 2), event_of("3-1", "t3", 5),
                                  event_of("3-2", "t1", 2)};
    struct event last = event_of("8-0", "t1", 3);

    (void)state;
    range();
    fake_range_done(fake_waiting("range 1-0 7-0"), others, 2, false);
    assert_int_equal(fake_count_waiting("read"), 0);
    fake_range_done(fake_waiting("range 2-1 7-0"), first, 3, false);
    fake_events_tell(&last, 1);
    fake_tasks_done(fake_waiting("read t1 t3"), fake_ended_task);
    check_heard("t1 v2; t3 v5; ");
    fake_range_done(fake_waiting("range 3-2 8-0"), &last, 1, false);
    fake_tasks_done(fake_waiting("read t1"), fake_ended_task);
    check_heard("over 8-0 t1 v3 t3 v5; t1 v3; ");
}

// Nothing came after the cursor: it goes to where the reader was, not to where it is by now.
static void test_an_empty_past(void **state)
{
    struct event next = event_of("9-0", "t2", 1);

    (void)state;
    range();
    fake_events_tell(&next, 1);
    fake_range_done(fake_waiting("range 1-0 7-0"), NULL, 0, false);
    fake_range_done(fake_waiting("range 7-0 9-0"), &next, 1, false);
    check_heard("over 9-0 t1 v0 t3 v0; ");
}

static void test_no_past(void **state)
{
    (void)state;
    start_all("7-0");
    past_begin(past);
    check_heard("over 7-0 all; ");
}

// A cursor of another process, whose reader is ahead: the past doesn't go back behind it.
static void test_ahead_of_the_reader(void **state)
{
    (void)state;
    start("7-5");
    past_begin(past);
    fake_range_done(fake_waiting("range 7-5 7-0"), NULL, 0, false);
    check_heard("over 7-5 t1 v0 t3 v0; ");
}

static void test_a_gap(void **state)
{
    struct event event = event_of("2-0", "t1", 2);

    (void)state;
    range();
    fake_range_done(fake_waiting("range"), &event, 1, false);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    fake_range_done(fake_waiting("range"), NULL, 0, true);
    check_heard("t1 v2; gap t1 v2 t3 v0; ");
}

static void test_what_is_not_ours(void **state)
{
    static const struct {
        const char *name;
        const char *owner;
        fake_make_fn make;
        const char *all, *named;
    } cases[] = {
        {"ours", "dev", fake_ended_task, "t1 v2; ", "t1 v2; "},
        {"another key's event", "other", NULL, "", ""},
        {"another key's record", "dev", others_task, "", ""},
        {"a question of ours", "dev", question, "", "t1 v2; "},
    };

    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        const bool is_all = i % 2 == 0;
        struct event event = event_of("2-0", "t1", 2);

        event.owner = cases[i / 2].owner;
        print_message("%s\n", cases[i / 2].name);
        is_all ? start_all("1-0") : start("1-0");
        past_begin(past);
        fake_range_done(fake_waiting("range"), &event, 1, false);
        if (cases[i / 2].make == NULL)
            assert_int_equal(fake_count_waiting("read"), 0);
        else
            fake_tasks_done(fake_waiting("read"), cases[i / 2].make);
        check_heard(is_all ? cases[i / 2].all : cases[i / 2].named);
        past_drop(&past);
        again(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dropped_in_each_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_it_goes_on_after_a_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_by_what_it_tells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_page_by_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_empty_past, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_past, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ahead_of_the_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_not_ours, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
