// What goes out to WebSockets, write by write, in the place of libwebsockets.
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/task/task.h"
#include "scheduler/handover.h"
#include "scheduler/holds.h"
#include "scheduler/news.h"
#include "scheduler/realtime.h"
#include "scheduler/websocket_private.h"
#include "tests/support/check.h"

enum { WATCHERS = 3 };

static struct holds *holds;
static struct websockets websockets;
static struct websocket watchers[WATCHERS];
static struct buf said; // "[3:text text][1:…]": each write's watcher, and its frames
static const void *written;
static bool is_slow;

// The kernel's: what the client has sent, what of it wasn't read, and what comes behind the next
// question.
enum { SOCKET = 7777 };
static struct {
    bool knows;
    uint64_t received;
    int unread, to_come;
} counts;

static void bring(void)
{
    counts.received += (uint64_t)counts.to_come;
    counts.unread += counts.to_come;
    counts.to_come = 0;
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    void *answer;

    va_start(args, request);
    answer = va_arg(args, void *);
    va_end(args);
    if (fd != SOCKET)
        return (int)syscall(SYS_ioctl, fd, request, answer);
    if (!counts.knows)
        return -1;
    memcpy(answer, &counts.unread, sizeof counts.unread);
    bring();
    return 0;
}

int getsockopt(int fd, int level, int name, void *answer, socklen_t *len)
{
    enum { BYTES_RECEIVED_AT = sizeof(struct tcp_info) + 3 * sizeof(uint64_t) };

    (void)level;
    (void)name;
    if (fd != SOCKET || !counts.knows || *len < BYTES_RECEIVED_AT + sizeof counts.received)
        return -1;
    memcpy((char *)answer + BYTES_RECEIVED_AT, &counts.received, sizeof counts.received);
    bring();
    return 0;
}

// Libwebsockets.

lws_sockfd_type lws_get_socket_fd(struct lws *wsi)
{
    (void)wsi;
    return SOCKET;
}

size_t lws_remaining_packet_payload(struct lws *wsi)
{
    (void)wsi;
    return 0;
}

int lws_frame_is_binary(struct lws *wsi)
{
    (void)wsi;
    return 0;
}

int lws_is_final_fragment(struct lws *wsi)
{
    (void)wsi;
    return 1;
}

int lws_partial_buffered(struct lws *wsi)
{
    (void)wsi;
    return is_slow;
}

int lws_callback_on_writable(struct lws *wsi)
{
    (void)wsi;
    return 0;
}

void lws_set_timeout(struct lws *wsi, enum pending_timeout reason, int secs)
{
    (void)wsi;
    (void)reason;
    (void)secs;
}

void lws_close_reason(struct lws *wsi, enum lws_close_status status, unsigned char *buf, size_t len)
{
    (void)wsi;
    (void)buf;
    (void)len;
    buf_fmt(&said, "[close %d]", (int)status);
}

// A frame's payload. Long ones are told by their length and ends.
static size_t say_frame(const unsigned char *frame, size_t left)
{
    size_t more, len;
    const char *text;

    assert_true(left >= 2);
    assert_int_equal(frame[0], 0x81);
    more = frame[1] == 126 ? 2 : frame[1] == 127 ? 8 : 0;
    len = more == 0 ? frame[1] : 0;
    for (size_t i = 0; i < more; i++)
        len = len << 8 | frame[2 + i];
    assert_true(2 + more + len <= left);
    assert_int_equal(more, len > 65535 ? 8 : len > 125 ? 2 : 0);
    text = (const char *)frame + 2 + more;
    if (len <= 400)
        buf_add(&said, text, len);
    else
        buf_fmt(&said, "%zu bytes", len);
    return 2 + more + len;
}

int lws_write(struct lws *wsi, unsigned char *data, size_t len, enum lws_write_protocol protocol)
{
    assert_int_equal(protocol, LWS_WRITE_RAW);
    written = data;
    buf_fmt(&said, "[%d:", (int)(intptr_t)wsi);
    for (size_t at = 0; at < len;) {
        if (at > 0)
            buf_char(&said, ' ');
        at += say_frame(data + at, len - at);
    }
    buf_char(&said, ']');
    return (int)len;
}

