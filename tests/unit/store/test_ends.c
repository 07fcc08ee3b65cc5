// Tasks that have ended, as the scripts say it.
#include "core/store/ends.h"

#include <hiredis/hiredis.h>

#include "core/base/metrics.h"
#include "tests/support/check.h"

enum { MOST = 9 };

static redisReply words[MOST], *elements[MOST];

static redisReply ends_of(size_t count, const char *const *texts)
{
    for (size_t i = 0; i < count; i++) {
        words[i] = (redisReply){.type = texts[i] == NULL ? REDIS_REPLY_NIL : REDIS_REPLY_STRING,
                                .str = (char *)texts[i]};
        elements[i] = &words[i];
    }
    return (redisReply){.type = REDIS_REPLY_ARRAY, .elements = count, .element = elements};
}

static void check_counts(int64_t cancelled, int64_t failed)
{
    assert_int_equal(metric_count_of(METRICS_tasks_total, "kling", "cancelled", ""), cancelled);
    assert_int_equal(metric_count_of(METRICS_tasks_total, "kling", "failed", "task_timeout"),
                     failed);
}

static void test_each_is_counted(void **state)
{
    static const char *const three[] = {"kling",        "cancelled", "",          "kling", "failed",
                                        "task_timeout", "kling",     "cancelled", ""};
    redisReply ends = ends_of(9, three);

    (void)state;
    ends_count(&ends);
    check_counts(2, 1);
}

// Nothing has ended, or it can't be said what.
static void test_what_says_nothing(void **state)
{
    static const char *const broken[] = {"kling", "cancelled", NULL, "kling", "cancelled"};
    redisReply ends = ends_of(5, broken),
               word = {.type = REDIS_REPLY_STRING, .str = (char *)"done"};

    (void)state;
    ends_count(NULL);
    ends_count(&word);
    ends_count(&ends);
    ends.elements = 0;
    ends_count(&ends);
    check_counts(2, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_is_counted),
        cmocka_unit_test(test_what_says_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
