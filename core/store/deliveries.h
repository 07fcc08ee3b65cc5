// Webhook deliveries: a log per task, and a due set with one entry per task.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/ids.h"
#include "core/task/task.h"

struct store;
struct store_call;

// A claimed delivery: one POST to make. Owns what it points to: delivery_free.
struct delivery {
    struct task *task; // shown as it was at the change; `hook` is set
    char *body;        // as it was rendered for an earlier attempt; NULL: it wasn't, or long ago
    char *receiver;    // "host:port" of the hook
    bool is_body_kept; // Redis has the body, too
    bool is_slow;      // its receiver takes long to answer, or nobody knows whether it will
    int number;        // from 1, per task
    int tries;         // attempts made before this one
    int64_t made_ms;   // when the change was, by Redis' clock; 0: it is sent once more
    int64_t lease;     // fences the result
};

void delivery_free(struct delivery *delivery);

// The delivery becomes the callee's.
typedef void (*delivery_fn)(void *ctx, struct delivery *delivery);
// `next_ms`: how long until it is worth asking again without being woken, -1: it isn't. `is_short`:
// some deliveries wait for nothing but a place.
typedef void (*deliveries_claimed_fn)(void *ctx, size_t count, int64_t next_ms, bool is_short,
                                      const struct err *err);

struct delivery_claim {
    delivery_fn on_delivery;
    deliveries_claimed_fn done;
    void *ctx;
};

// How many deliveries of one key, or of all keys, may be claimed.
struct delivery_share {
    const char *key;
    int quick, slow;
};

struct delivery_receiver {
    const char *name;
    int in_flight;
};

// How many deliveries may be claimed of whom. All borrowed for the call.
struct delivery_limits {
    struct delivery_share all, of_each; // of_each: for each key that isn't in `keys`
    const struct delivery_share *keys;
    size_t key_count;
    const struct delivery_receiver *receivers; // the receivers that have something in flight
    size_t receiver_count;
};

// `serial`: see claim_serial.h. `claim` must outlive the call.
struct store_call *deliveries_claim(struct store *store, int64_t serial,
                                    const struct delivery_limits *limits, int64_t lease_ms,
                                    const struct delivery_claim *claim);

enum delivery_outcome {
    DELIVERY_DELIVERED,
    DELIVERY_RETRY,     // after delay_ms
    DELIVERY_EXHAUSTED, // it was the last attempt
    DELIVERY_ENDED,     // the receiver wants no more (410)
    DELIVERY_LATER,     // no attempt was made: again after delay_ms
};

struct delivery_result {
    enum delivery_outcome outcome;
    int64_t delay_ms;
    int http_status; // 0: no answer
    int64_t took_ms;
    bool is_silent;    // no answer came before the timeout
    int64_t body_ms;   // how long the body that was sent is good for another attempt
    const char *error; // "" for none
};

// Sent again and again until Redis has it. The body is kept for the next attempt, where there is
// one, so that all attempts are alike.
struct store_call *deliveries_finish(struct store *store, const struct delivery *delivery,
                                     const struct delivery_result *result);

// One line of the log.
struct delivery_entry {
    int number;
    struct task_view view;
    int64_t created_ms;
    char status[16]; // pending, retrying, delivered, superseded, exhausted, ended
    int tries;
    int64_t tried_ms;
    int http_status;
    int64_t took_ms;
    char error[128];
};

typedef void (*delivery_log_fn)(void *ctx, const char *url, const struct delivery_entry *entries,
                                size_t count, const struct err *err);
struct delivery_log;
struct delivery_log *deliveries_read(struct store *store, const char *id, delivery_log_fn fn,
                                     void *ctx);
void delivery_log_cancel(struct delivery_log **log);

// Deliveries of all keys that haven't arrived, for operators.
struct undelivered_filter {
    const char *status; // "exhausted", or what waits: "pending" or "retrying"
    const char *host;   // the receiver's, with or without its port; NULL: any
    int64_t since_ms;   // only deliveries that were made from then on; 0: at any time
    int limit;          // after how many it is enough
    int64_t passed;     // where to go on: 0, then what the last call said
};
struct undelivered {
    char task[ID_SIZE];
    const char *key, *receiver;
    struct delivery_entry entry;
};
// `next`: where to go on, for each call looks at so many tasks alone; -1: there are no more.
// Borrowed for the call.
typedef void (*undelivered_fn)(void *ctx, const struct undelivered *list, size_t count,
                               int64_t next, const struct err *err);
struct store_call *deliveries_find(struct store *store, const struct undelivered_filter *filter,
                                   undelivered_fn fn, void *ctx);
// `count` deliveries that were given up are sent once more; `next` as above.
typedef void (*redelivered_fn)(void *ctx, int64_t count, int64_t next, const struct err *err);
struct store_call *deliveries_redeliver_all(struct store *store,
                                            const struct undelivered_filter *filter,
                                            redelivered_fn fn, void *ctx);

// ERR_NOT_FOUND where there is no such delivery, ERR_CONFLICT while it is still pending. `owner`
// NULL: anybody's task.
typedef void (*redeliver_fn)(void *ctx, const struct err *err);
struct store_call *deliveries_redeliver(struct store *store, const char *id, const char *owner,
                                        int number, redeliver_fn fn, void *ctx);
