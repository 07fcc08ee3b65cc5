// Watching tasks.
//
// What the stream brings is worked off batch by batch: the records of the tasks somebody watches
// are read, shown as they were at each change, rendered once, and handed to the watchers.
#include "scheduler/realtime.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/config.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/loop.h"
#include "core/store/events.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "scheduler/task_json.h"

enum { TABLE_SIZE = 4096, PAGE = 1000, RETRY_MS = 1000 };

// That a watcher watches one task, or all of its key's.
struct interest {
    struct watcher *watcher;
    char id[ID_SIZE];           // "": all
    int version;                // told so far; only newer ones are
    char after[CURSOR_SIZE];    // told so far, of the stream; "": by version
    char upto[CURSOR_SIZE];     // where the reader was when we last asked
    bool is_catching_up;        // its past is being read: what comes meanwhile waits in the stream
    struct tasks_op *read;      // of the present state
    struct events_range *range; // of the past
    struct tasks_op *past;      // the records of one page of it
    struct page *page;
    struct loop_timer *retry;
    struct interest *next, **at;           // in the watcher
    struct interest *next_same, **at_same; // in the table, or the list of those that want all
};

struct watcher {
    struct realtime *realtime;
    struct watcher_options options;
    struct interest *interests;
    size_t count;
    bool is_busy;      // in a callback, or about to be told of a page
    bool is_dropped;   // freed when it is out of it
    struct news *mine; // of the page that is being told
    size_t mine_count;
    struct watcher *next_told;
    struct watcher *next, **at;
};

// Events with the records they are about.
struct page {
    struct page_event {
        char cursor[CURSOR_SIZE], id[ID_SIZE];
        struct task_view view;
    } * events;
    size_t count;
    char last[CURSOR_SIZE]; // of all that were looked through
    struct page *next;
};

struct realtime {
    struct loop *loop;
    struct store *store;
    struct events *events;
    bool is_ready; // the reader has begun
    struct watcher *watchers;
    struct interest *by_task[TABLE_SIZE], *of_all;
    struct page *pages, **pages_end; // being told, in order
    struct tasks_op *read;           // the records of the first
};

static void begin(struct interest *interest);

static unsigned slot_of(const char *id)
{
    unsigned hash = 2166136261u;

    for (; *id != '\0'; id++)
        hash = (hash ^ (unsigned char)*id) * 16777619u;
    return hash % TABLE_SIZE;
}

static void page_free(struct page *page)
{
    if (page == NULL)
        return;
    free(page->events);
    free(page);
}

