// The bench of a worker's jobs.
#include "workers/bench.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/storage/storage.h"
#include "providers/family.h"
#include "workers/answer.h"
#include "workers/job.h"
#include "workers/seen.h"

enum { MAX_SUBMITS = 4096, MAX_ARCHIVES = 128, MAX_INPUT_BYTES = 256 << 20 };

// A task whose stored request may not be needed any more: a change that nobody waits for may end
// the task. Only when the change is done do we know that nobody else is about to send the request.
// Or one that is archived: only then do we know whether anybody wants its files.
struct unsent {
    struct bench *bench;
    struct task *task; // ours
    json_t *result;    // with the files; NULL: the task isn't archived
    struct unsent *next, **at;
};

void bench_init(struct bench *bench, struct loop *loop, const struct config *config,
                const struct bench_events *events)
{
    *bench = (struct bench){.events = *events, .loop = loop, .config = config};
    budget_init(&bench->inputs, MAX_INPUT_BYTES);
    bench->seen = seen_new();
    bench->places[PLACE_SUBMIT].max = MAX_SUBMITS;
    bench->places[PLACE_ARCHIVE].max = MAX_ARCHIVES;
    for (int i = 0; i < PLACE_COUNT; i++)
        bench->held[i] = mem_array(int, config->account_count);
}

void bench_drop_jobs(struct bench *bench)
{
    while (bench->jobs != NULL)
        bench->jobs->kind->drop(bench->jobs);
}

// Handing one job back drops no other.
void bench_hand_back(struct bench *bench)
{
    for (struct job *job = bench->jobs, *next; job != NULL; job = next) {
        next = job->next;
        if (job->kind->states[job->state].may_go)
            job->kind->hand_back(job);
    }
}

void bench_end_cancelled(struct bench *bench, const char *id)
{
    struct job *job = bench->jobs;

    while (job != NULL && (job->kind->cancelled == NULL || strcmp(job->task->id, id) != 0))
        job = job->next;
    if (job != NULL)
        job->kind->cancelled(job);
}

static void unsent_free(struct unsent *unsent)
{
    *unsent->at = unsent->next;
    if (unsent->next != NULL)
        unsent->next->at = unsent->at;
    task_free(unsent->task);
    json_decref(unsent->result);
    free(unsent);
}

void bench_clear(struct bench *bench)
{
    bench_drop_jobs(bench);
    seen_drop(&bench->seen);
    while (bench->unsent != NULL)
        unsent_free(bench->unsent);
    for (int i = 0; i < PLACE_COUNT; i++)
        free(bench->held[i]);
}

void bench_wake(struct bench *bench)
{
    bench->events.on_wake(bench->events.ctx);
}

void bench_expect(struct bench *bench, const struct account *account, int64_t ms)
{
    bench->events.on_expected(bench->events.ctx, account, ms);
}

void bench_put_off(struct bench *bench, const struct account *account, int64_t ms)
{
    bench->events.on_put_off(bench->events.ctx, account, ms);
}

void bench_cancel(struct bench *bench, const struct task *task, bool runs)
{
    bench->events.on_cancellable(bench->events.ctx, task, runs);
}

void bench_archive(struct bench *bench, struct task *task, int64_t claimed_ms)
{
    bench->events.on_archiving(bench->events.ctx, task, claimed_ms);
}

// Changes.

static void bench_on_changed(void *ctx, enum change_result result, bool is_cancel_asked,
                             const struct err *err)
{
    (void)is_cancel_asked;
    if (err != NULL) {
        log_error("change.lost", "error=\"%s\"", err->message);
    } else if (result == CHANGE_STALE || result == CHANGE_GONE) {
        metric_add(METRIC_stale_writes_total, 1);
        log_debug("change.stale", "ctx=%p", ctx);
    } else {
        bench_wake(ctx); // the task may be due, or have freed a slot
    }
}

static void delete_files(struct bench *bench, const json_t *result)
{
    json_t *source;
    size_t i;

    json_array_foreach(json_object_get(result, "sources"), i, source)
    {
        const char *key = field_str_or_empty(source, "artifact.key");

        if (*key != '\0')
            storage_delete(bench->storage, key);
    }
}

static void unsent_on_changed(void *ctx, enum change_result result, bool is_cancel_asked,
                              const struct err *err)
{
    struct unsent *unsent = ctx;
    struct bench *bench = unsent->bench;

    if (err == NULL && result == CHANGE_ENDED && unsent->result == NULL)
        bench_forget_request(bench, unsent->task);
    if (err == NULL && result == CHANGE_GONE)
        delete_files(bench, unsent->result);
    if (err == NULL && (result == CHANGE_GONE || result == CHANGE_ENDED))
        answer_forget(bench->answers, unsent->task, unsent->result);
    unsent_free(unsent);
    bench_on_changed(bench, result, is_cancel_asked, err);
}

static struct unsent *unsent_new(struct bench *bench, const struct task *task)
{
    struct unsent *unsent = mem_new(struct unsent);

    unsent->bench = bench;
    unsent->task = task_copy(task);
    unsent->next = bench->unsent;
    unsent->at = &bench->unsent;
    if (unsent->next != NULL)
        unsent->next->at = &unsent->next;
    bench->unsent = unsent;
    return unsent;
}

struct listener bench_listener(struct bench *bench, const struct task *task)
{
    if (task->is_request_stored && task->phase <= TASK_IN_DOUBT)
        return (struct listener){unsent_on_changed, unsent_new(bench, task)};
    return (struct listener){bench_on_changed, bench};
}

struct listener bench_listener_of_files(struct bench *bench, const struct task *task,
                                        json_t *result)
{
    struct unsent *unsent = unsent_new(bench, task);

    unsent->result = json_incref(result);
    return (struct listener){unsent_on_changed, unsent};
}

void bench_forget_request(struct bench *bench, const struct task *task)
{
    struct buf key = {0};

    if (!task->is_request_stored)
        return;
    task_input_key(task, &key);
    storage_delete(bench->storage, key.data);
    buf_clear(&key);
}

bool bench_is_news(const struct task *task, enum task_phase to, bool is_modal)
{
    const struct family *family = family_find(task->family);

    return family == NULL || strcmp(family->word(task->phase, task->substate != NULL),
                                    family->word(to, is_modal)) != 0;
}
