// Watching tasks, against a store and a loop that do nothing by themselves.
#include "scheduler/realtime.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/accounts.h"
#include "core/store/events.h"
#include "providers/provider.h"
#include "scheduler/waiting.h"
#include "tests/support/check.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_store.h"

enum { RETRY_MS = 1000, GATHER_MS = 5 };

// One account, for one job at a time.
static const char text[] =
    "{\"accounts\":[{\"name\":\"a\",\"provider\":\"kling\",\"base_url\":\"http://v\","
    "\"max_concurrency\":1}]}";

static struct config config;
static struct loop *loop;
static struct waiting *waiting;
static struct realtime *rt;
// What watchers heard: "t1 v1 queued waits=slot; t1 v2 rendering; gap; missing t9; ".
static struct buf told;
static bool hears_cursors;      // "t1 v2 rendering @1-2; "
static const char *read_cursor; // the stream's last when records are read

static void hear(const struct news *news)
{
    static const char begin[] = "\"waiting\":{\"reason\":\"";
    const char *reason = strstr(news->json, begin);

    buf_fmt(&told, "%s v%d %s", news->task->id, news->task->version,
            task_phase_name(news->task->phase));
    if (reason != NULL) {
        reason += sizeof begin - 1;
        buf_fmt(&told, " waits=%.*s", (int)strcspn(reason, "\""), reason);
    }
    if (hears_cursors)
        buf_fmt(&told, " @%s", news->cursor);
    buf_str(&told, "; ");
}

static struct task *make_read(const char *id)
{
    struct task *task = fake_ended_task(id);

    if (task != NULL)
        mem_set_str(&task->read_cursor, read_cursor);
    return task;
}

static void on_news(void *ctx, const struct news *news, size_t count)
{
    (void)ctx;
    for (size_t i = 0; i < count; i++)
        hear(&news[i]);
}

static void on_gap(void *ctx)
{
    (void)ctx;
    buf_str(&told, "gap; ");
}

static void on_missing(void *ctx, const char *id)
{
    (void)ctx;
    buf_fmt(&told, "missing %s; ", id);
}

static struct watcher *watch_of(const char *owner, void *ctx)
{
    struct watcher_options options = {
        .owner = owner, .on_news = on_news, .on_gap = on_gap, .on_missing = on_missing, .ctx = ctx};

    return watcher_new(rt, &options);
}

static void resume(struct watcher *watcher, const char *id, const char *cursor)
{
    watcher_resume(watcher, &id, 1, false, cursor);
}

static void check_told(const char *expected)
{
    if (strcmp(buf_text(&told), expected) != 0)
        fail_msg("expected \"%s\", heard \"%s\"", expected, buf_text(&told));
    buf_reset(&told);
}

// It waits, and its record doesn't say why.
static struct task *make_queued(const char *id)
{
    struct task *task = fake_task(id, "dev", TASK_QUEUED);

    mem_set_str(&task->provider, "kling");
    mem_set_str(&task->model, "kling-v1");
    task->cost = 1;
    task->created_ms = 1700000000000;
    return task;
}

static struct event event_of(const char *cursor, const char *id, enum task_phase phase, int version)
{
    struct event event = {.cursor = cursor, .owner = "dev", .view = {phase, version, 0, false}};

    snprintf(event.task, sizeof event.task, "%s", id);
    return event;
}

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static int set_up(void **state)
{
    struct store *store = fake_store(&config);
    struct err err;

    (void)state;
    log_threshold = LOG_NOTHING;
    hears_cursors = false;
    assert_true(config_parse(&config, text, sizeof text - 1, no_env, NULL, &err));
    for (size_t k = 0; k < config.account_count; k++)
        assert_true(provider_bind(&config.accounts[k], &err));
    loop = loop_new();
    waiting = waiting_start(store);
    rt = realtime_start(loop, store, waiting, "redis://nowhere");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    realtime_drop(&rt);
    waiting_drop(&waiting);
    fake_late();
    fake_end();
    buf_clear(&told);
    loop_free(loop);
    config_clear(&config);
    return 0;
}

