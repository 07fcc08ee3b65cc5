// Packed texts: the code of RFC 7541, its examples, and whatever may come out of Redis.
#include "core/store/packed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/support/check.h"

static void check_round_trip(const char *text, size_t len)
{
    struct buf packed = {0};
    char *back;

    if (!packed_write(text, len, &packed)) {
        assert_int_equal(packed.len, 0);
        buf_clear(&packed);
        return;
    }
    assert_true(packed.len < len && packed_is(packed.data, packed.len));
    back = packed_read(packed.data, packed.len);
    assert_non_null(back);
    assert_int_equal(strlen(back), len);
    assert_memory_equal(back, text, len);
    free(back);
    buf_clear(&packed);
}

// Appendix C.4 and C.6 have these.
static void test_the_examples_of_the_rfc(void **state)
{
    static const struct {
        const char *text, *packed;
        size_t len;
    } cases[] = {
        {"www.example.com", "\x01\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff", 13},
        {"no-cache", "\x01\xa8\xeb\x10\x64\x9c\xbf", 7},
        {"custom-value", "\x01\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf", 10},
        {"https://www.example.com",
         "\x01\x9d\x29\xad\x17\x18\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3", 18},
        {"Mon, 21 Oct 2013 20:13:21 GMT",
         "\x01\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b"
         "\xff",
         23},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf packed = {0};

        assert_true(packed_write(cases[i].text, strlen(cases[i].text), &packed));
        assert_int_equal(packed.len, cases[i].len);
        assert_memory_equal(packed.data, cases[i].packed, packed.len);
        buf_clear(&packed);
        check_round_trip(cases[i].text, strlen(cases[i].text));
    }
}

static void test_a_prompt_gets_shorter(void **state)
{
    static const char text[] =
        "{\"prompt\":\"A lone lighthouse keeper in a yellow raincoat climbs the stairs of a stone "
        "tower while a storm batters the windows --ar 16:9 --v 6.1\",\"state\":\"order-4711\"}";
    struct buf packed = {0};

    (void)state;
    assert_true(packed_write(text, strlen(text), &packed));
    assert_true(packed.len * 10 < strlen(text) * 8);
    buf_clear(&packed);
    check_round_trip(text, strlen(text));
}

static void test_what_gets_no_shorter_stays(void **state)
{
    static const char *const texts[] = {"", "{", "{}", "~~~~~~~~", "\xe7\x81\xaf\xe5\xa1\x94"};
    struct buf out = {0};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(packed_write(texts[i], strlen(texts[i]), &out));
        assert_false(packed_is(texts[i], strlen(texts[i])));
    }
    assert_int_equal(out.len, 0);
    buf_str(&out, "before ");
    assert_true(packed_write("aaaaaaaaaaaaaaa", 15, &out));
    assert_memory_equal(out.data, "before \x01", 8);
    buf_clear(&out);
}

// Every character alone among others, at each place of a byte.
static void test_every_character(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        for (int before = 0; before < 9; before++) {
            char text[64];

            memset(text, 'e', sizeof text);
            text[before] = text[40] = (char)c;
            check_round_trip(text, sizeof text - 1);
        }
    }
}

static void test_of_any_length(void **state)
{
    char text[300] = {0};
    unsigned seed = 7;

    (void)state;
    for (size_t len = 0; len < sizeof text; len++) {
        for (size_t i = 0; i < len; i++) {
            seed = seed * 1103515245 + 12345;
            text[i] = (char)(' ' + (seed >> 16) % 95);
        }
        check_round_trip(text, len);
    }
}

// Redis may answer anything: no text, or one, but nothing beyond the data is read.
static void test_what_is_broken(void **state)
{
    unsigned seed = 11;

    (void)state;
    assert_null(packed_read("{}", 2));
    assert_null(packed_read("", 0));
    for (int round = 0; round < 20000; round++) {
        size_t len = 1 + (size_t)round % 40;
        char *data = malloc(len), *text;

        assert_non_null(data);
        data[0] = 1;
        for (size_t i = 1; i < len; i++) {
            seed = seed * 1103515245 + 12345;
            data[i] = (char)(round % 3 == 0 ? 0xff : seed >> 16);
        }
        text = packed_read(data, len);
        free(text);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_examples_of_the_rfc),
        cmocka_unit_test(test_a_prompt_gets_shorter),
        cmocka_unit_test(test_what_gets_no_shorter_stays),
        cmocka_unit_test(test_every_character),
        cmocka_unit_test(test_of_any_length),
        cmocka_unit_test(test_what_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
