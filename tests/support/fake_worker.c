// The bench that jobs hang on.
#include "tests/support/fake_worker.h"

#include "core/config/config.h"
#include "core/store/callbacks.h"
#include "core/store/store.h"
#include "providers/provider.h"
#include "tests/support/check.h"
#include "tests/support/fake.h"
#include "tests/support/fake_http.h"
#include "tests/support/fake_loop.h"
#include "tests/support/fake_storage.h"
#include "tests/support/fake_store.h"
#include "workers/vendor.h"

enum { INPUT_BYTES_MAX = 256 << 20, LATE_MS = 120000 };

static struct worker the_worker;

struct worker *fake_worker(struct loop *loop, const struct config *config)
{
    the_worker = (struct worker){.loop = loop, .config = config};
    the_worker.store = fake_store(config);
    the_worker.http = fake_http_client();
    the_worker.vendors = vendors_new(loop, the_worker.http, config);
    the_worker.storage = fake_storage();
    the_worker.callbacks = callbacks_start(loop, config, the_worker.store, NULL, NULL);
    budget_init(&the_worker.inputs, INPUT_BYTES_MAX);
    return &the_worker;
}

void fake_worker_drop_jobs(struct worker *worker)
{
    while (worker->jobs != NULL)
        worker->jobs->drop(worker->jobs);
}

void fake_worker_drain(struct worker *worker)
{
    worker->is_draining = true;
    for (struct job *job = worker->jobs, *next; job != NULL; job = next) {
        next = job->next;
        if (job->hand_back != NULL)
            job->hand_back(job);
    }
}

void fake_worker_drop_after(struct worker *worker, void (*const *steps)(void), size_t count)
{
    for (size_t i = 0; i < count; i++)
        steps[i]();
    fake_worker_drop_jobs(worker);
    fake_skip();
    assert_int_equal(fake_count("create"), fake_count("drop"));
    assert_int_equal(worker->inputs.used, 0);
    for (int i = 0; i < PLACE_COUNT; i++)
        assert_int_equal(worker->places[i].used, 0);
    fake_late();
    fake_loop_run_ms(worker->loop, LATE_MS);
    fake_expect_nothing();
}

void job_init(struct job *job, struct worker *worker, struct task *task,
              void (*drop)(struct job *job))
{
    job->worker = worker;
    job->task = task;
    job->account = config_account(worker->config, task->account);
    job->provider = job->account == NULL ? NULL : provider_find(task->provider);
    job->place = PLACE_NONE;
    job->drop = drop;
    job->next = worker->jobs;
    job->at = &worker->jobs;
    if (job->next != NULL)
        job->next->at = &job->next;
    worker->jobs = job;
}

void job_take_place(struct job *job, enum place place)
{
    job->place = place;
    job->worker->places[place].used++;
}

void job_hand_back(struct job *job)
{
    transition_hold(job->worker->store, job->task, 0, NULL, NULL);
    job->drop(job);
}

void worker_await_account(struct job *job)
{
    fake_note("await account %s", job->task->id);
    job->drop(job);
}

void job_clear(struct job *job)
{
    if (job->place != PLACE_NONE)
        job->worker->places[job->place].used--;
    *job->at = job->next;
    if (job->next != NULL)
        job->next->at = job->at;
    task_drop(&job->task);
}

void worker_wake(struct worker *worker)
{
    (void)worker;
    fake_note("wake");
}

void worker_forget_request(struct worker *worker, const struct task *task)
{
    (void)worker;
    if (task->is_request_stored)
        fake_note("forget request %s", task->id);
}

struct listener worker_listener(struct worker *worker, const struct task *task)
{
    (void)worker;
    (void)task;
    return (struct listener){0};
}

bool worker_is_news(const struct task *task, enum task_phase to, bool is_modal)
{
    return task->phase != to || is_modal;
}
