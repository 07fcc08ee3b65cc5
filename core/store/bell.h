// A bell: what one process does rings at the others, so that nobody waits for a heartbeat. Nothing
// depends on it: a process that misses a ring is woken by the next heartbeat.
#pragma once

struct bell;
struct loop;

enum bell_kind {
    BELL_QUEUE,      // a lane has a task, or an account has room: rings with the lane's or
                     // account's name; or a call was cancelled: rings with its task
    BELL_DELIVERIES, // deliveries are due: rings with one's task
};

// `what` is borrowed for the call. Never called after a drop.
typedef void (*bell_fn)(void *ctx, const char *what);

// The bell has a connection of its own, because one that subscribes can do nothing else.
// `redis_url` is borrowed for the call.
struct bell *bell_start(struct loop *loop, const char *redis_url, enum bell_kind kind, bell_fn fn,
                        void *ctx);
void bell_drop(struct bell **bell);
