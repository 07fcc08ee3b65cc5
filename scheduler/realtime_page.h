// Pages of the event stream: changes, the records of their tasks, each read once, and what is told
// of them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/ids.h"
#include "core/store/events.h"
#include "core/store/tasks.h"
#include "core/task/task.h"

struct news;
struct store;
struct waiting;
struct waiting_read;

// Events, and which records they are about. Ours: page_free.
struct page {
    struct page_event {
        char cursor[CURSOR_SIZE], id[ID_SIZE];
        size_t task; // which of the page's
        struct task_view view;
    } * events;
    size_t count;
    char last[CURSOR_SIZE]; // of all that were looked through
    struct page *next;      // the caller's
};

// Keeps those of the events that are wanted, and the last cursor of all.
struct page *page_new(const struct event *events, size_t count,
                      bool (*wanted)(void *ctx, const struct event *event), void *ctx);
void page_free(struct page *page);
// Reads the records. NULL where there is none to read.
struct waiting_read *page_read(struct page *page, struct waiting *waiting, tasks_fn fn, void *ctx);

// What there is to tell of a page, change by change; news without a task: nothing. telling_clear.
struct telling {
    struct news *news;
    struct task *shown; // as they were at each change; they borrow from the records
    char **texts;
    size_t count;
};

// `tasks` is what page_read gave; the telling borrows from them and from the page.
void telling_init(struct telling *telling, struct store *store, const struct page *page,
                  struct task **tasks, size_t count);
void telling_clear(struct telling *telling);
