// The metrics: one table, counted from any thread, written as Prometheus text by whoever is asked.
#pragma once

#include <stdint.h>

#include "core/base/buf.h"

// name (behind "spool_"), type, what it counts
#define METRICS(X)                                                                                 \
    X(http_requests_total, "counter", "Requests to the front door")                                \
    X(http_connections, "gauge", "Open connections of the front door")                             \
    X(websocket_connections, "gauge", "Open WebSockets")                                           \
    X(websocket_slow_total, "counter", "WebSockets closed because their reader was too slow")      \
    X(tasks_accepted_total, "counter", "Tasks accepted from clients")                              \
    X(tasks_succeeded_total, "counter", "Tasks that ended in succeeded")                           \
    X(tasks_failed_total, "counter", "Tasks that ended in failed")                                 \
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
    X(redis_calls, "counter", "Calls to Redis")                                                    \
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
void metrics_write(struct buf *out);
