// One look: it begins with one request about all of its tasks.
//
//  start ─▶ ABOUT_ALL ── answer ──▶ over: each task is as the vendor has it
//             ├── can't be read ──▶ ABOUT_EACH, one after the other ─▶ over
//             └── some are lost ──▶ ABOUT_EACH of these
//
// What goes wrong:
//
// - No answer, or a failure: that proves nothing about a task. Its deadline counts all the same.
// - One of many can't be read, and with it none: they are asked about one by one. Where the first
//   of these can't be read either it isn't one of them, and nothing is known of the rest.
// - The vendor doesn't know a task: it is believed after a while, for it may not know it yet; and
// of
//   many only after it was asked about by itself, for a list may be cut off, or not what was asked.
// - What an answer makes of a task comes too late: the task is somebody else's, and stays as it is.
#include "workers/look.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "workers/archive_result.h"
#include "workers/bench.h"
#include "workers/poll.h"
#include "workers/seen.h"
#include "workers/vendor.h"

// We give up after so many tasks, from the first on, that can't be read one by one either.
enum { GIVE_UP_AFTER = 3 };

enum look_state { ABOUT_ALL, ABOUT_EACH };

#define TO(state) (1u << (state))
static const struct {
    const char *name;
    unsigned next;
} look_states[] = {
    [ABOUT_ALL] = {"about_all", TO(ABOUT_EACH)},
    [ABOUT_EACH] = {"about_each", 0},
};

struct look {
    struct bench *bench; // borrowed, outlives us
    const struct account *account;
    look_done_fn done;
    void *ctx;
    enum look_state state;
    struct task **tasks; // ours
    size_t count;
    size_t turn;   // ABOUT_EACH: the number of the present task, from 1
    size_t failed; // how many of these couldn't be read so far
    // What we wait for, one of these.
    struct poll *poll;        // about one task
    struct vendor_call *call; // about many
    struct look *next, **at;
};

// The only place that changes the state.
static void look_move(struct look *look, enum look_state next)
{
    assert(look_states[look->state].next & TO(next));
    log_debug("look.move", "account=%s first=%s from=%s to=%s", look->account->name,
              look->tasks[0]->id, look_states[look->state].name, look_states[next].name);
    look->state = next;
}

static void look_drop(struct look *look)
{
    poll_cancel(&look->poll);
    vendor_cancel(&look->call);
    *look->at = look->next;
    if (look->next != NULL)
        look->next->at = look->at;
    for (size_t i = 0; i < look->count; i++)
        task_free(look->tasks[i]);
    free(look->tasks);
    free(look);
}

static void look_on_archiving(void *ctx, enum change_result result, bool is_cancel_asked,
                              const struct err *err)
{
    (void)is_cancel_asked, (void)err;
    if (result == CHANGE_DONE)
        bench_wake(ctx);
}

static void look_note_failure(const struct task *task, const char *code, const char *message)
{
    log_info("task.failed", "task=%s code=%s reason=\"%s\"", task->id, code, message);
}

static void look_fail(struct bench *bench, const struct task *task, const char *code,
                      const char *message)
{
    look_note_failure(task, code, message);
    transition_fail(bench->store, task, code, message, bench_listener(bench, task));
}

static void look_time_out(struct bench *bench, const struct task *task, int64_t watch_ms)
{
    static const char code[] = "task_timeout", message[] = "the vendor didn't finish in time";

    look_note_failure(task, code, message);
    transition_time_out(bench->store, task, code, message, watch_ms, bench_listener(bench, task));
}

static void look_end_cancelled(struct bench *bench, const struct task *task)
{
    static const char code[] = "cancelled", message[] = "cancelled at the vendor";

    log_info("task.cancelled", "task=%s code=%s reason=\"%s\"", task->id, code, message);
    transition_cancel(bench->store, task, code, message, bench_listener(bench, task));
}

