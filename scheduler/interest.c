// Catching up, then following.
//
//                ┌──────────────── next page ────────────────┐
//                ▼                                           │
//  AWAITING ─▶ RANGING ── changes that are wanted ──▶ TELLING┤
//     │           └─── caught up ───┐                        │
//     ├─▶ LOOKING ── told ──────────┴─▶ FOLLOWING ◀──────────┘
//     └─────────────── all, from now on ───▲
//
//  RANGING, TELLING, LOOKING ── no answer ──▶ RESTING ── RETRY_MS ──▶ begins again where it was
//  any but AWAITING ── the stream was lost, or its past is ──▶ LOOKING, or FOLLOWING where it is
//  all
//
// An interest in one task follows it while it looks at it: the task's version says what is news. An
// interest that reads the past doesn't follow: changes that come meanwhile wait in the stream.
#include "scheduler/interest.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/store/events.h"
#include "core/store/store.h"
#include "core/task/task.h"
#include "scheduler/glance.h"
#include "scheduler/realtime_page.h"
#include "scheduler/task_json.h"

enum { PAGE = 1000, RETRY_MS = 1000 };

enum state { AWAITING, LOOKING, RANGING, TELLING, RESTING, FOLLOWING };

#define TO(state) (1u << (state))
static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [AWAITING] = {"awaiting", TO(LOOKING) | TO(RANGING) | TO(FOLLOWING)},
    [LOOKING] = {"looking", TO(LOOKING) | TO(RESTING) | TO(FOLLOWING)},
    [RANGING] = {"ranging", TO(RANGING) | TO(TELLING) | TO(LOOKING) | TO(RESTING) | TO(FOLLOWING)},
    [TELLING] = {"telling", TO(RANGING) | TO(LOOKING) | TO(RESTING) | TO(FOLLOWING)},
    [RESTING] = {"resting", TO(RANGING) | TO(LOOKING) | TO(FOLLOWING)},
    [FOLLOWING] = {"following", TO(LOOKING) | TO(FOLLOWING)},
};

// Where in the stream an interest is.
struct place {
    char after[CURSOR_SIZE]; // how far the stream was told; "": `version` decides
    char upto[CURSOR_SIZE];  // where the stream's reader was when we last asked
};

// There may be one for every client, so it is kept small while it follows.
struct interest {
    const struct interest_ground *ground;
    const struct interest_calls *calls;
    const char *owner; // as in the options
    void *ctx;
    enum state state;
    char id[ID_SIZE];    // "": all
    int version;         // told so far; only newer versions are told
    bool is_behind;      // there may be more of the past than was told
    struct place *place; // ours; NULL: `version` decides, and nothing is being read
    // What we wait for: between events exactly one of these is set, or none while we wait for the
    // stream itself (AWAITING, FOLLOWING).
    struct glance *look;
    struct events_range *range;
    struct page_read *page;
    struct loop_timer *timer;
};

static void catch_up(struct interest *interest);

// The only place that changes the state.
static void move(struct interest *interest, enum state next)
{
    assert(states[interest->state].next & TO(next));
    log_debug("interest.move", "task=%s from=%s to=%s", interest->id, states[interest->state].name,
              states[next].name);
    interest->state = next;
}

static void on_rested(void *ctx)
{
    struct interest *interest = ctx;

    interest->timer = NULL;
    catch_up(interest);
}

static void rest_a_while(struct interest *interest)
{
    move(interest, RESTING);
    interest->timer = loop_after(interest->ground->loop, RETRY_MS, on_rested, interest);
}

static bool is_seen(const struct interest *interest, const char *owner)
{
    return interest->owner == NULL || strcmp(owner, interest->owner) == 0;
}

// How far the stream was told, NULL where `version` decides.
static char *told_after(const struct interest *interest)
{
    return interest->place == NULL || *interest->place->after == '\0' ? NULL
                                                                      : interest->place->after;
}

static void set_after(struct interest *interest, const char *cursor)
{
    if (interest->place == NULL)
        interest->place = mem_new(struct place);
    snprintf(interest->place->after, CURSOR_SIZE, "%s", cursor);
}

// Whether the change is news to the interest; notes that it was told.
static bool take_change(struct interest *interest, const struct page_event *event,
                        const struct task *task)
{
    bool is_all = *interest->id == '\0';
    char *after = told_after(interest);

    if (!is_seen(interest, task->owner))
        return false;
    if (is_all && task->is_ask)
        return false; // a question that we ask ourselves, not one of the key's tasks
    if (after != NULL && events_compare(event->cursor, after) <= 0)
        return false;
    if (!is_all && event->view.version <= interest->version)
        return false;
    if (!is_all)
        interest->version = event->view.version;
    if (after != NULL)
        memcpy(after, event->cursor, CURSOR_SIZE);
    return true;
}

// The present state.

static void tell_missing(const struct interest *interest)
{
    char id[ID_SIZE];

    memcpy(id, interest->id, sizeof id);
    interest->calls->on_missing(interest->ctx, id); // the interest may be gone
}

// Its cursor is where the telling of the stream is: it was told further than the task was read
// (glance.h), and would have told of the task what came since.
static void tell_present(struct interest *interest, const struct task *task)
{
    struct task_view now = {task->phase, task->version, task->progress, task->substate != NULL};
    struct buf json = {0};
    struct task shown;

    interest->version = task->version;
    task_borrow_as(&shown, task, &now);
    shown.links = &store_config(interest->ground->store)->links;
    task_json_write(&shown, NULL, false, &json);
    interest->calls->on_news(interest->ctx,
                             &(struct news){&shown, interest->ground->told, json.data, 0}, 1);
    buf_clear(&json);
}

