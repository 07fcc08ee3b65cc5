// The task record: what Redis keeps, and what adapters, families and roles pass around.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/ids.h"

struct media_links;

// The only words for phases in code, JSON and metrics.
//
//  queued ─▶ submitting ─▶ submitted ─▶ rendering ─▶ archiving ─▶ succeeded
//    ▲◀─ nothing accepted ─┤   ▲                (any of them ─▶ failed | cancelled)
//    │                     ▼   │ found
//    └◀──── or retry ─── in_doubt ─▶ failed: submit_outcome_unknown
//
// All transitions: a row for each phase, with the phases that it may go to. Going to the same phase
// again is a change that clients can see. Each phase may also go to any of the ends: succeeded,
// failed, cancelled. (task_may_go; core/store/lua/lib/transitions.lua has the same table, and a
// test compares them.)
//
//  queued: submitting
//  submitting: queued in_doubt submitted archiving
//  in_doubt: queued in_doubt submitted
//  submitted: submitted rendering archiving
//  rendering: rendering archiving
//  archiving: archiving
#define TASK_PHASES(X)                                                                             \
    X(TASK_QUEUED, "queued")                                                                       \
    X(TASK_SUBMITTING, "submitting")                                                               \
    X(TASK_IN_DOUBT, "in_doubt")                                                                   \
    X(TASK_SUBMITTED, "submitted")                                                                 \
    X(TASK_RENDERING, "rendering")                                                                 \
    X(TASK_ARCHIVING, "archiving")                                                                 \
    X(TASK_SUCCEEDED, "succeeded")                                                                 \
    X(TASK_FAILED, "failed")                                                                       \
    X(TASK_CANCELLED, "cancelled")

enum task_phase {
#define X(phase, name) phase,
    TASK_PHASES(X)
#undef X
        TASK_PHASE_COUNT
};

// A file that a link of the client's led to.
struct task_input {
    char *content_type;
    int64_t bytes;   // of the file
    struct buf data; // all of it; where the dialect streams its inputs, only its first bytes
};

