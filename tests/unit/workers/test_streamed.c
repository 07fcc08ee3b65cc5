// Submits whose inputs are streamed: where the files are meanwhile, and what becomes of a body that
// breaks off.
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/message/multipart.h"
#include "tests/support/check.h"
#include "tests/support/fake_bench.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_provider.h"
#include "tests/support/fake_storage.h"
#include "tests/support/fake_store.h"
#include "workers/jobs.h"

enum { LEASE_MS = 60000, TRIES_MS = 500 + 1000 + 2000, MB = 1 << 20 };

#define BEGIN "begin task_1 ms=60000"
#define SEND "vendor POST https://forms.example/forms account=forms-1"
#define OURS "https://spool.example/media/uploads/2026/01/02/a.gif"
#define KEY "uploads/2026/01/02/a.gif"
#define ELSEWHERE "https://client.example/b.gif"
#define COPY "answers/task_1-7-input-1"
#define ONE_COPY "answers/task_1-7-input-0"
#define GIF "GIF89a, and what follows"

static char links_base[] = "https://spool.example/media";
static struct account accounts[] = {
    {.name = "forms-1", FAKE_FORMS, .base_url = "https://forms.example"}};
static struct config config;
static struct loop *loop;
static struct bench *bench;

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    config = (struct config){.accounts = accounts,
                             .account_count = 1,
                             .lease_ms = LEASE_MS,
                             .queue_timeout_ms = 3600 * 1000};
    config.links.base = links_base;
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

static void check_over(void)
{
    fake_expect_nothing();
    assert_null(bench->jobs);
    begin_anew();
}

static void start_with(const char *request)
{
    struct task *task = fake_task("task_1", "dev", TASK_SUBMITTING);

    task->provider = mem_str("one");
    task->account = mem_str("forms-1");
    task->action = mem_str("MAKE");
    task->request = mem_str(request);
    task->counter = 7;
    task->created_ms = clock_wall_ms();
    task->has_inputs = true;
    submit_start(bench, task, clock_mono_ms());
}

static void start(void)
{
    start_with("{\"image\":\"" OURS "\",\"mask\":\"" ELSEWHERE "\"}");
}

static void start_with_ours(void)
{
    start_with("{\"image\":\"" OURS "\"}");
}

static void start_with_elsewhere(void)
{
    start_with("{\"image\":\"" ELSEWHERE "\"}");
}

static void show(void)
{
    fake_storage_show(fake_waiting("look"), "GIF89a..........", strlen(GIF));
}

static void fetch(void)
{
    fake_http_answer(fake_waiting("http"), 200, NULL, GIF);
}

static void commit(void)
{
    fake_storage_done(fake_waiting("commit"), NULL);
}

static void go(void)
{
    fake_begin_done(fake_waiting("begin"), BEGIN_GO);
}

static void accepted(void)
{
    fake_http_answer(fake_waiting("vendor"), 200, NULL, "accepted up-1");
}

// Reads what the vendor gets until there is no more for now.
static void pull(struct buf *got)
{
    char piece[100];
    size_t len;

    while ((int64_t)got->len < fake_http_options(fake_waiting("vendor"))->source_bytes &&
           (len = fake_http_source(fake_waiting("vendor"), piece, sizeof piece)) > 0) {
        assert_int_not_equal(len, HTTP_SOURCE_BROKEN);
        buf_add(got, piece, len);
    }
}

static void pull_some(void)
{
    struct buf got = {0};

    pull(&got);
    buf_clear(&got);
}

static void give_file(void)
{
    fake_storage_piece(fake_waiting("read"), GIF, strlen(GIF));
    fake_storage_done(fake_waiting("read"), NULL);
}

static void check_form(const struct buf *body)
{
    const char *at = strstr(fake_http_request(fake_waiting("vendor"))->headers.data, "multipart/");
    char *type = mem_strn(at, strcspn(at, "\n"));
    struct multipart form;
    struct err err;

    assert_true(multipart_parse(type, body->data, body->len, &form, &err));
    assert_int_equal(form.count, 3);
    for (size_t i = 1; i < 3; i++) {
        assert_true(multipart_text_is(form.parts[i].data, GIF));
        assert_true(multipart_text_is(form.parts[i].content_type, "image/gif"));
    }
    free(type);
}

