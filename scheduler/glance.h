// Glances at tasks as they are now: what one turn of the loop asks for is read together, each task
// once.
//
// What was read may be ahead of the stream of events as it is told. It is held back until the
// stream has been told up to where it was at the read: so between what is told before a glance and
// what is told after it nothing is missing, and nothing is in both.
#pragma once

#include "core/base/err.h"

struct glance;
struct glances;
struct loop;
struct task;
struct waiting;

// The task, borrowed for the call; NULL: there is no such task, or `err` says why nobody knows.
typedef void (*glance_fn)(void *ctx, const struct task *task, const struct err *err);

// `told`: the cursor up to which events were told; borrowed, outlives the glances.
struct glances *glances_start(struct loop *loop, struct waiting *waiting, const char *told);
// All glances must have been cancelled before.
void glances_drop(struct glances **glances);
// `told` has moved on.
void glances_release(struct glances *glances);
// The stream may not come to where it was at the reads: what is held back is read again.
void glances_renew(struct glances *glances);

// `id` may be anybody's task; a task that waits says why, as of now. `id` is borrowed, outlives the
// glance. Never calls back before it returns.
struct glance *glance_start(struct glances *glances, const char *id, glance_fn fn, void *ctx);
void glance_cancel(struct glance **glance);
