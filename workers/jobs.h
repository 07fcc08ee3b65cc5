// The kinds of jobs. Each takes its task and goes on by itself; the caller has nothing to wait for.
// `claimed_ms`, of our monotonic clock: the task was claimed then, or later.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct bench;
struct task;

// Sends a claimed task to its vendor.
void submit_start(struct bench *bench, struct task *task, int64_t claimed_ms);
// Finds out whether a submit in doubt was accepted.
void doubt_start(struct bench *bench, struct task *task, int64_t claimed_ms);
// Copies the finished media to storage.
void archive_start(struct bench *bench, struct task *task, int64_t claimed_ms);
// Looks at the vendor job of a task that has ended here: its slot is freed when the job ends there.
void watch_start(struct bench *bench, struct task *task, int64_t claimed_ms);
// Asks the vendor to cancel a job that still waits there, or `runs`; the next look finds out what
// came of that. The task stays the caller's. Does nothing while an earlier cancel of the task is
// under way.
void cancel_start(struct bench *bench, const struct task *task, bool runs);
