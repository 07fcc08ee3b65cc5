// The metrics: three tables, counted from any thread, written as Prometheus' text by whoever is
// asked. (Prometheus: exposition formats, metric and label naming.)
//
// Values of labels are few and ours: providers, accounts, families, codes, routes; never a task's,
// a key's or a stranger's. A family that gets too many values all the same counts the rest as
// "other".
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"

// name (behind "spool_"), type, what it counts
#define METRICS(X)                                                                                 \
    X(http_connections, "gauge", "Open connections of the front door")                             \
    X(websocket_connections, "gauge", "Open WebSockets")                                           \
    X(websocket_slow_total, "counter", "WebSockets closed because their reader was too slow")      \
    X(tasks_accepted_total, "counter", "Tasks accepted from clients")                              \
    X(submits_total, "counter", "Submits sent to vendors")                                         \
    X(submits_refused_total, "counter", "Submits a vendor refused for now")                        \
    X(submits_in_doubt_total, "counter", "Submits whose outcome was unknown at first")             \
    X(submits_unknown_total, "counter", "Submits whose outcome stayed unknown")                    \
    X(polls_total, "counter", "Requests that asked vendors for progress")                          \
    X(polled_tasks_total, "counter", "Tasks looked at by these requests")                          \
    X(poll_failures_total, "counter", "Requests for progress without a usable answer")             \
    X(vendor_callbacks_total, "counter", "Callbacks of vendors, each a hint to look")              \
    X(archived_files_total, "counter", "Files archived")                                           \
    X(archived_bytes_total, "counter", "Bytes archived")                                           \
    X(archive_failures_total, "counter", "Attempts to archive that failed")                        \
    X(webhooks_delivered_total, "counter", "Webhook deliveries answered with 2xx")                 \
    X(webhooks_failed_total, "counter", "Webhook attempts that failed")                            \
    X(webhooks_exhausted_total, "counter", "Webhook deliveries given up")                          \
    X(stale_writes_total, "counter", "Writes refused because someone else had the task")           \
    X(sweeper_repairs_total, "counter", "Entries the sweeper made anew from the records")          \
    X(redis_calls_total, "counter", "Calls to Redis")                                              \
    X(redis_up, "gauge", "Whether Redis can be used")                                              \
    X(accounts_out, "gauge", "Accounts taken out because of a bad key")

enum metric {
#define X(name, type, help) METRIC_##name,
    METRICS(X)
#undef X
        METRIC_COUNT
};

void metric_add(enum metric metric, int64_t by);
void metric_set(enum metric metric, int64_t value);
int64_t metric_get(enum metric metric);

// Counters with labels: name, what it counts, the labels.
#define METRIC_FAMILIES(X)                                                                         \
    X(tasks_total, "Tasks that have ended", "provider", "status", "code")                          \
    X(http_requests_total, "Requests to the front door", "route", "code", NULL)                    \
    X(vendor_requests_total, "Requests to vendors", "account", "kind", "result")

enum metric_family {
#define X(name, help, a, b, c) METRICS_##name,
    METRIC_FAMILIES(X)
#undef X
        METRIC_FAMILY_COUNT
};

// Histograms of seconds: name, what takes so long, the labels, and whether it is about jobs (from a
// tenth of a second to six hours) or about requests (from a thousandth to a minute).
#define HISTOGRAMS(X)                                                                              \
    X(stage_seconds, "What a task's stages take", "provider", "stage", NULL, true)                 \
    X(http_request_seconds, "What answering a request takes", "route", NULL, NULL, false)          \
    X(redis_seconds, "What a call to Redis takes", NULL, NULL, NULL, false)

enum histogram {
#define X(name, help, a, b, c, is_of_jobs) HISTOGRAM_##name,
    HISTOGRAMS(X)
#undef X
        HISTOGRAM_COUNT
};

// As many values as the family has labels, "" for none. All are copied.
void metric_count(enum metric_family family, const char *a, const char *b, const char *c);
int64_t metric_count_of(enum metric_family family, const char *a, const char *b, const char *c);
void metric_observe(enum histogram histogram, int64_t ms, const char *a, const char *b);

// Writes all three tables.
void metrics_write(struct buf *out);
// A metric that is counted elsewhere: its head, then each of its values. `labels` are pairs of name
// and value, ending with NULL.
void metrics_write_head(struct buf *out, const char *name, const char *type, const char *help);
void metrics_write_value(struct buf *out, const char *name, const char *const *labels,
                         double value);
