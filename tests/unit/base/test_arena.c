// Arenas: what is taken is one's own, zeroed and aligned; what is done again allocates nothing.
#include "core/base/arena.h"

#include <stdint.h>
#include <string.h>

#include "tests/support/check.h"

static void test_what_is_taken(void **state)
{
    struct arena arena = {0};
    char *taken[300];

    (void)state;
    for (size_t i = 0; i < 300; i++) {
        size_t size = i * 7 % 1500;

        taken[i] = arena_take(&arena, size);
        assert_int_equal((uintptr_t)taken[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(taken[i][k], 0);
        memset(taken[i], (int)i, size);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i * 7 % 1500; k++)
            assert_int_equal((unsigned char)taken[i][k], i & 255);
    memset(arena_take(&arena, 100000), 1, 100000); // more than a block
    arena_clear(&arena);
    arena_clear(&arena);
}

static void test_again(void **state)
{
    struct arena arena = {0};
    char *first;

    (void)state;
    arena_reset(&arena);
    first = arena_take(&arena, 100);
    memset(first, 'x', 100);
    arena_take(&arena, 200);
    arena_reset(&arena);
    assert_ptr_equal(arena_take(&arena, 100), first);
    assert_int_equal(first[99], 0);
    arena_take(&arena, 10000);
    arena_reset(&arena);
    assert_ptr_equal(arena_take(&arena, 100), first); // the one that was there first
    arena_clear(&arena);
}

static void test_spares(void **state)
{
    struct arena_spares spares = {0};
    struct arena arenas[ARENA_SPARES + 3];
    void *last;

    (void)state;
    for (size_t i = 0; i < ARENA_SPARES + 3; i++) {
        arenas[i] = arena_spares_take(&spares);
        last = arena_take(&arenas[i], 10);
    }
    arena_spares_give(&spares, &arenas[ARENA_SPARES + 2]);
    arenas[0] = (arena_spares_give(&spares, &arenas[0]), arena_spares_take(&spares));
    for (size_t i = 0; i < ARENA_SPARES + 2; i++)
        arena_spares_give(&spares, &arenas[i]);
    assert_int_equal(spares.count, ARENA_SPARES); // no more than that are kept
    assert_non_null(last);
    arena_spares_clear(&spares);
    assert_int_equal(spares.count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_taken),
        cmocka_unit_test(test_again),
        cmocka_unit_test(test_spares),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
