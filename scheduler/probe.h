// Tries out what a configuration leads to: spool check-config --probe, and what is asked of Redis
// at every start.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct config;

// Writes a small file, reads it back and deletes it, on a loop of its own. The error says what to
// mend.
bool probe_storage(const struct config *config, struct err *err) WARN_UNUSED;
// The Redis at redis_url: does it answer and let us in, keep its data on disk and in memory, and
// have our time? True where Spool runs its own.
bool probe_redis(const struct config *config, struct err *err) WARN_UNUSED;
// Makes data_dir where it is missing, and a file in it that is gone again.
bool probe_data_dir(const struct config *config, struct err *err) WARN_UNUSED;
// False only where it is up and known to keep nothing on disk, against redis_persistence: one that
// doesn't answer yet may come.
bool probe_persistence(const struct config *config, struct err *err) WARN_UNUSED;
