// What becomes of a task: each verb is an item for change.lua, except those for leases.
#include "core/store/transitions.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/store/keys.h"
#include "core/store/lane.h"
#include "core/store/record.h"
#include "core/store/store.h"
#include "core/task/wait.h"

enum { LEASE_DEADLINE_MS = 10000 };
enum { GROWING = -1 }; // a delay: change.lua makes it from the tries
enum { FACTS_MAX = 4, NUMBER_BYTES = 24 };
enum { FIRST_CLAIM = 2 }; // the version of a task that was claimed for the first time

// A field of the record. An empty value deletes it.
struct fact {
    enum record_field field;
    const char *value; // NULL: the fact is left out
};

// An item as change.lua takes it; the head of change.lua says what each part is.
struct item {
    enum task_phase to;
    const char *flags;
    int64_t delay_ms, cool_ms, look_ms;
    const char *watch;
    const char *word, *detail;
    const char *wait, *wait_detail;
    const char *result;
    struct fact facts[FACTS_MAX];
};

static void on_change(void *ctx, store_then_fn then, const redisReply *answer,
                      const struct err *err, bool is_end, bool is_requeue)
{
    change_fn fn = (change_fn)then;
    bool is_list = err == NULL && answer->type == REDIS_REPLY_ARRAY && answer->elements > 2;
    const char *word =
        is_list && answer->element[0]->type == REDIS_REPLY_STRING ? answer->element[0]->str : "";
    bool is_done = strcmp(word, "done") == 0 || strcmp(word, "again") == 0;
    bool is_cancel_asked = is_list && record_integer(answer->element[2]) == 1;
    // A task that is queued again while a cancel is asked for is cancelled instead.
    bool has_ended = is_end || (is_requeue && is_cancel_asked);

    if (fn != NULL)
        fn(ctx,
           strcmp(word, "missing") == 0 ? CHANGE_GONE
           : !is_done                   ? CHANGE_STALE
           : has_ended                  ? CHANGE_ENDED
                                        : CHANGE_DONE,
           is_cancel_asked, err);
}

static void on_moved(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    on_change(ctx, then, answer, err, false, false);
}

static void on_queued(void *ctx, store_then_fn then, const redisReply *answer,
                      const struct err *err)
{
    on_change(ctx, then, answer, err, false, true);
}

static void on_ended(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    on_change(ctx, then, answer, err, true, false);
}

static void observe(const struct store *store, const struct task *task, int64_t since_ms,
                    const char *stage)
{
    if (since_ms > 0)
        metric_observe(HISTOGRAM_stage_seconds, store_now_ms(store) - since_ms, task->provider,
                       stage);
}

// How long the stages took that a change ends, as this process sees it: one that comes too late is
// observed all the same.
static void observe_change(const struct store *store, const struct task *task,
                           const struct item *item)
{
    bool was_there = task->phase == TASK_SUBMITTED || task->phase == TASK_RENDERING;

    if (was_there && (item->to == TASK_ARCHIVING || item->to == TASK_SUCCEEDED))
        observe(store, task, task->started_ms, "vendor");
    if (item->to == TASK_SUCCEEDED && task->phase == TASK_ARCHIVING)
        observe(store, task, task->archive_ms, "archive");
    if (item->to == TASK_SUCCEEDED)
        observe(store, task, task->created_ms, "whole");
}

static struct store_call *send_change(struct store *store, const struct task *task,
                                      const struct item *item, struct listener listener)
{
    struct args args = {0};

    if (!task_may_go(task->phase, item->to)) // Redis refuses the change, like one that comes too
                                             // late
        log_warn("change.unlikely", "task=%s from=%s to=%s", task->id, task_phase_name(task->phase),
                 task_phase_name(item->to));
    observe_change(store, task, item);
    args_id(&args, task->id);
    args_int(&args, task->version);
    args_int(&args, task->counter);
    args_str(&args, task_phase_name(item->to));
    args_str(&args, item->flags);
    args_int(&args, item->delay_ms);
    args_int(&args, item->cool_ms);
    args_str(&args, item->watch);
    args_str(&args, item->word);
    args_str(&args, item->detail);
    args_int(&args, item->look_ms);
    args_str(&args, item->wait);
    args_str(&args, item->wait_detail);
    args_str(&args, item->result);
    for (size_t i = 0; i < FACTS_MAX; i++)
        args_field(&args, record_name(item->facts[i].field), item->facts[i].value);
    return store_call(store, SCRIPT_change, &args, STORE_FOR_EVER,
                      task_is_terminal(item->to) ? on_ended
                      : item->to == TASK_QUEUED  ? on_queued
                                                 : on_moved,
                      (store_then_fn)listener.fn, listener.ctx);
}

