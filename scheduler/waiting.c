// The reasons of waiting.
#include "scheduler/waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/store/accounts.h"
#include "core/store/store.h"
#include "core/task/task.h"
#include "core/task/wait.h"
#include "providers/provider.h"

// How old what we know of the accounts may be where a submit is taken.
enum { EVERY_MS = 200 };

struct waiting {
    struct store *store; // borrowed, outlives us
    const struct config *config;
    struct store_call *looking;
    int64_t looked_ms;            // of our monotonic clock
    struct account_state *states; // as config->accounts
    bool is_worker_there, is_known;
};

void waiting_keep(struct waiting *waiting, const struct account_state *states, bool is_worker_there)
{
    int64_t out_count = 0;

    for (size_t i = 0; i < waiting->config->account_count; i++) {
        waiting->states[i] = states[i];
        out_count += states[i].is_out;
    }
    waiting->is_worker_there = is_worker_there;
    waiting->is_known = true;
    metric_set(METRIC_accounts_out, out_count);
}

static void on_looked(void *ctx, const struct account_state *states, bool is_worker_there,
                      const struct err *err)
{
    struct waiting *waiting = ctx;

    waiting->looking = NULL;
    if (err == NULL)
        waiting_keep(waiting, states, is_worker_there);
}

void waiting_look(struct waiting *waiting)
{
    if (waiting->looking != NULL || clock_mono_ms() - waiting->looked_ms < EVERY_MS)
        return;
    waiting->looked_ms = clock_mono_ms();
    waiting->looking = accounts_read(waiting->store, on_looked, waiting);
}

bool waiting_has_out(const struct waiting *waiting, const struct account *account)
{
    const struct account_state *state = &waiting->states[account - waiting->config->accounts];

    return state->is_out || state->is_disabled;
}

struct waiting *waiting_start(struct store *store)
{
    struct waiting *waiting = mem_new(struct waiting);

    waiting->store = store;
    waiting->config = store_config(store);
    waiting->looked_ms = -EVERY_MS;
    waiting->states = mem_array(struct account_state, waiting->config->account_count);
    return waiting;
}

void waiting_drop(struct waiting **waiting)
{
    if (*waiting == NULL)
        return;
    store_cancel(&(*waiting)->looking);
    free((*waiting)->states);
    free(*waiting);
    *waiting = NULL;
}

// What follows from what was read.

bool waiting_may_take(const struct account *account, const struct task *task)
{
    return strcmp(account->provider->name, task->provider) == 0 &&
           (task->account == NULL || strcmp(account->name, task->account) == 0) &&
           provider_serves(account, task->model);
}

bool waiting_is_open(const struct task *task)
{
    return task->phase == TASK_QUEUED && task->await == NULL;
}

static void set(struct task *task, const char *reason, const char *detail, int64_t next_ms)
{
    mem_set_str(&task->wait_reason, reason);
    mem_set_str(&task->wait_detail, detail);
    task->wait_ms = task->changed_ms > 0 ? task->changed_ms : task->created_ms;
    if (next_ms > 0)
        task->act_ms = next_ms;
}

// What keeps one account from taking the task; NULL: nothing. `until_ms` 0: nobody knows.
static const char *obstacle(const struct account *account, const struct account_state *state,
                            int64_t now_ms, const struct task *task, int64_t *until_ms)
{
    *until_ms = 0;
    if (state->is_disabled)
        return WAIT_DISABLED;
    if (state->is_out)
        return WAIT_BAD_KEY;
    if (state->cool_ms > now_ms) {
        *until_ms = state->cool_ms;
        return WAIT_COOLING;
    }
    if (task->cost > 0 && account->max_concurrency > 0 &&
        state->used + task->cost > account->max_concurrency)
        return WAIT_SLOT;
    if (account->requests_per_minute > 0 && state->rate_ms > now_ms) {
        *until_ms = state->rate_ms;
        return WAIT_RATE_LIMIT;
    }
    return NULL;
}

// Whether a reason tells more of when the waiting will be over: a time, else a slot, else a key to
// be mended.
static bool is_nearer(const char *reason, int64_t until_ms, const char *best, int64_t best_ms)
{
    if (best == NULL || (until_ms > 0) != (best_ms > 0))
        return best == NULL || until_ms > 0;
    return until_ms > 0 ? until_ms < best_ms
                        : strcmp(best, WAIT_SLOT) != 0 && strcmp(reason, WAIT_SLOT) == 0;
}

static void describe(const char *reason, const struct account *account, char *detail, size_t size)
{
    if (strcmp(reason, WAIT_DISABLED) == 0)
        snprintf(detail, size, "%s: is disabled; enable it", account->name);
    else if (strcmp(reason, WAIT_BAD_KEY) == 0)
        snprintf(detail, size,
                 "%s: its vendor doesn't take its key; mend it, and enable the account",
                 account->name);
    else if (strcmp(reason, WAIT_SLOT) == 0)
        snprintf(detail, size, "%s: max_concurrency is %d", account->name,
                 account->max_concurrency);
    else if (strcmp(reason, WAIT_RATE_LIMIT) == 0)
        snprintf(detail, size, "%s: requests_per_minute is %d", account->name,
                 account->requests_per_minute);
    else
        snprintf(detail, size, "%s: rests after a failure", account->name);
}

