// The answer to a call: which of its files are kept, and what is left of it.
#include "tests/support/check.h"
#include "tests/support/fake.h"
#include "tests/support/fake_storage.h"
#include "workers/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/provider.h"

#define FIRST "answers/task_1-0"
#define SECOND "answers/task_1-1"
#define GIF64 "R0lGODlhLCBhbmQgd2hhdCBmb2xsb3dz" // "GIF89a, and what follows"
#define GIF "GIF89a, and what follows"
#define WANTED "{\"sources\":[{\"kind\":\"image\",\"url\":\"inline:0\"}]}"

static bool is_file(const struct task *task, const struct http_response *head)
{
    (void)task;
    return head->status == 206;
}

static const char *const keys[] = {"b64", NULL};
static const struct dialect dialect = {.inline_keys = keys, .is_file = is_file};
static const struct account account = {.dialect = &dialect};
static struct task task = {.id = "task_1"};
static struct answer *answer;
static int rooms, kepts;

static void on_room(void *ctx)
{
    (void)ctx;
    rooms++;
}

static void on_kept(void *ctx)
{
    (void)ctx;
    kepts++;
}

static int set_up(void **state)
{
    (void)state;
    log_threshold = LOG_NOTHING;
    rooms = kepts = 0;
    answer = answer_new(fake_storage(), &task, &account, on_room, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    answer_drop(&answer);
    fake_late();
    fake_end();
    return 0;
}

static bool take(int status, const char *text)
{
    struct http_response head = {.status = status};

    return answer_take(answer, &head, text, strlen(text));
}

static void expect_rest(int status, const char *text)
{
    struct http_response head = {.status = status};
    const struct http_response *rest = answer_rest(answer, &head);

    assert_int_equal(rest->status, status);
    assert_string_equal(buf_text(&rest->body), text);
}

static bool keep(const char *result)
{
    return answer_keep(answer, json_loads(result, 0, NULL), on_kept, NULL);
}

static void expect_source(size_t index, const char *path, const char *text)
{
    const json_t *source = json_array_get(json_object_get(answer_result(answer), "sources"), index);

    assert_string_equal(field_str_or_empty(source, path), text);
}

static void test_one_file(void **state)
{
    (void)state;
    assert_true(take(200, "{\"b64\":\"R0lGODlhLCBhbm"));
    fake_expect_nothing(); // its first bytes are awaited
    assert_true(take(200, "Qgd2hhdCBmb2xsb3dz"));
    fake_expect("create " FIRST);
    assert_string_equal(fake_storage_text(fake_waiting("create")), GIF);
    assert_true(take(200, "\"}"));
    fake_expect("commit " FIRST);
    expect_rest(200, "{\"b64\":\"inline\"}");
    assert_false(keep(WANTED));
    fake_storage_done(fake_waiting("commit"), NULL);
    fake_expect("drop " FIRST); // of the file's memory: it stays
    assert_int_equal(kepts, 1);
    expect_source(0, "url", "kept:0");
    expect_source(0, "content_type", "image/gif");
    answer_drop(&answer);
    fake_expect_nothing();
}

static void test_committed_before_it_is_asked_for(void **state)
{
    (void)state;
    assert_true(take(200, "{\"b64\":\"" GIF64 "\"}"));
    fake_storage_done(fake_waiting("commit"), NULL);
    assert_true(keep(WANTED));
    assert_int_equal(kepts, 0);
    expect_source(0, "url", "kept:0");
}

// A mark may come behind the file, as with a draft.
static void test_the_other_isnt_wanted(void **state)
{
    (void)state;
    assert_true(take(200, "[{\"b64\":\"" GIF64 "\",\"thought\":true},{\"b64\":\"" GIF64 "\"}]"));
    fake_storage_done(fake_waiting("commit " FIRST), NULL);
    fake_storage_done(fake_waiting("commit " SECOND), NULL);
    assert_true(keep("{\"sources\":[{\"kind\":\"image\",\"url\":\"inline:1\"}]}"));
    expect_source(0, "url", "kept:1");
    fake_skip();
    answer_drop(&answer);
    fake_expect("delete " FIRST);
    fake_expect_nothing();
}

static void test_nobody_wants_any(void **state)
{
    (void)state;
    assert_true(take(500, "{\"b64\":\"" GIF64 "\",\"b64\":\"" GIF64));
    fake_storage_done(fake_waiting("commit " FIRST), NULL);
    fake_skip();
    answer_drop(&answer);
    fake_expect("delete " FIRST);
    fake_expect("drop " SECOND);
    fake_expect_nothing();
}

static void test_room(void **state)
{
    struct fake_call *create;

    (void)state;
    fake_storage_take(0);
    assert_false(take(200, "{\"b64\":\"" GIF64 "\"}"));
    create = fake_waiting("create");
    fake_storage_ready(create, SIZE_MAX);
    assert_int_equal(rooms, 1);
    assert_true(take(200, "{\"b64\":\"" GIF64 "\"}")); // the same piece
    assert_string_equal(fake_storage_text(create), GIF);
    expect_rest(200, "{\"b64\":\"inline\"}");
}

// One that can't be had is named; the answer is read on.
static void test_missing(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"{\"b64\":\"\"}", "the vendor's file is empty"},
        {"{\"b64\":\"<html>\"}", "the vendor's file is no base64"},
        {"{\"b64\":\"PGh0bWw+bm8gaW1hZ2UgYXQgYWxs\"}", "what the vendor sent is no such media"},
        {"{\"b64\":\"T2dnUyBpcyBhIHNvdW5kLCBub3QgYW4=\"}", "what the vendor sent is no such media"},
        {"{}", "the vendor's file is empty"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        answer_drop(&answer);
        answer = answer_new(fake_storage(), &task, &account, on_room, NULL);
        assert_true(take(200, cases[i].text));
        while (fake_count_waiting("commit") > 0)
            fake_storage_done(fake_waiting("commit"), NULL);
        assert_true(keep(WANTED));
        expect_source(0, "error.message", cases[i].why);
        expect_source(0, "artifact.error.code", "archive_failed");
    }
}