static void look_succeed(struct bench *bench, const struct task *task,
                         const struct outcome *outcome)
{
    char *result = outcome_result(outcome), *texts;

    for (size_t i = 0; i < outcome->mark_count; i++)
        tasks_mark(bench->store, task->owner, outcome->marks[i], task->id);
    if (archive_result_has_files(outcome)) {
        transition_archive(bench->store, task, result, bench_is_news(task, TASK_ARCHIVING, false),
                           (struct listener){look_on_archiving, bench});
    } else {
        // Nothing to fetch: the texts are the result.
        texts = archive_result_of_texts(result);
        transition_succeed(bench->store, task, texts, bench_listener(bench, task));
        free(texts);
    }
    free(result);
}

// A vendor's progress may go back, or be missing; ours never goes back, and only reaches 100 when
// the task is archived.
static int look_progress(const struct task *task, const struct outcome *outcome)
{
    int progress = outcome->progress > 99 ? 99 : outcome->progress;

    return progress > task->progress ? progress : task->progress;
}

// Whether something came of it.
static bool look_running(struct bench *bench, const struct task *task,
                         const struct outcome *outcome)
{
    bool has_started = outcome->has_started || task->phase == TASK_RENDERING;
    struct sighting now = {
        .phase = has_started ? TASK_RENDERING : TASK_SUBMITTED,
        .progress = look_progress(task, outcome),
        .is_modal = outcome->is_modal,
    };
    bool was_modal = task->substate != NULL;

    if (now.phase != task->phase || now.is_modal != was_modal || task->missing_ms > 0)
        transition_see(bench->store, task, &now, bench_is_news(task, now.phase, now.is_modal),
                       bench_listener(bench, task));
    else if (now.progress > task->progress)
        transition_progress(bench->store, task, now.progress, bench_listener(bench, task));
    else
        return false;
    return true;
}

// Whether the vendor hasn't known it for so long that it is believed.
static bool is_lost(const struct look *look, const struct task *task)
{
    return task->missing_ms > 0 && store_now_ms(look->bench->store) - task->missing_ms >
                                       look->account->provider->missing_grace_ms;
}

static void look_missing(const struct look *look, const struct task *task, const char *reason)
{
    struct bench *bench = look->bench;

    if (task->missing_ms == 0)
        transition_miss(bench->store, task, store_now_ms(bench->store),
                        bench_listener(bench, task));
    else if (is_lost(look, task))
        look_fail(bench, task, "upstream_lost",
                  reason == NULL ? "the vendor doesn't know the task any more" : reason);
}

// Cancelled here: the silent watch is due from now on.
static void look_on_cancelled(void *ctx, enum cancel_result result, const struct err *err)
{
    (void)result;
    if (err == NULL)
        bench_wake(ctx);
}

// False where nothing comes of it, and nothing will while the vendor says the same.
static bool look_decide(const struct look *look, const struct task *task,
                        const struct outcome *outcome)
{
    struct bench *bench = look->bench;
    int64_t timeout_ms = task_timeout_ms(task, look->account->task_timeout_ms);
    const char *reason = outcome->reason == NULL ? "the vendor gave no reason" : outcome->reason;

    switch (outcome->kind) {
    case OUTCOME_SUCCEEDED:
        look_succeed(bench, task, outcome);
        return true;
    case OUTCOME_FAILED:
        look_fail(bench, task, outcome->code == NULL ? "vendor_failed" : outcome->code, reason);
        return true;
    case OUTCOME_CANCELLED:
        look_end_cancelled(bench, task);
        return true;
    default:
        break;
    }
    if (task->is_cancel_asked && provider_can_cancel(look->account) &&
        outcome->kind == OUTCOME_RUNNING &&
        (!outcome->has_started || look->account->dialect->cancels_running))
        bench_cancel(bench, task, outcome->has_started);
    // The job isn't over at the vendor. Is the task over here?
    if (task->is_cancel_asked && !provider_can_cancel(look->account)) {
        tasks_cancel(bench->store, task->id, NULL, false, 2 * timeout_ms, look_on_cancelled, bench);
    } else if (store_now_ms(bench->store) - task->started_ms > timeout_ms) {
        look_time_out(bench, task, 2 * timeout_ms);
    } else if (outcome->kind == OUTCOME_RUNNING) {
        return look_running(bench, task, outcome) || task->is_cancel_asked;
    } else if (outcome->kind == OUTCOME_MISSING) {
        look_missing(look, task, outcome->reason);
    }
    return true;
}

