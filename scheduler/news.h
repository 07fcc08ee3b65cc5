// News: what watchers of tasks are told.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct task;

// What happened to one task. All borrowed for the call.
struct news {
    const struct task *task; // as it was at the change
    const char *cursor;      // a watcher that resumes begins behind it
    const char *json;        // the task object, with what it waits for now: news_write
    size_t slot;             // which of the news that were made together it is: a hint where to
                             // keep what is made of it for all who hear it
};

// Adds the task object, which is made once for all: an operator's is made of it.
void news_write(const struct news *news, bool is_operator, struct buf *json);

// What one turn brought, in order.
typedef void (*news_fn)(void *ctx, const struct news *news, size_t count);
// There is a gap behind what was told so far; the present states follow.
typedef void (*news_gap_fn)(void *ctx);
// A task that was asked for isn't there (or is another key's).
typedef void (*news_missing_fn)(void *ctx, const char *id);
