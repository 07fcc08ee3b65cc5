// How it all stands, for operators: one read of what Redis knows.
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
    const char *name;    // "": those that wait for a retry, of one provider
    const char *account; // where follow-ups wait for an account; else ""
    char provider[32];   // ""; it is the account's
    int64_t waiting;
    int64_t oldest_ms; // Unix milliseconds: when the oldest was accepted; 0: not known
};

struct overview_account {
    bool is_disabled;
    const char *out;          // why its key is bad; "": it isn't
    int64_t cool_ms, rate_ms; // as in struct account_state
    int64_t used;             // slots
    int64_t running;          // jobs that are looked at
};

struct overview_count {
    const char *name;
    int64_t count;
};

// All borrowed for the call.
struct overview {
    const struct overview_lane *lanes;
    size_t lane_count;
    const struct overview_account *accounts; // in the order of the configuration
    size_t account_count;
    const struct heartbeat_said *processes; // a row for each role of each
    size_t process_count;
    const struct overview_count *hooks; // deliveries that wait, by receiver
    size_t hook_count;
    const struct overview_count *exhausted; // tasks with one that was given up, by receiver
    size_t exhausted_count;
};

// With `err` there is none.
typedef void (*overview_fn)(void *ctx, const struct overview *overview, const struct err *err);
struct store_call *overview_read(struct store *store, overview_fn fn, void *ctx);