static void listen_at(const char *cursor)
{
    fake_expect("listen");
    fake_events_ready(cursor);
    fake_loop_turn(loop);
}

static void test_the_present_state_is_told_first(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    struct event event = event_of("1-5", "t1", TASK_SUCCEEDED, 4);

    (void)state;
    watcher_add(watcher, "t1", 0);
    watcher_add(watcher, "t9", 0);
    fake_expect("listen");
    listen_at("1-0");
    fake_expect("read t1 t9");
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("t1 v3 succeeded; missing t9; ");
    fake_events_tell(&event, 1);
    fake_expect("read t1");
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("t1 v4 succeeded; ");
    watcher_drop(&watcher);
    fake_expect("pause");
    fake_expect_nothing();
}

static void read_is_done(const char *cursor)
{
    read_cursor = cursor;
    fake_tasks_done(fake_waiting("read"), make_read);
}

// Whoever resumes from what was told last, whichever it is, misses no change and is told none
// again: of all tasks of the subscription.
static void test_a_present_state_that_is_ahead_of_the_stream(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    const struct event events[] = {event_of("1-1", "t1", TASK_RENDERING, 2),
                                   event_of("1-2", "t3", TASK_SUCCEEDED, 3)};
    struct event later = event_of("1-3", "t1", TASK_SUCCEEDED, 3);

    (void)state;
    hears_cursors = true;
    watcher_add(watcher, "t1", 0);
    watcher_add(watcher, "t2", 0);
    watcher_add(watcher, "t9", 0);
    listen_at("1-0");
    read_is_done("1-3");
    check_told("");
    fake_events_tell(events, 2);
    fake_tasks_done(fake_waiting("read t1"), make_read);
    check_told("t1 v2 rendering @1-1; ");
    fake_loop_run_ms(loop, GATHER_MS);
    fake_events_tell(&later, 1);
    check_told("");
    fake_tasks_done(fake_waiting("read t1"), make_read);
    check_told("t1 v3 succeeded @1-3; t2 v3 succeeded @1-3; missing t9; ");
    fake_skip();
}

// The stream was told further meanwhile, while the record was read: its cursor says so.
static void test_a_present_state_that_the_stream_has_passed(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    const struct event events[] = {event_of("1-1", "t2", TASK_SUCCEEDED, 4),
                                   event_of("1-2", "t5", TASK_SUCCEEDED, 1)};

    (void)state;
    hears_cursors = true;
    watcher_add(watcher, "t1", 0);
    watcher_add(watcher, "t2", 0);
    listen_at("1-0");
    fake_events_tell(events, 2);
    fake_tasks_done(fake_waiting("read t2"), make_read);
    check_told("t2 v4 succeeded @1-1; ");
    read_is_done("1-0");
    check_told("t1 v3 succeeded @1-2; ");
    fake_skip();
}

// What was read of the stream isn't told yet: its records are being read, or it waits its turn.
static void test_a_present_state_and_pages_that_were_not_told(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL), *other = watch_of("dev", NULL);
    struct event first = event_of("1-1", "t2", TASK_RENDERING, 1),
                 second = event_of("1-2", "t2", TASK_SUCCEEDED, 2),
                 last = event_of("1-3", "t5", TASK_SUCCEEDED, 1);

    (void)state;
    hears_cursors = true;
    watcher_add_all(other);
    listen_at("1-0");
    fake_events_tell(&first, 1);
    fake_events_tell(&second, 1);
    watcher_add(watcher, "t1", 0);
    fake_loop_turn(loop);
    read_cursor = "1-2";
    fake_tasks_done(fake_waiting("read t1"), make_read);
    check_told("");
    fake_tasks_done(fake_waiting("read t2"), fake_ended_task);
    check_told("t2 v1 rendering @1-1; ");
    fake_loop_run_ms(loop, GATHER_MS);
    fake_tasks_done(fake_waiting("read t2"), fake_ended_task);
    check_told("t2 v2 succeeded @1-2; t1 v3 succeeded @1-2; ");
    watcher_drop(&other);
    fake_loop_run_ms(loop, GATHER_MS);
    fake_clock_pass_ms(1000);
    watcher_add(watcher, "t4", 0); // nobody wants to hear of what the stream comes to
    fake_loop_turn(loop);
    read_is_done("1-3");
    check_told("");
    fake_events_tell(&last, 1);
    check_told("t4 v3 succeeded @1-3; ");
    fake_skip();
}

