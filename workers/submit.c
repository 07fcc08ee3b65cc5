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
#include "workers/archive_result.h"
#include "workers/body.h"
#include "workers/elsewhere.h"
#include "workers/inputs.h"
#include "workers/job.h"
#include "workers/jobs.h"
#include "workers/lease.h"
#include "workers/likeness.h"
#include "workers/vendor.h"

enum { QUESTION_MS = 60000 }; // twice as long as a client waits for the answer to a question
enum { MAX_LINK_TRIES = 5, MAX_REQUEST_BYTES = 512 << 20 };
// What a file counts as until its size is known. Most are smaller; if we counted the most that may
// be fetched, a few slow hosts would hold up all others.
enum { GUESSED_BYTES = 4 << 20 };
// A vendor that takes a body's bytes more slowly than this has the less time for its answer.
enum { SLOWEST_BYTES_PER_MS = 1000 };

enum state { WAITING, READING, FETCHING, BEGINNING, SENDING, KEEPING, STORING };

static const struct job_state states[] = {
    [WAITING] = {"waiting", JOB_TO(READING) | JOB_TO(FETCHING) | JOB_TO(BEGINNING), true},
    [READING] = {"reading", JOB_TO(FETCHING) | JOB_TO(BEGINNING), true},
    [FETCHING] = {"fetching", JOB_TO(BEGINNING), true},
    [BEGINNING] = {"beginning", JOB_TO(SENDING), true},
    // From here on the request may leave, and its answer is worth money.
    [SENDING] = {"sending", JOB_TO(KEEPING) | JOB_TO(STORING), false},
    [KEEPING] = {"keeping", JOB_TO(STORING), false},
    [STORING] = {"storing", 0, false},
};

struct submission {
    struct job job;
    struct share share;    // of the bytes of inputs that may be in hand; WAITING waits for it
    struct lease lease;    // kept until the answer is there
    char asked_as[100];    // what the vendor calls the request; "": nothing
    bool is_too_late;      // the request was kept back, for the lease wasn't sure any more
    int64_t sent_ms;       // of our monotonic clock
    int64_t stored_ms;     // of the same: the lease of the archive was asked for then
    struct answer *answer; // of a call; NULL: it is none
    struct inputs *inputs; // until the answer is there; what FETCHING waits for
    struct body *body;     // of a request that is sent bit by bit, until the answer is there
    // What we wait for: between events exactly one of these is set, but for WAITING, FETCHING
    // and KEEPING, which wait for room, for the inputs and for the answer's files.
    struct storage_op *reading; // READING
    struct store_call *begun;   // BEGINNING
    struct vendor_call *call;   // SENDING
    struct store_call *stored;  // STORING
};

static void submit_drop(struct job *job)
{
    struct submission *s = (struct submission *)job;

    storage_op_cancel(&s->reading);
    store_cancel(&s->begun);
    vendor_cancel(&s->call);
    body_drop(&s->body);
    inputs_drop(&s->inputs);
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

    if (s->answer == NULL || job->state == STORING)
        return;
    log_info("task.cancelled", "task=%s", job->task->id);
    bench_forget_request(job->bench, job->task);
    job_finish(job);
}

static const struct job_kind submit_kind = {"submit", states, submit_drop, submit_hand_back,
                                            submit_on_cancelled};

// The vendor has the task. If the client wants it cancelled, now is the time to tell the vendor.
static void submit_on_stored(void *ctx, enum change_result result, bool is_cancel_asked,
                             const struct err *err)
{
    struct submission *s = ctx;
    const struct task *task = s->job.task;

    s->stored = NULL;
    if (err != NULL)
        log_error("submit.store", "task=%s error=\"%s\"", task->id, err->message);
    else if (result == CHANGE_STALE || result == CHANGE_GONE)
        log_warn("submit.stale", "task=%s account=%s", task->id, task->account);
    else
        bench_expect(s->job.bench, s->job.account, s->job.account->provider->poll_first_ms);
    if (err == NULL && result == CHANGE_DONE)
        bench_forget_request(s->job.bench, s->job.task);
    if (is_cancel_asked)
        bench_expect(s->job.bench, s->job.account, 0);
    job_finish(&s->job);
}

static void submit_store(struct submission *s, const struct outcome *outcome)
{
    int64_t look_ms = s->job.account->poll_interval_ms > 0
                          ? s->job.account->poll_interval_ms
                          : s->job.account->provider->poll_first_ms;

    log_info("task.submitted", "task=%s account=%s upstream=%s", s->job.task->id,
             s->job.task->account, outcome->upstream_id);
    job_move(&s->job, STORING);
    // Stored whatever happens to Redis: this id was paid for.
    s->stored =
        transition_accept(s->job.bench->store, s->job.task, outcome->upstream_id, outcome->is_modal,
                          look_ms, bench_is_news(s->job.task, TASK_SUBMITTED, outcome->is_modal),
                          (struct listener){submit_on_stored, s});
}

