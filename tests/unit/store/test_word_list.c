// Packed words: as MessagePack has arrays of strings, and whatever else may come.
#include "core/store/word_list.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "tests/support/check.h"

static void check_next(struct word_list *words, const char *wanted, size_t wanted_len)
{
    size_t len;
    char *word = word_list_next(words, &len);

    assert_non_null(word);
    assert_int_equal(len, wanted_len);
    assert_memory_equal(word, wanted, len + 1); // terminated
}

static void test_words(void **state)
{
    char data[] =
        "\x94\xa1p\xa0\xd9\x03"
        "a\0b\xda\0\x02xy";
    struct word_list words;
    size_t len;

    (void)state;
    assert_true(word_list_begin(&words, data, sizeof data - 1));
    assert_int_equal(words.left, 4);
    check_next(&words, "p", 1);
    check_next(&words, "", 0);
    check_next(&words, "a\0b", 3);
    check_next(&words, "xy", 2);
    assert_null(word_list_next(&words, &len));
}

// Of any length that a head tells in another way.
static void test_lengths(void **state)
{
    static const struct {
        const char *head;
        size_t head_len, len;
    } cases[] = {
        {"\xbf", 1, 31},          {"\xd9\x20", 2, 32},        {"\xd9\xff", 2, 255},
        {"\xda\x01\x00", 3, 256}, {"\xda\xff\xff", 3, 65535}, {"\xdb\x00\x01\x00\x00", 5, 65536},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf data = {0};
        struct word_list words;
        size_t len;

        buf_add(&data, "\xdd\0\0\0\2", 5);
        for (int k = 0; k < 2; k++) {
            buf_add(&data, cases[i].head, cases[i].head_len);
            for (size_t n = 0; n < cases[i].len; n++)
                buf_char(&data, 'x');
        }
        assert_true(word_list_begin(&words, data.data, data.len));
        for (int k = 0; k < 2; k++) {
            assert_int_equal(strlen(word_list_next(&words, &len)), cases[i].len);
            assert_int_equal(len, cases[i].len);
        }
        buf_clear(&data);
    }
}

static void test_what_is_none(void **state)
{
    static const char *const none[] = {"", "\xa1x", "\x81\xa1x\xa1y", "\xdc", "\xdd\1\1\1", "text"};

    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        char *data = mem_str(none[i]);
        struct word_list words;

        if (word_list_begin(&words, data, strlen(data)))
            fail_msg("case %zu", i);
        free(data);
    }
}

// However much of it there is, and with a number in it: nothing behind the end is read.
static void test_what_is_broken(void **state)
{
    static const char whole[] = "\x95\xa3one\xd9\5three\x07\xda\0\3six\xa1x";

    (void)state;
    for (size_t len = 0; len < sizeof whole; len++) {
        char *data = mem_strn(whole, len);
        struct word_list words;
        size_t count = 0, word_len;

        if (word_list_begin(&words, data, len))
            while (word_list_next(&words, &word_len) != NULL)
                count++;
        assert_true(count <= 2);
        free(data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_what_is_none),
        cmocka_unit_test(test_what_is_broken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
