// One account after the other.
#include "workers/elsewhere.h"

#include <string.h>

#include "core/config/config.h"
#include "core/task/task.h"
#include "providers/provider.h"

static bool is_bound(const struct task *task)
{
    return task->is_ask || task->parent != NULL || task->upstream_parent != NULL;
}

static bool takes(const struct account *account, const struct task *task)
{
    struct err err;

    return provider_serves(account, task->model) &&
           (account->max_concurrency == 0 || task->cost <= account->max_concurrency) &&
           (account->dialect->check == NULL || task->is_request_stored ||
            account->dialect->check(task, account, &err));
}

const struct account *elsewhere_next(const struct config *config, const struct account *present,
                                     const struct task *task)
{
    const struct account *first =
        task->moved_from == NULL ? present : config_account(config, task->moved_from);
    size_t at = (size_t)(present - config->accounts);

    if (is_bound(task) || first == NULL)
        return NULL;
    for (size_t i = 1; i < config->account_count; i++) {
        const struct account *next = &config->accounts[(at + i) % config->account_count];

        if (next == first)
            return NULL;
        if (next->provider == present->provider && takes(next, task))
            return next;
    }
    return NULL;
}