static void test_where_files_are(void **state)
{
    const struct http_options *options;
    struct buf got = {0};

    (void)state;
    start();
    fake_expect("look " KEY); // it stays where it is
    fake_expect_nothing();
    show();
    fake_expect("http GET " ELSEWHERE);
    fake_expect_nothing();
    fetch();
    fake_expect("create " COPY);
    fake_expect("commit " COPY);
    fake_expect_nothing();
    commit();
    fake_expect("drop " COPY); // the file is there by now
    fake_expect(BEGIN);
    go();
    fake_expect(SEND);
    options = fake_http_options(fake_waiting("vendor"));
    assert_true(options->fresh_connection);
    assert_null(options->on_rewind); // nothing is ever sent twice
    assert_int_equal(fake_http_request(fake_waiting("vendor"))->body.len, 0);
    pull(&got);
    fake_expect("read " KEY " from=0");
    give_file();
    fake_expect("resume https://forms.example/forms");
    pull(&got);
    fake_expect("read " COPY " from=0");
    give_file();
    fake_expect("resume https://forms.example/forms");
    pull(&got);
    assert_int_equal(got.len, options->source_bytes);
    check_form(&got);
    buf_clear(&got);
    accepted();
    fake_expect("delete " COPY); // and no other file
    fake_expect("change task_1 accept upstream=up-1 look=2000 news");
    fake_expect_nothing();
}

// A slow vendor gets the bytes that there are, and then the time that it has for an answer.
static void test_a_large_body_has_time(void **state)
{
    const struct http_options *options;
    int64_t small_ms;

    (void)state;
    start_with_ours();
    show();
    go();
    options = fake_http_options(fake_waiting("vendor"));
    small_ms = options->timeout_ms;
    assert_int_equal(small_ms, 30000);
    begin_anew();

    start_with_ours();
    fake_storage_show(fake_waiting("look"), "GIF89a..........", 50 * MB);
    assert_true(bench->inputs.used < MB);
    go();
    options = fake_http_options(fake_waiting("vendor"));
    assert_true(options->source_bytes > 50 * MB);
    assert_int_equal(options->timeout_ms, small_ms + options->source_bytes / 1000);
}

#define UNFETCHED "input image 0 can't be fetched"
#define NEVER(why) "change task_1 fail code=invalid_request message=" why

static void test_a_file_of_ours(void **state)
{
    static const struct {
        const char *name, *head;
        int64_t bytes;
        const char *line;
    } cases[] = {
        {"an image", "GIF89a", 6, BEGIN},
        {"as large as may be", "GIF89a..........", 50 * MB, BEGIN},
        {"too large", "GIF89a..........", 50 * MB + 1, NEVER(UNFETCHED)},
        {"no image", "ID3, a song.....", 100, NEVER("input image 0 is no image that we know")},
        {"empty", "", 0, NEVER("input image 0 is no image that we know")},
        {"not there", NULL, 0, NEVER(UNFETCHED)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        start_with_ours();
        fake_expect("look " KEY);
        fake_storage_show(fake_waiting("look"), cases[i].head, cases[i].bytes);
        fake_expect(cases[i].line);
        begin_anew();
    }
    start_with_ours();
    fake_skip();
    fake_late(); // that the storage fails is nobody's fault
    fake_expect("change task_1 await storage why=too late");
    fake_expect("wake");
    check_over();
}

static void test_a_file_from_elsewhere(void **state)
{
    static const struct {
        const char *name;
        int status; // 0: no answer
        const char *headers, *body, *line;
    } cases[] = {
        {"no image", 200, NULL, "<html>", NEVER("input image 0 is no image that we know")},
        {"empty", 200, NULL, NULL, NEVER("input image 0 is no image that we know")},
        {"not there", 404, NULL, GIF, NEVER(UNFETCHED ": its link answers HTTP 404")},
        {"a failure there", 503, NULL, GIF,
         "change task_1 await inputs why=" UNFETCHED ": its link answers HTTP 503"},
        {"no answer", 0, NULL, NULL, "change task_1 await inputs why=" UNFETCHED},
        {"elsewhere again", 302, "location: https://cdn.example/c.gif\n", GIF,
         "http GET https://cdn.example/c.gif"},
        {"to us", 302, "location: " OURS "\n", GIF, "look " KEY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].name);
        start_with_elsewhere();
        fake_expect("http GET " ELSEWHERE);
        if (cases[i].status == 0)
            fake_http_fail(fake_waiting("http"), ERR_TIMEOUT, false);
        else
            fake_http_answer(fake_waiting("http"), cases[i].status, cases[i].headers,
                             cases[i].body);
        // Only what may be the file is written, and only an image stays.
        if (cases[i].status == 200 && cases[i].body != NULL)
            fake_expect("create " ONE_COPY);
        fake_expect(cases[i].line);
        assert_int_equal(fake_count("create"), fake_count("drop"));
        assert_int_equal(fake_count("commit"), 0);
        begin_anew();
    }
}

