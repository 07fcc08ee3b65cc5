// The accounts of the fake store (core/store/accounts.h): what is asked of them stays open.
#include "core/store/accounts.h"

#include "core/config/config.h"
#include "tests/support/fake_store_private.h"

static void lose(struct fake_call *call, const struct err *err)
{
    struct store_call *question = (struct store_call *)call;

    if (fake_takes(call))
        ((accounts_fn)question->fn)(question->ctx, NULL, false, err);
}

void fake_accounts_done(struct fake_call *call, const struct account_state *states,
                        bool is_worker_there)
{
    struct store_call *question = (struct store_call *)call;

    if (fake_takes(call))
        ((accounts_fn)question->fn)(question->ctx, states, is_worker_there, NULL);
}

struct store_call *accounts_read(struct store *store, accounts_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, lose);

    (void)store;
    fake_add(&call->call, "accounts");
    return call;
}

void accounts_begin(struct store *store, const struct account *account)
{
    (void)store;
    fake_note("begin account %s", account->name);
}

void accounts_beat(struct store *store, bool is_working)
{
    (void)store;
    fake_note("beat %d", is_working);
}
