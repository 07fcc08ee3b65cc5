// The worker role: takes tasks from the queue, submits them to vendors, follows and archives them.
//
// All its work hangs on one list of jobs: a job is one task in hand, with one drop.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/store/transitions.h"
#include "core/task/task.h"
#include "workers/budget.h"
#include "workers/places.h"

struct account;
struct callbacks;
struct config;
struct follow;
struct http_client;
struct loop;
struct provider;
struct storage;
struct store;
struct unsent;
struct vendors;
struct worker;

// What a job takes a place of while it lasts; there are so many for all accounts.
enum place { PLACE_SUBMIT, PLACE_ARCHIVE, PLACE_COUNT, PLACE_NONE = PLACE_COUNT };

// The first member of every job.
struct job {
    struct worker *worker; // borrowed, outlives us
    struct task *task;     // ours
    const struct account *account;
    const struct provider *provider;
    enum place place;
    void (*drop)(struct job *job); // cancels what is pending and frees; called once
    // On a drain: leaves the task for somebody else to go on with, at once, and drops. NULL: what
    // it does now is waited for, or cut.
    void (*hand_back)(struct job *job);
    struct job *next, **at;
};

struct worker {
    struct loop *loop;
    const struct config *config;
    struct store *store;
    struct http_client *http;
    struct vendors *vendors;
    struct storage *storage;
    struct callbacks *callbacks; // NULL: vendors don't call back
    struct follow *follow;
    struct job *jobs;
    struct unsent *unsent; // tasks whose request is stored, while a change may end them
    struct budget inputs;  // of the bytes that submits under way have fetched
    struct places places[PLACE_COUNT];
    int *held[PLACE_COUNT]; // of these, by each account
    bool is_draining;
};

// Puts a new job on the list; takes the task.
void job_init(struct job *job, struct worker *worker, struct task *task,
              void (*drop)(struct job *job));
// The hand_back of those whose lease is all they have.
void job_hand_back(struct job *job);
// It takes a place, until job_clear.
void job_take_place(struct job *job, enum place place);
// Takes it off the list and frees its task: the last thing a drop does before free.
void job_clear(struct job *job);

// Its account isn't configured: it is looked at again in a while. The sweeper says so, and ends it
// when its time is over. Drops the job.
void worker_await_account(struct job *job);

// Something may be claimable now: queued tasks, or what is due.
void worker_wake(struct worker *worker);

// A request that was kept in storage isn't needed any more.
void worker_forget_request(struct worker *worker, const struct task *task);

// For a change that nobody else waits for: it is noted where it came too late, and the request that
// was kept for the task isn't when it has ended. To be given to one change of this task.
struct listener worker_listener(struct worker *worker, const struct task *task);
// Whether the family's word for the task is another one after the change.
bool worker_is_news(const struct task *task, enum task_phase to, bool is_modal);
