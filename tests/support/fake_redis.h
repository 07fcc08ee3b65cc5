// A connection to Redis that goes nowhere: core/redis/redis.h. Tests publish on its channels and
// answer its commands.
//
// Lines: "subscribe {spool}:ring", "redis GET key", "redis reconnect <why>".
#pragma once

#include <stdbool.h>

#include "tests/support/fake.h"

// Publishes to all who subscribed.
void fake_redis_publish(const char *channel, const char *text);
// Connections are up from the start; this makes all of them go down, or come up again.
void fake_redis_set_up(bool is_up);
// `reply` NULL: the connection broke before the answer came.
struct redisReply;
void fake_redis_answer(struct fake_call *call, const struct redisReply *reply);
