// One submit: a claimed task goes to its vendor, and what the vendor says is stored before anything
// else is done with it.
//
//  start ─▶ WAITING ─▶ READING ─▶ FETCHING ─▶ BEGINNING ── go ──▶ SENDING ── accepted ──▶ STORING
//           for room   what we    what its    in Redis: it        to the                 its id:
//           for its    have       links       may leave           vendor                 submitted
//           inputs     stored     lead to     from now on            │
//                                                                    └─ answered ─▶ KEEPING ─▶
//                                                                    STORING
//                                                                                   the answer's
//                                                                                   the files
//                                                                                   result
//
// A call (providers/provider.h: is_call) is answered with the result, and goes on as an archive,
// in this process: its files are here. A task without inputs begins at once; a request that is in
// Redis needs no reading, one without links no fetching. Mostly all goes well. What may not:
//
// - An input can't be had: for now, and the task is queued again; or never, and it has failed.
// - An input breaks off while it is sent: its vendor has no whole request, and no way to get one.
//   Nothing was accepted, unless it has answered all the same. As before.
// - It isn't ours to begin: its client has cancelled it, or its lease is somebody else's. Over.
// - The lease isn't sure any more, or the worker leaves, and nothing has left yet: handed back.
// - The vendor refuses, or nobody is there: that proves that nothing was accepted. Queued again, or
//   failed where it has waited too long.
// - Its answer is lost, or says nothing: in doubt, from where doubt.c goes on.
// - A call is cancelled: it is over, and its connection is closed.
// - The id can't be stored, for Redis is away: it is kept, and sent again until Redis has it.
//
// Before the first byte leaves, Redis has noted that it may: a task that was claimed and not begun
// is queued again, whichever process dies.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/message/trace.h"
#include "core/storage/storage.h"
#include "core/store/callbacks.h"
#include "core/store/store.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "workers/answer.h"
#include "workers/body.h"
#include "workers/inputs.h"
#include "workers/job.h"
#include "workers/jobs.h"
#include "workers/likeness.h"
#include "workers/linked.h"
#include "workers/submit_private.h"
#include "workers/vendor.h"

enum { MAX_LINK_TRIES = 5, MAX_REQUEST_BYTES = 512 << 20 };
// What a file counts as until its size is known. Most are smaller; if we counted the most that may
// be fetched, a few slow hosts would hold up all others.
enum { GUESSED_BYTES = 4 << 20 };
// A vendor that takes a body's bytes more slowly than this has the less time for its answer.
enum { SLOWEST_BYTES_PER_MS = 1000 };

static const struct job_state states[] = {
    [SUBMIT_WAITING] = {"waiting",
                        JOB_TO(SUBMIT_READING) | JOB_TO(SUBMIT_FETCHING) | JOB_TO(SUBMIT_BEGINNING),
                        true},
    [SUBMIT_READING] = {"reading", JOB_TO(SUBMIT_FETCHING) | JOB_TO(SUBMIT_BEGINNING), true},
    [SUBMIT_FETCHING] = {"fetching", JOB_TO(SUBMIT_BEGINNING), true},
    [SUBMIT_BEGINNING] = {"beginning", JOB_TO(SUBMIT_SENDING), true},
    // From here on the request may leave, and its answer is worth money.
    [SUBMIT_SENDING] = {"sending", JOB_TO(SUBMIT_KEEPING) | JOB_TO(SUBMIT_STORING), false},
    [SUBMIT_KEEPING] = {"keeping", JOB_TO(SUBMIT_STORING), false},
    [SUBMIT_STORING] = {"storing", 0, false},
};

static void submit_drop(struct job *job)
{
    struct submission *s = (struct submission *)job;

    storage_op_cancel(&s->reading);
    store_cancel(&s->begun);
    vendor_cancel(&s->call);
    body_drop(&s->body);
    inputs_drop(&s->inputs);
    linked_drop(&s->linked);
    answer_drop(&s->answer);
    lease_stop(&s->lease);
    store_cancel(&s->stored);
    budget_give_back(&s->share);
    job_clear(job);
    free(s);
}