static const char *number(char text[NUMBER_BYTES], int64_t value)
{
    snprintf(text, NUMBER_BYTES, "%lld", (long long)value);
    return text;
}

// A submit.

struct store_call *transition_accept(struct store *store, const struct task *task,
                                     const char *upstream_id, bool is_modal, int64_t look_ms,
                                     bool is_news, struct listener listener)
{
    struct item item = {
        .to = TASK_SUBMITTED,
        .flags = is_news ? "NW" : "W",
        .look_ms = look_ms,
        .word = "submitted",
        .detail = upstream_id,
        .facts = {{RECORD_upstream, upstream_id}, {RECORD_sub, is_modal ? "MODAL" : NULL}},
    };

    return send_change(store, task, &item, listener);
}

static const struct {
    const char *flags, *flags_at_end;
    int64_t delay_ms;
    const char *wait;
} refusals[REFUSAL_COUNT] = {
    [REFUSAL_VENDOR] = {"CT", "NC", GROWING, WAIT_VENDOR_REFUSED},
    [REFUSAL_ACCOUNT] = {"CT", "NC", 1, WAIT_VENDOR_REFUSED}, // the account rests, not the task
    [REFUSAL_UNREACHABLE] = {"CT", "NC", GROWING, WAIT_VENDOR_UNREACHABLE},
    [REFUSAL_BAD_KEY] = {"OT", "NO", GROWING, WAIT_BAD_KEY},
};

struct store_call *transition_refuse(struct store *store, const struct task *task,
                                     const struct refusal *refusal, struct listener listener)
{
    struct item item = {
        .to = TASK_QUEUED,
        .flags = refusals[refusal->kind].flags,
        .delay_ms = refusals[refusal->kind].delay_ms,
        .cool_ms = refusal->cool_ms,
        .word = "refused",
        .detail = refusal->reason,
        .wait = refusals[refusal->kind].wait,
        .wait_detail = refusal->reason,
    };

    return send_change(store, task, &item, listener);
}

struct store_call *transition_move(struct store *store, const struct task *task, const char *to,
                                   const char *reason, struct listener listener)
{
    char lane[LANE_NAME_SIZE];
    struct item item = {
        .to = TASK_QUEUED,
        .word = "refused",
        .detail = reason,
        .facts = {{RECORD_lane, lane},
                  {RECORD_account, to},
                  {RECORD_moved, task->moved_from == NULL ? task->account : NULL}},
    };

    lane_name(lane, sizeof lane, NULL, NULL, to, task->cost > 0);
    return send_change(store, task, &item, listener);
}

struct store_call *transition_give_up(struct store *store, const struct task *task,
                                      const struct refusal *refusal, const char *code,
                                      struct listener listener)
{
    struct item item = {
        .to = TASK_FAILED,
        .flags = refusals[refusal->kind].flags_at_end,
        .cool_ms = refusal->cool_ms,
        .word = "failed",
        .detail = refusal->reason,
        .facts = {{RECORD_code, code}, {RECORD_error, refusal->reason}},
    };

    return send_change(store, task, &item, listener);
}

struct store_call *transition_hand_back(struct store *store, const struct task *task,
                                        struct listener listener)
{
    return send_change(store, task, &(struct item){.to = TASK_QUEUED, .word = "handed_back"},
                       listener);
}

struct store_call *transition_ask_again(struct store *store, const struct task *task,
                                        const char *why, struct listener listener)
{
    struct item item = {
        .to = TASK_QUEUED, .flags = "T", .delay_ms = GROWING, .word = "refused", .detail = why};

    return send_change(store, task, &item, listener);
}

static struct store_call *await_again(struct store *store, const struct task *task,
                                      const char *flags, const char *wait, const char *why,
                                      struct listener listener)
{
    struct item item = {.to = TASK_QUEUED,
                        .flags = flags,
                        .delay_ms = GROWING,
                        .word = "input_failed",
                        .detail = why,
                        .wait = wait,
                        .wait_detail = why};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_await_inputs(struct store *store, const struct task *task,
                                           const char *why, struct listener listener)
{
    return await_again(store, task, "L", WAIT_INPUTS, why, listener);
}

struct store_call *transition_await_storage(struct store *store, const struct task *task,
                                            const char *why, struct listener listener)
{
    return await_again(store, task, "T", WAIT_STORAGE, why, listener);
}

struct store_call *transition_doubt(struct store *store, const struct task *task, const char *why,
                                    struct listener listener)
{
    struct item item = {.to = TASK_IN_DOUBT, .word = "in_doubt", .detail = why};

