// Looking at tasks as they are now: what one turn of the loop asks for is read together, each task
// once.
#pragma once

#include "core/base/err.h"

struct look;
struct looks;
struct loop;
struct task;
struct waiting;

// The task, borrowed for the call; NULL: it isn't there, or `err` says why nobody knows.
typedef void (*look_fn)(void *ctx, const struct task *task, const struct err *err);

struct looks *looks_start(struct loop *loop, struct waiting *waiting);
// Those under way must have been cancelled before.
void looks_drop(struct looks **looks);

// Anybody's task; one that waits says why, as of now. `id` is borrowed, outlives the look. Never
// calls back before it returns.
struct look *look_start(struct looks *looks, const char *id, look_fn fn, void *ctx);
void look_cancel(struct look **look);
