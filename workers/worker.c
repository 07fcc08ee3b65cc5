// The worker role: claims what can act, sleeps till the next thing is due, is woken for what comes
// earlier. A heartbeat a second finds what a lost wake-up would have told.
#include "workers/worker.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
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
#include "core/store/queue.h"
#include "core/store/store.h"
#include "workers/accounts.h"
#include "workers/bench.h"
#include "workers/follow.h"
#include "workers/jobs.h"
#include "workers/vendor.h"

enum {
    HEARTBEAT_MS = 1000,
    MAX_CLAIM = 64,    // in one call
    SWEEP_COUNT = 500, // records of one step of the sweeper
    SWEEP_EVERY_MS = 3000,
    STORAGE_SWEEP_EVERY_MS = 3600 * 1000,
};

struct worker {
    struct bench bench; // what jobs know
    struct follow *follow;
    struct accounts accounts;
    struct bell *bell;
    struct queue_claim submits_claim, due_claim;
    struct store_call *submits, *due, *sweep;
    bool is_submits_asked, is_due_asked; // while a claim is under way
    // Of the claims: another number for each, but the same while the answer to the last one is
    // lost.
    struct claim_serial submits_serial, due_serial;
    struct loop_timer *submits_timer, *due_timer, *heartbeat;
    bool was_up, was_busy;
    char cursor[32]; // of the sweeper
    int64_t swept_ms, storage_swept_ms, beaten_ms, drain_ms;
    char *missed; // accounts that tasks wait for, as it was said last; NULL: none
};

// Claims.

static void claim_submits(struct worker *w);
static void claim_due(struct worker *w);

static void on_submits_timer(void *ctx)
{
    struct worker *w = ctx;

    w->submits_timer = NULL;
    claim_submits(w);
}

static void on_due_timer(void *ctx)
{
    struct worker *w = ctx;

    w->due_timer = NULL;
    claim_due(w);
}

static void (*const starts[])(struct bench *bench, struct task *task, int64_t claimed_ms) = {
    [WORK_SUBMIT] = submit_start,
    [WORK_DOUBT] = doubt_start,
    [WORK_ARCHIVE] = archive_start,
    [WORK_WATCH] = watch_start,
};

static void on_work(void *ctx, enum work_kind kind, struct task *task)
{
    struct worker *w = ctx;

    if (w->bench.is_draining && kind != WORK_SUBMIT) {
        transition_hold(w->bench.store, task, 0, NULL, NULL);
        task_free(task);
        return;
    }
    starts[kind](&w->bench, task,
                 kind == WORK_SUBMIT ? w->submits_serial.begun_ms : w->due_serial.begun_ms);
}

// How much of what each account could have in hand is left.
static void measure_room(struct worker *w, enum place place)
{
    for (size_t i = 0; i < w->accounts.count; i++)
        w->accounts.list[i].room = places_room(&w->bench.places[place], w->bench.held[place][i], 1);
}

static void on_submits(void *ctx, size_t count, int64_t next_ms, const struct err *err)
{
    struct worker *w = ctx;

    w->submits = NULL;
    w->submits_serial.is_lost = err != NULL;
    loop_cancel(&w->submits_timer);
    if (err != NULL)
        return; // the heartbeat asks again
    if (next_ms >= 0)
        w->submits_timer = loop_after(w->bench.loop, next_ms, on_submits_timer, w);
    if (count > 0 || w->is_submits_asked)
        claim_submits(w);
}

static void claim_submits(struct worker *w)
{
    // What leaves without a path to call back on could be found by it no more.
    if (w->bench.is_draining || !store_is_up(w->bench.store) ||
        !callbacks_is_ready(w->bench.callbacks))
        return;
    w->is_submits_asked = w->submits != NULL;
    if (w->submits != NULL)
        return; // asked again when this one is through, or a submit is
    measure_room(w, PLACE_SUBMIT);
    claim_serial_next(&w->submits_serial, w->bench.config->lease_ms);
    w->submits = queue_claim_submits(w->bench.store, w->submits_serial.number, MAX_CLAIM,
                                     w->accounts.list, w->accounts.count, &w->submits_claim);
}

