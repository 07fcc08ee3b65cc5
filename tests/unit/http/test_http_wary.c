#include "core/http/http_wary.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/check.h"

static void test_of_a_server(void **state)
{
    static struct http_wary wary;

    (void)state;
    assert_false(http_wary_of(&wary, "https://a.example/v1/tasks", 1000));
    http_wary_note(&wary, "https://a.example/v1/tasks?key=1", 1000);
    assert_true(http_wary_of(&wary, "https://a.example/other", 1000));
    assert_true(http_wary_of(&wary, "https://a.example", 1000 + WARY_MS - 1));
    assert_true(http_wary_of(&wary, "https://a.example?x", 1000));
    assert_false(http_wary_of(&wary, "https://a.example/", 1000 + WARY_MS));
    assert_true(http_wary_of(&wary, "https://A.example:443/", 1000));
    assert_false(http_wary_of(&wary, "https://a.example:8443/", 1000));
    assert_false(http_wary_of(&wary, "https://a.example.org/", 1000));
    assert_false(http_wary_of(&wary, "https://a.exampl/", 1000));
    assert_false(http_wary_of(&wary, "http://a.example/", 1000));
    http_wary_note(&wary, "https://a.example/", 5000); // once more
    assert_true(http_wary_of(&wary, "https://a.example/", 5000 + WARY_MS - 1));
}

static void test_many(void **state)
{
    static struct http_wary wary;
    char url[64];

    (void)state;
    for (int i = 0; i <= WARY_SERVERS_MAX; i++) {
        snprintf(url, sizeof url, "https://%d.example/", i);
        http_wary_note(&wary, url, 0);
    }
    assert_false(http_wary_of(&wary, "https://0.example/", 1));
    assert_true(http_wary_of(&wary, "https://1.example/", 1));
    assert_true(http_wary_of(&wary, url, 1));
}

static void test_no_server(void **state)
{
    static struct http_wary wary;
    char longest[4096] = "https://";

    (void)state;
    memset(longest + 8, 'a', sizeof longest - 9);
    http_wary_note(&wary, longest, 0);
    http_wary_note(&wary, "", 0);
    http_wary_note(&wary, "nothing", 0);
    assert_false(http_wary_of(&wary, longest, 1));
    assert_false(http_wary_of(&wary, "", 1));
    assert_false(http_wary_of(&wary, "nothing", 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_server),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_no_server),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