static void submit_note_failure(const struct submission *s, const char *code, const char *reason)
{
    log_info("task.failed", "task=%s code=%s reason=\"%s\"", s->job.task->id, code, reason);
}

static void submit_fail(struct submission *s, const char *code, const char *reason)
{
    submit_note_failure(s, code, reason);
    transition_fail(s->job.bench->store, s->job.task, code, reason, job_listener(&s->job));
    job_finish(&s->job);
}

// Whether the client that asked the question has gone.
static bool is_past_asking(const struct submission *s)
{
    return s->job.task->is_ask &&
           store_now_ms(s->job.bench->store) - s->job.task->created_ms > QUESTION_MS;
}

// Whether the task has waited for a vendor as long as it may.
static bool is_past_waiting(const struct submission *s)
{
    int64_t timeout_ms = s->job.bench->config->queue_timeout_ms;

    return timeout_ms > 0 &&
           store_now_ms(s->job.bench->store) - s->job.task->created_ms > timeout_ms;
}

static const char *reason_of(const struct outcome *outcome)
{
    return outcome->reason == NULL ? "the vendor gave no reason" : outcome->reason;
}

// Nothing was accepted. Decides what that means for the account, and whether the task waits on.
static void submit_refuse(struct submission *s, const struct outcome *outcome,
                          enum refusal_kind kind)
{
    struct store *store = s->job.bench->store;
    struct refusal refusal = {
        .kind = kind, .reason = reason_of(outcome), .cool_ms = outcome->retry_after_ms};

    if (kind != REFUSAL_BAD_KEY && is_past_asking(s)) {
        submit_fail(s, "vendor_no_answer", refusal.reason);
        return;
    }
    metric_add(METRIC_submits_refused_total, 1);
    if (kind == REFUSAL_BAD_KEY)
        log_error("account.out", "account=%s reason=\"%s\" hint=\"mend its key and enable it\"",
                  s->job.account->name, refusal.reason);
    else
        log_info("submit.refused", "task=%s account=%s reason=\"%s\"", s->job.task->id,
                 s->job.account->name, refusal.reason);
    if (is_past_waiting(s)) {
        submit_note_failure(s, "vendor_unavailable", refusal.reason);
        transition_give_up(store, s->job.task, &refusal, "vendor_unavailable",
                           job_listener(&s->job));
    } else {
        transition_refuse(store, s->job.task, &refusal, job_listener(&s->job));
    }
    job_finish(&s->job);
}

// A model that this account hasn't got, or may not use, another may have. The account rests for no
// other's sake: it is well.
static bool submit_move(struct submission *s, const struct outcome *outcome)
{
    const struct account *to;

    if (outcome->code == NULL || strcmp(outcome->code, "model_not_found") != 0)
        return false;
    to = elsewhere_next(s->job.bench->config, s->job.account, s->job.task);
    if (to == NULL)
        return false;
    metric_add(METRIC_submits_refused_total, 1);
    log_info("submit.moved", "task=%s account=%s to=%s reason=\"%s\"", s->job.task->id,
             s->job.account->name, to->name, reason_of(outcome));
    transition_move(s->job.bench->store, s->job.task, to->name, reason_of(outcome),
                    job_listener(&s->job));
    job_finish(&s->job);
    return true;
}

static void submit_doubt(struct submission *s, const char *reason)
{
    struct store *store = s->job.bench->store;
    char why[400];

    snprintf(why, sizeof why, *s->asked_as == '\0' ? "%s" : "%s (request %s)", reason, s->asked_as);

    if (is_past_asking(s)) {
        submit_fail(s, "vendor_no_answer", why);
        return;
    }
    log_warn("submit.doubt", "task=%s account=%s why=\"%s\"", s->job.task->id, s->job.account->name,
             why);
    if (s->job.task->is_ask) {
        transition_ask_again(store, s->job.task, why, job_listener(&s->job));
    } else {
        metric_add(METRIC_submits_in_doubt_total, 1);
        transition_doubt(store, s->job.task, why, job_listener(&s->job));
    }
    job_finish(&s->job);
}

static void submit_end(struct submission *s, const char *result)
{
    log_info("task.succeeded", "task=%s", s->job.task->id);
    transition_succeed(s->job.bench->store, s->job.task, result, job_listener(&s->job));
    job_finish(&s->job);
}

// The answer to a question is the result itself.
static void submit_end_question(struct submission *s, const struct outcome *outcome)
{
    char *result = outcome_result(outcome);

    submit_end(s, result);
    free(result);
}

// Calls.

