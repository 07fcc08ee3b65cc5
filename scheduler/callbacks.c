// POST /v1/callbacks/{id}: a vendor says that something has changed. Who knows the path may say so;
// what it says is found out by asking the vendor.
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/io/http_server.h"
#include "core/store/callbacks.h"
#include "core/store/tasks.h"
#include "providers/provider.h"
#include "scheduler/api.h"

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const struct provider *provider = err == NULL ? provider_find(task->provider) : NULL;
    const char *upstream_id = NULL;
    struct buf json = {0};
    struct err why;

    request->op = NULL;
    if (err != NULL) {
        request_refuse(request, err);
        return;
    }
    metric_add(METRIC_vendor_callbacks_total, 1);
    if (provider != NULL && provider->read_callback != NULL &&
        !provider->read_callback(request->body, &upstream_id, &why))
        upstream_id = NULL;
    // About another job than ours: then it is no hint either.
    if (task->upstream_id == NULL || upstream_id == NULL ||
        strcmp(task->upstream_id, upstream_id) == 0)
        callbacks_note(request->api->callbacks, task->id, upstream_id);
    task_free(task);
    buf_str(&json, "{}");
    request_answer(request, 200, &json);
    buf_clear(&json);
}

void callback_take(struct request *request)
{
    char id[ID_SIZE];
    struct err unknown;

    if (!callbacks_check(request->api->callbacks, request->id, id)) {
        err_set(&unknown, ERR_NOT_FOUND, "there is no such path");
        request_refuse(request, &unknown);
    } else if (request_read_body(request)) {
        request->op = tasks_get(request->api->store, id, NULL, on_task, request);
    }
}
