// A loop without libuv, on a clock that only moves when a test lets it: core/loop/loop.h and
// core/base/clock.h.
//
// loop_free fails the test where a timer or a turn is left over.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct loop;

// Does what was asked for at the end of this turn, and what was posted.
void fake_loop_turn(struct loop *loop);
// So much time passes: timers fire in their order, each in a turn of its own.
void fake_loop_run_ms(struct loop *loop, int64_t ms);
// The clocks go on, but the loop doesn't turn: a process that was stopped, or busy.
void fake_clock_pass_ms(int64_t ms);
// The same, while the thread has no processor: others have it.
void fake_clock_wait_ms(int64_t ms);
void fake_clock_step_wall_ms(int64_t ms);
size_t fake_loop_timers(const struct loop *loop); // how many timers run
