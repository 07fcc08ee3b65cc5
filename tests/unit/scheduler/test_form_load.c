// Long forms: in whatever pieces they are read, their files go to the storage, and are links.
#include "scheduler/form_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "scheduler/front.h"
#include "tests/support/check.h"
#include "tests/support/fake_storage.h"

#define PNG "\x89PNG\r\n\x1a\n and more of it"
#define JPG "\xff\xd8\xff\xe0 and more of it"
#define FIELD(name, value)                                                                         \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define PART(name, value)                                                                          \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"a\"\r\n\r\n" value       \
    "\r"                                                                                           \
    "\n"

// In the place of the server's.
struct http_exchange {
    const char *type;
    http_piece_fn on_piece;
    void *ctx;
};

static struct http_exchange exchange;

const char *http_exchange_header(const struct http_exchange *one, const char *name)
{
    (void)name;
    return one->type;
}

const char *http_exchange_request_id(const struct http_exchange *one)
{
    (void)one;
    return "request";
}

void http_exchange_read_body(struct http_exchange *one, http_piece_fn fn, void *ctx)
{
    assert_null(one->on_piece);
    one->on_piece = fn;
    one->ctx = ctx;
}

// What was in the files that were stored, in their order.
static char stored[FORM_FILES_MAX][128];
static size_t stored_count;

static struct config config;
static struct front front;
static struct form_load *load;
static struct form_files *files;
static json_t *body;
static struct err why; // "": it is read, or nothing has come yet
static bool is_done;

static void on_load(void *ctx, json_t *its_body, struct form_files *its_files,
                    const struct err *err)
{
    (void)ctx;
    assert_false(is_done);
    assert_true((its_body == NULL) == (err != NULL) && (its_files == NULL) == (err != NULL));
    is_done = true;
    load = NULL;
    body = its_body;
    files = its_files;
    if (err != NULL)
        why = *err;
}

static int set_up(void **state)
{
    (void)state;
    config = (struct config){.links = {.base = "http://here"}};
    front = (struct front){.config = &config, .storage = fake_storage()};
    exchange = (struct http_exchange){.type = "multipart/form-data; boundary=b"};
    return 0;
}

static void start(void)
{
    is_done = false;
    why = (struct err){0};
    stored_count = 0;
    load = form_load_start(&front, &exchange, on_load, NULL);
}

static void forget(void)
{
    form_load_cancel(&load);
    form_files_delete(&files, &front);
    json_decref(body);
    body = NULL;
    exchange.on_piece = NULL;
}

static int tear_down(void **state)
{
    (void)state;
    forget();
    fake_end();
    return 0;
}

// The storage stores what it is asked to.
static void settle(void)
{
    while (fake_count_waiting("commit ") > 0) {
        struct fake_call *commit = fake_waiting("commit ");
        char line[128];

        snprintf(line, sizeof line, "create %s", commit->line + strlen("commit "));
        snprintf(stored[stored_count++ % FORM_FILES_MAX], sizeof stored[0], "%s",
                 fake_storage_text(fake_waiting(line)));
        fake_storage_done(commit, NULL);
    }
}

// Gives the form to whoever reads it, in pieces.
static void give(const char *form, size_t len, size_t step)
{
    for (size_t at = 0; !is_done && exchange.on_piece != NULL; at += step) {
        http_piece_fn on_piece = exchange.on_piece;
        size_t left = at < len ? len - at : 0;

        exchange.on_piece = NULL;
        on_piece(exchange.ctx, form + (left == 0 ? 0 : at), left < step ? left : step);
        settle();
    }
}

#define GIVE(form, step) give(form, sizeof(form) - 1, step)

static void check_links(size_t count)
{
    const json_t *images = json_object_get(body, "image"), *image;
    size_t i;

    assert_int_equal(json_array_size(images), count);
    json_array_foreach(images, i, image)
        assert_memory_equal(json_string_value(image), "http://here/uploads/", 20);
}

