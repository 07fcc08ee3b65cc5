// The queue as workers need it: claims, looks, and the sweeper.
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

// Gives one claimed task, which becomes the callee's.
typedef void (*queue_work_fn)(void *ctx, enum work_kind kind, struct task *task);
// A claim is through. `next_ms`: how long until it is worth asking again without being woken, -1:
// it isn't.
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

// A claim is `max` tasks at most. `serial` is a new number for each claim, but the same again where
// the answer to the last claim was lost: then the claim gets what that one gave, as long as the
// lease lasts. `claim` must outlive the call.

// Queued tasks, to be submitted.
struct store_call *queue_claim_submits(struct store *store, int64_t serial, int max,
                                       const struct queue_account *accounts, size_t count,
                                       const struct queue_claim *claim);
// Doubts, archives, watches whose time has come. Of one account's archives it claims as many as the
// account's room, or `room_of_others` where the account isn't in `accounts`.
struct store_call *queue_claim_due(struct store *store, int64_t serial, int max,
                                   const struct queue_account *accounts, size_t count,
                                   int room_of_others, const struct queue_claim *claim);

struct queue_look {
    const char *account;
    int64_t first_ms, longest_ms, slack_ms;
    int max;
    int per_second; // no more in any second, of all workers together; 0: no limit
};
// Makes a look due now that isn't due yet.
void queue_look_now(struct store *store, const struct task *task);
// The tasks to look at become the callee's, the array doesn't.
typedef void (*queue_looks_fn)(void *ctx, struct task **tasks, size_t count, int64_t next_ms,
                               const struct err *err);
struct store_call *queue_claim_looks(struct store *store, const struct queue_look *look,
                                     queue_looks_fn fn, void *ctx);

// What one step of the sweeper did. Borrowed for the call.
struct sweep {
    bool is_over; // that was the last step of a round
    int64_t repairs;
    const char *const *accounts; // accounts that tasks wait for, and nobody has configured
    size_t account_count;
    struct task *ended; // tasks that waited too long: id, is_request_stored, phase
    size_t ended_count;
};
typedef void (*sweep_fn)(void *ctx, const struct sweep *sweep, const struct err *err);
// One step of the sweeper. All processes take steps of the same round.
struct store_call *queue_sweep(struct store *store, int count, sweep_fn fn, void *ctx);
