// The lease of a task in hand.
#include "workers/lease.h"

#include <stddef.h>

#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/store.h"
#include "core/store/transitions.h"
#include "workers/job.h"

static int64_t lease_ms(const struct lease *lease)
{
    return lease->job->bench->config->lease_ms;
}

static void lease_note_ours(struct lease *lease)
{
    lease->sure_ms = lease->asked_ms + lease_ms(lease) / 2;
}

static void lease_on_held(void *ctx, bool is_ours, const struct err *err)
{
    struct lease *lease = ctx;
    lease_checked_fn checked = lease->checked;

    lease->asking = NULL;
    lease->checked = NULL;
    if (is_ours)
        lease_note_ours(lease);
    if (!is_ours && err == NULL)
        lease->lost(lease->job);
    else if (checked != NULL)
        checked(lease->job, err);
}

static void lease_ask(struct lease *lease)
{
    lease->asked_ms = clock_mono_ms();
    lease->asking = transition_hold(lease->job->bench->store, lease->job->task, lease_ms(lease),
                                    lease_on_held, lease);
}

static void lease_on_due(void *ctx)
{
    struct lease *lease = ctx;

    lease->timer = loop_after(lease->job->bench->loop, lease_ms(lease) / 3, lease_on_due, lease);
    if (lease->asking == NULL && !lease->is_lent)
        lease_ask(lease);
}

void lease_start(struct lease *lease, struct job *job, int64_t asked_ms, lease_lost_fn lost)
{
    *lease = (struct lease){.job = job, .lost = lost, .asked_ms = asked_ms};
    lease_note_ours(lease);
    lease->timer = loop_after(job->bench->loop, lease_ms(lease) / 3, lease_on_due, lease);
}

void lease_stop(struct lease *lease)
{
    loop_cancel(&lease->timer);
    store_cancel(&lease->asking);
}

bool lease_is_sure(const struct lease *lease)
{
    return clock_mono_ms() < lease->sure_ms;
}

int64_t lease_sure_until(const struct lease *lease)
{
    return lease->sure_ms;
}

void lease_check(struct lease *lease, lease_checked_fn checked)
{
    store_cancel(&lease->asking);
    lease->checked = checked;
    lease_ask(lease);
}

void lease_lend(struct lease *lease)
{
    store_cancel(&lease->asking); // its answer would be taken for the answer to the other question
    lease->asked_ms = clock_mono_ms();
    lease->is_lent = true;
}

void lease_return(struct lease *lease)
{
    lease->is_lent = false;
    lease_note_ours(lease);
}
