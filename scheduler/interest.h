// An interest: a watcher's wish to watch one task, or all tasks of its key. It looks at the task,
// then follows.
//
// Whoever reads the stream tells it of changes; it starts by itself the reads that it needs.
#pragma once

#include <stdbool.h>

#include "core/store/events.h"
#include "scheduler/news.h"

struct events;
struct interest;
struct glances;
struct loop;
struct page_event;
struct store;
struct task;
struct waiting;

// What all interests of a process use. Borrowed, with all that it names, and outlives them.
struct interest_ground {
    struct loop *loop;
    struct events *events;
    struct glances *looks;
    char
        told[CURSOR_SIZE]; // events up to this one were told: resuming from it repeats none of them
    struct waiting *waiting;
    struct store *store;
};

// Who hears of what the interest reads itself: the present state, and that there is no such task.
struct interest_calls {
    news_fn on_news;
    news_missing_fn on_missing;
};

struct interest_options {
    const char *id;    // "": all of the key's tasks
    const char *owner; // the key: tasks of others count as missing; borrowed, outlives the
                       // interest. NULL: an operator's, who sees all
    const char *after; // a cursor: changes up to it were told (past.h). NULL: the present state is
                       // told first
    int version;       // told so far: only what is newer is told
    const struct interest_calls *calls; // borrowed, outlives the interest
    void *ctx;
};

// Waits until interest_begin.
struct interest *interest_new(const struct interest_ground *ground,
                              const struct interest_options *options);
void interest_drop(struct interest **interest);           // also from inside a callback
const char *interest_id(const struct interest *interest); // "": all

// To be called once the stream is being read, so that no change is lost between looking and
// following. Neither this nor interest_lose calls back before it returns.
void interest_begin(struct interest *interest);
// The stream was lost: goes on from the stream's present end, and from a named task's present
// state.
void interest_lose(struct interest *interest);
// Whether it wants to hear of this change, of this task; notes that it was told of it.
bool interest_take(struct interest *interest, const struct page_event *event,
                   const struct task *task);
