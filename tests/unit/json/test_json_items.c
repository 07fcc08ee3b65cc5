// The items of a list, as they stand in its text.
#include "core/json/json_items.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/support/check.h"

static void check_items(const char *text, const char *wanted)
{
    struct json_items items;
    struct buf seen = {0};

    assert_true(json_items_find(text, strlen(text), &items));
    for (size_t i = 0; i < items.count; i++)
        buf_fmt(&seen, "%.*s|", (int)items.items[i].len, items.items[i].at);
    assert_string_equal(buf_text(&seen), wanted);
    assert_int_equal(*items.end, ']');
    json_items_clear(&items);
    buf_clear(&seen);
}

static void test_lists(void **state)
{
    (void)state;
    check_items("[{}]", "{}|");
    check_items(" [ {\"a\":1} ,\n{\"b\":[{}]} ] ", "{\"a\":1}|{\"b\":[{}]}|");
    check_items("[[1],[2,3]]", "[1]|[2,3]|");
    check_items("{\"code\":\"success\",\"data\":[{\"id\":\"]\"}],\"more\":[{}]}",
                "{\"id\":\"]\"}|");
    check_items(
        "{\"n\":-1.5e3 , \"o\":{\"x\":[1]}, \"items\" : [{\"s\":\"\\\\\"},{\"t\":\"\\\"}\"}]}",
        "{\"s\":\"\\\\\"}|{\"t\":\"\\\"}\"}|");
}

static void test_no_lists(void **state)
{
    static const char *const texts[] = {
        "",           "{}",          "[]",
        "[1]",        "[{}",         "[{},",
        "[{}}]",      "[{]}",        "[{},1]",
        "{\"a\":[]}", "{\"a\"[{}]}", "{\"a\":1}",
        "[\"{}\"]",   "[{\"a\":\"]", "{\"a\":\"b",
        "{a:[{}]}",   "null",        "[{}{}]",
        "[{}; {}]",   "{\"a\":",     "{\"a\":1 \"b\":[{}]}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json_items items;

        if (json_items_find(texts[i], strlen(texts[i]), &items))
            fail_msg("%s", texts[i]);
        assert_null(items.items);
    }
}

// Each piece of an answer is either no list or one whose items lie within it.
static void test_cut_anywhere(void **state)
{
    static const char text[] =
        "{\"a\":{\"b\":\"\\u0041\"},\"l\":[{\"id\":\"1\"},{\"id\":\"2\",\"x\":[]}]}";

    (void)state;
    for (size_t len = 0; len < sizeof text - 1; len++) {
        struct json_items items;
        char *piece = strndup(text, len);

        if (json_items_find(piece, len, &items))
            assert_true(items.end < piece + len);
        json_items_clear(&items);
        free(piece);
    }
}

static void test_too_deep(void **state)
{
    struct json_items items;
    struct buf text = {0};

    (void)state;
    for (int i = 0; i < 1000; i++)
        buf_char(&text, '[');
    assert_false(json_items_find(text.data, text.len, &items));
    buf_clear(&text);
}

static void test_strings(void **state)
{
    static const char text[] = "{\"id\":\"a\\\"b\",\"n\":1,\"l\":[\"\",\"c\"]}";
    const struct json_span item = {text, sizeof text - 1};
    const char *at = NULL, *string;
    struct buf seen = {0};
    size_t len;

    (void)state;
    while ((string = json_item_string(&item, &at, &len)) != NULL)
        buf_fmt(&seen, "%.*s|", (int)len, string);
    assert_string_equal(seen.data, "id|a\\\"b|n|l||c|");
    buf_clear(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),        cmocka_unit_test(test_no_lists),
        cmocka_unit_test(test_cut_anywhere), cmocka_unit_test(test_too_deep),
        cmocka_unit_test(test_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
