// The event stream: one reader per process, on a connection of its own.
//
// It reads only while somebody watches, so an idle process does nothing here.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/ids.h"
#include "core/task/task.h"

struct events;
struct loop;
struct store;

enum { CURSOR_SIZE = 48 };

// One change of one task. Strings are borrowed for the call.
struct event {
    const char *cursor; // the stream's id
    char task[ID_SIZE];
    const char *owner;
    struct task_view view;
};

// What one read brought, in order. The next read is only begun by events_more.
typedef void (*events_fn)(void *ctx, const struct event *events, size_t count);
// The stream was lost, or what we haven't read of it was trimmed: watchers must look at their tasks
// again.
typedef void (*events_gap_fn)(void *ctx);
// The reader has begun behind `cursor`, or goes on there after its connection was lost: all later
// events will be told.
typedef void (*events_ready_fn)(void *ctx, const char *cursor);

struct events_options {
    const char *redis_url;
    events_fn on_events;
    events_gap_fn on_gap;
    events_ready_fn on_ready;
    void *ctx;
};

struct events *events_start(struct loop *loop, struct store *store,
                            const struct events_options *options);
void events_drop(struct events **events);
// Begins to read from the stream's present end, then on_ready is called. Does nothing where it
// reads already.
void events_listen(struct events *events);
void events_pause(struct events *events);
// The reader has dealt with what it was told, and wants to hear more: at most so many at once, and
// no more than EVENTS_AT_ONCE, which is what it hears at first. What happens meanwhile waits in the
// stream, not in our memory.
enum { EVENTS_AT_ONCE = 256 };
void events_more(struct events *events, unsigned most);
// The id of the last event that was told, "" before on_ready.
const char *events_cursor(const struct events *events);

// Events after `from` up to and with `to`, at most `max`; `is_gap` where `from` is older than the
// events that are kept, or newer than the last event.
typedef void (*events_range_fn)(void *ctx, const struct event *events, size_t count, bool is_gap,
                                const struct err *err);
struct events_range;
struct events_range *events_read(struct store *store, const char *from, const char *to, int max,
                                 events_range_fn fn, void *ctx);
void events_range_cancel(struct events_range **range);
bool events_is_cursor(const char *text);
int events_compare(const char *a, const char *b);
