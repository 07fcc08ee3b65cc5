// Redis URLs: what they mean, and that nothing is read past their end.
#include "core/redis/redis_url.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static const char *or_none(const char *text)
{
    return text == NULL ? "-" : text;
}

static void test_good_ones(void **state)
{
    static const struct {
        const char *url, *path, *host, *user, *password;
        int port, db;
    } cases[] = {
        {"unix:///a/b", "/a/b", "-", "-", "-", 0, 0},
        {"redis://h", "-", "h", "-", "-", 6379, 0},
        {"redis://h:1/", "-", "h", "-", "-", 1, 0},
        {"redis://:p@h:1/2", "-", "h", "-", "p", 1, 2},
        {"redis://u:p%40%2f@[::1]:65535/15", "-", "::1", "u", "p@/", 65535, 15},
        {"redis://u:@[::1]", "-", "::1", "u", "", 6379, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct redis_url url;
        struct err err;

        if (!redis_url_read(&url, cases[i].url, &err))
            fail_msg("%s: %s", cases[i].url, err.message);
        assert_string_equal(or_none(url.path), cases[i].path);
        assert_string_equal(or_none(url.host), cases[i].host);
        assert_string_equal(or_none(url.user), cases[i].user);
        assert_string_equal(or_none(url.password), cases[i].password);
        assert_int_equal(url.port, cases[i].port);
        assert_int_equal(url.db, cases[i].db);
        redis_url_clear(&url);
    }
}

static void test_bad_ones(void **state)
{
    static const char *const cases[] = {
        "",
        "r",
        "redis:",
        "redis://",
        "redis:///",
        "redis://:",
        "unix://",
        "unix:///",
        "unix://a",
        "redis://[",
        "redis://[]",
        "redis://[::1",
        "redis://h:",
        "redis://h:0",
        "redis://h:1/x",
        "redis://u@h",
        "redis://:%@h",
        "redis://:%4@h",
        "redis://@",
        "redis://:@",
        "redis://[h]x",
        "redis://h:1:2",
        "redis://h/1/",
        "redis://h?x",
        "rediss://h",
        "redis://:%00@h",
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct redis_url url;
        struct err err;

        if (redis_url_read(&url, cases[i], &err))
            fail_msg("\"%s\" is taken", cases[i]);
        assert_int_equal(err.code, ERR_CONFIG);
        redis_url_clear(&url);
    }
}

static void test_all_beginnings(void **state)
{
    static const char *const cases[] = {"redis://us%41er:pa%40ss@[::1]:6379/15",
                                        "unix:///some/path", "rediss://h:1"};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t len = 0; len <= strlen(cases[i]); len++) {
            char *text = mem_strn(cases[i], len); // exactly so long: ASan looks
            struct redis_url url;
            struct err err;

            if (redis_url_read(&url, text, &err))
                assert_true(url.path != NULL || *url.host != '\0');
            redis_url_clear(&url);
            free(text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good_ones),
                                       cmocka_unit_test(test_bad_ones),
                                       cmocka_unit_test(test_all_beginnings)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
