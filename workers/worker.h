// The worker role: takes tasks from the queue, submits them to vendors, follows and archives them.
//
// All its work hangs on one list of jobs: a job is one task in hand, with one drop.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/task.h"
#include "workers/budget.h"

struct account;
struct callbacks;
struct change;
struct config;
struct follow;
struct http_client;
struct loop;
struct provider;
struct storage;
struct store;
struct vendors;
struct worker;

// The first member of every job.
struct job {
    struct worker *worker; // borrowed, outlives us
    struct task *task;     // ours
    const struct account *account;
    const struct provider *provider;
    bool is_handed_back;           // on a drain: at once, for somebody else to go on with
    void (*drop)(struct job *job); // cancels what is pending and frees; called once
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
    struct budget inputs; // of the bytes that submits under way have fetched
    unsigned submits;     // of the jobs, those that submit
    unsigned archives;    // those that archive
    bool is_draining;
};

// Puts a new job on the list; takes the task.
void job_init(struct job *job, struct worker *worker, struct task *task,
              void (*drop)(struct job *job));
// Takes it off the list and frees its task: the last thing a drop does before free.
void job_clear(struct job *job);

// Something may be claimable now: queued tasks, or what is due.
void worker_wake(struct worker *worker);

// A request that was kept in storage isn't needed any more.
void worker_forget_request(struct worker *worker, const struct task *task);

// Fills in whether the client's word changes, and sends the change until Redis has it. Nobody
// listens: who needs to know what became of it uses queue_change.
void worker_change(struct worker *worker, struct change *change);
// Whether the family's word for the task is another one after the change.
bool worker_is_news(const struct task *task, enum task_phase to, bool is_modal);
