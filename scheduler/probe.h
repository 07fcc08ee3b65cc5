// Tries the storage of a configuration out: spool check-config --probe.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct config;

// Writes a small file, reads it back and deletes it, on a loop of its own. The error says what to
// mend.
bool probe_storage(const struct config *config, struct err *err) WARN_UNUSED;
