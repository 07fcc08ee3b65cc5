// A store without Redis: transitions.
//
// A change is "change task_1 <verb>", then what was said about it.
#include "core/store/transitions.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "tests/support/check.h"
#include "tests/support/fake_store_private.h"

static void end_change(struct store_call *call, enum change_result result, bool is_cancel_asked,
                       const struct err *err)
{
    if (fake_takes(&call->call) && call->fn != NULL)
        ((change_fn)call->fn)(call->ctx, result, is_cancel_asked, err);
}

static void fail_change(struct fake_call *call, const struct err *err)
{
    end_change((struct store_call *)call, CHANGE_STALE, false, err);
}

void fake_change_done(struct fake_call *call, enum change_result result, bool is_cancel_asked)
{
    end_change((struct store_call *)call, result, is_cancel_asked, NULL);
}

// The test fails where a task of its phase may not go to that phase.
static struct store_call *__attribute__((format(printf, 4, 5)))
change(const struct task *task, enum task_phase to, struct listener listener, const char *format,
       ...)
{
    struct store_call *call =
        fake_store_call_new((void (*)(void))listener.fn, listener.ctx, fail_change);
    char said[4000];
    va_list args;

    call->call.is_store_s = true;
    assert_true(task_may_go(task->phase, to));
    va_start(args, format);
    vsnprintf(said, sizeof said, format, args);
    va_end(args);
    fake_add(&call->call, "change %s %s", task->id, said);
    return call;
}

static const char *news(bool is_news)
{
    return is_news ? " news" : "";
}

struct store_call *transition_accept(struct store *store, const struct task *task,
                                     const char *upstream_id, bool is_modal, int64_t look_ms,
                                     bool is_news, struct listener listener)
{
    (void)store;
    return change(task, TASK_SUBMITTED, listener, "accept upstream=%s%s look=%lld%s", upstream_id,
                  is_modal ? " modal" : "", (long long)look_ms, news(is_news));
}

static const char *const refusal_names[REFUSAL_COUNT] = {
    [REFUSAL_VENDOR] = "vendor",
    [REFUSAL_ACCOUNT] = "account",
    [REFUSAL_UNREACHABLE] = "unreachable",
    [REFUSAL_BAD_KEY] = "bad_key",
};

struct store_call *transition_refuse(struct store *store, const struct task *task,
                                     const struct refusal *refusal, struct listener listener)
{
    (void)store;
    return change(task, TASK_QUEUED, listener, "refuse by=%s cool=%lld reason=%s",
                  refusal_names[refusal->kind], (long long)refusal->cool_ms, refusal->reason);
}

struct store_call *transition_move(struct store *store, const struct task *task, const char *to,
                                   const char *reason, struct listener listener)
{
    (void)store;
    return change(task, TASK_QUEUED, listener, "move to=%s reason=%s", to, reason);
}

struct store_call *transition_give_up(struct store *store, const struct task *task,
                                      const struct refusal *refusal, const char *code,
                                      struct listener listener)
{
    (void)store;
    return change(task, TASK_FAILED, listener, "give up by=%s cool=%lld reason=%s code=%s",
                  refusal_names[refusal->kind], (long long)refusal->cool_ms, refusal->reason, code);
}

struct store_call *transition_hand_back(struct store *store, const struct task *task,
                                        struct listener listener)
{
    (void)store;
    return change(task, TASK_QUEUED, listener, "hand back");
}

struct store_call *transition_ask_again(struct store *store, const struct task *task,
                                        const char *why, struct listener listener)
{
    (void)store;
    return change(task, TASK_QUEUED, listener, "ask again why=%s", why);
}

struct store_call *transition_await_inputs(struct store *store, const struct task *task,
                                           const char *why, struct listener listener)
{
    (void)store;
    return change(task, TASK_QUEUED, listener, "await inputs why=%s", why);
}

struct store_call *transition_await_storage(struct store *store, const struct task *task,
                                            const char *why, struct listener listener)
{
    (void)store;
    return change(task, TASK_QUEUED, listener, "await storage why=%s", why);
}

struct store_call *transition_doubt(struct store *store, const struct task *task, const char *why,
                                    struct listener listener)
{
    (void)store;
    return change(task, TASK_IN_DOUBT, listener, "doubt why=%s", why);
}

struct store_call *transition_adopt(struct store *store, const struct task *task,
                                    const char *upstream_id, bool is_news, struct listener listener)
{
    (void)store;
    return change(task, TASK_SUBMITTED, listener, "adopt upstream=%s%s", upstream_id,
                  news(is_news));
}

struct store_call *transition_disprove(struct store *store, const struct task *task,
                                       struct listener listener)
{
    (void)store;
    return change(task, TASK_QUEUED, listener, "disprove");
}

struct store_call *transition_retry_unknown(struct store *store, const struct task *task,
                                            struct listener listener)
{
    (void)store;
    return change(task, TASK_QUEUED, listener, "retry unknown");
}

struct store_call *transition_fail_unknown(struct store *store, const struct task *task,
                                           const struct account *account, int64_t typical_ms,
                                           struct listener listener)
{
    (void)store;
    return change(task, TASK_FAILED, listener, "fail unknown account=%s typical=%lld",
                  account->name, (long long)typical_ms);
}

struct store_call *transition_progress(struct store *store, const struct task *task, int progress,
                                       struct listener listener)
{
    (void)store;
    assert_true(progress > task->progress);
    return change(task, task->phase, listener, "progress %d", progress);
}

