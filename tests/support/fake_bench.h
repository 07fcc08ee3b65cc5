// The bench that jobs hang on, over the fakes; what the jobs tell it becomes lines.
//
// "wake", "expect mj-1 ms=0", "put off mj-1 ms=2000", "cancellable task_1", "cancellable task_1
// runs".
#pragma once

#include <stddef.h>

#include "workers/bench.h"

// A bench with the fakes' store, HTTP client, vendors, storage and callbacks. Borrows both
// parameters.
struct bench *fake_bench(struct loop *loop, const struct config *config);
// Ends the bench: its jobs are dropped as on a stop, and answers that are still owed to them come
// too late.
void fake_bench_end(struct bench *bench);
// A drain begins: jobs that may hand their tasks back do.
void fake_bench_drain(struct bench *bench);
// Makes `count` steps, then drops the bench's jobs and lets every answer come that is still owed to
// them. The test fails where a job hears one, or holds anything.
void fake_bench_drop_after(struct bench *bench, void (*const *steps)(void), size_t count);
