// Looks, gathered turn by turn.
#include "scheduler/glance.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/store/events.h"
#include "core/task/task.h"
#include "scheduler/roster.h"
#include "scheduler/waiting.h"

// The glances of one turn.
struct batch {
    struct glances *all; // borrowed
    struct glance *glances;
    // What we wait for: one of these at most, none until the end of the turn.
    struct waiting_read *read;
    struct task **tasks; // ours; held back until the events up to `cursor` were told
    size_t count;
    char cursor[CURSOR_SIZE];
    bool is_told; // its glances are being told: the batch stays, whichever of them are cancelled
    struct batch *next, **at; // in the list of those that are held back
};

struct glance {
    struct batch *batch;
    const char *id;
    size_t task; // which of the read's tasks
    glance_fn fn;
    void *ctx;
    struct glance *next, **at;
};

struct glances {
    struct waiting *waiting; // borrowed, as `told` is, outlives us
    const char *told;
    struct batch *gathering; // the glances of this turn
    struct batch *held;
    struct loop_turn *turn; // sends them
    size_t batches;
};

static void free_tasks(struct task **tasks, size_t count)
{
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
}

// Ends the holding back. The tasks become the caller's; NULL: they weren't held back.
static struct task **let_go(struct batch *batch)
{
    struct task **tasks = batch->tasks;

    if (tasks == NULL)
        return NULL;
    batch->tasks = NULL;
    *batch->at = batch->next;
    if (batch->next != NULL)
        batch->next->at = batch->at;
    return tasks;
}

static void drop_held(struct batch *batch)
{
    struct task **tasks = let_go(batch);

    if (tasks != NULL)
        free_tasks(tasks, batch->count);
    free(tasks);
}

static void batch_free(struct batch *batch)
{
    drop_held(batch);
    if (batch->all->gathering == batch)
        batch->all->gathering = NULL;
    batch->all->batches--;
    waiting_read_cancel(&batch->read);
    free(batch);
}

// A glance joins only a read that hasn't been sent yet: an older read may miss a change that was
// told since.
static struct batch *batch_of_turn(struct glances *glances)
{
    if (glances->gathering == NULL) {
        glances->gathering = mem_new(struct batch);
        glances->gathering->all = glances;
        glances->batches++;
        loop_turn_ask(glances->turn);
    }
    return glances->gathering;
}

static void glance_leave(struct glance *glance)
{
    *glance->at = glance->next;
    if (glance->next != NULL)
        glance->next->at = glance->at;
    free(glance);
}

static void tell_batch(struct batch *batch, struct task *const *tasks, size_t count,
                       const struct err *err)
{
    struct glance *glance;

    batch->is_told = true;
    while ((glance = batch->glances) != NULL) { // the callback may cancel any of them
        glance_fn fn = glance->fn;
        void *their_ctx = glance->ctx;
        const struct task *task = glance->task < count ? tasks[glance->task] : NULL;

        glance_leave(glance);
        fn(their_ctx, task, err);
    }
    batch_free(batch);
}

static bool is_due(const struct batch *batch)
{
    return events_compare(batch->cursor, batch->all->told) <= 0;
}

// Takes the tasks.
static void hold_back(struct batch *batch, struct task *const *tasks, size_t count)
{
    batch->tasks = mem_array(struct task *, count);
    memcpy(batch->tasks, tasks, count * sizeof(struct task *));
    batch->count = count;
    for (batch->at = &batch->all->held; *batch->at != NULL;)
        batch->at = &(*batch->at)->next;
    batch->next = NULL;
    *batch->at = batch;
}

// Its tasks may come from several reads.
static void note_cursor(struct batch *batch, struct task *const *tasks, size_t count)
{
    *batch->cursor = '\0';
    for (size_t i = 0; i < count; i++)
        if (tasks[i] != NULL && tasks[i]->read_cursor != NULL &&
            events_compare(tasks[i]->read_cursor, batch->cursor) > 0)
            snprintf(batch->cursor, CURSOR_SIZE, "%s", tasks[i]->read_cursor);
}

static void on_batch_read(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct batch *batch = ctx;

    batch->read = NULL;
    note_cursor(batch, tasks, count);
    if (!is_due(batch)) {
        hold_back(batch, tasks, count);
        return;
    }
    tell_batch(batch, tasks, count, err);
    free_tasks(tasks, count);
}

static void read_batch(struct batch *batch)
{
    struct roster roster;
    size_t count = 0;

    for (const struct glance *glance = batch->glances; glance != NULL; glance = glance->next)
        count++;
    roster_init(&roster, count);
    for (struct glance *glance = batch->glances; glance != NULL; glance = glance->next)
        glance->task = roster_add(&roster, glance->id);
    batch->read =
        waiting_read_tasks(batch->all->waiting, roster.ids, roster.count, on_batch_read, batch);
    roster_clear(&roster);
}

// The end of the turn: the tasks that it asked for are read.
static void on_batch_turn(void *ctx)
{
    struct glances *glances = ctx;
    struct batch *batch = glances->gathering;

    if (batch == NULL)
        return;
    glances->gathering = NULL;
    read_batch(batch);
}

void glances_release(struct glances *glances)
{
    struct batch *batch = glances->held;

    while (batch != NULL) {
        size_t count = batch->count;
        struct task **tasks;

        if (!is_due(batch)) {
            batch = batch->next;
            continue;
        }
        tasks = let_go(batch);
        tell_batch(batch, tasks, count, NULL);
        free_tasks(tasks, count);
        free(tasks);
        batch = glances->held; // whoever was told may have cancelled any of them
    }
}

void glances_renew(struct glances *glances)
{
    struct batch *batch;

    while ((batch = glances->held) != NULL) {
        drop_held(batch);
        read_batch(batch);
    }
}

struct glance *glance_start(struct glances *glances, const char *id, glance_fn fn, void *ctx)
{
    struct glance *glance = mem_new(struct glance);
    struct batch *batch = batch_of_turn(glances);

    glance->batch = batch;
    glance->id = id;
    glance->fn = fn;
    glance->ctx = ctx;
    glance->next = batch->glances;
    glance->at = &batch->glances;
    if (glance->next != NULL)
        glance->next->at = &glance->next;
    batch->glances = glance;
    return glance;
}

void glance_cancel(struct glance **pointer)
{
    struct batch *batch;

    if (*pointer == NULL)
        return;
    batch = (*pointer)->batch;
    glance_leave(*pointer);
    *pointer = NULL;
    if (batch->glances == NULL && !batch->is_told)
        batch_free(batch);
}

struct glances *glances_start(struct loop *loop, struct waiting *waiting, const char *told)
{
    struct glances *glances = mem_new(struct glances);

    glances->waiting = waiting;
    glances->told = told;
    glances->turn = loop_turn_new(loop, on_batch_turn, glances);
    return glances;
}

void glances_drop(struct glances **glances)
{
    if (*glances == NULL)
        return;
    assert((*glances)->batches == 0);
    loop_turn_drop(&(*glances)->turn);
    free(*glances);
    *glances = NULL;
}
