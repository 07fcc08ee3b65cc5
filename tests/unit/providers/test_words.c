// Where a family's word for a task changes: the store tells a client of an end, and of no way back
// to the queue, without asking its family. What an end means to whoever waits for its result.
#include "providers/family.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/task/task.h"
#include "providers/family_common.h"
#include "tests/support/check.h"

static void test_the_word_of_an_end_is_its_own(void **state)
{
    (void)state;
    for (size_t i = 0; family_at(i) != NULL; i++) {
        const struct family *family = family_at(i);

        print_message("%s\n", family->name);
        for (int from = 0; from < TASK_SUCCEEDED; from++)
            for (int to = TASK_SUCCEEDED; to < TASK_PHASE_COUNT; to++)
                for (int is_modal = 0; is_modal < 2; is_modal++)
                    assert_string_not_equal(family->word((enum task_phase)from, is_modal),
                                            family->word((enum task_phase)to, false));
    }
}

static void test_what_is_not_accepted_is_queued(void **state)
{
    (void)state;
    for (size_t i = 0; family_at(i) != NULL; i++) {
        const struct family *family = family_at(i);

        print_message("%s\n", family->name);
        for (int phase = TASK_QUEUED; phase <= TASK_IN_DOUBT; phase++)
            assert_string_equal(family->word((enum task_phase)phase, false),
                                family->word(TASK_QUEUED, false));
    }
}

static void test_what_an_end_means(void **state)
{
    static const struct {
        enum task_phase phase;
        const char *code;
        int status;
    } ends[] = {
        {TASK_SUCCEEDED, NULL, 200},
        {TASK_FAILED, "content_filter", 400},
        {TASK_FAILED, "invalid_request", 400},
        {TASK_FAILED, "vendor_refused", 400},
        {TASK_FAILED, "model_not_found", 404},
        {TASK_CANCELLED, NULL, 409},
        {TASK_CANCELLED, "not_supported_may_be_billed", 409},
        {TASK_FAILED, "archive_failed", 502},
        {TASK_FAILED, "submit_outcome_unknown", 502},
        {TASK_FAILED, "vendor_failed", 502},
        {TASK_FAILED, "something new", 502},
        {TASK_FAILED, NULL, 502},
        {TASK_FAILED, "vendor_unavailable", 503},
        {TASK_FAILED, "account_removed", 503},
        {TASK_FAILED, "task_timeout", 504},
    };

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct task *task = task_new();
        int status;

        task->phase = ends[i].phase;
        task->error_code = mem_str(ends[i].code);
        status = family_result_status(task);
        if (status != ends[i].status)
            fail_msg("%s: %d", ends[i].code == NULL ? "no code" : ends[i].code, status);
        task_free(task);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_word_of_an_end_is_its_own),
        cmocka_unit_test(test_what_is_not_accepted_is_queued),
        cmocka_unit_test(test_what_an_end_means),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
