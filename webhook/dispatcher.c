// The dispatcher.
//
//  claimed ── in time ──▶ SENDING ── on_sent ──▶ stored
//     └── too late, or draining ──▶ handed back
//
// A claimed delivery has its seat already: the claim tells Redis how many deliveries of whom may
// come (seats.h), and the others wait in Redis.
#include "webhook/dispatcher.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/message/media_link.h"
#include "core/store/bell.h"
#include "core/store/claim_serial.h"
#include "core/store/deliveries.h"
#include "core/store/heartbeat.h"
#include "core/store/store.h"
#include "core/task/task.h"
#include "webhook/seats.h"
#include "webhook/sign.h"
#include "webhook/verdict.h"

enum {
    HEARTBEAT_MS = 1000,
    LEASE_SLACK_MS = 5000,  // how much longer a lease is than an attempt may take
    START_WITHIN_MS = 4000, // after the claim, so that an attempt ends before its lease does
    BODY_GOOD_MS = MEDIA_LINK_LIFE_S * 1000 / 2, // so that its signed links are when it arrives
};

// A delivery that is being sent.
struct attempt {
    struct dispatcher *dispatcher;
    struct delivery *delivery; // ours
    struct seat *seat;
    struct delivery_call *call;
    struct attempt *next, **at;
};

struct dispatcher {
    struct loop *loop;
    struct store *store;
    struct delivery_sender sender;
    struct verdict_rules rules;
    struct seats *seats;
    struct attempt *attempts;
    struct bell *bell;
    struct delivery_claim claim;
    struct store_call *claiming;
    struct claim_serial serial;
    bool is_asked; // while a claim is under way
    bool is_draining;
    struct loop_timer *due, *heartbeat;
    int64_t due_ms; // of our monotonic clock, while `due` runs
};

// Attempts.

static void attempt_free(struct attempt *attempt)
{
    *attempt->at = attempt->next;
    if (attempt->next != NULL)
        attempt->next->at = attempt->at;
    delivery_cancel(&attempt->call);
    seat_give_back(&attempt->seat, clock_mono_ms());
    delivery_free(attempt->delivery);
    free(attempt);
}

static void claim(struct dispatcher *d);
static void expect_heartbeat(struct dispatcher *d);

static void claim_on_due(void *ctx)
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
    d->due = loop_after(d->loop, delay_ms, claim_on_due, d);
}

static void attempt_finish(struct dispatcher *d, const struct delivery *delivery,
                           const struct delivery_result *result)
{
    deliveries_finish(d->store, delivery, result);
    // We claim in a later turn, so that the claim comes to Redis after the result: a change of the
    // task may have waited for that, and the claim's answer says when the next attempt is due.
    claim_after(d, 1);
}

static void attempt_hand_back(struct dispatcher *d, const struct delivery *delivery)
{
    struct delivery_result result = {.outcome = DELIVERY_LATER, .error = ""};

    attempt_finish(d, delivery, &result);
}

