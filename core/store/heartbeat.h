// Every role of every process says every few seconds that it lives: which process it is part of,
// where that runs and since when, and how much it has in hand.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct heartbeat;
struct loop;
struct store;
struct store_call;

enum { HEARTBEAT_EVERY_MS = 5000, HEARTBEAT_SILENT_MS = 3 * HEARTBEAT_EVERY_MS };

// How many tasks, deliveries or requests it has in hand.
typedef unsigned (*heartbeat_count_fn)(void *ctx);

// `role` is static. `count` is asked at each beat.
struct heartbeat *heartbeat_start(struct loop *loop, struct store *store, const char *role,
                                  heartbeat_count_fn count, void *ctx);
// Redis is there: it is said at once.
void heartbeat_wake(struct heartbeat *heartbeat);
// It leaves: nobody needs to wait until it has been silent for long. No beat after that.
void heartbeat_leave(struct heartbeat *heartbeat);
void heartbeat_drop(struct heartbeat **heartbeat);

// A role of a process, as it said last. Its texts are borrowed.
struct heartbeat_said {
    const char *process; // a word of its own for each
    const char *role, *host, *version;
    int pid;
    unsigned in_hand;
    int64_t started_ms, said_ms; // Unix milliseconds
};
// From what beat.lua keeps: "process role" and "when host pid version started in hand". The words
// are cut apart in place. False: it isn't that.
bool heartbeat_read(struct heartbeat_said *said, char *name, char *words);