static void on_due(void *ctx, size_t count, int64_t next_ms, const struct err *err)
{
    struct worker *w = ctx;

    w->due = NULL;
    w->due_serial.is_lost = err != NULL;
    if (err != NULL)
        return;
    loop_cancel(&w->due_timer);
    if (next_ms >= 0 && next_ms < HEARTBEAT_MS)
        w->due_timer = loop_after(w->bench.loop, next_ms, on_due_timer, w);
    if (count > 0 || w->is_due_asked)
        claim_due(w);
}

static void claim_due(struct worker *w)
{
    const struct places *archives = &w->bench.places[PLACE_ARCHIVE];

    if (w->bench.is_draining || !store_is_up(w->bench.store))
        return;
    w->is_due_asked = w->due != NULL;
    if (w->due != NULL)
        return;
    measure_room(w, PLACE_ARCHIVE);
    claim_serial_next(&w->due_serial, w->bench.config->lease_ms);
    w->due = queue_claim_due(w->bench.store, w->due_serial.number, MAX_CLAIM, w->accounts.list,
                             w->accounts.count, places_room(archives, 0, 1), &w->due_claim);
}

static void claim(struct worker *w)
{
    claim_submits(w);
    claim_due(w);
}

// What jobs want.

static void on_job_wakes(void *ctx)
{
    claim(ctx);
}

static void on_job_expects(void *ctx, const struct account *account, int64_t ms)
{
    struct worker *w = ctx;

    follow_expect(w->follow, account, ms);
}

static void on_job_cancels(void *ctx, const struct task *task)
{
    struct worker *w = ctx;

    cancel_start(&w->bench, task);
}

// The sweeper: any worker may do it, one round goes through all records.

// Said once, not in each round.
static void tell_missed(struct worker *w, const struct sweep *sweep)
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

static void on_swept(void *ctx, const struct sweep *sweep, const struct err *err)
{
    struct worker *w = ctx;

    w->sweep = NULL;
    if (err != NULL)
        return;
    if (sweep->repairs > 0) {
        metric_add(METRIC_sweeper_repairs_total, sweep->repairs);
        log_warn("sweeper.repaired", "count=%lld", (long long)sweep->repairs);
        claim(w);
    }
    for (size_t i = 0; i < sweep->ended_count; i++)
        bench_forget_request(&w->bench, &sweep->ended[i]);
    if (sweep->ended_count > 0) {
        metric_add(METRIC_tasks_failed_total, (int64_t)sweep->ended_count);
        log_warn("sweeper.ended", "count=%zu", sweep->ended_count);
    }
    tell_missed(w, sweep);
    snprintf(w->cursor, sizeof w->cursor, "%s", sweep->cursor);
    if (strcmp(sweep->cursor, "0") == 0)
        w->swept_ms = clock_mono_ms();
}

static void sweep(struct worker *w)
{
    bool is_between_rounds = strcmp(w->cursor, "0") == 0;

    if (w->sweep != NULL || w->bench.is_draining ||
        (is_between_rounds && clock_mono_ms() - w->swept_ms < SWEEP_EVERY_MS))
        return;
    w->sweep = queue_sweep(w->bench.store, w->cursor, SWEEP_COUNT, on_swept, w);
}

static void beat(struct worker *w)
{
    if (w->bench.is_draining || clock_mono_ms() - w->beaten_ms < WORKER_BEAT_MS)
        return;
    w->beaten_ms = clock_mono_ms();
    accounts_beat(w->bench.store, true);
}

