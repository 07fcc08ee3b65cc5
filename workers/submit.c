// One submit: a claimed task goes to its vendor, and what the vendor says is stored before anything
// else is done with it.
//
//  start ─▶ BEGINNING ─▶ SENDING ── accepted ──▶ STORING ─▶ over   (submitted; the id is kept until
//  stored)
//    │        ▲   │         ├────── refused ───▶ over              (queued again, or failed)
//    │        │   │         └────── unknown ───▶ over              (in doubt)
//    │        │   └── cancelled, or not ours ──▶ over
//    └▶ FETCHING inputs ── no ──▶ over                             (queued again, or failed)
//
// Before the first byte leaves, Redis has noted that it may: what was claimed and not begun is
// queued again, whoever dies.
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/storage/storage.h"
#include "core/store/callbacks.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "workers/inputs.h"
#include "workers/job.h"
#include "workers/jobs.h"
#include "workers/lease.h"
#include "workers/vendor.h"

enum { QUESTION_MS = 60000 }; // twice as long as a client waits for the answer of one
enum { MAX_LINK_TRIES = 5, MAX_REQUEST_BYTES = 512 << 20 };
// Until the size of what is fetched is known. Most is less; were it the most that may be fetched, a
// few hosts that are slow would hold up all others.
enum { GUESSED_BYTES = 4 << 20 };

struct sending {
    struct job job;
    struct share share;         // of what inputs may be in hand, from FETCHING on
    struct storage_op *reading; // while FETCHING: first the request itself,
    struct inputs *inputs;      // then what its links lead to;
    struct store_call *begun;   // while BEGINNING: is the task still ours, and wanted?
    struct vendor_call *call;   // while SENDING
    struct lease lease;         // kept until STORING
    struct store_call *stored;  // while STORING
    bool is_too_late;           // the request was kept back, for the lease wasn't sure any more
};

static void drop(struct job *job)
{
    struct sending *s = (struct sending *)job;

    storage_op_cancel(&s->reading);
    inputs_cancel(&s->inputs);
    store_cancel(&s->begun);
    vendor_cancel(&s->call);
    lease_stop(&s->lease);
    store_cancel(&s->stored);
    budget_give_back(&s->share);
    job_clear(job);
    free(s);
}

// The vendor has it. If the client wants it cancelled, now is the time to say so.
static void on_stored(void *ctx, enum change_result result, bool is_cancel_asked,
                      const struct err *err)
{
    struct sending *s = ctx;
    const struct task *task = s->job.task;

    s->stored = NULL;
    if (err != NULL)
        log_error("submit.store", "task=%s error=\"%s\"", task->id, err->message);
    else if (result == CHANGE_STALE)
        log_warn("submit.stale", "task=%s account=%s", task->id, task->account);
    else
        bench_expect(s->job.bench, s->job.account, s->job.provider->poll_first_ms);
    if (err == NULL && result == CHANGE_DONE)
        bench_forget_request(s->job.bench, s->job.task);
    if (is_cancel_asked)
        bench_expect(s->job.bench, s->job.account, 0);
    job_finish(&s->job);
}

static void store_accepted(struct sending *s, const struct outcome *outcome)
{
    int64_t look_ms = s->job.account->poll_interval_ms > 0 ? s->job.account->poll_interval_ms
                                                           : s->job.provider->poll_first_ms;

    log_info("task.submitted", "task=%s account=%s upstream=%s", s->job.task->id,
             s->job.task->account, outcome->upstream_id);
    // Whatever happens to Redis: this id was paid for.
    s->stored =
        transition_accept(s->job.bench->store, s->job.task, outcome->upstream_id, outcome->is_modal,
                          look_ms, bench_is_news(s->job.task, TASK_SUBMITTED, outcome->is_modal),
                          (struct listener){on_stored, s});
}

static void note_failure(const struct sending *s, const char *code, const char *reason)
{
    log_info("task.failed", "task=%s code=%s reason=\"%s\"", s->job.task->id, code, reason);
    metric_add(METRIC_tasks_failed_total, 1);
}

static void fail(struct sending *s, const char *code, const char *reason)
{
    note_failure(s, code, reason);
    transition_fail(s->job.bench->store, s->job.task, code, reason, job_listener(&s->job));
    job_finish(&s->job);
}

// Who asked has gone.
static bool is_past_asking(const struct sending *s)
{
    return s->job.task->is_ask &&
           store_now_ms(s->job.bench->store) - s->job.task->created_ms > QUESTION_MS;
}

// What waits for a vendor waits so long, and no longer.
static bool is_past_waiting(const struct sending *s)
{
    int64_t timeout_ms = s->job.bench->config->queue_timeout_ms;

    return timeout_ms > 0 &&
           store_now_ms(s->job.bench->store) - s->job.task->created_ms > timeout_ms;
}

static const char *reason_of(const struct outcome *outcome)
{
    return outcome->reason == NULL ? "the vendor gave no reason" : outcome->reason;
}

