// GET /v1/tasks/{id}/request: what the task was made of, without its secrets.
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/json/json_write.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/provider.h"
#include "scheduler/handlers.h"
#include "scheduler/mask.h"
#include "scheduler/request.h"

// The path that such a request is posted to. NULL: none, for the request was put into the form of
// its provider, or its path names another task.
static const char *path_of(const struct task *task)
{
    const struct family *family = family_find(task->family);
    const struct provider *provider = provider_find(task->provider);

    if (family == NULL || (provider != NULL && provider->from_unified != NULL &&
                           strcmp(family->name, provider->name) != 0))
        return NULL;
    for (const struct route *route = family->routes; route->method != NULL; route++)
        if (route->kind == ROUTE_SUBMIT && route->action != NULL &&
            strcmp(route->action, task->action) == 0 && strchr(route->path, '{') == NULL)
            return route->path;
    return NULL;
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    struct buf json = {0};
    json_t *body;
    char *text;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    if (task->is_ask) { // nobody has asked for such a task
        task_free(task);
        request_refuse_with(request, ERR_NOT_FOUND, "no such task");
        return;
    }
    body = task->request == NULL ? NULL : json_loads(task->request, JSON_DISABLE_EOF_CHECK, NULL);
    mask_request(body);
    text = body == NULL ? NULL : json_write_text(body);
    buf_str(&json, "{\"object\":\"request\",\"family\":");
    buf_json_str(&json, task->family);
    buf_str(&json, ",\"path\":");
    if (path_of(task) == NULL)
        buf_str(&json, "null");
    else
        buf_json_str(&json, path_of(task));
    buf_fmt(&json, ",\"is_whole\":%s,\"body\":%s}", task->is_request_stored ? "false" : "true",
            text == NULL ? "null" : text);
    request_answer(request, 200, &json);
    buf_clear(&json);
    free(text);
    json_decref(body);
    task_free(task);
}

void tasks_show_request(struct request *request)
{
    request_get_task(request, on_task);
}
