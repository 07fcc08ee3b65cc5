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
#include "providers/family.h"
#include "providers/provider.h"
#include "workers/accounts.h"
#include "workers/follow.h"
#include "workers/jobs.h"
#include "workers/vendor.h"
#include "workers/worker_role.h"

enum {
    HEARTBEAT_MS = 1000,
    MAX_SUBMITS = 1024, // in hand at once
    MAX_ARCHIVES = 128,
    MAX_CLAIM = 64, // in one call
    MAX_INPUT_BYTES = 256 << 20,
    SWEEP_COUNT = 500, // records of one step of the sweeper
    SWEEP_EVERY_MS = 3000,
    ACCOUNT_AGAIN_MS = 3000,
    STORAGE_SWEEP_EVERY_MS = 3600 * 1000,
};

struct role {
    struct worker worker; // first: what jobs know
    struct accounts accounts;
    struct bell *bell;
    struct queue_claim submits_claim, due_claim;
    struct store_call *submits, *due, *sweep;
    bool is_submits_asked, is_due_asked; // while a claim is under way
    // Of the claims: another number for each, but the same while the answer to the last one is
    // lost.
    struct claim_serial submits_serial, due_serial;
    struct loop_timer *submits_timer, *due_timer, *heartbeat;
    int64_t due_timer_ms;
    bool was_up, was_busy;
    char cursor[32]; // of the sweeper
    int64_t swept_ms, storage_swept_ms, beaten_ms, drain_ms;
    char *missed; // accounts that tasks wait for, as it was said last; NULL: none
};

static struct role *role_of(struct worker *worker)
{
    return (struct role *)worker;
}

// Jobs.

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

void job_hand_back(struct job *job)
{
    transition_hold(job->worker->store, job->task, 0, NULL, NULL);
    job->drop(job);
}

void worker_await_account(struct job *job)
{
    transition_hold(job->worker->store, job->task, ACCOUNT_AGAIN_MS, NULL, NULL);
    job->drop(job);
}

