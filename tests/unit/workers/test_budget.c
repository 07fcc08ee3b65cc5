// A budget that several share: who waits, who is served when, and what is left at the end.
#include <string.h>

#include "tests/support/check.h"
#include "workers/budget.h"
#include "workers/places.h"

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

static bool take_for(struct fixture *f, int i, const char *party, size_t bytes)
{
    return budget_take(&f->budget, &f->holders[i].share, party, bytes, on_room, &f->holders[i]);
}

// Each a party of its own.
static bool take(struct fixture *f, int i, size_t bytes)
{
    static const char *const parties[COUNT] = {"a", "b", "c", "d", "e", "f"};

    return take_for(f, i, parties[i], bytes);
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
    assert_null(f->budget.waiting);
    assert_null(f->budget.holding);
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

// One that asks for more and more gets as much as is left to others.
static void test_parties(void **state)
{
    struct fixture f;

    (void)state;
    setup(&f);
    assert_true(take_for(&f, 0, "greedy", 30));
    assert_false(take_for(&f, 1, "greedy", 40)); // would have 70 of 70
    assert_true(take_for(&f, 2, "greedy", 20));
    assert_true(take_for(&f, 3, "modest", 25)); // before the one that waits
    assert_true(take_for(&f, 4, "other", 25));
    assert_false(take_for(&f, 5, "modest", 1));
    give_back(&f, 0);
    assert_string_equal(f.served, "f");
    give_back(&f, 4);
    assert_string_equal(f.served, "f"); // 20 and 40 of 54
    give_back(&f, 2);
    assert_string_equal(f.served, "fb");
    finish(&f);
}

static void test_places(void **state)
{
    struct places places = {.max = 100};
    int held[12] = {0};

    (void)state;
    // Each takes what it may, one after the other: there is always something left.
    for (int party = 0; party < 12; party++) {
        for (int room; (room = places_room(&places, held[party], 1)) > 0; places.used += room)
            held[party] += room;
        assert_true(held[party] >= 2);
    }
    assert_int_equal(held[0], 50);
    assert_int_equal(held[1], 25);
    assert_true(places.used <= 100 + 12 * 2);
    // Half as large a share of what is free.
    assert_int_equal(places_room(&(struct places){.max = 99}, 0, 2), 33);
    assert_int_equal(places_room(&(struct places){.max = 99, .used = 33}, 33, 2), 0);
    assert_int_equal(places_room(&(struct places){.max = 10, .used = 10}, 0, 1), 2);
    assert_int_equal(places_room(&(struct places){.max = 10, .used = 12}, 2, 1), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),       cmocka_unit_test(test_more_than_all),
        cmocka_unit_test(test_corrections), cmocka_unit_test(test_ends_of_waiting),
        cmocka_unit_test(test_parties),     cmocka_unit_test(test_places)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
