// A loop without libuv, on a virtual clock.
#include "tests/support/fake_loop.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "tests/support/check.h"

enum { TURNS_MAX = 10000 }; // in one moment: a loop that turns more often never sleeps

struct loop_timer {
    struct loop *loop;
    int64_t due_ms;
    loop_fn fn;
    void *ctx;
    struct loop_timer *next;
};

struct loop_turn {
    struct loop *loop;
    loop_fn fn;
    void *ctx;
    bool is_asked;
    struct loop_turn *next;
};

struct post {
    loop_fn fn;
    void *ctx;
    struct post *next;
};

struct loop {
    int64_t began_ms;
    struct loop_timer *timers; // the next to fire first
    struct loop_turn *turns;   // in the order they were made
    struct post *posts;
};

static int64_t mono_ms = 1000000, wall_ms = 1700000000000, waited_ms;

int64_t clock_mono_ms(void)
{
    return mono_ms;
}

int64_t clock_mono_us(void)
{
    return mono_ms * 1000;
}

int64_t clock_thread_us(void)
{
    return (mono_ms - waited_ms) * 1000;
}

int64_t clock_wall_ms(void)
{
    return wall_ms;
}

void fake_clock_pass_ms(int64_t ms)
{
    mono_ms += ms;
    wall_ms += ms;
}

void fake_clock_wait_ms(int64_t ms)
{
    fake_clock_pass_ms(ms);
    waited_ms += ms;
}

void fake_clock_step_wall_ms(int64_t ms)
{
    wall_ms += ms;
}

struct loop *loop_new(void)
{
    struct loop *loop = mem_new(struct loop);

    loop->began_ms = mono_ms;
    return loop;
}

bool loop_free(struct loop *loop)
{
    assert_null(loop->timers);
    assert_null(loop->turns);
    while (loop->posts != NULL) {
        struct post *post = loop->posts;

        loop->posts = post->next;
        free(post);
    }
    free(loop);
    return true;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    (void)loop;
    fail_msg("there is no libuv behind this loop");
    return NULL;
}

void loop_run(struct loop *loop)
{
    (void)loop;
    fail_msg("this loop is run by fake_loop_run_ms");
}

void loop_stop(struct loop *loop)
{
    (void)loop;
}

struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_fn fn, void *ctx)
{
    struct loop_timer *timer = mem_new(struct loop_timer), **at = &loop->timers;

    timer->loop = loop;
    timer->due_ms = mono_ms + (delay_ms < 0 ? 0 : delay_ms);
    timer->fn = fn;
    timer->ctx = ctx;
    while (*at != NULL && (*at)->due_ms <= timer->due_ms)
        at = &(*at)->next;
    timer->next = *at;
    *at = timer;
    return timer;
}

struct loop_timer *loop_in_step(struct loop *loop, int64_t period_ms, loop_fn fn, void *ctx)
{
    return loop_after(loop, period_ms - (mono_ms - loop->began_ms) % period_ms, fn, ctx);
}

void loop_cancel(struct loop_timer **slot)
{
    struct loop_timer *timer = *slot, **at;

    if (timer == NULL)
        return;
    for (at = &timer->loop->timers; *at != timer; at = &(*at)->next)
        assert_non_null(*at);
    *at = timer->next;
    free(timer);
    *slot = NULL;
}

struct loop_turn *loop_turn_new(struct loop *loop, loop_fn fn, void *ctx)
{
    struct loop_turn *turn = mem_new(struct loop_turn), **at = &loop->turns;

    turn->loop = loop;
    turn->fn = fn;
    turn->ctx = ctx;
    while (*at != NULL)
        at = &(*at)->next;
    *at = turn;
    return turn;
}

void loop_turn_ask(struct loop_turn *turn)
{
    turn->is_asked = true;
}

void loop_turn_drop(struct loop_turn **slot)
{
    struct loop_turn *turn = *slot, **at;

    if (turn == NULL)
        return;
    for (at = &turn->loop->turns; *at != turn; at = &(*at)->next)
        assert_non_null(*at);
    *at = turn->next;
    free(turn);
    *slot = NULL;
}

void loop_post(struct loop *loop, loop_fn fn, void *ctx)
{
    struct post *post = mem_new(struct post), **at = &loop->posts;

    post->fn = fn;
    post->ctx = ctx;
    while (*at != NULL)
        at = &(*at)->next;
    *at = post;
}

// Does one thing that was asked for. False: there is nothing more to do.
static bool turn_once(struct loop *loop)
{
    struct post *post = loop->posts;

    if (post != NULL) {
        loop->posts = post->next;
        post->fn(post->ctx);
        free(post);
        return true;
    }
    for (struct loop_turn *turn = loop->turns; turn != NULL; turn = turn->next) {
        if (!turn->is_asked)
            continue;
        turn->is_asked = false;
        turn->fn(turn->ctx); // may have dropped any of the turns
        return true;
    }
    return false;
}

void fake_loop_turn(struct loop *loop)
{
    int turns = 0;

    while (turn_once(loop))
        assert_true(++turns < TURNS_MAX);
}

void fake_loop_run_ms(struct loop *loop, int64_t ms)
{
    int64_t end_ms = mono_ms + ms, moment_ms = mono_ms;
    int turns = 0;

    fake_loop_turn(loop);
    while (loop->timers != NULL && loop->timers->due_ms <= end_ms) {
        struct loop_timer *timer = loop->timers;

        if (timer->due_ms > mono_ms)
            fake_clock_pass_ms(timer->due_ms - mono_ms);
        if (mono_ms != moment_ms) {
            moment_ms = mono_ms;
            turns = 0;
        }
        assert_true(++turns < TURNS_MAX);
        loop->timers = timer->next;
        timer->fn(timer->ctx);
        free(timer);
        fake_loop_turn(loop);
    }
    if (end_ms > mono_ms)
        fake_clock_pass_ms(end_ms - mono_ms);
}

size_t fake_loop_timers(const struct loop *loop)
{
    size_t count = 0;

    for (const struct loop_timer *timer = loop->timers; timer != NULL; timer = timer->next)
        count++;
    return count;
}
