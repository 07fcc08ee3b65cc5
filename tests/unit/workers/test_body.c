// A body with files: what goes out, who waits for whom, and what becomes of one that breaks off.
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "tests/support/check.h"
#include "tests/support/fake.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_storage.h"
#include "workers/body.h"

enum { PIECE = 65536, BUFFER = 4 * PIECE, LATE_MS = 60000 };

static char key_a[] = "uploads/a.png", key_b[] = "uploads/b.png";
static struct loop *loop;
static struct body_file files[2];
static struct body *body;
static int calls; // of ready
static char out[2 * BUFFER];

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    files[0] = (struct body_file){fake_storage(), key_a};
    files[1] = (struct body_file){fake_storage(), key_b};
    calls = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    body_drop(&body);
    fake_skip();
    fake_late(); // to nobody
    fake_loop_run_ms(loop, LATE_MS);
    fake_expect_nothing();
    fake_end();
    loop_free(loop);
    return 0;
}

static void begin_anew(void)
{
    tear_down(NULL);
    set_up(NULL);
}

static void on_ready(void *ctx)
{
    assert_ptr_equal(ctx, &calls);
    calls++;
}

// "<", b, "|", a, ">", where a and b are files of so many bytes; without b for -1.
static void begin(int64_t a, int64_t b)
{
    struct http_request request = {0};

    request.gaps = mem_array(struct http_gap, 2);
    buf_str(&request.body, "<");
    if (b >= 0) {
        request.gaps[request.gap_count++] = (struct http_gap){.at = 1, .file = 1, .bytes = b};
        buf_str(&request.body, "|");
    }
    request.gaps[request.gap_count++] =
        (struct http_gap){.at = request.body.len, .file = 0, .bytes = a};
    buf_str(&request.body, ">");
    body = body_new(loop, &request, files, on_ready, &calls);
    assert_true(request.body.len == 0 && request.gaps == NULL && request.gap_count == 0);
    http_request_clear(&request);
}

static void expect_out(const char *text)
{
    size_t len = body_read(body, out, sizeof out);

    assert_int_equal(len, strlen(text));
    assert_memory_equal(out, text, len);
}

static void expect_none(void)
{
    assert_int_equal(body_read(body, out, sizeof out), 0);
    assert_null(body_failure(body));
}

static void expect_broken(enum err_code code)
{
    assert_int_equal(body_read(body, out, sizeof out), HTTP_SOURCE_BROKEN);
    assert_int_equal(body_read(body, out, sizeof out), HTTP_SOURCE_BROKEN);
    assert_non_null(body_failure(body));
    assert_int_equal(body_failure(body)->code, code);
}

static bool piece(const char *text)
{
    return fake_storage_piece(fake_waiting("read"), text, strlen(text));
}

static void end_read(void)
{
    fake_storage_done(fake_waiting("read"), NULL);
}

static void fail_read(enum err_code code)
{
    struct err err;

    err_set(&err, code, "the test says so");
    fake_storage_done(fake_waiting("read"), &err);
}

static void test_in_order(void **state)
{
    (void)state;
    begin(3, 5);
    expect_out("<");
    fake_expect_nothing(); // no file is read before its turn
    expect_none();
    fake_expect("read uploads/b.png from=0");
    expect_none(); // and only once
    assert_int_equal(calls, 0);
    assert_true(piece("bbb"));
    assert_int_equal(calls, 1); // once, however many pieces come
    assert_true(piece("bb"));
    assert_int_equal(calls, 1);
    expect_out("bbbbb");
    expect_none(); // it may still turn out to be longer
    end_read();
    assert_int_equal(calls, 2);
    expect_out("|");
    expect_none();
    fake_expect("read uploads/a.png from=0");
    assert_true(piece("aaa"));
    end_read();
    expect_out("aaa");
    expect_out(">");
    assert_null(body_failure(body));
}

// A reader with little room gets all the same.
static void test_small_reads(void **state)
{
    char got[32];
    size_t len = 0, now;

    (void)state;
    begin(4, 0);
    assert_int_equal(body_read(body, got, 1), 1);
    len = 1;
    assert_int_equal(body_read(body, got + len, 1), 0);
    end_read(); // an empty file
    assert_int_equal(body_read(body, got + len, 1), 1);
    len++;
    assert_int_equal(body_read(body, got + len, 1), 0);
    assert_true(piece("aaaa"));
    end_read();
    while (len < 7) {
        now = body_read(body, got + len, 1);
        assert_int_equal(now, 1);
        len++;
    }
    assert_memory_equal(got, "<|aaaa>", 7);
}