static void test_what_becomes_of_a_copy(void **state)
{
    static char piece[65536] = "GIF89a";
    struct fake_call *call;
    struct err err;

    (void)state;
    start_with_elsewhere(); // larger than 50 MB
    fake_skip();
    call = fake_waiting("http");
    for (int i = 0; i < 50 * MB / (int)sizeof piece; i++)
        assert_true(fake_http_piece_bytes(call, 200, piece, sizeof piece));
    fake_skip();
    assert_true(fake_http_piece_bytes(call, 200, "x", 1));
    fake_expect(NEVER(UNFETCHED));
    fake_expect("drop " ONE_COPY);
    fake_expect("wake");
    check_over();

    start_with_elsewhere(); // broken off
    fake_http_piece(fake_waiting("http"), 200, GIF);
    fake_skip();
    fake_http_fail(fake_waiting("http"), ERR_UPSTREAM, false);
    fake_expect("change task_1 await inputs why=" UNFETCHED);
    fake_expect("drop " ONE_COPY);
    fake_expect("wake");
    check_over();

    start_with_elsewhere(); // the disk is full at the end
    fetch();
    fake_skip();
    err_set(&err, ERR_IO, "full");
    fake_storage_done(fake_waiting("commit"), &err);
    fake_expect("change task_1 await storage why=full");
    fake_expect("drop " ONE_COPY);
    fake_expect("wake");
    check_over();

    start_with_elsewhere(); // for a while
    fake_storage_take(0);
    call = fake_waiting("http");
    assert_false(fake_http_piece(call, 200, GIF));
    fake_skip();
    fake_storage_ready(fake_waiting("create"), SIZE_MAX);
    fake_expect("resume " ELSEWHERE);
    assert_true(fake_http_piece(call, 200, GIF));
    fake_http_answer(call, 200, NULL, NULL);
    fake_expect("commit " ONE_COPY);
    begin_anew();

    start_with_elsewhere(); // or in between
    fake_storage_take(0);
    assert_false(fake_http_piece(fake_waiting("http"), 200, GIF));
    fake_skip();
    fake_storage_lose(fake_waiting("create"), 0, false);
    fake_expect("change task_1 await storage why=the test says so");
    fake_expect("drop " ONE_COPY);
    fake_expect("wake");
    check_over();
}

// The body as it is sent.

static void send_ours(void)
{
    start_with_ours();
    show();
    go();
    pull_some();
    assert_true(fake_storage_piece(fake_waiting("read"), "GIF89a", 6));
    pull_some();
    fake_skip();
}

// As curl does when the source is broken.
static void break_off(void)
{
    char piece[100];

    assert_int_equal(fake_http_source(fake_waiting("vendor"), piece, sizeof piece),
                     HTTP_SOURCE_BROKEN);
    fake_http_fail(fake_waiting("vendor"), ERR_IO, false);
}