// Nothing has left: another worker may take the task at once.
static void submit_hand_back(struct job *job)
{
    transition_hand_back(job->bench->store, job->task, job_listener(job));
    job_finish(job);
}

// A call's connection is closed: nobody waits for its answer any more.
static void submit_on_cancelled(struct job *job)
{
    const struct submission *s = (const struct submission *)job;

    if (s->answer == NULL || job->state == SUBMIT_STORING)
        return;
    log_info("task.cancelled", "task=%s", job->task->id);
    bench_forget_request(job->bench, job->task);
    job_finish(job);
}

static const struct job_kind submit_kind = {"submit", states, submit_drop, submit_hand_back,
                                            submit_on_cancelled};

// Inputs that can't be had for now.
static void submit_try_inputs_later(struct submission *s, bool is_link, const char *why)
{
    struct store *store = s->job.bench->store;

    log_warn("submit.inputs", "task=%s error=\"%s\"", s->job.task->id, why);
    if (is_link)
        transition_await_inputs(store, s->job.task, why, job_listener(&s->job));
    else
        transition_await_storage(store, s->job.task, why, job_listener(&s->job));
    job_finish(&s->job);
}

// The only trace that a vendor has of a request whose answer was lost.
static void submit_note_request_id(struct submission *s, const struct http_response *response)
{
    const char *name = s->job.account->dialect->request_id;
    struct buf scratch = {0};
    const char *id = http_header(response, name == NULL ? "x-request-id" : name, &scratch);

    if (id != NULL)
        snprintf(s->asked_as, sizeof s->asked_as, "%s", id);
    buf_clear(&scratch);
}

static void submit_on_answer_room(void *ctx)
{
    struct submission *s = ctx;

    if (s->call != NULL)
        vendor_resume(s->call);
}

static bool submit_on_data(void *ctx, const struct http_response *head, const void *data,
                           size_t len)
{
    struct submission *s = ctx;

    return answer_take(s->answer, head, data, len);
}

static void submit_on_body(void *ctx)
{
    struct submission *s = ctx;

    if (s->call != NULL)
        vendor_resume(s->call);
}

static size_t submit_on_source(void *ctx, char *to, size_t max)
{
    struct submission *s = ctx;

    return body_read(s->body, to, max);
}

// The request was never whole, for we couldn't read all of it.
static void submit_cut(struct submission *s, const struct err *why)
{
    if (why->code == ERR_NOT_FOUND)
        submit_fail(s, "input_lost", "a stored file of the request is gone");
    else
        submit_try_inputs_later(s, false, why->message);
}

// What was sent isn't needed any more. True: it broke off, as `why` says.
static bool submit_end_body(struct submission *s, struct err *why)
{
    const struct err *failure = body_failure(s->body);
    bool is_cut = failure != NULL;

    if (is_cut)
        *why = *failure;
    body_drop(&s->body);
    inputs_drop(&s->inputs);
    return is_cut;
}

static void submit_on_answer(void *ctx, const struct http_response *response,
                             const struct http_failure *failure)
{
    struct submission *s = ctx;
    struct outcome outcome = {0};
    struct err err, why;
    bool is_read, is_cut = submit_end_body(s, &why);

    s->call = NULL;
    metric_observe(HISTOGRAM_stage_seconds, clock_mono_ms() - s->sent_ms, s->job.task->provider,
                   "submit");
    if (s->answer == NULL)
        lease_stop(&s->lease);
    else
        response = answer_rest(s->answer, response);
    submit_note_request_id(s, response);
    if (s->is_too_late) {
        submit_hand_back(&s->job); // no fault of the account's
    } else if (failure != NULL && failure->nothing_sent) {
        // No connection, no TLS, no token: nothing can have been accepted.
        outcome_set_reason(&outcome, failure->err.message);
        submit_refuse(s, &outcome,
                      failure->err.code == ERR_AUTH || failure->err.code == ERR_CONFIG
                          ? REFUSAL_BAD_KEY
                          : REFUSAL_UNREACHABLE);
    } else if (failure != NULL && is_cut && response->status == 0) {
        submit_cut(s, &why);
    } else if (failure != NULL) {
        submit_doubt(s, failure->err.message);
    } else {
        is_read = s->job.account->dialect->read_submit(s->job.task, s->job.account, response,
                                                       &outcome, &err);
        if (!is_read)
            outcome.kind = OUTCOME_DOUBT;
        submit_decide(s, &outcome, is_read ? NULL : &err);
    }
    outcome_clear(&outcome);
}

