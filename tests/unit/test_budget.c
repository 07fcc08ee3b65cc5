// A budget that several share: who waits, who is served when, and what is left at the end.
#include <string.h>

#include "tests/support/check.h"
#include "workers/budget.h"

enum { COUNT = 6, MAX = 100 };

struct holder {
    struct share share;
    struct fixture *fixture;
    char name;
    bool gives_back_at_once;
};

struct fixture {
    struct budget budget;
    struct holder holders[COUNT];
    char served[32]; // their names, in turn
};

static void on_room(void *ctx)
{
    struct holder *holder = ctx;

    strncat(holder->fixture->served, &holder->name, 1);
    if (holder->gives_back_at_once)
        budget_give_back(&holder->share);
}

static void setup(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    budget_init(&f->budget, MAX);
    for (int i = 0; i < COUNT; i++) {
        f->holders[i].fixture = f;
        f->holders[i].name = (char)('a' + i);
    }
}

static bool take(struct fixture *f, int i, size_t bytes)
{
    return budget_take(&f->budget, &f->holders[i].share, bytes, on_room, &f->holders[i]);
}

static void give_back(struct fixture *f, int i)
{
    budget_give_back(&f->holders[i].share);
}

static void finish(struct fixture *f)
{
    for (int i = 0; i < COUNT; i++)
        give_back(f, i);
    assert_int_equal(f->budget.used, 0);
    assert_null(f->budget.first);
}

static void test_turns(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    assert_true(take(&f, 0, 60));
    assert_true(take(&f, 1, 40));
    assert_false(take(&f, 2, 50));
    assert_false(take(&f, 3, 1));
    give_back(&f, 1);
    assert_string_equal(f.served, ""); // the small one doesn't overtake
    give_back(&f, 0);
    assert_string_equal(f.served, "cd");
    assert_int_equal(f.budget.used, 51);
    finish(&f);
}

static void test_more_than_all(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    assert_true(take(&f, 0, 1));
    assert_false(take(&f, 1, MAX + 50));
    assert_false(take(&f, 2, 1));
    give_back(&f, 0);
    assert_string_equal(f.served, "b");
    give_back(&f, 1);
    assert_string_equal(f.served, "bc");
    finish(&f);
}

static void test_corrections(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    assert_true(take(&f, 0, 50));
    assert_true(take(&f, 1, 50));
    assert_false(take(&f, 2, 50));
    budget_correct(&f.holders[0].share, 300);
    give_back(&f, 1);
    assert_string_equal(f.served, "");
    budget_correct(&f.holders[0].share, 10);
    assert_string_equal(f.served, "c");
    assert_int_equal(f.budget.used, 60);
    finish(&f);
}

static void test_ends_of_waiting(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    assert_true(take(&f, 0, MAX));
    for (int i = 1; i < COUNT; i++)
        assert_false(take(&f, i, 10));
    give_back(&f, 3);
    give_back(&f, 5);
    give_back(&f, 1);
    f.holders[2].gives_back_at_once = true;
    give_back(&f, 0);
    give_back(&f, 0); // twice is nothing
    assert_string_equal(f.served, "ce");
    assert_int_equal(f.budget.used, 10);
    assert_true(take(&f, 1, 10));
    finish(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns), cmocka_unit_test(test_more_than_all),
        cmocka_unit_test(test_corrections), cmocka_unit_test(test_ends_of_waiting)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
