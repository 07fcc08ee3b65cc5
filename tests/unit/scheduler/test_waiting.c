// Why a queued task waits, from what is known of the accounts that could take it.
#include <string.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/accounts.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "scheduler/waiting.h"
#include "tests/support/check.h"

enum { NOW = 1000000, SOON = NOW + 100, LATER = NOW + 900 };

// Two of Kling, one of Midjourney: "a", "b", "mj".
static const char text[] =
    "{\"accounts\":["
    "{\"name\":\"a\",\"provider\":\"kling\",\"base_url\":\"http://v\",\"max_concurrency\":2},"
    "{\"name\":\"b\",\"provider\":\"kling\",\"base_url\":\"http://v\",\"max_concurrency\":2,"
    "\"requests_per_minute\":10},"
    "{\"name\":\"mj\",\"provider\":\"midjourney\",\"base_url\":\"http://v\"}]}";

static const char *no_env(const char *name)
{
    (void)name;
    return NULL;
}

static const struct {
    const char *name;
    struct account_state a, b;
    bool is_nobody_there;
    const char *stored;  // the record's reason
    const char *account; // the task's own
    const char *reason;  // NULL: it only waits for a moment
    const char *detail;  // is in the words
    int64_t next_ms;
} cases[] = {
    {"both free", {0}, {0}, .reason = NULL},
    {"one full, one free", {.used = 2}, {0}, .reason = NULL},
    {"both full", {.used = 2}, {.used = 2}, .reason = "slot", .detail = "max_concurrency is 2"},
    {"both rest",
     {.cool_ms = LATER},
     {.cool_ms = SOON},
     .reason = "cooling",
     .detail = "b:",
     .next_ms = SOON},
    {"one rests, one is full",
     {.cool_ms = SOON},
     {.used = 2},
     .reason = "cooling",
     .detail = "a:",
     .next_ms = SOON},
    {"one is full, one has its rate",
     {.used = 2},
     {.rate_ms = SOON},
     .reason = "rate_limit",
     .detail = "requests_per_minute is 10",
     .next_ms = SOON},
    {"a rate that isn't set", {.rate_ms = SOON}, {.used = 2}, .reason = NULL},
    {"what is over", {.cool_ms = NOW}, {.rate_ms = NOW}, .reason = NULL},
    {"one out, one free", {.is_out = true}, {0}, .reason = NULL},
    {"one out, one full", {.is_out = true}, {.used = 2}, .reason = "slot", .detail = "b:"},
    {"both out", {.is_out = true}, {.is_out = true}, .reason = "bad_key", .detail = "a:"},
    {"its own is full", {.used = 2}, {0}, .account = "a", .reason = "slot", .detail = "a:"},
    {"its own is gone", {0}, {0}, .account = "c", .reason = "account_removed", .detail = "c"},
    {"nobody works", {0}, {0}, .is_nobody_there = true, .reason = "no_worker", .detail = "worker"},
    {"nobody works, refused",
     {0},
     {0},
     .is_nobody_there = true,
     .stored = "vendor_refused",
     .reason = "no_worker"},
    {"the vendor's words come first",
     {.used = 2},
     {.used = 2},
     .stored = "vendor_refused",
     .reason = "vendor_refused"},
};

static void test_reasons(void **state)
{
    struct config config;
    struct err err;

    (void)state;
    assert_true(config_parse(&config, text, sizeof text - 1, no_env, NULL, &err));
    for (size_t k = 0; k < config.account_count; k++)
        assert_true(provider_bind(&config.accounts[k], &err));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct account_state states[] = {cases[i].a, cases[i].b, {0}};
        struct task *task = task_new();
        bool ok;

        task->provider = mem_str("kling");
        task->model = mem_str("kling-v1");
        task->account = mem_str(cases[i].account);
        task->wait_reason = mem_str(cases[i].stored);
        task->cost = 1;
        task->act_ms = -1;
        task->created_ms = NOW - 5;
        waiting_explain(&config, states, !cases[i].is_nobody_there, NOW, task);
        ok = cases[i].reason == NULL
                 ? task->wait_reason == NULL
                 : task->wait_reason != NULL && strcmp(task->wait_reason, cases[i].reason) == 0;
        ok = ok && (cases[i].detail == NULL || strstr(task->wait_detail, cases[i].detail) != NULL);
        ok = ok && task->act_ms == (cases[i].next_ms > 0 ? cases[i].next_ms : -1);
        if (!ok)
            fail_msg("%s: %s \"%s\"", cases[i].name,
                     task->wait_reason == NULL ? "nothing" : task->wait_reason,
                     task->wait_detail == NULL ? "" : task->wait_detail);
        task_free(task);
    }
    config_clear(&config);
}

// What is being done isn't explained, nor what waits for its parent.
static void test_closed(void **state)
{
    struct config config;
    struct account_state states[3] = {{.used = 2}, {.used = 2}, {0}};
    struct task task = {.provider = "kling", .cost = 1, .phase = TASK_RENDERING};
    struct err err;

    (void)state;
    assert_true(config_parse(&config, text, sizeof text - 1, no_env, NULL, &err));
    for (size_t k = 0; k < config.account_count; k++)
        assert_true(provider_bind(&config.accounts[k], &err));
    waiting_explain(&config, states, true, NOW, &task);
    assert_null(task.wait_reason);
    task.phase = TASK_QUEUED;
    task.await = "task_1";
    waiting_explain(&config, states, true, NOW, &task);
    assert_null(task.wait_reason);
    config_clear(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reasons),
                                       cmocka_unit_test(test_closed)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