// Owns its strings: task_free. A string that isn't set is NULL.
struct task {
    char id[ID_SIZE];
    char *owner;    // the name of the API key; a key sees its own tasks only
    char *family;   // the public dialect it came in
    char *provider; // the vendor it goes to
    char *action;   // what the vendor is asked to do, in the family's word
    char *model;
    char *mode;            // how fast it is to be, where the path says so
    char *state;           // the client's own mark, given back as it came
    char *parent;          // id of the task that this one follows up
    char *account;         // the account whose slot it has; a follow-up has its parent's account
                           // from the start
    char *upstream_parent; // the vendor's id of the parent
    char *upstream_id;     // the vendor's id of this task
    char *upstream_hint;   // the upstream_id that a callback named while the submit was in doubt
    char *substate;        // "MODAL" while the vendor waits for the client
    char *await;           // id of the parent, where this task is queued only once the parent is
                           // MODAL
    char *wait_reason;     // what it waits for beside its vendor's work, a word of wait.h
    char *wait_detail;     // the words of whoever made it wait, or the setting to change
    char *end_cursor;      // where the stream of events tells of its end
    char *read_cursor;     // the last event's when this was read: what came later isn't in here.
                           // Not stored
    char *error_code;
    char *error_message;
    char *trace;        // the client's trace, as trace.h keeps it; for the vendor and the hook
    char *hook;         // where to call back; not loaded with the record
    char *request;      // JSON as the client sent it; NULL where only the record was loaded
    char *result;       // JSON (its form: providers/outcome.h); NULL where only the record
                        // was loaded
    char *moved_from;   // the first account that hadn't its model; NULL: it was asked of one alone
    char *mark;         // the vendor's name of something that the parent made, by which the
                        // parent is found
    char *likeness;     // what it looks like at the vendor, if it is looked for by that; NULL: it
                        // isn't. Not stored
    char *callback_url; // for the vendor to call; NULL: it isn't to. Not stored
    struct task_input *inputs; // the files that links of the request led to. Not stored
    size_t input_count;
    const struct media_links *links; // of archived files, borrowed; set by whoever renders the task
    enum task_phase phase;
    int version;    // raised by each visible change
    int counter;    // raised by each claim; a write with an old counter is refused
    int progress;   // 0 to 100
    int doubts;     // submits so far that the vendor may have accepted without our knowing
    int link_tries; // how often the files behind its links couldn't be had
    int asked_s;    // for how many seconds of media it asks; 0: the request says nothing of that
    int patience_s; // for how many seconds it lets its vendor take; 0: the request says nothing of
                    // that
    int cost;       // slots that it takes; 0 for a task that needs none
    bool has_hook;
    bool is_request_stored; // the request is in storage, under task_input_key; the record has what
                            // is shown of it
    bool has_inputs;        // its request, or the files that links of it lead to, must be fetched
                            // before the submit
    bool is_call;           // its vendor answers the submit, once it may have left, with the result
    bool is_ask;            // a question to the vendor that costs nothing: may be repeated
    bool is_cancel_asked;
    int64_t created_ms; // Unix milliseconds, like those below; 0 where it hasn't happened
    int64_t started_ms; // accepted by the vendor
    int64_t finished_ms;
    int64_t changed_ms;
    int64_t wait_ms; // since when it waits for wait_reason
    int64_t act_ms;  // when something is done about it again, while it is queued or archiving; -1:
                     // not known. Not stored
    int64_t before;  // how many tasks wait before it in its lane; -1: no one number says that. Not
                     // stored
    int64_t expected_ms; // how long such jobs took when this one began; 0: nothing was known
    int64_t typical_ms;  // how long such jobs take; -1: not known. Not stored
    int64_t eta_ms;      // when it should be done; -1: nobody knows. Not stored
    int64_t ran_ms;      // for how long its job had run when it was read; -1: not known. Not stored
    int64_t missing_ms;  // since when the vendor has said that it doesn't know the task
    int64_t sent_ms;     // since when its submit may have left, until the vendor's answer is known
    int64_t doubt_ms;    // since when it is in doubt
    int64_t watch_ms;    // it has ended, but its vendor job is watched, and its slot held, until
                         // then
    int64_t archive_ms;  // since when it is being archived
};

struct task *task_new(void);
// A copy of what it takes to ask a vendor about the task: its ids, provider, account, action,
// model and trace.
struct task *task_copy(const struct task *task);
void task_free(struct task *task);
void task_drop(struct task **task);

const char *task_phase_name(enum task_phase phase);
bool task_phase_from_name(const char *name, enum task_phase *phase);
bool task_is_terminal(enum task_phase phase);
bool task_may_go(enum task_phase from, enum task_phase to);
// The word of our own surface: queued, in_progress, succeeded, failed, cancelled.
const char *task_status(enum task_phase phase);

// The key in storage of a request that is too large for the record.
void task_input_key(const struct task *task, struct buf *key);

// For how long its job may run at an account that gives it so long: longer where the request lets
// the vendor take longer.
int64_t task_timeout_ms(const struct task *task, int64_t account_ms);

// Its progress as it is shown: the vendor's, or, where that tells none, what follows from how long
// its job has run and was expected to. It never goes back, and is below 100 until the end.
int task_progress(const struct task *task, bool is_told_by_vendor);

// What the task looked like when it was at an earlier phase: the record only ever gains
// facts, so one record and a few words stand for each of its versions.
struct task_view {
    enum task_phase phase;
    int version;
    int progress;
    bool is_modal;
};

// Makes the record show what it showed at `view`.
void task_show_as(struct task *task, const struct task_view *view);
// The same, in a copy that borrows from the record: there is nothing to free.
void task_borrow_as(struct task *copy, const struct task *task, const struct task_view *view);
