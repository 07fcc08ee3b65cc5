// One look at a Redis before anything is trusted to it: does it let us in, and does it keep on disk
// what it is given? A server that may not be asked (CONFIG is often renamed away) is trusted.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct redis_look {
    bool is_forgetful;      // neither an append-only file nor snapshots: a restart loses every task
    bool is_evicting;       // with a maxmemory-policy other than noeviction
    int64_t used_bytes;     // of its memory
    int64_t most_bytes;     // maxmemory; 0: no limit of its own
    int64_t clock_ahead_ms; // its clock, seen from here
};

// Blocks, at most 2 s for each question. False where it doesn't answer or doesn't let us in; no
// message quotes the URL, which may hold a password.
bool redis_look(struct redis_look *look, const char *url, struct err *err) WARN_UNUSED;
// What of INFO's text is in `look`: aof_enabled, used_memory, maxmemory, maxmemory_policy.
void redis_look_read_info(struct redis_look *look, const char *info);
