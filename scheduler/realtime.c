// Watching tasks.
//
// What the stream brings is worked off batch by batch: the records of the tasks somebody watches
// are read, each once, shown as they were at each change, rendered once, and handed to the
// watchers. Present states that are wanted in one turn of the loop are read together, too.
//
// An interest: begin ─▶ LOOKING (its task's present state) ─▶ listens
//                └────▶ CATCHING UP: range ─▶ past ─▶ begin … ─▶ listens
// An error of either waits in `retry`, then begins again; so does a gap, whatever is pending.
#include "scheduler/realtime.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/events.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "scheduler/realtime_page.h"
#include "scheduler/roster.h"
#include "scheduler/task_json.h"
#include "scheduler/waiting.h"

enum { TABLE_SIZE = 4096, PAGE = 1000, RETRY_MS = 1000 };

// That a watcher watches one task, or all of its key's.
struct interest {
    struct watcher *watcher;
    char id[ID_SIZE];        // "": all
    int version;             // told so far; only newer ones are
    char after[CURSOR_SIZE]; // told so far, of the stream; "": by version
    char upto[CURSOR_SIZE];  // where the reader was when we last asked
    bool is_catching_up;     // its past is being read: what comes meanwhile waits in the stream
    // What we wait for: between events at most one of these is set.
    struct look *look;          // of the present state
    struct events_range *range; // of the past
    struct waiting_read *past;  // the records of one page of it, which is `page`
    struct loop_timer *retry;
    struct page *page;
    struct interest *next_looking, **at_looking; // in the look
    size_t task;                                 // which of the look's
    struct interest *next, **at;                 // in the watcher
    struct interest *next_same, **at_same;       // in the table, or the list of those that want all
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

// One read of the present states that one turn of the loop asked for.
struct look {
    struct realtime *realtime;
    struct interest *interests;
    struct waiting_read *read; // NULL until the end of the turn
    bool is_told;              // being told: stays, whoever leaves
    struct look *next, **at;
};

struct realtime {
    struct loop *loop;
    struct store *store;
    struct waiting *waiting;
    struct events *events;
    bool is_ready; // the reader has begun
    struct watcher *watchers;
    struct interest *by_task[TABLE_SIZE], *of_all;
    struct page *pages, **pages_end; // being told, in order
    struct waiting_read *read;       // the records of the first
    struct look *looks;
    struct look *gathering; // of them, the one of this turn
    struct loop_turn *turn; // sends it
};

static void begin(struct interest *interest);

static unsigned slot_of(const char *id)
{
    return roster_hash(id) % TABLE_SIZE;
}

// Telling.

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
        free(watcher);
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
    telling_init(&telling, rt->store, page, tasks, count);
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
            free(watcher);
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

