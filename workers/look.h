// A look: tasks of one account, asked about at their vendor, and what became of each.
//
// A look is no job: it is about many tasks at once, and their claim is no lease, but has only moved
// their next look. So there is nothing to renew or to hand back, and a look that is cut costs
// nothing.
#pragma once

#include <stddef.h>

struct account;
struct bench;
struct look;
struct task;

// The look is over, and gone.
typedef void (*look_done_fn)(void *ctx);

// Takes the tasks, `count` of them, not the array. The look is the first in `list` until it is
// over. `done` may be called before this returns, never after a drop.
void look_start(struct look **list, struct bench *bench, const struct account *account,
                struct task **tasks, size_t count, look_done_fn done, void *ctx);
// Drops all looks of a list.
void look_drop_all(struct look **list);