// Redis has lost what the stream would have come to, and the reader misses nothing.
static void test_a_present_state_is_read_again_after_a_break(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);

    (void)state;
    hears_cursors = true;
    watcher_add(watcher, "t1", 0);
    listen_at("1-0");
    read_is_done("1-1");
    fake_events_ready("1-0");
    read_is_done("1-0");
    check_told("t1 v3 succeeded @1-0; ");
    watcher_add(watcher, "t2", 0);
    fake_loop_turn(loop);
    read_is_done("1-1");
    fake_events_gap("0-5");
    fake_loop_turn(loop);
    fake_tasks_done(fake_waiting("read t1 t2"), fake_ended_task);
    check_told("gap; t2 v3 succeeded @0-5; ");
    fake_skip();
}

// Each is held back as long as it has to be, and may be dropped meanwhile, by others' callbacks,
// too.
static void test_dropped_while_it_is_held_back(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct watcher *first = watch_of("dev", NULL), *second = watch_of("dev", NULL);
        struct event event = event_of("1-1", "t5", TASK_SUCCEEDED, 1);

        watcher_add(first, "t1", 0);
        listen_at("1-0");
        read_is_done("1-1");
        watcher_add(second, "t2", 0);
        fake_loop_turn(loop);
        read_is_done("1-2");
        if (i == 0)
            watcher_drop(&first);
        else if (i == 1)
            watcher_drop(&second);
        else
            realtime_drop(&rt);
        if (i < 2)
            fake_events_tell(&event, 1);
        check_told(i == 1 ? "t1 v3 succeeded; " : "");
        tear_down(state);
        set_up(state);
    }
}

static void test_another_key_s_task_is_missing(void **state)
{
    struct watcher *watcher = watch_of("other", NULL);

    (void)state;
    watcher_add(watcher, "t1", 0);
    listen_at("1-0");
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("missing t1; ");
}

static void test_a_task_is_read_once_per_batch(void **state)
{
    struct watcher *first = watch_of("dev", NULL), *second = watch_of("dev", NULL);
    const struct event events[] = {
        event_of("1-1", "t1", TASK_SUBMITTED, 4), event_of("1-2", "t2", TASK_SUBMITTED, 4),
        event_of("1-3", "t1", TASK_RENDERING, 5), event_of("1-4", "t1", TASK_SUCCEEDED, 6)};

    (void)state;
    watcher_add(first, "t1", 0);
    watcher_add(first, "t2", 0);
    fake_expect("listen");
    watcher_add(second, "t1", 0);
    fake_expect("listen");
    listen_at("1-0");
    fake_expect("read t1 t2");
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("t1 v3 succeeded; t2 v3 succeeded; t1 v3 succeeded; ");
    fake_events_tell(events, 4);
    fake_expect("read t1 t2");
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    // Each change as the task was then, though one record stands for all three.
    check_told(
        "t1 v4 submitted; t2 v4 submitted; t1 v5 rendering; t1 v6 succeeded; "
        "t1 v4 submitted; t1 v5 rendering; t1 v6 succeeded; ");
    fake_skip();
}

