// How all of Spool stands, for operators: one read of what Redis knows.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/store/heartbeat.h"

struct err;
struct store;
struct store_call;

// Queued tasks that wait together.
struct overview_lane {
    const char *name;    // "": those of one provider that wait for a retry
    const char *account; // the account that its follow-ups wait for; "": no follow-ups
    char provider[32];   // ""; it is the account's
    int64_t waiting;
    int64_t oldest_ms; // Unix milliseconds: when the oldest of them was accepted; 0: not known
};

struct overview_account {
    bool is_disabled;
    const char *out;          // why its key is bad; "": it isn't
    int64_t cool_ms, rate_ms; // as in struct account_state
    int64_t used;             // slots taken
    int64_t running;          // jobs at the vendor that are looked at
};

struct overview_count {
    const char *name;
    int64_t count;
};

// Of the Redis.
struct overview_redis {
    int64_t used_bytes, most_bytes; // most_bytes 0: no limit
    bool is_appending;              // each change goes to a file
    int64_t saved_ms;               // Unix milliseconds: when it last saved a snapshot
    bool is_failing;                // it couldn't write to its disk the last time
};

// All borrowed for the call.
struct overview {
    const struct overview_lane *lanes;
    size_t lane_count;
    const struct overview_account *accounts; // in the order of the configuration
    size_t account_count;
    const struct heartbeat_said *processes; // a row for each role of each process
    size_t process_count;
    const struct overview_count *hooks; // deliveries that wait, by receiver
    size_t hook_count;
    const struct overview_count *exhausted; // tasks with a delivery that was given up, by receiver
    size_t exhausted_count;
    const char *storage_trouble; // what a storage fails on, as a role said lately; "": nothing
    struct overview_redis redis;
};

// `overview` is NULL with `err`.
typedef void (*overview_fn)(void *ctx, const struct overview *overview, const struct err *err);
struct store_call *overview_read(struct store *store, overview_fn fn, void *ctx);
