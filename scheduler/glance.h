// Glances at tasks as they are now: what one turn of the loop asks for is read together, each task
// once.
#pragma once

#include "core/base/err.h"

struct glance;
struct glances;
struct loop;
struct task;
struct waiting;

// The task, borrowed for the call; NULL: there is no such task, or `err` says why nobody knows.
typedef void (*glance_fn)(void *ctx, const struct task *task, const struct err *err);

struct glances *glances_start(struct loop *loop, struct waiting *waiting);
// All glances must have been cancelled before.
void glances_drop(struct glances **glances);

// `id` may be anybody's task; a task that waits says why, as of now. `id` is borrowed, outlives the
// glance. Never calls back before it returns.
struct glance *glance_start(struct glances *glances, const char *id, glance_fn fn, void *ctx);
void glance_cancel(struct glance **glance);