// Nothing is lost where its records can't be had for a while, and the order stays.
static void test_a_page_that_cannot_be_read_is_read_again(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    const struct event events[] = {event_of("1-1", "t1", TASK_SUBMITTED, 1),
                                   event_of("1-2", "t1", TASK_SUCCEEDED, 2)};

    (void)state;
    watcher_add_all(watcher);
    listen_at("1-0");
    fake_events_tell(&events[0], 1);
    fake_expect("read t1");
    fake_store_fail(fake_waiting("read"));
    fake_expect("read t1");
    fake_events_tell(&events[1], 1);
    fake_expect_nothing();
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    fake_loop_run_ms(loop, GATHER_MS);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("t1 v1 submitted; t1 v2 succeeded; ");
    fake_skip();
}

// Told at once; then what comes is left in the stream for a moment, to be told together.
static void test_an_event_that_was_told_makes_the_next_wait(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    struct event event = event_of("1-1", "t1", TASK_SUBMITTED, 1);

    (void)state;
    watcher_add_all(watcher);
    listen_at("1-0");
    fake_events_tell(&event, 1);
    assert_true(fake_events_are_held());
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("t1 v1 submitted; ");
    fake_loop_run_ms(loop, GATHER_MS - 1);
    assert_true(fake_events_are_held());
    fake_loop_run_ms(loop, 1);
    assert_false(fake_events_are_held());
    assert_int_equal(fake_loop_timers(loop), 0);
    fake_skip();
}

// What telling takes, and how much of it the thread waits for a processor.
struct telling_case {
    int64_t took_ms, waited_ms, gathered_ms;
};

static void on_news_that_take_long(void *ctx, const struct news *news, size_t count)
{
    const struct telling_case *telling = ctx;

    on_news(ctx, news, count);
    fake_clock_pass_ms(telling->took_ms);
    fake_clock_wait_ms(telling->waited_ms);
}

// Who is behind gathers more, so that telling leaves time for the rest, within limits; and where
// others want the processor, much more.
static void test_the_longer_telling_takes_the_more_is_gathered(void **state)
{
    static struct telling_case cases[] = {{0, 0, 5},  {3, 0, 5},  {20, 0, 20}, {5000, 0, 50},
                                          {3, 1, 14}, {0, 2, 22}, {10, 10, 50}};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct watcher_options options = {
            .owner = "dev", .on_news = on_news_that_take_long, .ctx = &cases[i]};
        struct event event = event_of("1-1", "t1", TASK_SUBMITTED, 1);

        watcher_add_all(watcher_new(rt, &options));
        listen_at("1-0");
        fake_events_tell(&event, 1);
        fake_tasks_done(fake_waiting("read"), fake_ended_task);
        fake_loop_run_ms(loop, cases[i].gathered_ms - 1);
        assert_true(fake_events_are_held());
        fake_loop_run_ms(loop, 1);
        assert_false(fake_events_are_held());
        buf_reset(&told);
        fake_skip();
        tear_down(state);
        set_up(state);
    }
}

// So that nobody waits long for the loop, but for no less than makes a write worth while.
static void test_how_much_is_told_at_once(void **state)
{
    static const unsigned most[] = {128, 64, 32, 16, 16};
    struct telling_case telling = {.took_ms = 21};
    struct watcher_options options = {
        .owner = "dev", .on_news = on_news_that_take_long, .ctx = &telling};

    (void)state;
    watcher_add_all(watcher_new(rt, &options));
    listen_at("1-0");
    for (size_t i = 0; i < 10; i++) {
        char cursor[16];
        struct event event;

        snprintf(cursor, sizeof cursor, "1-%zu", i + 1);
        event = event_of(cursor, "t1", TASK_SUBMITTED, (int)i + 1);
        telling.took_ms = i < 5 ? 21 : 9;
        fake_events_tell(&event, 1);
        fake_tasks_done(fake_waiting("read"), fake_ended_task);
        fake_loop_run_ms(loop, 50);
        assert_int_equal(fake_events_most(), i < 5 ? most[i] : i < 9 ? 16u << (i - 4) : 256);
    }
    buf_reset(&told);
    fake_skip();
}

