// Where a family's word for a task changes: the store tells a client of an end, and of no way back
// to the queue, without asking its family.
#include "providers/family.h"

#include <string.h>

#include "core/task/task.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_word_of_an_end_is_its_own),
        cmocka_unit_test(test_what_is_not_accepted_is_queued),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
