// What strangers' encoders write, and what is made of it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/json/field.h"
#include "core/json/json_lenient.h"
#include "tests/support/check.h"

#define BAD "\xef\xbf\xbd" // U+FFFD

struct reading {
    const char *text, *as; // as: NULL where it is no JSON even so
};

static bool reads(const char *text, size_t len, const char *as)
{
    json_t *value = json_lenient_read(text, len);
    char *is = value == NULL ? NULL : json_dumps(value, JSON_COMPACT);
    bool ok = as == NULL ? is == NULL : is != NULL && strcmp(is, as) == 0;

    if (!ok)
        print_error("  %s: is %s, should be %s\n", text, is == NULL ? "unreadable" : is,
                    as == NULL ? "unreadable" : as);
    free(is);
    json_decref(value);
    return ok;
}

static void check_all(const struct reading *readings, size_t count)
{
    unsigned failed = 0;

    for (size_t i = 0; i < count; i++)
        failed += !reads(readings[i].text, strlen(readings[i].text), readings[i].as);
    assert_int_equal(failed, 0);
}
#define CHECK_ALL(table) check_all((table), sizeof(table) / sizeof((table)[0]))

static void test_texts(void **state)
{
    static const struct reading readings[] = {
        {"{\"a\":\"\\ud83d\\ude00\"}", "{\"a\":\"😀\"}"},
        {"{\"a\":\"la \\ud83d\"}", "{\"a\":\"la " BAD "\"}"},
        {"{\"a\":\"\\ude00 la\"}", "{\"a\":\"" BAD " la\"}"},
        {"{\"a\":\"\\ud83d\\ud83d\\ude00\"}", "{\"a\":\"" BAD "😀\"}"},
        {"{\"a\":\"\\ud83d\\u0041\"}", "{\"a\":\"" BAD "A\"}"},
        {"{\"a\":\"\\ud83d\\n\"}", "{\"a\":\"" BAD "\\n\"}"},
        {"{\"a\":\"\\u0000b\"}", "{\"a\":\"" BAD "b\"}"},
        {"{\"a\":\"\\u12\"}", "{\"a\":\"" BAD "\"}"},
        {"{\"a\":\"\\u\"}", "{\"a\":\"" BAD "\"}"},
        {"{\"a\":\"\\x41\"}", "{\"a\":\"" BAD "x41\"}"},
        {"{\"a\":\"b\tc\nd\re\x01\x1f\"}", "{\"a\":\"b\\tc\\nd\\re" BAD BAD "\"}"},
        {"{\"a\":\"\xff\xfe\"}", "{\"a\":\"" BAD BAD "\"}"},
        {"{\"a\":\"\xc3\"}", "{\"a\":\"" BAD "\"}"},         // cut off
        {"{\"a\":\"\xc0\xaf\"}", "{\"a\":\"" BAD BAD "\"}"}, // longer than it need be
        {"{\"a\":\"\xe0\x80\xaf\"}", "{\"a\":\"" BAD BAD BAD "\"}"},
        {"{\"a\":\"\xed\xa0\x80\"}", "{\"a\":\"" BAD BAD BAD "\"}"}, // a surrogate
        {"{\"a\":\"\xf4\x90\x80\x80\"}", "{\"a\":\"" BAD BAD BAD BAD "\"}"},
        {"{\"a\":\"\xf0\x9f\x98\x80\xc3\xa9\"}", "{\"a\":\"😀é\"}"},
        {"{\"\\ud83d\":1,\"\xff\":2,\"\\u0000x\":3,\"t\tu\":4}",
         "{\"" BAD "\":2,\"" BAD "x\":3,\"t\\tu\":4}"},
        {"[\"\\ud83d\",[\"\\u0000\"]]", "[\"" BAD "\",[\"" BAD "\"]]"},
        {"\xef\xbb\xbf{\"a\":1}", "{\"a\":1}"},
        {"\xef\xbb\xbf [\"\\ud83d\"]", "[\"" BAD "\"]"},
    };

    (void)state;
    CHECK_ALL(readings);
    assert_true(reads("{\"a\":\"b\0c\"}", 11, "{\"a\":\"b" BAD "c\"}"));
}

