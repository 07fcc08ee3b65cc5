// Tries out what a configuration leads to: all of it for spool check-config --probe, and what could
// lose tasks or results at every start. Each runs on a loop of its own, before there are roles.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct buf;
struct config;
struct config_mistakes;

// data_dir, the storage, the Redis at redis_url, each account's key: adds what is wrong to
// `mistakes` and what is fine to `fine`, a line each. `mistakes` has none before.
void probe_all(const struct config *config, struct config_mistakes *mistakes, struct buf *fine);

// At a start. False: it is known not to work, and `err` says which setting to mend. What doesn't
// answer yet may come: that is a warning in the log.

// Makes data_dir where it is missing, and a file in it that is gone again.
bool probe_data_dir(const struct config *config, struct err *err) WARN_UNUSED;
// Whether the Redis at redis_url keeps its data on disk, or redis_persistence says that it needn't.
bool probe_persistence(const struct config *config, struct err *err) WARN_UNUSED;
// Writes a small file, reads it back and deletes it.
bool probe_storage(const struct config *config, struct err *err) WARN_UNUSED;