static void count_place(const struct job *job, int by)
{
    struct worker *worker = job->worker;

    worker->places[job->place].used += by;
    if (job->account != NULL)
        worker->held[job->place][job->account - worker->config->accounts] += by;
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

// Changes.

bool worker_is_news(const struct task *task, enum task_phase to, bool is_modal)
{
    const struct family *family = family_find(task->family);

    return family == NULL || strcmp(family->word(task->phase, task->substate != NULL),
                                    family->word(to, is_modal)) != 0;
}

void worker_forget_request(struct worker *worker, const struct task *task)
{
    struct buf key = {0};

    if (!task->is_request_stored)
        return;
    task_input_key(task, &key);
    storage_delete(worker->storage, key.data);
    buf_clear(&key);
}

static void on_changed(void *ctx, enum change_result result, bool is_cancel_asked,
                       const struct err *err)
{
    (void)is_cancel_asked;
    if (err != NULL) {
        log_error("change.lost", "error=\"%s\"", err->message);
    } else if (result == CHANGE_STALE) {
        metric_add(METRIC_stale_writes_total, 1);
        log_debug("change.stale", "ctx=%p", ctx);
    } else {
        worker_wake(ctx); // it may be due, or have freed a slot
    }
}

// A task whose request is kept for a submit that may not come: a change that nobody waits for may
// end it. Only when that is done is it known that nobody else is about to send the request.
struct unsent {
    struct worker *worker;
    struct task *task; // ours
    struct unsent *next, **at;
};

static void unsent_free(struct unsent *unsent)
{
    *unsent->at = unsent->next;
    if (unsent->next != NULL)
        unsent->next->at = unsent->at;
    task_free(unsent->task);
    free(unsent);
}

static void on_unsent(void *ctx, enum change_result result, bool is_cancel_asked,
                      const struct err *err)
{
    struct unsent *unsent = ctx;
    struct worker *worker = unsent->worker;

    if (err == NULL && result == CHANGE_ENDED)
        worker_forget_request(worker, unsent->task);
    unsent_free(unsent);
    on_changed(worker, result, is_cancel_asked, err);
}

static struct unsent *unsent_new(struct worker *worker, const struct task *task)
{
    struct unsent *unsent = mem_new(struct unsent);

    unsent->worker = worker;
    unsent->task = task_copy(task);
    unsent->next = worker->unsent;
    unsent->at = &worker->unsent;
    if (unsent->next != NULL)
        unsent->next->at = &unsent->next;
    worker->unsent = unsent;
    return unsent;
}

struct listener worker_listener(struct worker *worker, const struct task *task)
{
    if (task->is_request_stored && task->phase <= TASK_IN_DOUBT)
        return (struct listener){on_unsent, unsent_new(worker, task)};
    return (struct listener){on_changed, worker};
}

// Claims.

static void claim_submits(struct role *r);
static void claim_due(struct role *r);

static void on_submits_timer(void *ctx)
{
    struct role *r = ctx;

    r->submits_timer = NULL;
    claim_submits(r);
}

static void on_due_timer(void *ctx)
{
    struct role *r = ctx;

    r->due_timer = NULL;
    claim_due(r);
}

static void on_work(void *ctx, enum work_kind kind, struct task *task)
{
    struct role *r = ctx;

    if (r->worker.is_draining && kind != WORK_SUBMIT) {
        transition_hold(r->worker.store, task, 0, NULL, NULL);
        task_free(task);
        return;
    }
    switch (kind) {
    case WORK_SUBMIT:
        submit_start(&r->worker, task, r->submits_serial.begun_ms);
        break;
    case WORK_DOUBT:
        doubt_start(&r->worker, task);
        break;
    case WORK_ARCHIVE:
        archive_start(&r->worker, task);
        break;
    case WORK_WATCH:
        watch_start(&r->worker, task);
        break;
    }
}

// How much of what each account could have in hand is left.
static void measure_room(struct role *r, enum place place)
{
    for (size_t i = 0; i < r->accounts.count; i++)
        r->accounts.list[i].room =
            places_room(&r->worker.places[place], r->worker.held[place][i], 1);
}

static void on_submits(void *ctx, size_t count, int64_t next_ms, const struct err *err)
{
    struct role *r = ctx;

    r->submits = NULL;
    r->submits_serial.is_lost = err != NULL;
    loop_cancel(&r->submits_timer);
    if (err != NULL)
        return; // the heartbeat asks again
    if (next_ms >= 0)
        r->submits_timer = loop_after(r->worker.loop, next_ms, on_submits_timer, r);
    if (count > 0 || r->is_submits_asked)
        claim_submits(r);
}

static void claim_submits(struct role *r)
{
    // What leaves without a path to call back on could be found by it no more.
    if (r->worker.is_draining || !store_is_up(r->worker.store) ||
        !callbacks_is_ready(r->worker.callbacks))
        return;
    r->is_submits_asked = r->submits != NULL;
    if (r->submits != NULL)
        return; // asked again when this one is through, or a submit is
    measure_room(r, PLACE_SUBMIT);
    claim_serial_next(&r->submits_serial, r->worker.config->lease_ms);
    r->submits = queue_claim_submits(r->worker.store, r->submits_serial.number, MAX_CLAIM,
                                     r->accounts.list, r->accounts.count, &r->submits_claim);
}

static void on_due(void *ctx, size_t count, int64_t next_ms, const struct err *err)
{
    struct role *r = ctx;

    r->due = NULL;
    r->due_serial.is_lost = err != NULL;
    if (err != NULL)
        return;
    loop_cancel(&r->due_timer);
    if (next_ms >= 0 && next_ms < HEARTBEAT_MS)
        r->due_timer = loop_after(r->worker.loop, next_ms, on_due_timer, r);
    if (count > 0 || r->is_due_asked)
        claim_due(r);
}

static void claim_due(struct role *r)
{
    const struct places *archives = &r->worker.places[PLACE_ARCHIVE];

    if (r->worker.is_draining || !store_is_up(r->worker.store))
        return;
    r->is_due_asked = r->due != NULL;
    if (r->due != NULL)
        return;
    measure_room(r, PLACE_ARCHIVE);
    claim_serial_next(&r->due_serial, r->worker.config->lease_ms);
    r->due = queue_claim_due(r->worker.store, r->due_serial.number, MAX_CLAIM, r->accounts.list,
                             r->accounts.count, places_room(archives, 0, 1), &r->due_claim);
}

void worker_wake(struct worker *worker)
{
    claim_submits(role_of(worker));
    claim_due(role_of(worker));
}

// The sweeper: any worker may do it, one round goes through all records.

// Said once, not in each round.
static void tell_missed(struct role *r, const struct sweep *sweep)
{
    struct buf names = {0};

    for (size_t i = 0; i < sweep->account_count; i++)
        buf_fmt(&names, "%s%s", i == 0 ? "" : ",", sweep->accounts[i]);
    if (names.len > 0 && (r->missed == NULL || strstr(r->missed, names.data) == NULL)) {
        log_error("account.missed",
                  "accounts=%s hint=\"tasks wait for them: configure them again, or they fail\"",
                  names.data);
        mem_set_str(&r->missed, names.data);
    }
    buf_clear(&names);
}

static void on_swept(void *ctx, const struct sweep *sweep, const struct err *err)
{
    struct role *r = ctx;

    r->sweep = NULL;
    if (err != NULL)
        return;
    if (sweep->repairs > 0) {
        metric_add(METRIC_sweeper_repairs_total, sweep->repairs);
        log_warn("sweeper.repaired", "count=%lld", (long long)sweep->repairs);
        worker_wake(&r->worker);
    }
    for (size_t i = 0; i < sweep->ended_count; i++)
        worker_forget_request(&r->worker, &sweep->ended[i]);
    if (sweep->ended_count > 0) {
        metric_add(METRIC_tasks_failed_total, (int64_t)sweep->ended_count);
        log_warn("sweeper.ended", "count=%zu", sweep->ended_count);
    }
    tell_missed(r, sweep);
    snprintf(r->cursor, sizeof r->cursor, "%s", sweep->cursor);
    if (strcmp(sweep->cursor, "0") == 0)
        r->swept_ms = clock_mono_ms();
}

static void sweep(struct role *r)
{
    bool is_between_rounds = strcmp(r->cursor, "0") == 0;

    if (r->sweep != NULL || r->worker.is_draining ||
        (is_between_rounds && clock_mono_ms() - r->swept_ms < SWEEP_EVERY_MS))
        return;
    r->sweep = queue_sweep(r->worker.store, r->cursor, SWEEP_COUNT, on_swept, r);
}

static void beat(struct role *r)
{
    if (r->worker.is_draining || clock_mono_ms() - r->beaten_ms < WORKER_BEAT_MS)
        return;
    r->beaten_ms = clock_mono_ms();
    accounts_beat(r->worker.store, true);
}

static void on_heartbeat(void *ctx)
{
    struct role *r = ctx;

    r->heartbeat = loop_after(r->worker.loop, HEARTBEAT_MS, on_heartbeat, r);
    metric_set(METRIC_redis_up, store_is_up(r->worker.store));
    if (clock_mono_ms() - r->storage_swept_ms > STORAGE_SWEEP_EVERY_MS) {
        r->storage_swept_ms = clock_mono_ms();
        storage_sweep(r->worker.storage);
    }
    // What a busy time took goes back to the system when it is over.
    if (r->was_busy && r->worker.jobs == NULL)
        malloc_trim(0);
    r->was_busy = r->worker.jobs != NULL;
    if (!store_is_up(r->worker.store))
        return;
    beat(r);
    worker_wake(&r->worker);
    follow_wake(r->worker.follow);
    sweep(r);
}

static void on_wake(void *ctx, const char *lane_or_account)
{
    struct role *r = ctx;
    const struct account *account = config_account(r->worker.config, lane_or_account);

    if (account != NULL)
        follow_expect(r->worker.follow, account, 0); // there may be a look to take
    worker_wake(&r->worker);
}

static void on_up(void *ctx)
{
    struct role *r = ctx;
    bool is_first = !r->was_up;

    r->was_up = true;
    for (size_t i = 0; is_first && i < r->worker.config->account_count; i++)
        accounts_begin(r->worker.store, &r->worker.config->accounts[i]);
    beat(r);
    worker_wake(&r->worker);
    follow_wake(r->worker.follow);
}

static void on_callbacks_ready(void *ctx)
{
    struct role *r = ctx;

    worker_wake(&r->worker);
}

// Start and stop.

struct worker *worker_start(struct loop *loop, const struct config *config, const char *redis_url)
{
    struct role *r = mem_new(struct role);

    r->worker.loop = loop;
    r->worker.config = config;
    r->worker.http = http_client_new(loop, "Spool/" SPOOL_VERSION);
    r->worker.vendors = vendors_new(loop, r->worker.http, config);
    r->worker.storage = storage_new(loop, r->worker.http, config);
    r->worker.store = store_start(loop, config, redis_url, on_up, r);
    r->worker.callbacks = callbacks_start(loop, config, r->worker.store, on_callbacks_ready, r);
    r->worker.follow = follow_start(&r->worker);
    budget_init(&r->worker.inputs, MAX_INPUT_BYTES);
    r->worker.places[PLACE_SUBMIT].max = MAX_SUBMITS;
    r->worker.places[PLACE_ARCHIVE].max = MAX_ARCHIVES;
    for (int i = 0; i < PLACE_COUNT; i++)
        r->worker.held[i] = mem_array(int, config->account_count);
    r->beaten_ms = -WORKER_BEAT_MS;
    accounts_init(&r->accounts, config);
    r->submits_claim = (struct queue_claim){on_work, on_submits, r};
    r->due_claim = (struct queue_claim){on_work, on_due, r};
    snprintf(r->cursor, sizeof r->cursor, "0");
    r->bell = bell_start(loop, redis_url, BELL_QUEUE, on_wake, r);
    r->heartbeat = loop_after(loop, HEARTBEAT_MS, on_heartbeat, r);
    r->storage_swept_ms = clock_mono_ms();
    storage_sweep(r->worker.storage);
    return &r->worker;
}

// Another worker, or this one's successor, goes on with them.
static void hand_back(struct worker *worker)
{
    for (struct job *job = worker->jobs, *next; job != NULL; job = next) {
        next = job->next;
        if (job->hand_back != NULL)
            job->hand_back(job);
    }
}

bool worker_drain(struct worker *worker)
{
    bool is_patient;

    if (!worker->is_draining) {
        worker->is_draining = true;
        role_of(worker)->drain_ms = clock_mono_ms();
        hand_back(worker);
        accounts_beat(worker->store, false);
    }
    // A submit under way is waited for: its answer is worth money. So is what Redis hasn't taken
    // yet: a vendor's id may be among it; the rest of what was asked only for a moment. Parts of
    // what was handed back cost money as they lie.
    is_patient = clock_mono_ms() - role_of(worker)->drain_ms < STORE_PATIENCE_MS;
    return worker->places[PLACE_SUBMIT].used == 0 &&
           (is_patient && store_is_up(worker->store) ? store_pending(worker->store)
                                                     : store_owed(worker->store)) == 0 &&
           !storage_is_tidying(worker->storage);
}

void worker_drop(struct worker **worker)
{
    struct role *r;

    if (*worker == NULL)
        return;
    r = role_of(*worker);
    *worker = NULL;
    loop_cancel(&r->submits_timer);
    loop_cancel(&r->due_timer);
    loop_cancel(&r->heartbeat);
    store_cancel(&r->submits);
    store_cancel(&r->due);
    store_cancel(&r->sweep);
    while (r->worker.jobs != NULL)
        r->worker.jobs->drop(r->worker.jobs);
    while (r->worker.unsent != NULL)
        unsent_free(r->worker.unsent);
    follow_drop(&r->worker.follow);
    callbacks_drop(&r->worker.callbacks);
    vendors_drop(&r->worker.vendors);
    storage_free(&r->worker.storage);
    bell_drop(&r->bell);
    http_client_drop(&r->worker.http);
    store_drop(&r->worker.store);
    accounts_clear(&r->accounts);
    for (int i = 0; i < PLACE_COUNT; i++)
        free(r->worker.held[i]);
    free(r->missed);
    free(r);
}
