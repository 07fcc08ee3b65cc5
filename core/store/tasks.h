// Tasks as the front door needs them: submit, read, list, cancel.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/task/task.h"

struct store;
struct store_call;

enum submit_result {
    SUBMIT_ACCEPTED,
    SUBMIT_REPLAYED, // the same Idempotency-Key and body, or sent again: `id` is the first task's
    SUBMIT_REPEATED, // the same was already asked of the parent: `id` is the task that does it
};

// What an Idempotency-Key stands for: the key, and all that was asked with it.
struct idempotency {
    char key[65], body[65]; // SHA-256, in hexadecimal
};

// `task` is as the family accepted it, before it takes anything over from a parent. `asked`: its
// request, whichever names files have in it.
void idempotency_init(struct idempotency *idempotency, const char *key, const struct task *task,
                      const char *asked);

// A request that its client may send again by itself, as some do when a connection is lost, or the
// answer is late. It has no Idempotency-Key.
struct resend {
    char body[65];      // SHA-256 of all that is asked, in hexadecimal
    const char *holder; // the process in which it waits for the task's end; NULL: it doesn't
    bool is_resent;     // the client says that it sends it again
};

// As above.
void resend_init(struct resend *resend, const struct task *task, const char *asked);

struct submit {
    const struct task *task; // id, owner, …, request, hook; borrowed during the call
    const char *lane;
    const struct idempotency *idempotency; // NULL: none
    const struct resend *resend; // NULL: it isn't noted, and makes another task if sent again
    const char *once; // the word for what is asked of the parent, if that may be asked once only;
                      // NULL: it may be repeated
    bool is_listed;   // false for questions that we ask ourselves
    // The parent doesn't wait for this task yet: the task is queued when it does, and fails when
    // the parent ends. ERR_INVALID where the parent has ended by now.
    bool awaits_parent;
};

// `id` is borrowed for the call. Errors: ERR_UNAVAILABLE, ERR_QUEUE_FULL, ERR_IDEMPOTENCY.
typedef void (*submit_fn)(void *ctx, enum submit_result result, const char *id, int64_t waiting,
                          const struct err *err);
// `task` becomes the callee's; NULL with ERR_NOT_FOUND or ERR_UNAVAILABLE.
typedef void (*task_fn)(void *ctx, struct task *task, const struct err *err);
// The tasks become the callee's, the array doesn't. A task that isn't known is NULL in its place.
typedef void (*tasks_fn)(void *ctx, struct task **tasks, size_t count, const struct err *err);

enum cancel_result {
    CANCEL_BEFORE_SUBMIT,
    CANCEL_REQUESTED,
    CANCEL_NOT_SUPPORTED,
};
typedef void (*cancel_fn)(void *ctx, enum cancel_result result, const struct err *err);
// Pairs of value and score, or plain values; borrowed for the call.
typedef void (*strings_fn)(void *ctx, const char *const *values, size_t count,
                           const struct err *err);

// An operation under way, whichever of those below. After a cancel nothing is called back, but what
// was sent may still happen.
struct tasks_op;
void tasks_op_cancel(struct tasks_op **op);

struct tasks_op *tasks_submit(struct store *store, const struct submit *submit, submit_fn fn,
                              void *ctx);
// What the Idempotency-Key was used for before: SUBMIT_REPLAYED, or SUBMIT_ACCEPTED with an empty
// id where it wasn't used.
struct tasks_op *tasks_find_replay(struct store *store, const char *owner,
                                   const struct idempotency *idempotency, submit_fn fn, void *ctx);
// The task that an earlier request made which was the same: SUBMIT_REPLAYED, or SUBMIT_ACCEPTED
// with an empty id where there is none to join. One that is sent again joins its task of the last
// 24 hours; else one that waits joins a task that still runs, whose client has gone.
struct tasks_op *tasks_join(struct store *store, const char *owner, const struct resend *resend,
                            submit_fn fn, void *ctx);
// The client has gone that waited for the end of the task.
void tasks_leave(struct store *store, const char *owner, const struct resend *resend,
                 const char *id);
// `owner` NULL: anybody's. Another key's task is as unknown as one that isn't there. The task comes
// with its request and result, and, while it is queued or archiving, with when it acts again.
struct tasks_op *tasks_get(struct store *store, const char *id, const char *owner, task_fn fn,
                           void *ctx);
struct tasks_op *tasks_get_many(struct store *store, const char *const *ids, size_t count,
                                const char *owner, tasks_fn fn, void *ctx);
// Ids of a key's tasks, newest first: those made before `after` (NULL: from the newest); or, of one
// key, oldest first: those made after it.
struct tasks_op *tasks_list(struct store *store, const char *owner, const char *after, int limit,
                            bool is_oldest_first, strings_fn fn, void *ctx);
struct tasks_op *tasks_cancel(struct store *store, const char *id, const char *owner,
                              bool vendor_can, int64_t watch_ms, cancel_fn fn, void *ctx);
// How an operator takes up a task that has failed, though its job may have been paid for.
enum resolve_how {
    RESOLVE_ADOPT,    // its job is at the vendor: the job is followed
    RESOLVE_ARCHIVE,  // its files are at the vendor: they are fetched again
    RESOLVE_RESUBMIT, // the task is submitted anew
};
typedef void (*resolve_fn)(void *ctx, const struct err *err);
// The same task goes on. `task` is as it was read. `upstream_id`: the vendor's id, NULL where the
// task has it. `result`: what to fetch, for RESOLVE_ARCHIVE. ERR_CONFLICT where the task isn't as
// it was read any more, or hasn't failed in a way that can be resolved.
struct store_call *tasks_resolve(struct store *store, const struct task *task, enum resolve_how how,
                                 const char *upstream_id, const char *result, resolve_fn fn,
                                 void *ctx);
// `result`: the task's, as it was at last; "": it had none. Borrowed for the call.
typedef void (*forget_fn)(void *ctx, const char *result, const struct err *err);
// Forgets a task; cancels it first where it hasn't ended. ERR_NOT_FOUND: there is no such task.
struct store_call *tasks_forget(struct store *store, const char *id, const char *owner,
                                bool vendor_can, int64_t watch_ms, forget_fn fn, void *ctx);
// Notes, for as long as tasks are kept, that the task made what the vendor calls `mark`.
void tasks_mark(struct store *store, const char *owner, const char *mark, const char *id);
// The key's task that made `mark`: one value, none where there is no such task.
struct tasks_op *tasks_find_mark(struct store *store, const char *owner, const char *mark,
                                 strings_fn fn, void *ctx);
// Lines of "time word detail", oldest first.
struct tasks_op *tasks_timeline(struct store *store, const char *id, strings_fn fn, void *ctx);
