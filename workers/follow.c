// Following the tasks of each account.
#include "workers/follow.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/store/queue.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "workers/archive_result.h"
#include "workers/bench.h"
#include "workers/vendor.h"

// So many requests of one account at once: a vendor that hangs holds up nobody but itself.
enum { MAX_REQUESTS = 16, MAX_SLACK_MS = 250 };
// So many in a row that can't be read one by one either, from the first on.
enum { GIVE_UP_AFTER = 3 };
// What was found out is stored before more is: else the same news are found again and again, and
// their storing falls ever further behind.
enum { MAX_UNSTORED = 300, UNSTORED_WAIT_MS = 5 };

struct follow {
    struct bench *bench; // borrowed, outlives us
    struct source *sources;
    size_t count;
};

// One account.
struct source {
    struct follow *follow;
    const struct account *account;
    const struct provider *provider;
    struct loop_timer *timer;
    struct store_call *claim;
    size_t claimed;     // by it, at most
    struct look *looks; // under way
    unsigned requests;
    int64_t timer_at_ms; // of Redis' clock, while the timer runs
    bool is_more;        // there was more than one claim takes
};

// One request: about one task, or many. Where the answer about many can't be read, for one of them
// has something in it, they are asked about one by one.
struct look {
    struct source *source;
    struct task **tasks; // ours
    size_t count;
    size_t turn; // of those that are asked about one by one: the number of this one, from 1; 0: all
    size_t failed; // of them so far
    struct vendor_call *call;
    struct look *next, **at;
};

static void claim(struct source *source);

static void look_drop(struct look *look)
{
    vendor_cancel(&look->call);
    *look->at = look->next;
    if (look->next != NULL)
        look->next->at = look->at;
    look->source->requests--;
    for (size_t i = 0; i < look->count; i++)
        task_free(look->tasks[i]);
    free(look->tasks);
    free(look);
}

static void on_archiving(void *ctx, enum change_result result, bool is_cancel_asked,
                         const struct err *err)
{
    (void)is_cancel_asked, (void)err;
    if (result == CHANGE_DONE)
        bench_wake(ctx);
}

static void note_failure(const struct task *task, const char *code, const char *message)
{
    log_info("task.failed", "task=%s code=%s reason=\"%s\"", task->id, code, message);
    metric_add(METRIC_tasks_failed_total, 1);
}

static void fail(struct bench *bench, const struct task *task, const char *code,
                 const char *message)
{
    note_failure(task, code, message);
    transition_fail(bench->store, task, code, message, bench_listener(bench, task));
}

static void time_out(struct bench *bench, const struct task *task, int64_t watch_ms)
{
    static const char code[] = "task_timeout", message[] = "the vendor didn't finish in time";

    note_failure(task, code, message);
    transition_time_out(bench->store, task, code, message, watch_ms, bench_listener(bench, task));
}

static void cancelled(struct bench *bench, const struct task *task)
{
    static const char code[] = "cancelled", message[] = "cancelled at the vendor";

    log_info("task.cancelled", "task=%s code=%s reason=\"%s\"", task->id, code, message);
    transition_cancel(bench->store, task, code, message, bench_listener(bench, task));
}

static void succeeded(struct bench *bench, const struct task *task, const struct outcome *outcome)
{
    char *result = outcome_result(outcome), *texts;

    for (size_t i = 0; i < outcome->mark_count; i++)
        tasks_mark(bench->store, task->owner, outcome->marks[i], task->id);
    if (archive_result_has_files(outcome)) {
        transition_archive(bench->store, task, result, bench_is_news(task, TASK_ARCHIVING, false),
                           (struct listener){on_archiving, bench});
    } else {
        // Nothing to fetch: the texts are the result.
        texts = archive_result_of_texts(result);
        metric_add(METRIC_tasks_succeeded_total, 1);
        transition_succeed(bench->store, task, texts, bench_listener(bench, task));
        free(texts);
    }
    free(result);
}

