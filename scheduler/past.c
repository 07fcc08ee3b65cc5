// Reading the past, page by page.
//
//                ┌──────────────── next page ────────────────┐
//                ▼                                           │
//  AWAITING ─▶ RANGING ── changes that are wanted ──▶ TELLING┤
//                └─── caught up, or a gap ──▶ over ◀─────────┘
//
//  RANGING, TELLING ── no answer ──▶ RESTING ── RETRY_MS ──▶ begins again where it was
//
// Changes that come meanwhile wait in the stream.
#include "scheduler/past.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/store/events.h"
#include "core/task/task.h"
#include "scheduler/interest.h"
#include "scheduler/realtime_page.h"
#include "scheduler/roster.h"

enum { PAGE = 1000, RETRY_MS = 1000 };

enum state { AWAITING, RANGING, TELLING, RESTING };

#define TO(state) (1u << (state))
static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [AWAITING] = {"awaiting", TO(RANGING)},
    [RANGING] = {"ranging", TO(RANGING) | TO(TELLING) | TO(RESTING)},
    [TELLING] = {"telling", TO(RANGING) | TO(RESTING)},
    [RESTING] = {"resting", TO(RANGING)},
};

struct past {
    const struct interest_ground *ground; // these are borrowed, as in the options
    const struct past_calls *calls;
    const char *owner;
    void *ctx;
    enum state state;
    bool is_all;
    bool is_checked;         // that there is no gap behind the cursor
    char (*ids)[ID_SIZE];    // ours
    struct roster named;     // of these
    int *versions;           // of each that is named: told so far
    char after[CURSOR_SIZE]; // how far the stream was told
    char upto[CURSOR_SIZE];  // where the stream's reader was when we last asked
    // What we wait for: between events exactly one of these is set, none in AWAITING.
    struct events_range *range;
    struct page_read *page;
    struct loop_timer *timer;
};

// The only place that changes the state.
static void move(struct past *past, enum state next)
{
    assert(states[past->state].next & TO(next));
    log_debug("past.move", "after=%s from=%s to=%s", past->after, states[past->state].name,
              states[next].name);
    past->state = next;
}

static void go_on(struct past *past);

static void on_rested(void *ctx)
{
    struct past *past = ctx;

    past->timer = NULL;
    go_on(past);
}

static void rest_a_while(struct past *past)
{
    move(past, RESTING);
    past->timer = loop_after(past->ground->loop, RETRY_MS, on_rested, past);
}

static bool is_seen(const struct past *past, const char *owner)
{
    return past->owner == NULL || strcmp(owner, past->owner) == 0;
}

static bool is_change_wanted(void *ctx, const struct event *event)
{
    const struct past *past = ctx;

    return is_seen(past, event->owner) &&
           (past->is_all || roster_find(&past->named, event->task) < past->named.count);
}

// Whether the change is news; notes that it was told.
static bool take_change(struct past *past, const struct page_event *event, const struct task *task)
{
    size_t at = roster_find(&past->named, event->id);

    if (!is_seen(past, task->owner))
        return false;
    if (at == past->named.count)
        return !task->is_ask; // a question that we ask ourselves isn't one of the key's tasks
    if (event->view.version <= past->versions[at])
        return false;
    past->versions[at] = event->view.version;
    return true;
}

static void set_after(struct past *past, const char *cursor)
{
    if (events_compare(cursor, past->after) > 0)
        snprintf(past->after, CURSOR_SIZE, "%s", cursor);
}

static void on_page(void *ctx, struct page *page, const struct news *news, const struct err *err)
{
    struct past *past = ctx;
    const struct past_calls *calls = past->calls;
    void *their_ctx = past->ctx;
    struct news *mine;
    size_t count = 0;

    past->page = NULL;
    if (err != NULL) {
        page_free(page);
        rest_a_while(past);
        return;
    }
    mine = mem_array(struct news, page->count);
    for (size_t i = 0; i < page->count; i++)
        if (news[i].task != NULL && take_change(past, &page->events[i], news[i].task))
            mine[count++] = news[i];
    // We are at the page's end, not only at the last change that was told: the others may be of
    // tasks that are gone, or of no interest.
    set_after(past, page->last);
    go_on(past); // the past may be gone, here or by what is told
    if (count > 0)
        calls->on_news(their_ctx, mine, count);
    free(mine);
    page_free(page);
}

static void on_range(void *ctx, const struct event *events, size_t count, bool is_gap,
                     const struct err *err)
{
    struct past *past = ctx;
    struct page *page;

    past->range = NULL;
    if (err != NULL) {
        rest_a_while(past);
        return;
    }
    if (is_gap) {
        past->calls->on_over(past->ctx, past, NULL);
        return;
    }
    past->is_checked = true;
    page = page_new(events, count, is_change_wanted, past);
    if (page->count > 0) {
        move(past, TELLING);
        past->page = page_read(page, past->ground->waiting, past->ground->store, on_page, past);
        return;
    }
    // Without any events we are where the reader was when we asked, if not behind it, where another
    // process' reader was; ours may have gone on meanwhile.
    set_after(past, count == 0 ? past->upto : page->last);
    page_free(page);
    go_on(past);
}

// Reads the next page, or ends. The only place that starts a read; nothing else is pending then.
static void go_on(struct past *past)
{
    const struct interest_ground *ground = past->ground;
    const char *cursor = events_cursor(ground->events);
    int behind = events_compare(past->after, cursor);

    if (behind == 0 || (behind > 0 && past->is_checked)) {
        past->calls->on_over(past->ctx, past, past->after);
        return;
    }
    snprintf(past->upto, CURSOR_SIZE, "%s", cursor);
    move(past, RANGING);
    past->range = events_read(ground->store, past->after, past->upto, PAGE, on_range, past);
}

void past_begin(struct past *past)
{
    if (past->state == AWAITING)
        go_on(past);
}

bool past_is_all(const struct past *past)
{
    return past->is_all;
}

size_t past_count(const struct past *past)
{
    return past->named.count;
}

const char *past_id(const struct past *past, size_t i)
{
    return past->named.ids[i];
}

int past_version(const struct past *past, size_t i)
{
    return past->versions[i];
}

struct past *past_new(const struct interest_ground *ground, const struct past_options *options)
{
    struct past *past = mem_new(struct past);

    past->ground = ground;
    past->calls = options->calls;
    past->owner = options->owner;
    past->ctx = options->ctx;
    past->is_all = options->is_all;
    past->ids = mem_zeroed(options->count, sizeof *past->ids);
    past->versions = mem_array(int, options->count);
    roster_init(&past->named, options->count);
    for (size_t i = 0; i < options->count; i++) {
        snprintf(past->ids[i], ID_SIZE, "%s", options->ids[i]);
        roster_add(&past->named, past->ids[i]);
    }
    snprintf(past->after, CURSOR_SIZE, "%s", options->since);
    return past;
}

// The only destructor: cancels what is pending, whatever the state.
void past_drop(struct past **pointer)
{
    struct past *past = *pointer;

    if (past == NULL)
        return;
    *pointer = NULL;
    events_range_cancel(&past->range);
    page_read_cancel(&past->page);
    loop_cancel(&past->timer);
    roster_clear(&past->named);
    free(past->versions);
    free(past->ids);
    free(past);
}
