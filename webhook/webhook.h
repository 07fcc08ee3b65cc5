// The webhook role: tells clients' receivers what became of their tasks.
#pragma once

#include <stdbool.h>

#include "core/base/err.h"

struct config;
struct loop;
struct webhook;

// Whether the secrets of the configuration can be signed with: asked before anything is started.
bool webhook_check_config(const struct config *config, struct err *err) WARN_UNUSED;

// `config` is borrowed, outlives us.
struct webhook *webhook_start(struct loop *loop, const struct config *config,
                              const char *redis_url);
// Begins to stop: no new claims. True when nothing is in flight any more, and all results are
// stored. It is asked again and again.
bool webhook_drain(struct webhook *webhook);
// What is in flight then is sent again by whoever claims it when its lease is over.
void webhook_drop(struct webhook **webhook);
