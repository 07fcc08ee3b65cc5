// The reader of the event stream, against a Redis that answers when the test lets it.
#include "core/store/events.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/loop/loop.h"
#include "core/store/store.h"
#include "tests/support/check.h"
#include "tests/support/fake_redis.h"
#include "tests/support/fake_store.h"

#define READ "redis XREAD COUNT 256 BLOCK 0 STREAMS {spool}:events "
#define READ_BEHIND "redis XREAD COUNT 256 STREAMS {spool}:events "

static struct loop *loop;
static struct events *events;
static struct buf told; // "ready 5-0; 6-0..6-9; gap; "

static void on_events(void *ctx, const struct event *list, size_t count)
{
    (void)ctx;
    buf_fmt(&told, "%s..%s; ", list[0].cursor, list[count - 1].cursor);
}

static void on_gap(void *ctx)
{
    (void)ctx;
    buf_str(&told, "gap; ");
}

static void on_ready(void *ctx, const char *cursor)
{
    (void)ctx;
    buf_fmt(&told, "ready %s; ", cursor);
}

// Ranges are read on the store's connection, which isn't there.
struct store_call *store_command(struct store *store, struct args *argv, int64_t deadline_ms,
                                 store_answer_fn fn, store_then_fn then, void *ctx)
{
    (void)store, (void)argv, (void)deadline_ms, (void)fn, (void)then, (void)ctx;
    fail();
    return NULL;
}

static void check_told(const char *expected)
{
    assert_string_equal(buf_text(&told), expected);
    buf_reset(&told);
}

static void add_text(struct buf *resp, const char *text)
{
    buf_fmt(resp, "$%zu\r\n%s\r\n", strlen(text), text);
}

// What XINFO STREAM says.
static void add_extent(struct buf *resp, const char *first, const char *last, int length, int added)
{
    buf_str(resp, "*8\r\n");
    add_text(resp, "length");
    buf_fmt(resp, ":%d\r\n", length);
    add_text(resp, "last-generated-id");
    add_text(resp, last);
    add_text(resp, "entries-added");
    buf_fmt(resp, ":%d\r\n", added);
    add_text(resp, "first-entry");
    buf_str(resp, "*2\r\n");
    add_text(resp, first);
    buf_str(resp, "*0\r\n");
}

// What XREAD says: `count` changes, "<ms>-0", "<ms>-1" and so on.
static void add_entries(struct buf *resp, int ms, int count)
{
    char id[32];

    buf_str(resp, "*1\r\n*2\r\n");
    add_text(resp, "{spool}:events");
    buf_fmt(resp, "*%d\r\n", count);
    for (int i = 0; i < count; i++) {
        buf_str(resp, "*2\r\n");
        snprintf(id, sizeof id, "%d-%d", ms, i);
        add_text(resp, id);
        buf_str(resp, "*2\r\n");
        add_text(resp, "e");
        add_text(resp, "t1 3 rendering 50 0 dev");
    }
}

