// Buffers, errors, ids.
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/ids.h"
#include "core/base/text.h"
#include "tests/support/check.h"

static void test_buf(void **state)
{
    struct buf buf = {0};

    (void)state;
    assert_string_equal(buf_text(&buf), "");
    buf_json_str(&buf, "a\"b\\c\n\x01é");
    assert_string_equal(buf.data, "\"a\\\"b\\\\c\\n\\u0001é\"");
    buf_reset(&buf);
    buf_percent(&buf, "a/b c~é");
    assert_string_equal(buf.data, "a%2Fb%20c~%C3%A9");
    buf_reset(&buf);
    buf_int(&buf, INT64_MIN);
    buf_char(&buf, ' ');
    buf_int(&buf, 0);
    assert_string_equal(buf.data, "-9223372036854775808 0");
    buf_consume(&buf, 21);
    assert_string_equal(buf.data, "0");
    for (int i = 0; i < 1000; i++)
        buf_fmt(&buf, "%d,", i);
    assert_int_equal(buf.len, 1 + 10 * 2 + 90 * 3 + 900 * 4);
    buf_clear(&buf);
}

static void test_text(void **state)
{
    char text[TEXT_INT_SIZE], *end = text + sizeof text;

    (void)state;
    assert_ptr_equal(text_add(text_add(text, end, "kling/"), end, "v2"), text + 8);
    assert_string_equal(text, "kling/v2");
    assert_ptr_equal(text_int(text, end, INT64_MIN), end - 1);
    assert_string_equal(text, "-9223372036854775808");
    text_int(text_add(text_int(text, end, INT64_MAX), end, ""), end, 7);
    assert_string_equal(text, "92233720368547758077");
    assert_ptr_equal(text_int(text_add(text, end, "0123456789012345678"), end, 10), text + 19);
    assert_string_equal(text, "0123456789012345678"); // half a number would be another one
    assert_ptr_equal(text_add(text_add(text, end, "0123456789012345678"), end, "abc"), end - 1);
    assert_string_equal(text, "0123456789012345678a");
    assert_ptr_equal(text_add(end, end, "abc"), end);
    assert_ptr_equal(text_add(text, end, NULL), text);
    assert_string_equal(text, "");
}

// Texts of strangers, and ours that were cut, come out as UTF-8.
static void test_json_str(void **state)
{
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\""},
        {"cut \xe2\x82", "\"cut \xef\xbf\xbd\xef\xbf\xbd\""},
        {"\xde\\", "\"\xef\xbf\xbd\\\\\""},
        {"\xc0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\""},                 // overlong
        {"\xed\xa0\x80", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""}, // a surrogate
        {"\xf5", "\"\xef\xbf\xbd\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf buf = {0};

        buf_json_str(&buf, cases[i].text);
        if (strcmp(buf.data, cases[i].json) != 0)
            fail_msg("case %zu: %s", i, buf.data);
        buf_clear(&buf);
    }
}

static void test_err(void **state)
{
    struct err err;

    (void)state;
    assert_false(err_set(&err, ERR_INVALID, "bad\nline"));
    assert_false(err_wrap(&err, "outer %d", 1));
    assert_string_equal(err.message, "outer 1: bad line");
    assert_string_equal(err_name(ERR_MODEL), "model_not_found");
    assert_int_equal(err_http_status(ERR_QUEUE_FULL), 429);
}

static void test_ids(void **state)
{
    char a[ID_SIZE], b[ID_SIZE];

    (void)state;
    id_make_task(a, 1795205055978);
    id_make_task(b, 1795205055979);
    assert_true(id_is_task(a));
    assert_int_equal(strlen(a), 31);
    assert_true(strcmp(a, b) < 0);
    assert_int_equal(id_task_time_ms(a), 1795205055978);
    assert_false(id_is_task("task_"));
    assert_false(id_is_task("task_01M7X8YHFAEPQG2K74XPC9PWAI")); // I isn't in the alphabet
    assert_false(id_is_task("tusk_01M7X8YHFAEPQG2K74XPC9PWAR"));
}

static void test_ids_of_one_moment(void **state)
{
    char last[ID_SIZE], next[ID_SIZE];

    (void)state;
    id_make_task(last, 1795205055978);
    for (int i = 0; i < 100000; i++) {
        id_make_task(next, 1795205055978);
        assert_true(strcmp(last, next) < 0);
        assert_int_equal(id_task_time_ms(next), 1795205055978);
        memcpy(last, next, sizeof last);
    }
    id_make_task(next, 1795205055979);
    assert_true(strcmp(last, next) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_buf),      cmocka_unit_test(test_text),
        cmocka_unit_test(test_json_str), cmocka_unit_test(test_err),
        cmocka_unit_test(test_ids),      cmocka_unit_test(test_ids_of_one_moment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