void loop_turn_ask(struct loop_turn *turn)
{
    (void)turn;
}

// The watchers of tasks.

struct watcher {
    struct watcher_options options;
};

struct watcher *watcher_new(struct realtime *realtime, const struct watcher_options *options)
{
    struct watcher *watcher = mem_new(struct watcher);

    (void)realtime;
    watcher->options = *options;
    return watcher;
}

void watcher_drop(struct watcher **watcher)
{
    free(*watcher);
    *watcher = NULL;
}

void watcher_add(struct watcher *watcher, const char *id, int after_version)
{
    (void)watcher;
    (void)id;
    (void)after_version;
}

void watcher_resume(struct watcher *watcher, const char *const *ids, size_t count, bool is_all,
                    const char *cursor)
{
    (void)watcher;
    (void)ids;
    (void)count;
    (void)is_all;
    (void)cursor;
}

void watcher_add_all(struct watcher *watcher)
{
    (void)watcher;
}

size_t watcher_count(const struct watcher *watcher)
{
    (void)watcher;
    return 1;
}

static bool is_ready = true;

bool realtime_is_ready(const struct realtime *realtime)
{
    (void)realtime;
    return is_ready;
}

bool realtime_is_cursor(const char *text)
{
    return *text != '\0';
}

// The tests.

static void check_said(const char *expected)
{
    assert_string_equal(buf_text(&said), expected);
    buf_reset(&said);
}

static void subscribe(struct websocket *ws, const char *request)
{
    websocket_receive(ws, request, strlen(request));
    assert_true(websocket_send(ws));
    buf_reset(&said);
}

static int set_up(void **state)
{
    (void)state;
    holds = holds_new(100);
    websockets = (struct websockets){0};
    is_slow = false;
    for (int i = 0; i < WATCHERS; i++) {
        struct arrival arrival = {.owner = "key", .holds = holds_share(holds)};

        assert_true(holds_take(holds, "key"));
        watchers[i] = (struct websocket){0};
        websocket_open(&watchers[i], &websockets, (struct lws *)(intptr_t)(i + 1), &arrival);
        subscribe(&watchers[i], "{\"type\":\"subscribe\",\"all\":true}");
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < WATCHERS; i++)
        websocket_forget(&watchers[i]);
    websocket_clear_shared(&websockets);
    assert_null(websockets.woken);
    assert_int_equal(holds_taken(holds), 0);
    holds_leave(&holds);
    buf_clear(&said);
    return 0;
}

// Who hears that it has subscribed to all reads what there is next: what changes from then on must
// be told.
static void test_subscribed_once_changes_are_read(void **state)
{
    static const char all[] = "{\"type\":\"subscribe\",\"all\":true}",
                      lost[] = "{\"type\":\"subscribe\",\"all\":true,\"since\":\"\"}",
                      since[] = "{\"type\":\"subscribe\",\"all\":true,\"since\":\"1-0\"}";
    struct websocket *ws = &watchers[0];

    (void)state;
    is_ready = false;
    websocket_receive(ws, all, sizeof all - 1);
    websocket_receive(ws, lost, sizeof lost - 1);
    assert_true(websocket_send(ws));
    check_said("");
    websocket_receive(ws, since, sizeof since - 1); // misses nothing
    assert_true(websocket_send(ws));
    check_said("[1:{\"type\":\"subscribed\"}]");
    is_ready = true;
    ws->watcher->options.on_ready(ws->watcher->options.ctx);
    assert_true(websocket_send(ws));
    check_said("[1:{\"type\":\"subscribed\"} {\"type\":\"subscribed\"} {\"type\":\"gap\"}]");
    ws->watcher->options.on_ready(ws->watcher->options.ctx); // after a break of the stream
    assert_true(websocket_send(ws));
    check_said("");
}

