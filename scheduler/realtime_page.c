// Pages of the event stream.
#include "scheduler/realtime_page.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/store.h"
#include "scheduler/realtime.h"
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

struct waiting_read *page_read(struct page *page, struct waiting *waiting, tasks_fn fn, void *ctx)
{
    struct roster roster;
    struct waiting_read *read = NULL;

    roster_init(&roster, page->count);
    for (size_t i = 0; i < page->count; i++)
        page->events[i].task = roster_add(&roster, page->events[i].id);
    if (roster.count > 0)
        read = waiting_read_tasks(waiting, roster.ids, roster.count, fn, ctx);
    roster_clear(&roster);
    return read;
}

void telling_init(struct telling *telling, struct store *store, const struct page *page,
                  struct task **tasks, size_t count)
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
        task_json_write(shown, NULL, &json);
        telling->texts[i] = buf_take(&json);
        telling->news[i] = (struct news){shown, event->cursor, telling->texts[i]};
    }
}

void telling_clear(struct telling *telling)
{
    for (size_t i = 0; i < telling->count; i++)
        free(telling->texts[i]);
    free(telling->texts);
    free(telling->shown);
    free(telling->news);
}
