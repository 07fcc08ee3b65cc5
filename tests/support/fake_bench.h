// The bench that jobs hang on, over the fakes; what it hears of its jobs are lines.
//
// "wake", "expect mj-1 ms=0", "cancellable task_1".
#pragma once

#include <stddef.h>

#include "workers/bench.h"

// With the fakes' store, HTTP client, vendors, storage and callbacks. Borrows both.
struct bench *fake_bench(struct loop *loop, const struct config *config);
// Its jobs are dropped as on a stop, what is still owed to them comes too late, and it is over.
void fake_bench_end(struct bench *bench);
// A drain begins: its jobs hand back what they hand back.
void fake_bench_drain(struct bench *bench);
// So many steps, then its jobs are dropped and everything comes that is still owed to them. The
// test fails where one of them is heard, or holds anything.
void fake_bench_drop_after(struct bench *bench, void (*const *steps)(void), size_t count);
