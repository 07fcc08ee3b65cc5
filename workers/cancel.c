// One cancel at a vendor. It is sent only right after the vendor has said that the job still waits:
// a late one would destroy the record of a finished job (Ark, and others with DELETE). Where the
// vendor can stop what runs it is sent right after it has said that the job runs.
//
//  start ─▶ ASKING ── whatever it says ──▶ over (and looked at, for the job's own state decides)
//
// A drain cuts it: whoever looks next, and finds that it still waits, or runs, asks again.
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/message/trace.h"
#include "core/store/queue.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "workers/job.h"
#include "workers/jobs.h"
#include "workers/vendor.h"

enum { TIMEOUT_MS = 5000, LOOK_AFTER_MS = 50 };

enum state { ASKING };

static const struct job_state states[] = {[ASKING] = {"asking", 0, false}};

struct cancel {
    struct job job;
    bool runs; // a job that runs takes its time to stop, or doesn't: it is looked at when it would
               // have been anyway
    struct vendor_call *call;
};

static void cancel_drop(struct job *job)
{
    struct cancel *c = (struct cancel *)job;

    vendor_cancel(&c->call);
    job_clear(job);
    free(c);
}

static const struct job_kind cancel_kind = {"cancel", states, cancel_drop, NULL, NULL};

static void cancel_on_answer(void *ctx, const struct http_response *response,
                             const struct http_failure *failure)
{
    struct cancel *c = ctx;

    c->call = NULL;
    log_info("cancel.asked", "task=%s account=%s answer=%d error=\"%s\"", c->job.task->id,
             c->job.account->name, response->status, failure == NULL ? "" : failure->err.message);
    if (!c->runs) {
        queue_look_now(c->job.bench->store, c->job.task);
        bench_expect(c->job.bench, c->job.account, LOOK_AFTER_MS);
    }
    job_drop(&c->job);
}

static bool is_under_way(const struct bench *bench, const struct task *task)
{
    for (const struct job *job = bench->jobs; job != NULL; job = job->next)
        if (job->kind == &cancel_kind && strcmp(job->task->id, task->id) == 0)
            return true;
    return false;
}

void cancel_start(struct bench *bench, const struct task *task, bool runs)
{
    struct cancel *c;
    struct http_request request = {0};
    struct vendor_options options = {.kind = "cancel", .http = {.timeout_ms = TIMEOUT_MS}};
    struct err err;

    if (is_under_way(bench, task))
        return;
    c = mem_new(struct cancel);
    c->runs = runs;
    options.http.ctx = c;
    job_init(&c->job, bench, task_copy(task), &cancel_kind);
    if (c->job.account->dialect->build_cancel(task, c->job.account, &request, &err)) {
        trace_add(task->trace, &request);
        c->call =
            vendor_start(bench->vendors, c->job.account, &request, &options, cancel_on_answer);
    } else {
        log_warn("cancel.build", "task=%s error=\"%s\"", task->id, err.message);
        job_drop(&c->job);
    }
    http_request_clear(&request);
}