        rt->read = page_read(page, rt->waiting, on_page, rt);
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

static void look_free(struct look *look)
{
    struct realtime *rt = look->realtime;

    if (rt->gathering == look)
        rt->gathering = NULL;
    waiting_read_cancel(&look->read);
    *look->at = look->next;
    if (look->next != NULL)
        look->next->at = look->at;
    free(look);
}

static void look_leave(struct interest *interest)
{
    struct look *look = interest->look;

    if (look == NULL)
        return;
    interest->look = NULL;
    *interest->at_looking = interest->next_looking;
    if (interest->next_looking != NULL)
        interest->next_looking->at_looking = interest->at_looking;
    if (look->interests == NULL && !look->is_told)
        look_free(look);
}

// Only a read that hasn't been sent yet: an older one may not have what was told meanwhile.
static void look_join(struct interest *interest)
{
    struct realtime *rt = interest->watcher->realtime;
    struct look *look = rt->gathering;

    if (look == NULL) {
        look = rt->gathering = mem_new(struct look);
        look->realtime = rt;
        look->next = rt->looks;
        look->at = &rt->looks;
        if (look->next != NULL)
            look->next->at = &look->next;
        rt->looks = look;
        loop_turn_ask(rt->turn);
    }
    interest->look = look;
    interest->next_looking = look->interests;
    interest->at_looking = &look->interests;
    if (interest->next_looking != NULL)
        interest->next_looking->at_looking = &interest->next_looking;
    look->interests = interest;
}

// Ends whatever is pending.
static void stop(struct interest *interest)
{
    look_leave(interest);
    events_range_cancel(&interest->range);
    waiting_read_cancel(&interest->past);
    loop_cancel(&interest->retry);
    page_free(interest->page);
    interest->page = NULL;
}

static void on_retry(void *ctx)
{
    struct interest *interest = ctx;

    interest->retry = NULL;
    begin(interest);
}

static void retry_later(struct interest *interest)
{
    stop(interest);
    interest->retry = loop_after(interest->watcher->realtime->loop, RETRY_MS, on_retry, interest);
}

// Tells one interest of its task; NULL: it isn't there. The interest may be gone afterwards.
static void tell_present(struct interest *interest, const struct task *task)
{
    struct watcher *watcher = interest->watcher;
    struct buf json = {0};
    struct task shown;
    struct task_view now;
    char id[ID_SIZE], cursor[CURSOR_SIZE];

    if (task == NULL || strcmp(task->owner, watcher->options.owner) != 0) {
        memcpy(id, interest->id, sizeof id);
        if (watcher->options.on_missing != NULL)
            watcher->options.on_missing(watcher->options.ctx, id);
        return;
    }
    if (task->version <= interest->version)
        return;
    interest->version = task->version;
    now = (struct task_view){task->phase, task->version, task->progress, task->substate != NULL};
    task_borrow_as(&shown, task, &now);
    shown.links = &store_config(watcher->realtime->store)->links;
    task_json_write(&shown, NULL, &json);
    memcpy(cursor, interest->upto, sizeof cursor);
    // Resuming from before the read can repeat a change, but never miss one.
    tell(watcher, &(struct news){&shown, cursor, json.data}, 1);
    buf_clear(&json);
}

static void on_present(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct look *look = ctx;
    struct interest *interest;

    look->read = NULL;
    look->is_told = true;
    while ((interest = look->interests) != NULL) { // being told may drop any of them
        look_leave(interest);
        if (err != NULL)
            retry_later(interest);
        else
            tell_present(interest, interest->task < count ? tasks[interest->task] : NULL);
    }
    look_free(look);
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
}

// The end of the turn: what it asked for is read.
static void on_turn(void *ctx)
{
    struct realtime *rt = ctx;
    struct look *look = rt->gathering;
    struct roster roster;
    size_t count = 0;

    if (look == NULL)
        return;
    rt->gathering = NULL;
    for (const struct interest *i = look->interests; i != NULL; i = i->next_looking)
        count++;
    roster_init(&roster, count);
    for (struct interest *i = look->interests; i != NULL; i = i->next_looking)
        i->task = roster_add(&roster, i->id);
    look->read = waiting_read_tasks(rt->waiting, roster.ids, roster.count, on_present, look);
    roster_clear(&roster);
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
    if (err != NULL) {
        retry_later(interest);
        return;
    }
    interest->page = NULL;
    telling_init(&telling, rt->store, page, tasks, count);
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

// From here on it is by the stream's end; a named task's present state is told.
static void begin_after_gap(struct interest *interest)
{
    if (*interest->after != '\0')
        snprintf(interest->after, CURSOR_SIZE, "%s",
                 events_cursor(interest->watcher->realtime->events));
    interest->is_catching_up = false;
    begin(interest);
}

static void on_range(void *ctx, const struct event *events, size_t count, bool is_gap,
                     const struct err *err)
{
    struct interest *interest = ctx;
    struct watcher *watcher = interest->watcher;
    struct realtime *rt = watcher->realtime;

    interest->range = NULL;
    if (err != NULL) {
        retry_later(interest);
        return;
    }
    if (is_gap) {
        begin_after_gap(interest);
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
    interest->past = page_read(interest->page, rt->waiting, on_past, interest);
    if (interest->past == NULL) {
        snprintf(interest->after, CURSOR_SIZE, "%s", interest->page->last);
        begin(interest);
    }
}

// Starts what the interest begins with; later again for the next page, after an error or a gap. The
// only place that starts a read: whatever is pending ends first.
static void begin(struct interest *interest)
{
    struct realtime *rt = interest->watcher->realtime;
    const char *cursor = events_cursor(rt->events);

    stop(interest);
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
        look_join(interest);
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
            begin(i);
}

// The stream was lost: what changed meanwhile is found by looking at each named task.
static void on_gap(void *ctx)
{
    struct realtime *rt = ctx;
    struct watcher *told = NULL, *next;

    for (struct watcher *watcher = rt->watchers; watcher != NULL; watcher = watcher->next) {
        for (struct interest *i = watcher->interests; i != NULL; i = i->next)
            begin_after_gap(i);
        watcher->is_busy = true; // so that it stays where it is
        watcher->next_told = told;
        told = watcher;
    }
    for (struct watcher *watcher = told; watcher != NULL; watcher = next) {
        next = watcher->next_told;
        if (!watcher->is_dropped && watcher->options.on_gap != NULL)
            watcher->options.on_gap(watcher->options.ctx);
        watcher->is_busy = false;
        if (watcher->is_dropped)
            free(watcher);
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
    stop(interest);
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
        free(watcher);
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

struct realtime *realtime_start(struct loop *loop, struct store *store, struct waiting *waiting,
                                const char *redis_url)
{
    struct realtime *rt = mem_new(struct realtime);
    struct events_options options = {.redis_url = redis_url,
                                     .on_events = on_events,
                                     .on_gap = on_gap,
                                     .on_ready = on_ready,
                                     .ctx = rt};

    rt->loop = loop;
    rt->store = store;
    rt->waiting = waiting;
    rt->pages_end = &rt->pages;
    rt->turn = loop_turn_new(loop, on_turn, rt);
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
    waiting_read_cancel(&rt->read);
    while (rt->pages != NULL) {
        struct page *page = rt->pages;

        rt->pages = page->next;
        page_free(page);
    }
    events_drop(&rt->events);
    loop_turn_drop(&rt->turn);
    free(rt);
}
