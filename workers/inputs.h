// The files that links of a client's request lead to: fetched before a submit whose vendor takes
// files only. A client chose the links, so we only go to addresses that clients' links may lead to
// (the configuration's clients_reach).
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct inputs;
struct job;

// `err` is NULL where the task's `inputs` has all files. `may_help`: trying again later may help.
typedef void (*inputs_fn)(void *ctx, const struct err *err, bool may_help);

// Images, at most 20 MB each. Calls back once, never before it returns, never after inputs_cancel.
struct inputs *inputs_start(struct job *job, inputs_fn fn, void *ctx);
void inputs_cancel(struct inputs **inputs);