static void on_heartbeat(void *ctx)
{
    struct worker *w = ctx;

    w->heartbeat = loop_after(w->bench.loop, HEARTBEAT_MS, on_heartbeat, w);
    metric_set(METRIC_redis_up, store_is_up(w->bench.store));
    if (clock_mono_ms() - w->storage_swept_ms > STORAGE_SWEEP_EVERY_MS) {
        w->storage_swept_ms = clock_mono_ms();
        storage_sweep(w->bench.storage);
    }
    // What a busy time took goes back to the system when it is over.
    if (w->was_busy && w->bench.jobs == NULL)
        malloc_trim(0);
    w->was_busy = w->bench.jobs != NULL;
    if (!store_is_up(w->bench.store))
        return;
    beat(w);
    claim(w);
    follow_wake(w->follow);
    sweep(w);
}

static void on_wake(void *ctx, const char *lane_or_account)
{
    struct worker *w = ctx;
    const struct account *account = config_account(w->bench.config, lane_or_account);

    if (account != NULL)
        follow_expect(w->follow, account, 0); // there may be a look to take
    claim(w);
}

static void on_up(void *ctx)
{
    struct worker *w = ctx;
    bool is_first = !w->was_up;

    w->was_up = true;
    for (size_t i = 0; is_first && i < w->bench.config->account_count; i++)
        accounts_begin(w->bench.store, &w->bench.config->accounts[i]);
    beat(w);
    claim(w);
    follow_wake(w->follow);
}

static void on_callbacks_ready(void *ctx)
{
    struct worker *w = ctx;

    claim(w);
}

// Start and stop.

struct worker *worker_start(struct loop *loop, const struct config *config, const char *redis_url)
{
    struct worker *w = mem_new(struct worker);
    struct bench *bench = &w->bench;

    bench_init(bench, loop, config,
               &(struct bench_events){on_job_wakes, on_job_expects, on_job_cancels, w});
    bench->http = http_client_new(loop, "Spool/" SPOOL_VERSION);
    bench->vendors = vendors_new(loop, bench->http, config);
    bench->storage = storage_new(loop, bench->http, config);
    bench->store = store_start(loop, config, redis_url, on_up, w);
    bench->callbacks = callbacks_start(loop, config, bench->store, on_callbacks_ready, w);
    w->follow = follow_start(bench);
    w->beaten_ms = -WORKER_BEAT_MS;
    accounts_init(&w->accounts, config);
    w->submits_claim = (struct queue_claim){on_work, on_submits, w};
    w->due_claim = (struct queue_claim){on_work, on_due, w};
    snprintf(w->cursor, sizeof w->cursor, "0");
    w->bell = bell_start(loop, redis_url, BELL_QUEUE, on_wake, w);
    w->heartbeat = loop_after(loop, HEARTBEAT_MS, on_heartbeat, w);
    w->storage_swept_ms = clock_mono_ms();
    storage_sweep(bench->storage);
    return w;
}

bool worker_drain(struct worker *w)
{
    struct bench *bench = &w->bench;
    bool is_patient;

    if (!bench->is_draining) {
        bench->is_draining = true;
        w->drain_ms = clock_mono_ms();
        bench_hand_back(bench); // another worker, or this one's successor, goes on with them
        accounts_beat(bench->store, false);
    }
    // A submit under way is waited for: its answer is worth money. So is what Redis hasn't taken
    // yet: a vendor's id may be among it; the rest of what was asked only for a moment. Parts of
    // what was handed back cost money as they lie.
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
    loop_cancel(&w->submits_timer);
    loop_cancel(&w->due_timer);
    loop_cancel(&w->heartbeat);
    store_cancel(&w->submits);
    store_cancel(&w->due);
    store_cancel(&w->sweep);
    bench_clear(&w->bench);
    follow_drop(&w->follow);
    callbacks_drop(&w->bench.callbacks);
    vendors_drop(&w->bench.vendors);
    storage_free(&w->bench.storage);
    bell_drop(&w->bell);
    http_client_drop(&w->bench.http);
    store_drop(&w->bench.store);
    accounts_clear(&w->accounts);
    free(w->missed);
    free(w);
}
