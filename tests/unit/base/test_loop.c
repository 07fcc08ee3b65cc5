// The loop by itself: whose turn it is.
#include "core/loop/loop.h"

#include "tests/support/check.h"

enum { TURNS_MAX = 100000, PERIOD_MS = 5 };

static struct loop *loop;
static int turns, in_step;
static bool had_turn;

static int set_up(void **state)
{
    (void)state;
    loop = loop_new();
    turns = in_step = 0;
    had_turn = false;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_true(loop_free(loop));
    return 0;
}

static void on_post(void *ctx)
{
    (void)ctx;
    had_turn = true;
}

static void again(void *ctx)
{
    if (had_turn || ++turns == TURNS_MAX)
        loop_stop(loop);
    else
        loop_after(loop, 0, again, ctx);
}

static void begin(void *ctx)
{
    loop_post(loop, on_post, NULL);
    again(ctx);
}

static void test_a_timer_that_starts_another_lets_others_have_their_turn(void **state)
{
    (void)state;
    loop_after(loop, 0, begin, NULL);
    loop_run(loop);
    assert_true(had_turn);
    assert_true(turns < TURNS_MAX);
}

static void on_step(void *ctx)
{
    (void)ctx;
    if (++in_step == 2)
        loop_stop(loop);
}

static void on_turn(void *ctx)
{
    (void)ctx;
    turns++;
    assert_int_equal(in_step, 2); // both before the turn's end
}

static void start_second(void *ctx)
{
    loop_in_step(loop, PERIOD_MS, on_step, ctx);
}

static void on_first_step(void *ctx)
{
    struct loop_turn **turn = ctx;

    loop_turn_ask(*turn);
    on_step(ctx);
}

static void test_what_is_in_step_comes_together(void **state)
{
    struct loop_turn *turn = loop_turn_new(loop, on_turn, NULL);

    (void)state;
    loop_in_step(loop, PERIOD_MS, on_first_step, &turn);
    loop_after(loop, 2, start_second, NULL);
    loop_run(loop);
    assert_int_equal(turns, 1);
    loop_turn_drop(&turn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            test_a_timer_that_starts_another_lets_others_have_their_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_in_step_comes_together, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
