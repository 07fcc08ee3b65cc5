// What comes of a submit: the picture is in submit.c.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/json/json_write.h"
#include "core/store/store.h"
#include "core/store/transitions.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "workers/answer.h"
#include "workers/archive_result.h"
#include "workers/elsewhere.h"
#include "workers/submit_private.h"

enum { QUESTION_MS = 60000 }; // twice as long as a client waits for the answer to a question

// The vendor has the task. If the client wants it cancelled, now is the time to tell the vendor.
static void submit_on_stored(void *ctx, enum change_result result, bool is_cancel_asked,
                             const struct err *err)
{
    struct submission *s = ctx;
    const struct task *task = s->job.task;

    s->stored = NULL;
    if (err != NULL)
        log_error("submit.store", "task=%s error=\"%s\"", task->id, err->message);
    else if (result == CHANGE_STALE || result == CHANGE_GONE)
        log_warn("submit.stale", "task=%s account=%s", task->id, task->account);
    else
        bench_expect(s->job.bench, s->job.account, s->job.account->provider->poll_first_ms);
    if (err == NULL && result == CHANGE_DONE)
        bench_forget_request(s->job.bench, s->job.task);
    if (is_cancel_asked)
        bench_expect(s->job.bench, s->job.account, 0);
    job_finish(&s->job);
}

static void submit_store(struct submission *s, const struct outcome *outcome)
{
    int64_t look_ms = s->job.account->poll_interval_ms > 0
                          ? s->job.account->poll_interval_ms
                          : s->job.account->provider->poll_first_ms;

    log_info("task.submitted", "task=%s account=%s upstream=%s", s->job.task->id,
             s->job.task->account, outcome->upstream_id);
    job_move(&s->job, SUBMIT_STORING);
    // Stored whatever happens to Redis: this id was paid for.
    s->stored =
        transition_accept(s->job.bench->store, s->job.task, outcome->upstream_id, outcome->is_modal,
                          look_ms, bench_is_news(s->job.task, TASK_SUBMITTED, outcome->is_modal),
                          (struct listener){submit_on_stored, s});
}

static void submit_note_failure(const struct submission *s, const char *code, const char *reason)
{
    log_info("task.failed", "task=%s code=%s reason=\"%s\"", s->job.task->id, code, reason);
}

void submit_fail(struct submission *s, const char *code, const char *reason)
{
    submit_note_failure(s, code, reason);
    transition_fail(s->job.bench->store, s->job.task, code, reason, job_listener(&s->job));
    job_finish(&s->job);
}

// Whether the client that asked the question has gone.
static bool is_past_asking(const struct submission *s)
{
    return s->job.task->is_ask &&
           store_now_ms(s->job.bench->store) - s->job.task->created_ms > QUESTION_MS;
}

// Whether the task has waited for a vendor as long as it may.
static bool is_past_waiting(const struct submission *s)
{
    int64_t timeout_ms = s->job.bench->config->queue_timeout_ms;

    return timeout_ms > 0 &&
           store_now_ms(s->job.bench->store) - s->job.task->created_ms > timeout_ms;
}

static const char *reason_of(const struct outcome *outcome)
{
    return outcome->reason == NULL ? "the vendor gave no reason" : outcome->reason;
}

void submit_refuse(struct submission *s, const struct outcome *outcome, enum refusal_kind kind)
{
    struct store *store = s->job.bench->store;
    struct refusal refusal = {
        .kind = kind, .reason = reason_of(outcome), .cool_ms = outcome->retry_after_ms};

    if (kind != REFUSAL_BAD_KEY && is_past_asking(s)) {
        submit_fail(s, "vendor_no_answer", refusal.reason);
        return;
    }
    metric_add(METRIC_submits_refused_total, 1);
    if (kind == REFUSAL_BAD_KEY)
        log_error("account.out", "account=%s reason=\"%s\" hint=\"mend its key and enable it\"",
                  s->job.account->name, refusal.reason);
    else
        log_info("submit.refused", "task=%s account=%s reason=\"%s\"", s->job.task->id,
                 s->job.account->name, refusal.reason);
    if (is_past_waiting(s)) {
        submit_note_failure(s, "vendor_unavailable", refusal.reason);
        transition_give_up(store, s->job.task, &refusal, "vendor_unavailable",
                           job_listener(&s->job));
    } else {
        transition_refuse(store, s->job.task, &refusal, job_listener(&s->job));
    }
    job_finish(&s->job);
}

// A model that this account hasn't got, or may not use, another may have. The account rests for no
// other's sake: it is well.
static bool submit_move(struct submission *s, const struct outcome *outcome)
{
    const struct account *to;

    if (outcome->code == NULL || strcmp(outcome->code, "model_not_found") != 0)
        return false;
    to = elsewhere_next(s->job.bench->config, s->job.account, s->job.task);
    if (to == NULL)
        return false;
    metric_add(METRIC_submits_refused_total, 1);
    log_info("submit.moved", "task=%s account=%s to=%s reason=\"%s\"", s->job.task->id,
             s->job.account->name, to->name, reason_of(outcome));
    transition_move(s->job.bench->store, s->job.task, to->name, reason_of(outcome),
                    job_listener(&s->job));
    job_finish(&s->job);
    return true;
}

