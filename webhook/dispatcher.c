// The dispatcher.
//
//  claimed ─▶ (room at its receiver) ─▶ SENDING ── on_sent ──▶ stored
//      │            ▲── a place is free
//      ├─ soon ─▶ WAITING ── too long ──┐
//      └─ not soon ─────────────────────┴──▶ handed back, for later
#include "webhook/dispatcher.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/base/task.h"
#include "core/io/loop.h"
#include "core/io/redis.h"
#include "core/store/deliveries.h"
#include "core/store/store.h"
#include "webhook/endpoint.h"
#include "webhook/sign.h"
#include "webhook/verdict.h"

enum {
    HEARTBEAT_MS = 1000,
    JOBS_MAX = 512,         // in hand at once
    CLAIM_MAX = 100,        // in one call
    LEASE_SLACK_MS = 5000,  // more than an attempt may take
    START_WITHIN_MS = 4000, // of the claim: so an attempt ends before its lease does
};

// A delivery in hand: WAITING (in `waiting`) while `call` is NULL, else SENDING (in `sending`).
struct job {
    struct dispatcher *dispatcher;
    struct delivery *delivery; // ours
    struct endpoint *endpoint; // kept by our being counted there
    struct delivery_call *call;
    int64_t claimed_ms; // of our monotonic clock, before the claim was sent
    struct job *next, **at;
};

struct job_list {
    struct job *first, **end;
};

struct dispatcher {
    struct loop *loop;
    struct store *store;
    struct delivery_sender sender;
    struct verdict_rules rules;
    struct endpoints *endpoints;
    struct job_list waiting, sending; // oldest first
    unsigned count;                   // of both
    struct redis *rings;              // its own connection: it is subscribed
    struct delivery_claim claim;
    struct store_call *claiming;
    int64_t claimed_ms;
    bool is_asked; // while a claim is under way, or there was no room for one
    bool is_draining;
    struct loop_timer *due, *heartbeat;
    int64_t due_ms; // of our monotonic clock, while `due` runs
};

// Jobs.

static void list_add(struct job_list *list, struct job *job)
{
    job->next = NULL;
    job->at = list->end;
    *list->end = job;
    list->end = &job->next;
}

static void list_remove(struct job_list *list, struct job *job)
{
    *job->at = job->next;
    if (job->next != NULL)
        job->next->at = job->at;
    else
        list->end = job->at;
}

// The job must be in no list any more.
static void job_free(struct job *job)
{
    job->dispatcher->count--;
    delivery_cancel(&job->call);
    delivery_free(job->delivery);
    free(job);
}

static void claim(struct dispatcher *d);

static void on_due(void *ctx)
{
    struct dispatcher *d = ctx;

    d->due = NULL;
    claim(d);
}

static void claim_after(struct dispatcher *d, int64_t delay_ms)
{
    int64_t at_ms = clock_mono_ms() + delay_ms;

    if (d->is_draining || (d->due != NULL && d->due_ms <= at_ms))
        return;
    loop_cancel(&d->due);
    d->due_ms = at_ms;
    d->due = loop_after(d->loop, delay_ms, on_due, d);
}

static void finish(struct job *job, const struct delivery_result *result)
{
    struct dispatcher *d = job->dispatcher;

    deliveries_finish(d->store, job->delivery, result);
    // In a later turn, so that it comes to Redis after the result: there may be news of the task
    // that waited for it, and the claim's answer says when the next attempt is due.
    claim_after(d, 1);
}

static void hand_back(struct job *job, int64_t delay_ms)
{
    struct delivery_result result = {.outcome = DELIVERY_LATER, .delay_ms = delay_ms, .error = ""};

    finish(job, &result);
    job_free(job);
}

