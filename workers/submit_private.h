// What submit.c (how a request leaves) and submit_outcome.c (what comes of it) have in common.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "workers/budget.h"
#include "workers/job.h"
#include "workers/lease.h"

struct answer;
struct body;
struct err;
struct inputs;
struct linked;
struct outcome;
struct storage_op;
struct store_call;
struct vendor_call;

enum submit_state {
    SUBMIT_WAITING,
    SUBMIT_READING,
    SUBMIT_FETCHING,
    SUBMIT_BEGINNING,
    SUBMIT_SENDING,
    SUBMIT_KEEPING,
    SUBMIT_STORING,
};

struct submission {
    struct job job;
    struct share share;    // of the bytes of inputs that may be in hand; WAITING waits for it
    struct lease lease;    // kept until the answer is there
    char asked_as[100];    // what the vendor calls the request; "": nothing
    bool is_too_late;      // the request was kept back, for the lease wasn't sure any more
    int64_t sent_ms;       // of our monotonic clock
    int64_t stored_ms;     // of the same: the lease of the archive was asked for then
    struct answer *answer; // of a call; NULL: it is none
    struct inputs *inputs; // until the answer is there; what FETCHING waits for
    struct linked *linked; // what FETCHING waits for first, where there is any
    struct body *body;     // of a request that is sent bit by bit, until the answer is there
    // What we wait for: between events exactly one of these is set, but for WAITING, FETCHING
    // and KEEPING, which wait for room, for the inputs and for the answer's files.
    struct storage_op *reading; // READING
    struct store_call *begun;   // BEGINNING
    struct vendor_call *call;   // SENDING
    struct store_call *stored;  // STORING
};

// Each of these ends the job, now or once what it stores is stored.

// Does what the outcome asks for. `unreadable`: why it is in doubt, where the answer couldn't be
// read; else NULL.
void submit_decide(struct submission *s, const struct outcome *outcome,
                   const struct err *unreadable);
// Nothing was accepted: decides what that means for the account, and whether the task waits on.
void submit_refuse(struct submission *s, const struct outcome *outcome, enum refusal_kind kind);
void submit_fail(struct submission *s, const char *code, const char *reason);
// Nobody knows whether the vendor has the task.
void submit_doubt(struct submission *s, const char *reason);
