// A submit in doubt: looked up at once, then with growing waits, decided within 15 s.
//
//  start ─▶ NAMED ── it is there ─────────────────────▶ STORING ─▶ over (submitted)
//             └── not there ─▶ SEARCHING ── found ────────┘ the vendor's id
//                               ├── not there, for sure ──▶ over (queued again)
//                               ├── not known ────────────▶ over (looked up again, in a while)
//                               └── not to be known ──────▶ over (failed, or sent again)
//
// A vendor that shows no mark of ours may list jobs that look like the task: Redis knows whose they
// are, and which one is left.
//
// NAMED is an id that the vendor's callback brought; most begin with the search. What goes wrong:
//
// - No answer, or one that can't be read, proves nothing: again, as long as there is time.
// - A vendor that can't be searched may still call back: again; where it can't, as about a call,
//   nothing is to be known.
// - A search of many pages may take longer than a lease: it is kept. Where that is lost, somebody
//   else looks it up.
// - The id can't be stored, for Redis is away: it is kept, and sent again until Redis has it.
#include <stdlib.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/message/trace.h"
#include "core/store/callbacks.h"
#include "core/store/store.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "workers/job.h"
#include "workers/jobs.h"
#include "workers/lease.h"
#include "workers/likeness.h"
#include "workers/poll.h"
#include "workers/vendor.h"

enum { DECIDE_MS = 15000, FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 4000, LOOKUP_TIMEOUT_MS = 5000 };
enum { SETTLE_MS = 2000 };

enum state { NAMED, SEARCHING, STORING };

static const struct job_state states[] = {
    [NAMED] = {"named", JOB_TO(SEARCHING) | JOB_TO(STORING), true},
    [SEARCHING] = {"searching", JOB_TO(STORING), true},
    [STORING] = {"storing", 0, false}, // a drain waits until the id is stored
};

struct doubt {
    struct job job;
    int step;           // how far the search has come
    int64_t until_ms;   // of Redis' clock: after that the search takes no further step
    struct lease lease; // kept until something is found
    // What we wait for: between events exactly one of these is set.
    struct poll *poll;         // NAMED
    struct vendor_call *call;  // SEARCHING
    struct store_call *chosen; // SEARCHING
    struct store_call *stored; // STORING
};

static void doubt_drop(struct job *job)
{
    struct doubt *d = (struct doubt *)job;

    poll_cancel(&d->poll);
    vendor_cancel(&d->call);
    store_cancel(&d->chosen);
    lease_stop(&d->lease);
    store_cancel(&d->stored);
    job_clear(job);
    free(d);
}

static const struct job_kind doubt_kind = {"doubt", states, doubt_drop, job_hand_back, NULL};

// Nothing more can be found out: the task is submitted again, if the operator chose that, or fails
// and says why.
static void doubt_give_up(struct doubt *d)
{
    bool retry = d->job.account->on_unknown_submit == ON_UNKNOWN_RETRY;
    struct store *store = d->job.bench->store;

    metric_add(METRIC_submits_unknown_total, 1);
    log_warn("submit.unknown", "task=%s account=%s retry=%d", d->job.task->id, d->job.task->account,
             retry);
    if (retry) {
        transition_retry_unknown(store, d->job.task, job_listener(&d->job));
    } else {
        transition_fail_unknown(store, d->job.task, d->job.account,
                                d->job.account->provider->typical_ms, job_listener(&d->job));
    }
    job_finish(&d->job);
}

static void doubt_on_stored(void *ctx, enum change_result result, bool is_cancel_asked,
                            const struct err *err)
{
    struct doubt *d = ctx;

    d->stored = NULL;
    if (err != NULL)
        log_error("submit.store", "task=%s error=\"%s\"", d->job.task->id, err->message);
    else if (result == CHANGE_STALE || result == CHANGE_GONE)
        log_warn("submit.stale", "task=%s account=%s", d->job.task->id, d->job.task->account);
    if (err == NULL && result == CHANGE_DONE) {
        bench_forget_request(d->job.bench, d->job.task);
        bench_expect(d->job.bench, d->job.account,
                     is_cancel_asked ? 0 : d->job.account->provider->poll_first_ms);
    }
    job_finish(&d->job);
}

static void doubt_adopt(struct doubt *d, const char *upstream_id)
{
    log_info("submit.found", "task=%s account=%s upstream=%s", d->job.task->id,
             d->job.task->account, upstream_id);
    job_move(&d->job, STORING);
    lease_stop(&d->lease); // the id is stored even if somebody else has the task by now: it was
                           // paid for
    d->stored = transition_adopt(d->job.bench->store, d->job.task, upstream_id,
                                 bench_is_news(d->job.task, TASK_SUBMITTED, false),
                                 (struct listener){doubt_on_stored, d});
}

static void doubt_look_again(struct doubt *d)
{
    int64_t elapsed_ms = store_now_ms(d->job.bench->store) - d->job.task->doubt_ms;
    int64_t wait_ms = elapsed_ms < FIRST_WAIT_MS     ? FIRST_WAIT_MS
                      : elapsed_ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS
                                                     : elapsed_ms;

    if (elapsed_ms + wait_ms > DECIDE_MS) {
        doubt_give_up(d);
        return;
    }
    job_put_off(&d->job, wait_ms);
}

static void doubt_look_up(struct doubt *d, int step);