void submit_doubt(struct submission *s, const char *reason)
{
    struct store *store = s->job.bench->store;
    char why[400];

    snprintf(why, sizeof why, *s->asked_as == '\0' ? "%s" : "%s (request %s)", reason, s->asked_as);

    if (is_past_asking(s)) {
        submit_fail(s, "vendor_no_answer", why);
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

static void submit_end(struct submission *s, const char *result)
{
    log_info("task.succeeded", "task=%s", s->job.task->id);
    transition_succeed(s->job.bench->store, s->job.task, result, job_listener(&s->job));
    job_finish(&s->job);
}

// The answer to a question is the result itself.
static void submit_end_question(struct submission *s, const struct outcome *outcome)
{
    char *result = outcome_result(outcome);

    submit_end(s, result);
    free(result);
}

// Calls.

// The result is in Redis: from here on the task is an archive, by whoever has its lease.
static void submit_on_answer_stored(void *ctx, enum change_result result, bool is_cancel_asked,
                                    const struct err *err)
{
    struct submission *s = ctx;
    struct bench *bench = s->job.bench;
    struct task *task = s->job.task;
    int64_t asked_ms = s->stored_ms;

    (void)is_cancel_asked;
    s->stored = NULL;
    if (err != NULL)
        log_error("submit.store", "task=%s error=\"%s\"", task->id, err->message);
    else if (result != CHANGE_DONE)
        log_warn("submit.stale", "task=%s account=%s", task->id, task->account);
    if (err == NULL && result != CHANGE_DONE)
        answer_forget(bench->answers, task, answer_result(s->answer));
    if (err != NULL || result != CHANGE_DONE) {
        job_finish(&s->job);
        return;
    }
    bench_forget_request(bench, task);
    task->version++;
    task->phase = TASK_ARCHIVING;
    task->archive_ms = store_now_ms(bench->store);
    if (bench->is_draining) {
        transition_hold(bench->store, task, 0, NULL, NULL);
        job_finish(&s->job);
        return;
    }
    task = job_take_task(&s->job);
    job_drop(&s->job);
    bench_archive(bench, task, asked_ms);
    bench_wake(bench);
}

static void submit_on_kept(void *ctx)
{
    struct submission *s = ctx;
    struct bench *bench = s->job.bench;
    struct task *task = s->job.task;

    free(task->result);
    task->result = json_write_text(answer_result(s->answer));
    log_info("task.answered", "task=%s account=%s", task->id, task->account);
    lease_stop(&s->lease);
    job_move(&s->job, SUBMIT_STORING);
    s->stored_ms = clock_mono_ms();
    // Stored whatever happens to Redis: this was paid for.
    s->stored = transition_answer(
        bench->store, task, task->result, bench_is_news(task, TASK_ARCHIVING, false),
        bench->config->lease_ms, (struct listener){submit_on_answer_stored, s});
}

static void submit_keep(struct submission *s, const struct outcome *outcome)
{
    char *text = outcome_result(outcome), *texts;

    if (outcome->source_count == 0) {
        submit_fail(s, "vendor_failed", "the vendor's answer has no result");
    } else if (!archive_result_has_files(outcome)) {
        texts = archive_result_of_texts(text);
        submit_end(s, texts);
        free(texts);
    } else {
        job_move(&s->job, SUBMIT_KEEPING);
        if (answer_keep(s->answer, json_loads(text, 0, NULL), submit_on_kept, s))
            submit_on_kept(s);
    }
    free(text);
}

void submit_decide(struct submission *s, const struct outcome *outcome,
                   const struct err *unreadable)
{
    switch (outcome->kind) {
    case OUTCOME_ACCEPTED:
        submit_store(s, outcome);
        return;
    case OUTCOME_SUCCEEDED:
        if (s->answer != NULL)
            submit_keep(s, outcome);
        else
            submit_end_question(s, outcome);
        return;
    case OUTCOME_REFUSED_RETRY:
        submit_refuse(s, outcome, REFUSAL_VENDOR);
        return;
    case OUTCOME_REFUSED_ELSEWHERE:
        submit_refuse(s, outcome, REFUSAL_ACCOUNT);
        return;
    case OUTCOME_BAD_KEY:
        submit_refuse(s, outcome, REFUSAL_BAD_KEY);
        return;
    case OUTCOME_REFUSED_FINAL:
    case OUTCOME_FAILED:
        if (submit_move(s, outcome))
            return;
        submit_fail(s, outcome->code == NULL ? "vendor_refused" : outcome->code,
                    reason_of(outcome));
        return;
    default:
        submit_doubt(s, unreadable != NULL ? unreadable->message : reason_of(outcome));
        return;
    }
}
