// A budget of bytes: who wants to hold some asks first, and waits its turn while it is used up. A
// party may hold as much as is still free, and no more: one whose links hang leaves room to others.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// What was asked for is there.
typedef void (*budget_fn)(void *ctx);

struct budget {
    size_t used, max;
    struct share *waiting, *holding; // the first of each, oldest first; few do at once
};

// A part of it, inside who holds it; all zero to begin with.
struct share {
    struct budget *budget; // NULL: it neither holds any nor waits
    const char *party;     // borrowed, outlives us
    size_t bytes;
    budget_fn fn;
    void *ctx;
    bool waits;
    struct share *next; // of those that wait, or of those that hold
};

void budget_init(struct budget *budget, size_t max);
// True: it has them. Else `fn` is called when it does; never before a call of this module, nor
// after budget_give_back. What is more than the whole budget waits until it is alone.
bool budget_take(struct budget *budget, struct share *share, const char *party, size_t bytes,
                 budget_fn fn, void *ctx);
// A share that was a guess is now known. If it is more than there is, others wait the longer.
void budget_correct(struct share *share, size_t bytes);
// Or the end of its waiting.
void budget_give_back(struct share *share);
