// What a supervisor is told, and when.
#include "scheduler/supervisor.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/notify.h"
#include "core/loop/loop.h"

// Of the time within which the supervisor wants to hear from us: it is told after a half, as
// sd_watchdog_enabled(3) recommends; a loop beats each eighth, and is stuck after a quarter. Then
// we look again after an eighth, so that one which was only busy costs us no more than that.
enum { TELL_PART = 2, STUCK_PART = 4, BEAT_PART = 8, AGAIN_MS = 100 };

struct supervisor {
    struct loop *loop; // borrowed, outlives us
    supervisor_stuck_fn stuck;
    void *ctx;
    struct notify *notify;
    struct loop_timer *look;  // whether all loops turn; runs from the first time that we are ready
    struct loop_timer *again; // sends what the supervisor had no room for
    struct buf state;         // the last that was to be said
    bool is_withheld;
};

static int64_t part_ms(const struct supervisor *s, int part)
{
    int64_t ms = notify_watchdog_ms(s->notify) / part;

    return ms > 0 ? ms : 1;
}

static void send_state(void *ctx)
{
    struct supervisor *s = ctx;

    s->again = NULL;
    if (!notify_send(s->notify, buf_text(&s->state)))
        s->again = loop_after(s->loop, AGAIN_MS, send_state, s);
}

// Takes the place of what wasn't sent yet: only the present state is news.
static void tell(struct supervisor *s)
{
    loop_cancel(&s->again);
    send_state(s);
}

static void on_look(void *ctx)
{
    struct supervisor *s = ctx;
    const char *name = s->stuck(s->ctx, part_ms(s, STUCK_PART));

    if (name != NULL && !s->is_withheld)
        log_error("watchdog.withheld", "role=%s hint=\"its loop doesn't turn\"", name);
    else if (name == NULL && s->is_withheld)
        log_warn("watchdog.resumed", "hint=\"all loops turn\"");
    s->is_withheld = name != NULL;
    if (s->is_withheld || !notify_send(s->notify, "WATCHDOG=1"))
        s->look = loop_after(s->loop, part_ms(s, BEAT_PART), on_look, s);
    else
        s->look = loop_after(s->loop, part_ms(s, TELL_PART), on_look, s);
}

struct supervisor *supervisor_start(struct loop *loop, supervisor_stuck_fn stuck, void *ctx)
{
    struct supervisor *s = mem_new(struct supervisor);

    s->loop = loop;
    s->stuck = stuck;
    s->ctx = ctx;
    s->notify = notify_new();
    return s;
}

int64_t supervisor_beat_ms(const struct supervisor *s)
{
    return notify_watchdog_ms(s->notify) == 0 ? 0 : part_ms(s, BEAT_PART);
}

void supervisor_ready(struct supervisor *s, const char *status, ...)
{
    size_t from;
    va_list args;

    if (!notify_is_on(s->notify))
        return;
    buf_reset(&s->state);
    buf_str(&s->state, "READY=1\nSTATUS=");
    from = s->state.len;
    va_start(args, status);
    buf_vfmt(&s->state, status, args);
    va_end(args);
    // A line of its own would be another message.
    for (size_t i = from; i < s->state.len; i++)
        if (iscntrl((unsigned char)s->state.data[i]))
            s->state.data[i] = ' ';
    tell(s);
    if (s->look == NULL && notify_watchdog_ms(s->notify) > 0)
        on_look(s);
}

void supervisor_reloading(struct supervisor *s)
{
    buf_reset(&s->state);
    buf_fmt(&s->state, "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reading the configuration again",
            (long long)clock_mono_us());
    tell(s);
}

// A unit's TimeoutStopSec doesn't know drain_timeout_ms.
void supervisor_stopping(struct supervisor *s, int64_t most_ms)
{
    buf_reset(&s->state);
    buf_fmt(&s->state, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld\nSTATUS=finishing what is under way",
            (long long)most_ms * 1000);
    tell(s);
}

void supervisor_drop(struct supervisor **pointer)
{
    struct supervisor *s = *pointer;

    if (s == NULL)
        return;
    loop_cancel(&s->look);
    loop_cancel(&s->again);
    notify_free(s->notify);
    buf_clear(&s->state);
    free(s);
    *pointer = NULL;
}
