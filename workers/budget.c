// Who waits for bytes, in the order they came.
#include "workers/budget.h"

#include <string.h>

void budget_init(struct budget *budget, size_t max)
{
    *budget = (struct budget){.max = max};
}

// The pointer that leads to `share` in a list; the one at the list's end where `share` isn't there,
// or is NULL.
static struct share **way_to(struct share **at, const struct share *share)
{
    while (*at != NULL && *at != share)
        at = &(*at)->next;
    return at;
}

static void append(struct share **list, struct share *share)
{
    share->next = NULL;
    *way_to(list, NULL) = share;
}

static void remove_from(struct share **list, struct share *share)
{
    struct share **at = way_to(list, share);

    if (*at != NULL)
        *at = share->next;
}

static size_t left(const struct budget *budget)
{
    return budget->used < budget->max ? budget->max - budget->used : 0;
}

static bool has_room(const struct budget *budget, size_t bytes)
{
    return budget->used == 0 || bytes <= left(budget);
}

// Whether the share's party may hold so much more: with it, no more than is then still free.
static bool may_have(const struct budget *budget, const struct share *share)
{
    size_t held = 0;

    for (const struct share *other = budget->holding; other != NULL; other = other->next)
        if (strcmp(other->party, share->party) == 0)
            held += other->bytes;
    return held == 0 || held + 2 * share->bytes <= left(budget);
}

static void give(struct budget *budget, struct share *share)
{
    share->waits = false;
    budget->used += share->bytes;
    append(&budget->holding, share);
}

// The first share that may have its bytes, unless one before it waits only for room. NULL: none.
static struct share *next_of(const struct budget *budget)
{
    for (struct share *share = budget->waiting; share != NULL; share = share->next) {
        if (!may_have(budget, share))
            continue;
        return has_room(budget, share->bytes) ? share : NULL;
    }
    return NULL;
}

// A callback may give back at once, or ask for more: the lists are right before each call.
static void serve(struct budget *budget)
{
    struct share *share;

    while ((share = next_of(budget)) != NULL) {
        remove_from(&budget->waiting, share);
        give(budget, share);
        share->fn(share->ctx);
    }
}

bool budget_take(struct budget *budget, struct share *share, const char *party, size_t bytes,
                 budget_fn fn, void *ctx)
{
    *share = (struct share){
        .budget = budget, .party = party, .bytes = bytes, .fn = fn, .ctx = ctx, .waits = true};
    append(&budget->waiting, share);
    if (next_of(budget) != share)
        return false;
    remove_from(&budget->waiting, share);
    give(budget, share);
    return true;
}

void budget_correct(struct share *share, size_t bytes)
{
    struct budget *budget = share->budget;

    if (budget == NULL)
        return;
    budget->used += bytes;
    budget->used -= share->bytes;
    share->bytes = bytes;
    serve(budget);
}

void budget_give_back(struct share *share)
{
    struct budget *budget = share->budget;

    if (budget == NULL)
        return;
    if (share->waits) {
        remove_from(&budget->waiting, share);
    } else {
        remove_from(&budget->holding, share);
        budget->used -= share->bytes;
    }
    share->budget = NULL;
    serve(budget);
}
