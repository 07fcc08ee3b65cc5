// What links of a client's request lead to: fetched before a submit whose vendor takes files only.
// A client names them, so only addresses are asked that a client's links may lead to (core/base:
// config's clients_reach).
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct err;
struct inputs;
struct job;

// `err` is NULL where the task's inputs has them all. `may_help`: asking again later may.
typedef void (*inputs_fn)(void *ctx, const struct err *err, bool may_help);

// Images, at most 20 MB each. Calls back once, never before it returns, never after inputs_cancel.
struct inputs *inputs_start(struct job *job, inputs_fn fn, void *ctx);
void inputs_cancel(struct inputs **inputs);
