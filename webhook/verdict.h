// What an answer to a webhook means: delivered, again after a while, or over. Pure.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/store/deliveries.h"

struct verdict_rules {
    const int64_t *retry_delays_ms; // borrowed; there is one attempt more than there are delays
    size_t retry_count;
};

// `tries` were made before this attempt. `http_status` 0: no answer. `retry_after` is the header's
// text, NULL for none, and moves the next attempt to between once and twice its scheduled delay.
// `delay_ms` is 0 where there is no next attempt.
enum delivery_outcome verdict_of(const struct verdict_rules *rules, int tries, int http_status,
                                 const char *retry_after, int64_t now_wall_ms, int64_t *delay_ms);
