// A job: one task in hand, on the bench, until it is dropped.
//
// Each kind of job is a machine that is written down: its picture, its states, which of them may
// follow which, and in which of them a drain hands the task back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "workers/bench.h"

struct account;
struct provider;
struct task;

#define JOB_TO(state) (1u << (state))

struct job_state {
    const char *name; // in the log
    unsigned next;    // those that may follow, JOB_TO each; a job may be over in any
    bool may_go;      // on a drain: somebody else goes on with it, at once. Else it is waited for
};

struct job_kind {
    const char *name;               // in the log
    const struct job_state *states; // by number; it begins in the first
    void (*drop)(struct job *job);  // cancels what is pending and frees, in any state
    // In a state that may go: leaves the task for somebody else, and drops. NULL where none may.
    void (*hand_back)(struct job *job);
};

// The first member of every job.
struct job {
    struct bench *bench; // borrowed, outlives us
    struct task *task;   // ours
    const struct account *account;
    const struct provider *provider; // NULL: its account isn't configured
    const struct job_kind *kind;
    unsigned state; // of its kind's
    enum place place;
    struct job *next, **at;
};

// Puts a new job on the bench; takes the task.
void job_init(struct job *job, struct bench *bench, struct task *task, const struct job_kind *kind);
// The only way from one state to the next.
void job_move(struct job *job, unsigned next);
// It takes a place, until job_clear.
void job_take_place(struct job *job, enum place place);
// Takes it off the bench and frees its task: the last thing that a kind's drop does before free.
void job_clear(struct job *job);

// These drop the job.

void job_drop(struct job *job);
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