// The tasks that this request of the look is about.
static struct task *const *look_asked(const struct look *look, size_t *count)
{
    *count = look->state == ABOUT_EACH ? 1 : look->count;
    return look->tasks + (look->state == ABOUT_EACH ? look->turn - 1 : 0);
}

// `outcomes` NULL: the look told nothing. That proves nothing about a task: its deadline decides,
// not we.
static void look_decide_all(const struct look *look, const struct outcome *outcomes)
{
    static const struct outcome nothing = {.kind = OUTCOME_NONE};
    size_t count;
    struct task *const *tasks = look_asked(look, &count);

    for (size_t i = 0; i < count; i++)
        look_decide(look, tasks[i], outcomes == NULL ? &nothing : &outcomes[i]);
}

static void look_over(struct look *look)
{
    look_done_fn done = look->done;
    void *ctx = look->ctx;

    // Nothing is known of the tasks whose turn didn't come.
    while (look->state == ABOUT_EACH && look->turn < look->count) {
        look->turn++;
        look_decide_all(look, NULL);
    }
    look_drop(look);
    done(ctx);
}

static void look_ask(struct look *look);

static void look_ask_next(struct look *look)
{
    look->turn++;
    look_ask(look);
}

// The first answers tell whether some task can't be read, or the way to the vendor has failed.
static bool look_goes_on(const struct look *look)
{
    return look->turn < look->count && (look->failed < look->turn || look->turn < GIVE_UP_AFTER);
}

// The same trouble at the same account is one, whichever tasks meet it.
static void look_tell_failure(const struct look *look, const struct err *err)
{
    char about[sizeof err->message + 128];

    snprintf(about, sizeof about, "%s %s", look->account->name, err->message);
    log_trouble(LOG_WARN, about, "poll.failed", "account=%s tasks=%zu first=%s error=\"%s\"",
                look->account->name, look->count, look->tasks[0]->id, err->message);
}

static void look_tell(struct look *look, const struct err *err)
{
    metric_add(METRIC_poll_failures_total, 1);
    look_tell_failure(look, err);
    look->failed += look->state == ABOUT_EACH;
}

static void look_go_on(struct look *look)
{
    if (look->state == ABOUT_EACH && look_goes_on(look))
        look_ask_next(look);
    else
        look_over(look);
}

static void look_on_one(void *ctx, const struct outcome *outcome, const struct err *err)
{
    struct look *look = ctx;

    look->poll = NULL;
    if (outcome == NULL)
        look_tell(look, err);
    look_decide_all(look, outcome);
    look_go_on(look);
}

// Whether the answer about many would be the end of the task, which it isn't in.
static bool is_to_be_asked(const struct look *look, size_t i, const struct outcome *outcomes)
{
    return outcomes[i].kind == OUTCOME_MISSING && is_lost(look, look->tasks[i]);
}

// The same of an answer about many. What it says of the tasks behind the first `count` is known,
// and nothing new.
static void look_decide_many(const struct look *look, const struct outcome *outcomes, size_t count,
                             const struct buf *answer)
{
    bool *is_quiet = mem_array(bool, count);

    for (size_t i = 0; i < count; i++)
        is_quiet[i] =
            !is_to_be_asked(look, i, outcomes) && !look_decide(look, look->tasks[i], &outcomes[i]);
    seen_note(look->bench->seen, look->tasks, is_quiet, count, answer);
    free(is_quiet);
    for (size_t i = count; i < look->count; i++) {
        const struct task *task = look->tasks[i];

        look_decide(look, task,
                    &(struct outcome){.kind = OUTCOME_RUNNING,
                                      .has_started = task->phase == TASK_RENDERING,
                                      .is_modal = task->substate != NULL,
                                      .progress = task->progress});
    }
}