static void fail_read(enum err_code code)
{
    struct err err;

    err_set(&err, code, "the storage is away");
    fake_storage_done(fake_waiting("read"), &err);
}

static void fail_for_good(void)
{
    for (int i = 0; i < 3; i++) {
        fail_read(ERR_UPSTREAM);
        fake_loop_run_ms(loop, 500 << i);
    }
    fail_read(ERR_UPSTREAM);
    fake_skip();
}

static void test_the_storage_fails(void **state)
{
    (void)state;
    send_ours(); // nobody has a whole request
    fail_for_good();
    break_off();
    fake_expect("change task_1 await storage why=the storage is away");
    fake_expect("wake");
    check_over();

    send_ours();
    fail_read(ERR_NOT_FOUND);
    fake_skip();
    break_off();
    fake_expect("change task_1 fail code=input_lost message=a stored file of the request is gone");
    fake_expect("wake");
    check_over();

    send_ours(); // the file is another one
    assert_true(fake_storage_piece(fake_waiting("read"), GIF, strlen(GIF)));
    fake_skip();
    break_off();
    fake_expect("change task_1 await storage why=storage: a file isn't as long as it was");
    fake_expect("wake");
    check_over();

    send_ours(); // but the vendor has begun to answer
    assert_true(fake_http_piece(fake_waiting("vendor"), 200, "acc"));
    fail_for_good();
    fake_http_broken_off(fake_waiting("vendor"), 200);
    fake_expect("change task_1 doubt why=the test says so");
    fake_expect("wake");
    check_over();

    send_ours(); // or has refused what it has seen of it
    fail_for_good();
    fake_http_answer(fake_waiting("vendor"), 400, NULL, "refused it is too large");
    fake_expect("change task_1 fail code=vendor_refused message=it is too large");
    fake_expect("wake");
    check_over();
}

// What the vendor's end of the connection says proves nothing.
static void test_the_vendor_fails(void **state)
{
    (void)state;
    send_ours();
    fake_http_fail(fake_waiting("vendor"), ERR_UPSTREAM, false);
    fake_expect("change task_1 doubt why=the test says so");
    fake_expect("wake");
    check_over();

    send_ours(); // there is none
    fake_http_fail(fake_waiting("vendor"), ERR_UPSTREAM, true);
    fake_expect("change task_1 refuse by=unreachable cool=0 reason=the test says so");
    fake_expect("wake");
    check_over();
}

static void test_cancelled(void **state)
{
    (void)state;
    start();
    show();
    fetch();
    commit();
    go();
    pull_some();
    assert_true(fake_storage_piece(fake_waiting("read"), "GIF89a", 6));
    fake_skip();
    bench_end_cancelled(bench, "task_1");
    fake_expect("delete " COPY);
    fake_expect("wake");
    assert_int_equal(fake_count_waiting("read"), 0);
    assert_int_equal(fake_count_waiting("vendor"), 0);
    check_over();
}

// Its longest way.
static void (*const steps[])(void) = {start,     show,      fetch,     commit,
                                      go,        pull_some, give_file, pull_some,
                                      give_file, pull_some, accepted};
enum { STEPS = sizeof steps / sizeof steps[0], COPIED_AFTER = 4 };

static void test_dropped_after_each_step(void **state)
{
    (void)state;
    for (size_t count = 1; count <= STEPS; count++) {
        fake_bench_drop_after(bench, steps, count);
        assert_int_equal(fake_count("delete " COPY), count >= COPIED_AFTER);
        begin_anew();
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_where_files_are),         TEST(test_a_large_body_has_time),
        TEST(test_a_file_of_ours),          TEST(test_a_file_from_elsewhere),
        TEST(test_what_becomes_of_a_copy),  TEST(test_the_storage_fails),
        TEST(test_the_vendor_fails),        TEST(test_cancelled),
        TEST(test_dropped_after_each_step),
    };

    return cmocka_run_group_tests_name("streamed", tests, NULL, NULL);
}
