// What is written is what jansson writes.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/json/json_write.h"
#include "tests/support/check.h"

enum { FLAGS = JSON_COMPACT | JSON_ENCODE_ANY };

static void check_alike(const json_t *value)
{
    char *theirs = json_dumps(value, FLAGS), *ours = json_write_text(value);

    assert_non_null(theirs);
    assert_string_equal(ours, theirs);
    free(theirs);
    free(ours);
}

static void test_values(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "[[],[{}],{\"a\":[]}]",
        "{\"b\":1,\"a\":[1,-2,true,false,null,\"x\"],\"c\":{\"\":\"\"}}",
        "[0,-0,9223372036854775807,-9223372036854775808]",
        "[0.0,-0.0,1.5,0.1,1e300,-1e-300,5e-324,1e21,123456789.125]",
        "\"\\u0000\\u0001\\b\\t\\n\\u000b\\f\\r\\u001f \\\" \\\\ / \\u007f\"",
        "{\"a\\nb\\\"\":\"é 日本語 \\ud83d\\udc31 \\u2028\"}",
        "12",
        "null",
        "false",
        "2.5",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *value = json_loads(texts[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

        if (value == NULL)
            fail_msg("%s", texts[i]);
        check_alike(value);
        json_decref(value);
    }
    assert_null(json_write_text(NULL));
}

static void test_all_bytes(void **state)
{
    char text[0x7f];
    json_t *value;

    (void)state;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)(i + 1);
    value = json_pack("{s:s#}", "a", text, (int)sizeof text);
    check_alike(value);
    json_decref(value);
}

static void test_adds(void **state)
{
    struct buf out = {0};
    json_t *value = json_pack("[ii]", 1, 2);

    (void)state;
    buf_str(&out, "x=");
    json_write(value, &out);
    assert_string_equal(buf_text(&out), "x=[1,2]");
    json_decref(value);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_all_bytes),
        cmocka_unit_test(test_adds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
