// The webhook role: tells clients' receivers what became of their tasks.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct config;
struct config_mistakes;
struct loop;
struct webhook;

// Notes which of the configuration's secrets can't be used to sign, but for those that were noted:
// before anything is started.
void webhook_check_config(const struct config *config, struct config_mistakes *mistakes);

// `config` is borrowed, outlives us.
struct webhook *webhook_start(struct loop *loop, const struct config *config,
                              const char *redis_url);
// Begins to stop: no new claims. True when nothing is in flight any more, and all results are
// stored. To be called again and again.
bool webhook_drain(struct webhook *webhook);
// A delivery that is still in flight is sent again by whoever claims it when its lease is over.
void webhook_drop(struct webhook **webhook);
