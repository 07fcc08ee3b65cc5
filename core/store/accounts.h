// What Redis knows of the accounts.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct account;
struct err;
struct store;
struct store_call;

struct account_state {
    bool is_out;      // its key is bad
    bool is_disabled; // an operator switched it off
    int64_t cool_ms;  // it rests until then, in Unix milliseconds; 0: it doesn't
    int64_t rate_ms;  // the next submit may leave then; 0: now
    int64_t used;     // slots
};

// `states` are in the order of the configuration's accounts; borrowed for the call. With `err`
// there are none.
typedef void (*accounts_fn)(void *ctx, const struct account_state *states, bool is_worker_there,
                            const struct err *err);
struct store_call *accounts_read(struct store *store, accounts_fn fn, void *ctx);

// Switches it off or on, for all processes. What runs there finishes; switched on, one that was out
// or rests has another chance. `fn` hears when Redis has it.
typedef void (*account_switched_fn)(void *ctx, const struct err *err);
struct store_call *account_switch(struct store *store, const char *name, bool is_on,
                                  account_switched_fn fn, void *ctx);
// A worker begins to work for it: an account that was out gets a new chance, for its key may have
// been mended; how long its jobs may run is noted for a time when it isn't configured any more.
void accounts_begin(struct store *store, const struct account *account);