// What nobody waits for holds nothing up, unless it comes thick.
static void test_events_that_are_told_to_nobody(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    struct event event = event_of("1-1", "t2", TASK_SUBMITTED, 1);

    (void)state;
    watcher_add(watcher, "t1", 0);
    listen_at("1-0");
    fake_clock_pass_ms(1000);
    fake_events_tell(&event, 1);
    assert_false(fake_events_are_held());
    fake_events_tell(&event, 1);
    assert_true(fake_events_are_held());
    fake_loop_run_ms(loop, GATHER_MS);
    assert_false(fake_events_are_held());
    fake_skip();
}

// A read that has left may not have what was told meanwhile.
static void test_a_later_turn_has_a_read_of_its_own(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);

    (void)state;
    watcher_add(watcher, "t1", 0);
    listen_at("1-0");
    fake_expect("read t1");
    watcher_add(watcher, "t1", 0);
    fake_loop_turn(loop);
    fake_expect("read t1");
}

// Redis goes away and comes back with a shorter stream, while a retry runs.
static void test_a_gap_while_a_retry_waits(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);

    (void)state;
    watcher_add(watcher, "t1", 0);
    listen_at("7-0");
    fake_expect("read t1");
    fake_store_fail(fake_waiting("read"));
    assert_int_equal(fake_loop_timers(loop), 1);
    fake_events_gap("1-0");
    check_told("gap; ");
    fake_loop_run_ms(loop, 5 * RETRY_MS);
    fake_expect("read t1"); // one read, not two
    fake_expect_nothing();
    watcher_drop(&watcher);
    assert_int_equal(fake_loop_timers(loop), 0);
}

static void test_a_gap_in_the_past_while_a_retry_waits(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);

    (void)state;
    resume(watcher, "t1", "1-0");
    listen_at("7-0");
    fake_expect("range 1-0 7-0");
    fake_store_fail(fake_waiting("range"));
    fake_events_gap("2-0");
    fake_loop_run_ms(loop, 5 * RETRY_MS);
    fake_expect("read t1");
    fake_expect_nothing();
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("gap; t1 v3 succeeded; ");
}

// A gap ends whatever is pending, and what is asked then is the present state.
static void test_a_gap_while_the_past_is_read(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    struct event event = event_of("2-0", "t1", TASK_SUBMITTED, 2);

    (void)state;
    resume(watcher, "t1", "1-0");
    listen_at("7-0");
    fake_range_done(fake_waiting("range"), &event, 1, false);
    assert_int_equal(fake_count_waiting("read t1"), 1);
    fake_events_gap("3-0");
    assert_int_equal(fake_count_waiting("read t1"), 0);
    fake_loop_turn(loop);
    assert_int_equal(fake_count_waiting("read t1"), 1);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("gap; t1 v3 succeeded; ");
}

static void test_the_past_is_told_then_what_follows(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    const struct event past[] = {event_of("1-1", "t1", TASK_SUBMITTED, 2),
                                 event_of("1-2", "t1", TASK_RENDERING, 3)};
    struct event next = event_of("3-0", "t1", TASK_SUCCEEDED, 4);

    (void)state;
    watcher_resume(watcher, NULL, 0, true, "1-0");
    listen_at("2-0");
    fake_range_done(fake_waiting("range 1-0 2-0"), past, 2, false);
    fake_tasks_done(fake_waiting("read t1"), fake_ended_task);
    check_told("t1 v2 submitted; t1 v3 rendering; ");
    fake_range_done(fake_waiting("range 1-2 2-0"), NULL, 0, false);
    fake_events_tell(&next, 1);
    fake_tasks_done(fake_waiting("read t1"), fake_ended_task);
    check_told("t1 v4 succeeded; ");
}

static const char *const two[] = {"t1", "t2"};
static struct watcher *pair[2];

