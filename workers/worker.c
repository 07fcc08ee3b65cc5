// The worker role: claims tasks that can act, sleeps till the next one is due, is woken when one
// can act earlier. A heartbeat finds those whose wake-up was lost: each second while there is
// something to do, and rarely where there is nothing.
#include "workers/worker.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/storage/storage.h"
#include "core/store/accounts.h"
#include "core/store/bell.h"
#include "core/store/callbacks.h"
#include "core/store/claim_serial.h"
#include "core/store/heartbeat.h"
#include "core/store/queue.h"
#include "core/store/store.h"
#include "workers/account_lanes.h"
#include "workers/bench.h"
#include "workers/follow.h"
#include "workers/job.h"
#include "workers/jobs.h"
#include "workers/vendor.h"

enum {
    HEARTBEAT_MS = 1000,
    MAX_CLAIM = 64,    // in one call
    SWEEP_COUNT = 500, // records of one step of the sweeper
    SWEEP_EVERY_MS = 3000,
    STORAGE_SWEEP_EVERY_MS = 3600 * 1000,
};

// One of the two claims that go on for ever.
struct claim {
    struct worker *worker;
    struct queue_claim queue;   // what the claim calls back
    struct store_call *call;    // the claim under way; NULL: none is
    bool is_asked;              // whether another claim is wanted after it
    struct claim_serial serial; // a new number for each, but the same after a lost answer
    struct loop_timer *timer;   // till the next claim is worth sending
};

struct worker {
    struct bench bench; // what jobs know
    struct follow *follow;
    struct account_lanes accounts;
    struct bell *bell;
    struct heartbeat *beat;
    struct claim submits, due;
    struct store_call *sweep;
    struct loop_timer *heartbeat;
    bool was_up, was_busy;
    bool is_sweeping; // a round is under way
    int64_t swept_ms, storage_swept_ms, drain_ms;
    char *missed; // accounts that tasks wait for, as we logged them last; NULL: none
};

// Claims.

static void submits_claim(struct worker *w);
static void due_claim(struct worker *w);
static void worker_expect_heartbeat(struct worker *w);

static void submits_on_timer(void *ctx)
{
    struct claim *submits = ctx;

    submits->timer = NULL;
    submits_claim(submits->worker);
}

static void due_on_timer(void *ctx)
{
    struct claim *due = ctx;

    due->timer = NULL;
    due_claim(due->worker);
}

static void (*const starts[])(struct bench *bench, struct task *task, int64_t claimed_ms) = {
    [WORK_SUBMIT] = submit_start,
    [WORK_DOUBT] = doubt_start,
    [WORK_ARCHIVE] = archive_start,
    [WORK_WATCH] = watch_start,
};

static void claim_on_work(void *ctx, enum work_kind kind, struct task *task)
{
    struct claim *claim = ctx;
    struct bench *bench = &claim->worker->bench;

    if (bench->is_draining && kind != WORK_SUBMIT) {
        transition_hold(bench->store, task, 0, NULL, NULL);
        task_free(task);
        return;
    }
    starts[kind](bench, task, claim->serial.begun_ms);
}

// Sets for each account how many more places of the kind it may take.
static void worker_measure_room(struct worker *w, enum place place)
{
    for (size_t i = 0; i < w->accounts.count; i++)
        w->accounts.list[i].room = places_room(&w->bench.places[place], w->bench.held[place][i], 1);
}

// Whether the claim may be sent now. While one is under way, notes that another is wanted.
static bool claim_begin(struct claim *claim)
{
    const struct bench *bench = &claim->worker->bench;

    if (bench->is_draining || !store_is_up(bench->store))
        return false;
    claim->is_asked = claim->call != NULL;
    if (claim->call != NULL)
        return false;
    claim_serial_next(&claim->serial, bench->config->lease_ms);
    return true;
}

static void submits_on_claimed(void *ctx, size_t count, int64_t next_ms, const struct err *err)
{
    struct claim *submits = ctx;

    submits->call = NULL;
    submits->serial.is_lost = err != NULL;
    loop_cancel(&submits->timer);
    if (err != NULL) {
        worker_expect_heartbeat(submits->worker); // which asks again
        return;
    }
    if (next_ms >= 0)
        submits->timer =
            loop_after(submits->worker->bench.loop, next_ms, submits_on_timer, submits);
    if (count > 0 || submits->is_asked)
        submits_claim(submits->worker);
}

static void submits_claim(struct worker *w)
{
    // A submit that left without a path to call back on couldn't be found by the vendor's callback.
    if (!callbacks_is_ready(w->bench.callbacks) || !claim_begin(&w->submits))
        return;
    worker_measure_room(w, PLACE_SUBMIT);
    w->submits.call = queue_claim_submits(w->bench.store, w->submits.serial.number, MAX_CLAIM,
                                          w->accounts.list, w->accounts.count, &w->submits.queue);
}

