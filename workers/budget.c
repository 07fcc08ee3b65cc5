// Who waits for bytes, in the order they came.
#include "workers/budget.h"

void budget_init(struct budget *budget, size_t max)
{
    *budget = (struct budget){.max = max};
}

static bool has_room(const struct budget *budget, size_t bytes)
{
    return budget->used == 0 || (budget->used < budget->max && bytes <= budget->max - budget->used);
}

// What leads to a share that waits; NULL: the end.
static struct share **way_to(struct budget *budget, const struct share *share)
{
    struct share **at = &budget->first;

    while (*at != share)
        at = &(*at)->next;
    return at;
}

// Whoever is called may give back at once, or ask for more: the list is right before each call.
static void serve(struct budget *budget)
{
    while (budget->first != NULL && has_room(budget, budget->first->bytes)) {
        struct share *share = budget->first;

        budget->first = share->next;
        share->waits = false;
        budget->used += share->bytes;
        share->fn(share->ctx);
    }
}

bool budget_take(struct budget *budget, struct share *share, size_t bytes, budget_fn fn, void *ctx)
{
    *share = (struct share){.budget = budget, .bytes = bytes, .fn = fn, .ctx = ctx};
    if (budget->first == NULL && has_room(budget, bytes)) {
        budget->used += bytes;
        return true;
    }
    share->waits = true;
    *way_to(budget, NULL) = share;
    return false;
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
    if (share->waits)
        *way_to(budget, share) = share->next;
    else
        budget->used -= share->bytes;
    share->budget = NULL;
    serve(budget);
}
