// One task in hand.
#include "workers/job.h"

#include <assert.h>
#include <stddef.h>

#include "core/base/log.h"
#include "core/config/config.h"
#include "providers/provider.h"

enum { ACCOUNT_AGAIN_MS = 3000 };

void job_init(struct job *job, struct bench *bench, struct task *task, const struct job_kind *kind)
{
    job->bench = bench;
    job->task = task;
    job->account = config_account(bench->config, task->account);
    job->place = PLACE_NONE;
    job->kind = kind;
    job->next = bench->jobs;
    job->at = &bench->jobs;
    if (job->next != NULL)
        job->next->at = &job->next;
    bench->jobs = job;
}

void job_move(struct job *job, unsigned next)
{
    const struct job_state *states = job->kind->states;

    assert(states[job->state].next & JOB_TO(next));
    log_debug("job.move", "task=%s kind=%s from=%s to=%s", job->task->id, job->kind->name,
              states[job->state].name, states[next].name);
    job->state = next;
}

static void count_place(const struct job *job, int by)
{
    struct bench *bench = job->bench;

    bench->places[job->place].used += by;
    if (job->account != NULL)
        bench->held[job->place][job->account - bench->config->accounts] += by;
}

void job_take_place(struct job *job, enum place place)
{
    job->place = place;
    count_place(job, 1);
}

void job_clear(struct job *job)
{
    if (job->place != PLACE_NONE)
        count_place(job, -1);
    *job->at = job->next;
    if (job->next != NULL)
        job->next->at = job->at;
    task_drop(&job->task);
}

struct task *job_take_task(struct job *job)
{
    struct task *task = job->task;

    job->task = NULL;
    return task;
}

void job_drop(struct job *job)
{
    job->kind->drop(job);
}

void job_finish(struct job *job)
{
    struct bench *bench = job->bench;

    job_drop(job);
    bench_wake(bench);
}

void job_put_off(struct job *job, int64_t ms)
{
    transition_hold(job->bench->store, job->task, ms, NULL, NULL);
    job_drop(job);
}

void job_hand_back(struct job *job)
{
    job_put_off(job, 0);
}

void job_await_account(struct job *job)
{
    job_put_off(job, ACCOUNT_AGAIN_MS);
}

struct listener job_listener(const struct job *job)
{
    return bench_listener(job->bench, job->task);
}
