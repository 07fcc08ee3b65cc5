// The event loop: timers, end-of-turn work, calls from other threads.
//
// Features never see uv_close: a loop owns the memory of its handles. loop_cancel stops a timer,
// sets the caller's pointer to NULL, and nothing fires afterwards.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "core/base/err.h"

struct loop;
struct loop_timer;
struct loop_turn;

typedef void (*loop_fn)(void *ctx);

struct loop *loop_new(void);
// Closes what the loop owns and runs it until every handle is gone. False where a handle is left
// over: a leak, and a bug of the caller's.
bool loop_free(struct loop *loop);
uv_loop_t *loop_uv(struct loop *loop);
void loop_run(struct loop *loop); // until loop_stop
void loop_stop(struct loop *loop);

// Calls `fn` once, after `delay_ms`. The timer is gone by then: there is nothing to cancel. Where
// it is started by a timer's `fn`, whatever has come meanwhile has its turn before it.
struct loop_timer *loop_after(struct loop *loop, int64_t delay_ms, loop_fn fn, void *ctx);
// The same at the next of the moments that this loop has every `period_ms`: whatever is done so
// rarely wakes the process once for all of it.
struct loop_timer *loop_in_step(struct loop *loop, int64_t period_ms, loop_fn fn, void *ctx);
void loop_cancel(struct loop_timer **timer);

// Something to do at the end of the present turn of the loop, however often it is asked for:
// what one turn brought goes out together. A turn is made once and used for life.
struct loop_turn *loop_turn_new(struct loop *loop, loop_fn fn, void *ctx);
void loop_turn_ask(struct loop_turn *turn);
void loop_turn_drop(struct loop_turn **turn);

// From any thread: run `fn` on the loop's thread, soon. Calls before loop_run are kept.
void loop_post(struct loop *loop, loop_fn fn, void *ctx);