static void test_storage_fails(void **state)
{
    struct err err;

    (void)state;
    err_set(&err, ERR_IO, "storage: write: No space left on device");
    assert_true(take(200, "{\"b64\":\"" GIF64 "\"}"));
    assert_false(keep(WANTED));
    fake_storage_done(fake_waiting("commit"), &err);
    assert_int_equal(kepts, 1);
    expect_source(0, "error.message", err.message);
    answer_drop(&answer);
    answer = answer_new(fake_storage(), &task, &account, on_room, NULL);
    fake_storage_take(0);
    assert_false(take(200, "{\"b64\":\"" GIF64 "\"}"));
    fake_storage_lose(fake_waiting("create"), 0, false);
    assert_int_equal(rooms, 1);
    assert_true(take(200, "{\"b64\":\"" GIF64 "\"}"));
    assert_true(keep(WANTED));
    expect_source(0, "error.message", "the test says so");
}

static void test_a_body_that_is_a_file(void **state)
{
    (void)state;
    assert_true(take(206, "ID3"));
    assert_true(take(206, " and sound, and more of it"));
    assert_true(take(206, "."));
    expect_rest(206, "");
    fake_expect("create " FIRST);
    assert_string_equal(fake_storage_text(fake_waiting("create")),
                        "ID3 and sound, and more of it.");
    fake_storage_done(fake_waiting("commit"), NULL);
    assert_true(keep("{\"sources\":[{\"kind\":\"audio\",\"url\":\"inline:0\"}]}"));
    expect_source(0, "content_type", "audio/mpeg");
}

// An error is none, whatever its head says.
static void test_an_object_where_a_file_was_to_be(void **state)
{
    static const char object[] = "{ \"error\" : {\"b64\":\"" GIF64 "\"}}";

    (void)state;
    assert_true(take(206, "{ "));
    for (const char *c = object + 2; *c != '\0'; c++)
        assert_true(take(206, (char[]){*c, '\0'}));
    expect_rest(206, object);
    tear_down(state);
    set_up(state);
    assert_true(take(206, "{}"));
    expect_rest(206, "{}");
    fake_expect_nothing();
    tear_down(state);
    set_up(state);
    assert_true(take(206, "{\"\1 and raw sound, which begins like that by chance"));
    expect_rest(206, "");
    fake_expect("create " FIRST);
}

// The adapter knows better than the first bytes.
static void test_a_type_that_was_named(void **state)
{
    (void)state;
    assert_true(take(206, "x"));
    expect_rest(206, "");
    fake_storage_done(fake_waiting("commit"), NULL);
    assert_true(
        keep("{\"sources\":[{\"kind\":\"audio\",\"url\":\"inline:0\","
             "\"content_type\":\"audio/pcm\"}]}"));
    expect_source(0, "url", "kept:0");
    expect_source(0, "content_type", "audio/pcm");
}

static void test_an_empty_body(void **state)
{
    (void)state;
    expect_rest(200, "");
    assert_true(keep("{\"sources\":[{\"kind\":\"audio\",\"url\":\"inline:0\"}]}"));
    expect_source(0, "error.message", "the vendor's file is empty");
}

static void test_forget(void **state)
{
    json_t *result = json_pack("{s:[{s:s},{s:s}]}", "sources", "url", "kept:1", "url", "https://x");

    (void)state;
    answer_forget(fake_storage(), &task, result);
    fake_expect("delete " SECOND);
    fake_expect_nothing();
    json_decref(result);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_file),
        TEST(test_committed_before_it_is_asked_for),
        TEST(test_the_other_isnt_wanted),
        TEST(test_nobody_wants_any),
        TEST(test_room),
        TEST(test_missing),
        TEST(test_storage_fails),
        TEST(test_a_body_that_is_a_file),
        TEST(test_an_object_where_a_file_was_to_be),
        TEST(test_a_type_that_was_named),
        TEST(test_an_empty_body),
        TEST(test_forget),
    };

    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
