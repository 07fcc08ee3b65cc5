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
// The whole of it, a row for each phase and those that it may go to. The same phase again is a
// change that can be seen. Each of them may also go to any of the ends: succeeded, failed,
// cancelled. (task_may_go; core/store/lua/lib.lua has the same table, and a test compares them.)
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
    struct buf data;
};

// Owns its strings: task_free. A string that isn't set is NULL.
struct task {
    char id[ID_SIZE];
    char *owner;    // the name of the API key; a key sees its own tasks only
    char *family;   // the public dialect it came in
    char *provider; // the vendor it goes to
    char *action;   // what is asked of the vendor, in the family's word
    char *model;
    char *mode;            // Midjourney's speed: fast, turbo, relax
    char *state;           // the client's own mark, given back as it came
    char *parent;          // id of the task this one follows up
    char *account;         // whose slot it has; a follow-up has its parent's from the start
    char *upstream_parent; // the vendor's id of the parent
    char *upstream_id;     // the vendor's id of this one
    char *upstream_hint;   // the same, as a callback named it while the submit was in doubt
    char *substate;        // "MODAL" while the vendor waits for the client
    char *await;           // id of the parent, which doesn't wait for this one yet
    char *wait_reason;     // what it waits for beside its vendor's work, a word of wait.h
    char *wait_detail;     // somebody's words for that, or the setting to change
    char *error_code;
    char *error_message;
    char *hook;                // where to call back; not loaded with the record
    char *request;             // JSON as the client sent it; NULL where only the record was loaded
    char *result;              // JSON (its form: providers/outcome.h); NULL as above
    char *mark;                // the vendor's name of something the parent made; found by it
    char *callback_url;        // for the vendor to call; NULL: it needn't. Not stored
    struct task_input *inputs; // what links of the request led to. Not stored
    size_t input_count;
    const struct media_links *links; // of archived files, borrowed; set by who renders
    enum task_phase phase;
    int version;    // raised by each visible change
    int counter;    // raised by each claim; a write with an old one is refused
    int progress;   // 0 to 100
    int doubts;     // submits so far that the vendor may have accepted without our knowing
    int link_tries; // how often the files behind its links couldn't be had
    int cost;       // slots it takes; 0 for what needs none
    bool has_hook;
    bool is_request_stored; // in storage, under task_input_key; the record has what is shown of it
    bool has_inputs;        // that, or what links of it lead to, is fetched before it is submitted
    bool is_ask;            // a question to the vendor that costs nothing: may be repeated
    bool is_cancel_asked;
    int64_t created_ms; // Unix milliseconds; 0 where it hasn't happened
    int64_t started_ms; // accepted by the vendor
    int64_t finished_ms;
    int64_t changed_ms;
    int64_t wait_ms; // since when it waits for wait_reason
    int64_t act_ms; // when it acts again, while it is queued or archived; -1: not known. Not stored
    int64_t before; // how many wait before it in its lane; -1: that isn't one number. Not stored
    int64_t missing_ms; // since when the vendor doesn't know it any more
    int64_t doubt_ms;   // since when it is in doubt
    int64_t watch_ms;   // ended, but its vendor job is watched until then; its slot is still held
    int64_t archive_ms; // since when it is being archived
};

struct task *task_new(void);
// What it takes to ask a vendor about it: its ids, provider, account, action and model.
struct task *task_copy(const struct task *task);
void task_free(struct task *task);
void task_drop(struct task **task);

const char *task_phase_name(enum task_phase phase);
bool task_phase_from_name(const char *name, enum task_phase *phase);
bool task_is_terminal(enum task_phase phase);
bool task_may_go(enum task_phase from, enum task_phase to);
// The word of our own surface: queued, in_progress, succeeded, failed, cancelled.
const char *task_status(enum task_phase phase);

// Where a request is kept that is too large for the record.
void task_input_key(const struct task *task, struct buf *key);

// What the task looked like when it was at an earlier phase: the record only ever gains
// facts, so one record and a few words stand for each of its versions.
struct task_view {
    enum task_phase phase;
    int version;
    int progress;
    bool is_modal;
};

// Makes the record show what it did at `view`.
void task_show_as(struct task *task, const struct task_view *view);
// The same in a copy that borrows from the record: there is nothing to free.
void task_borrow_as(struct task *copy, const struct task *task, const struct task_view *view);
