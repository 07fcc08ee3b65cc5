// From the stream to those who watch.
//
// The stream is worked off page by page: the records of the tasks that somebody watches are read,
// each once, shown as they were at each change, rendered once, and handed to the watchers.
#include "scheduler/realtime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/store/events.h"
#include "core/store/store.h"
#include "core/task/task.h"
#include "scheduler/glance.h"
#include "scheduler/interest.h"
#include "scheduler/past.h"
#include "scheduler/realtime_page.h"
#include "scheduler/roster.h"

enum {
    TABLE_SIZE = 4096,
    // While events come thick they are gathered before they are read: for GATHER_MS, and for as
    // long as it took to tell the last of them, up to GATHER_MOST_MS. Time in which telling had to
    // wait for a processor counts many times: others want it, and may have it. So what is told
    // together grows with what telling costs, and how much is told gives way to the rest.
    GATHER_MS = 5,
    GATHER_MOST_MS = 50,
    WAITED_COUNTS = 10,
    TELL_MS = 10,             // no more is told at once than takes about so long,
    EVENTS_LEAST = 16,        // but so many events: a write costs more than what is in it
    THICK_MS = 2 * GATHER_MS, // between events
};

// An interest, in the lists where its watcher and the changes find it; or the past that is told
// before there are interests.
struct listing {
    struct watcher *watcher;
    struct interest *interest; // one of these is set
    struct past *past;
    struct listing *next, **at;           // in the watcher's list
    struct listing *next_same, **at_same; // in by_task, or in of_all, or in of_past
};

struct watcher {
    struct realtime *realtime;
    struct watcher_options options;
    struct listing *listings;
    size_t count;
    bool is_busy;      // in a callback, or about to be told of a page
    bool is_dropped;   // freed when it is busy no more
    struct news *mine; // the news for this watcher of the page that is being told
    size_t mine_count;
    struct watcher *next_told;
    struct watcher *next, **at;
};

struct realtime {
    struct interest_ground ground; // with the reader and the glances, which are ours
    bool is_ready;                 // the reader has begun
    struct watcher *watchers;
    struct listing *by_task[TABLE_SIZE], *of_all, *of_past;
    struct page *pages, **pages_end; // to be told, in order
    struct page_read *page;          // the page whose records are being read
    struct loop_turn *told;       // asked when a page was told: then watchers have been written to
    struct loop_timer *gathering; // until the next events are read
    bool is_resting;              // one of these two is under way
    unsigned most;                // events to be told at once
    bool is_thick;                // the last page came soon after the one before it
    int64_t read_ms;              // when it came
    int64_t begun_us;             // when its telling began,
    int64_t had_us;               // how much of a processor we had had by then,
    size_t told_count;            // and what it tells of
};

static struct listing **list_of(struct realtime *rt, const char *id)
{
    return *id == '\0' ? &rt->of_all : &rt->by_task[roster_hash(id) % TABLE_SIZE];
}

// Telling.

static void tell_watcher(struct watcher *watcher, const struct news *news, size_t count)
{
    bool was_busy = watcher->is_busy;

    if (count == 0 || watcher->is_dropped)
        return;
    watcher->is_busy = true;
    watcher->options.on_news(watcher->options.ctx, news, count);
    watcher->is_busy = was_busy;
    if (watcher->is_dropped && !was_busy)
        free(watcher);
}

// Notes a change for a watcher that is told of the whole page at once.
static void collect_news(struct watcher **told, struct watcher *watcher, const struct news *news)
{
    if (!watcher->is_busy) {
        watcher->is_busy = true; // so that the watcher stays where it is
        watcher->next_told = *told;
        *told = watcher;
    }
    if (watcher->mine_count > 0 && watcher->mine[watcher->mine_count - 1].cursor == news->cursor)
        return; // another interest of the watcher wants the same
    if ((watcher->mine_count & (watcher->mine_count - 1)) == 0) // doubles at powers of two
        watcher->mine = mem_resize(watcher->mine, (watcher->mine_count * 2 + 1) * sizeof *news);
    watcher->mine[watcher->mine_count++] = *news;
}

// Whether a watcher of all tasks also names this one: then the interest in this task knows what was
// told.
static bool is_named(struct watcher *watcher, const char *id)
{
    const struct listing *k = *list_of(watcher->realtime, id);

    if (watcher->count == 1)
        return false;
    while (k != NULL && (k->watcher != watcher || strcmp(interest_id(k->interest), id) != 0))
        k = k->next_same;
    return k != NULL;
}

