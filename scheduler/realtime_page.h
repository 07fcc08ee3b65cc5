// Pages of the event stream: changes, the records of their tasks, each read once, and the news made
// of them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/ids.h"
#include "core/store/events.h"
#include "core/task/task.h"

struct news;
struct page_read;
struct store;
struct waiting;

// Events that somebody wants to hear of. Ours: page_free.
struct page {
    struct page_event {
        char cursor[CURSOR_SIZE], id[ID_SIZE];
        size_t task; // which of the records that were read
        struct task_view view;
    } * events;
    size_t count;
    char last[CURSOR_SIZE]; // the last of all events that were looked through
    struct page *next;      // the caller's to use
};

// Keeps the events that are wanted, and the cursor of the last one, wanted or not.
struct page *page_new(const struct event *events, size_t count,
                      bool (*wanted)(void *ctx, const struct event *event), void *ctx);
void page_free(struct page *page);

// The page is the callee's again. `news` is borrowed for the call, one for each event, without a
// task where there is nothing to tell; NULL with `err`.
typedef void (*page_fn)(void *ctx, struct page *page, const struct news *news,
                        const struct err *err);
// Reads the records of a page that has events. Takes it. Never calls back before it returns.
struct page_read *page_read(struct page *page, struct waiting *waiting, const struct store *store,
                            page_fn fn, void *ctx);
void page_read_cancel(struct page_read **read);