// Keeps those of the events that `wanted` wants (NULL: all), and the last cursor.
static struct page *page_new(const struct event *events, size_t count,
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

// Reads the records of a page, each once. NULL where there is none to read.
static struct tasks_op *read_page(struct realtime *rt, const struct page *page, tasks_fn fn,
                                  void *ctx)
{
    const char **ids = mem_array(const char *, page->count);
    struct tasks_op *op = NULL;

    for (size_t i = 0; i < page->count; i++)
        ids[i] = page->events[i].id;
    if (page->count > 0)
        op = tasks_get_many(rt->store, ids, page->count, NULL, fn, ctx);
    free(ids);
    return op;
}

// Telling.

static void watcher_free(struct watcher *watcher)
{
    free(watcher);
}

// False when the watcher is gone.
static bool tell(struct watcher *watcher, const struct news *news, size_t count)
{
    bool was_busy = watcher->is_busy;

    if (count == 0 || watcher->is_dropped)
        return !watcher->is_dropped;
    watcher->is_busy = true;
    watcher->options.on_news(watcher->options.ctx, news, count);
    watcher->is_busy = was_busy;
    if (watcher->is_dropped && !was_busy) {
        watcher_free(watcher);
        return false;
    }
    return !watcher->is_dropped;
}

// Whether the interest wants this change; notes that it was told.
static bool take(struct interest *interest, const struct page_event *event, const struct task *task)
{
    if (strcmp(task->owner, interest->watcher->options.owner) != 0)
        return false;
    if (*interest->id == '\0' && task->is_ask)
        return false; // a question of our own, not one of the key's tasks
    if (*interest->after != '\0' && events_compare(event->cursor, interest->after) <= 0)
        return false;
    if (*interest->id != '\0' && event->view.version <= interest->version)
        return false;
    if (*interest->id != '\0')
        interest->version = event->view.version;
    if (*interest->after != '\0')
        snprintf(interest->after, CURSOR_SIZE, "%s", event->cursor);
    return true;
}

// The news of a page, one watcher after the other.
struct telling {
    struct news *news;
    char **texts;
    size_t count;
};

static void telling_init(struct telling *telling, struct realtime *rt, const struct page *page,
                         struct task **tasks, size_t count)
{
    telling->news = mem_array(struct news, page->count);
    telling->texts = mem_array(char *, page->count);
    telling->count = page->count;
    for (size_t i = 0; i < page->count && i < count; i++) {
        struct buf json = {0};

        if (tasks[i] == NULL)
            continue;
        task_show_as(tasks[i], &page->events[i].view);
        tasks[i]->links = &store_config(rt->store)->links;
        task_json_write(tasks[i], NULL, &json);
        telling->texts[i] = buf_take(&json);
        telling->news[i] = (struct news){tasks[i], page->events[i].cursor, telling->texts[i]};
    }
}

static void telling_clear(struct telling *telling)
{
    for (size_t i = 0; i < telling->count; i++)
        free(telling->texts[i]);
    free(telling->texts);
    free(telling->news);
}

// Notes a change for a watcher that is told of the whole page at once.
static void collect(struct watcher **told, struct watcher *watcher, const struct news *news)
{
    if (!watcher->is_busy) {
        watcher->is_busy = true; // so that it stays where it is
        watcher->next_told = *told;
        *told = watcher;
    }
    if (watcher->mine_count > 0 && watcher->mine[watcher->mine_count - 1].cursor == news->cursor)
        return; // another interest of it wants the same
    if ((watcher->mine_count & (watcher->mine_count - 1)) == 0) // doubles at powers of two
        watcher->mine = mem_resize(watcher->mine, (watcher->mine_count * 2 + 1) * sizeof *news);
    watcher->mine[watcher->mine_count++] = *news;
}

// Whether a watcher of all tasks also names this one: then that interest knows what was told.
static bool is_named(const struct watcher *watcher, const char *id)
{
    const struct interest *k = watcher->realtime->by_task[slot_of(id)];

    if (watcher->count == 1)
        return false;
    while (k != NULL && (k->watcher != watcher || strcmp(k->id, id) != 0))
        k = k->next_same;
    return k != NULL;
}

// Goes from each change to those who want it, so that nobody else costs anything.
static struct watcher *collect_page(struct realtime *rt, const struct page *page,
                                    const struct telling *telling)
{
    struct watcher *told = NULL;

    for (size_t i = 0; i < page->count; i++) {
        const struct page_event *event = &page->events[i];
        const struct news *news = &telling->news[i];

        if (news->task == NULL)
            continue;
        for (struct interest *k = rt->by_task[slot_of(event->id)]; k != NULL; k = k->next_same)
            if (!k->is_catching_up && strcmp(k->id, event->id) == 0 && take(k, event, news->task))
                collect(&told, k->watcher, news);
        for (struct interest *k = rt->of_all; k != NULL; k = k->next_same)
            if (!k->is_catching_up && !is_named(k->watcher, event->id) &&
                take(k, event, news->task))
                collect(&told, k->watcher, news);
    }
    return told;
}

static void next_page(struct realtime *rt);

static void on_page(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct realtime *rt = ctx;
    struct page *page = rt->pages;
    struct telling telling;

    rt->read = NULL;
    if (err != NULL) {
        // Redis is away: the reader starts again after it, and tells of the gap if there is one.
        log_warn("realtime.read", "error=\"%s\"", err->message);
        next_page(rt);
        return;
    }
    rt->pages = page->next;
    if (rt->pages == NULL)
        rt->pages_end = &rt->pages;
    telling_init(&telling, rt, page, tasks, count);
    for (struct watcher *watcher = collect_page(rt, page, &telling), *next; watcher != NULL;
         watcher = next) {
        struct news *mine = watcher->mine;
        size_t mine_count = watcher->mine_count;

        next = watcher->next_told;
        watcher->mine = NULL;
        watcher->mine_count = 0;
        tell(watcher, mine, mine_count);
        free(mine);
        watcher->is_busy = false;
        if (watcher->is_dropped)
            watcher_free(watcher);
    }
    telling_clear(&telling);
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
    page_free(page);
    next_page(rt);
}

static void next_page(struct realtime *rt)
{
    while (rt->read == NULL && rt->pages != NULL) {
        struct page *page = rt->pages;

        rt->read = read_page(rt, page, on_page, rt);
        if (rt->read != NULL)
            return;
        rt->pages = page->next;
        if (rt->pages == NULL)
            rt->pages_end = &rt->pages;
        page_free(page);
    }
}

static bool is_watched(void *ctx, const struct event *event)
{
    struct realtime *rt = ctx;

    for (struct interest *i = rt->of_all; i != NULL; i = i->next_same)
        if (strcmp(i->watcher->options.owner, event->owner) == 0)
            return true;
    for (struct interest *i = rt->by_task[slot_of(event->task)]; i != NULL; i = i->next_same)
        if (strcmp(i->id, event->task) == 0)
            return true;
    return false;
}

static void on_events(void *ctx, const struct event *events, size_t count)
{
    struct realtime *rt = ctx;
    struct page *page = page_new(events, count, is_watched, rt);

    *rt->pages_end = page;
    rt->pages_end = &page->next;
    next_page(rt);
}

// Present states.

static void retry_begin(void *ctx)
{
    struct interest *interest = ctx;

    interest->retry = NULL;
    begin(interest);
}

static void on_present(void *ctx, struct task *task, const struct err *err)
{
    struct interest *interest = ctx;
    struct watcher *watcher = interest->watcher;
    struct realtime *rt = watcher->realtime;
    struct buf json = {0};
    struct task_view now;

    interest->read = NULL;
    if (err != NULL && err->code != ERR_NOT_FOUND) {
        interest->retry = loop_after(rt->loop, RETRY_MS, retry_begin, interest);
        return;
    }
    if (task == NULL) {
        char id[ID_SIZE];

        memcpy(id, interest->id, sizeof id);
        if (watcher->options.on_missing != NULL)
            watcher->options.on_missing(watcher->options.ctx, id);
        return;
    }
    if (task->version > interest->version) {
        interest->version = task->version;
        now =
            (struct task_view){task->phase, task->version, task->progress, task->substate != NULL};
        task_show_as(task, &now);
        task->links = &store_config(rt->store)->links;
        task_json_write(task, NULL, &json);
        // Resuming from before the read can repeat a change, but never miss one.
        tell(watcher, &(struct news){task, interest->upto, json.data}, 1);
        buf_clear(&json);
    }
    task_free(task);
}

// The past: pages of the stream up to where the reader is.

static bool is_of_interest(void *ctx, const struct event *event)
{
    struct interest *interest = ctx;

    return *interest->id == '\0' ? strcmp(event->owner, interest->watcher->options.owner) == 0
                                 : strcmp(event->task, interest->id) == 0;
}

static void on_past(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct interest *interest = ctx;
    struct watcher *watcher = interest->watcher;
    struct realtime *rt = watcher->realtime;
    struct page *page = interest->page;
    struct telling telling;
    struct news *mine;
    size_t told = 0;

    interest->past = NULL;
    interest->page = NULL;
    if (err != NULL) {
        page_free(page);
        interest->retry = loop_after(rt->loop, RETRY_MS, retry_begin, interest);
        return;
    }
    telling_init(&telling, rt, page, tasks, count);
    mine = mem_array(struct news, page->count);
    for (size_t i = 0; i < page->count; i++)
        if (telling.news[i].task != NULL && take(interest, &page->events[i], telling.news[i].task))
            mine[told++] = telling.news[i];
    // Not only as far as was told: the rest may be of tasks that are gone, or of no interest.
    snprintf(interest->after, CURSOR_SIZE, "%s", page->last);
    if (tell(watcher, mine, told))
        begin(interest); // the next page, or the end of it
    free(mine);
    telling_clear(&telling);
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
    page_free(page);
}

static void on_range(void *ctx, const struct event *events, size_t count, bool is_gap,
                     const struct err *err)
{
    struct interest *interest = ctx;
    struct watcher *watcher = interest->watcher;
    struct realtime *rt = watcher->realtime;

    interest->range = NULL;
    if (err != NULL) {
        interest->retry = loop_after(rt->loop, RETRY_MS, retry_begin, interest);
        return;
    }
    if (is_gap) {
        // From here on it is by the stream's end; a named task's present state is told.
        snprintf(interest->after, CURSOR_SIZE, "%s", events_cursor(rt->events));
        interest->is_catching_up = false;
        if (*interest->id != '\0')
            interest->read =
                tasks_get(rt->store, interest->id, watcher->options.owner, on_present, interest);
        if (watcher->options.on_gap != NULL)
            watcher->options.on_gap(watcher->options.ctx);
        return;
    }
    if (count == 0) {
        // Up to where the reader was when we asked; it may have gone on meanwhile.
        snprintf(interest->after, CURSOR_SIZE, "%s", interest->upto);
        begin(interest);
        return;
    }
    interest->page = page_new(events, count, is_of_interest, interest);
    interest->past = read_page(rt, interest->page, on_past, interest);
    if (interest->past == NULL) {
        snprintf(interest->after, CURSOR_SIZE, "%s", interest->page->last);
        page_free(interest->page);
        interest->page = NULL;
        begin(interest);
    }
}

// Starts what the interest begins with; later again for the next page, and after an error.
static void begin(struct interest *interest)
{
    struct watcher *watcher = interest->watcher;
    struct realtime *rt = watcher->realtime;
    const char *cursor = events_cursor(rt->events);

    if (!rt->is_ready)
        return; // on_ready begins
    snprintf(interest->upto, CURSOR_SIZE, "%s", cursor);
    if (interest->is_catching_up) {
        if (events_compare(interest->after, cursor) == 0)
            interest->is_catching_up = false;
        else
            interest->range =
                events_read(rt->events, interest->after, cursor, PAGE, on_range, interest);
    } else if (*interest->id != '\0') {
        interest->read =
            tasks_get(rt->store, interest->id, watcher->options.owner, on_present, interest);
    } else if (*interest->after == '\0') {
        snprintf(interest->after, CURSOR_SIZE, "%s", cursor);
    }
}

static void on_ready(void *ctx, const char *cursor)
{
    struct realtime *rt = ctx;

    (void)cursor;
    rt->is_ready = true;
    for (struct watcher *watcher = rt->watchers; watcher != NULL; watcher = watcher->next)
        for (struct interest *i = watcher->interests; i != NULL; i = i->next)
            if (i->read == NULL && i->range == NULL && i->past == NULL && i->retry == NULL)
                begin(i);
}

// The stream was lost: what changed meanwhile is found by looking at each named task.
static void on_gap(void *ctx)
{
    struct realtime *rt = ctx;
    struct watcher *next;

    for (struct watcher *watcher = rt->watchers; watcher != NULL; watcher = next) {
        watcher->is_busy = true;
        for (struct interest *i = watcher->interests; i != NULL; i = i->next) {
            if (*i->after != '\0')
                snprintf(i->after, CURSOR_SIZE, "%s", events_cursor(rt->events));
            if (*i->id != '\0' && i->read == NULL) {
                i->read = tasks_get(rt->store, i->id, watcher->options.owner, on_present, i);
            }
        }
        if (watcher->options.on_gap != NULL)
            watcher->options.on_gap(watcher->options.ctx);
        next = watcher->next;
        watcher->is_busy = false;
        if (watcher->is_dropped)
            watcher_free(watcher);
    }
}

// Watchers.

struct watcher *watcher_new(struct realtime *rt, const struct watcher_options *options)
{
    struct watcher *watcher = mem_new(struct watcher);

    watcher->realtime = rt;
    watcher->options = *options;
    watcher->next = rt->watchers;
    watcher->at = &rt->watchers;
    if (watcher->next != NULL)
        watcher->next->at = &watcher->next;
    rt->watchers = watcher;
    return watcher;
}

static void interest_drop(struct interest *interest)
{
    tasks_op_cancel(&interest->read);
    events_range_cancel(&interest->range);
    tasks_op_cancel(&interest->past);
    loop_cancel(&interest->retry);
    page_free(interest->page);
    *interest->at_same = interest->next_same;
    if (interest->next_same != NULL)
        interest->next_same->at_same = interest->at_same;
    *interest->at = interest->next;
    if (interest->next != NULL)
        interest->next->at = interest->at;
    free(interest);
}

void watcher_drop(struct watcher **pointer)
{
    struct watcher *watcher = *pointer;
    struct realtime *rt;

    if (watcher == NULL)
        return;
    *pointer = NULL;
    rt = watcher->realtime;
    while (watcher->interests != NULL)
        interest_drop(watcher->interests);
    *watcher->at = watcher->next;
    if (watcher->next != NULL)
        watcher->next->at = watcher->at;
    if (watcher->is_busy)
        watcher->is_dropped = true;
    else
        watcher_free(watcher);
    if (rt->watchers == NULL) {
        events_pause(rt->events);
        rt->is_ready = false;
    }
}

static struct interest *interest_new(struct watcher *watcher, const char *id)
{
    struct realtime *rt = watcher->realtime;
    struct interest *interest = mem_new(struct interest);
    struct interest **list = id == NULL ? &rt->of_all : &rt->by_task[slot_of(id)];

    interest->watcher = watcher;
    snprintf(interest->id, sizeof interest->id, "%s", id == NULL ? "" : id);
    interest->next = watcher->interests;
    interest->at = &watcher->interests;
    if (interest->next != NULL)
        interest->next->at = &interest->next;
    watcher->interests = interest;
    interest->next_same = *list;
    interest->at_same = list;
    if (interest->next_same != NULL)
        interest->next_same->at_same = &interest->next_same;
    *list = interest;
    watcher->count++;
    return interest;
}

static void start(struct interest *interest)
{
    struct realtime *rt = interest->watcher->realtime;

    if (rt->is_ready)
        begin(interest);
    else
        events_listen(rt->events);
}

void watcher_add(struct watcher *watcher, const char *id, int after_version)
{
    struct interest *interest = interest_new(watcher, id);

    interest->version = after_version;
    start(interest);
}

void watcher_resume(struct watcher *watcher, const char *id, const char *cursor)
{
    struct interest *interest = interest_new(watcher, id);

    snprintf(interest->after, CURSOR_SIZE, "%s", cursor);
    interest->is_catching_up = true;
    start(interest);
}

void watcher_add_all(struct watcher *watcher, const char *cursor)
{
    struct interest *interest = interest_new(watcher, NULL);

    if (cursor != NULL) {
        snprintf(interest->after, CURSOR_SIZE, "%s", cursor);
        interest->is_catching_up = true;
    }
    start(interest);
}

size_t watcher_count(const struct watcher *watcher)
{
    return watcher->count;
}

bool realtime_is_cursor(const char *text)
{
    return events_is_cursor(text);
}

struct realtime *realtime_start(struct loop *loop, struct store *store, const char *redis_url)
{
    struct realtime *rt = mem_new(struct realtime);
    struct events_options options = {.redis_url = redis_url,
                                     .on_events = on_events,
                                     .on_gap = on_gap,
                                     .on_ready = on_ready,
                                     .ctx = rt};

    rt->loop = loop;
    rt->store = store;
    rt->pages_end = &rt->pages;
    rt->events = events_start(loop, store, &options);
    return rt;
}

void realtime_drop(struct realtime **pointer)
{
    struct realtime *rt = *pointer;

    if (rt == NULL)
        return;
    *pointer = NULL;
    while (rt->watchers != NULL) {
        struct watcher *watcher = rt->watchers;

        watcher_drop(&watcher);
    }
    tasks_op_cancel(&rt->read);
    while (rt->pages != NULL) {
        struct page *page = rt->pages;

        rt->pages = page->next;
        page_free(page);
    }
    events_drop(&rt->events);
    free(rt);
}