static void due_on_claimed(void *ctx, size_t count, int64_t next_ms, const struct err *err)
{
    struct claim *due = ctx;

    due->call = NULL;
    due->serial.is_lost = err != NULL;
    loop_cancel(&due->timer);
    if (err != NULL) {
        worker_expect_heartbeat(due->worker);
        return;
    }
    if (next_ms >= 0)
        due->timer = loop_after(due->worker->bench.loop, next_ms, due_on_timer, due);
    if (count > 0 || due->is_asked)
        due_claim(due->worker);
}

static void due_claim(struct worker *w)
{
    const struct places *archives = &w->bench.places[PLACE_ARCHIVE];

    if (!claim_begin(&w->due))
        return;
    worker_measure_room(w, PLACE_ARCHIVE);
    w->due.call = queue_claim_due(w->bench.store, w->due.serial.number, MAX_CLAIM, w->accounts.list,
                                  w->accounts.count, places_room(archives, 0, 1), &w->due.queue);
}

static void worker_claim(struct worker *w)
{
    submits_claim(w);
    due_claim(w);
}

// What jobs want.

static void worker_on_job_wakes(void *ctx)
{
    worker_claim(ctx);
}

static void worker_on_job_expects(void *ctx, const struct account *account, int64_t ms)
{
    struct worker *w = ctx;

    follow_expect(w->follow, account, ms);
}

static void worker_on_job_puts_off(void *ctx, const struct account *account, int64_t ms)
{
    struct worker *w = ctx;

    follow_put_off(w->follow, account, ms);
}

static void worker_on_job_cancels(void *ctx, const struct task *task, bool runs)
{
    struct worker *w = ctx;

    cancel_start(&w->bench, task, runs);
}

static void worker_on_job_archives(void *ctx, struct task *task, int64_t claimed_ms)
{
    struct worker *w = ctx;

    archive_start(&w->bench, task, claimed_ms);
}

// The sweeper: any worker may do it, one round goes through all records.

// Logged once, not in each round.
static void worker_tell_missed(struct worker *w, const struct sweep *sweep)
{
    struct buf names = {0};

    for (size_t i = 0; i < sweep->account_count; i++)
        buf_fmt(&names, "%s%s", i == 0 ? "" : ",", sweep->accounts[i]);
    if (names.len > 0 && (w->missed == NULL || strstr(w->missed, names.data) == NULL)) {
        log_error("account.missed",
                  "accounts=%s hint=\"tasks wait for them: configure them again, or they fail\"",
                  names.data);
        mem_set_str(&w->missed, names.data);
    }
    buf_clear(&names);
}

static void worker_on_swept(void *ctx, const struct sweep *sweep, const struct err *err)
{
    struct worker *w = ctx;

    w->sweep = NULL;
    if (err != NULL)
        return;
    if (sweep->repairs > 0) {
        metric_add(METRIC_sweeper_repairs_total, sweep->repairs);
        log_warn("sweeper.repaired", "count=%lld", (long long)sweep->repairs);
        worker_claim(w);
    }
    for (size_t i = 0; i < sweep->ended_count; i++)
        bench_forget_request(&w->bench, &sweep->ended[i]);
    if (sweep->ended_count > 0)
        log_warn("sweeper.ended", "count=%zu", sweep->ended_count);
    worker_tell_missed(w, sweep);
    w->is_sweeping = !sweep->is_over;
    if (sweep->is_over)
        w->swept_ms = clock_mono_ms();
}

static void worker_sweep(struct worker *w)
{
    if (w->sweep != NULL || w->bench.is_draining ||
        (!w->is_sweeping && clock_mono_ms() - w->swept_ms < SWEEP_EVERY_MS))
        return;
    w->sweep = queue_sweep(w->bench.store, SWEEP_COUNT, worker_on_swept, w);
}

static void worker_sweep_files(struct worker *w)
{
    w->storage_swept_ms = clock_mono_ms();
    storage_sweep(w->bench.storage);
    storage_sweep(w->bench.answers);
}

static bool worker_is_idle(const struct worker *w)
{
    return w->bench.jobs == NULL && !w->was_busy && follow_is_idle(w->follow) && !w->is_sweeping &&
           store_is_up(w->bench.store);
}

static void worker_on_heartbeat(void *ctx)
{
    struct worker *w = ctx;

    w->heartbeat = NULL;
    if (worker_is_idle(w)) // with what says that the process is there
        w->heartbeat = loop_in_step(w->bench.loop, HEARTBEAT_EVERY_MS, worker_on_heartbeat, w);
    else
        worker_expect_heartbeat(w);
    metric_set(METRIC_redis_up, store_is_up(w->bench.store));
    if (clock_mono_ms() - w->storage_swept_ms > STORAGE_SWEEP_EVERY_MS)
        worker_sweep_files(w);
    // Memory that a busy time took goes back to the system when that is over.
    if (w->was_busy && w->bench.jobs == NULL)
        malloc_trim(0);
    w->was_busy = w->bench.jobs != NULL;
    if (!store_is_up(w->bench.store))
        return;
    worker_claim(w);
    follow_wake(w->follow);
    worker_sweep(w);
}