// Nothing was accepted. What that means for the account, and whether the task waits on.
static void refuse(struct sending *s, const struct outcome *outcome, enum refusal_kind kind)
{
    struct store *store = s->job.bench->store;
    struct refusal refusal = {
        .kind = kind, .reason = reason_of(outcome), .cool_ms = outcome->retry_after_ms};

    if (kind != REFUSAL_BAD_KEY && is_past_asking(s)) {
        fail(s, "vendor_no_answer", refusal.reason);
        return;
    }
    metric_add(METRIC_submits_refused_total, 1);
    if (kind == REFUSAL_BAD_KEY)
        log_error("account.out", "account=%s reason=\"%s\" hint=\"mend api_key and restart\"",
                  s->job.account->name, refusal.reason);
    else
        log_info("submit.refused", "task=%s account=%s reason=\"%s\"", s->job.task->id,
                 s->job.account->name, refusal.reason);
    if (is_past_waiting(s)) {
        note_failure(s, "vendor_unavailable", refusal.reason);
        transition_give_up(store, s->job.task, &refusal, "vendor_unavailable",
                           job_listener(&s->job));
    } else {
        transition_refuse(store, s->job.task, &refusal, job_listener(&s->job));
    }
    job_finish(&s->job);
}

static void doubt(struct sending *s, const char *why)
{
    struct store *store = s->job.bench->store;

    if (is_past_asking(s)) {
        fail(s, "vendor_no_answer", why);
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

// An answer that is the result itself: questions.
static void succeed(struct sending *s, const struct outcome *outcome)
{
    char *result = outcome_result(outcome);

    log_info("task.succeeded", "task=%s", s->job.task->id);
    metric_add(METRIC_tasks_succeeded_total, 1);
    transition_succeed(s->job.bench->store, s->job.task, result, job_listener(&s->job));
    free(result);
    job_finish(&s->job);
}

static void decide(struct sending *s, const struct outcome *outcome, const struct err *unreadable)
{
    switch (outcome->kind) {
    case OUTCOME_ACCEPTED:
        store_accepted(s, outcome);
        return;
    case OUTCOME_SUCCEEDED:
        succeed(s, outcome);
        return;
    case OUTCOME_REFUSED_RETRY:
        refuse(s, outcome, REFUSAL_VENDOR);
        return;
    case OUTCOME_REFUSED_ELSEWHERE:
        refuse(s, outcome, REFUSAL_ACCOUNT);
        return;
    case OUTCOME_BAD_KEY:
        refuse(s, outcome, REFUSAL_BAD_KEY);
        return;
    case OUTCOME_REFUSED_FINAL:
    case OUTCOME_FAILED:
        fail(s, outcome->code == NULL ? "vendor_refused" : outcome->code, reason_of(outcome));
        return;
    default:
        doubt(s, unreadable != NULL ? unreadable->message : reason_of(outcome));
        return;
    }
}

// Nothing has left: somebody else may take it at once.
static void hand_back(struct job *job)
{
    transition_hand_back(job->bench->store, job->task, job_listener(job));
    job_finish(job);
}

static void on_answer(void *ctx, const struct http_response *response,
                      const struct http_failure *failure)
{
    struct sending *s = ctx;
    struct outcome outcome = {0};
    struct err err;
    bool is_read;

    s->call = NULL;
    lease_stop(&s->lease);
    if (s->is_too_late) {
        hand_back(&s->job); // no fault of the account's
    } else if (failure != NULL && failure->nothing_sent) {
        // No connection, no TLS, no token: nothing can have been accepted.
        outcome_set_reason(&outcome, failure->err.message);
        refuse(s, &outcome,
               failure->err.code == ERR_AUTH || failure->err.code == ERR_CONFIG
                   ? REFUSAL_BAD_KEY
                   : REFUSAL_UNREACHABLE);
    } else if (failure != NULL) {
        doubt(s, failure->err.message);
    } else {
        is_read =
            s->job.provider->read_submit(s->job.task, s->job.account, response, &outcome, &err);
        if (!is_read)
            outcome.kind = OUTCOME_DOUBT;
        decide(s, &outcome, is_read ? NULL : &err);
    }
    outcome_clear(&outcome);
}

// The answer, if it is good news, will find the record changed.
static void on_lost(struct job *job)
{
    log_warn("submit.lease_lost", "task=%s", job->task->id);
}

// A worker that was stopped must never send late: someone else may have the task by now.
static bool may_send(void *ctx)
{
    struct sending *s = ctx;

    s->is_too_late = !lease_is_sure(&s->lease);
    return !s->is_too_late;
}

static void send_now(struct sending *s)
{
    struct bench *bench = s->job.bench;
    struct task *task = s->job.task;
    struct http_request request = {0};
    struct vendor_options options = {
        .http = {.timeout_ms = s->job.provider->submit_timeout_ms,
                 .fresh_connection = true,
                 .ctx = s},
        .may_send = may_send,
    };
    struct err err;

    if (s->job.provider->read_callback != NULL)
        task->callback_url = callbacks_url(bench->callbacks, task->id);
    if (!s->job.provider->build_submit(task, s->job.account, &request, &err)) {
        http_request_clear(&request);
        fail(s, "internal_error", err.message);
        return;
    }
    s->job.hand_back = NULL; // from here on it may leave, and its answer is worth money
    metric_add(METRIC_submits_total, 1);
    log_info("task.submitting", "task=%s account=%s action=%s", task->id, task->account,
             task->action);
    s->call = vendor_start(bench->vendors, s->job.account, &request, &options, on_answer);
    http_request_clear(&request);
}

static void on_begun(void *ctx, enum begin_result result, const struct err *err)
{
    struct sending *s = ctx;

    s->begun = NULL;
    if (err != NULL) {
        // It may be noted as sent. We know better.
        log_warn("submit.begin", "task=%s error=\"%s\"", s->job.task->id, err->message);
        hand_back(&s->job);
    } else if (result == BEGIN_CANCELLED) {
        log_info("task.cancelled", "task=%s", s->job.task->id);
        bench_forget_request(s->job.bench, s->job.task);
        job_finish(&s->job);
    } else if (result == BEGIN_STALE) {
        log_warn("submit.lease_lost", "task=%s", s->job.task->id);
        job_finish(&s->job);
    } else {
        lease_return(&s->lease);
        if (may_send(s) && !s->job.bench->is_draining)
            send_now(s);
        else
            hand_back(&s->job);
    }
}

static size_t input_bytes(const struct task *task)
{
    size_t bytes = task->request == NULL ? 0 : strlen(task->request);

    for (size_t i = 0; i < task->input_count; i++)
        bytes += task->inputs[i].data.len;
    return bytes;
}

static void begin(struct sending *s)
{
    budget_correct(&s->share, input_bytes(s->job.task));
    lease_lend(&s->lease);
    s->begun = transition_begin(s->job.bench->store, s->job.task, s->job.bench->config->lease_ms,
                                on_begun, s);
}

// What the client's links lead to, for a vendor that takes no links.

static void try_inputs_later(struct sending *s, bool is_link, const char *why)
{
    struct store *store = s->job.bench->store;

    log_warn("submit.inputs", "task=%s error=\"%s\"", s->job.task->id, why);
    if (is_link)
        transition_await_inputs(store, s->job.task, why, job_listener(&s->job));
    else
        transition_await_storage(store, s->job.task, why, job_listener(&s->job));
    job_finish(&s->job);
}

static void on_inputs(void *ctx, const struct err *err, bool may_help)
{
    struct sending *s = ctx;

    s->inputs = NULL;
    if (err == NULL)
        begin(s);
    else if (!may_help || s->job.task->link_tries + 1 >= MAX_LINK_TRIES)
        fail(s, "invalid_request", err->message);
    else
        try_inputs_later(s, true, err->message);
}

static void fetch_links(struct sending *s)
{
    const struct provider *provider = s->job.provider;
    char *first =
        provider->input_at == NULL ? NULL : provider->input_at(s->job.task, s->job.account, 0);

    if (first == NULL)
        begin(s);
    else
        s->inputs = inputs_start(&s->job, on_inputs, s);
    free(first);
}

static void on_request(void *ctx, const struct buf *data, const struct err *err)
{
    struct sending *s = ctx;

    s->reading = NULL;
    if (err == NULL) {
        free(s->job.task->request);
        s->job.task->request = mem_strn(data->data, data->len);
        fetch_links(s);
    } else if (err->code == ERR_NOT_FOUND) {
        fail(s, "input_lost", "the stored request is gone");
    } else {
        try_inputs_later(s, false, err->message);
    }
}

static void fetch(struct sending *s)
{
    struct buf key = {0};

    if (s->job.task->is_request_stored) {
        task_input_key(s->job.task, &key);
        s->reading =
            storage_read(s->job.bench->storage, key.data, MAX_REQUEST_BYTES, on_request, s);
        buf_clear(&key);
    } else {
        fetch_links(s);
    }
}

static void on_room(void *ctx)
{
    struct sending *s = ctx;

    if (!s->job.bench->is_draining) // else it is about to be handed back
        fetch(s);
}

// Large inputs wait for one another, here, where their lease is renewed.
static void prepare(struct sending *s)
{
    if (budget_take(&s->job.bench->inputs, &s->share, s->job.task->owner, GUESSED_BYTES, on_room,
                    s))
        fetch(s);
}

void submit_start(struct bench *bench, struct task *task, int64_t claimed_ms)
{
    struct sending *s = mem_new(struct sending);

    job_init(&s->job, bench, task, drop);
    job_take_place(&s->job, PLACE_SUBMIT);
    lease_start(&s->lease, &s->job, claimed_ms, on_lost);
    if (bench->is_draining || s->job.provider == NULL || !may_send(s)) {
        hand_back(&s->job);
        return;
    }
    s->job.hand_back = hand_back;
    if (task->has_inputs)
        prepare(s);
    else
        begin(s);
}
