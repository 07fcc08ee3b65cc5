// The worker role, as main.c starts it.
#pragma once

#include <stdbool.h>

struct config;
struct loop;
struct worker;

struct worker *worker_start(struct loop *loop, const struct config *config, const char *redis_url);
// Begins to stop: nothing more is claimed. True when nothing is in hand any more.
bool worker_drain(struct worker *worker);
// Tasks that are still in hand are claimed again when their leases are over.
void worker_drop(struct worker **worker);