// The lease is another worker's: the vendor's answer, if it is good news, will find the record
// changed.
static void submit_on_lost(struct job *job)
{
    struct submission *s = (struct submission *)job;

    log_warn("submit.lease_lost", "task=%s", job->task->id);
    // What is left of a call is worth nothing to anybody: it was cancelled, or given up.
    if (s->answer != NULL && job->state != SUBMIT_STORING)
        job_finish(job);
}

// A worker that was stopped must never send late: another one may have the task by now.
static bool submit_may_send(void *ctx)
{
    struct submission *s = ctx;

    s->is_too_late = !lease_is_sure(&s->lease);
    return !s->is_too_late;
}

// A body with files isn't held in memory, and has time to go out.
static void submit_set_source(struct submission *s, struct http_request *request,
                              struct http_options *options)
{
    int64_t bytes = http_body_bytes(request);
    int64_t *timeout_ms = request->timeout_ms > 0 ? &request->timeout_ms : &options->timeout_ms;

    *timeout_ms += bytes / SLOWEST_BYTES_PER_MS;
    options->source_bytes = bytes;
    options->on_source = submit_on_source;
    s->body = body_new(s->job.bench->loop, request, inputs_files(s->inputs), submit_on_body, s);
}

static void submit_send(struct submission *s)
{
    const struct dialect *dialect = s->job.account->dialect;
    struct bench *bench = s->job.bench;
    struct task *task = s->job.task;
    struct http_request request = {0};
    struct vendor_options options = {
        .kind = "submit",
        .http = {.timeout_ms = s->job.account->provider->submit_timeout_ms,
                 .fresh_connection = true,
                 .ctx = s},
        .may_send = submit_may_send,
    };
    struct err err;

    if (dialect->read_callback != NULL)
        task->callback_url = callbacks_url(bench->callbacks, task->id);
    if (!dialect->build_submit(task, s->job.account, &request, &err)) {
        http_request_clear(&request);
        // At fault is the task's request, or a file that its links have led to, or we.
        submit_fail(s, err.code == ERR_INVALID ? "invalid_request" : "internal_error", err.message);
        return;
    }
    trace_add(task->trace, &request);
    if (task->is_call) {
        s->answer = answer_new(bench->answers, task, s->job.account, submit_on_answer_room, s);
        options.http.on_data = submit_on_data;
    }
    if (request.gap_count > 0)
        submit_set_source(s, &request, &options.http);
    job_move(&s->job, SUBMIT_SENDING);
    s->sent_ms = clock_mono_ms();
    metric_add(METRIC_submits_total, 1);
    log_info("task.submitting", "task=%s account=%s action=%s", task->id, task->account,
             task->action);
    s->call = vendor_start(bench->vendors, s->job.account, &request, &options, submit_on_answer);
    http_request_clear(&request);
}

static void submit_on_begun(void *ctx, enum begin_result result, const struct err *err)
{
    struct submission *s = ctx;

    s->begun = NULL;
    if (err != NULL) {
        // Redis may have noted the submit as sent. We know that it wasn't.
        log_warn("submit.begin", "task=%s error=\"%s\"", s->job.task->id, err->message);
        submit_hand_back(&s->job);
    } else if (result == BEGIN_CANCELLED) {
        log_info("task.cancelled", "task=%s", s->job.task->id);
        bench_forget_request(s->job.bench, s->job.task);
        job_finish(&s->job);
    } else if (result == BEGIN_STALE) {
        log_warn("submit.lease_lost", "task=%s", s->job.task->id);
        job_finish(&s->job);
    } else {
        lease_return(&s->lease);
        if (submit_may_send(s) && !s->job.bench->is_draining)
            submit_send(s);
        else
            submit_hand_back(&s->job);
    }
}

static size_t input_bytes(const struct task *task)
{
    size_t bytes = task->request == NULL ? 0 : strlen(task->request);

    for (size_t i = 0; i < task->input_count; i++)
        bytes += task->inputs[i].data.len;
    return bytes;
}

