// What the parts of the fake store share.
#pragma once

#include "tests/support/fake_store.h"

// One question, of whatever kind; what its kind doesn't need is unused.
struct store_call {
    struct fake_call call; // first
    void (*fn)(void);      // the asker's callback, in its own type; NULL: nobody listens
    const void *claim;     // of a claim: its three callbacks, borrowed
    void *ctx;
    void *more; // ours: what its kind keeps
};

// `lose` tells the asker in its own type.
struct store_call *fake_store_call_new(void (*fn)(void), void *ctx, fake_lose_fn lose);
