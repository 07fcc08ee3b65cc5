// Who is asked next where an account hasn't got a task's model.
#include "workers/elsewhere.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/task/task.h"
#include "tests/support/check.h"
#include "tests/support/fake_provider.h"

static struct config_model large[] = {{.name = (char *)"large"}};
static struct account accounts[] = {
    {.name = "many-1", FAKE_MANY},
    {.name = "one-1", FAKE_ONE},
    {.name = "many-2", FAKE_MANY, .models = large, .model_count = 1},
    {.name = "many-3", FAKE_MANY, .max_concurrency = 2},
};
static const struct config config = {.accounts = accounts, .account_count = 4};

static const struct {
    const char *name;
    const struct account *present;
    const char *model, *moved_from;
    int cost;
    bool is_follow_up, is_ask;
    const char *next; // NULL: nobody
} cases[] = {
    {"the next one", &accounts[0], "large", NULL, 1, false, false, "many-2"},
    {"and the one after it", &accounts[2], "large", "many-1", 1, false, false, "many-3"},
    {"all have been asked", &accounts[3], "large", "many-1", 1, false, false, NULL},
    {"from the middle on", &accounts[2], "large", NULL, 1, false, false, "many-3"},
    {"round the end", &accounts[3], "large", "many-2", 1, false, false, "many-1"},
    {"and no further", &accounts[0], "large", "many-2", 1, false, false, NULL},
    {"who doesn't serve it is passed over", &accounts[0], "small", NULL, 1, false, false, "many-3"},
    {"who can't run so many, too", &accounts[0], "small", NULL, 3, false, false, NULL},
    {"nobody else is of the provider", &accounts[1], "large", NULL, 1, false, false, NULL},
    {"the first is gone", &accounts[2], "large", "many-0", 1, false, false, NULL},
    {"a follow-up stays", &accounts[0], "large", NULL, 1, true, false, NULL},
    {"a question stays", &accounts[0], "large", NULL, 0, false, true, NULL},
};

static void test_who_is_next(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct task *task = task_new();
        const struct account *next;

        print_message("%s\n", cases[i].name);
        task->model = mem_str(cases[i].model);
        task->moved_from = mem_str(cases[i].moved_from);
        task->parent = cases[i].is_follow_up ? mem_str("task_0") : NULL;
        task->is_ask = cases[i].is_ask;
        task->cost = cases[i].cost;
        next = elsewhere_next(&config, cases[i].present, task);
        if (cases[i].next == NULL)
            assert_null(next);
        else
            assert_string_equal(next->name, cases[i].next);
        task_free(task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_is_next)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