// A vendor's number may go back, or be missing; ours doesn't, and 100 is what is archived.
static int progress_of(const struct task *task, const struct outcome *outcome)
{
    int progress = outcome->progress > 99 ? 99 : outcome->progress;

    return progress > task->progress ? progress : task->progress;
}

static void running(struct bench *bench, const struct task *task, const struct outcome *outcome)
{
    bool has_started = outcome->has_started || task->phase == TASK_RENDERING;
    struct sighting now = {
        .phase = has_started ? TASK_RENDERING : TASK_SUBMITTED,
        .progress = progress_of(task, outcome),
        .is_modal = outcome->is_modal,
    };
    bool was_modal = task->substate != NULL;

    if (now.phase != task->phase || now.is_modal != was_modal || task->missing_ms > 0)
        transition_see(bench->store, task, &now, bench_is_news(task, now.phase, now.is_modal),
                       bench_listener(bench, task));
    else if (now.progress > task->progress)
        transition_progress(bench->store, task, now.progress, bench_listener(bench, task));
}

static void missing(struct bench *bench, const struct provider *provider, const struct task *task)
{
    int64_t now_ms = store_now_ms(bench->store);

    if (task->missing_ms == 0)
        transition_miss(bench->store, task, now_ms, bench_listener(bench, task));
    else if (now_ms - task->missing_ms > provider->missing_grace_ms)
        fail(bench, task, "upstream_lost", "the vendor doesn't know the task any more");
}

// Cancelled here: the silent watch is due from now on.
static void on_cancelled(void *ctx, enum cancel_result result, const struct err *err)
{
    (void)result;
    if (err == NULL)
        bench_wake(ctx);
}

static void decide(struct source *source, const struct task *task, const struct outcome *outcome)
{
    struct bench *bench = source->follow->bench;
    int64_t timeout_ms = source->account->task_timeout_ms;
    const char *reason = outcome->reason == NULL ? "the vendor gave no reason" : outcome->reason;

    switch (outcome->kind) {
    case OUTCOME_SUCCEEDED:
        succeeded(bench, task, outcome);
        return;
    case OUTCOME_FAILED:
        fail(bench, task, outcome->code == NULL ? "vendor_failed" : outcome->code, reason);
        return;
    case OUTCOME_CANCELLED:
        cancelled(bench, task);
        return;
    default:
        break;
    }
    if (task->is_cancel_asked && provider_can_cancel(source->provider, source->account) &&
        outcome->kind == OUTCOME_RUNNING && !outcome->has_started)
        bench_cancel(bench, task);
    // It isn't over there. Is it here?
    if (task->is_cancel_asked && !provider_can_cancel(source->provider, source->account)) {
        tasks_cancel(bench->store, task->id, NULL, false, 2 * timeout_ms, on_cancelled, bench);
    } else if (store_now_ms(bench->store) - task->started_ms > timeout_ms) {
        time_out(bench, task, 2 * timeout_ms);
    } else if (outcome->kind == OUTCOME_RUNNING) {
        running(bench, task, outcome);
    } else if (outcome->kind == OUTCOME_MISSING) {
        missing(bench, source->provider, task);
    }
}

// Those that this request of the look is about.
static struct task *const *asked(const struct look *look, size_t *count)
{
    *count = look->turn > 0 ? 1 : look->count;
    return look->tasks + (look->turn > 0 ? look->turn - 1 : 0);
}

// No outcomes: the look told nothing. That proves nothing about a task: its deadline decides, not
// we.
static void decide_all(const struct look *look, const struct outcome *outcomes)
{
    static const struct outcome nothing = {.kind = OUTCOME_NONE};
    size_t count;
    struct task *const *tasks = asked(look, &count);

    for (size_t i = 0; i < count; i++)
        decide(look->source, tasks[i], outcomes == NULL ? &nothing : &outcomes[i]);
}

