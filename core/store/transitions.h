// What becomes of a task, told by whoever has it in hand: one verb per transition, each with the
// facts that it brings.
//
// The version and the counter that `task` was read at are the fence. Everything is copied. A change
// is sent until Redis has it; no function here calls back before it returns, nor after
// store_cancel.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/task/task.h"

struct account;
struct err;
struct store;
struct store_call;

// STALE: the task is somebody else's by now, nothing has changed. GONE: there is no such task any
// more, its client has forgotten it. ENDED: the change is done, and the task is over, by this
// change or by a cancel that was asked for before.
enum change_result { CHANGE_DONE, CHANGE_ENDED, CHANGE_STALE, CHANGE_GONE };
typedef void (*change_fn)(void *ctx, enum change_result result, bool is_cancel_asked,
                          const struct err *err);

// Who hears what became of a change.
struct listener {
    change_fn fn; // NULL: nobody
    void *ctx;
};

// A submit.

// The vendor has taken the task, which is looked at first in `look_ms`. `is_news`, here and below:
// the client's word for the task changes. With the other verbs that word changes if the task ends,
// and only then.
struct store_call *transition_accept(struct store *store, const struct task *task,
                                     const char *upstream_id, bool is_modal, int64_t look_ms,
                                     bool is_news, struct listener listener);

enum refusal_kind {
    REFUSAL_VENDOR,      // the vendor doesn't take the task now
    REFUSAL_ACCOUNT,     // this account can't: another may take it at once
    REFUSAL_UNREACHABLE, // nobody answered at the vendor's address
    REFUSAL_BAD_KEY,     // the account is out until its key is mended
    REFUSAL_COUNT
};
// Proof that nothing was accepted. The account rests, except for a bad key.
struct refusal {
    enum refusal_kind kind;
    const char *reason; // in the vendor's words
    int64_t cool_ms;    // the account rests at least so long
};
// The task is queued again, and a try is counted: the more tries, the longer its wait.
struct store_call *transition_refuse(struct store *store, const struct task *task,
                                     const struct refusal *refusal, struct listener listener);
// The account hasn't got the task's model: the task is queued again, for the account `to` alone.
struct store_call *transition_move(struct store *store, const struct task *task, const char *to,
                                   const char *reason, struct listener listener);
// The task has failed: no time is left for another try.
struct store_call *transition_give_up(struct store *store, const struct task *task,
                                      const struct refusal *refusal, const char *code,
                                      struct listener listener);
// Nothing has left to the vendor: another worker may take the task at once.
struct store_call *transition_hand_back(struct store *store, const struct task *task,
                                        struct listener listener);
// A question whose answer was lost: it costs nothing to ask again.
struct store_call *transition_ask_again(struct store *store, const struct task *task,
                                        const char *why, struct listener listener);
// The files that links of its request lead to couldn't be had. Counted apart from the vendor's
// refusals.
struct store_call *transition_await_inputs(struct store *store, const struct task *task,
                                           const char *why, struct listener listener);
// The request that we keep in storage couldn't be had.
struct store_call *transition_await_storage(struct store *store, const struct task *task,
                                            const char *why, struct listener listener);
// The vendor may have accepted the submit.
struct store_call *transition_doubt(struct store *store, const struct task *task, const char *why,
                                    struct listener listener);

// The vendor has answered with the result. The caller goes on with the task as its archive, under a
// lease of `ms` from now.
struct store_call *transition_answer(struct store *store, const struct task *task,
                                     const char *result, bool is_news, int64_t ms,
                                     struct listener listener);

// A submit in doubt.

// The vendor had accepted it.
struct store_call *transition_adopt(struct store *store, const struct task *task,
                                    const char *upstream_id, bool is_news,
                                    struct listener listener);
// The vendor had not accepted it.
struct store_call *transition_disprove(struct store *store, const struct task *task,
                                       struct listener listener);
// Nobody knows whether it had: the task is submitted again, for the operator prefers that,
struct store_call *transition_retry_unknown(struct store *store, const struct task *task,
                                            struct listener listener);
// or has failed. Its job may run at the vendor: its slot stays taken as long as jobs of the account
// take, or typical_ms where that isn't known.
struct store_call *transition_fail_unknown(struct store *store, const struct task *task,
                                           const struct account *account, int64_t typical_ms,
                                           struct listener listener);

// A job at the vendor.

// The job has come further, and nothing else is new. Written at most once a second.
struct store_call *transition_progress(struct store *store, const struct task *task, int progress,
                                       struct listener listener);
// What a look has seen of the job. What is the same as before isn't written.
struct sighting {
    enum task_phase phase; // TASK_SUBMITTED or TASK_RENDERING
    int progress;
    bool is_modal;
};
struct store_call *transition_see(struct store *store, const struct task *task,
                                  const struct sighting *sighting, bool is_news,
                                  struct listener listener);
// The vendor doesn't know the job, from `now_ms` on.
struct store_call *transition_miss(struct store *store, const struct task *task, int64_t now_ms,
                                   struct listener listener);
// The job is done: its files are to be fetched, by whoever claims the task.
struct store_call *transition_archive(struct store *store, const struct task *task,
                                      const char *result, bool is_news, struct listener listener);
// The task has failed, while its job may run on at the vendor: the job is watched for watch_ms.
struct store_call *transition_time_out(struct store *store, const struct task *task,
                                       const char *code, const char *message, int64_t watch_ms,
                                       struct listener listener);
struct store_call *transition_cancel(struct store *store, const struct task *task, const char *code,
                                     const char *message, struct listener listener);

// An archive. `result` is what has been fetched so far.

// Some of the files couldn't be had: they are tried again in `ms`.
struct store_call *transition_put_off(struct store *store, const struct task *task,
                                      const char *result, int64_t ms, const char *wait,
                                      const char *why, struct listener listener);
// Nothing is wrong, but the archive is to go on only in `ms`.
struct store_call *transition_go_on(struct store *store, const struct task *task,
                                    const char *result, int64_t ms, struct listener listener);

// The end.

struct store_call *transition_succeed(struct store *store, const struct task *task,
                                      const char *result, struct listener listener);
struct store_call *transition_fail(struct store *store, const struct task *task, const char *code,
                                   const char *message, struct listener listener);

// Leases: the task itself doesn't change.

enum begin_result { BEGIN_GO, BEGIN_CANCELLED, BEGIN_STALE };
typedef void (*begin_fn)(void *ctx, enum begin_result result, const struct err *err);
// A claimed submit is about to leave, under a lease of `ms` from now: only from here on may the
// vendor have accepted it. Where it is a call (is_call), a cancel ends it from here on, too.
struct store_call *transition_begin(struct store *store, const struct task *task, int64_t ms,
                                    begin_fn fn, void *ctx);

// `job`: the vendor's id, borrowed for the call; NULL: none of them is certain to be the task's.
typedef void (*choose_fn)(void *ctx, const char *job, const struct err *err);
// Which of some jobs that look like a task in doubt is its own: the only one that no other task
// has. None is, while another task that looks the same may have any of them.
struct store_call *transition_choose(struct store *store, const struct task *task,
                                     const char *const *jobs, size_t count, choose_fn fn,
                                     void *ctx);

typedef void (*hold_fn)(void *ctx, bool is_ours, const struct err *err);
// Moves a lease or a watch to `ms` from now. `fn` may be NULL.
struct store_call *transition_hold(struct store *store, const struct task *task, int64_t ms,
                                   hold_fn fn, void *ctx);
// A watched job has ended at the vendor: its slot is free.
void transition_unwatch(struct store *store, const struct task *task);
