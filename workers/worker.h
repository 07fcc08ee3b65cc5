// The worker role, as main.c starts it.
#pragma once

#include <stdbool.h>

struct config;
struct loop;
struct worker;

struct worker *worker_start(struct loop *loop, const struct config *config, const char *redis_url);
// Begins to stop: nothing new is claimed. True when nothing is in hand any more.
bool worker_drain(struct worker *worker);
// What is still in hand is left to its lease.
void worker_drop(struct worker **worker);
