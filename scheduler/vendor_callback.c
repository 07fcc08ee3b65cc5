// POST /v1/callbacks/{id}: a vendor says that something has changed. Whoever knows the path may say
// so; what has changed is found out by asking the vendor.
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/json/json_lenient.h"
#include "core/store/callbacks.h"
#include "core/store/tasks.h"
#include "providers/provider.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

enum { MAX_LENIENT_BYTES = 1 << 20 }; // no callback is so large

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const struct account *account =
        err == NULL ? config_account(request->front->config, task->account) : NULL;
    const char *upstream_id = NULL;
    struct buf json = {0};
    struct err why;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    metric_add(METRIC_vendor_callbacks_total, 1);
    if (account != NULL && account->dialect->read_callback != NULL &&
        !account->dialect->read_callback(request->body, &upstream_id, &why))
        upstream_id = NULL;
    // A call about another job than ours is no hint either.
    if (task->upstream_id == NULL || upstream_id == NULL ||
        strcmp(task->upstream_id, upstream_id) == 0)
        callbacks_note(request->front->callbacks, task->id, upstream_id);
    task_free(task);
    buf_str(&json, "{}");
    request_answer(request, 200, &json);
    buf_clear(&json);
}

// A vendor's body may not be quite JSON, as its answers may not: the id in it may be all that is
// known of a job that was paid for.
static bool read_body(struct request *request)
{
    struct err err;
    size_t len;
    const char *text = http_exchange_body(request->exchange, &len);

    request->body = field_parse_body(text, len, &err);
    if (request->body == NULL && len <= MAX_LENIENT_BYTES)
        request->body = json_lenient_read(text, len);
    if (request->body != NULL)
        return true;
    request_refuse(request, &err);
    return false;
}

// Behind a path that we gave out, a body may be as large as a client's.
void callback_admit(struct request *request)
{
    char id[ID_SIZE];
    struct err unknown;

    if (callbacks_check(request->front->callbacks, request->id, id)) {
        snprintf(request->id, PATTERN_NAME_SIZE, "%s", id);
        request_admit(request, ".callbacks");
    } else {
        err_set(&unknown, ERR_NOT_FOUND, "there is no such path");
        request_refuse(request, &unknown);
    }
}

// A question is answered at once, whatever becomes of Redis meanwhile: who asks waits for seconds.
void callback_take(struct request *request)
{
    struct buf json = {0};

    if (!read_body(request))
        return;
    if (provider_answer_callback(request->body, &json))
        request_answer(request, 200, &json);
    else
        request_await(request, AWAIT_TASKS,
                      tasks_get(request->front->store, request->id, NULL, on_task, request));
    buf_clear(&json);
}
