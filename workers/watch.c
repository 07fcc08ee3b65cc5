// The silent watch: a task has ended here while its vendor job may still run. Its slot is taken
// until the job ends, or the watch does (due.lua ends the watch).
//
//  start ─▶ LOOKING ── it has ended there ──▶ over (its slot is free)
//             └── it runs, or nobody knows ──▶ over (again later)
//
// A task whose account isn't configured, or that has no vendor's id, isn't looked at: it waits for
// the end of its watch.
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/store.h"
#include "providers/outcome.h"
#include "workers/job.h"
#include "workers/jobs.h"
#include "workers/poll.h"

enum { LOOK_EVERY_MS = 15000 };

enum state { LOOKING };

static const struct job_state states[] = {[LOOKING] = {"looking", 0, true}};

struct watch {
    struct job job;
    struct poll *poll;
};

static void watch_drop(struct job *job)
{
    struct watch *w = (struct watch *)job;

    poll_cancel(&w->poll);
    job_clear(job);
    free(w);
}

static const struct job_kind watch_kind = {"watch", states, watch_drop, job_hand_back, NULL};

static void watch_look_again(struct watch *w)
{
    int64_t left_ms = w->job.task->watch_ms - store_now_ms(w->job.bench->store);
    int64_t wait_ms = LOOK_EVERY_MS;

    if (w->job.account != NULL && w->job.account->poll_interval_ms > 0)
        wait_ms = w->job.account->poll_interval_ms;
    if (w->job.task->upstream_id == NULL || wait_ms > left_ms)
        wait_ms = left_ms; // there is nothing to look at until the watch ends
    job_put_off(&w->job, wait_ms < 0 ? 0 : wait_ms);
}

static void watch_on_told(void *ctx, const struct outcome *outcome, const struct err *err)
{
    struct watch *w = ctx;

    (void)err;
    w->poll = NULL;
    if (outcome != NULL && (outcome->kind == OUTCOME_SUCCEEDED || outcome->kind == OUTCOME_FAILED ||
                            outcome->kind == OUTCOME_CANCELLED)) {
        log_info("watch.over", "task=%s account=%s", w->job.task->id, w->job.task->account);
        transition_unwatch(w->job.bench->store, w->job.task);
        job_drop(&w->job);
    } else {
        watch_look_again(w);
    }
}

void watch_start(struct bench *bench, struct task *task, int64_t claimed_ms)
{
    struct watch *w = mem_new(struct watch);
    struct err err;

    (void)claimed_ms; // one look is shorter than any lease
    job_init(&w->job, bench, task, &watch_kind);
    if (w->job.account != NULL && task->upstream_id != NULL)
        w->poll = poll_start(bench, task, w->job.account, NULL, watch_on_told, w, &err);
    if (w->poll == NULL)
        watch_look_again(w);
}