// `count` changes of a task, of which each is `text`, as one turn brings them.
static void tell(struct websocket *ws, size_t count, const char *text)
{
    static char owner[] = "dev", account[] = "mj-1";
    struct task *tasks = mem_array(struct task, count);
    struct news *news = mem_array(struct news, count);
    char(*cursors)[16] = mem_zeroed(count, sizeof *cursors);

    for (size_t i = 0; i < count; i++) {
        tasks[i].version = (int)i + 1;
        tasks[i].owner = owner;
        tasks[i].account = account;
        snprintf(tasks[i].id, sizeof tasks[i].id, "t1");
        snprintf(cursors[i], sizeof cursors[i], "1-%zu", i);
        news[i] = (struct news){&tasks[i], cursors[i], text, i};
    }
    ws->watcher->options.on_news(ws->watcher->options.ctx, news, count);
    free(cursors);
    free(news);
    free(tasks);
}

static void test_what_one_turn_brings_is_one_write(void **state)
{
    (void)state;
    tell(&watchers[0], 2, "{}");
    websocket_receive(&watchers[0], "{}", 2);
    assert_true(websocket_send(&watchers[0]));
    check_said(
        "[1:{\"type\":\"task\",\"cursor\":\"1-0\",\"task\":{}} "
        "{\"type\":\"task\",\"cursor\":\"1-1\",\"task\":{}} "
        "{\"type\":\"error\",\"message\":\"type: is required\"}]");
}

static void test_joined(void **state)
{
    (void)state;
    subscribe(&watchers[0], "{\"type\":\"subscribe\",\"all\":true,\"batch\":true}");
    tell(&watchers[0], 2, "{}");
    websocket_receive(&watchers[0], "{}", 2);
    assert_true(websocket_send(&watchers[0]));
    check_said(
        "[1:{\"type\":\"tasks\",\"changes\":[{\"cursor\":\"1-0\",\"task\":{}},"
        "{\"cursor\":\"1-1\",\"task\":{}}]}]"
        "[1:{\"type\":\"error\",\"message\":\"type: is required\"}]");
    tell(&watchers[0], 1, "{}");
    assert_true(websocket_send(&watchers[0]));
    check_said("[1:{\"type\":\"tasks\",\"changes\":[{\"cursor\":\"1-0\",\"task\":{}}]}]");
}

// How many texts were made in this turn.
static int count_texts(void)
{
    int count = 0;

    for (int i = 0; i < WEBSOCKET_SHARED; i++)
        count += (websockets.shared[i] != NULL) + (websockets.shared_operators[i] != NULL);
    return count;
}

// Made once: the next is sent the same bytes of memory.
static void test_all_are_sent_the_same(void **state)
{
    const void *first;

    (void)state;
    for (size_t count = 1; count <= 3; count++) {
        first = NULL;
        for (int i = 0; i < WATCHERS; i++)
            tell(&watchers[i], count, "{\"id\":\"t1\"}");
        for (int i = 0; i < WATCHERS; i++) {
            assert_true(websocket_send(&watchers[i]));
            if (first != NULL)
                assert_ptr_equal(written, first);
            first = written;
        }
        websocket_clear_shared(&websockets);
    }
    subscribe(&watchers[0], "{\"type\":\"subscribe\",\"all\":true,\"batch\":true}");
    buf_reset(&said);
    for (int i = 0; i < WATCHERS; i++)
        tell(&watchers[i], 2, "{}");
    for (int i = 0; i < WATCHERS; i++)
        assert_true(websocket_send(&watchers[i]));
    check_said(
        "[1:{\"type\":\"tasks\",\"changes\":[{\"cursor\":\"1-0\",\"task\":{}},"
        "{\"cursor\":\"1-1\",\"task\":{}}]}]"
        "[2:{\"type\":\"task\",\"cursor\":\"1-0\",\"task\":{}} "
        "{\"type\":\"task\",\"cursor\":\"1-1\",\"task\":{}}]"
        "[3:{\"type\":\"task\",\"cursor\":\"1-0\",\"task\":{}} "
        "{\"type\":\"task\",\"cursor\":\"1-1\",\"task\":{}}]");
}