static void over(struct look *look)
{
    struct source *source = look->source;

    // Of those whose turn didn't come nothing is known.
    while (look->turn > 0 && look->turn < look->count) {
        look->turn++;
        decide_all(look, NULL);
    }
    look_drop(look);
    if (source->is_more)
        claim(source);
}

static void ask(struct look *look);

// The first ones tell whether it is one of them, or the way to the vendor.
static bool goes_on(const struct look *look)
{
    return look->turn < look->count && (look->failed < look->turn || look->turn < GIVE_UP_AFTER);
}

static bool read_answer(const struct look *look, const struct http_response *response,
                        struct outcome *outcomes, struct err *err)
{
    const struct provider *provider = look->source->provider;
    size_t count;
    struct task *const *tasks = asked(look, &count);

    return count == 1
               ? provider->read_poll(tasks[0], look->source->account, response, outcomes, err)
               : provider->read_poll_many((const struct task *const *)tasks, count, response,
                                          outcomes, err);
}

static void on_answer(void *ctx, const struct http_response *response,
                      const struct http_failure *failure)
{
    struct look *look = ctx;
    struct outcome *outcomes = mem_array(struct outcome, look->count);
    struct err err;
    bool ok = false, is_split = false;

    look->call = NULL;
    if (failure != NULL)
        err = failure->err;
    else
        ok = read_answer(look, response, outcomes, &err);
    if (!ok) {
        metric_add(METRIC_poll_failures_total, 1);
        log_warn("poll.failed", "account=%s tasks=%zu first=%s error=\"%s\"",
                 look->source->account->name, look->count, look->tasks[0]->id, err.message);
        look->failed++;
        is_split =
            look->count > 1 && look->turn == 0 && failure == NULL && response->status / 100 == 2;
    }
    if (!is_split)
        decide_all(look, ok ? outcomes : NULL);
    for (size_t i = 0; i < look->count; i++)
        outcome_clear(&outcomes[i]);
    free(outcomes);
    if (is_split)
        look->failed = 0;
    if (is_split || (look->turn > 0 && goes_on(look))) {
        look->turn++;
        ask(look);
    } else {
        over(look);
    }
}

static void ask(struct look *look)
{
    struct source *source = look->source;
    struct http_request request = {0};
    struct vendor_options options = {.http = {.timeout_ms = source->provider->poll_timeout_ms,
                                              .max_body_bytes = 16u << 20,
                                              .ctx = look}};
    size_t count;
    struct task *const *tasks = asked(look, &count);
    struct err err;
    bool ok = count == 1
                  ? source->provider->build_poll(tasks[0], source->account, &request, &err)
                  : source->provider->build_poll_many((const struct task *const *)tasks, count,
                                                      source->account, &request, &err);

    if (!ok) {
        log_error("poll.build", "account=%s tasks=%zu first=%s error=\"%s\"", source->account->name,
                  count, tasks[0]->id, err.message);
        decide_all(look, NULL);
        over(look);
    } else {
        metric_add(METRIC_polls_total, 1);
        metric_add(METRIC_polled_tasks_total, (int64_t)count);
        look->call = vendor_start(source->follow->bench->vendors, source->account, &request,
                                  &options, on_answer);
    }
    http_request_clear(&request);
}

static void look_start(struct source *source, struct task **tasks, size_t count)
{
    struct look *look = mem_new(struct look);

    look->source = source;
    look->tasks = mem_array(struct task *, count);
    memcpy(look->tasks, tasks, count * sizeof *tasks);
    look->count = count;
    look->next = source->looks;
    look->at = &source->looks;
    if (look->next != NULL)
        look->next->at = &look->next;
    source->looks = look;
    source->requests++;
    ask(look);
}

// Where each takes a request of its own there are no more of them than of those.
static int claim_max(const struct source *source)
{
    int max = provider_poll_max(source->provider, source->account);

    return max == 1 ? MAX_REQUESTS - (int)source->requests : max;
}

