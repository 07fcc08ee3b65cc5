// What is shared: half of what the others leave, and given back whole.
#include <string.h>

#include "core/base/room.h"
#include "tests/support/check.h"

static void test_shares(void **state)
{
    static const struct {
        const char *owner;
        size_t bytes;
        bool gives, is_fine;
        size_t held; // in all, afterwards
    } steps[] = {
        {"a", 51, false, false, 0},  {"a", 50, false, true, 50}, {"a", 1, false, false, 50},
        {"b", 26, false, false, 50}, {"b", 25, false, true, 75}, {"c", 12, false, true, 87},
        {"a", 1, false, false, 87},  {"a", 50, true, true, 37},  {"a", 32, false, false, 37},
        {"a", 31, false, true, 68},  {"c", 12, true, true, 56},  {"b", 25, true, true, 31},
        {"a", 31, true, true, 0},    {"b", 50, false, true, 50}, {"d", 0, false, true, 50},
        {"d", 0, true, true, 50},    {"e", 7, true, true, 50},
    };
    struct room room = {.total = 100};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        bool ok = true;

        if (steps[i].gives)
            room_give(&room, steps[i].owner, steps[i].bytes);
        else
            ok = room_take(&room, steps[i].owner, steps[i].bytes);
        if (ok != steps[i].is_fine || room.held != steps[i].held)
            fail_msg("step %zu: %s, %zu held", i, ok ? "taken" : "refused", room.held);
    }
    room_clear(&room);
    assert_null(room.shares);
}

// However many hang, each who comes next finds something.
static void test_a_crowd(void **state)
{
    struct room room = {.total = 1 << 20};
    char owner[2] = "a";

    (void)state;
    for (; *owner < 'k'; ++*owner) {
        size_t had = room.held;

        while (room_take(&room, owner, 16))
            ;
        assert_true(room.held > had);
    }
    room_clear(&room);
}

// Connections: each who watches has some, and one is left for those who only ask.
static void test_pieces(void **state)
{
    static const struct {
        const char *owner;
        size_t most;
    } owners[] = {{"a", 6}, {"b", 3}, {"c", 1}, {"d", 1}, {"e", 0}};
    struct room room = {.total = 12};

    (void)state;
    for (size_t i = 0; i < sizeof owners / sizeof owners[0]; i++) {
        size_t took = 0;

        while (room_take(&room, owners[i].owner, 1))
            took++;
        if (took != owners[i].most)
            fail_msg("%s took %zu", owners[i].owner, took);
    }
    assert_int_equal(room.held, 11);
    room_give(&room, "a", 1);
    assert_false(room_take(&room, "a", 1)); // it has more than half already
    assert_true(room_take(&room, "e", 1));
    room_clear(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shares),
                                       cmocka_unit_test(test_a_crowd),
                                       cmocka_unit_test(test_pieces)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
