// Pages of the event stream.
#include "scheduler/realtime_page.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "scheduler/news.h"
#include "scheduler/roster.h"
#include "scheduler/task_json.h"
#include "scheduler/waiting.h"

void page_free(struct page *page)
{
    if (page == NULL)
        return;
    free(page->events);
    free(page);
}

struct page *page_new(const struct event *events, size_t count,
                      bool (*wanted)(void *ctx, const struct event *event), void *ctx)
{
    struct page *page = mem_new(struct page);

    page->events = mem_array(struct page_event, count);
    for (size_t i = 0; i < count; i++) {
        struct page_event *kept = &page->events[page->count];

        if (!wanted(ctx, &events[i]))
            continue;
        snprintf(kept->cursor, sizeof kept->cursor, "%s", events[i].cursor);
        snprintf(kept->id, sizeof kept->id, "%s", events[i].task);
        kept->view = events[i].view;
        page->count++;
    }
    snprintf(page->last, sizeof page->last, "%s", count > 0 ? events[count - 1].cursor : "");
    return page;
}

// The news of a page, change by change.
struct telling {
    struct news *news;
    struct task *shown; // the tasks as they were at each change, which borrow from the records
    char **texts;
    size_t count;
};

static void telling_init(struct telling *telling, const struct store *store,
                         const struct page *page, struct task **tasks, size_t count)
{
    telling->news = mem_array(struct news, page->count);
    telling->shown = mem_array(struct task, page->count);
    telling->texts = mem_array(char *, page->count);
    telling->count = page->count;
    for (size_t i = 0; i < page->count; i++) {
        const struct page_event *event = &page->events[i];
        struct task *shown = &telling->shown[i];
        struct buf json = {0};

        if (event->task >= count || tasks[event->task] == NULL)
            continue;
        task_borrow_as(shown, tasks[event->task], &event->view);
        shown->links = &store_config(store)->links;
        task_json_write(shown, NULL, false, &json);
        telling->texts[i] = buf_take(&json);
        telling->news[i] = (struct news){shown, event->cursor, telling->texts[i], i};
    }
}

static void telling_clear(struct telling *telling)
{
    for (size_t i = 0; i < telling->count; i++)
        free(telling->texts[i]);
    free(telling->texts);
    free(telling->shown);
    free(telling->news);
}

// Reading the records.

struct page_read {
    struct page *page;         // ours until it is read
    const struct store *store; // borrowed, outlives us
    struct waiting_read *read;
    page_fn fn;
    void *ctx;
};

static void on_records(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct page_read read = *(struct page_read *)ctx;
    struct telling telling;

    free(ctx);
    if (err != NULL) {
        read.fn(read.ctx, read.page, NULL, err);
        return;
    }
    telling_init(&telling, read.store, read.page, tasks, count);
    read.fn(read.ctx, read.page, telling.news, NULL); // the page may be gone
    telling_clear(&telling);
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
}

struct page_read *page_read(struct page *page, struct waiting *waiting, const struct store *store,
                            page_fn fn, void *ctx)
{
    struct page_read *read = mem_new(struct page_read);
    struct roster roster;

    read->page = page;
    read->store = store;
    read->fn = fn;
    read->ctx = ctx;
    roster_init(&roster, page->count);
    for (size_t i = 0; i < page->count; i++)
        page->events[i].task = roster_add(&roster, page->events[i].id);
    read->read = waiting_read_tasks(waiting, roster.ids, roster.count, on_records, read);
    roster_clear(&roster);
    return read;
}

void page_read_cancel(struct page_read **read)
{
    if (*read == NULL)
        return;
    waiting_read_cancel(&(*read)->read);
    page_free((*read)->page);
    free(*read);
    *read = NULL;
}