// What became of an attempt, for Redis, for the log and for the metrics.
static void store_result(struct dispatcher *d, const struct delivery *delivery,
                         const struct delivery_answer *answer)
{
    const char *id = delivery->task->id, *host = delivery->receiver;
    int number = delivery->number, tries = delivery->tries + 1;
    struct delivery_result result = {.http_status = answer->http_status,
                                     .took_ms = answer->took_ms,
                                     .is_silent = answer->is_silent,
                                     .body_ms = BODY_GOOD_MS,
                                     .error = answer->error};

    result.outcome = verdict_of(&d->rules, delivery->tries, answer->http_status,
                                answer->retry_after, clock_wall_ms(), &result.delay_ms);
    if (result.outcome == DELIVERY_DELIVERED) {
        metric_add(METRIC_webhooks_delivered_total, 1);
        if (delivery->made_ms > 0)
            metric_observe(HISTOGRAM_stage_seconds, store_now_ms(d->store) - delivery->made_ms,
                           delivery->task->provider, "webhook");
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
    attempt_finish(d, delivery, &result);
}

static void attempt_on_sent(void *ctx, const struct delivery_answer *answer)
{
    struct attempt *attempt = ctx;
    struct dispatcher *d = attempt->dispatcher;

    attempt->call = NULL;
    store_result(d, attempt->delivery, answer);
    attempt_free(attempt);
}

static void attempt_start(struct dispatcher *d, struct delivery *delivery)
{
    struct attempt *attempt = mem_new(struct attempt);
    struct err err;

    attempt->dispatcher = d;
    attempt->delivery = delivery;
    attempt->seat = seats_take(d->seats, delivery->task->owner, delivery->receiver,
                               delivery->is_slow, clock_mono_ms());
    attempt->next = d->attempts;
    attempt->at = &d->attempts;
    if (attempt->next != NULL)
        attempt->next->at = &attempt->next;
    d->attempts = attempt;
    attempt->call = delivery_send(&d->sender, delivery, attempt_on_sent, attempt, &err);
    if (attempt->call == NULL) {
        // Nothing was sent, but it counts as an attempt all the same.
        struct delivery_answer answer = {.error = "the body can't be made"};

        log_error("webhook.unmade", "task=%s error=\"%s\"", delivery->task->id, err.message);
        store_result(d, delivery, &answer);
        attempt_free(attempt);
    }
}

// Claims.

static void claim_on_delivery(void *ctx, struct delivery *delivery)
{
    struct dispatcher *d = ctx;

    if (!d->is_draining && clock_mono_ms() - d->serial.begun_ms < START_WITHIN_MS) {
        attempt_start(d, delivery);
        return;
    }
    attempt_hand_back(d, delivery);
    delivery_free(delivery);
}

static void claim_on_claimed(void *ctx, size_t count, int64_t next_ms, bool is_short,
                             const struct err *err)
{
    struct dispatcher *d = ctx;

    d->claiming = NULL;
    d->serial.is_lost = err != NULL;
    if (err != NULL) {
        expect_heartbeat(d); // which asks again
        return;
    }
    if (d->is_asked || next_ms == 0 || count >= SEATS_AT_ONCE)
        claim(d);
    else if (next_ms > 0)
        claim_after(d, next_ms);
    if (is_short)
        claim_after(d, seats_pace_ms(d->seats));
}

static void claim(struct dispatcher *d)
{
    int64_t lease_ms = d->sender.config->webhook.timeout_ms + LEASE_SLACK_MS;
    struct delivery_limits limits;

    if (d->is_draining || !store_is_up(d->store) || d->sender.keys->count == 0)
        return;
    d->is_asked = d->claiming != NULL;
    if (d->is_asked)
        return; // we claim again when that claim is through
    claim_serial_next(&d->serial, lease_ms);
    seats_limits(d->seats, clock_mono_ms(), &limits);
    d->claiming = deliveries_claim(d->store, d->serial.number, &limits, lease_ms, &d->claim);
}

static void on_heartbeat(void *ctx)
{
    struct dispatcher *d = ctx;

    d->heartbeat = NULL;
    if (d->attempts == NULL && store_is_up(d->store)) // with what says that the process is there
        d->heartbeat = loop_in_step(d->loop, HEARTBEAT_EVERY_MS, on_heartbeat, d);
    else
        expect_heartbeat(d);
    claim(d);
}

// In the place of one that is expected later.
static void expect_heartbeat(struct dispatcher *d)
{
    loop_cancel(&d->heartbeat);
    d->heartbeat = loop_after(d->loop, HEARTBEAT_MS, on_heartbeat, d);
}

static void on_ring(void *ctx, const char *task)
{
    (void)task;
    claim(ctx);
}

struct dispatcher *dispatcher_start(struct loop *loop, struct store *store, const char *redis_url,
                                    const struct delivery_sender *sender)
{
    struct dispatcher *d = mem_new(struct dispatcher);

    d->loop = loop;
    d->store = store;
    d->sender = *sender;
    d->rules.retry_delays_ms = sender->config->webhook.retry_delays_ms;
    d->rules.retry_count = sender->config->webhook.retry_count;
    d->seats = seats_new(sender->config->webhook.timeout_ms);
    d->claim = (struct delivery_claim){claim_on_delivery, claim_on_claimed, d};
    d->bell = bell_start(loop, redis_url, BELL_DELIVERIES, on_ring, d);
    expect_heartbeat(d);
    return d;
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
    bell_drop(&d->bell);
    while (d->attempts != NULL)
        attempt_free(d->attempts);
    seats_free(d->seats);
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
    return dispatcher->attempts == NULL && dispatcher->claiming == NULL;
}

bool dispatcher_is_quiet(const struct dispatcher *dispatcher)
{
    return dispatcher->attempts == NULL;
}

unsigned dispatcher_in_hand(const struct dispatcher *dispatcher)
{
    return seats_taken(dispatcher->seats);
}
