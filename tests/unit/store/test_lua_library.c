// What a script takes of the Lua library.
#include "core/store/lua_library.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/store/scripts.h"
#include "tests/support/check.h"

static const char text[] =
    "-- A head; function a is only named.\n"
    "\n"
    "local call = redis.call\n"
    "local one, two = 1, 2\n"
    "\n"
    "local function a()\n"
    "    return call('b', one) -- not c\n"
    "end\n"
    "\n"
    "-- Needs a.\n"
    "local function b(x)\n"
    "    return a() + x.c + x:c()\n"
    "end\n"
    "\n"
    "local c\n"
    "\n"
    "local function d()\n"
    "    return c()\n"
    "end\n"
    "\n"
    "c = function()\n"
    "    return two\n"
    "end\n"
    "\n"
    "local now\n"
    "now = call('TIME')\n";

static void check_needed(const char *script, const char *const *has, const char *const *has_not)
{
    struct lua_library *library = lua_library_new(text);
    struct buf out = {0};

    lua_library_write(library, script, &out);
    for (; *has != NULL; has++)
        if (strstr(buf_text(&out), *has) == NULL)
            fail_msg("%s: without %s", script, *has);
    for (; *has_not != NULL; has_not++)
        if (strstr(buf_text(&out), *has_not) != NULL)
            fail_msg("%s: with %s", script, *has_not);
    buf_clear(&out);
    lua_library_free(library);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_what_is_needed(void **state)
{
    (void)state;
    // What has an effect is always there, with what it needs.
    check_needed("return 1", WORDS("now = call", "local call"), WORDS("head", "function"));
    check_needed("return a()", WORDS("function a", "local one, two"),
                 WORDS("function b", "local c\n"));
    check_needed("return b()", WORDS("function a", "-- Needs a.\nlocal function b"),
                 WORDS("local c\n", "function d"));
    check_needed("return d()", WORDS("local c\n", "function d", "c = function", "local one, two"),
                 WORDS("function a"));
    check_needed("return two", WORDS("local one, two"), WORDS("function"));
    check_needed("-- a\nreturn x.a + x:a() + f('a', \"a\", aa)", WORDS("now"), WORDS("function"));
}

static void test_scripts(void **state)
{
    char *claims = script_text(SCRIPT_claim), *looks = script_text(SCRIPT_looks);

    (void)state;
    for (int i = 0; i < SCRIPT_COUNT; i++) {
        char *script = script_text((enum script)i);

        if (strstr(script, "now = read_clock()") == NULL)
            fail_msg("%s doesn't read the clock", script_name((enum script)i));
        free(script);
    }
    assert_non_null(strstr(claims, "local function take_slot("));
    assert_null(strstr(claims, "local function deliver("));
    assert_non_null(strstr(looks, "local function plan_looks("));
    assert_null(strstr(looks, "finish = function("));
    free(claims);
    free(looks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_needed),
        cmocka_unit_test(test_scripts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
