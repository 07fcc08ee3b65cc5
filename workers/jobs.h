// The kinds of jobs. Each takes its task and goes on by itself; there is nothing to wait for.
#pragma once

#include <stdint.h>

struct task;
struct worker;

// Sends a claimed task to its vendor. `claimed_ms`: of our monotonic clock, before it was claimed.
void submit_start(struct worker *worker, struct task *task, int64_t claimed_ms);
// Finds out whether a submit in doubt was accepted.
void doubt_start(struct worker *worker, struct task *task);
// Copies the finished media to storage.
void archive_start(struct worker *worker, struct task *task);
// Asks the vendor to cancel a job that still waits there; the next look finds out what came of it.
void cancel_start(struct worker *worker, const struct task *task);
// Looks at the vendor job of a task that has ended here: its slot is freed when it ends there.
void watch_start(struct worker *worker, struct task *task);
