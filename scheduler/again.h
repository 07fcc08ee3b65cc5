// Submits that may come again: with an Idempotency-Key; or sent again by their client, as OpenAI's
// SDKs do when a connection is lost or the answer is late, and say so, and others without a word.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"
#include "core/store/tasks.h"

struct request;
struct task;

// By what a submit is known again. It owns nothing; `= {0}` is known by nothing.
struct again {
    bool has_key, is_noted;
    struct idempotency key;
    struct resend resend;
};

// Whether the headers are as they may be.
bool again_check(const struct request *request, struct err *err);
// Takes note of what is asked. `task` is as the family accepted it; `again` lives as long as the
// request. False: nothing can have come before.
bool again_note(struct request *request, const struct task *task, struct again *again);
// Asks for the task that came of it before (tasks_find_replay, tasks_join); AWAIT_TASKS.
void again_find(struct request *request, const struct again *again, submit_fn fn);
