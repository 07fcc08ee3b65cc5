// What is passed over: what is the same again, of a task that is as it was; and nothing else.
#include "workers/seen.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/task/task.h"
#include "tests/support/check.h"

enum { COUNT = 3 };

static struct seen *seen;
static struct task *tasks[COUNT];
static struct buf rest;

static int set_up(void **state)
{
    (void)state;
    seen = seen_new();
    for (int i = 0; i < COUNT; i++) {
        char id[ID_SIZE], upstream[8];

        snprintf(id, sizeof id, "task_%d", i);
        snprintf(upstream, sizeof upstream, "up-%d", i);
        tasks[i] = task_new();
        snprintf(tasks[i]->id, sizeof tasks[i]->id, "%s", id);
        tasks[i]->account = mem_str("one");
        tasks[i]->upstream_id = mem_str(upstream);
        tasks[i]->phase = TASK_RENDERING;
        tasks[i]->progress = 10;
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < COUNT; i++)
        task_free(tasks[i]);
    buf_clear(&rest);
    seen_drop(&seen);
    return 0;
}

static struct buf text_of(const char *text)
{
    struct buf buf = {0};

    buf_str(&buf, text);
    return buf;
}

static void note(const char *text, bool first, bool second, bool third)
{
    struct buf answer = text_of(text);

    seen_note(seen, tasks, (bool[COUNT]){first, second, third}, COUNT, &answer);
    buf_clear(&answer);
}

// The ids of the tasks that are to be read, and what of the answer.
static const char *left_of(const char *text)
{
    static char said[400];
    struct task *asked[COUNT];
    struct buf answer = text_of(text);
    size_t count;
    int len = 0;

    memcpy(asked, tasks, sizeof asked);
    buf_reset(&rest);
    count = seen_pass_over(seen, asked, COUNT, &answer, &rest);
    *said = '\0';
    for (size_t i = 0; i < count; i++)
        len += snprintf(said + len, sizeof said - (size_t)len, "%s ", asked[i]->id + 5);
    if (count < COUNT)
        snprintf(said + len, sizeof said - (size_t)len, "%s", buf_text(&rest));
    buf_clear(&answer);
    return said;
}

#define A "{\"id\":\"up-0\",\"p\":1}"
#define B "{\"id\":\"up-1\",\"p\":1}"
#define C "{\"id\":\"up-2\",\"p\":1}"
#define ALL "0 1 2 "

static void test_the_same_again(void **state)
{
    (void)state;
    assert_string_equal(left_of("[" A "," B "," C "]"), ALL);
    note("[" A "," B "," C "]", true, true, false);
    assert_string_equal(left_of("[" A "," B "," C "]"), "2 [" C "]");
    assert_string_equal(left_of("{\"x\":1,\"l\":[" C "," B "," A "],\"y\":[1]}"),
                        "2 {\"x\":1,\"l\":[" C "],\"y\":[1]}");
    note("[" C "]", false, false, true);
    assert_string_equal(left_of("[" A "," B "," C "]"), "[]");
    assert_string_equal(left_of("[" B "]"), "0 2 []");
}

static void test_what_the_vendor_changed(void **state)
{
    (void)state;
    note("[" A "," B "," C "]", true, true, true);
    assert_string_equal(left_of("[" A ",{\"id\":\"up-1\",\"p\":2}," C "]"),
                        "1 [{\"id\":\"up-1\",\"p\":2}]");
    assert_string_equal(left_of("not JSON"), ALL);
    assert_string_equal(left_of("{\"error\":\"busy\"}"), ALL);
    assert_string_equal(left_of("[" A "," B "," C), ALL);
}

static void test_what_we_changed(void **state)
{
    (void)state;
    note("[" A "," B "," C "]", true, true, true);
    tasks[0]->progress = 11;
    assert_string_equal(left_of("[" A "," B "," C "]"), "0 [" A "]");
    tasks[1]->phase = TASK_SUBMITTED;
    assert_string_equal(left_of("[" A "," B "," C "]"), "0 1 [" A "," B "]");
    tasks[2]->is_cancel_asked = true;
    assert_string_equal(left_of("[" A "," B "," C "]"), ALL);
    tasks[2]->is_cancel_asked = false;
    tasks[2]->missing_ms = 5;
    assert_string_equal(left_of("[" A "," B "," C "]"), ALL);
    tasks[2]->missing_ms = 0;
    tasks[2]->substate = mem_str("MODAL");
    assert_string_equal(left_of("[" A "," B "," C "]"), ALL);
}

// Whose part it is must be certain.
static void test_parts_of_several(void **state)
{
    (void)state;
    note("[{\"id\":\"up-0\",\"parent\":\"up-1\"}," B "," C "]", true, true, true);
    assert_string_equal(left_of("[{\"id\":\"up-0\",\"parent\":\"up-1\"}," B "," C "]"),
                        "0 1 [{\"id\":\"up-0\",\"parent\":\"up-1\"}," B "]");
    note("[" A "," A ",{\"of\":\"up-0\"}]", true, true, true);
    assert_string_equal(left_of("[" A "]"), ALL);
}

// A task and the one that confirms it are one job at the vendor, which is listed once for both.
static void test_two_with_one_job(void **state)
{
    (void)state;
    note("[" A "]", true, false, false);
    mem_set_str(&tasks[1]->upstream_id, "up-0");
    assert_string_equal(left_of("[" A "]"), ALL);
    note("[" A "]", true, true, false);
    assert_string_equal(left_of("[" A "]"), ALL);
}

// As many tasks as a busy worker has: hardly a part makes room for another one.
static void test_ten_thousand(void **state)
{
    enum { MANY = 10000 };
    int known = 0;

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            char upstream[16], text[40];

            snprintf(upstream, sizeof upstream, "job-%d", i);
            snprintf(text, sizeof text, "[{\"id\":\"%s\"}]", upstream);
            snprintf(tasks[0]->id, sizeof tasks[0]->id, "task_%d", i);
            mem_set_str(&tasks[0]->upstream_id, upstream);
            if (round == 0)
                note(text, true, false, false);
            else
                known += strncmp(left_of(text), ALL, strlen(ALL)) != 0;
        }
    }
    assert_in_range(known, MANY * 95 / 100, MANY);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_the_same_again),   TEST(test_what_the_vendor_changed), TEST(test_what_we_changed),
        TEST(test_parts_of_several), TEST(test_two_with_one_job),        TEST(test_ten_thousand),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
