// Tables that fit, and text that a terminal may be given.
#include <string.h>

#include "core/base/buf.h"
#include "scheduler/cli/cli_show.h"
#include "scheduler/cli/cli_table.h"
#include "scheduler/cli/cli_text.h"
#include "tests/support/check.h"

static const struct cli_column columns[] = {
    {"ID", 0, 0, false, false},   {"STATUS", 0, 0, false, true}, {"N", 0, 1, true, false},
    {"NOTE", 6, 2, false, false}, {"EMPTY", 0, 9, false, false}, {0}};

static const struct {
    const char *name;
    struct cli_screen screen;
    const char *is;
} cases[] = {
    {"a file",
     {0},
     "ID   STATUS      N  NOTE\n"
     "t-1  succeeded   7  \xe8\x88\xb9 a paper boat at sea\n"
     "t-2  failed     12\n"},
    {"room enough",
     {.width = 80},
     "ID   STATUS      N  NOTE\n"
     "t-1  succeeded   7  \xe8\x88\xb9 a paper boat at sea\n"
     "t-2  failed     12\n"},
    {"cut",
     {.width = 30, .is_utf8 = true},
     "ID   STATUS      N  NOTE\n"
     "t-1  succeeded   7  \xe8\x88\xb9 a pape\xe2\x80\xa6\n"
     "t-2  failed     12\n"},
    {"cut in ASCII",
     {.width = 30},
     "ID   STATUS      N  NOTE\n"
     "t-1  succeeded   7  \xe8\x88\xb9 a pape.\n"
     "t-2  failed     12\n"},
    {"left out",
     {.width = 24},
     "ID   STATUS      N\n"
     "t-1  succeeded   7\n"
     "t-2  failed     12\n"},
    {"more left out",
     {.width = 15},
     "ID   STATUS\n"
     "t-1  succeeded\n"
     "t-2  failed\n"},
    {"no room at all",
     {.width = 3},
     "ID   STATUS\n"
     "t-1  succeeded\n"
     "t-2  failed\n"},
    {"coloured",
     {.width = 15, .has_colour = true},
     "\033[1mID\033[0m   \033[1mSTATUS\033[0m\n"
     "t-1  \033[32msucceeded\033[0m\n"
     "t-2  \033[31mfailed\033[0m\n"},
};

static void test_tables(void **state)
{
    (void)state;
    cli_text_start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_table *table = cli_table_new(columns);
        struct buf text = {0};

        cli_table_add(table, "t-1");
        cli_table_add(table, "succeeded");
        cli_table_fmt(table, "%d", 7);
        cli_table_add(table, "\xe8\x88\xb9 a paper boat at sea"); // a wide character
        cli_table_add(table, "");
        cli_table_add(table, "t-2");
        cli_table_add(table, "failed");
        cli_table_fmt(table, "%d", 12);
        cli_table_add(table, NULL);
        cli_table_add(table, NULL);
        cli_table_write(table, &cases[i].screen, &text);
        if (strcmp(buf_text(&text), cases[i].is) != 0)
            fail_msg("%s:\n%s", cases[i].name, buf_text(&text));
        buf_clear(&text);
        cli_table_free(table);
    }
}

static void test_no_rows(void **state)
{
    struct cli_table *table = cli_table_new(columns);
    struct cli_screen screen = {0};
    struct buf text = {0};

    (void)state;
    cli_table_write(table, &screen, &text);
    assert_int_equal(text.len, 0);
    cli_table_free(table);
    cli_table_free(NULL);
}

static const struct {
    const char *dirty, *clean;
} texts[] = {
    {"plain", "plain"},
    {"two\nlines\t\x7f", "two lines  "},
    {"\033[2Jgone", " [2Jgone"},
    {"\xc2\x9b"
     "2J",
     " 2J"}, // the same in one character of C1
    {"\xe2\x80\xae"
     "evil",
     " evil"},                              // written backwards
    {"\xff\xc0\xaf\xed\xa0\x80", "??????"}, // no UTF-8
    {"caf\xc3\xa9 \xf0\x9f\x8e\xa8", "caf\xc3\xa9 \xf0\x9f\x8e\xa8"},
    {"\xe8\x88", "??"}, // cut off
    {NULL, ""},
};

static void test_cleaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct buf text = {0};

        cli_text_clean(&text, texts[i].dirty);
        if (strcmp(buf_text(&text), texts[i].clean) != 0)
            fail_msg("%zu: %s", i, buf_text(&text));
        buf_clear(&text);
    }
}

static void test_widths(void **state)
{
    (void)state;
    cli_text_start();
    assert_int_equal(cli_text_width(""), 0);
    assert_int_equal(cli_text_width("caf\xc3\xa9"), 4);
    assert_int_equal(cli_text_width("cafe\xcc\x81"), 4); // an accent of its own
    assert_int_equal(cli_text_width("\xe8\x88\xb9"), 2);
    // Never wider, whatever is asked for.
    for (unsigned width = 0; width < 12; width++) {
        struct buf text = {0};

        cli_text_cut(&text,
                     "a\xe8\x88\xb9"
                     "b\xe8\x88\xb9"
                     "c\xe8\x88\xb9",
                     width, true);
        assert_int_equal(cli_text_width(buf_text(&text)), width < 9 ? width : 9);
        buf_clear(&text);
    }
}

static void test_bars(void **state)
{
    static const struct {
        int percent;
        const char *is;
    } bars[] = {{-5, "----"}, {0, "----"},   {24, "----"}, {50, "##--"},
                {99, "###-"}, {100, "####"}, {400, "####"}};

    (void)state;
    for (size_t i = 0; i < sizeof bars / sizeof bars[0]; i++) {
        struct buf text = {0};

        cli_text_bar(&text, bars[i].percent, 4, false);
        assert_string_equal(text.data, bars[i].is);
        buf_clear(&text);
    }
}

static void test_spans(void **state)
{
    static const struct {
        int64_t ms;
        const char *is;
    } spans[] = {{-1, ""},          {400, "0.4 s"},       {12345, "12 s"},
                 {180000, "3 min"}, {5 * 3600000, "5 h"}, {72 * 3600000, "3 d"}};
    static const struct {
        int64_t bytes;
        const char *is;
    } sizes[] = {{0, "0 B"}, {999, "999 B"}, {1234, "1.2 kB"}, {5000000, "5.0 MB"}};
    struct buf text = {0};

    (void)state;
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        buf_reset(&text);
        cli_show_span(&text, spans[i].ms);
        assert_string_equal(buf_text(&text), spans[i].is);
    }
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        buf_reset(&text);
        cli_show_bytes(&text, sizes[i].bytes);
        assert_string_equal(buf_text(&text), sizes[i].is);
    }
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),   cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_cleaning), cmocka_unit_test(test_widths),
        cmocka_unit_test(test_bars),     cmocka_unit_test(test_spans)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
