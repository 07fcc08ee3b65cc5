// The task as it was at a change, and the words of its phases.
#include "core/task/task.h"

#include <string.h>

#include "tests/support/check.h"

static void test_views(void **state)
{
    struct task *task = task_new();
    struct task_view view = {TASK_RENDERING, 3, 40, true};
    enum task_phase phase;

    (void)state;
    task->phase = TASK_FAILED;
    task->finished_ms = 9;
    task->started_ms = 5;
    task->error_code = strdup("x");
    task_show_as(task, &view);
    assert_int_equal(task->finished_ms, 0);
    assert_int_equal(task->started_ms, 5);
    assert_null(task->error_code);
    assert_string_equal(task->substate, "MODAL");
    view = (struct task_view){TASK_QUEUED, 1, 0, false};
    task_show_as(task, &view);
    assert_int_equal(task->started_ms, 0);
    assert_null(task->substate);
    for (int i = 0; i < TASK_PHASE_COUNT; i++) {
        assert_true(task_phase_from_name(task_phase_name((enum task_phase)i), &phase));
        assert_int_equal(phase, i);
    }
    assert_string_equal(task_status(TASK_IN_DOUBT), "queued");
    assert_string_equal(task_status(TASK_ARCHIVING), "in_progress");
    task_free(task);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