struct store_call *transition_see(struct store *store, const struct task *task,
                                  const struct sighting *sighting, bool is_news,
                                  struct listener listener)
{
    (void)store;
    return change(task, sighting->phase, listener, "see %s progress=%d%s%s",
                  task_phase_name(sighting->phase), sighting->progress,
                  sighting->is_modal ? " modal" : "", news(is_news));
}

struct store_call *transition_miss(struct store *store, const struct task *task, int64_t now_ms,
                                   struct listener listener)
{
    (void)store;
    return change(task, task->phase, listener, "miss from=%lld", (long long)now_ms);
}

struct store_call *transition_archive(struct store *store, const struct task *task,
                                      const char *result, bool is_news, struct listener listener)
{
    (void)store;
    return change(task, TASK_ARCHIVING, listener, "archive result=%s%s", result, news(is_news));
}

struct store_call *transition_answer(struct store *store, const struct task *task,
                                     const char *result, bool is_news, int64_t ms,
                                     struct listener listener)
{
    (void)store;
    return change(task, TASK_ARCHIVING, listener, "answer result=%s ms=%lld%s", result,
                  (long long)ms, news(is_news));
}

struct store_call *transition_time_out(struct store *store, const struct task *task,
                                       const char *code, const char *message, int64_t watch_ms,
                                       struct listener listener)
{
    (void)store;
    return change(task, TASK_FAILED, listener, "time out watch=%lld code=%s message=%s",
                  (long long)watch_ms, code, message);
}

struct store_call *transition_cancel(struct store *store, const struct task *task, const char *code,
                                     const char *message, struct listener listener)
{
    (void)store;
    return change(task, TASK_CANCELLED, listener, "cancel code=%s message=%s", code, message);
}

struct store_call *transition_put_off(struct store *store, const struct task *task,
                                      const char *result, int64_t ms, const char *wait,
                                      const char *why, struct listener listener)
{
    (void)store;
    return change(task, TASK_ARCHIVING, listener, "put off ms=%lld wait=%s why=%s result=%s",
                  (long long)ms, wait, why, result);
}

struct store_call *transition_go_on(struct store *store, const struct task *task,
                                    const char *result, int64_t ms, struct listener listener)
{
    (void)store;
    return change(task, TASK_ARCHIVING, listener, "go on ms=%lld result=%s", (long long)ms, result);
}

struct store_call *transition_succeed(struct store *store, const struct task *task,
                                      const char *result, struct listener listener)
{
    (void)store;
    return change(task, TASK_SUCCEEDED, listener, "succeed result=%s", result);
}

struct store_call *transition_fail(struct store *store, const struct task *task, const char *code,
                                   const char *message, struct listener listener)
{
    (void)store;
    return change(task, TASK_FAILED, listener, "fail code=%s message=%s", code, message);
}

// Leases.

static void end_hold(struct store_call *call, bool is_ours, const struct err *err)
{
    if (fake_takes(&call->call) && call->fn != NULL)
        ((hold_fn)call->fn)(call->ctx, is_ours, err);
}

static void fail_hold(struct fake_call *call, const struct err *err)
{
    end_hold((struct store_call *)call, false, err);
}

void fake_hold_done(struct fake_call *call, bool is_ours)
{
    end_hold((struct store_call *)call, is_ours, NULL);
}

static void end_begin(struct store_call *call, enum begin_result result, const struct err *err)
{
    if (fake_takes(&call->call) && call->fn != NULL)
        ((begin_fn)call->fn)(call->ctx, result, err);
}

static void fail_begin(struct fake_call *call, const struct err *err)
{
    end_begin((struct store_call *)call, BEGIN_STALE, err);
}

void fake_begin_done(struct fake_call *call, enum begin_result result)
{
    end_begin((struct store_call *)call, result, NULL);
}

struct store_call *transition_begin(struct store *store, const struct task *task, int64_t ms,
                                    begin_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_begin);

    (void)store;
    fake_add(&call->call, "begin %s ms=%lld", task->id, (long long)ms);
    return call;
}

static void end_choose(struct store_call *call, const char *job, const struct err *err)
{
    if (fake_takes(&call->call))
        ((choose_fn)call->fn)(call->ctx, job, err);
}

static void fail_choose(struct fake_call *call, const struct err *err)
{
    end_choose((struct store_call *)call, NULL, err);
}

void fake_choose_done(struct fake_call *call, const char *job)
{
    end_choose((struct store_call *)call, job, NULL);
}

struct store_call *transition_choose(struct store *store, const struct task *task,
                                     const char *const *jobs, size_t count, choose_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_choose);
    struct buf list = {0};

    (void)store;
    for (size_t i = 0; i < count; i++)
        buf_fmt(&list, "%s%s", i == 0 ? "" : ",", jobs[i]);
    fake_add(&call->call, "choose %s of %s", task->id, buf_text(&list));
    buf_clear(&list);
    return call;
}

struct store_call *transition_hold(struct store *store, const struct task *task, int64_t ms,
                                   hold_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_hold);

    (void)store;
    fake_add(&call->call, "hold %s ms=%lld", task->id, (long long)ms);
    return call;
}

void transition_unwatch(struct store *store, const struct task *task)
{
    (void)store;
    fake_note("unwatch %s", task->id);
}
