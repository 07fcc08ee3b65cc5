// Looks, gathered turn by turn.
#include "scheduler/glance.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "scheduler/roster.h"
#include "scheduler/waiting.h"

// The glances of one turn.
struct batch {
    struct glances *all; // borrowed
    struct glance *glances;
    struct waiting_read *read; // NULL until the end of the turn
    bool is_told;              // its glances are being told: the batch stays, whichever of them are
                               // cancelled
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
    struct waiting *waiting; // borrowed, outlives us
    struct batch *gathering; // the glances of this turn
    struct loop_turn *turn;  // sends them
    size_t batches;
};

static void batch_free(struct batch *batch)
{
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

static void on_batch_read(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct batch *batch = ctx;
    struct glance *glance;

    batch->read = NULL;
    batch->is_told = true;
    while ((glance = batch->glances) != NULL) { // the callback may cancel any of them
        glance_fn fn = glance->fn;
        void *their_ctx = glance->ctx;
        const struct task *task = glance->task < count ? tasks[glance->task] : NULL;

        glance_leave(glance);
        fn(their_ctx, task, err);
    }
    batch_free(batch);
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
}

// The end of the turn: the tasks that it asked for are read.
static void on_batch_turn(void *ctx)
{
    struct glances *glances = ctx;
    struct batch *batch = glances->gathering;
    struct roster roster;
    size_t count = 0;

    if (batch == NULL)
        return;
    glances->gathering = NULL;
    for (const struct glance *glance = batch->glances; glance != NULL; glance = glance->next)
        count++;
    roster_init(&roster, count);
    for (struct glance *glance = batch->glances; glance != NULL; glance = glance->next)
        glance->task = roster_add(&roster, glance->id);
    batch->read =
        waiting_read_tasks(glances->waiting, roster.ids, roster.count, on_batch_read, batch);
    roster_clear(&roster);
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

struct glances *glances_start(struct loop *loop, struct waiting *waiting)
{
    struct glances *glances = mem_new(struct glances);

    glances->waiting = waiting;
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
