// The fast reader says yes only to what jansson says yes to, and means the same by it.
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/json/json_fast.h"
#include "tests/support/check.h"

static bool agree(const char *text, size_t len, bool *is_read)
{
    json_t *fast = json_fast_read(text, len);
    json_t *slow = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    bool ok = fast == NULL || (slow != NULL && json_equal(fast, slow));

    *is_read = fast != NULL;
    json_decref(fast);
    json_decref(slow);
    return ok;
}

static void test_usual(void **state)
{
    static const char *const texts[] = {
        "{}",
        "{\"a\":1}",
        " {\"a\" : [1, -2, true,false , null,\"x\"] , \"b\":{\"c\":{}} }\n",
        "{\"prompt\":\"a cat \\\"quoted\\\" \\\\ \\/ \\n\",\"n\":123456789012345678}",
        "{\"prompt\":\"наклейка 🐱 日本語\"}",
        "[]",
        "[[],[[]]]",
        "\"x\"",
        "{\"\":\"\"}",
        "{\"long\":\"0123456789012345678901234567890123456789\"}",
        "{\"a\":1.5,\"b\":[-0.25,1e3,1E-3,0.0]}",
        "{\"a\":-0,\"b\":9223372036854775807,\"c\":-9223372036854775808}",
        "{\"a\":\"\\u0041\\u00e9\\u20AC\\ud83d\\udc31 \\u001f\\uffff\"}",
        "{\"\\u00e9\":1,\"é\\u0065\":2,\"ключ\":3}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool is_read;

        if (!agree(texts[i], strlen(texts[i]), &is_read) || !is_read)
            fail_msg("%s", texts[i]);
    }
}

static void test_unusual(void **state)
{
    static const char *const texts[] = {
        "",
        " ",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "[1,]",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1,\"a\":2}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":1e999}",
        "{\"a\":1.5.5}",
        "{\"a\":+1}",
        "{'a':1}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\u004\"}",
        "{\"a\":\"\\u004g\"}",
        "{\"a\":\"\\u\"}",
        "{\"a\":\"\\ud83d\"}",
        "{\"a\":\"\\udc31\"}",
        "{\"a\":\"\\ud83d\\u0041\"}",
        "{\"a\":\"\\ud83d\\ud83d\"}",
        "{\"a\":\"\\ud83dxxudc31\"}",
        "{\"\\u0000\":1}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\\"}",
        "{\"a\":\"\x01\"}",
        "{\"a\":\"\xff\"}",
        "{\"\xff\":1}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":tru}",
        "{\"a\":9223372036854775808}",
        "{} {}",
        "{\"a\":\"\t\"}",
        "nul",
        "[1 2]",
        "\xef\xbb\xbf{}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool is_read;

        if (!agree(texts[i], strlen(texts[i]), &is_read))
            fail_msg("%s", texts[i]);
    }
}

// Any byte of a good text replaced, removed or doubled: a fixed sequence, the same at every run.
static void test_mutations(void **state)
{
    static const char *const seeds[] = {
        "{\"prompt\":\"a \\\"b\\\" "
        "\xc3\xa9\xf0\x9f\x90\xb1\",\"n\":[1,-20,{\"x\":null}],\"t\":true}",
        "{\"a\":\"\\u00e9 \\ud83d\\udc31\\n\",\"\\u0062\":[0.5,-1e10,2E+3]}",
    };
    static const char bytes[] = "\"\\{}[]:,0-9 tnfudDcC.eE+\x01\x7f\x80\xc3\xff";
    unsigned random = 1, read = 0;
    char text[256];

    (void)state;
    for (int i = 0; i < 20000; i++) {
        const char *seed = seeds[i % 2];
        size_t len = strlen(seed), at;
        bool is_read;

        memcpy(text, seed, len);
        for (int k = 0; k < 1 + i % 3; k++) {
            random = random * 1103515245 + 12345;
            at = (random >> 8) % len;
            switch (random >> 28 & 3) {
            case 0:
                memmove(text + at, text + at + 1, len - at - 1);
                len--;
                break;
            case 1:
                memmove(text + at + 1, text + at, len - at);
                len++;
                break;
            default:
                text[at] = bytes[(random >> 4) % (sizeof bytes - 1)];
                break;
            }
        }
        if (!agree(text, len, &is_read))
            fail_msg("%.*s", (int)len, text);
        read += is_read;
    }
    assert_true(read > 100); // it does read some of them
}

static void test_whatever_it_is(void **state)
{
    static const char *const texts[] = {"{\"a\":1}", "{\"a\":0.5}", "{\"a\":\"\\u00e9\"}", "3"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_t *value = json_read(texts[i]), *slow = json_loads(texts[i], JSON_DECODE_ANY, NULL);

        assert_non_null(value);
        assert_true(json_equal(value, slow));
        json_decref(value);
        json_decref(slow);
    }
    assert_null(json_read("{"));
    assert_null(json_read(""));
    assert_null(json_read(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usual), cmocka_unit_test(test_whatever_it_is),
        cmocka_unit_test(test_unusual), cmocka_unit_test(test_mutations)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
