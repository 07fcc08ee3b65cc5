// What a Redis says of itself.
#include "core/redis/redis_look.h"
#include "tests/support/check.h"

#include <string.h>

static void test_info(void **state)
{
    static const struct {
        const char *info;
        bool is_forgetful, is_evicting;
        int64_t used, most;
    } cases[] = {
        {"", false, false, 0, 0},
        {"# Persistence\r\naof_enabled:1\r\n", false, false, 0, 0},
        {"aof_enabled:0\r\nmaxmemory_policy:noeviction\r\n", true, false, 0, 0},
        {"used_memory:12\r\nused_memory_rss:13\r\nmaxmemory:14\r\nmaxmemory_policy:volatile-ttl",
         false, true, 12, 14},
        {"not_aof_enabled:0\nmaxmemory_policy:\r\nused_memory", false, false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct redis_look look = {0};

        redis_look_read_info(&look, cases[i].info);
        assert_int_equal(look.is_forgetful, cases[i].is_forgetful);
        assert_int_equal(look.is_evicting, cases[i].is_evicting);
        assert_int_equal(look.used_bytes, cases[i].used);
        assert_int_equal(look.most_bytes, cases[i].most);
    }
}

static void test_wrong_urls(void **state)
{
    struct redis_look look;
    struct err err;

    (void)state;
    assert_false(redis_look(&look, "http://canary@h", &err));
    assert_null(strstr(err.message, "canary"));
    assert_false(redis_look(&look, "unix:///nowhere/at/all", &err));
    assert_non_null(strstr(err.message, "no Redis answers there"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_wrong_urls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
