// A job: one task in hand, on the bench, until it is dropped.
//
// Each kind of job is a machine that is written down: its picture, its states, which state may
// follow which, and in which of them a drain hands the task back.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "workers/bench.h"

struct account;
struct task;

#define JOB_TO(state) (1u << (state))

struct job_state {
    const char *name; // in the log
    unsigned next;    // the states that may follow, JOB_TO each; a job may end in any state
    bool may_go;      // on a drain another worker goes on with the task, at once. Else the drain
                      // waits for the job
};

struct job_kind {
    const char *name;               // in the log
    const struct job_state *states; // by number; a job begins in the first
    void (*drop)(struct job *job);  // cancels what is pending and frees, in any state
    // Called in a state that may go: leaves the task to another worker, and drops the job. NULL
    // where no state may go.
    void (*hand_back)(struct job *job);
    // The task is over, by a cancel: drops the job where nothing else has to be done. NULL: the
    // job finds that out by itself.
    void (*cancelled)(struct job *job);
};

// The first member of every job.
struct job {
    struct bench *bench;           // borrowed, outlives us
    struct task *task;             // ours
    const struct account *account; // NULL: it isn't configured
    const struct job_kind *kind;
    unsigned state; // of its kind's
    enum place place;
    struct job *next, **at;
};

// Puts a new job on the bench; takes the task.
void job_init(struct job *job, struct bench *bench, struct task *task, const struct job_kind *kind);
// The only way from one state to the next.
void job_move(struct job *job, unsigned next);
// The job takes a place, until job_clear.
void job_take_place(struct job *job, enum place place);
// Takes the job off the bench and frees its task: the last thing that a kind's drop does before
// free.
void job_clear(struct job *job);

// The task becomes the caller's, who then drops the job: nothing else is asked of it any more.
struct task *job_take_task(struct job *job);

// These drop the job.

void job_drop(struct job *job);
// The job's work is done: there is room for another job.
void job_finish(struct job *job);
// Whoever claims the task then goes on with it in `ms`.
void job_put_off(struct job *job, int64_t ms);
// Another worker goes on with the task at once: the hand_back of kinds that only have a lease to
// give back.
void job_hand_back(struct job *job);
// The task's account isn't configured: the task is looked at again in a while. The sweeper logs
// that, and ends the task when its time is over.
void job_await_account(struct job *job);

// bench_listener for the job's task.
struct listener job_listener(const struct job *job);