static void test_a_form(void **state)
{
    static const char form[] = FIELD("prompt", "a\r\n--cat") PART("image", PNG) PART("image", JPG)
        FIELD("n", "2") "--b--\r\n";
    static const size_t steps[] = {1, 7, 30, 1000};
    char *texts[2] = {NULL, NULL};
    (void)state;

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char *whole;

        start();
        GIVE(form, steps[i]);
        assert_true(is_done);
        assert_string_equal(why.message, "");
        assert_string_equal(field_str_or_empty(body, "prompt"), "a\r\n--cat");
        assert_string_equal(field_str_or_empty(body, "n"), "2");
        check_links(2);
        assert_string_equal(stored[0], PNG);
        assert_string_equal(stored[1], JPG);
        whole = json_dumps(body, JSON_COMPACT);
        texts[i % 2] = form_files_without_links(files, whole);
        assert_null(strstr(texts[i % 2], "uploads/"));
        free(whole);
        if (i % 2 == 1) {
            assert_string_equal(texts[0], texts[1]);
            free(texts[0]);
            free(texts[1]);
        }
        forget();
        assert_int_equal(fake_count("delete "), 2 * (i + 1)); // it was no task's
    }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *form, *why;
    } cases[] = {
        {FIELD("a", "1") "--b",
         "body: ends without a last boundary, or has something behind a boundary"},
        {FIELD("a", "1"), "body: has no boundary behind its last part"},
        {PART("image", PNG), "body: has no boundary behind its last part"},
        {PART("image", "text, not an image") "--b--",
         "image: is no image, video or audio that we know"},
        {PART("image", "text") "--b--", "image: is no image, video or audio that we know"},
        {PART("image", "") "--b--", "image: is empty"},
        {PART("image", PNG) PART("image", "") "--b--", "image: is empty"},
        {FIELD("n", "1") FIELD("n", "2") "--b--", "n: is there twice"},
        {FIELD("image", "1") PART("image[x]", PNG) "--b--",
         "image[x]: isn't a name as a, a[], a[b] or a[b][c], or is there as another one"},
        {FIELD("n", "\xff") "--b--", "n: isn't UTF-8"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t created = fake_count("commit "), deleted = fake_count("delete ");

        start();
        give(cases[i].form, strlen(cases[i].form), 11);
        assert_true(is_done);
        assert_string_equal(why.message, cases[i].why);
        assert_int_equal(why.code, ERR_INVALID);
        assert_int_equal(fake_count("delete ") - deleted, fake_count("commit ") - created);
        forget();
    }
}

#define NUL(form, why)                                                                             \
    {                                                                                              \
        form "--b--", sizeof form "--b--" - 1, why                                                 \
    }

static void test_nul(void **state)
{
    static const struct {
        const char *form;
        size_t len;
        const char *why;
    } cases[] = {
        NUL(FIELD("prompt", "a\0b"), "prompt: has a NUL"),
        NUL(FIELD("model", "m\0"), "model: has a NUL"),
        NUL(FIELD("a[b]", "\0"), "a[b]: has a NUL"),
    };
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start();
        give(cases[i].form, cases[i].len, 11);
        assert_true(is_done);
        assert_string_equal(why.message, cases[i].why);
        forget();
    }
}

static void test_a_wrong_boundary(void **state)
{
    (void)state;
    exchange.type = "multipart/form-data";
    start();
    give("", 0, 1);
    assert_string_equal(why.message, "Content-Type: the boundary is missing");
}

static void test_too_many_files(void **state)
{
    struct buf form = {0};
    (void)state;

    for (int i = 0; i <= FORM_FILES_MAX; i++)
        buf_str(&form, PART("image", PNG));
    buf_str(&form, "--b--");
    start();
    give(form.data, form.len, 500);
    assert_string_equal(why.message, "image: is a file too many");
    assert_int_equal(fake_count("delete "), FORM_FILES_MAX);
    buf_clear(&form);
}

