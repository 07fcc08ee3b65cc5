// The event loop over libuv.
#include "core/loop/loop.h"

#include <stdlib.h>

#include "core/base/mem.h"

struct loop_timer {
    uv_timer_t uv;
    loop_fn fn;
    void *ctx;
};

struct loop_turn {
    struct loop *loop;
    loop_fn fn;
    void *ctx;
    bool is_asked;
    struct loop_turn *next; // of the turns that are asked for
};

struct post {
    loop_fn fn;
    void *ctx;
    struct post *next;
};

struct loop {
    uv_loop_t uv;
    // A turn's work is done right after the poll phase, and before the next poll for what timers
    // asked for.
    uv_prepare_t prepare;
    uv_check_t check;
    uv_async_t async;
    uint64_t began_ms;  // by uv_now
    bool is_in_a_timer; // its function is below us on the stack
    struct loop_turn *asked, **asked_end;
    uv_mutex_t mutex; // guards posts and is_stopping
    struct post *posts, **posts_end;
    bool is_stopping;
};

static void run_turns(struct loop *loop)
{
    while (loop->asked != NULL) {
        struct loop_turn *turn = loop->asked;

        loop->asked = turn->next;
        if (loop->asked == NULL)
            loop->asked_end = &loop->asked;
        turn->next = NULL;
        turn->is_asked = false;
        turn->fn(turn->ctx);
    }
}

static void on_prepare(uv_prepare_t *prepare)
{
    run_turns(prepare->data);
}

static void on_check(uv_check_t *check)
{
    run_turns(check->data);
}

static void on_async(uv_async_t *async)
{
    struct loop *loop = async->data;
    struct post *posts;
    bool is_stopping;

    uv_mutex_lock(&loop->mutex);
    posts = loop->posts;
    loop->posts = NULL;
    loop->posts_end = &loop->posts;
    is_stopping = loop->is_stopping;
    uv_mutex_unlock(&loop->mutex);

    while (posts != NULL) {
        struct post *post = posts;

        posts = post->next;
        post->fn(post->ctx);
        free(post);
    }
    if (is_stopping)
        uv_stop(&loop->uv);
}

struct loop *loop_new(void)
{
    struct loop *loop = mem_new(struct loop);

    uv_loop_init(&loop->uv);
    loop->began_ms = uv_now(&loop->uv);
    uv_mutex_init(&loop->mutex);
    loop->asked_end = &loop->asked;
    loop->posts_end = &loop->posts;
    uv_prepare_init(&loop->uv, &loop->prepare);
    uv_check_init(&loop->uv, &loop->check);
    uv_async_init(&loop->uv, &loop->async, on_async);
    loop->prepare.data = loop->check.data = loop->async.data = loop;
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_start(&loop->check, on_check);
    return loop;
}

bool loop_free(struct loop *loop)
{
    bool is_clean;

    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->async, NULL);
    // A handle that is closing needs a turn or two, work on a thread of the pool its time (a slow
    // disk); a handle that was left open would keep us turning for ever.
    for (int i = 0; i < 5000 && uv_run(&loop->uv, UV_RUN_NOWAIT) != 0; i++)
        if (i >= 100)
            uv_sleep(1);
    is_clean = uv_loop_close(&loop->uv) == 0;
    while (loop->posts != NULL) {
        struct post *post = loop->posts;

        loop->posts = post->next;
        free(post);
    }
    uv_mutex_destroy(&loop->mutex);
    if (is_clean) // else the handles that are left still point to it
        free(loop);
    return is_clean;
}

uv_loop_t *loop_uv(struct loop *loop)
{
    return &loop->uv;
}

void loop_run(struct loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *loop)
{
    uv_mutex_lock(&loop->mutex);
    loop->is_stopping = true;
    uv_mutex_unlock(&loop->mutex);
    uv_async_send(&loop->async);
}

static void free_timer(uv_handle_t *handle)
{
    free(handle);
}

static void on_timer(uv_timer_t *uv)
{
    struct loop_timer *timer = (struct loop_timer *)uv;
    struct loop *loop = uv->data;
    loop_fn fn = timer->fn;
    void *ctx = timer->ctx;

    uv_close((uv_handle_t *)uv, free_timer);
    loop->is_in_a_timer = true;
    fn(ctx);
    loop->is_in_a_timer = false;
}

// libuv counts from its cached time, which is old after a long turn.
static uint64_t fresh_ms(struct loop *loop)
{
    uv_update_time(&loop->uv);
    return uv_now(&loop->uv) - loop->began_ms;
}

static struct loop_timer *start_timer(struct loop *loop, uint64_t delay_ms, loop_fn fn, void *ctx)
{
    struct loop_timer *timer = mem_new(struct loop_timer);

    timer->fn = fn;
    timer->ctx = ctx;
    uv_timer_init(&loop->uv, &timer->uv);
    timer->uv.data = loop;
    // libuv 1.44 goes on with timers as long as one is due: one that starts another would let
    // nothing else happen.
    if (delay_ms == 0 && loop->is_in_a_timer)
        delay_ms = 1;
    uv_timer_start(&timer->uv, on_timer, delay_ms, 0);
    return timer;
}

struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_fn fn, void *ctx)
{
    fresh_ms(loop);
    return start_timer(loop, delay_ms < 0 ? 0 : (uint64_t)delay_ms, fn, ctx);
}

struct loop_timer *loop_in_step(struct loop *loop, int64_t period_ms, loop_fn fn, void *ctx)
{
    uint64_t period = (uint64_t)period_ms;

    return start_timer(loop, period - fresh_ms(loop) % period, fn, ctx);
}

void loop_cancel(struct loop_timer **timer)
{
    if (*timer == NULL)
        return;
    uv_close((uv_handle_t *)&(*timer)->uv, free_timer);
    *timer = NULL;
}

struct loop_turn *loop_turn_new(struct loop *loop, loop_fn fn, void *ctx)
{
    struct loop_turn *turn = mem_new(struct loop_turn);

    turn->loop = loop;
    turn->fn = fn;
    turn->ctx = ctx;
    return turn;
}

void loop_turn_ask(struct loop_turn *turn)
{
    if (turn->is_asked)
        return;
    turn->is_asked = true;
    *turn->loop->asked_end = turn;
    turn->loop->asked_end = &turn->next;
}

void loop_turn_drop(struct loop_turn **turn)
{
    struct loop *loop;

    if (*turn == NULL)
        return;
    loop = (*turn)->loop;
    for (struct loop_turn **at = &loop->asked; *at != NULL; at = &(*at)->next) {
        if (*at == *turn) {
            *at = (*turn)->next;
            if (*at == NULL)
                loop->asked_end = at;
            break;
        }
    }
    free(*turn);
    *turn = NULL;
}

void loop_post(struct loop *loop, loop_fn fn, void *ctx)
{
    struct post *post = mem_new(struct post);

    post->fn = fn;
    post->ctx = ctx;
    uv_mutex_lock(&loop->mutex);
    *loop->posts_end = post;
    loop->posts_end = &post->next;
    uv_mutex_unlock(&loop->mutex);
    uv_async_send(&loop->async);
}
