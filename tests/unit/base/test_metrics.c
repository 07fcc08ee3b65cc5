// The metrics, as Prometheus reads them.
#include "core/base/metrics.h"

#include <stdio.h>
#include <string.h>

#include "tests/support/check.h"

static void check_has(const struct buf *text, const char *line)
{
    if (strstr(text->data, line) == NULL)
        fail_msg("no \"%s\" in\n%s", line, text->data);
}

static void test_counters(void **state)
{
    struct buf text = {0};

    (void)state;
    metric_add(METRIC_submits_total, 3);
    metric_set(METRIC_redis_up, 1);
    metric_count(METRICS_tasks_total, "kling", "failed", "a \"b\"\\\n");
    metric_count(METRICS_tasks_total, "kling", "failed", "a \"b\"\\\n");
    metric_count(METRICS_tasks_total, "kling", "succeeded", "");
    metrics_write(&text);
    check_has(&text, "# TYPE spool_submits_total counter\nspool_submits_total 3\n");
    check_has(&text, "# TYPE spool_redis_up gauge\nspool_redis_up 1\n");
    check_has(&text, "# HELP spool_tasks_total Tasks that have ended\n");
    check_has(&text,
              "spool_tasks_total{provider=\"kling\",status=\"failed\","
              "code=\"a \\\"b\\\"\\\\\\n\"} 2\n");
    check_has(&text, "spool_tasks_total{provider=\"kling\",status=\"succeeded\",code=\"\"} 1\n");
    buf_clear(&text);
}

static void test_histograms(void **state)
{
    struct buf text = {0};

    (void)state;
    metric_observe(HISTOGRAM_stage_seconds, 100, "veo", "queue"); // on its bound
    metric_observe(HISTOGRAM_stage_seconds, 101, "veo", "queue");
    metric_observe(HISTOGRAM_stage_seconds, 86400000, "veo", "queue");
    metric_observe(HISTOGRAM_stage_seconds, -5, "veo", "queue"); // a clock was set
    metric_observe(HISTOGRAM_redis_seconds, 3, NULL, NULL);
    metrics_write(&text);
    check_has(&text, "spool_stage_seconds_bucket{provider=\"veo\",stage=\"queue\",le=\"0.1\"} 2\n");
    check_has(&text, "spool_stage_seconds_bucket{provider=\"veo\",stage=\"queue\",le=\"0.5\"} 3\n");
    check_has(&text,
              "spool_stage_seconds_bucket{provider=\"veo\",stage=\"queue\",le=\"+Inf\"} 4\n");
    check_has(&text, "spool_stage_seconds_sum{provider=\"veo\",stage=\"queue\"} 86400.201\n");
    check_has(&text, "spool_stage_seconds_count{provider=\"veo\",stage=\"queue\"} 4\n");
    check_has(&text, "spool_redis_seconds_bucket{le=\"0.005\"} 1\n");
    check_has(&text, "spool_redis_seconds_count 1\n");
    buf_clear(&text);
}

// Whatever comes, the number of series is bounded.
static void test_too_many(void **state)
{
    struct buf text = {0};
    char name[16];

    (void)state;
    for (int i = 0; i < 1500; i++) {
        snprintf(name, sizeof name, "r%d", i);
        metric_count(METRICS_http_requests_total, name, "200", NULL);
    }
    assert_int_equal(metric_count_of(METRICS_http_requests_total, "r7", "200", NULL), 1);
    metrics_write(&text);
    check_has(&text, "spool_http_requests_total{route=\"other\",code=\"\"} 500\n");
    buf_clear(&text);
}

static void test_values_from_elsewhere(void **state)
{
    const char *const labels[] = {"account", "mj-1", NULL};
    struct buf text = {0};

    (void)state;
    metrics_write_head(&text, "spool_slots_used", "gauge", "Slots that are taken");
    metrics_write_value(&text, "spool_slots_used", labels, 7);
    assert_string_equal(text.data,
                        "# HELP spool_slots_used Slots that are taken\n"
                        "# TYPE spool_slots_used gauge\n"
                        "spool_slots_used{account=\"mj-1\"} 7\n");
    buf_clear(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_histograms),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_values_from_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