// The result is in Redis: from here on the task is an archive, by whoever has its lease.
static void submit_on_answer_stored(void *ctx, enum change_result result, bool is_cancel_asked,
                                    const struct err *err)
{
    struct submission *s = ctx;
    struct bench *bench = s->job.bench;
    struct task *task = s->job.task;
    int64_t asked_ms = s->stored_ms;

    (void)is_cancel_asked;
    s->stored = NULL;
    if (err != NULL)
        log_error("submit.store", "task=%s error=\"%s\"", task->id, err->message);
    else if (result != CHANGE_DONE)
        log_warn("submit.stale", "task=%s account=%s", task->id, task->account);
    if (err == NULL && result != CHANGE_DONE)
        answer_forget(bench->answers, task, answer_result(s->answer));
    if (err != NULL || result != CHANGE_DONE) {
        job_finish(&s->job);
        return;
    }
    bench_forget_request(bench, task);
    task->version++;
    task->phase = TASK_ARCHIVING;
    task->archive_ms = store_now_ms(bench->store);
    if (bench->is_draining) {
        transition_hold(bench->store, task, 0, NULL, NULL);
        job_finish(&s->job);
        return;
    }
    task = job_take_task(&s->job);
    job_drop(&s->job);
    bench_archive(bench, task, asked_ms);
    bench_wake(bench);
}

static void submit_on_kept(void *ctx)
{
    struct submission *s = ctx;
    struct bench *bench = s->job.bench;
    struct task *task = s->job.task;

    free(task->result);
    task->result = json_dumps(answer_result(s->answer), JSON_COMPACT);
    log_info("task.answered", "task=%s account=%s", task->id, task->account);
    lease_stop(&s->lease);
    job_move(&s->job, STORING);
    s->stored_ms = clock_mono_ms();
    // Stored whatever happens to Redis: this was paid for.
    s->stored = transition_answer(
        bench->store, task, task->result, bench_is_news(task, TASK_ARCHIVING, false),
        bench->config->lease_ms, (struct listener){submit_on_answer_stored, s});
}

static void submit_keep(struct submission *s, const struct outcome *outcome)
{
    char *text = outcome_result(outcome), *texts;

    if (outcome->source_count == 0) {
        submit_fail(s, "vendor_failed", "the vendor's answer has no result");
    } else if (!archive_result_has_files(outcome)) {
        texts = archive_result_of_texts(text);
        submit_end(s, texts);
        free(texts);
    } else {
        job_move(&s->job, KEEPING);
        if (answer_keep(s->answer, json_loads(text, 0, NULL), submit_on_kept, s))
            submit_on_kept(s);
    }
    free(text);
}

static void submit_decide(struct submission *s, const struct outcome *outcome,
                          const struct err *unreadable)
{
    switch (outcome->kind) {
    case OUTCOME_ACCEPTED:
        submit_store(s, outcome);
        return;
    case OUTCOME_SUCCEEDED:
        if (s->answer != NULL)
            submit_keep(s, outcome);
        else
            submit_end_question(s, outcome);
        return;
    case OUTCOME_REFUSED_RETRY:
        submit_refuse(s, outcome, REFUSAL_VENDOR);
        return;
    case OUTCOME_REFUSED_ELSEWHERE:
        submit_refuse(s, outcome, REFUSAL_ACCOUNT);
        return;
    case OUTCOME_BAD_KEY:
        submit_refuse(s, outcome, REFUSAL_BAD_KEY);
        return;
    case OUTCOME_REFUSED_FINAL:
    case OUTCOME_FAILED:
        if (submit_move(s, outcome))
            return;
        submit_fail(s, outcome->code == NULL ? "vendor_refused" : outcome->code,
                    reason_of(outcome));
        return;
    default:
        submit_doubt(s, unreadable != NULL ? unreadable->message : reason_of(outcome));
        return;
    }
}

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
    if (s->answer != NULL && job->state != STORING)
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
    job_move(&s->job, SENDING);
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

    job_move(&s->job, BEGINNING);
    budget_correct(&s->share, input_bytes(s->job.task));
    lease_lend(&s->lease);
    likeness_set(s->job.task, s->job.account);
    s->job.task->is_call =
        dialect->is_call != NULL && dialect->is_call(s->job.task, s->job.account);
    s->begun = transition_begin(s->job.bench->store, s->job.task, s->job.bench->config->lease_ms,
                                submit_on_begun, s);
}

// Inputs: a request that is stored, and what its links lead to, for a vendor that takes no links.

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

static void submit_fetch(struct submission *s)
{
    const struct dialect *dialect = s->job.account->dialect;
    char *first = dialect->input_at == NULL ? NULL : dialect->input_at(s->job.task, 0);

    if (first == NULL) {
        submit_begin(s);
    } else {
        job_move(&s->job, FETCHING);
        s->inputs = inputs_start(&s->job, submit_on_inputs, s);
    }
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
        job_move(&s->job, READING);
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