// Goes from each change to the watchers that want it, so that others cost nothing.
static struct watcher *collect_page(struct realtime *rt, const struct page *page,
                                    const struct news *page_news)
{
    struct watcher *told = NULL;

    for (size_t i = 0; i < page->count; i++) {
        const struct page_event *event = &page->events[i];
        const struct news *news = &page_news[i];

        if (news->task == NULL)
            continue;
        for (struct listing *k = *list_of(rt, event->id); k != NULL; k = k->next_same)
            if (strcmp(interest_id(k->interest), event->id) == 0 &&
                interest_take(k->interest, event, news->task))
                collect_news(&told, k->watcher, news);
        for (struct listing *k = rt->of_all; k != NULL; k = k->next_same)
            if (!is_named(k->watcher, event->id) && interest_take(k->interest, event, news->task))
                collect_news(&told, k->watcher, news);
    }
    return told;
}

// Everything up to the cursor was told. What was read of tasks that somebody asked for, and isn't
// ahead of that, is told now.
static void note_told(struct realtime *rt, const char *cursor)
{
    if (events_compare(cursor, rt->ground.told) > 0)
        snprintf(rt->ground.told, CURSOR_SIZE, "%s", cursor);
    glances_release(rt->ground.looks);
}

static void read_next_page(struct realtime *rt);

static void on_gathered(void *ctx)
{
    struct realtime *rt = ctx;

    rt->gathering = NULL;
    rt->is_resting = false;
    read_next_page(rt);
}

static void begin_telling(struct realtime *rt, size_t count)
{
    rt->begun_us = clock_mono_us();
    rt->had_us = clock_thread_us();
    rt->told_count = count;
}

// Watchers have been written to.
static void on_told(void *ctx)
{
    struct realtime *rt = ctx;
    int64_t took_us = clock_mono_us() - rt->begun_us, had_us = clock_thread_us() - rt->had_us;
    int64_t gather_ms = (took_us + (took_us - had_us) * WAITED_COUNTS) / 1000;

    if (had_us > 2 * TELL_MS * 1000 && rt->most > EVENTS_LEAST)
        rt->most /= 2;
    else if (had_us < TELL_MS * 1000 && rt->most < EVENTS_AT_ONCE)
        rt->most *= 2;
    rt->gathering = loop_after(rt->ground.loop,
                               gather_ms < GATHER_MS        ? GATHER_MS
                               : gather_ms > GATHER_MOST_MS ? GATHER_MOST_MS
                                                            : gather_ms,
                               on_gathered, rt);
}

// Before more is read. An event that comes alone, and was told to nobody, delays none.
static void rest(struct realtime *rt, bool was_told)
{
    if (rt->is_resting || !(was_told || rt->is_thick))
        return;
    rt->is_resting = true;
    loop_turn_ask(rt->told);
}

static void on_page(void *ctx, struct page *page, const struct news *news, const struct err *err)
{
    struct realtime *rt = ctx;
    struct watcher *told, *next;
    bool was_told;

    rt->page = NULL;
    if (err != NULL) {
        // Redis is away: the reader starts again when it is back, and tells of the gap if there is
        // one.
        log_warn("realtime.read", "error=\"%s\"", err->message);
        page->next = rt->pages;
        if (rt->pages == NULL)
            rt->pages_end = &page->next;
        rt->pages = page;
        read_next_page(rt);
        return;
    }
    begin_telling(rt, page->count);
    told = collect_page(rt, page, news);
    was_told = told != NULL;
    for (struct watcher *watcher = told; watcher != NULL; watcher = next) {
        struct news *mine = watcher->mine;
        size_t mine_count = watcher->mine_count;

        next = watcher->next_told;
        watcher->mine = NULL;
        watcher->mine_count = 0;
        tell_watcher(watcher, mine, mine_count);
        free(mine);
        watcher->is_busy = false;
        if (watcher->is_dropped)
            free(watcher);
    }
    note_told(rt, page->last);
    page_free(page);
    rest(rt, was_told);
    read_next_page(rt);
}

static struct page *take_page(struct realtime *rt)
{
    struct page *page = rt->pages;

    rt->pages = page->next;
    if (rt->pages == NULL)
        rt->pages_end = &rt->pages;
    page->next = NULL;
    return page;
}

static void read_next_page(struct realtime *rt)
{
    while (rt->page == NULL && rt->pages != NULL && !rt->is_resting) {
        struct page *page = take_page(rt);

        if (page->count > 0) {
            rt->page = page_read(page, rt->ground.waiting, rt->ground.store, on_page, rt);
        } else {
            note_told(rt, page->last);
            page_free(page);
        }
    }
    if (rt->page == NULL && !rt->is_resting)
        events_more(rt->ground.events, rt->most);
}

// The stream.

static bool is_watched(void *ctx, const struct event *event)
{
    struct realtime *rt = ctx;

    for (const struct listing *k = rt->of_all; k != NULL; k = k->next_same)
        if (k->watcher->options.owner == NULL ||
            strcmp(k->watcher->options.owner, event->owner) == 0)
            return true;
    for (const struct listing *k = *list_of(rt, event->task); k != NULL; k = k->next_same)
        if (strcmp(interest_id(k->interest), event->task) == 0)
            return true;
    return false;
}

