// The roles of this process by one configuration: each on a thread and a loop of its own. When the
// configuration is read again there is a new generation, which takes the listening sockets over,
// and the old one is drained: what it has in hand it finishes or hands back, and no connection that
// waits to be accepted is lost.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct config;
struct generation;
struct loop;

// What runs on one thread and one loop, and meets the others in Redis only. A table of them ends
// with a NULL name; the first is started first, for it may choose the port that public_url is made
// of.
struct role {
    const char *name;
    unsigned bit; // of config.roles
    // `listen_fd`: the socket of the role before it, to listen at; 0: none. Runs on the main
    // thread.
    void *(*start)(struct loop *loop, const struct config *config, const char *redis_url,
                   int listen_fd, struct err *err);
    bool (*drain)(void *role); // asked again and again, until it is true
    void (*drop)(void *role);
    int (*listen_fd)(const void *role); // NULL: it doesn't listen
    int (*port)(const void *role);      // NULL: its port is nobody's to know
};

// Takes the configuration, on failure too. `before`: the generation that it follows; NULL: none.
// NULL where a role can't be started: then none of its is, and `before` goes on.
struct generation *generation_start(const struct role *roles, struct config *config,
                                    const char *redis_url, const struct generation *before,
                                    struct err *err);
const struct config *generation_config(const struct generation *generation);
// Begins to end it: each role as soon as it is drained, or when drain_timeout_ms is over.
void generation_drain(struct generation *generation);
// Whether all of its threads have ended.
bool generation_is_over(const struct generation *generation);
// Waits for that, and frees it. False: a loop had handles left.
bool generation_join(struct generation **generation);