static void answer(const char *line, struct buf *resp)
{
    redisReader *reader = redisReaderCreate();
    void *reply = NULL;

    assert_int_equal(redisReaderFeed(reader, resp->data, resp->len), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
    assert_non_null(reply);
    fake_redis_answer(fake_waiting(line), reply);
    freeReplyObject(reply);
    redisReaderFree(reader);
    buf_clear(resp);
}

static int set_up(void **state)
{
    struct events_options options = {.redis_url = "unix:///nowhere",
                                     .on_events = on_events,
                                     .on_gap = on_gap,
                                     .on_ready = on_ready};
    struct buf resp = {0};

    (void)state;
    log_threshold = LOG_NOTHING;
    loop = loop_new();
    events = events_start(loop, NULL, &options);
    events_listen(events);
    fake_expect("redis XINFO STREAM {spool}:events");
    add_extent(&resp, "1-0", "5-0", 10, 10);
    answer("redis XINFO", &resp);
    fake_expect(READ "5-0");
    check_told("ready 5-0; ");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    events_drop(&events);
    fake_late();
    fake_end();
    buf_clear(&told);
    loop_free(loop);
    return 0;
}

static void test_more_is_read_when_it_is_asked_for(void **state)
{
    struct buf resp = {0};

    (void)state;
    add_entries(&resp, 6, 3);
    answer(READ, &resp);
    check_told("6-0..6-2; ");
    fake_expect_nothing();
    events_more(events, EVENTS_AT_ONCE);
    fake_expect(READ "6-2");
    events_more(events, EVENTS_AT_ONCE); // once is enough
    fake_expect_nothing();
    add_entries(&resp, 7, 1);
    answer(READ, &resp);
    check_told("7-0..7-0; ");
    events_more(events, 16);
    fake_expect("redis XREAD COUNT 16 BLOCK 0 STREAMS {spool}:events 7-0");
    assert_string_equal(events_cursor(events), "7-0");
}

// Whoever asks for few is behind as soon as it gets as many.
static void test_a_reader_of_few_that_is_behind(void **state)
{
    struct buf resp = {0};

    (void)state;
    add_entries(&resp, 6, 1);
    answer(READ, &resp);
    events_more(events, 2);
    add_entries(&resp, 7, 2);
    answer("redis XREAD COUNT 2 BLOCK", &resp);
    check_told("6-0..6-0; ");
    fake_expect("redis XREAD COUNT 2 BLOCK 0 STREAMS {spool}:events 6-0");
    fake_expect("redis MULTI");
}

static void expect_read_behind(const char *cursor)
{
    char line[80];

    fake_expect("redis MULTI");
    fake_expect("redis XINFO STREAM {spool}:events");
    snprintf(line, sizeof line, READ_BEHIND "%s", cursor);
    fake_expect(line);
    fake_expect("redis EXEC");
}

static void answer_behind(const char *first, int ms, int count)
{
    struct buf resp = {0};

    buf_str(&resp, "*2\r\n");
    add_extent(&resp, first, "9-9", 100, 1000);
    if (count > 0)
        add_entries(&resp, ms, count);
    else
        buf_str(&resp, "*-1\r\n");
    answer("redis EXEC", &resp);
}

// As much as fits: there may be more, of which the oldest may have been trimmed by now.
static void test_a_reader_that_is_behind_looks_where_the_stream_begins(void **state)
{
    struct buf resp = {0};

    (void)state;
    add_entries(&resp, 6, EVENTS_AT_ONCE);
    answer(READ, &resp);
    check_told("");
    expect_read_behind("5-0");
    answer_behind("5-0", 6, EVENTS_AT_ONCE);
    check_told("6-0..6-255; ");
    fake_expect_nothing();
    events_more(events, EVENTS_AT_ONCE);
    expect_read_behind("6-255");
    answer_behind("6-100", 7, 2); // it has caught up
    check_told("7-0..7-1; ");
    events_more(events, EVENTS_AT_ONCE);
    fake_expect(READ "7-1");
}

static void test_what_was_trimmed_before_it_was_read_is_a_gap(void **state)
{
    struct buf resp = {0};

    (void)state;
    add_entries(&resp, 6, EVENTS_AT_ONCE);
    answer(READ, &resp);
    expect_read_behind("5-0");
    answer_behind("6-0", 6, EVENTS_AT_ONCE);
    check_told("gap; ");
    fake_expect(READ "9-9");
    assert_string_equal(events_cursor(events), "9-9");
}

static void test_nothing_is_left_to_read(void **state)
{
    struct buf resp = {0};

    (void)state;
    add_entries(&resp, 6, EVENTS_AT_ONCE);
    answer(READ, &resp);
    expect_read_behind("5-0");
    answer_behind("1-0", 0, 0);
    fake_expect(READ "5-0");
    check_told("");
}

static void test_the_reader_pauses_while_it_is_behind(void **state)
{
    struct buf resp = {0};

    (void)state;
    add_entries(&resp, 6, EVENTS_AT_ONCE);
    answer(READ, &resp);
    expect_read_behind("5-0");
    events_pause(events);
    answer_behind("1-0", 6, 2);
    check_told("");
    fake_expect_nothing();
    events_listen(events);
    fake_expect("redis XINFO STREAM {spool}:events");
}

static void refuse(const char *line)
{
    struct buf resp = {0};

    buf_str(&resp, "-BUSY a script\r\n");
    answer(line, &resp);
    fake_expect("redis reconnect BUSY a script");
    fake_expect_nothing();
    check_told("");
    fake_redis_set_up(false);
    fake_redis_set_up(true);
    fake_expect("redis XINFO STREAM {spool}:events");
}

// An error says nothing of the stream, not that it has no end and not that it has nothing new.
static void test_what_redis_refuses_is_asked_again(void **state)
{
    struct buf resp = {0};

    (void)state;
    refuse(READ);
    refuse("redis XINFO");
    add_extent(&resp, "1-0", "6-255", 20, 20);
    answer("redis XINFO", &resp);
    check_told("ready 5-0; "); // what others know from before the break may be gone
    fake_expect(READ "5-0");
    add_entries(&resp, 6, EVENTS_AT_ONCE);
    answer(READ, &resp);
    expect_read_behind("5-0");
    fake_redis_answer(fake_waiting("redis XINFO"), NULL); // EXEC has its answer
    refuse("redis EXEC");
    add_extent(&resp, "1-0", "6-255", 20, 20);
    answer("redis XINFO", &resp);
    expect_read_behind("5-0");
    answer_behind("1-0", 6, 2);
    check_told("ready 5-0; 6-0..6-1; ");
}

static void test_a_stream_that_is_gone_is_a_gap(void **state)
{
    struct buf resp = {0};

    (void)state;
    fake_redis_set_up(false);
    fake_redis_set_up(true);
    fake_expect("redis XINFO STREAM {spool}:events");
    buf_str(&resp, "-ERR no such key\r\n");
    answer("redis XINFO", &resp);
    fake_expect(READ "0-0");
    check_told("gap; ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_more_is_read_when_it_is_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_reader_of_few_that_is_behind, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_reader_that_is_behind_looks_where_the_stream_begins,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_was_trimmed_before_it_was_read_is_a_gap, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_nothing_is_left_to_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_reader_pauses_while_it_is_behind, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_what_redis_refuses_is_asked_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_stream_that_is_gone_is_a_gap, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