void waiting_explain(const struct config *config, const struct account_state *states,
                     bool is_worker_there, int64_t now_ms, struct task *task)
{
    const struct account *best_account = NULL;
    const char *best = NULL;
    int64_t best_ms = 0;
    char detail[160];
    bool is_any = false, is_free = false;

    if (!waiting_is_open(task))
        return;
    for (size_t i = 0; i < config->account_count; i++) {
        const struct account *account = &config->accounts[i];
        const char *reason;
        int64_t until_ms;

        if (!waiting_may_take(account, task))
            continue;
        is_any = true;
        reason = obstacle(account, &states[i], now_ms, task, &until_ms);
        is_free = is_free || reason == NULL;
        if (reason != NULL && is_nearer(reason, until_ms, best, best_ms)) {
            best = reason;
            best_ms = until_ms;
            best_account = account;
        }
    }
    if (!is_any) {
        snprintf(detail, sizeof detail, "%s%s is not configured any more",
                 task->account == NULL ? "an account that serves it" : "the account ",
                 task->account == NULL ? "" : task->account);
        set(task, WAIT_ACCOUNT_REMOVED, detail, 0);
    } else if (!is_worker_there) {
        set(task, WAIT_NO_WORKER, "no process with the role worker is at work; start one", 0);
    } else if (task->wait_reason == NULL && !is_free) {
        describe(best, best_account, detail, sizeof detail);
        set(task, best, detail, best_ms);
    }
}

// When a task that waits for a place should be done: each slot is free again once in the time that
// such jobs take, first for the tasks before it; then its own job takes as long.
static void foresee(const struct config *config, int64_t now_ms, struct task *task)
{
    int64_t slots = 0, wait_ms = 0;
    bool is_any = false, is_limited = true;

    if (task->typical_ms < 0 || task->phase > TASK_IN_DOUBT || task->eta_ms >= 0)
        return;
    for (size_t i = 0; i < config->account_count; i++) {
        const struct account *account = &config->accounts[i];

        if (!waiting_may_take(account, task))
            continue;
        is_any = true;
        is_limited = is_limited && account->max_concurrency > 0;
        slots += account->max_concurrency;
    }
    if (!is_any || (task->phase == TASK_QUEUED && task->before < 0))
        return;
    if (task->phase == TASK_QUEUED && is_limited)
        wait_ms = (task->before + 1) * task->typical_ms / slots;
    task->eta_ms = now_ms + wait_ms + task->typical_ms;
}

void waiting_show(const struct waiting *waiting, struct task *task)
{
    foresee(waiting->config, store_now_ms(waiting->store), task);
    if (waiting->is_known)
        waiting_explain(waiting->config, waiting->states, waiting->is_worker_there,
                        store_now_ms(waiting->store), task);
}

// Reads records, then the accounts where one of the tasks waits. What was read of the accounts
// before may be older than the record, and no event comes when a task gets a reason to wait.

struct waiting_read {
    struct waiting *waiting; // borrowed
    tasks_fn fn;
    void *ctx;
    // What we wait for: exactly one of these is set.
    struct tasks_op *op;
    struct store_call *call;
    struct task **tasks; // ours while the accounts are read
    size_t count;
};

static void finish_read(struct waiting_read *read, struct task **tasks, size_t count,
                        const struct err *err)
{
    tasks_fn fn = read->fn;
    void *ctx = read->ctx;

    free(read);
    fn(ctx, tasks, count, err);
}

static void on_states(void *ctx, const struct account_state *states, bool is_worker_there,
                      const struct err *err)
{
    struct waiting_read *read = ctx;
    struct task **tasks = read->tasks;

    read->call = NULL;
    if (err == NULL) {
        waiting_keep(read->waiting, states, is_worker_there);
        for (size_t i = 0; i < read->count; i++)
            if (tasks[i] != NULL)
                waiting_show(read->waiting, tasks[i]);
    }
    finish_read(read, tasks, read->count, NULL);
    free(tasks);
}

static void on_tasks(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct waiting_read *read = ctx;
    bool is_open = false;

    read->op = NULL;
    for (size_t i = 0; i < count && !is_open; i++)
        is_open = tasks[i] != NULL && waiting_is_open(tasks[i]);
    if (!is_open) {
        finish_read(read, tasks, count, err);
        return;
    }
    read->tasks = mem_array(struct task *, count);
    memcpy(read->tasks, tasks, count * sizeof(struct task *));
    read->count = count;
    read->call = accounts_read(read->waiting->store, on_states, read);
}

struct waiting_read *waiting_read_tasks(struct waiting *waiting, const char *const *ids,
                                        size_t count, tasks_fn fn, void *ctx)
{
    struct waiting_read *read = mem_new(struct waiting_read);

    read->waiting = waiting;
    read->fn = fn;
    read->ctx = ctx;
    read->op = tasks_get_many(waiting->store, ids, count, NULL, on_tasks, read);
    return read;
}

void waiting_read_cancel(struct waiting_read **pointer)
{
    struct waiting_read *read = *pointer;

    if (read == NULL)
        return;
    *pointer = NULL;
    tasks_op_cancel(&read->op);
    store_cancel(&read->call);
    for (size_t i = 0; i < read->count; i++)
        task_free(read->tasks[i]);
    free(read->tasks);
    free(read);
}