// All that a subscription names is read once and told in one order, each change once; those of
// which nothing was told are looked at, for they may not be there.
static void test_many_tasks_are_resumed_in_order(void **state)
{
    static const char *const ids[] = {"t1", "t2", "t9", "t1", "t3"};
    struct watcher *watcher = watch_of("dev", NULL);
    const struct event past[] = {event_of("1-1", "t2", TASK_RENDERING, 2),
                                 event_of("1-2", "t5", TASK_RENDERING, 2),
                                 event_of("1-3", "t1", TASK_SUCCEEDED, 3)};
    struct event next = event_of("2-1", "t2", TASK_SUCCEEDED, 3);

    (void)state;
    hears_cursors = true;
    watcher_resume(watcher, ids, 5, false, "1-0");
    assert_int_equal(watcher_count(watcher), 4);
    listen_at("2-0");
    assert_int_equal(fake_count_waiting(""), 1);
    fake_range_done(fake_waiting("range 1-0 2-0"), past, 3, false);
    fake_tasks_done(fake_waiting("read t2 t1"), fake_ended_task);
    check_told("t2 v2 rendering @1-1; t1 v3 succeeded @1-3; ");
    fake_range_done(fake_waiting("range 1-3 2-0"), NULL, 0, false);
    fake_loop_turn(loop);
    assert_int_equal(fake_count_waiting(""), 1);
    fake_events_tell(&next, 1);
    fake_tasks_done(fake_waiting("read t2"), fake_ended_task);
    check_told("t2 v3 succeeded @2-1; ");
    fake_tasks_done(fake_waiting("read"), fake_ended_task); // t3 is there, and isn't news
    check_told("missing t9; ");
    fake_skip();
}

static void test_all_and_named_tasks_are_resumed_together(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    const struct event past[] = {event_of("1-1", "t1", TASK_RENDERING, 2),
                                 event_of("2-0", "t5", TASK_RENDERING, 2)};
    const struct event next[] = {event_of("2-1", "t1", TASK_SUCCEEDED, 3),
                                 event_of("2-2", "t5", TASK_SUCCEEDED, 3)};

    (void)state;
    watcher_resume(watcher, two, 1, true, "1-0");
    listen_at("2-0");
    fake_range_done(fake_waiting("range 1-0 2-0"), past, 2, false);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("t1 v2 rendering; t5 v2 rendering; ");
    fake_events_tell(next, 2);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("t1 v3 succeeded; t5 v3 succeeded; ");
    fake_skip();
}

// The cursor is of a process whose reader is ahead of ours.
static void test_resumed_from_ahead_of_the_reader(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);
    const struct event events[] = {event_of("2-1", "t1", TASK_RENDERING, 2),
                                   event_of("2-2", "t1", TASK_SUCCEEDED, 3)};

    (void)state;
    watcher_resume(watcher, NULL, 0, true, "2-1");
    listen_at("2-0");
    fake_range_done(fake_waiting("range 2-1 2-0"), NULL, 0, false);
    assert_int_equal(fake_count_waiting(""), 0);
    fake_events_tell(events, 2);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("t1 v3 succeeded; ");
    fake_skip();
}

static void gone_of_two(void *ctx, const struct news *news, size_t count)
{
    on_news(ctx, news, count);
    watcher_drop(&pair[0]);
}

// The past is over, and has begun to be followed, when its last page is told.
static void test_dropped_by_the_last_of_the_past(void **state)
{
    struct watcher_options options = {.owner = "dev", .on_news = gone_of_two};
    struct event past = event_of("2-0", "t1", TASK_RENDERING, 2);

    (void)state;
    pair[0] = watcher_new(rt, &options);
    watcher_resume(pair[0], two, 2, false, "1-0");
    listen_at("2-0");
    fake_range_done(fake_waiting("range 1-0 2-0"), &past, 1, false);
    fake_tasks_done(fake_waiting("read"), fake_ended_task);
    check_told("t1 v2 rendering; ");
    fake_loop_turn(loop);
    assert_int_equal(fake_count_waiting(""), 0);
    fake_skip();
}

