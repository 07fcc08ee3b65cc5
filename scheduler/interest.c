// Looking, then following.
//
//  AWAITING ─▶ LOOKING ── told ──▶ FOLLOWING
//     │           └─── no answer ──▶ RESTING ── RETRY_MS ──▶ LOOKING
//     └────── all, or one of which the past has told ──▶ FOLLOWING
//
//  any but AWAITING ── the stream was lost ──▶ LOOKING, or FOLLOWING where it is all
//
// An interest in one task follows it while it looks at it: the task's version says what is news.
// One that goes on from what was told of the past looks only whether the task is there.
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

enum { RETRY_MS = 1000 };

enum state { AWAITING, LOOKING, RESTING, FOLLOWING };

#define TO(state) (1u << (state))
static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [AWAITING] = {"awaiting", TO(LOOKING) | TO(FOLLOWING)},
    [LOOKING] = {"looking", TO(LOOKING) | TO(RESTING) | TO(FOLLOWING)},
    [RESTING] = {"resting", TO(LOOKING) | TO(FOLLOWING)},
    [FOLLOWING] = {"following", TO(LOOKING) | TO(FOLLOWING)},
};

// There may be one for every client, so it is kept small while it follows.
struct interest {
    const struct interest_ground *ground;
    const struct interest_calls *calls;
    const char *owner; // as in the options
    void *ctx;
    enum state state;
    char id[ID_SIZE];   // "": all
    int version;        // told so far; only newer versions are told
    bool wants_present; // the present state is told where it is newer
    char *after;        // ours: a cursor up to which changes were told; NULL: `version` decides
    // What we wait for: one of these is set, or none while we wait for the stream itself (AWAITING,
    // FOLLOWING).
    struct glance *look;
    struct loop_timer *timer;
};

static void set_out(struct interest *interest);

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
    set_out(interest);
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

static void set_after(struct interest *interest, const char *cursor)
{
    if (interest->after == NULL)
        interest->after = mem_array(char, CURSOR_SIZE);
    snprintf(interest->after, CURSOR_SIZE, "%s", cursor);
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
    if (task == NULL || !is_seen(interest, task->owner))
        tell_missing(interest);
    else if (interest->wants_present && task->version > interest->version)
        tell_present(interest, task);
}

// The only place that starts a look; nothing else is pending then.
static void set_out(struct interest *interest)
{
    const struct interest_ground *ground = interest->ground;
    bool is_all = *interest->id == '\0';

    if (is_all && interest->after == NULL)
        set_after(interest, events_cursor(ground->events));
    if (is_all || (!interest->wants_present && interest->version > 0)) {
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
    loop_cancel(&interest->timer);
}

void interest_begin(struct interest *interest)
{
    cancel_pending(interest);
    set_out(interest);
}

void interest_lose(struct interest *interest)
{
    interest->wants_present = true;
    if (interest->after != NULL)
        set_after(interest, events_cursor(interest->ground->events));
    if (interest->state != AWAITING)
        interest_begin(interest);
}

bool interest_take(struct interest *interest, const struct page_event *event,
                   const struct task *task)
{
    bool is_all = *interest->id == '\0';

    if (!is_seen(interest, task->owner))
        return false;
    if (is_all && task->is_ask)
        return false; // a question that we ask ourselves, not one of the key's tasks
    if (interest->after != NULL && events_compare(event->cursor, interest->after) <= 0)
        return false;
    if (!is_all && event->view.version <= interest->version)
        return false;
    if (!is_all)
        interest->version = event->view.version;
    if (interest->after != NULL)
        memcpy(interest->after, event->cursor, CURSOR_SIZE);
    return true;
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
    snprintf(interest->id, sizeof interest->id, "%s", options->id);
    interest->version = options->version;
    interest->wants_present = options->after == NULL;
    if (options->after != NULL)
        set_after(interest, options->after);
    return interest;
}

// The only destructor: cancels what is pending, whatever the state.
void interest_drop(struct interest **interest)
{
    if (*interest == NULL)
        return;
    cancel_pending(*interest);
    free((*interest)->after);
    free(*interest);
    *interest = NULL;
}
