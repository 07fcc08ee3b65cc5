// The connection of one role to Redis, and the engine that runs the scripts there.
//
// What one turn of the loop asked of a script goes out as one call, over at most 100 items. A call
// whose reply was lost is sent again, for every script knows what it has already done; so a caller
// hears what became of its item, or, past its deadline, that Redis is away.
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/store/args.h"
#include "core/store/scripts.h"

struct config;
struct loop;
struct redis;
struct store;
struct store_call;

// The callback of a layer above, handed through; that layer casts it back to its own type.
typedef void (*store_then_fn)(void);
// `answer` is the item's own, borrowed for the call; NULL with `err`.
typedef void (*store_answer_fn)(void *ctx, store_then_fn then, const redisReply *answer,
                                const struct err *err);
typedef void (*store_fn)(void *ctx);

// `redis_url` is that of Spool's own Redis, or the configuration's. `on_up` is called each time the
// connection is there and the server is fit to be used; it may be NULL. `config` is borrowed,
// outlives us.
struct store *store_start(struct loop *loop, const struct config *config, const char *redis_url,
                          store_fn on_up, void *ctx);
void store_drop(struct store **store); // pending calls are forgotten
bool store_is_up(const struct store *store);
// Why the store isn't up; "" while it is.
const char *store_problem(const struct store *store);
// Calls that haven't been answered yet.
unsigned store_pending(const struct store *store);
// Those of these calls that are sent again for ever: they say what became of a task or a delivery.
unsigned store_owed(const struct store *store);
// A role that leaves waits at most so long for answers that change nothing any more.
enum { STORE_PATIENCE_MS = 1500 };
// The scripts' time as far as we know it, in Unix milliseconds. Times in records come from that
// clock.
int64_t store_now_ms(const struct store *store);
const struct config *store_config(const struct store *store);

enum { STORE_FOR_EVER = -1 };

// Takes what `args` holds. Past `deadline_ms` from now (STORE_FOR_EVER: never) the answer is
// ERR_UNAVAILABLE. Never calls back before it returns. `fn` may be NULL.
struct store_call *store_call(struct store *store, enum script script, struct args *args,
                              int64_t deadline_ms, store_answer_fn fn, store_then_fn then,
                              void *ctx);
// What was asked for may still happen, but `fn` isn't called.
void store_cancel(struct store_call **call);

// A plain command, with the same deadline and sent again in the same way: only for commands that
// may be done twice.
struct store_call *store_command(struct store *store, struct args *argv, int64_t deadline_ms,
                                 store_answer_fn fn, store_then_fn then, void *ctx);