static void submit_begin(struct submission *s)
{
    const struct dialect *dialect = s->job.account->dialect;

    job_move(&s->job, SUBMIT_BEGINNING);
    budget_correct(&s->share, input_bytes(s->job.task));
    lease_lend(&s->lease);
    likeness_set(s->job.task, s->job.account);
    s->job.task->is_call =
        dialect->is_call != NULL && dialect->is_call(s->job.task, s->job.account);
    s->begun = transition_begin(s->job.bench->store, s->job.task, s->job.bench->config->lease_ms,
                                submit_on_begun, s);
}

// Inputs: a request that is stored, and what its links lead to, for a vendor that takes no links;
// or links to what it holds, for one that takes links alone.

static void submit_on_inputs(void *ctx, enum inputs_end end, const struct err *err)
{
    struct submission *s = ctx;
    bool is_last = s->job.task->link_tries + 1 >= MAX_LINK_TRIES;

    if (end == INPUTS_THERE)
        submit_begin(s);
    else if (end == INPUTS_NEVER || (end == INPUTS_LATER && is_last))
        submit_fail(s, "invalid_request", err->message);
    else
        submit_try_inputs_later(s, end == INPUTS_LATER, err->message);
}

static void submit_on_linked(void *ctx, enum linked_end end, const struct err *err)
{
    struct submission *s = ctx;

    linked_drop(&s->linked);
    if (end == LINKED_THERE)
        submit_begin(s);
    else if (end == LINKED_NEVER)
        submit_fail(s, "invalid_request", err->message);
    else
        submit_try_inputs_later(s, false, err->message);
}

static void submit_fetch(struct submission *s)
{
    const struct dialect *dialect = s->job.account->dialect;
    char *first = dialect->input_at == NULL ? NULL : dialect->input_at(s->job.task, 0);

    if (first != NULL)
        s->inputs = inputs_start(&s->job, submit_on_inputs, s);
    else
        s->linked = linked_start(&s->job, submit_on_linked, s);
    if (first != NULL || s->linked != NULL)
        job_move(&s->job, SUBMIT_FETCHING);
    else
        submit_begin(s);
    free(first);
}

static void submit_on_request(void *ctx, const struct buf *data, const struct err *err)
{
    struct submission *s = ctx;

    s->reading = NULL;
    if (err == NULL) {
        free(s->job.task->request);
        s->job.task->request = mem_strn(data->data, data->len);
        submit_fetch(s);
    } else if (err->code == ERR_NOT_FOUND) {
        submit_fail(s, "input_lost", "the stored request is gone");
    } else {
        submit_try_inputs_later(s, false, err->message);
    }
}

static void submit_read(struct submission *s)
{
    struct buf key = {0};

    if (s->job.task->is_request_stored) {
        job_move(&s->job, SUBMIT_READING);
        task_input_key(s->job.task, &key);
        s->reading =
            storage_read(s->job.bench->storage, key.data, MAX_REQUEST_BYTES, submit_on_request, s);
        buf_clear(&key);
    } else {
        submit_fetch(s);
    }
}

static void submit_on_room(void *ctx)
{
    struct submission *s = ctx;

    if (!s->job.bench->is_draining) // where it is draining, the job is about to be handed back
        submit_read(s);
}

// Submits with inputs wait here for one another, while their leases are renewed.
static void submit_await_room(struct submission *s)
{
    if (budget_take(&s->job.bench->inputs, &s->share, s->job.task->owner, GUESSED_BYTES,
                    submit_on_room, s))
        submit_read(s);
}

void submit_start(struct bench *bench, struct task *task, int64_t claimed_ms)
{
    struct submission *s = mem_new(struct submission);

    job_init(&s->job, bench, task, &submit_kind);
    job_take_place(&s->job, PLACE_SUBMIT);
    lease_start(&s->lease, &s->job, claimed_ms, submit_on_lost);
    if (bench->is_draining || s->job.account == NULL || !submit_may_send(s)) {
        submit_hand_back(&s->job);
        return;
    }
    if (task->has_inputs)
        submit_await_room(s);
    else
        submit_begin(s);
}
