// Whoever supervises this process (systemd, where the unit has Type=notify) is told how it is:
// ready, reading its configuration again, ending; and, as often as that is wanted, that every loop
// turns. See sd_notify(3).
#pragma once

#include <stdint.h>

struct loop;
struct supervisor;

// The name of a loop that hasn't turned for `silent_ms`; NULL: all have.
typedef const char *(*supervisor_stuck_fn)(void *ctx, int64_t silent_ms);

// To be called before there are threads. Never NULL; without a supervisor it does nothing. `stuck`
// is called on `loop`, from supervisor_ready on.
struct supervisor *supervisor_start(struct loop *loop, supervisor_stuck_fn stuck, void *ctx);
// How often a loop has to say that it turns; 0: nobody asks.
int64_t supervisor_beat_ms(const struct supervisor *supervisor);
// Everything is served; also after a configuration was read again, or was refused. `status` is for
// people.
void supervisor_ready(struct supervisor *supervisor, const char *status, ...)
    __attribute__((format(printf, 2, 3)));
void supervisor_reloading(struct supervisor *supervisor);
// It ends, within `most_ms`.
void supervisor_stopping(struct supervisor *supervisor, int64_t most_ms);
void supervisor_drop(struct supervisor **supervisor);
