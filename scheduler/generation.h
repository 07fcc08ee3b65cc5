// The roles that this process runs by one configuration, each on a thread and a loop of its own.
// When the configuration is read again there is a new generation, which takes the listening sockets
// over, and the old one is drained: it finishes or hands back what it has in hand, and no
// connection that waits to be accepted is lost.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct config;
struct generation;
struct handover;
struct loop;

// What a role is started with. What it names outlives the role; the record is borrowed for the
// call.
struct role_start {
    const struct config *config;
    const char *redis_url;
    struct handover *handover; // by which front doors hand connections to the realtime role
    int listen_fd; // the socket on which the same role of the generation before listens, to listen
                   // on as well; 0: none
};

// A role: what runs on one thread and one loop, and meets other roles in Redis only; but for the
// front doors and the realtime role, between which connections are handed over. A table of roles
// ends with a NULL name; its first role is started first, for it may choose the port that
// public_url is made of.
struct role {
    const char *name;
    unsigned bits; // of config.roles: it is started where one of them is set
    // Called on the main thread.
    void *(*start)(struct loop *loop, const struct role_start *start, struct err *err);
    bool (*drain)(void *role); // called again and again, until it returns true
    void (*drop)(void *role);
    int (*listen_fd)(void *role);  // NULL: it doesn't listen
    int (*port)(const void *role); // NULL: nobody needs its port
    int nice; // of its thread (sched(7)): above 0 it gives way where processors are short
};

// Takes the configuration, on failure too. `before`: the generation that it follows; NULL: none.
// `beat_ms`: how often each loop says that it turns; 0: nobody wants to know. NULL where a role
// can't be started: then none runs, and `before` goes on.
struct generation *generation_start(const struct role *roles, struct config *config,
                                    const char *redis_url, const struct generation *before,
                                    int64_t beat_ms, struct err *err);
const struct config *generation_config(const struct generation *generation);
// Begins to end a generation: each role ends as soon as it is drained, or when drain_timeout_ms is
// over.
void generation_drain(struct generation *generation);
// The role whose loop hasn't said for `silent_ms` that it turns; NULL: all have, or have ended.
const char *generation_stuck(const struct generation *generation, int64_t silent_ms);
// Whether all threads of the generation have ended.
bool generation_is_over(const struct generation *generation);
// Waits until they have, and frees the generation. False: a loop had handles left.
bool generation_join(struct generation **generation);