// The storage waits while the buffer is full, and goes on as soon as there is room for a piece.
static void test_full(void **state)
{
    static char data[PIECE];
    struct fake_call *read;
    size_t got = 0;

    (void)state;
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)('a' + i % 23);
    begin(6 * PIECE, -1);
    expect_out("<");
    expect_none();
    read = fake_waiting("read");
    fake_skip();
    for (int i = 0; i < 4; i++)
        assert_true(fake_storage_piece(read, data, PIECE));
    assert_false(fake_storage_piece(read, data, PIECE));
    assert_int_equal(body_read(body, out, PIECE - 1), PIECE - 1);
    fake_expect_nothing();
    assert_int_equal(body_read(body, out + PIECE - 1, 1), 1);
    fake_expect("go on uploads/a.png");
    assert_memory_equal(out, data, PIECE);
    assert_true(fake_storage_piece(read, data, PIECE));
    assert_false(fake_storage_piece(read, data, PIECE));
    assert_int_equal(body_read(body, out, 100), 100);
    fake_expect_nothing();
    assert_int_equal(body_read(body, out + 100, PIECE), PIECE);
    fake_expect("go on uploads/a.png");
    assert_true(fake_storage_piece(read, data, PIECE));
    got = PIECE + 100;
    end_read();
    while (got < 5 * PIECE)
        got += body_read(body, out + got, sizeof out - got);
    for (size_t i = 0; i < 5 * PIECE; i++)
        assert_int_equal(out[i], data[i % PIECE]);
    expect_out(">");
}

// The request has said how long its files are.
static void test_wrong_lengths(void **state)
{
    (void)state;
    begin(3, -1); // shorter
    expect_out("<");
    expect_none();
    assert_true(piece("aa"));
    end_read();
    expect_broken(ERR_CONFLICT);
    begin_anew();

    begin(3, -1); // longer
    expect_out("<");
    expect_none();
    assert_true(piece("aaaa"));
    assert_int_equal(calls, 1);
    expect_broken(ERR_CONFLICT);
    assert_int_equal(fake_count_waiting("read"), 0);
    begin_anew();

    begin(3, -1); // longer, as only the next piece tells
    expect_out("<");
    expect_none();
    assert_true(piece("aaa"));
    expect_out("aaa");
    expect_none();
    assert_true(piece("a"));
    expect_broken(ERR_CONFLICT);
    begin_anew();

    begin(3, -1); // empty
    expect_out("<");
    expect_none();
    end_read();
    expect_broken(ERR_CONFLICT);
}

// A read that breaks off goes on where it was, and nothing goes out twice.
static void test_read_on(void **state)
{
    (void)state;
    begin(6, -1);
    expect_out("<");
    expect_none();
    assert_true(piece("ab"));
    fail_read(ERR_UPSTREAM);
    expect_out("ab"); // what came is good
    expect_none();
    fake_expect("read uploads/a.png from=0");
    fake_expect_nothing();
    fake_loop_run_ms(loop, 500);
    fake_expect("read uploads/a.png from=2");
    for (int i = 0; i < 2; i++) { // nothing came
        fail_read(ERR_IO);
        fake_loop_run_ms(loop, 500 << (i + 1));
        fake_expect("read uploads/a.png from=2");
    }
    assert_true(piece("cd")); // that begins anew
    for (int i = 0; i < 3; i++) {
        fail_read(ERR_UPSTREAM);
        fake_loop_run_ms(loop, 500 << i);
        fake_expect("read uploads/a.png from=4");
    }
    assert_true(piece("ef"));
    fail_read(ERR_UPSTREAM); // behind its last byte
    expect_out("cdef");
    expect_none();
    fake_loop_run_ms(loop, 500);
    fake_expect_nothing();
    expect_out(">");
}

static void test_gives_up(void **state)
{
    (void)state;
    begin(6, -1);
    expect_out("<");
    expect_none();
    assert_true(piece("ab"));
    expect_out("ab");
    expect_none();
    for (int i = 0; i < 3; i++) {
        fail_read(ERR_UPSTREAM);
        assert_null(body_failure(body));
        fake_loop_run_ms(loop, 500 << i);
    }
    calls = 0;
    fail_read(ERR_UPSTREAM);
    assert_int_equal(calls, 1); // whoever waits is told
    expect_broken(ERR_UPSTREAM);
    begin_anew();

    begin(6, -1);
    expect_out("<");
    expect_none();
    fail_read(ERR_NOT_FOUND); // no use in waiting
    assert_int_equal(calls, 1);
    expect_broken(ERR_NOT_FOUND);
}

// However far it has come: tear_down looks for what is left.
static void test_dropped(void **state)
{
    (void)state;
    begin(3, 5);
    begin_anew();
    begin(3, 5);
    expect_out("<");
    expect_none();
    begin_anew();
    begin(3, 5);
    expect_out("<");
    expect_none();
    assert_true(piece("bb"));
    begin_anew();
    begin(3, 5);
    expect_out("<");
    expect_none();
    fail_read(ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_small_reads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wrong_lengths, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_read_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_gives_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_dropped, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
