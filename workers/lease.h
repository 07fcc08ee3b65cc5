// The lease of a task in hand: asked for again after each third of it, and sure for half of it,
// counted by our own monotonic clock from when it was asked for. So a worker that was stopped knows
// that another one may have the task by now, whatever Redis has said before.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct err;
struct job;
struct loop_timer;
struct store_call;

// The task is another worker's by now. May drop the job.
typedef void (*lease_lost_fn)(struct job *job);
// With `err` it isn't known whether the task is still ours; else it is.
typedef void (*lease_checked_fn)(struct job *job, const struct err *err);

// Inside a job. All zero: the lease isn't kept.
struct lease {
    struct job *job; // borrowed, outlives us
    lease_lost_fn lost;
    lease_checked_fn checked;  // set while we ask whether the task is still ours
    struct loop_timer *timer;  // NULL: the lease isn't kept
    struct store_call *asking; // a renewal, which tells whether the task is still ours
    int64_t asked_ms, sure_ms;
    bool is_lent; // another call to Redis, under way, renews it as well
};

// Keeps the lease of a job that was claimed at `asked_ms`, at the earliest.
void lease_start(struct lease *lease, struct job *job, int64_t asked_ms, lease_lost_fn lost);
// The lease isn't renewed any more, and answers about it aren't heard. May be called twice.
void lease_stop(struct lease *lease);
// Whether nobody else can have the task now.
bool lease_is_sure(const struct lease *lease);
// Until when that is sure, by our monotonic clock.
int64_t lease_sure_until(const struct lease *lease);
// Is the task still ours? Calls `checked`, or the `lost` of lease_start, never before it returns.
void lease_check(struct lease *lease, lease_checked_fn checked);
// Another call to Redis is about to renew the lease: until its answer we don't,
void lease_lend(struct lease *lease);
// and when the answer has come, and the task is ours, we do again.
void lease_return(struct lease *lease);
