// A bell: what one process does rings at the others, so that nobody waits for a heartbeat. Nothing
// depends on it: who misses a ring is woken by the next heartbeat.
#pragma once

struct bell;
struct loop;

enum bell_kind {
    BELL_QUEUE,      // a lane has a task, or an account has room: rings with its name
    BELL_DELIVERIES, // a delivery is due: rings with its task
};

// `what` is borrowed for the call. Never after a drop.
typedef void (*bell_fn)(void *ctx, const char *what);

// Has a connection of its own, for it listens. `redis_url` is borrowed for the call.
struct bell *bell_start(struct loop *loop, const char *redis_url, enum bell_kind kind, bell_fn fn,
                        void *ctx);
void bell_drop(struct bell **bell);
