// DELETE of a task: it is cancelled where it hasn't ended, and forgotten, with its files.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/json_fast.h"
#include "core/storage/storage.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/provider.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/query_shown.h"
#include "scheduler/request.h"

enum { NO_ACCOUNT_WATCH_MS = 3600 * 1000 };

struct forgetting {
    struct task *task; // ours
    const struct family *family;
};

static void forgetting_clear(void *kept)
{
    struct forgetting *forgetting = kept;

    task_free(forgetting->task);
}

// Deletes what the result says that we have: its artifacts, and those of an archive that wasn't
// finished. What a worker is just storing it deletes itself.
static void delete_files(struct storage *storage, const struct task *task, const char *result_text)
{
    static const struct {
        const char *list, *key;
    } places[] = {{"artifacts", "key"}, {"sources", "artifact.key"}};
    json_t *result = json_read(result_text), *item;
    size_t k;

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        json_array_foreach(json_object_get(result, places[i].list), k, item)
        {
            const char *key = field_str_or_empty(item, places[i].key);

            if (*key != '\0')
                storage_delete(storage, key);
        }
    }
    json_decref(result);
    if (task->is_request_stored) {
        struct buf key = {0};

        task_input_key(task, &key);
        storage_delete(storage, key.data);
        buf_clear(&key);
    }
}

static void on_forgotten(void *ctx, const char *result, const struct err *err)
{
    struct request *request = ctx;
    const struct forgetting *forgetting = request->kept;
    struct buf json = {0};

    if (!request_got(request, AWAIT_STORE, err))
        return;
    delete_files(request->front->storage, forgetting->task, result);
    forgetting->family->forgotten(forgetting->task, &json);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void on_task_to_forget(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const struct account *account;
    struct forgetting *forgetting;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    forgetting = request_keep(request, sizeof *forgetting, forgetting_clear);
    forgetting->task = task;
    forgetting->family = query_shown_by(request, task);
    if (forgetting->family == NULL) {
        request_refuse_with(request, ERR_NOT_FOUND, "no such task");
        return;
    }
    account = config_account(request->front->config, task->account);
    request_await(request, AWAIT_STORE,
                  tasks_forget(request->front->store, task->id, request_scope(request),
                               provider_can_cancel(account),
                               account == NULL
                                   ? NO_ACCOUNT_WATCH_MS
                                   : 2 * task_timeout_ms(task, account->task_timeout_ms),
                               on_forgotten, request));
}

void query_forget(struct request *request)
{
    request_get_task(request, on_task_to_forget);
}