static void on_looked(void *ctx, const struct task *task, const struct err *err)
{
    struct interest *interest = ctx;

    interest->look = NULL;
    if (err != NULL) {
        rest_a_while(interest);
        return;
    }
    move(interest, FOLLOWING);
    if (told_after(interest) == NULL) {
        free(interest->place);
        interest->place = NULL;
    }
    if (task == NULL || !is_seen(interest, task->owner))
        tell_missing(interest);
    else if (task->version > interest->version)
        tell_present(interest, task);
}

// The past: pages of the stream up to where its reader is.

static bool is_change_wanted(void *ctx, const struct event *event)
{
    const struct interest *interest = ctx;

    return *interest->id == '\0' ? is_seen(interest, event->owner)
                                 : strcmp(event->task, interest->id) == 0;
}

static void on_page(void *ctx, struct page *page, const struct news *news, const struct err *err)
{
    struct interest *interest = ctx;
    const struct interest_calls *calls = interest->calls;
    void *their_ctx = interest->ctx;
    struct news *mine;
    size_t count = 0;

    interest->page = NULL;
    if (err != NULL) {
        page_free(page);
        rest_a_while(interest);
        return;
    }
    mine = mem_array(struct news, page->count);
    for (size_t i = 0; i < page->count; i++)
        if (news[i].task != NULL && take_change(interest, &page->events[i], news[i].task))
            mine[count++] = news[i];
    // We are at the page's end, not only at the last change that was told: the others may be of
    // tasks that are gone, or of no interest.
    set_after(interest, page->last);
    catch_up(interest); // the next page, or the end of the past
    if (count > 0)
        calls->on_news(their_ctx, mine, count); // the interest may be gone
    free(mine);
    page_free(page);
}

static void on_range(void *ctx, const struct event *events, size_t count, bool is_gap,
                     const struct err *err)
{
    struct interest *interest = ctx;
    struct page *page;

    interest->range = NULL;
    if (err != NULL) {
        rest_a_while(interest);
        return;
    }
    if (is_gap) {
        interest_lose(interest);
        interest->calls->on_gap(interest->ctx); // the interest may be gone
        return;
    }
    page = page_new(events, count, is_change_wanted, interest);
    if (page->count > 0) {
        move(interest, TELLING);
        interest->page =
            page_read(page, interest->ground->waiting, interest->ground->store, on_page, interest);
        return;
    }
    // Without any events we are where the reader was when we asked; it may have gone on meanwhile.
    set_after(interest, count == 0 ? interest->place->upto : page->last);
    page_free(page);
    catch_up(interest);
}

// Starts the next read that is needed to catch up: the first one, the next page, or again after an
// error or a gap. The only place that starts a read; nothing else is pending then.
static void catch_up(struct interest *interest)
{
    const struct interest_ground *ground = interest->ground;
    const char *cursor = events_cursor(ground->events), *after = told_after(interest);

    if (interest->place == NULL)
        interest->place = mem_new(struct place);
    snprintf(interest->place->upto, CURSOR_SIZE, "%s", cursor);
    if (interest->is_behind && events_compare(interest->place->after, cursor) != 0) {
        move(interest, RANGING);
        interest->range =
            events_read(ground->store, interest->place->after, cursor, PAGE, on_range, interest);
    } else if (interest->is_behind || *interest->id == '\0') {
        interest->is_behind = false;
        if (after == NULL)
            set_after(interest, cursor);
        move(interest, FOLLOWING);
    } else {
        move(interest, LOOKING);
        interest->look = glance_start(ground->looks, interest->id, on_looked, interest);
    }
}

// Ends whatever is pending.
static void cancel_pending(struct interest *interest)
{
    glance_cancel(&interest->look);
    events_range_cancel(&interest->range);
    page_read_cancel(&interest->page);
    loop_cancel(&interest->timer);
}

void interest_begin(struct interest *interest)
{
    cancel_pending(interest);
    catch_up(interest);
}

void interest_lose(struct interest *interest)
{
    if (told_after(interest) != NULL)
        set_after(interest, events_cursor(interest->ground->events));
    interest->is_behind = false;
    if (interest->state != AWAITING)
        interest_begin(interest);
}

bool interest_take(struct interest *interest, const struct page_event *event,
                   const struct task *task)
{
    return !interest->is_behind && take_change(interest, event, task);
}

const char *interest_id(const struct interest *interest)
{
    return interest->id;
}

struct interest *interest_new(const struct interest_ground *ground,
                              const struct interest_options *options)
{
    struct interest *interest = mem_new(struct interest);

    interest->ground = ground;
    interest->calls = options->calls;
    interest->owner = options->owner;
    interest->ctx = options->ctx;
    snprintf(interest->id, sizeof interest->id, "%s", options->id == NULL ? "" : options->id);
    interest->version = options->version;
    interest->is_behind = options->since != NULL;
    if (options->since != NULL)
        set_after(interest, options->since);
    return interest;
}

// The only destructor: cancels what is pending, whatever the state.
void interest_drop(struct interest **interest)
{
    if (*interest == NULL)
        return;
    cancel_pending(*interest);
    free((*interest)->place);
    free(*interest);
    *interest = NULL;
}
