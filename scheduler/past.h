// The past of a subscription: what the stream tells of its tasks behind a cursor, up to where the
// stream's reader is. It is read once for all of them and told in order: so whichever change was
// told last, whoever resumes behind it misses none of the others.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "scheduler/news.h"

struct interest_ground;
struct past;

struct past_calls {
    news_fn on_news;
    // It ends, and is to be dropped: its tasks are to be watched behind `cursor`; NULL: behind a
    // gap, where nothing is known.
    void (*on_over)(void *ctx, struct past *past, const char *cursor);
};

struct past_options {
    const char *const *ids; // the tasks that are named, borrowed for the call
    size_t count;
    bool is_all;       // and all others of the key
    const char *owner; // the key; borrowed, outlives the past. NULL: an operator's, who sees all
    const char *since; // a cursor
    const struct past_calls *calls; // borrowed, outlives the past
    void *ctx;
};

// Waits until past_begin.
struct past *past_new(const struct interest_ground *ground, const struct past_options *options);
void past_drop(struct past **past); // also from inside a callback
// To be called once the stream is being read. It may be over before this returns.
void past_begin(struct past *past);

// Whom it is of.
bool past_is_all(const struct past *past);
size_t past_count(const struct past *past); // of the named tasks, each once
const char *past_id(const struct past *past, size_t i);
int past_version(const struct past *past, size_t i); // told so far; 0: none
