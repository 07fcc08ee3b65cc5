// Looks, gathered turn by turn.
#include "scheduler/look.h"

#include <assert.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "scheduler/roster.h"
#include "scheduler/waiting.h"

// The looks of one turn.
struct batch {
    struct looks *all; // borrowed
    struct look *looks;
    struct waiting_read *read; // NULL until the end of the turn
    bool is_told;              // being told: stays, whoever leaves
};

struct look {
    struct batch *batch;
    const char *id;
    size_t task; // which of the read's
    look_fn fn;
    void *ctx;
    struct look *next, **at;
};

struct looks {
    struct waiting *waiting; // borrowed, outlives us
    struct batch *gathering; // of this turn
    struct loop_turn *turn;  // sends it
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

// Only a read that hasn't been sent yet: an older one may not have what was told meanwhile.
static struct batch *batch_of_turn(struct looks *looks)
{
    if (looks->gathering == NULL) {
        looks->gathering = mem_new(struct batch);
        looks->gathering->all = looks;
        looks->batches++;
        loop_turn_ask(looks->turn);
    }
    return looks->gathering;
}

static void look_leave(struct look *look)
{
    *look->at = look->next;
    if (look->next != NULL)
        look->next->at = look->at;
    free(look);
}

static void on_batch_read(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct batch *batch = ctx;
    struct look *look;

    batch->read = NULL;
    batch->is_told = true;
    while ((look = batch->looks) != NULL) { // being told may cancel any of them
        look_fn fn = look->fn;
        void *look_ctx = look->ctx;
        const struct task *task = look->task < count ? tasks[look->task] : NULL;

        look_leave(look);
        fn(look_ctx, task, err);
    }
    batch_free(batch);
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
}

// The end of the turn: what it asked for is read.
static void on_batch_turn(void *ctx)
{
    struct looks *looks = ctx;
    struct batch *batch = looks->gathering;
    struct roster roster;
    size_t count = 0;

    if (batch == NULL)
        return;
    looks->gathering = NULL;
    for (const struct look *look = batch->looks; look != NULL; look = look->next)
        count++;
    roster_init(&roster, count);
    for (struct look *look = batch->looks; look != NULL; look = look->next)
        look->task = roster_add(&roster, look->id);
    batch->read =
        waiting_read_tasks(looks->waiting, roster.ids, roster.count, on_batch_read, batch);
    roster_clear(&roster);
}

struct look *look_start(struct looks *looks, const char *id, look_fn fn, void *ctx)
{
    struct look *look = mem_new(struct look);
    struct batch *batch = batch_of_turn(looks);

    look->batch = batch;
    look->id = id;
    look->fn = fn;
    look->ctx = ctx;
    look->next = batch->looks;
    look->at = &batch->looks;
    if (look->next != NULL)
        look->next->at = &look->next;
    batch->looks = look;
    return look;
}

void look_cancel(struct look **pointer)
{
    struct batch *batch;

    if (*pointer == NULL)
        return;
    batch = (*pointer)->batch;
    look_leave(*pointer);
    *pointer = NULL;
    if (batch->looks == NULL && !batch->is_told)
        batch_free(batch);
}

struct looks *looks_start(struct loop *loop, struct waiting *waiting)
{
    struct looks *looks = mem_new(struct looks);

    looks->waiting = waiting;
    looks->turn = loop_turn_new(loop, on_batch_turn, looks);
    return looks;
}

void looks_drop(struct looks **looks)
{
    if (*looks == NULL)
        return;
    assert((*looks)->batches == 0);
    loop_turn_drop(&(*looks)->turn);
    free(*looks);
    *looks = NULL;
}
