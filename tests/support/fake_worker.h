// The bench that jobs hang on: workers/worker.h, without the worker role.
//
// worker_change goes to the fake store as it is given: what is news isn't decided here. Lines:
// "wake", "forget request task_1", "await account task_1".
#pragma once

#include <stddef.h>

#include "workers/worker.h"

// With the fakes' store, HTTP client, vendors, storage and callbacks. Borrows both.
struct worker *fake_worker(struct loop *loop, const struct config *config);
// All its jobs are dropped, as on a stop.
void fake_worker_drop_jobs(struct worker *worker);
// A drain begins: its jobs hand back what they hand back.
void fake_worker_drain(struct worker *worker);
// So many steps, then its jobs are dropped and everything comes that is still owed to them. The
// test fails where one of them is heard, or holds anything.
void fake_worker_drop_after(struct worker *worker, void (*const *steps)(void), size_t count);