// Leaves in the look what is to be asked about by itself.
static void look_keep_lost(struct look *look, const struct outcome *outcomes, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < look->count; i++)
        if (i < count && is_to_be_asked(look, i, outcomes))
            look->tasks[kept++] = look->tasks[i];
        else
            task_free(look->tasks[i]);
    look->count = kept;
}

static void look_on_many(void *ctx, const struct http_response *response,
                         const struct http_failure *failure)
{
    struct look *look = ctx;
    struct outcome *outcomes = mem_array(struct outcome, look->count);
    struct http_response rest = {0}; // what isn't known of the answer
    struct buf body = {0};
    size_t all = look->count, count = all;
    struct err err;
    bool ok = failure == NULL, is_split = false;

    look->call = NULL;
    if (ok) {
        poll_obey(look->bench, look->account, response);
        if (response->status / 100 == 2)
            count = seen_pass_over(look->bench->seen, look->tasks, count, &response->body, &body);
        rest = *response;
        if (count < look->count)
            rest.body = body;
        ok = count == 0 ||
             look->account->dialect->read_poll_many((const struct task *const *)look->tasks, count,
                                                    look->account, &rest, outcomes, &err);
    } else {
        err = failure->err;
    }
    if (!ok) {
        look_tell(look, &err);
        is_split = failure == NULL && response->status / 100 == 2;
    }
    if (ok) {
        look_decide_many(look, outcomes, count, &rest.body);
        look_keep_lost(look, outcomes, count);
        is_split = look->count > 0;
    } else if (!is_split) {
        look_decide_all(look, NULL);
    }
    for (size_t i = 0; i < all; i++)
        outcome_clear(&outcomes[i]);
    free(outcomes);
    buf_clear(&body);
    if (is_split) {
        look_move(look, ABOUT_EACH);
        look_ask_next(look);
    } else {
        look_go_on(look);
    }
}

static bool look_ask_many(struct look *look, struct err *err)
{
    struct http_request request = {0};
    struct vendor_options options = {
        .kind = "poll",
        .http = {.timeout_ms = look->account->provider->poll_timeout_ms,
                 .offers_http2 = true,
                 .max_body_bytes = POLL_ANSWER_MAX,
                 .ctx = look}};
    bool ok = look->account->dialect->build_poll_many((const struct task *const *)look->tasks,
                                                      look->count, look->account, &request, err);

    if (ok) {
        metric_add(METRIC_polls_total, 1);
        look->call =
            vendor_start(look->bench->vendors, look->account, &request, &options, look_on_many);
    }
    http_request_clear(&request);
    return ok;
}

static void look_ask(struct look *look)
{
    size_t count;
    struct task *const *tasks = look_asked(look, &count);
    struct err err;
    bool ok;

    if (count == 1) {
        look->poll =
            poll_start(look->bench, tasks[0], look->account, NULL, look_on_one, look, &err);
        ok = look->poll != NULL;
    } else {
        ok = look_ask_many(look, &err);
    }
    if (ok) {
        metric_add(METRIC_polled_tasks_total, (int64_t)count);
        return;
    }
    log_error("poll.build", "account=%s tasks=%zu first=%s error=\"%s\"", look->account->name,
              count, tasks[0]->id, err.message);
    look_decide_all(look, NULL);
    look_over(look);
}

void look_start(struct look **list, struct bench *bench, const struct account *account,
                struct task **tasks, size_t count, look_done_fn done, void *ctx)
{
    struct look *look = mem_new(struct look);

    look->bench = bench;
    look->account = account;
    look->done = done;
    look->ctx = ctx;
    look->tasks = mem_array(struct task *, count);
    memcpy(look->tasks, tasks, count * sizeof *tasks);
    look->count = count;
    look->next = *list;
    look->at = list;
    if (look->next != NULL)
        look->next->at = &look->next;
    *list = look;
    look_ask(look);
}

void look_drop_all(struct look **list)
{
    while (*list != NULL)
        look_drop(*list);
}
