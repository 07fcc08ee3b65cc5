// Bodies of strangers, and fields by path.
#include "core/json/field.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "tests/support/check.h"

static char *repeat(const char *part, size_t count, const char *end)
{
    struct buf buf = {0};

    while (count-- > 0)
        buf_str(&buf, part);
    buf_str(&buf, end);
    return buf_take(&buf);
}

static void test_bodies(void **state)
{
    char *deep = repeat("{\"a\":", 33, "1"), *many = repeat("1,", 60000, ""), *image;
    struct buf list = {0};
    const struct {
        const char *name, *text;
        bool ok;
    } cases[] = {
        {"object", "{\"a\":1}", true},
        {"array", "[1]", false},
        {"empty", "", false},
        {"trailing", "{} x", false},
        {"duplicate", "{\"a\":1,\"a\":2}", false},
        {"NUL", "{\"a\":\"\\u0000\"}", false},
        {"lone surrogate", "{\"a\":\"\\ud800\"}", false},
        {"not UTF-8", "{\"a\":\"\xff\"}", false},
        {"BOM", "\xef\xbb\xbf{}", false},
        {"NaN", "{\"a\":NaN}", false},
        {"overflow", "{\"a\":1e999}", false},
        {"2^63", "{\"a\":9223372036854775808}", false},
        {"too deep", deep, false},
        {"brackets in strings", "{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[\"}",
         true},
        {"unterminated", "{\"a\":\"\\", false},
        {"too many tokens", NULL, false},
    };

    (void)state;
    buf_fmt(&list, "{\"a\":[%s1]}", many);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *text = cases[i].text == NULL ? list.data : cases[i].text;
        struct err err = {0};
        json_t *body = field_parse_body(text, strlen(text), &err);

        if ((body != NULL) != cases[i].ok)
            fail_msg("%s: %s", cases[i].name, body != NULL ? "accepted" : err.message);
        json_decref(body);
    }
    free(deep);
    buf_reset(&list);
    image = repeat("QUJD", 500000, "");
    buf_fmt(&list, "{\"a\":\"%s\"}", image);
    free(image);
    {
        struct err err;
        json_t *body = field_parse_body(list.data, list.len, &err);

        assert_non_null(body); // one long string is one token
        json_decref(body);
    }
    buf_str(&list, " x"); // as long as that it isn't explained
    {
        struct err err;

        assert_null(field_parse_body(list.data, list.len, &err));
        assert_string_equal(err.message,
                            "body: not valid JSON, or it has a \\u0000, or a name twice");
    }
    buf_reset(&list);
    buf_fmt(&list, "{\"%s\":1}", many);
    {
        struct err err;

        assert_null(field_parse_body(list.data, list.len, &err));
        assert_string_equal(err.message, "body: a name longer than 1024 bytes");
    }
    free(many);
    buf_clear(&list);
    {
        static const char text[] = "{\"a\":9\0}"; // jansson would pass over it
        struct err err;

        assert_null(field_parse_body(text, sizeof text - 1, &err));
    }
    {
        static const char text[] = "{\"a\":\"b\\u0000\"}"; // which is JSON
        struct err err;

        assert_null(field_parse_body(text, sizeof text - 1, &err));
        assert_non_null(strstr(err.message, "a string has a \\u0000"));
    }
}

static void test_fields(void **state)
{
    json_t *value = json_loads("{\"a\":{\"b\":[{\"c\":\"x\"},7]},\"n\":null,\"e\":\"\"}", 0, NULL);
    const char *text = NULL;
    struct err err;

    (void)state;
    assert_true(field_str(value, "a.b.0.c", &text, &err));
    assert_string_equal(text, "x");
    assert_false(field_str(value, "a.b.1", &text, &err));
    assert_string_equal(err.message, "a.b.1: must be a string");
    assert_false(field_str(value, "n", &text, &err));
    assert_string_equal(err.message, "n: is required");
    assert_false(field_text(value, "e", 10, &text, &err));
    assert_string_equal(err.message, "e: must not be empty");
    assert_false(field_text(value, "a.b.0.c", 0, &text, &err));
    assert_int_equal(field_int_or(value, "a.b.1", 0), 7);
    assert_string_equal(field_str_or_empty(value, "a.b.x.c"), "");
    assert_true(field_is_given(value, "a.b.0.c") && field_is_given(value, "a.b.1"));
    assert_false(field_is_given(value, "e") || field_is_given(value, "n"));
    assert_false(field_is_given(value, "nope"));
    json_decref(value);
}

static void test_ids(void **state)
{
    static const struct {
        const char *json, *id;
    } cases[] = {
        {"{\"id\":\"a\"}", "a"},
        {"{\"id\":9223372036854775807}", "9223372036854775807"},
        {"{\"id\":\"\"}", ""},
        {"{\"id\":0}", ""},
        {"{\"id\":-1}", ""},
        {"{\"id\":1.0}", ""},
        {"{\"id\":null}", ""},
        {"{\"id\":[\"a\"]}", ""},
        {"{}", ""},
        {"[]", ""},
        {"{\"id\":0,\"data\":{\"id\":7}}", "7"},
        {"{\"id\":\"a\",\"data\":{\"id\":7}}", "a"},
    };
    static const char *const places[] = {"id", "data.id", NULL};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *value = json_loads(cases[i].json, 0, NULL);
        char digits[FIELD_ID_DIGITS];

        if (strcmp(field_first_id(value, places, digits), cases[i].id) != 0)
            fail_msg("%s", cases[i].json);
        json_decref(value);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
