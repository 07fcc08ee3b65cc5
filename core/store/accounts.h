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
    int64_t cool_ms;  // until when it rests, in Unix milliseconds; 0: it doesn't
    int64_t rate_ms;  // when the next submit may leave; 0: now
    int64_t used;     // slots taken
};

// `states` are in the order of the configuration's accounts; borrowed for the call. NULL with
// `err`.
typedef void (*accounts_fn)(void *ctx, const struct account_state *states, bool is_worker_there,
                            const struct err *err);
struct store_call *accounts_read(struct store *store, accounts_fn fn, void *ctx);

// Switches an account off or on, for all processes. Jobs that run there finish; an account that was
// out, or rests, gets another chance when it is switched on. `fn` is called when Redis has it.
typedef void (*account_switched_fn)(void *ctx, const struct err *err);
struct store_call *account_switch(struct store *store, const char *name, bool is_on,
                                  account_switched_fn fn, void *ctx);
// A worker begins to work for the account. An account that was out gets a new chance, for its key
// may have been mended; how long its jobs may run is noted, for a time when the account isn't
// configured any more.
void accounts_begin(struct store *store, const struct account *account);
