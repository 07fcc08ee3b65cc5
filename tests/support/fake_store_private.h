// What the parts of the fake store share.
#pragma once

#include "tests/support/fake_store.h"

// One call, of whatever kind; members that its kind doesn't need are unused.
struct store_call {
    struct fake_call call; // first
    void (*fn)(void);      // the asker's callback, in its own type; NULL: nobody listens
    const void *claim;     // of a claim: its callbacks, borrowed
    void *ctx;
    void *more; // ours: whatever else its kind keeps
};

// `lose` answers the asker by its own callback's type.
struct store_call *fake_store_call_new(void (*fn)(void), void *ctx, fake_lose_fn lose);
