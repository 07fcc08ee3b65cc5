// Every role of every process says every few seconds that it is alive: which process it is part of,
// where and since when the process runs, and how much the role has in hand.
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

// How many tasks, deliveries or requests the role has in hand.
typedef unsigned (*heartbeat_count_fn)(void *ctx);

// `role` is static. `count` is asked at each beat.
struct heartbeat *heartbeat_start(struct loop *loop, struct store *store, const char *role,
                                  heartbeat_count_fn count, void *ctx);
// Redis is there: the next beat is sent at once.
void heartbeat_wake(struct heartbeat *heartbeat);
// The role leaves: nobody needs to wait until it has been silent for long. No beat follows.
void heartbeat_leave(struct heartbeat *heartbeat);
void heartbeat_drop(struct heartbeat **heartbeat);

// A role of a process, as it said last. Its texts are borrowed.
struct heartbeat_said {
    const char *process; // a random word, different for each process
    const char *role, *host, *version;
    int pid;
    unsigned in_hand;
    int64_t started_ms, said_ms; // Unix milliseconds
};
// Reads what beat.lua keeps: "process role" and "when host pid version started in_hand". The words
// are cut apart in place. False: the texts don't have this form.
bool heartbeat_read(struct heartbeat_said *said, char *name, char *words);