static void on_events(void *ctx, const struct event *events, size_t count)
{
    struct realtime *rt = ctx;
    struct page *page = page_new(events, count, is_watched, rt);
    int64_t now_ms = clock_mono_ms();

    // Not all that was read may be events.
    snprintf(page->last, CURSOR_SIZE, "%s", events_cursor(rt->ground.events));
    *rt->pages_end = page;
    rt->pages_end = &page->next;
    rt->is_thick = now_ms - rt->read_ms < THICK_MS;
    rt->read_ms = now_ms;
    if (page->count == 0) { // nobody waits for it
        begin_telling(rt, 0);
        rest(rt, false);
    }
    read_next_page(rt);
}

static void end_past(struct listing *listing, const char *cursor);

// A past may end, and interests take its place in front of it.
static void begin_listings(struct watcher *watcher)
{
    struct listing *next;

    for (struct listing *k = watcher->listings; k != NULL; k = next) {
        next = k->next;
        if (k->past != NULL)
            past_begin(k->past);
        else
            interest_begin(k->interest);
    }
}

static void lose_listings(struct watcher *watcher)
{
    struct listing *next;

    for (struct listing *k = watcher->listings; k != NULL; k = next) {
        next = k->next;
        if (k->past != NULL)
            end_past(k, NULL);
        else
            interest_lose(k->interest);
    }
}

// Each watcher may drop itself, and others.
static void tell_each(struct realtime *rt, void (*tell)(const struct watcher_options *options))
{
    struct watcher *told = NULL, *next;

    for (struct watcher *watcher = rt->watchers; watcher != NULL; watcher = watcher->next) {
        watcher->is_busy = true; // so that the watcher stays where it is
        watcher->next_told = told;
        told = watcher;
    }
    for (struct watcher *watcher = told; watcher != NULL; watcher = next) {
        next = watcher->next_told;
        if (!watcher->is_dropped)
            tell(&watcher->options);
        watcher->is_busy = false;
        if (watcher->is_dropped)
            free(watcher);
    }
}

static void tell_ready(const struct watcher_options *options)
{
    if (options->on_ready != NULL)
        options->on_ready(options->ctx);
}

// What was read of the stream and wasn't told yet is nobody's.
static void drop_pages(struct realtime *rt)
{
    page_read_cancel(&rt->page);
    while (rt->pages != NULL)
        page_free(take_page(rt));
}

static void on_stream_ready(void *ctx, const char *cursor)
{
    struct realtime *rt = ctx;

    if (rt->is_ready) { // after a break, in which Redis may have lost what it had told us of
        glances_renew(rt->ground.looks);
        return;
    }
    rt->is_ready = true;
    drop_pages(rt); // of those who watched before
    snprintf(rt->ground.told, CURSOR_SIZE, "%s", cursor);
    for (struct watcher *watcher = rt->watchers; watcher != NULL; watcher = watcher->next)
        begin_listings(watcher);
    tell_each(rt, tell_ready);
    read_next_page(rt);
}

static void tell_gap(const struct watcher_options *options)
{
    if (options->on_gap != NULL)
        options->on_gap(options->ctx);
}

// Changes that were missed are found by looking at each named task.
static void on_stream_lost(void *ctx)
{
    struct realtime *rt = ctx;

    drop_pages(rt); // the gap begins where the telling was
    snprintf(rt->ground.told, CURSOR_SIZE, "%s", events_cursor(rt->ground.events));
    for (struct watcher *watcher = rt->watchers; watcher != NULL; watcher = watcher->next)
        lose_listings(watcher);
    tell_each(rt, tell_gap);
    read_next_page(rt);
}

// What an interest or a past finds by itself.

static void on_own_news(void *ctx, const struct news *news, size_t count)
{
    tell_watcher(ctx, news, count);
}

