// In whose words a family's path shows a task.
#include "scheduler/query_shown.h"

#include <stddef.h>
#include <string.h>

#include "core/task/task.h"
#include "providers/family.h"
#include "scheduler/request.h"
#include "scheduler/routes.h"

const struct family *query_shown_by(const struct request *request, const struct task *task)
{
    const struct family *own = family_find(task->family);

    if (own == NULL || task->is_ask)
        return NULL;
    for (const struct route *route = own->routes; route->method != NULL; route++)
        if (strcmp(route->path, request->served->route->path) == 0)
            return own;
    return request->family->kin != NULL && strcmp(request->family->kin, own->name) == 0
               ? request->family
               : NULL;
}

bool query_show(const struct request *request, const struct task *task, struct buf *json)
{
    const struct family *family = query_shown_by(request, task);
    const struct route *route = request->served->route;

    if (family == NULL)
        return false;
    if (family == request->family && route->render != NULL)
        route->render(task, json);
    else
        family->render(task, json);
    return true;
}