// The vendor says that the job isn't there. A submit that is only slow may still arrive: the vendor
// is believed when it says so again, a while later.
static void doubt_on_absent(struct doubt *d)
{
    if (store_now_ms(d->job.bench->store) - d->job.task->doubt_ms < SETTLE_MS) {
        doubt_look_again(d);
        return;
    }
    transition_disprove(d->job.bench->store, d->job.task, job_listener(&d->job));
    job_finish(&d->job);
}

static void doubt_on_chosen(void *ctx, const char *job, const struct err *err)
{
    struct doubt *d = ctx;

    d->chosen = NULL;
    if (err != NULL)
        log_warn("lookup.choose", "task=%s error=\"%s\"", d->job.task->id, err->message);
    if (job != NULL)
        doubt_adopt(d, job);
    else
        doubt_look_again(d);
}

static void doubt_choose(struct doubt *d, const struct outcome *outcome)
{
    likeness_set(d->job.task, d->job.account);
    if (d->job.task->likeness == NULL || outcome->mark_count == 0) {
        doubt_look_again(d);
        return;
    }
    d->chosen =
        transition_choose(d->job.bench->store, d->job.task, (const char *const *)outcome->marks,
                          outcome->mark_count, doubt_on_chosen, d);
}

static void doubt_on_answer(void *ctx, const struct http_response *response,
                            const struct http_failure *failure)
{
    struct doubt *d = ctx;
    struct outcome outcome = {0};
    struct err err;

    d->call = NULL;
    if (failure != NULL || !d->job.account->dialect->read_lookup(
                               d->job.task, d->job.account, d->step, response, &outcome, &err)) {
        log_warn("lookup.failed", "task=%s error=\"%s\"", d->job.task->id,
                 failure != NULL ? failure->err.message : err.message);
        doubt_look_again(d);
    } else if (outcome.kind == OUTCOME_ACCEPTED) {
        doubt_adopt(d, outcome.upstream_id);
    } else if (outcome.kind == OUTCOME_ALIKE) {
        doubt_choose(d, &outcome);
    } else if (outcome.kind == OUTCOME_REFUSED_RETRY) {
        doubt_on_absent(d);
    } else if (outcome.kind == OUTCOME_NEXT && store_now_ms(d->job.bench->store) < d->until_ms) {
        doubt_look_up(d, d->step + 1);
    } else {
        doubt_look_again(d);
    }
    outcome_clear(&outcome);
}

static void doubt_look_up(struct doubt *d, int step)
{
    struct http_request request = {0};
    // A vendor may list all jobs that it has.
    struct vendor_options options = {.kind = "lookup",
                                     .http = {.timeout_ms = LOOKUP_TIMEOUT_MS,
                                              .offers_http2 = true,
                                              .max_body_bytes = 64u << 20,
                                              .ctx = d}};
    struct err err;

    d->step = step;
    if (d->job.account->dialect->build_lookup != NULL &&
        d->job.account->dialect->build_lookup(d->job.task, d->job.account, step, &request, &err)) {
        trace_add(d->job.task->trace, &request);
        d->call = vendor_start(d->job.bench->vendors, d->job.account, &request, &options,
                               doubt_on_answer);
    } else if (d->job.account->dialect->read_callback != NULL && !d->job.task->is_call &&
               d->job.bench->callbacks != NULL) {
        doubt_look_again(d); // the vendor may still call back
    } else {
        doubt_give_up(d);
    }
    http_request_clear(&request);
}

// A vendor may list, with each job, where it was told to call.
static void doubt_search(struct doubt *d)
{
    if (d->job.account->dialect->read_callback != NULL && d->job.task->callback_url == NULL)
        d->job.task->callback_url = callbacks_url(d->job.bench->callbacks, d->job.task->id);
    job_move(&d->job, SEARCHING);
    doubt_look_up(d, 0);
}

// The answer about the job that the vendor's callback named: the call came to a path that only this
// submit has. Is the job there?
static void doubt_on_named(void *ctx, const struct outcome *outcome, const struct err *err)
{
    struct doubt *d = ctx;

    (void)err;
    d->poll = NULL;
    if (outcome != NULL && outcome->kind != OUTCOME_MISSING) {
        doubt_adopt(d, d->job.task->upstream_id);
    } else {
        mem_set_str(&d->job.task->upstream_id, NULL);
        doubt_search(d);
    }
}

static void doubt_on_lost(struct job *job)
{
    log_warn("doubt.lease_lost", "task=%s", job->task->id);
    job_finish(job);
}

// A doubt that is first looked up when its time is over may take as long as one request may.
static int64_t doubt_search_until(const struct doubt *d)
{
    int64_t decided_ms = d->job.task->doubt_ms + DECIDE_MS;
    int64_t least_ms = store_now_ms(d->job.bench->store) + LOOKUP_TIMEOUT_MS;

    return decided_ms > least_ms ? decided_ms : least_ms;
}

void doubt_start(struct bench *bench, struct task *task, int64_t claimed_ms)
{
    struct doubt *d = mem_new(struct doubt);
    struct err err;

    job_init(&d->job, bench, task, &doubt_kind);
    if (d->job.account == NULL) {
        job_await_account(&d->job);
        return;
    }
    d->until_ms = doubt_search_until(d);
    lease_start(&d->lease, &d->job, claimed_ms, doubt_on_lost);
    mem_set_str(&task->upstream_id, task->upstream_hint);
    if (task->upstream_id != NULL)
        d->poll = poll_start(bench, task, d->job.account, NULL, doubt_on_named, d, &err);
    if (d->poll == NULL)
        doubt_search(d);
}
