// A connection to Redis over hiredis: pipelined, reconnecting, with a watchdog.
//
// hiredis 0.14 has no timeouts, ignores poll errors and its libuv adapter asks for events far too
// often, so the adapter here is our own. The commands of one turn of the loop are written together.
#pragma once

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf;
struct loop;
struct redis;

// `reply` is borrowed for the call, NULL where the connection broke before it came: the command may
// or may not have been carried out. Error replies come as REDIS_REPLY_ERROR.
typedef void (*redis_reply_fn)(void *ctx, const redisReply *reply);
typedef void (*redis_state_fn)(void *ctx, bool is_up);

struct redis_options {
    const char *url; // a good one (redis_url_read): redis://[user:password@]host:port[/db] or
                     // unix:///path, borrowed
    int64_t command_timeout_ms; // 0: none (for blocking reads); else a silent server is dropped
    redis_state_fn on_state;    // up or down, on the loop; may be NULL
    void *ctx;
};

// Starts connecting; reconnects by itself, 50 ms doubling to 2 s.
struct redis *redis_start(struct loop *loop, const struct redis_options *options);
// Pending commands are forgotten without a callback.
void redis_drop(struct redis **redis);
bool redis_is_up(const struct redis *redis);
// Hangs up and connects anew, to where the address leads by now; also from inside a callback.
void redis_reconnect(struct redis *redis, const char *why);

// Sends a command, which is RESP already, and copied. While the connection is down it fails at
// once, from inside the call, with NULL. `fn` may be NULL.
void redis_send(struct redis *redis, const struct buf *command, redis_reply_fn fn, void *ctx);
// The same for a command whose words have no spaces: redis_sendf(r, fn, ctx, "GET %s", key).
void redis_sendf(struct redis *redis, redis_reply_fn fn, void *ctx, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
// Subscribes for as long as the redis lives, anew after each reconnect. Nothing else may be sent on
// such a connection. `fn` gets each message's payload.
void redis_subscribe(struct redis *redis, const char *channel, redis_reply_fn fn, void *ctx);