// An operator's texts have more in them, and are apart from those of others.
static void test_an_operator_is_sent_more(void **state)
{
    (void)state;
    watchers[1].is_operator = watchers[2].is_operator = true;
    for (int i = 0; i < WATCHERS; i++)
        tell(&watchers[i], 1, "{\"id\":\"t1\"}");
    for (int i = 0; i < WATCHERS; i++)
        assert_true(websocket_send(&watchers[i]));
    check_said(
        "[1:{\"type\":\"task\",\"cursor\":\"1-0\",\"task\":{\"id\":\"t1\"}}]"
        "[2:{\"type\":\"task\",\"cursor\":\"1-0\",\"task\":{\"id\":\"t1\",\"key\":\"dev\","
        "\"account\":\"mj-1\"}}]"
        "[3:{\"type\":\"task\",\"cursor\":\"1-0\",\"task\":{\"id\":\"t1\",\"key\":\"dev\","
        "\"account\":\"mj-1\"}}]");
    assert_int_equal(count_texts(), 2);
}

// However long: the length is written as RFC 6455 wants it, and a write has its limit.
static void test_lengths(void **state)
{
    static const struct {
        size_t bytes, count;
        const char *said;
    } cases[] = {
        {500, 3, "[1:538 bytes 538 bytes 538 bytes]"},
        {40000, 3, "[1:40038 bytes][1:40038 bytes][1:40038 bytes]"},
        {30000, 3, "[1:30038 bytes 30038 bytes][1:30038 bytes]"},
        {70000, 2, "[1:70038 bytes][1:70038 bytes]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *text = mem_zeroed(1, cases[i].bytes + 1);

        memset(text, 'x', cases[i].bytes);
        tell(&watchers[0], cases[i].count, text);
        assert_true(websocket_send(&watchers[0]));
        websocket_clear_shared(&websockets);
        check_said(cases[i].said);
        free(text);
    }
}

// A frame may come at any moment while its connection is opened: it is masked all the same.
static void test_a_mask_is_counted(void **state)
{
    enum { HEAD = 300, FRAME = 2 + 4 + 2, BARE = 2 + 2 };
    static const struct {
        int in_between, later; // bytes that come while we count, and after that
        size_t rest;           // came with the request
        bool is_masked;
    } cases[] = {
        {0, FRAME, 0, true}, {FRAME, 0, 0, true},        {0, 0, FRAME, true},
        {0, BARE, 0, false}, {HEAD + FRAME, 0, 0, true}, {0, 0, BARE, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arrival arrival = {
            .owner = "key", .holds = holds_share(holds), .rest = cases[i].rest};
        struct websocket ws = {0};

        assert_true(holds_take(holds, "key"));
        counts.knows = true;
        counts.received = HEAD + cases[i].rest;
        counts.unread = 0;
        counts.to_come = cases[i].in_between;
        websocket_open(&ws, &websockets, NULL, &arrival);
        counts.received += (uint64_t)cases[i].later;
        counts.unread = 0; // libwebsockets has read it
        websocket_receive(&ws, "{}", 2);
        if ((ws.close_code == 0) != cases[i].is_masked)
            fail_msg("case %zu: closed with %d", i, ws.close_code);
        websocket_forget(&ws);
        counts.knows = false;
        buf_reset(&said);
    }
}

// Nothing is copied for it, and the others don't wait.
static void test_a_slow_reader(void **state)
{
    static char text[100001];

    (void)state;
    memset(text, 'x', sizeof text - 1);
    is_slow = true;
    for (int i = 0; i < 10; i++) {
        tell(&watchers[0], 1, text);
        assert_true(websocket_send(&watchers[0]));
        websocket_clear_shared(&websockets);
    }
    check_said("");
    assert_true(watchers[0].waiting_bytes <= WEBSOCKET_MAX_WAITING);
    is_slow = false;
    tell(&watchers[1], 1, text);
    assert_true(websocket_send(&watchers[1]));
    check_said("[2:100038 bytes]");
    tell(&watchers[0], 1, text);
    check_said("[close 1013]");
    assert_int_equal(watchers[0].waiting_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_subscribed_once_changes_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_one_turn_brings_is_one_write, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_joined, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_are_sent_the_same, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_an_operator_is_sent_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_mask_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_slow_reader, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
