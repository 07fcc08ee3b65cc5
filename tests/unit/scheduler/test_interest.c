// One interest, against a stream, records and a loop that do nothing by themselves.
#include "scheduler/interest.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/events.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "scheduler/glance.h"
#include "scheduler/realtime_page.h"
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
static struct interest *interest;
static bool drops;       // what it hears makes its owner drop it
static struct buf heard; // "t1 v3; missing t9; "

static void end_hearing(void)
{
    if (drops)
        interest_drop(&interest);
}

static void on_news(void *ctx, const struct news *news, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++)
        buf_fmt(&heard, "%s v%d; ", news[i].task->id, news[i].task->version);
    end_hearing();
}

static void on_missing(void *ctx, const char *id)
{
    (void)ctx;
    buf_fmt(&heard, "missing %s; ", id);
    end_hearing();
    // The id is good as long as the call.
    assert_non_null(strstr(buf_text(&heard), id));
}

static const struct interest_calls calls = {on_news, on_missing};

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
                                      .looks = glances_start(loop, waiting, ground.told),
                                      .waiting = waiting,
                                      .store = store};
    snprintf(ground.told, CURSOR_SIZE, "7-0");
    fake_events_ready("7-0");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    interest_drop(&interest);
    fake_late();
    fake_loop_run_ms(loop, 10 * RETRY_MS);
    check_heard("");
    glances_drop(&ground.looks);
    events_drop(&ground.events);
    waiting_drop(&waiting);
    fake_end();
    buf_clear(&heard);
    loop_free(loop);
    config_clear(&config);
    return 0;
}

static void start(const char *id, int version, const char *after)
{
    interest = interest_new(
        &ground,
        &(struct interest_options){
            .id = id, .owner = "dev", .after = after, .version = version, .calls = &calls});
    interest_begin(interest);
    fake_loop_turn(loop);
}

// Whether it takes a change of the live stream.
static bool takes(const char *cursor, const char *id, int version)
{
    struct task *task = fake_ended_task(id);
    struct page_event event = {.view = {TASK_SUCCEEDED, version, 0, false}};
    bool is;

    snprintf(event.cursor, sizeof event.cursor, "%s", cursor);
    snprintf(event.id, sizeof event.id, "%s", id);
    is = interest_take(interest, &event, task);
    task_free(task);
    return is;
}

// The ways into each state. What is waited for there: exactly one thing, or the stream.

static void await(void)
{
    interest = interest_new(
        &ground, &(struct interest_options){.id = "t1", .owner = "dev", .calls = &calls});
}

static void gather(void)
{
    await();
    interest_begin(interest);
}

static void look(void)
{
    start("t1", 0, NULL);
}

static void rest_after_look(void)
{
    look();
    fake_store_fail(fake_waiting("read"));
}

static void follow(void)
{
    look();
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("t1 v3; ");
}

static void follow_all(void)
{
    start("", 0, NULL);
}

static void go_on(void)
{
    start("t1", 2, "7-0");
}

static void seek(void)
{
    start("t1", 0, "7-0");
}