// In the place of one that is expected later.
static void worker_expect_heartbeat(struct worker *w)
{
    loop_cancel(&w->heartbeat);
    w->heartbeat = loop_after(w->bench.loop, HEARTBEAT_MS, worker_on_heartbeat, w);
}

static void worker_on_ring(void *ctx, const char *what)
{
    struct worker *w = ctx;
    const struct account *account = config_account(w->bench.config, what);

    if (account != NULL)
        follow_expect(w->follow, account, 0); // a look may be due
    else if (id_is_task(what))
        bench_end_cancelled(&w->bench, what);
    worker_claim(w);
}

static void worker_on_up(void *ctx)
{
    struct worker *w = ctx;
    bool is_first = !w->was_up;

    w->was_up = true;
    for (size_t i = 0; is_first && i < w->bench.config->account_count; i++)
        accounts_begin(w->bench.store, &w->bench.config->accounts[i]);
    heartbeat_wake(w->beat);
    worker_claim(w);
    follow_wake(w->follow);
}

static unsigned worker_in_hand(void *ctx)
{
    const struct worker *w = ctx;
    unsigned count = 0;

    for (const struct job *job = w->bench.jobs; job != NULL; job = job->next)
        count++;
    return count;
}

static const char *worker_trouble(void *ctx)
{
    const struct worker *w = ctx;

    return storage_trouble(w->bench.storage);
}

static void worker_on_callbacks_ready(void *ctx)
{
    struct worker *w = ctx;

    worker_claim(w);
}

// Start and stop.

struct worker *worker_start(struct loop *loop, const struct config *config, const char *redis_url)
{
    struct worker *w = mem_new(struct worker);
    struct bench *bench = &w->bench;

    bench_init(bench, loop, config,
               &(struct bench_events){worker_on_job_wakes, worker_on_job_expects,
                                      worker_on_job_puts_off, worker_on_job_cancels,
                                      worker_on_job_archives, w});
    bench->http = http_client_new(loop, "Spool/" SPOOL_VERSION);
    bench->vendors = vendors_new(loop, bench->http, config);
    bench->storage = storage_new(loop, bench->http, config);
    bench->answers = storage_new_local(loop, config);
    bench->store = store_start(loop, config, redis_url, worker_on_up, w);
    bench->callbacks = callbacks_start(loop, config, bench->store, worker_on_callbacks_ready, w);
    w->follow = follow_start(bench);
    w->beat = heartbeat_start(loop, bench->store, "worker", worker_in_hand, worker_trouble, w);
    account_lanes_init(&w->accounts, config);
    w->submits.worker = w->due.worker = w;
    w->submits.queue = (struct queue_claim){claim_on_work, submits_on_claimed, &w->submits};
    w->due.queue = (struct queue_claim){claim_on_work, due_on_claimed, &w->due};
    w->bell = bell_start(loop, redis_url, BELL_QUEUE, worker_on_ring, w);
    worker_expect_heartbeat(w);
    worker_sweep_files(w);
    return w;
}

bool worker_drain(struct worker *w)
{
    struct bench *bench = &w->bench;
    bool is_patient;

    if (!bench->is_draining) {
        bench->is_draining = true;
        w->drain_ms = clock_mono_ms();
        bench_hand_back(bench); // another worker, or the one that replaces this, goes on with them
        heartbeat_leave(w->beat);
    }
    // We wait for a submit under way: its answer is worth money. Also for changes that Redis hasn't
    // taken yet, for there may be a vendor's id among them; for other calls to Redis only a moment;
    // and for the storage to delete parts of files that were handed back, which cost money while
    // they are there.
    is_patient = clock_mono_ms() - w->drain_ms < STORE_PATIENCE_MS;
    return bench->places[PLACE_SUBMIT].used == 0 &&
           (is_patient && store_is_up(bench->store) ? store_pending(bench->store)
                                                    : store_owed(bench->store)) == 0 &&
           !storage_is_tidying(bench->storage);
}

void worker_drop(struct worker **worker)
{
    struct worker *w = *worker;

    if (w == NULL)
        return;
    *worker = NULL;
    loop_cancel(&w->submits.timer);
    loop_cancel(&w->due.timer);
    loop_cancel(&w->heartbeat);
    heartbeat_drop(&w->beat);
    store_cancel(&w->submits.call);
    store_cancel(&w->due.call);
    store_cancel(&w->sweep);
    bench_clear(&w->bench);
    follow_drop(&w->follow);
    callbacks_drop(&w->bench.callbacks);
    vendors_drop(&w->bench.vendors);
    storage_free(&w->bench.storage);
    storage_free(&w->bench.answers);
    bell_drop(&w->bell);
    http_client_drop(&w->bench.http);
    store_drop(&w->bench.store);
    account_lanes_clear(&w->accounts);
    free(w->missed);
    free(w);
}
