// Watching tasks: one reader of the event stream feeds every watcher of the process.
//
// A watcher is told each change once and in order, as the task was then. It is first told the
// present state of the tasks that it names, so no change is lost between asking and listening.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "scheduler/news.h"

struct loop;
struct realtime;
struct store;
struct waiting;
struct watcher;

struct watcher_options {
    const char *owner; // the watcher sees this key's tasks only; borrowed, outlives the watcher.
                       // NULL: all tasks
    news_fn on_news;
    news_gap_fn on_gap;         // may be NULL
    news_missing_fn on_missing; // may be NULL
    // Changes are being read now, and weren't when all tasks were added. May be NULL.
    void (*on_ready)(void *ctx);
    void *ctx;
};

struct realtime *realtime_start(struct loop *loop, struct store *store, struct waiting *waiting,
                                const char *redis_url);
void realtime_drop(struct realtime **realtime);

struct watcher *watcher_new(struct realtime *realtime, const struct watcher_options *options);
void watcher_drop(struct watcher **watcher); // also from inside a callback
// Adds one task. Its present state is told first, if it is newer than `after_version` (0: always).
void watcher_add(struct watcher *watcher, const char *id, int after_version);
// Adds all tasks of the key: their changes from now on, or, where none are being read yet, from
// when on_ready is called.
void watcher_add_all(struct watcher *watcher);
// Adds so many tasks, or all of the key, or both: their changes after `cursor` are told, as they
// are in the stream.
void watcher_resume(struct watcher *watcher, const char *const *ids, size_t count, bool is_all,
                    const char *cursor);
size_t watcher_count(const struct watcher *watcher);     // tasks named so far
bool realtime_is_ready(const struct realtime *realtime); // changes are being read
bool realtime_is_cursor(const char *text);
