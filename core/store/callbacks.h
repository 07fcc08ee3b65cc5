// Vendors that call back: each submitted task has a path of its own, which nobody can guess. What
// is posted there is a hint to look now; it is never believed.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/ids.h"

struct callbacks;
struct config;
struct loop;
struct store;

// NULL where the configuration wants no callbacks (vendor_callbacks). The key of the paths is
// shared by all processes of one Redis; `on_ready` (NULL: nobody asks) is called when it is known.
struct callbacks *callbacks_start(struct loop *loop, const struct config *config,
                                  struct store *store, void (*on_ready)(void *ctx), void *ctx);
// Whether URLs can be had by now, or never will be.
bool callbacks_is_ready(const struct callbacks *callbacks);
void callbacks_drop(struct callbacks **callbacks);

// The URL for a task; NULL where there is none (yet). The caller frees it.
char *callbacks_url(const struct callbacks *callbacks, const char *task_id);
// Whether the last segment of a path is one that we gave to a vendor; `id` gets its task.
bool callbacks_check(const struct callbacks *callbacks, const char *segment, char id[ID_SIZE]);
// A vendor called: its task is to be looked at. `upstream_id` is the vendor's id of the task, by
// which a submit in doubt may be found; NULL: the vendor didn't name it.
void callbacks_note(struct callbacks *callbacks, const char *task_id, const char *upstream_id);
