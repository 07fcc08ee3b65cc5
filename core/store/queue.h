// The queue as workers need it: claims, changes, leases.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/task/task.h"

struct account;
struct store;
struct store_call;

enum work_kind { WORK_SUBMIT, WORK_DOUBT, WORK_ARCHIVE, WORK_WATCH };

// One claimed task; it becomes the callee's.
typedef void (*queue_work_fn)(void *ctx, enum work_kind kind, struct task *task);
// A claim is through: `next_ms` until it is worth asking again without being woken, -1: not.
typedef void (*queue_claimed_fn)(void *ctx, size_t count, int64_t next_ms, const struct err *err);

struct queue_claim {
    queue_work_fn on_work;
    queue_claimed_fn done;
    void *ctx;
};

// An account, the lanes it serves, and how many of its tasks may be claimed now.
struct queue_account {
    const struct account *account;
    const char *const *lanes;
    size_t lane_count;
    int room;
};

// A claim is `max` tasks at most. `serial` is another one each time, but the same where the answer
// to the last one was lost: then it gets what that gave, as long as the lease lasts. `claim` must
// outlive the call.

// Queued tasks, to be submitted.
struct store_call *queue_claim_submits(struct store *store, int64_t serial, int max,
                                       const struct queue_account *accounts, size_t count,
                                       const struct queue_claim *claim);
// Doubts, archives, watches whose time has come. Of archives of one account its room at most, or
// `room_of_others` where `accounts` doesn't have it.
struct store_call *queue_claim_due(struct store *store, int64_t serial, int max,
                                   const struct queue_account *accounts, size_t count,
                                   int room_of_others, const struct queue_claim *claim);

struct queue_look {
    const char *account;
    int64_t first_ms, longest_ms, slack_ms;
    int max;
};
// A look that isn't due yet is due now.
void queue_look_now(struct store *store, const struct task *task);
// The tasks to look at become the callee's, the array doesn't.
typedef void (*queue_looks_fn)(void *ctx, struct task **tasks, size_t count, int64_t next_ms,
                               const struct err *err);
struct store_call *queue_claim_looks(struct store *store, const struct queue_look *look,
                                     queue_looks_fn fn, void *ctx);

// One step of a task. Zero is "no" for every member but those said otherwise.
struct change {
    const struct task *task; // as it was read: its version and counter are the fence
    enum task_phase to;
    bool notify; // the client's word for it changes
    bool cool;   // the account failed: let it rest, at least cool_ms
    int64_t cool_ms;
    bool warm;          // the account did well
    bool out;           // the account's key is bad
    bool count_try;     // one more refused submit: its wait is made by that, unless delay_ms is set
    bool count_links;   // the same of its links, counted apart
    bool only_progress; // written at most once a second
    int64_t delay_ms;   // till it acts again; 0 where a try is counted: grown by the tries
    int64_t look_ms;    // to submitted or rendering: till the first look
    int64_t watch_ms;   // to an end: the vendor job is watched so long; 0: it has ended there
    const struct account *doubt_of; // to an end: nobody knows whether there is a job, so the slot
    int64_t typical_ms;             // stays taken as jobs there take, or typical_ms; NULL: no doubt
    const char *wait; // to queued or archiving: what it waits for (core/task/wait.h); NULL: nothing
    const char *wait_detail;
    const char *word; // for the timeline; NULL: none
    const char *detail;
    const char *result; // JSON; NULL: as it is
    // Facts that are set, NULL for those that stay; "" ends a fact.
    const char *upstream_id;
    const char *substate;
    const char *error_code;
    const char *error_message;
    int progress;       // -1: stays. Mind the zero
    int64_t missing_ms; // -1: stays; 0: it is there again
};

#define CHANGE_TO(phase)                                                                           \
    {                                                                                              \
        .to = (phase), .progress = -1, .missing_ms = -1                                            \
    }

enum change_result { CHANGE_DONE, CHANGE_STALE };
typedef void (*change_fn)(void *ctx, enum change_result result, bool is_cancel_asked,
                          const struct err *err);

// Sent until Redis has it (deadline_ms as in store_call); everything in `change` is copied.
struct store_call *queue_change(struct store *store, const struct change *change,
                                int64_t deadline_ms, change_fn fn, void *ctx);

enum begin_result { BEGIN_GO, BEGIN_CANCELLED, BEGIN_STALE };
typedef void (*begin_fn)(void *ctx, enum begin_result result, const struct err *err);
// A claimed submit is about to leave, under a lease of `ms` from now: from here on it may have been
// accepted, and only from here on.
struct store_call *queue_begin(struct store *store, const struct task *task, int64_t ms,
                               begin_fn fn, void *ctx);

typedef void (*hold_fn)(void *ctx, bool is_ours, const struct err *err);
// Moves a lease or a watch to `ms` from now; -1 ends the watch and frees its slot.
struct store_call *queue_hold(struct store *store, const struct task *task, int64_t ms, hold_fn fn,
                              void *ctx);
// The same, and says what the task waits for until then (core/task/wait.h).
struct store_call *queue_hold_for(struct store *store, const struct task *task, int64_t ms,
                                  const char *wait, const char *detail, hold_fn fn, void *ctx);

// What one step of the sweeper did. Borrowed for the call.
struct sweep {
    const char *cursor; // for the next step; "0": that was the last of a round
    int64_t repairs;
    const char *const *accounts; // that tasks wait for, and nobody has configured
    size_t account_count;
    struct task *ended; // that waited too long: id, is_request_stored, phase
    size_t ended_count;
};
typedef void (*sweep_fn)(void *ctx, const struct sweep *sweep, const struct err *err);
// One step of the sweeper: `cursor` is "0" to begin with, and what the last step gave.
struct store_call *queue_sweep(struct store *store, const char *cursor, int count, sweep_fn fn,
                               void *ctx);
