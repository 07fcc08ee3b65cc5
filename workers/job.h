// A job: one task in hand, on the bench, until it is dropped.
#pragma once

#include <stdint.h>

#include "workers/bench.h"

struct account;
struct provider;
struct task;

// The first member of every job.
struct job {
    struct bench *bench; // borrowed, outlives us
    struct task *task;   // ours
    const struct account *account;
    const struct provider *provider; // NULL: its account isn't configured
    enum place place;
    void (*drop)(struct job *job); // cancels what is pending and frees; called once
    // On a drain: leaves the task for somebody else to go on with, at once, and drops. NULL: what
    // it does now is waited for, or cut.
    void (*hand_back)(struct job *job);
    struct job *next, **at;
};

// Puts a new job on the bench; takes the task.
void job_init(struct job *job, struct bench *bench, struct task *task,
              void (*drop)(struct job *job));
// It takes a place, until job_clear.
void job_take_place(struct job *job, enum place place);
// Takes it off the bench and frees its task: the last thing a drop does before free.
void job_clear(struct job *job);

// These drop the job.

// What it had to do is done: there is room for one more.
void job_finish(struct job *job);
// Somebody goes on with the task in `ms`.
void job_put_off(struct job *job, int64_t ms);
// Somebody goes on with it at once: the hand_back of those whose lease is all they have.
void job_hand_back(struct job *job);
// Its account isn't configured: it is looked at again in a while. The sweeper says so, and ends it
// when its time is over.
void job_await_account(struct job *job);

// bench_listener of its task.
struct listener job_listener(const struct job *job);
