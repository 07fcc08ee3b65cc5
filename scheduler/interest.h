// An interest: that a watcher watches one task, or all of its key's. It catches up, then follows.
//
// It is told of changes by whoever reads the stream, and starts what it needs to catch up itself.
#pragma once

#include <stdbool.h>

#include "scheduler/news.h"

struct events;
struct interest;
struct glances;
struct loop;
struct page_event;
struct store;
struct task;
struct waiting;

// What all interests of a process use. Borrowed, outlives them, and so does what it names.
struct interest_ground {
    struct loop *loop;
    struct events *events;
    struct glances *looks;
    struct waiting *waiting;
    const struct store *store;
};

struct interest_options {
    const char *id;    // NULL: all of the key's tasks
    const char *owner; // the key: others' tasks are missing; borrowed, outlives the interest. NULL:
                       // an operator's, nothing is missing
    const char *since; // a cursor: changes after it are told, as they are in the stream
    int version;       // without one: the present state is told first, if it is newer
    news_fn on_news;   // of what it reads itself
    news_gap_fn on_gap; // that it finds itself
    news_missing_fn on_missing;
    void *ctx;
};

// Waits until interest_begin.
struct interest *interest_new(const struct interest_ground *ground,
                              const struct interest_options *options);
void interest_drop(struct interest **interest);           // also from inside a callback
const char *interest_id(const struct interest *interest); // "": all

// The stream is being read, so that nothing falls between catching up and following. Never calls
// back before it returns, nor does the next.
void interest_begin(struct interest *interest);
// The stream was lost: from here on it is by the stream's end, and a named task's present state.
void interest_lose(struct interest *interest);
// Whether it wants to hear of this change, of this task; notes that it was told of it.
bool interest_take(struct interest *interest, const struct page_event *event,
                   const struct task *task);
