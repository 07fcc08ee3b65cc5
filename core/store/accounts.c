// The state of the accounts.
#include "core/store/accounts.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/record.h"
#include "core/store/store.h"

enum { READ_DEADLINE_MS = 1000 };

static bool read_state(const redisReply *reply, struct account_state *state)
{
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 5)
        return false;
    *state = (struct account_state){
        .is_out = record_integer(reply->element[0]) == 1,
        .cool_ms = record_integer(reply->element[1]),
        .rate_ms = record_integer(reply->element[2]),
        .used = record_integer(reply->element[3]),
        .is_disabled = record_integer(reply->element[4]) == 1,
    };
    return true;
}

static void accounts_on_states(void *ctx, store_then_fn then, const redisReply *answer,
                               const struct err *err)
{
    accounts_fn fn = (accounts_fn)then;
    size_t count = err == NULL && answer->elements > 0 ? answer->elements - 1 : 0;
    struct account_state *states = mem_array(struct account_state, count);

    for (size_t i = 0; i < count; i++)
        read_state(answer->element[i + 1], &states[i]);
    fn(ctx, states, err == NULL && record_integer(answer->element[0]) > 0, err);
    free(states);
}

struct store_call *accounts_read(struct store *store, accounts_fn fn, void *ctx)
{
    const struct config *config = store_config(store);
    struct args args = {0};

    args_int(&args, (int64_t)config->account_count);
    for (size_t i = 0; i < config->account_count; i++)
        args_str(&args, config->accounts[i].name);
    return store_call(store, SCRIPT_state, &args, READ_DEADLINE_MS, accounts_on_states,
                      (store_then_fn)fn, ctx);
}

void accounts_begin(struct store *store, const struct account *account)
{
    struct args args = {0};

    args_str(&args, account->name);
    args_str(&args, "begin");
    args_int(&args, account->task_timeout_ms);
    store_call(store, SCRIPT_account, &args, STORE_FOR_EVER, NULL, NULL, NULL);
}

static void on_switched(void *ctx, store_then_fn then, const redisReply *answer,
                        const struct err *err)
{
    (void)answer;
    ((account_switched_fn)then)(ctx, err);
}

struct store_call *account_switch(struct store *store, const char *name, bool is_on,
                                  account_switched_fn fn, void *ctx)
{
    struct args args = {0};

    args_str(&args, name);
    args_str(&args, is_on ? "enable" : "disable");
    return store_call(store, SCRIPT_account, &args, READ_DEADLINE_MS, on_switched,
                      (store_then_fn)fn, ctx);
}