    return send_change(store, task, &item, listener);
}

// A submit in doubt.

struct store_call *transition_adopt(struct store *store, const struct task *task,
                                    const char *upstream_id, bool is_news, struct listener listener)
{
    struct item item = {.to = TASK_SUBMITTED,
                        .flags = is_news ? "N" : "",
                        .word = "found",
                        .detail = upstream_id,
                        .facts = {{RECORD_upstream, upstream_id}}};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_disprove(struct store *store, const struct task *task,
                                       struct listener listener)
{
    struct item item = {.to = TASK_QUEUED, .flags = "T", .delay_ms = GROWING, .word = "not_found"};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_retry_unknown(struct store *store, const struct task *task,
                                            struct listener listener)
{
    struct item item = {.to = TASK_QUEUED,
                        .flags = "T",
                        .delay_ms = GROWING,
                        .word = "retried_unknown",
                        .detail = "submit_outcome_unknown"};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_fail_unknown(struct store *store, const struct task *task,
                                           const struct account *account, int64_t typical_ms,
                                           struct listener listener)
{
    char watch[64];
    struct item item = {
        .to = TASK_FAILED,
        .flags = "N",
        .watch = watch,
        .word = "failed",
        .detail = "submit_outcome_unknown",
        .facts = {{RECORD_code, "submit_outcome_unknown"},
                  {RECORD_error,
                   "the vendor's answer to the submit was lost: it may have been accepted "
                   "and billed, and was not sent again"}},
    };

    snprintf(watch, sizeof watch, "doubt %lld %d", (long long)typical_ms, account->max_concurrency);
    return send_change(store, task, &item, listener);
}

// A job at the vendor.

struct store_call *transition_progress(struct store *store, const struct task *task, int progress,
                                       struct listener listener)
{
    char text[NUMBER_BYTES];
    struct item item = {
        .to = task->phase, .flags = "P", .facts = {{RECORD_progress, number(text, progress)}}};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_see(struct store *store, const struct task *task,
                                  const struct sighting *sighting, bool is_news,
                                  struct listener listener)
{
    bool was_modal = task->substate != NULL, is_modal = sighting->is_modal;
    char text[NUMBER_BYTES];
    struct item item = {
        .to = sighting->phase,
        .flags = is_news ? "N" : "",
        .word = sighting->phase != task->phase ? "rendering" : NULL,
        .facts = {{RECORD_sub, is_modal == was_modal ? NULL
                               : is_modal            ? "MODAL"
                                                     : ""},
                  {RECORD_progress,
                   sighting->progress > task->progress ? number(text, sighting->progress) : NULL},
                  {RECORD_missing, task->missing_ms > 0 ? "" : NULL}},
    };

    return send_change(store, task, &item, listener);
}

struct store_call *transition_miss(struct store *store, const struct task *task, int64_t now_ms,
                                   struct listener listener)
{
    char text[NUMBER_BYTES];
    struct item item = {
        .to = task->phase, .word = "missing", .facts = {{RECORD_missing, number(text, now_ms)}}};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_archive(struct store *store, const struct task *task,
                                      const char *result, bool is_news, struct listener listener)
{
    struct item item = {.to = TASK_ARCHIVING,
                        .flags = is_news ? "N" : "",
                        .word = "rendered",
                        .result = result,
                        .facts = {{RECORD_progress, "99"}}};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_answer(struct store *store, const struct task *task,
                                     const char *result, bool is_news, int64_t ms,
                                     struct listener listener)
{
    struct item item = {.to = TASK_ARCHIVING,
                        .flags = is_news ? "WN" : "W",
                        .delay_ms = ms,
                        .word = "answered",
                        .result = result,
                        .facts = {{RECORD_progress, "99"}}};

    return send_change(store, task, &item, listener);
}

// The end, and an archive's way there.

static struct store_call *end_with(struct store *store, const struct task *task, enum task_phase to,
                                   const char *code, const char *message, const char *watch,
                                   struct listener listener)
{
    struct item item = {.to = to,
                        .flags = "N",
                        .watch = watch,
                        .word = task_phase_name(to),
                        .detail = message,
                        .facts = {{RECORD_code, code}, {RECORD_error, message}}};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_time_out(struct store *store, const struct task *task,
                                       const char *code, const char *message, int64_t watch_ms,
                                       struct listener listener)
{
    char watch[NUMBER_BYTES];

    return end_with(store, task, TASK_FAILED, code, message, number(watch, watch_ms), listener);
}

struct store_call *transition_fail(struct store *store, const struct task *task, const char *code,
                                   const char *message, struct listener listener)
{
    return end_with(store, task, TASK_FAILED, code, message, NULL, listener);
}

struct store_call *transition_cancel(struct store *store, const struct task *task, const char *code,
                                     const char *message, struct listener listener)
{
    return end_with(store, task, TASK_CANCELLED, code, message, NULL, listener);
}

struct store_call *transition_succeed(struct store *store, const struct task *task,
                                      const char *result, struct listener listener)
{
    struct item item = {.to = TASK_SUCCEEDED,
                        .flags = "N",
                        .word = task->phase == TASK_ARCHIVING ? "archived" : "succeeded",
                        .result = result};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_put_off(struct store *store, const struct task *task,
                                      const char *result, int64_t ms, const char *wait,
                                      const char *why, struct listener listener)
{
    struct item item = {.to = TASK_ARCHIVING,
                        .delay_ms = ms,
                        .word = "archive_failed",
                        .detail = why,
                        .wait = wait,
                        .wait_detail = why,
                        .result = result};

    return send_change(store, task, &item, listener);
}

struct store_call *transition_go_on(struct store *store, const struct task *task,
                                    const char *result, int64_t ms, struct listener listener)
{
    struct item item = {.to = TASK_ARCHIVING, .delay_ms = ms, .result = result};

    return send_change(store, task, &item, listener);
}

// Leases.

static void on_begin(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    begin_fn fn = (begin_fn)then;
    enum begin_result result = BEGIN_STALE;

    if (err == NULL && answer->type == REDIS_REPLY_STRING)
        result = strcmp(answer->str, "go") == 0          ? BEGIN_GO
                 : strcmp(answer->str, "cancelled") == 0 ? BEGIN_CANCELLED
                                                         : BEGIN_STALE;
    fn(ctx, result, err);
}

struct store_call *transition_begin(struct store *store, const struct task *task, int64_t ms,
                                    begin_fn fn, void *ctx)
{
    struct args args = {0};

    if (task->version == FIRST_CLAIM)
        observe(store, task, task->created_ms, "queue");
    args_id(&args, task->id);
    args_int(&args, task->counter);
    args_int(&args, ms);
    args_str(&args, task->likeness);
    args_str(&args, task->is_call ? "1" : "");
    return store_call(store, SCRIPT_begin, &args, LEASE_DEADLINE_MS, on_begin, (store_then_fn)fn,
                      ctx);
}

static void on_chosen(void *ctx, store_then_fn then, const redisReply *answer,
                      const struct err *err)
{
    choose_fn fn = (choose_fn)then;
    bool is_one = err == NULL && answer->type == REDIS_REPLY_STRING && answer->len > 0;

    fn(ctx, is_one ? answer->str : NULL, err);
}

struct store_call *transition_choose(struct store *store, const struct task *task,
                                     const char *const *jobs, size_t count, choose_fn fn, void *ctx)
{
    struct args args = {0};

    args_id(&args, task->id);
    args_int(&args, task->counter);
    args_str(&args, task->likeness);
    for (size_t i = 0; i < count; i++)
        args_str(&args, jobs[i]);
    return store_call(store, SCRIPT_alike, &args, LEASE_DEADLINE_MS, on_chosen, (store_then_fn)fn,
                      ctx);
}

static void on_hold(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    hold_fn fn = (hold_fn)then;

    if (fn != NULL)
        fn(ctx, err == NULL && record_integer(answer) == 1, err);
}

// hold.lua's item; what the task waits for stays as it is.
static struct store_call *hold(struct store *store, const struct task *task, int64_t ms, hold_fn fn,
                               void *ctx)
{
    struct args args = {0};

    args_id(&args, task->id);
    args_int(&args, task->counter);
    args_int(&args, ms);
    args_str(&args, NULL);
    args_str(&args, NULL);
    return store_call(store, SCRIPT_hold, &args, LEASE_DEADLINE_MS, on_hold, (store_then_fn)fn,
                      ctx);
}

struct store_call *transition_hold(struct store *store, const struct task *task, int64_t ms,
                                   hold_fn fn, void *ctx)
{
    assert(ms >= 0);
    return hold(store, task, ms, fn, ctx);
}

void transition_unwatch(struct store *store, const struct task *task)
{
    enum { IT_IS_OVER = -1 };

    hold(store, task, IT_IS_OVER, NULL, NULL);
}
