// What a submit looks like at its vendor.
#include "workers/likeness.h"

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/task/task.h"
#include "providers/provider.h"

// Accounts of ours may be one at the vendor, so it isn't the account's.
void likeness_set(struct task *task, const struct account *account)
{
    char hex[SHA256_HEX_BYTES];
    struct buf shown = {0}, name = {0};

    mem_set_str(&task->likeness, NULL);
    if (account->dialect->add_likeness != NULL && task->request != NULL &&
        account->dialect->add_likeness(task, account, &shown)) {
        sha256_hex(buf_text(&shown), shown.len, hex);
        buf_fmt(&name, "%s:%s", account->provider->name, hex);
        mem_set_str(&task->likeness, name.data);
    }
    buf_clear(&shown);
    buf_clear(&name);
}
