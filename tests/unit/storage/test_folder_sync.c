// Who comes while an fsync is under way shares the next; and everybody is told.
#include "core/storage/folder_sync.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/loop/loop.h"
#include "tests/support/check.h"

enum { WAITS = 4 };

static struct loop *loop;
static struct folder_sync *syncing;
static char dir[64], path[80];
static struct one {
    struct folder_wait wait;
    char name;
} ones[WAITS];
static char told[64], last; // the last to be told

static int set_up(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/spool-unit-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/file", dir);
    loop = loop_new();
    syncing = folder_sync_new(loop);
    *told = '\0';
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    folder_sync_drop(&syncing);
    assert_true(loop_free(loop));
    rmdir(dir);
    return 0;
}

static void on_done(struct folder_wait *wait, int error)
{
    const struct one *one = (const struct one *)wait;

    snprintf(told + strlen(told), sizeof told - strlen(told), "%c%s ", one->name,
             error == 0        ? ""
             : error == ENOENT ? "?"
                               : "!");
    if (one->name == last)
        loop_stop(loop);
}

static void add(const char *file, char name)
{
    struct one *one = &ones[name - 'a'];

    *one = (struct one){.wait = {.done = on_done}, .name = name};
    folder_sync_add(syncing, file, &one->wait);
}

static void add_next(struct folder_wait *wait, int error)
{
    on_done(wait, error);
    add(path, 'd');
}

static void test_those_that_come_meanwhile_are_next(void **state)
{
    (void)state;
    last = 'd';
    add(path, 'a');
    add(path, 'b');
    add(path, 'c');
    ones[2].wait.done = add_next;
    assert_string_equal(told, "");
    loop_run(loop);
    assert_string_equal(told, "a b c d ");
}

static void test_a_folder_that_is_not_there(void **state)
{
    (void)state;
    last = 'b';
    add("/nowhere/at/all/file", 'a');
    add("/nowhere/at/all/file", 'b');
    loop_run(loop);
    assert_string_equal(told, "a? b? ");
}

static void test_dropped_meanwhile(void **state)
{
    (void)state;
    last = 'b';
    add(path, 'a');
    add(path, 'b');
    folder_sync_drop(&syncing);
    loop_run(loop);
    assert_string_equal(told, "a b ");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_those_that_come_meanwhile_are_next),
        TEST(test_a_folder_that_is_not_there),
        TEST(test_dropped_meanwhile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
