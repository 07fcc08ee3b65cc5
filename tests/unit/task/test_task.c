// The task as it was at a change, and the words of its phases.
#include "core/task/task.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
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

// The table of phases stands in three places: here in C, as rows beside its picture, and in the
// script that refuses what isn't in it.

static void read_text(const char *path, struct buf *text)
{
    FILE *file = fopen(path, "r");
    char piece[4096];
    size_t len;

    assert_non_null(file);
    while ((len = fread(piece, 1, sizeof piece, file)) > 0)
        buf_add(text, piece, len);
    fclose(file);
}

// The phases named in `row`, as bits.
static unsigned phases_in(const char *row, size_t len)
{
    unsigned phases = 0;

    for (size_t i = 0; i < len;) {
        size_t word = strspn(row + i, "abcdefghijklmnopqrstuvwxyz_");
        char name[32];
        enum task_phase phase;

        if (word > 0 && word < sizeof name && i + word <= len) {
            snprintf(name, sizeof name, "%.*s", (int)word, row + i);
            if (task_phase_from_name(name, &phase))
                phases |= 1u << phase;
        }
        i += word > 0 ? word : 1;
    }
    return phases;
}

static unsigned phases_after(enum task_phase from)
{
    unsigned phases = 0;

    for (int to = 0; to < TASK_PHASE_COUNT; to++)
        phases |= task_may_go(from, (enum task_phase)to) ? 1u << to : 0;
    return phases;
}

static const unsigned ends = 1u << TASK_SUCCEEDED | 1u << TASK_FAILED | 1u << TASK_CANCELLED;

// "//  queued: submitting"
static void test_the_rows_beside_the_picture(void **state)
{
    struct buf text = {0};

    (void)state;
    read_text("core/task/task.h", &text);
    for (int phase = 0; phase < TASK_PHASE_COUNT; phase++) {
        const char *name = task_phase_name((enum task_phase)phase), *row;
        char begins[40];

        print_message("%s\n", name);
        snprintf(begins, sizeof begins, "\n//  %s:", name);
        row = strstr(text.data, begins);
        if (task_is_terminal((enum task_phase)phase)) {
            assert_null(row);
            assert_int_equal(phases_after((enum task_phase)phase), 0);
            continue;
        }
        assert_non_null(row);
        row += strlen(begins);
        assert_int_equal(phases_in(row, strcspn(row, "\n")) | ends,
                         phases_after((enum task_phase)phase));
    }
    buf_clear(&text);
}

// Along its first line each arrow leads to a phase that may follow.
static void test_the_picture(void **state)
{
    static const char first[] = "\n//  queued ─▶ ", arrow[] = "─▶";
    struct buf text = {0};
    const char *at;
    enum task_phase from = TASK_QUEUED;
    int arrows = 0;

    (void)state;
    read_text("core/task/task.h", &text);
    at = strstr(text.data, first);
    assert_non_null(at);
    for (at = strstr(at, arrow); at != NULL && at < strstr(strstr(text.data, first) + 1, "\n");
         at = strstr(at, arrow)) {
        char name[32];
        enum task_phase to;

        assert_int_equal(sscanf(at += strlen(arrow), " %31[a-z_]", name), 1);
        assert_true(task_phase_from_name(name, &to));
        assert_true(task_may_go(from, to));
        from = to;
        arrows++;
    }
    assert_int_equal(arrows, 5);
    assert_int_equal(from, TASK_SUCCEEDED);
    buf_clear(&text);
}

// "submitted = {submitted = 1, rendering = 1, archiving = 1},"
static void test_the_script_that_refuses(void **state)
{
    struct buf text = {0};
    const char *table;

    (void)state;
    read_text("core/store/lua/change.lua", &text);
    assert_non_null(strstr(buf_text(&text), "is_claim or not (TERMINAL[to] or NEXT[r.phase][to])"));
    buf_reset(&text);
    read_text("core/store/lua/lib/transitions.lua", &text);
    table = strstr(buf_text(&text), "local NEXT = {");
    assert_non_null(table);
    table = strchr(table, '{') + 1;
    for (int phase = 0; phase < TASK_SUCCEEDED; phase++) {
        char begins[40];
        const char *row;

        print_message("%s\n", task_phase_name((enum task_phase)phase));
        snprintf(begins, sizeof begins, "%s = {", task_phase_name((enum task_phase)phase));
        row = strstr(table, begins);
        assert_non_null(row);
        row += strlen(begins);
        assert_int_equal(phases_in(row, strcspn(row, "}")) | ends,
                         phases_after((enum task_phase)phase));
    }
    buf_clear(&text);
}

// Never back, and never the end.
static void test_progress(void **state)
{
    struct task task = {.phase = TASK_RENDERING, .expected_ms = 100000};
    int before = 0;

    (void)state;
    for (task.ran_ms = 0; task.ran_ms < 10000000; task.ran_ms += 777) {
        int progress = task_progress(&task, false);

        assert_true(progress >= before && progress <= 99);
        before = progress;
    }
    assert_int_equal(before, 98);
    task.ran_ms = 50000;
    assert_int_equal(task_progress(&task, false), 45);
    assert_int_equal(task_progress(&task, true), 0);
    task.progress = 60; // the vendor's, from a relay
    assert_int_equal(task_progress(&task, false), 60);
    task.ran_ms = 100000;
    assert_int_equal(task_progress(&task, false), 90);
    task.ran_ms = -1;
    assert_int_equal(task_progress(&task, false), 60);
    task.ran_ms = 100000;
    task.expected_ms = 0;
    assert_int_equal(task_progress(&task, false), 60);
    task.expected_ms = 100000;
    task.phase = TASK_QUEUED;
    assert_int_equal(task_progress(&task, false), 60);
}

// What has failed or was cancelled stays where it was seen last.
static void test_progress_of_what_broke_off(void **state)
{
    static const enum task_phase broken[] = {TASK_FAILED, TASK_CANCELLED};
    struct task task = {.expected_ms = 100000, .started_ms = 1000, .finished_ms = 51000};

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        task.phase = broken[i];
        task.ran_ms = -1; // as it is read then
        assert_int_equal(task_progress(&task, false), 45);
        assert_int_equal(task_progress(&task, true), 0);
    }
    task.finished_ms = 10000000;
    assert_int_equal(task_progress(&task, false), 98);
    task.progress = 99; // while its files were fetched
    assert_int_equal(task_progress(&task, false), 99);
    task.progress = 0;
    task.started_ms = 0; // the vendor never had it
    assert_int_equal(task_progress(&task, false), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_progress),    cmocka_unit_test(test_progress_of_what_broke_off),
        cmocka_unit_test(test_views),       cmocka_unit_test(test_the_rows_beside_the_picture),
        cmocka_unit_test(test_the_picture), cmocka_unit_test(test_the_script_that_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
