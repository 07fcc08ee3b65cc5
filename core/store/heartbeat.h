// Every role of every process says every few seconds that it is alive: which process it is part of,
// where and since when the process runs, and how much the role has in hand.
#pragma once

#include <hiredis/hiredis.h>
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

// What its storage fails on; NULL: on nothing.
typedef const char *(*heartbeat_trouble_fn)(void *ctx);

// `role` is static. Both functions are asked at each beat; `trouble` NULL: the role stores nothing.
struct heartbeat *heartbeat_start(struct loop *loop, struct store *store, const char *role,
                                  heartbeat_count_fn count, heartbeat_trouble_fn trouble,
                                  void *ctx);
// The word by which all roles of this process name it; "": none of them has started.
const char *heartbeat_process(void);
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

// What a storage fails on, as a role said lately; "": all is well. Borrowed for the call; NULL with
// `err`.
typedef void (*heartbeat_trouble_read_fn)(void *ctx, const char *trouble, const struct err *err);
struct store_call *heartbeat_read_trouble(struct store *store, heartbeat_trouble_read_fn fn,
                                          void *ctx);
// The same from the values that beat.lua keeps, "when trouble".
const char *heartbeat_trouble(const redisReply *values);
