// The metrics that aren't counted but read when somebody asks: the queue, slots, accounts and
// workers, from what Redis knows, the same whichever process is asked; and this process' own, from
// /proc.
#pragma once

#include <stdint.h>

struct buf;
struct config;
struct overview;

// `overview` NULL: Redis is away, and the metrics that it knows are left out.
void gauges_write(struct buf *out, const struct config *config, const struct overview *overview,
                  int64_t now_ms);
