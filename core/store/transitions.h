// What becomes of a task, by who has it in hand: one verb per transition, each with the facts that
// it has.
//
// The version and the counter that `task` was read at are the fence. Everything is copied. A change
// is sent until Redis has it; nothing calls back before it returns, nor after store_cancel.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/task/task.h"

struct account;
struct err;
struct store;
struct store_call;

// STALE: the task is somebody else's by now, nothing has changed. ENDED: it is done, and the task
// is over, by this or by a cancel that was asked for before.
enum change_result { CHANGE_DONE, CHANGE_ENDED, CHANGE_STALE };
typedef void (*change_fn)(void *ctx, enum change_result result, bool is_cancel_asked,
                          const struct err *err);

// Who hears what became of it.
struct listener {
    change_fn fn; // NULL: nobody
    void *ctx;
};

// A submit.

// The vendor has taken it. It is looked at first in `look_ms`. `is_news` here and below: the
// client's word for the task changes. Everywhere else it changes if the task ends, and only then.
struct store_call *transition_accept(struct store *store, const struct task *task,
                                     const char *upstream_id, bool is_modal, int64_t look_ms,
                                     bool is_news, struct listener listener);

enum refusal_kind {
    REFUSAL_VENDOR,      // the vendor doesn't take it now
    REFUSAL_ACCOUNT,     // this account can't: another may take it at once
    REFUSAL_UNREACHABLE, // nobody was there
    REFUSAL_BAD_KEY,     // the account is out until its key is mended
    REFUSAL_COUNT
};
// Proof that nothing was accepted. The account rests, but for a bad key.
struct refusal {
    enum refusal_kind kind;
    const char *reason; // in the vendor's words
    int64_t cool_ms;    // the account rests at least so long
};
// It is queued again, and a try is counted: its wait grows by them.
struct store_call *transition_refuse(struct store *store, const struct task *task,
                                     const struct refusal *refusal, struct listener listener);
// It has failed: no more of its time is left for another try.
struct store_call *transition_give_up(struct store *store, const struct task *task,
                                      const struct refusal *refusal, const char *code,
                                      struct listener listener);
// Nothing has left: somebody else may take it at once.
struct store_call *transition_hand_back(struct store *store, const struct task *task,
                                        struct listener listener);
// A question whose answer was lost: it costs nothing to ask again.
struct store_call *transition_ask_again(struct store *store, const struct task *task,
                                        const char *why, struct listener listener);
// What its links lead to couldn't be had. Counted apart from what the vendor refuses.
struct store_call *transition_await_inputs(struct store *store, const struct task *task,
                                           const char *why, struct listener listener);
// Nor could what we keep of it.
struct store_call *transition_await_storage(struct store *store, const struct task *task,
                                            const char *why, struct listener listener);
// It may have been accepted.
struct store_call *transition_doubt(struct store *store, const struct task *task, const char *why,
                                    struct listener listener);

// A submit in doubt.

// It was accepted.
struct store_call *transition_adopt(struct store *store, const struct task *task,
                                    const char *upstream_id, bool is_news,
                                    struct listener listener);
// It was not.
struct store_call *transition_disprove(struct store *store, const struct task *task,
                                       struct listener listener);
// Nobody knows: it is submitted again, for the operator prefers that,
struct store_call *transition_retry_unknown(struct store *store, const struct task *task,
                                            struct listener listener);
// or has failed. Its job may run there: its slot stays taken as long as jobs of the account take,
// or typical_ms where that isn't known.
struct store_call *transition_fail_unknown(struct store *store, const struct task *task,
                                           const struct account *account, int64_t typical_ms,
                                           struct listener listener);

// A job at the vendor.

// It has come further, and nothing else is new. Written at most once a second.
struct store_call *transition_progress(struct store *store, const struct task *task, int progress,
                                       struct listener listener);
// A look has seen it as it is now. What is the same as before isn't written.
struct sighting {
    enum task_phase phase; // TASK_SUBMITTED or TASK_RENDERING
    int progress;
    bool is_modal;
};
struct store_call *transition_see(struct store *store, const struct task *task,
                                  const struct sighting *sighting, bool is_news,
                                  struct listener listener);
// The vendor doesn't know it, from `now_ms` on.
struct store_call *transition_miss(struct store *store, const struct task *task, int64_t now_ms,
                                   struct listener listener);
// It is done there: its files are to be fetched.
struct store_call *transition_archive(struct store *store, const struct task *task,
                                      const char *result, bool is_news, struct listener listener);
// It has failed here, while its job may run on there: that is watched so long.
struct store_call *transition_time_out(struct store *store, const struct task *task,
                                       const char *code, const char *message, int64_t watch_ms,
                                       struct listener listener);
struct store_call *transition_cancel(struct store *store, const struct task *task, const char *code,
                                     const char *message, struct listener listener);

// An archive. `result` is what has been fetched so far.

// Some of it couldn't be had: again in `ms`.
struct store_call *transition_put_off(struct store *store, const struct task *task,
                                      const char *result, int64_t ms, const char *wait,
                                      const char *why, struct listener listener);
// Nothing is wrong, but it goes on in `ms` only.
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
// A claimed submit is about to leave, under a lease of `ms` from now: from here on it may have been
// accepted, and only from here on.
struct store_call *transition_begin(struct store *store, const struct task *task, int64_t ms,
                                    begin_fn fn, void *ctx);

typedef void (*hold_fn)(void *ctx, bool is_ours, const struct err *err);
// Moves a lease or a watch to `ms` from now. `fn` may be NULL.
struct store_call *transition_hold(struct store *store, const struct task *task, int64_t ms,
                                   hold_fn fn, void *ctx);
// A watched job has ended there: its slot is free.
void transition_unwatch(struct store *store, const struct task *task);
