// What Seedream's models take, and how Ark is asked for it.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"

struct account;
struct task;

// A dialect's check. A model that isn't in our tables may take anything.
bool seedream_body_check(const struct task *task, const struct account *account, struct err *err);
// Turns the kept request into a body for Ark; takes the reference.
json_t *seedream_body_of_ark(const struct task *task, const struct account *account, json_t *asked);
// The same for a relay.
json_t *seedream_body_of_relay(const struct task *task, const struct account *account,
                               json_t *asked);