static void test_numbers(void **state)
{
    static const struct reading readings[] = {
        {"{\"a\":NaN,\"b\":[nan,-NaN],\"c\":Infinity,\"d\":-Infinity,\"e\":+inf}",
         "{\"a\":null,\"b\":[null,null],\"c\":null,\"d\":null,\"e\":null}"},
        {"[1e999,-1e999,1E+400,0e999]", "[null,null,null,0.0]"},
        {"[9223372036854775807,-9223372036854775808,NaN]",
         "[9223372036854775807,-9223372036854775808,null]"},
        {"[18446744073709551616]", "[1.8446744073709552e19]"},
        {"[-18446744073709551616]", "[-1.8446744073709552e19]"},
        {"[1.5,-0,1e-999,NaN]", "[1.5,0,0.0,null]"},
        {"{\"a\":true,\"b\":false,\"c\":null,\"d\":NaN}",
         "{\"a\":true,\"b\":false,\"c\":null,\"d\":null}"},
    };
    struct buf long_one = {0};

    (void)state;
    CHECK_ALL(readings);
    buf_str(&long_one, "[");
    for (int i = 0; i < 5000; i++)
        buf_char(&long_one, '7');
    buf_str(&long_one, ",1]");
    assert_true(reads(long_one.data, long_one.len, "[null,1]"));
    buf_clear(&long_one);
}

// Nothing else becomes JSON by it.
static void test_no_json(void **state)
{
    static const struct reading readings[] = {
        {"", NULL},
        {"null", NULL},
        {"NaN", NULL},
        {"Unauthorized", NULL},
        {"no healthy upstream", NULL},
        {"<html><title>502</title></html>", NULL},
        {"{\"a\":\"\\ud83d", NULL},
        {"{\"a\":\"\\ud83d\"", NULL},
        {"{\"a\":\"\\ud83d\\\"}", NULL},
        {"{\"a\":\"\\ud83d\\", NULL},
        {"{\"a\":NaN", NULL},
        {"[NaN,", NULL},
        {"[NaN]]", NULL},
        {"[NaN] x", NULL},
        {"{\"a\":NaN}{\"a\":NaN}", NULL},
        {"{\"a\":NaNs}", NULL},
        {"{\"a\":NaN NaN}", NULL},
        {"{NaN:1}", NULL},
        {"{\"a\":01}", NULL},
        {"{\"a\":1.}", NULL},
        {"{\"a\":+1}", NULL},
        {"{\"a\":tru}", NULL},
        {"{\"a\":0x10}", NULL},
        {"{'a':1}", NULL},
        {"{\"a\":1,}", NULL},
        {"\xef\xbb\xbf", NULL},
        {"\xef\xbb\xbf\xef\xbb\xbf[1]", NULL},
        {"[\xff]", NULL},
    };

    (void)state;
    CHECK_ALL(readings);
}

static void test_large(void **state)
{
    enum { COUNT = 1 << 17 };
    struct buf text = {0};
    clock_t began;
    json_t *value;

    (void)state;
    buf_str(&text, "[\"");
    for (int i = 0; i < COUNT; i++)
        buf_str(&text, i % 2 == 0 ? "\xff" : "\\ud83d");
    buf_str(&text, "\"]");
    began = clock();
    value = json_lenient_read(text.data, text.len);
    assert_int_equal(json_string_length(json_array_get(value, 0)), 3 * COUNT);
    assert_true(clock() - began < CLOCKS_PER_SEC); // it takes a fiftieth of that
    json_decref(value);

    buf_reset(&text);
    for (int i = 0; i < COUNT; i++)
        buf_char(&text, '[');
    assert_null(json_lenient_read(text.data, text.len));
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_no_json),
        cmocka_unit_test(test_large),
    };

    return cmocka_run_group_tests_name("json_lenient", tests, NULL, NULL);
}