// What keeps it is of the accounts, which are read after the record: as they are now.
static void test_what_a_task_waits_for(void **state)
{
    static const struct account_state busy = {.used = 1}, resting = {.cool_ms = INT64_MAX};
    struct watcher *watcher = watch_of("dev", NULL);
    struct event event = event_of("1-1", "t1", TASK_QUEUED, 2);

    (void)state;
    watcher_add(watcher, "t1", 0);
    listen_at("1-0");
    fake_expect("read t1");
    fake_tasks_done(fake_waiting("read"), make_queued);
    fake_expect("accounts");
    check_told("");
    fake_accounts_done(fake_waiting("accounts"), &busy, true);
    check_told("t1 v1 queued waits=slot; ");
    fake_events_tell(&event, 1);
    fake_tasks_done(fake_waiting("read"), make_queued);
    fake_accounts_done(fake_waiting("accounts"), &resting, true);
    check_told("t1 v2 queued waits=cooling; ");
    resume(watcher, "t2", "1-0");
    event = event_of("1-2", "t2", TASK_QUEUED, 1);
    fake_range_done(fake_waiting("range"), &event, 1, false);
    fake_tasks_done(fake_waiting("read t2"), make_queued);
    fake_accounts_done(fake_waiting("accounts"), &busy, false);
    check_told("t2 v1 queued waits=no_worker; ");
}

static void test_what_waits_for_nothing(void **state)
{
    static const struct account_state idle = {0};
    struct watcher *watcher = watch_of("dev", NULL);
    struct event then = event_of("1-1", "t1", TASK_SUBMITTING, 2);

    (void)state;
    watcher_add(watcher, "t1", 0);
    listen_at("1-0");
    fake_tasks_done(fake_waiting("read"), make_queued);
    fake_accounts_done(fake_waiting("accounts"), &idle, true);
    check_told("t1 v1 queued; ");
    // It is queued again by now: that isn't why it waited then.
    fake_events_tell(&then, 1);
    fake_tasks_done(fake_waiting("read"), make_queued);
    fake_accounts_done(fake_waiting("accounts"), &idle, false);
    check_told("t1 v2 submitting; ");
}

// A state is told all the same.
static void test_nothing_is_known_of_the_accounts(void **state)
{
    struct watcher *watcher = watch_of("dev", NULL);

    (void)state;
    watcher_add(watcher, "t1", 0);
    listen_at("1-0");
    fake_tasks_done(fake_waiting("read"), make_queued);
    fake_store_fail(fake_waiting("accounts"));
    check_told("t1 v1 queued; ");
}

static void test_dropped_while_the_accounts_are_read(void **state)
{
    struct event event = event_of("1-1", "t1", TASK_QUEUED, 2);

    for (int i = 0; i < 3; i++) {
        struct watcher *watcher = watch_of("dev", NULL);

        if (i == 0)
            watcher_add(watcher, "t1", 0);
        else if (i == 1)
            watcher_add_all(watcher);
        else
            resume(watcher, "t1", "0-1");
        listen_at("1-0");
        if (i == 1)
            fake_events_tell(&event, 1);
        else if (i == 2)
            fake_range_done(fake_waiting("range"), &event, 1, false);
        fake_tasks_done(fake_waiting("read t1"), make_queued);
        assert_int_equal(fake_count_waiting("accounts"), 1);
        watcher_drop(&watcher);
        realtime_drop(&rt);
        fake_late();
        check_told("");
        tear_down(state);
        set_up(state);
    }
}

// The first to be told drops both: the other must not be told, nor be touched.

static void on_gap_drop_both(void *ctx)
{
    (void)ctx;
    buf_str(&told, "gap; ");
    watcher_drop(&pair[0]);
    watcher_drop(&pair[1]);
}