static const struct way {
    const char *name;
    void (*go)(void);
    size_t reads, timers; // what waits then
    const char *begun;    // what it asks when it begins again; NULL: nothing
    const char *lost;     // the same, once the stream was lost
} ways[] = {
    {"awaiting", await, 0, 0, "read t1", NULL},
    {"gathering", gather, 0, 0, "read t1", "read t1"},
    {"looking", look, 1, 0, "read t1", "read t1"},
    {"looking whether it is there", seek, 1, 0, "read t1", "read t1"},
    {"resting after a look", rest_after_look, 0, 1, "read t1", "read t1"},
    {"following", follow, 0, 0, "read t1", "read t1"},
    {"following from what was told", go_on, 0, 0, NULL, "read t1"},
    {"following all", follow_all, 0, 0, NULL, NULL},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void again(void **state)
{
    tear_down(state);
    set_up(state);
}

static void check_waits(const struct way *way)
{
    if (fake_count_waiting("read") != way->reads || fake_loop_timers(loop) != way->timers)
        fail_msg("%s: %zu reads, %zu timers", way->name, fake_count_waiting("read"),
                 fake_loop_timers(loop));
}

static void check_asks(const struct way *way, const char *line)
{
    fake_loop_turn(loop);
    if (fake_count_waiting("") != (line != NULL) ||
        (line != NULL && fake_count_waiting(line) != 1) || fake_loop_timers(loop) != 0)
        fail_msg("%s: %s, and %zu wait, %zu timers run", way->name, line == NULL ? "nothing" : line,
                 fake_count_waiting(""), fake_loop_timers(loop));
}

// tear_down lets every late answer come, and hears nothing.
static void test_dropped_in_each_state(void **state)
{
    for (size_t i = 0; i < WAYS; i++) {
        ways[i].go();
        check_waits(&ways[i]);
        interest_drop(&interest);
        assert_null(interest);
        check_asks(&ways[i], NULL);
        again(state);
    }
}

static void test_begun_again_in_each_state(void **state)
{
    for (size_t i = 0; i < WAYS; i++) {
        ways[i].go();
        interest_begin(interest);
        check_asks(&ways[i], ways[i].begun);
        again(state);
    }
}

// Whatever is pending ends, and the late answers are nobody's.
static void test_the_stream_is_lost_in_each_state(void **state)
{
    for (size_t i = 0; i < WAYS; i++) {
        ways[i].go();
        fake_events_gap("3-0");
        interest_lose(interest);
        check_asks(&ways[i], ways[i].lost);
        check_heard(""); // whoever says that it is lost tells of the gap
        assert_true(ways[i].go == await || takes("3-1", "t1", 4));
        again(state);
    }
}

static void test_what_each_state_takes_of_the_stream(void **state)
{
    for (size_t i = 0; i < WAYS; i++) {
        ways[i].go();
        if (!takes("7-1", "t1", 4))
            fail_msg("%s", ways[i].name);
        if (takes("7-1", "t1", 4))
            fail_msg("%s: twice", ways[i].name);
        again(state);
    }
}

static void test_it_goes_on_after_a_rest(void **state)
{
    (void)state;
    for (size_t i = 0; i < WAYS; i++) {
        if (ways[i].timers == 0)
            continue;
        ways[i].go();
        fake_loop_run_ms(loop, RETRY_MS - 1);
        assert_int_equal(fake_count_waiting(""), 0);
        fake_loop_run_ms(loop, 1);
        check_asks(&ways[i], ways[i].begun);
        again(state);
    }
}

// Its owner drops it from inside what it tells.
static void test_dropped_by_what_it_tells(void **state)
{
    drops = true;
    look();
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("t1 v3; ");
    assert_null(interest);
    again(state);

    drops = true;
    start("t9", 0, NULL);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("missing t9; ");
    assert_null(interest);
}

static void test_the_present_is_told_where_it_is_newer(void **state)
{
    (void)state;
    start("t1", 3, NULL);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("");
    assert_false(takes("7-1", "t1", 3));
    assert_true(takes("7-1", "t1", 4));
}

// What the past has told isn't told again; where nothing was told it may not be there.
static void test_going_on_from_what_was_told(void **state)
{
    (void)state;
    seek();
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("");
    assert_false(takes("7-0", "t1", 4));
    assert_true(takes("7-1", "t1", 4));
    again(state);

    start("t9", 0, "7-0");
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("missing t9; ");
    again(state);

    go_on(); // what was lost may have been news of it
    fake_events_gap("3-0");
    interest_lose(interest);
    fake_loop_turn(loop);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("t1 v3; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_dropped_in_each_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_begun_again_in_each_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_stream_is_lost_in_each_state, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_each_state_takes_of_the_stream, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_it_goes_on_after_a_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_by_what_it_tells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_present_is_told_where_it_is_newer, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_going_on_from_what_was_told, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
