// Which lanes each account serves.
#include "workers/account_lanes.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/lane.h"
#include "core/store/queue.h"
#include "providers/provider.h"

static void add_lane(char **lanes, size_t *count, const char *provider, const char *model,
                     const char *account, bool needs_slot)
{
    char lane[LANE_NAME_SIZE];

    lane_name(lane, sizeof lane, provider, model, account, needs_slot);
    lanes[(*count)++] = mem_str(lane);
}

// Tasks without a model go to any account of their provider. A lane that ends with a star stands
// for all lanes that begin with it.
static void add_models(char **lanes, size_t *count, const struct account *account,
                       const struct provider *provider)
{
    const char *const *prefixes = provider_prefixes(account);
    char star[64];

    add_lane(lanes, count, provider->name, NULL, NULL, true);
    for (size_t i = 0; i < account->model_count; i++)
        add_lane(lanes, count, provider->name, account->models[i].name, NULL, true);
    for (size_t i = 0; account->model_count == 0 && provider->models[i] != NULL; i++)
        add_lane(lanes, count, provider->name, provider->models[i], NULL, true);
    for (size_t i = 0; prefixes != NULL && prefixes[i] != NULL; i++) {
        snprintf(star, sizeof star, "%s*", prefixes[i]);
        add_lane(lanes, count, provider->name, star, NULL, true);
    }
}

// Of those that add_models adds.
static size_t count_models(const struct account *account, const struct provider *provider)
{
    const char *const *prefixes = provider_prefixes(account);
    size_t count = 1 + account->model_count;

    for (size_t i = 0; account->model_count == 0 && provider->models[i] != NULL; i++)
        count++;
    for (size_t i = 0; prefixes != NULL && prefixes[i] != NULL; i++)
        count++;
    return count;
}

void account_lanes_init(struct account_lanes *accounts, const struct config *config)
{
    accounts->list = mem_array(struct queue_account, config->account_count);
    accounts->count = 0;
    for (size_t i = 0; i < config->account_count; i++) {
        const struct account *account = &config->accounts[i];
        const struct provider *provider = account->provider;
        struct queue_account *entry = &accounts->list[accounts->count++];
        char **lanes = mem_array(char *, 3 + count_models(account, provider));
        size_t count = 0;

        add_lane(lanes, &count, NULL, NULL, account->name, true);
        add_lane(lanes, &count, NULL, NULL, account->name, false);
        add_lane(lanes, &count, provider->name, NULL, NULL, false); // questions name no model
        add_models(lanes, &count, account, provider);
        entry->account = account;
        entry->lanes = (const char *const *)lanes;
        entry->lane_count = count;
    }
}

void account_lanes_clear(struct account_lanes *accounts)
{
    for (size_t i = 0; i < accounts->count; i++) {
        for (size_t k = 0; k < accounts->list[i].lane_count; k++)
            free((char *)accounts->list[i].lanes[k]);
        free((void *)accounts->list[i].lanes);
    }
    free(accounts->list);
    *accounts = (struct account_lanes){0};
}