static void on_timer(void *ctx)
{
    struct source *source = ctx;

    source->timer = NULL;
    claim(source);
}

static void expect(struct source *source, int64_t ms)
{
    int64_t at_ms = store_now_ms(source->follow->bench->store) + ms;

    if (source->timer != NULL && source->timer_at_ms <= at_ms)
        return;
    loop_cancel(&source->timer);
    source->timer_at_ms = at_ms;
    source->timer = loop_after(source->follow->bench->loop, ms, on_timer, source);
}

static void on_claimed(void *ctx, struct task **tasks, size_t count, int64_t next_ms,
                       const struct err *err)
{
    struct source *source = ctx;

    source->claim = NULL;
    source->is_more = count == source->claimed;
    if (provider_poll_max(source->provider, source->account) > 1 && count > 0) {
        look_start(source, tasks, count);
    } else {
        for (size_t i = 0; i < count; i++)
            look_start(source, &tasks[i], 1);
    }
    if (err != NULL)
        return; // the heartbeat tries again
    if (source->is_more && source->requests < MAX_REQUESTS)
        claim(source);
    else if (next_ms >= 0 && !source->is_more)
        expect(source, next_ms);
}

static void claim(struct source *source)
{
    const struct account *account = source->account;
    struct queue_look look = {
        .account = account->name,
        .first_ms = source->provider->poll_first_ms,
        .longest_ms = source->provider->poll_max_ms,
        .max = claim_max(source),
    };

    if (source->claim != NULL || source->follow->bench->is_draining ||
        !store_is_up(source->follow->bench->store))
        return; // the heartbeat asks again
    if (store_pending(source->follow->bench->store) > MAX_UNSTORED) {
        expect(source, UNSTORED_WAIT_MS);
        return;
    }
    if (source->requests >= MAX_REQUESTS) {
        source->is_more = true; // the next answer makes room
        return;
    }
    if (account->poll_interval_ms > 0)
        look.first_ms = look.longest_ms = account->poll_interval_ms;
    // What would be due in a moment comes along: fewer requests, and never a late look.
    look.slack_ms = look.first_ms / 8 < MAX_SLACK_MS ? look.first_ms / 8 : MAX_SLACK_MS;
    source->claimed = (size_t)look.max;
    source->claim = queue_claim_looks(source->follow->bench->store, &look, on_claimed, source);
}

void follow_expect(struct follow *follow, const struct account *account, int64_t ms)
{
    if (account->poll_interval_ms > 0 && ms > account->poll_interval_ms)
        ms = account->poll_interval_ms;
    for (size_t i = 0; i < follow->count; i++)
        if (follow->sources[i].account == account)
            expect(&follow->sources[i], ms);
}

void follow_wake(struct follow *follow)
{
    for (size_t i = 0; i < follow->count; i++)
        claim(&follow->sources[i]);
}

struct follow *follow_start(struct bench *bench)
{
    struct follow *follow = mem_new(struct follow);
    const struct config *config = bench->config;

    follow->bench = bench;
    follow->count = config->account_count;
    follow->sources = mem_array(struct source, follow->count);
    for (size_t i = 0; i < follow->count; i++) {
        follow->sources[i].follow = follow;
        follow->sources[i].account = &config->accounts[i];
        follow->sources[i].provider = provider_find(config->accounts[i].provider);
    }
    return follow;
}

void follow_drop(struct follow **follow)
{
    if (*follow == NULL)
        return;
    for (size_t i = 0; i < (*follow)->count; i++) {
        struct source *source = &(*follow)->sources[i];

        loop_cancel(&source->timer);
        store_cancel(&source->claim);
        while (source->looks != NULL)
            look_drop(source->looks);
    }
    free((*follow)->sources);
    free(*follow);
    *follow = NULL;
}