static void on_news_drop_both(void *ctx, const struct news *news, size_t count)
{
    on_news(ctx, news, count);
    watcher_drop(&pair[0]);
    watcher_drop(&pair[1]);
}

static void make_pair(void)
{
    struct watcher_options options = {
        .owner = "dev", .on_news = on_news_drop_both, .on_gap = on_gap_drop_both};

    for (int i = 0; i < 2; i++) {
        pair[i] = watcher_new(rt, &options);
        watcher_add(pair[i], "t1", 0);
        fake_expect("listen");
    }
}

static void test_dropped_while_others_hear_of_a_gap(void **state)
{
    (void)state;
    make_pair();
    fake_events_ready("1-0");
    fake_loop_turn(loop);
    fake_events_gap("0-0");
    check_told("gap; ");
}

static void test_dropped_while_others_are_told(void **state)
{
    (void)state;
    make_pair();
    fake_events_ready("1-0");
    fake_loop_turn(loop);
    fake_tasks_done(fake_waiting("read t1"), fake_ended_task);
    check_told("t1 v3 succeeded; ");
}

// Dropped at every step, then every late answer comes: nobody hears it, nothing leaks.
enum { STEPS = 12 };

static void step(int i, struct watcher *watcher)
{
    static const struct event event = {"8-0", "t1", "dev", {TASK_SUCCEEDED, 9, 0, false}};

    switch (i) {
    case 0:
        watcher_add(watcher, "t1", 0);
        break;
    case 1:
        resume(watcher, "t2", "1-0");
        break;
    case 2:
        watcher_resume(watcher, NULL, 0, true, "1-0");
        break;
    case 3:
        fake_events_ready("7-0");
        break;
    case 4:
        fake_loop_turn(loop);
        break;
    case 5:
        fake_store_fail(fake_waiting("read t1"));
        break;
    case 6:
        fake_range_done(fake_waiting("range"), &event, 1, false);
        break;
    case 7:
        fake_events_tell(&event, 1);
        break;
    case 8:
        fake_loop_run_ms(loop, RETRY_MS);
        break;
    case 9:
        fake_tasks_done(fake_waiting("read t1"), fake_ended_task);
        break;
    case 10:
        fake_events_gap("2-0");
        break;
    case 11:
        fake_loop_turn(loop);
        break;
    }
}

static void test_dropped_at_every_step(void **state)
{
    for (int steps = 0; steps <= STEPS; steps++) {
        struct watcher *watcher = watch_of("dev", NULL);

        for (int i = 0; i < steps; i++)
            step(i, watcher);
        buf_reset(&told);
        if (steps % 2 == 0) {
            watcher_drop(&watcher);
            watcher_drop(&watcher);
        }
        realtime_drop(&rt);
        fake_late();
        fake_loop_run_ms(loop, 10 * RETRY_MS);
        check_told("");
        tear_down(state);
        set_up(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_present_state_is_told_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_present_state_that_is_ahead_of_the_stream, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_present_state_that_the_stream_has_passed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_present_state_and_pages_that_were_not_told, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_present_state_is_read_again_after_a_break, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_while_it_is_held_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_key_s_task_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_task_is_read_once_per_batch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_page_that_cannot_be_read_is_read_again, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_an_event_that_was_told_makes_the_next_wait, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_longer_telling_takes_the_more_is_gathered, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_how_much_is_told_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_events_that_are_told_to_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_later_turn_has_a_read_of_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_gap_while_a_retry_waits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_gap_in_the_past_while_a_retry_waits, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_a_gap_while_the_past_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_past_is_told_then_what_follows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_tasks_are_resumed_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_and_named_tasks_are_resumed_together, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_resumed_from_ahead_of_the_reader, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_by_the_last_of_the_past, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_a_task_waits_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_waits_for_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_known_of_the_accounts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_while_the_accounts_are_read, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_while_others_hear_of_a_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_while_others_are_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped_at_every_step, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
