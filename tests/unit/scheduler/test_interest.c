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
static struct buf heard; // "t1 v3; gap; missing t9; "

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

static void on_gap(void *ctx)
{
    (void)ctx;
    buf_str(&heard, "gap; ");
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

static const struct interest_calls calls = {on_news, on_gap, on_missing};

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

static void start(const char *id, int version, const char *since)
{
    interest = interest_new(
        &ground,
        &(struct interest_options){
            .id = id, .owner = "dev", .since = since, .version = version, .calls = &calls});
    interest_begin(interest);
    fake_loop_turn(loop);
}

static struct event event_of(const char *cursor, const char *id, int version)
{
    struct event event = {
        .cursor = cursor, .owner = "dev", .view = {TASK_SUCCEEDED, version, 0, false}};

    snprintf(event.task, sizeof event.task, "%s", id);
    return event;
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

static void range(void)
{
    start("t1", 0, "1-0");
}

static void tell(void)
{
    struct event event = event_of("2-0", "t1", 2);

    range();
    fake_range_done(fake_waiting("range"), &event, 1, false);
}

static void rest_after_look(void)
{
    look();
    fake_store_fail(fake_waiting("read"));
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

static void follow(void)
{
    look();
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("t1 v3; ");
}

static void follow_all(void)
{
    start(NULL, 0, NULL);
}

static const struct way {
    const char *name;
    void (*go)(void);
    size_t reads, ranges, timers; // what waits then
    const char *begun;            // what it asks when it begins again; NULL: nothing
    const char *lost;             // the same, once the stream was lost
    bool is_behind;               // takes nothing of the live stream
} ways[] = {
    {"awaiting", await, 0, 0, 0, "read t1", NULL, false},
    {"gathering", gather, 0, 0, 0, "read t1", "read t1", false},
    {"looking", look, 1, 0, 0, "read t1", "read t1", false},
    {"ranging", range, 0, 1, 0, "range 1-0 7-0", "read t1", true},
    {"telling", tell, 1, 0, 0, "range 1-0 7-0", "read t1", true},
    {"resting after a look", rest_after_look, 0, 0, 1, "read t1", "read t1", false},
    {"resting after a range", rest_after_range, 0, 0, 1, "range 1-0 7-0", "read t1", true},
    {"resting after a page", rest_after_tell, 0, 0, 1, "range 1-0 7-0", "read t1", true},
    {"following", follow, 0, 0, 0, "read t1", "read t1", false},
    {"following all", follow_all, 0, 0, 0, NULL, NULL, false},
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static void again(void **state)
{
    tear_down(state);
    set_up(state);
}

static void check_waits(const struct way *way)
{
    if (fake_count_waiting("read") != way->reads || fake_count_waiting("range") != way->ranges ||
        fake_loop_timers(loop) != way->timers)
        fail_msg("%s: %zu reads, %zu ranges, %zu timers", way->name, fake_count_waiting("read"),
                 fake_count_waiting("range"), fake_loop_timers(loop));
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
        if (takes("7-1", "t1", 4) == ways[i].is_behind)
            fail_msg("%s", ways[i].name);
        if (!ways[i].is_behind && takes("7-1", "t1", 4))
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
    tell();
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_heard("t1 v2; ");
    assert_null(interest);
    assert_int_equal(fake_count_waiting(""), 0);
    again(state);

    drops = true;
    range();
    fake_range_done(fake_waiting("range"), NULL, 0, true);
    check_heard("gap; ");
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

// Page by page; a page of others' changes isn't read, and the reader may go on meanwhile.
static void test_the_past_page_by_page(void **state)
{
    const struct event others[] = {event_of("2-0", "t2", 1), event_of("2-1", "t2", 2)};
    const struct event first[] = {event_of("3-0", "t1", 2), event_of("3-1", "t2", 3),
                                  event_of("3-2", "t1", 2)};
    struct event last = event_of("8-0", "t1", 3);

    (void)state;
    range();
    fake_range_done(fake_waiting("range 1-0 7-0"), others, 2, false);
    assert_int_equal(fake_count_waiting("read"), 0);
    fake_range_done(fake_waiting("range 2-1 7-0"), first, 3, false);
    fake_events_tell(&last, 1);
    assert_false(takes("8-0", "t1", 3));
    fake_tasks_done(fake_waiting("read t1"), fake_ended_task);
    check_heard("t1 v2; ");
    fake_range_done(fake_waiting("range 3-2 8-0"), &last, 1, false);
    fake_tasks_done(fake_waiting("read t1"), fake_ended_task);
    check_heard("t1 v3; ");
    assert_int_equal(fake_count_waiting(""), 0); // at the reader's place: nothing more to ask
    assert_false(takes("8-0", "t1", 3));
    assert_true(takes("8-1", "t1", 4));
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
    assert_int_equal(fake_count_waiting(""), 0);
    assert_true(takes("9-1", "t1", 2));
    check_heard("");
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
        cmocka_unit_test_setup_teardown(test_the_past_page_by_page, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_empty_past, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
