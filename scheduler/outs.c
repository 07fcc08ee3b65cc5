// Accounts that are out.
#include "scheduler/outs.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/mem.h"
#include "core/store/store.h"

enum { EVERY_MS = 1000 };

struct out {
    struct store_call *call;
    bool is_out;
};

struct outs {
    struct store *store; // borrowed, outlives us
    const struct config *config;
    int64_t asked_ms;
    struct out *list; // as config->accounts
};

static void on_answer(void *ctx, store_then_fn then, const redisReply *answer,
                      const struct err *err)
{
    struct out *out = ctx;

    (void)then;
    out->call = NULL;
    if (err == NULL)
        out->is_out = answer->type == REDIS_REPLY_STRING;
}

void outs_look(struct outs *outs)
{
    if (clock_mono_ms() - outs->asked_ms < EVERY_MS)
        return;
    outs->asked_ms = clock_mono_ms();
    for (size_t i = 0; i < outs->config->account_count; i++) {
        struct args args = {0};
        char name[96];

        if (outs->list[i].call != NULL)
            continue;
        snprintf(name, sizeof name, "spool:acct:%s", outs->config->accounts[i].name);
        args_str(&args, "HGET");
        args_str(&args, name);
        args_str(&args, "out");
        outs->list[i].call = store_command(outs->store, &args, EVERY_MS, on_answer, &outs->list[i]);
    }
}

bool outs_has(const struct outs *outs, const struct account *account)
{
    return outs->list[account - outs->config->accounts].is_out;
}

struct outs *outs_start(struct store *store)
{
    struct outs *outs = mem_new(struct outs);

    outs->store = store;
    outs->config = store_config(store);
    outs->asked_ms = -EVERY_MS;
    outs->list = mem_array(struct out, outs->config->account_count);
    return outs;
}

void outs_drop(struct outs **outs)
{
    if (*outs == NULL)
        return;
    for (size_t i = 0; i < (*outs)->config->account_count; i++)
        store_cancel(&(*outs)->list[i].call);
    free((*outs)->list);
    free(*outs);
    *outs = NULL;
}
