// What is done with a file as a whole, in a directory of its own.
#include "core/storage/storage.h"
#include "tests/support/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/private.h"
#include "core/config/config.h"
#include "core/loop/loop.h"

enum { LARGE = 200000 }; // more than one piece
#define FINE ((enum err_code) - 1)

struct fixture {
    struct loop *loop;
    struct config config;
    struct storage *storage;
    char dir[64];
    bool is_over;
    enum err_code code; // of what was asked last; FINE: it is done
    struct buf got;
    int64_t bytes; // of the file that was looked at
    int refusals;  // how often a piece isn't taken
};

static struct storage_op *streaming;

static int set_up(void **state)
{
    struct fixture *f = mem_new(struct fixture);

    snprintf(f->dir, sizeof f->dir, "/tmp/spool-unit-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->loop = loop_new();
    f->config.data_dir = f->dir;
    f->config.storage.url = "";
    f->storage = storage_new_local(f->loop, &f->config);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[96];

    storage_free(&f->storage);
    assert_true(loop_free(f->loop));
    snprintf(command, sizeof command, "rm -r %s", f->dir);
    assert_int_equal(system(command), 0);
    buf_clear(&f->got);
    free(f);
    return 0;
}

static void on_done(void *ctx, const struct err *err)
{
    struct fixture *f = ctx;

    f->is_over = true;
    f->code = err == NULL ? FINE : err->code;
    loop_stop(f->loop);
}

static void wait_for(struct fixture *f)
{
    while (!f->is_over)
        loop_run(f->loop);
    f->is_over = false;
}

static void put(struct fixture *f, const char *key, size_t len)
{
    struct buf data = {0};

    for (size_t i = 0; i < len; i++)
        buf_char(&data, (char)('a' + i % 26));
    storage_put(f->storage, key, "image/png", &data, on_done, f);
    wait_for(f);
    assert_int_equal(f->code, FINE);
}

static void on_resume(void *ctx)
{
    (void)ctx;
    storage_op_resume(streaming);
}

static bool on_piece(void *ctx, const void *data, size_t len)
{
    struct fixture *f = ctx;

    if (f->refusals > 0) {
        f->refusals--;
        loop_after(f->loop, 0, on_resume, NULL);
        return false;
    }
    buf_add(&f->got, data, len);
    return true;
}

static void expect_file(struct fixture *f, const char *key, size_t len)
{
    streaming = storage_stream(f->storage, key, on_piece, on_done, f);
    wait_for(f);
    assert_int_equal(f->code, FINE);
    assert_int_equal(f->got.len, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(f->got.data[i], 'a' + i % 26);
    buf_reset(&f->got);
}

static void test_stream(void **state)
{
    struct fixture *f = *state;

    put(f, "answers/one", LARGE);
    expect_file(f, "answers/one", LARGE);
    f->refusals = 3; // the same piece comes again
    expect_file(f, "answers/one", LARGE);
    put(f, "answers/none", 0);
    expect_file(f, "answers/none", 0);
    storage_stream(f->storage, "answers/other", on_piece, on_done, f);
    wait_for(f);
    assert_int_equal(f->code, ERR_NOT_FOUND);
}

static void test_from(void **state)
{
    struct fixture *f = *state;

    put(f, "answers/one", LARGE);
    streaming =
        storage_stream_from(f->storage, "answers/one", LARGE - 100000, on_piece, on_done, f);
    wait_for(f);
    assert_int_equal(f->code, FINE);
    assert_int_equal(f->got.len, 100000);
    for (size_t i = 0; i < f->got.len; i++)
        assert_int_equal(f->got.data[i], 'a' + (LARGE - 100000 + i) % 26);
    buf_reset(&f->got);
    storage_stream_from(f->storage, "answers/one", LARGE, on_piece, on_done, f);
    wait_for(f);
    assert_true(f->code == FINE && f->got.len == 0);
}

static void on_look(void *ctx, const struct buf *head, int64_t bytes, const struct err *err)
{
    struct fixture *f = ctx;

    f->bytes = bytes;
    if (err == NULL)
        buf_add(&f->got, buf_text(head), head->len);
    on_done(ctx, err);
}

static void test_look(void **state)
{
    static const struct {
        const char *key;
        size_t bytes, max, len;
    } cases[] = {
        {"answers/large", LARGE, 16, 16}, {"answers/large", LARGE, 65536, 65536},
        {"answers/small", 5, 16, 5},      {"answers/sixteen", 16, 16, 16},
        {"answers/none", 0, 16, 0},
    };
    struct fixture *f = *state;
    struct storage_op *op;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(f, cases[i].key, cases[i].bytes);
        storage_look(f->storage, cases[i].key, cases[i].max, on_look, f);
        wait_for(f);
        assert_int_equal(f->code, FINE);
        assert_int_equal(f->bytes, cases[i].bytes);
        assert_int_equal(f->got.len, cases[i].len);
        buf_reset(&f->got);
    }
    storage_look(f->storage, "answers/other", 16, on_look, f);
    wait_for(f);
    assert_int_equal(f->code, ERR_NOT_FOUND);
    op = storage_look(f->storage, "answers/large", 16, on_look, f);
    storage_op_cancel(&op);
    expect_file(f, "answers/large", LARGE); // and nothing else calls
}

static void test_cancelled(void **state)
{
    struct fixture *f = *state;
    struct storage_op *op;

    put(f, "answers/one", LARGE);
    op = storage_stream(f->storage, "answers/one", on_piece, on_done, f);
    storage_op_cancel(&op);
    assert_null(op);
    expect_file(f, "answers/one", LARGE); // and nothing else calls
    op = storage_copy(f->storage, "a/b.png", "image/png", f->storage, "answers/one", LARGE,
                      INT64_MAX, on_done, f);
    storage_op_cancel(&op);
}

static void copy(struct fixture *f, const char *from, int64_t deadline_ms, enum err_code code)
{
    storage_copy(f->storage, "2026/one.png", "image/png", f->storage, from, LARGE, deadline_ms,
                 on_done, f);
    wait_for(f);
    assert_int_equal(f->code, code);
}

static void test_copy(void **state)
{
    struct fixture *f = *state;
    struct stat info;
    char path[128];

    put(f, "answers/one", LARGE);
    copy(f, "answers/one", 0, ERR_CONFLICT); // the lease may be someone else's
    copy(f, "answers/other", INT64_MAX, ERR_NOT_FOUND);
    copy(f, "answers/one", INT64_MAX, FINE);
    copy(f, "answers/one", INT64_MAX, FINE); // once more, after a crash
    expect_file(f, "2026/one.png", LARGE);
    snprintf(path, sizeof path, "%s/media/2026/one.png", f->dir);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_nlink, 2); // no byte was copied
    assert_int_equal(info.st_mode & 0777, private_served(0644));
    storage_delete(f->storage, "answers/one");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_stream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_from, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_look, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancelled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_copy, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("storage_op", tests, NULL, NULL);
}
