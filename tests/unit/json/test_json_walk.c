// The outer levels of a text, value by value.
#include "core/json/json_walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "tests/support/check.h"

// "name=value|", and "." at the end or "!" where it is bad.
static void check_walk(const char *text, char open, const char *wanted)
{
    // In memory of its own length: a byte too far is seen.
    size_t len = strlen(text);
    char *copy = malloc(len == 0 ? 1 : len);
    struct json_span name, value;
    struct json_walk walk;
    struct buf seen = {0};
    enum json_step step;

    for (size_t i = 0; i < len; i++)
        copy[i] = text[i];
    if (json_walk_begin(&walk, copy, len, open)) {
        while ((step = json_walk_next(&walk, &name, &value)) == JSON_STEP_VALUE)
            buf_fmt(&seen, "%.*s=%.*s|", (int)name.len, name.at, (int)value.len, value.at);
        buf_str(&seen, step == JSON_STEP_END && json_walk_is_over(&walk) ? "." : "!");
    }
    if (strcmp(buf_text(&seen), wanted) != 0)
        print_error("%s: %s\n", text, buf_text(&seen));
    assert_string_equal(buf_text(&seen), wanted);
    buf_clear(&seen);
    free(copy);
}

static void test_what_is_there(void **state)
{
    (void)state;
    check_walk("{}", '{', ".");
    check_walk(" [ ] \n", '[', ".");
    check_walk("{\"a\":1,\"b\":{\"c\":[1,2]},\"d\":\"}\"}", '{', "a=1|b={\"c\":[1,2]}|d=\"}\"|.");
    check_walk("{ \"a\\\"b\" :\t-1.5e3 , \"c\" : null }", '{', "a\\\"b=-1.5e3|c=null|.");
    check_walk("[[{}],{\"a\":\"\\\\\"},\"x\",true]", '[', "=[{}]|={\"a\":\"\\\\\"}|=\"x\"|=true|.");
    // What is within a value is for its reader.
    check_walk("[{nope},[1,,2],{\"a\":]]", '[', "={nope}|=[1,,2]|={\"a\":]|.");
}

static void test_what_is_bad(void **state)
{
    static const char *const texts[] = {"[1,]",  "[,1]",      "[1 2]", "[1",     "[",
                                        "[1}",   "[nope]",    "[01]",  "[1]x",   "[]]",
                                        "[\"a]", "[\"a\\\"]", "[{]",   "[1,2,,", "[-]"};
    static const char *const objects[] = {"{\"a\"}", "{\"a\":}",    "{a:1}",      "{\"a\":1,}",
                                          "{\"a\"",  "{\"a\":1]",   "{1:1}",      "{\"a\" 1}",
                                          "{",       "{\"a\":1}}x", "{\"a\":\"b}"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] + sizeof objects / sizeof objects[0];
         i++) {
        bool is_list = i < sizeof texts / sizeof texts[0];
        const char *text = is_list ? texts[i] : objects[i - sizeof texts / sizeof texts[0]];
        struct json_span name, value;
        struct json_walk walk;
        enum json_step step;

        assert_true(json_walk_begin(&walk, text, strlen(text), is_list ? '[' : '{'));
        while ((step = json_walk_next(&walk, &name, &value)) == JSON_STEP_VALUE)
            ;
        if (step == JSON_STEP_END && json_walk_is_over(&walk))
            fail_msg("%s", text);
    }
    check_walk("", '{', "");
    check_walk("  ", '{', "");
    check_walk("[]", '{', "");
    check_walk("1", '[', "");
}

static void test_strings(void **state)
{
    static const struct {
        const char *value, *text; // NULL: none
    } cases[] = {
        {"\"\"", ""},
        {"\"/mj/submit\"", "/mj/submit"},
        {"\"a\\/b\\n\\u00e9\"", "a/b\n\xc3\xa9"},
        {"\"\xc3\xa9\"", "\xc3\xa9"},
        {"\"\xff\"", NULL},
        {"\"a\\u0000\"", NULL},
        {"\"a\x01\"", NULL},
        {"\"\\x\"", NULL},
        {"1", NULL},
        {"null", NULL},
        {"{\"a\":\"b\"}", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct json_span span = {cases[i].value, strlen(cases[i].value)};
        char *text = json_span_text(&span);

        if (cases[i].text == NULL)
            assert_null(text);
        else
            assert_string_equal(text, cases[i].text);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_there),
        cmocka_unit_test(test_what_is_bad),
        cmocka_unit_test(test_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
