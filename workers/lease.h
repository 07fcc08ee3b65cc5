// The lease of a task in hand: asked for again every third of it, and sure for half of it, counted
// from when it was asked for by our own monotonic clock. So a worker that was stopped knows that
// somebody else may have the task by now, whatever Redis has told it before.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;
struct job;
struct loop_timer;
struct store_call;

// It is somebody else's by now. May drop the job.
typedef void (*lease_lost_fn)(struct job *job);
// `err`: whether it is ours is not known; else it is.
typedef void (*lease_checked_fn)(struct job *job, const struct err *err);

// Inside a job; all zero: it isn't kept.
struct lease {
    struct job *job; // borrowed, outlives us
    lease_lost_fn lost;
    lease_checked_fn checked;  // while that is asked
    struct loop_timer *timer;  // NULL: it isn't kept
    struct store_call *asking; // whether it is still ours
    int64_t asked_ms, sure_ms;
    bool is_lent; // what else is asked of Redis renews it as well
};

// Keeps the lease of a job that was claimed at `asked_ms`, at the earliest.
void lease_start(struct lease *lease, struct job *job, int64_t asked_ms, lease_lost_fn lost);
// It isn't renewed any more, and what was asked about it isn't heard. May be called twice.
void lease_stop(struct lease *lease);
// Whether nobody else can have the task now.
bool lease_is_sure(const struct lease *lease);
// Until when that is so, of our monotonic clock.
int64_t lease_sure_until(const struct lease *lease);
// Is it still ours? Calls back one of the two functions, never before it returns.
void lease_check(struct lease *lease, lease_checked_fn checked);
// Another question to Redis is about to renew it: until its answer we don't,
void lease_lend(struct lease *lease);
// and when that has come, and it is ours, we do.
void lease_return(struct lease *lease);
