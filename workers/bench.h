// The bench: what the jobs of a worker have in common, and how they tell the worker what they need.
//
// Jobs know the bench, and neither the worker nor one another.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/store/transitions.h"
#include "core/task/task.h"
#include "workers/budget.h"
#include "workers/places.h"

struct account;
struct callbacks;
struct config;
struct http_client;
struct job;
struct loop;
struct seen;
struct storage;
struct store;
struct unsent;
struct vendors;

// A job takes one of these places while it lasts; all accounts share a fixed number of each kind.
enum place { PLACE_SUBMIT, PLACE_ARCHIVE, PLACE_COUNT, PLACE_NONE = PLACE_COUNT };

// Called by jobs. None of them may drop the job that calls.
struct bench_events {
    // Something may be claimable now: queued tasks, or what is due.
    void (*on_wake)(void *ctx);
    // A task of the account wants to be looked at in `ms`.
    void (*on_expected)(void *ctx, const struct account *account, int64_t ms);
    // The account's vendor wants no look for so long.
    void (*on_put_off)(void *ctx, const struct account *account, int64_t ms);
    // The vendor says that the task's job still waits there, or still runs where it can stop such a
    // job, and its client wants it cancelled.
    void (*on_cancellable)(void *ctx, const struct task *task, bool runs);
    // The task is archiving by now, under a lease that was asked for at `claimed_ms`, of our
    // monotonic clock: its files are fetched from here on. Takes the task.
    void (*on_archiving)(void *ctx, struct task *task, int64_t claimed_ms);
    void *ctx;
};

struct bench {
    struct bench_events events;
    struct loop *loop;
    const struct config *config;
    struct store *store;
    struct http_client *http;
    struct vendors *vendors;
    struct storage *storage;
    struct storage *answers;     // in data_dir: files that vendors' answers brought (answer.h)
    struct callbacks *callbacks; // NULL: vendors don't call back
    struct job *jobs;            // the jobs in hand
    struct unsent *unsent;       // tasks whose request is stored, while a change may end them
    struct seen *seen;           // what looks needn't read again
    struct budget inputs;        // for the bytes of inputs that submits under way have fetched
    struct places places[PLACE_COUNT];
    int *held[PLACE_COUNT]; // how many of these places each account has taken
    bool is_draining;
};

// Sets the events, the loop and the configuration; there are no jobs. The other members are the
// caller's to fill in, and to drop after bench_clear.
void bench_init(struct bench *bench, struct loop *loop, const struct config *config,
                const struct bench_events *events);
// Drops all jobs, silently.
void bench_drop_jobs(struct bench *bench);
// A drain begins: jobs that may be handed back go to another worker at once.
void bench_hand_back(struct bench *bench);
// A call was cancelled: its job ends, if it is here.
void bench_end_cancelled(struct bench *bench, const char *id);
void bench_clear(struct bench *bench);

void bench_wake(struct bench *bench);
void bench_expect(struct bench *bench, const struct account *account, int64_t ms);
void bench_put_off(struct bench *bench, const struct account *account, int64_t ms);
void bench_cancel(struct bench *bench, const struct task *task, bool runs);
void bench_archive(struct bench *bench, struct task *task, int64_t claimed_ms);

// For a change that nobody else waits for: it logs where the change came too late, and deletes the
// request that was stored for the task where the task has ended. To be given to one change of this
// task.
struct listener bench_listener(struct bench *bench, const struct task *task);
// The same for a task that is archived: where its client has forgotten it, the files that are in
// `result` by now, which is as archive_result.h has it, are deleted; where it has ended, what was
// kept of the vendor's answer is.
struct listener bench_listener_of_files(struct bench *bench, const struct task *task,
                                        json_t *result);
// A request that was kept in storage isn't needed any more.
void bench_forget_request(struct bench *bench, const struct task *task);
// Whether the family has another word for the task after the change.
bool bench_is_news(const struct task *task, enum task_phase to, bool is_modal);
