// An operator takes up a task that has failed, though its job may have been paid for:
// {"do": "adopt", "upstream_id": "…"} | {"do": "archive"} | {"do": "resubmit"}.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/store/tasks.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"
#include "scheduler/routes.h"
#include "scheduler/task_json.h"

struct resolution {
    enum resolve_how how;
    char upstream_id[ROUTES_MAX_UPSTREAM_ID + 1]; // "": the task's own
};

// The result with the artifacts that were given up, or that there were none of, to be fetched
// again; artifacts that we have stay.
static char *result_to_fetch(const struct task *task)
{
    json_t *result = json_read(task->result);
    json_t *source;
    size_t i, missing = 0;
    char *text = NULL;

    json_array_foreach(json_object_get(result, "sources"), i, source)
    {
        if (json_object_size(json_object_get(source, "artifact")) > 0 &&
            json_object_get(source, "error") == NULL)
            continue;
        if (*field_str_or_empty(source, "url") == '\0')
            continue; // the vendor itself hasn't got it
        json_object_del(source, "artifact");
        json_object_del(source, "error");
        json_object_del(source, "refused_ms");
        missing++;
    }
    if (missing > 0)
        text = json_write_text(result);
    json_decref(result);
    return text;
}

static void on_resolved_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    struct buf json = {0};

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    task->links = &request->front->config->links;
    task_json_write(task, NULL, true, &json);
    request_answer(request, 200, &json);
    buf_clear(&json);
    task_free(task);
}

static void on_resolved(void *ctx, const struct err *err)
{
    struct request *request = ctx;

    if (request_got(request, AWAIT_STORE, err))
        request_get_task(request, on_resolved_task);
}

// Why the task can't be taken up so; NULL: it can.
static const char *obstacle(const struct config *config, const struct task *task,
                            const struct resolution *resolution, const char *result)
{
    if (task->phase != TASK_FAILED)
        return "only a task that has failed can be resolved";
    if (resolution->how == RESOLVE_ADOPT &&
        (task->account == NULL || config_account(config, task->account) == NULL))
        return "the task's account isn't configured";
    if (resolution->how == RESOLVE_ADOPT && *resolution->upstream_id == '\0' &&
        task->upstream_id == NULL)
        return "upstream_id: is required, for the vendor's id isn't known";
    if (resolution->how == RESOLVE_ARCHIVE && result == NULL)
        return "there is nothing to fetch again: adopt the vendor's job instead";
    if (resolution->how == RESOLVE_RESUBMIT && task->is_request_stored)
        return "the stored request is gone: submit it as a new task";
    return NULL;
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const struct resolution *resolution = request->kept;
    char *result = NULL;
    const char *why;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    if (resolution->how == RESOLVE_ARCHIVE)
        result = result_to_fetch(task);
    why = obstacle(request->front->config, task, resolution, result);
    if (why != NULL)
        request_refuse_with(request, ERR_CONFLICT, why);
    else
        request_await(request, AWAIT_STORE,
                      tasks_resolve(request->front->store, task, resolution->how,
                                    resolution->upstream_id, result, on_resolved, request));
    free(result);
    task_free(task);
}

static enum resolve_how how_of(const char *word)
{
    return strcmp(word, "adopt") == 0     ? RESOLVE_ADOPT
           : strcmp(word, "archive") == 0 ? RESOLVE_ARCHIVE
                                          : RESOLVE_RESUBMIT;
}

void operator_resolve(struct request *request)
{
    struct resolution *resolution;

    if (!request_read_body(request))
        return;
    resolution = request_keep(request, sizeof *resolution, NULL);
    resolution->how = how_of(field_str_or_empty(request->body, "do"));
    snprintf(resolution->upstream_id, sizeof resolution->upstream_id, "%s",
             field_str_or_empty(request->body, "upstream_id"));
    request_get_task(request, on_task);
}