// What became of an attempt, for Redis, for the log and for the metrics.
static void store_result(struct job *job, const struct delivery_answer *answer)
{
    struct dispatcher *d = job->dispatcher;
    const char *id = job->delivery->task->id,
               *host = job->endpoint == NULL ? "-" : endpoint_name(job->endpoint);
    int number = job->delivery->number, tries = job->delivery->tries + 1;
    struct delivery_result result = {
        .http_status = answer->http_status, .took_ms = answer->took_ms, .error = answer->error};

    result.outcome = verdict_of(&d->rules, job->delivery->tries, answer->http_status,
                                answer->retry_after, clock_wall_ms(), &result.delay_ms);
    if (result.outcome == DELIVERY_DELIVERED) {
        metric_add(METRIC_webhooks_delivered_total, 1);
        log_debug("webhook.delivered", "task=%s n=%d host=%s attempt=%d status=%d took_ms=%lld", id,
                  number, host, tries, answer->http_status, (long long)answer->took_ms);
    } else {
        metric_add(METRIC_webhooks_failed_total, 1);
        if (result.outcome == DELIVERY_EXHAUSTED) {
            metric_add(METRIC_webhooks_exhausted_total, 1);
            log_warn("webhook.exhausted", "task=%s n=%d host=%s attempts=%d error=\"%s\"", id,
                     number, host, tries, answer->error);
        } else {
            log_info("webhook.failed", "task=%s n=%d host=%s attempt=%d next_ms=%lld error=\"%s\"",
                     id, number, host, tries,
                     result.outcome == DELIVERY_RETRY ? (long long)result.delay_ms : -1LL,
                     answer->error);
        }
    }
    finish(job, &result);
}

static void send_waiting(struct dispatcher *d, const struct endpoint *endpoint);

static void on_sent(void *ctx, const struct delivery_answer *answer)
{
    struct job *job = ctx;
    struct dispatcher *d = job->dispatcher;
    struct endpoint *endpoint = job->endpoint;

    job->call = NULL;
    store_result(job, answer);
    endpoint_leave(endpoint, answer->took_ms, answer->is_silent, clock_mono_ms());
    list_remove(&d->sending, job);
    job_free(job);
    send_waiting(d, endpoint);
    if (d->is_asked)
        claim(d);
}

// The job is in no list. Nothing was sent: it counts as an attempt all the same.
static void fail(struct job *job, const char *error)
{
    struct delivery_answer answer = {0};

    snprintf(answer.error, sizeof answer.error, "%s", error);
    store_result(job, &answer);
    job_free(job);
}

static void post(struct job *job)
{
    struct dispatcher *d = job->dispatcher;
    struct err err;

    job->call = delivery_send(&d->sender, job->delivery, on_sent, job, &err);
    if (job->call == NULL) {
        log_error("webhook.unmade", "task=%s error=\"%s\"", job->delivery->task->id, err.message);
        fail(job, "the body can't be made");
        return;
    }
    endpoint_enter(job->endpoint);
    list_add(&d->sending, job);
}

// A place is free at the receiver.
static void send_waiting(struct dispatcher *d, const struct endpoint *endpoint)
{
    struct job *job = d->waiting.first, *next;
    int64_t now_ms = clock_mono_ms();

    for (; job != NULL && endpoint_has_room(endpoint); job = next) {
        next = job->next;
        if (job->endpoint != endpoint)
            continue;
        list_remove(&d->waiting, job);
        endpoint_unwait(job->endpoint);
        if (now_ms - job->claimed_ms < START_WITHIN_MS)
            post(job);
        else
            hand_back(job, endpoint_hand_back_ms(job->endpoint, now_ms));
    }
}

// Hands back those that have waited too long, or all.
static void end_waiting(struct dispatcher *d, bool all)
{
    struct job *job = d->waiting.first, *next;
    int64_t now_ms = clock_mono_ms();

    for (; job != NULL; job = next) {
        next = job->next;
        if (!all && now_ms - job->claimed_ms < START_WITHIN_MS - HEARTBEAT_MS)
            break; // the others came later
        list_remove(&d->waiting, job);
        endpoint_unwait(job->endpoint);
        hand_back(job, all ? 0 : endpoint_hand_back_ms(job->endpoint, now_ms));
    }
}

// Claims.