static void on_interest_missing(void *ctx, const char *id)
{
    struct watcher *watcher = ctx;

    if (watcher->options.on_missing != NULL)
        watcher->options.on_missing(watcher->options.ctx, id);
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

static void listing_drop(struct listing *listing)
{
    interest_drop(&listing->interest);
    past_drop(&listing->past);
    *listing->at_same = listing->next_same;
    if (listing->next_same != NULL)
        listing->next_same->at_same = listing->at_same;
    *listing->at = listing->next;
    if (listing->next != NULL)
        listing->next->at = listing->at;
    free(listing);
}

void watcher_drop(struct watcher **pointer)
{
    struct watcher *watcher = *pointer;
    struct realtime *rt;

    if (watcher == NULL)
        return;
    *pointer = NULL;
    rt = watcher->realtime;
    while (watcher->listings != NULL)
        listing_drop(watcher->listings);
    *watcher->at = watcher->next;
    if (watcher->next != NULL)
        watcher->next->at = watcher->at;
    if (watcher->is_busy)
        watcher->is_dropped = true;
    else
        free(watcher);
    if (rt->watchers == NULL) {
        events_pause(rt->ground.events);
        rt->is_ready = false;
    }
}

static struct listing *listing_new(struct watcher *watcher, struct listing **list)
{
    struct listing *listing = mem_new(struct listing);

    listing->watcher = watcher;
    listing->next = watcher->listings;
    listing->at = &watcher->listings;
    if (listing->next != NULL)
        listing->next->at = &listing->next;
    watcher->listings = listing;
    listing->next_same = *list;
    listing->at_same = list;
    if (listing->next_same != NULL)
        listing->next_same->at_same = &listing->next_same;
    *list = listing;
    return listing;
}

// Completes the options, and begins.
static void watch_begin(struct watcher *watcher, struct interest_options *options)
{
    static const struct interest_calls calls = {on_own_news, on_interest_missing};
    struct realtime *rt = watcher->realtime;
    struct listing *listing = listing_new(watcher, list_of(rt, options->id));

    options->owner = watcher->options.owner;
    options->calls = &calls;
    options->ctx = watcher;
    listing->interest = interest_new(&rt->ground, options);
    if (rt->is_ready)
        interest_begin(listing->interest);
    else
        events_listen(rt->ground.events); // on_ready begins the interest
}

void watcher_add(struct watcher *watcher, const char *id, int after_version)
{
    watcher->count++;
    watch_begin(watcher, &(struct interest_options){.id = id, .version = after_version});
}

void watcher_add_all(struct watcher *watcher)
{
    watcher->count++;
    watch_begin(watcher, &(struct interest_options){.id = ""});
}

// The past's tasks are watched from here on.
static void end_past(struct listing *listing, const char *cursor)
{
    struct watcher *watcher = listing->watcher;
    struct past *past = listing->past;
    char after[CURSOR_SIZE];

    snprintf(after, sizeof after, "%s", cursor == NULL ? "" : cursor); // it may be the past's own
    listing->past = NULL;
    listing_drop(listing);
    for (size_t i = 0; i < past_count(past); i++)
        watch_begin(watcher, &(struct interest_options){.id = past_id(past, i),
                                                        .version = past_version(past, i),
                                                        .after = cursor == NULL ? NULL : after});
    if (past_is_all(past))
        watch_begin(watcher,
                    &(struct interest_options){.id = "", .after = cursor == NULL ? NULL : after});
    past_drop(&past);
}

static void on_past_over(void *ctx, struct past *past, const char *cursor)
{
    struct watcher *watcher = ctx;
    struct listing *listing = watcher->listings;

    while (listing->past != past)
        listing = listing->next;
    end_past(listing, cursor);
    if (cursor == NULL && watcher->options.on_gap != NULL)
        watcher->options.on_gap(watcher->options.ctx);
}

void watcher_resume(struct watcher *watcher, const char *const *ids, size_t count, bool is_all,
                    const char *cursor)
{
    static const struct past_calls calls = {on_own_news, on_past_over};
    struct realtime *rt = watcher->realtime;
    struct listing *listing = listing_new(watcher, &rt->of_past);

    listing->past = past_new(&rt->ground, &(struct past_options){.ids = ids,
                                                                 .count = count,
                                                                 .is_all = is_all,
                                                                 .owner = watcher->options.owner,
                                                                 .since = cursor,
                                                                 .calls = &calls,
                                                                 .ctx = watcher});
    watcher->count += past_count(listing->past) + is_all;
    if (rt->is_ready)
        past_begin(listing->past);
    else
        events_listen(rt->ground.events); // on_ready begins the past
}

size_t watcher_count(const struct watcher *watcher)
{
    return watcher->count;
}

bool realtime_is_ready(const struct realtime *rt)
{
    return rt->is_ready;
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
                                     .on_gap = on_stream_lost,
                                     .on_ready = on_stream_ready,
                                     .ctx = rt};

    rt->pages_end = &rt->pages;
    rt->most = EVENTS_AT_ONCE;
    rt->ground = (struct interest_ground){.loop = loop, .waiting = waiting, .store = store};
    rt->ground.looks = glances_start(loop, waiting, rt->ground.told);
    rt->ground.events = events_start(loop, store, &options);
    rt->told = loop_turn_new(loop, on_told, rt);
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
    loop_turn_drop(&rt->told);
    loop_cancel(&rt->gathering);
    drop_pages(rt);
    events_drop(&rt->ground.events);
    glances_drop(&rt->ground.looks);
    free(rt);
}
