// The metrics that aren't counted but asked for: the queue, slots, accounts and workers, from what
// Redis knows, the same whichever process is asked; and this process, as /proc has it.
#pragma once

#include <stdint.h>

struct buf;
struct config;
struct overview;

// `overview` NULL: Redis is away, and nothing is said of what it knows.
void gauges_write(struct buf *out, const struct config *config, const struct overview *overview,
                  int64_t now_ms);