static void test_too_long(void **state)
{
    struct buf form = {0};
    (void)state;

    buf_str(&form, "--b\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n");
    while (form.len < FORM_FIELDS_BYTES_MAX + 1000)
        buf_str(&form, "all work and no play ");
    start();
    give(form.data, form.len, 65536);
    assert_string_equal(why.message,
                        "prompt: is too long, or the others are: all fields together have 1 MB");
    forget();
    buf_reset(&form);
    buf_str(&form,
            "--b\r\nContent-Disposition: form-data; name=\"image\"; filename=\"a\"\r\n\r\n" PNG);
    buf_reserve(&form, FORM_FILE_BYTES_MAX);
    while (form.len <= FORM_FILE_BYTES_MAX + 1000)
        buf_str(&form, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
    start();
    give(form.data, form.len, 65536);
    assert_string_equal(why.message, "image: is larger than 50 MB");
    assert_int_equal(fake_count("commit "), 0);
    buf_clear(&form);
}

static void test_the_storage_has_no_room(void **state)
{
    static const char form[] = PART("image[]", PNG PNG PNG PNG) "--b--";
    http_piece_fn on_piece;
    (void)state;

    fake_storage_take(20);
    start();
    on_piece = exchange.on_piece;
    exchange.on_piece = NULL;
    on_piece(exchange.ctx, form, sizeof form - 1);
    assert_null(exchange.on_piece); // it waits
    fake_storage_ready(fake_waiting("create "), 1000);
    GIVE("", 1);
    settle();
    GIVE("", 1);
    assert_string_equal(why.message, "");
    check_links(1);
    assert_string_equal(stored[0], PNG PNG PNG PNG);
}

static void test_the_storage_fails(void **state)
{
    static const char form[] = PART("image", PNG PNG PNG) "--b--";
    http_piece_fn on_piece;
    struct err err;
    (void)state;

    err_set(&err, ERR_UNAVAILABLE, "full");
    fake_storage_take(20);
    start();
    on_piece = exchange.on_piece;
    exchange.on_piece = NULL;
    on_piece(exchange.ctx, form, sizeof form - 1);
    fake_storage_lose(fake_waiting("create "), 0, false);
    assert_true(is_done && why.code == ERR_UNAVAILABLE);
    forget();
    fake_storage_take(1000);
    start();
    on_piece = exchange.on_piece;
    exchange.on_piece = NULL;
    on_piece(exchange.ctx, form, sizeof form - 1);
    fake_storage_done(fake_waiting("commit "), &err);
    assert_true(is_done && why.code == ERR_UNAVAILABLE);
    forget();
    start();
    exchange.on_piece(exchange.ctx, NULL, 0);
    assert_true(is_done && why.code == ERR_UNAVAILABLE);
}

static void test_its_client_goes(void **state)
{
    static const char form[] = PART("image", PNG) PART("image", PNG) "--b--";
    (void)state;

    for (size_t len = 0; len < sizeof form - 1; len++) {
        size_t done = fake_count("commit "), deleted = fake_count("delete ");
        http_piece_fn on_piece;

        start();
        on_piece = exchange.on_piece;
        exchange.on_piece = NULL;
        if (len > 0)
            on_piece(exchange.ctx, form, len);
        if (len % 2 == 0)
            settle();
        done = fake_count("commit ") - done - fake_count_waiting("commit ");
        forget();
        assert_int_equal(fake_count("delete ") - deleted, done);
        fake_skip();
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_a_form),
        TEST(test_refusals),
        TEST(test_nul),
        TEST(test_a_wrong_boundary),
        TEST(test_too_many_files),
        TEST(test_too_long),
        TEST(test_the_storage_has_no_room),
        TEST(test_the_storage_fails),
        TEST(test_its_client_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
