// A budget of bytes: whoever wants to hold some asks first, and waits its turn while they are used
// up. A party may hold as much as is still free, and no more: a party whose links hang leaves room
// to others.
#pragma once

#include <stdbool.h>
#include <stddef.h>

// The bytes that were asked for are the share's now.
typedef void (*budget_fn)(void *ctx);

struct budget {
    size_t used, max;
    struct share *waiting, *holding; // the first of each, oldest first; few do at once
};

// A part of the budget, in the struct of whoever holds it; all zero to begin with.
struct share {
    struct budget *budget; // NULL: it neither holds bytes nor waits
    const char *party;     // borrowed, outlives us
    size_t bytes;
    budget_fn fn;
    void *ctx;
    bool waits;
    struct share *next; // of the shares that wait, or of those that hold
};

void budget_init(struct budget *budget, size_t max);
// True: the share has its bytes. Else `fn` is called when it does, from within a later call to this
// module, never after budget_give_back. A share larger than the whole budget waits until it is
// alone.
bool budget_take(struct budget *budget, struct share *share, const char *party, size_t bytes,
                 budget_fn fn, void *ctx);
// The size of a share that was a guess is now known. If it is more than is free, others wait the
// longer.
void budget_correct(struct share *share, size_t bytes);
// Gives the share's bytes back, or ends its waiting.
void budget_give_back(struct share *share);