static void on_delivery(void *ctx, struct delivery *delivery)
{
    struct dispatcher *d = ctx;
    struct job *job = mem_new(struct job);
    int64_t now_ms = clock_mono_ms();

    job->dispatcher = d;
    job->delivery = delivery;
    job->claimed_ms = d->claimed_ms;
    job->endpoint = endpoints_find(d->endpoints, delivery->task->hook, now_ms);
    d->count++;
    if (d->is_draining || now_ms - job->claimed_ms >= START_WITHIN_MS) {
        hand_back(job, 0);
    } else if (job->endpoint == NULL) {
        fail(job, "the receiver can't be reached");
    } else if (endpoint_has_room(job->endpoint)) {
        post(job);
    } else if (endpoint_is_worth_waiting(job->endpoint)) {
        endpoint_wait(job->endpoint);
        list_add(&d->waiting, job);
    } else {
        hand_back(job, endpoint_hand_back_ms(job->endpoint, now_ms));
    }
}

static void on_claimed(void *ctx, size_t count, int64_t next_ms, const struct err *err)
{
    struct dispatcher *d = ctx;

    (void)count;
    d->claiming = NULL;
    if (err != NULL)
        return; // the heartbeat asks again
    if (d->is_asked || next_ms == 0)
        claim(d);
    else if (next_ms > 0 && next_ms < HEARTBEAT_MS)
        claim_after(d, next_ms);
}

static void claim(struct dispatcher *d)
{
    unsigned room = JOBS_MAX - d->count;

    if (d->is_draining || !store_is_up(d->store) || d->sender.keys->count == 0)
        return;
    d->is_asked = d->claiming != NULL || room == 0;
    if (d->is_asked)
        return; // asked again when the claim is through, or an attempt is
    d->claimed_ms = clock_mono_ms();
    d->claiming =
        deliveries_claim(d->store, room < CLAIM_MAX ? (int)room : CLAIM_MAX,
                         d->sender.config->webhook.timeout_ms + LEASE_SLACK_MS, &d->claim);
}

static void on_heartbeat(void *ctx)
{
    struct dispatcher *d = ctx;

    d->heartbeat = loop_after(d->loop, HEARTBEAT_MS, on_heartbeat, d);
    end_waiting(d, false);
    endpoints_sweep(d->endpoints, clock_mono_ms());
    claim(d);
}

static void on_ring(void *ctx, const redisReply *message)
{
    (void)message;
    claim(ctx);
}

struct dispatcher *dispatcher_start(struct loop *loop, struct store *store, const char *redis_url,
                                    const struct delivery_sender *sender)
{
    struct dispatcher *d = mem_new(struct dispatcher);
    struct redis_options options = {.url = redis_url};

    d->loop = loop;
    d->store = store;
    d->sender = *sender;
    d->rules.retry_delays_ms = sender->config->webhook.retry_delays_ms;
    d->rules.retry_count = sender->config->webhook.retry_count;
    d->endpoints = endpoints_new();
    d->waiting.end = &d->waiting.first;
    d->sending.end = &d->sending.first;
    d->claim = (struct delivery_claim){on_delivery, on_claimed, d};
    d->rings = redis_start(loop, &options);
    redis_subscribe(d->rings, "spool:ring", on_ring, d);
    d->heartbeat = loop_after(loop, HEARTBEAT_MS, on_heartbeat, d);
    return d;
}

static void drop_all(struct job_list *list)
{
    while (list->first != NULL) {
        struct job *job = list->first;

        list_remove(list, job);
        job_free(job);
    }
}

void dispatcher_drop(struct dispatcher **slot)
{
    struct dispatcher *d = *slot;

    if (d == NULL)
        return;
    *slot = NULL;
    loop_cancel(&d->due);
    loop_cancel(&d->heartbeat);
    store_cancel(&d->claiming);
    redis_drop(&d->rings);
    drop_all(&d->waiting);
    drop_all(&d->sending);
    endpoints_free(d->endpoints);
    free(d);
}

void dispatcher_wake(struct dispatcher *dispatcher)
{
    claim(dispatcher);
}

bool dispatcher_drain(struct dispatcher *dispatcher)
{
    dispatcher->is_draining = true;
    loop_cancel(&dispatcher->due);
    end_waiting(dispatcher, true);
    return dispatcher->count == 0 && dispatcher->claiming == NULL;
}
