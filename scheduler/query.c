// Queries in the families' words: one task, many, and questions that are answered when they end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/config.h"
#include "core/base/mem.h"
#include "core/io/http_server.h"
#include "core/io/loop.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/family.h"
#include "scheduler/api.h"
#include "scheduler/realtime.h"

enum { ANSWER_MS = 30000 };

void request_show(struct request *request, struct task *task)
{
    struct task_view now = {task->phase, task->version, task->progress, task->substate != NULL};

    task_show_as(task, &now);
    task->links = &request->api->config->links;
}

// The family that shows the task to this request: its own, where the path is its, too; else one
// with the same tasks. NULL: none.
static const struct family *shown_by(const struct request *request, const struct task *task)
{
    const struct family *own = family_find(task->family);

    if (own == NULL || task->is_ask)
        return NULL;
    for (const struct route *route = own->routes; route->method != NULL; route++)
        if (strcmp(route->path, request->route->path) == 0)
            return own;
    return request->family->kin != NULL && strcmp(request->family->kin, own->name) == 0
               ? request->family
               : NULL;
}

// One task.

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const struct family *family;
    struct buf json = {0};

    request->op = NULL;
    if (err != NULL) {
        request_refuse(request, err);
        return;
    }
    request_show(request, task);
    family = shown_by(request, task);
    if (family != NULL) {
        family->render(task, &json);
        request_answer(request, 200, &json);
    } else {
        struct err unknown;

        err_set(&unknown, ERR_NOT_FOUND, "no such task");
        request_refuse(request, &unknown);
    }
    buf_clear(&json);
    task_free(task);
}

// GET /v1/video/query names the task behind the path.
static bool read_query_id(struct request *request)
{
    const char *id = http_exchange_query(request->exchange, "id");
    struct err err;

    if (id == NULL || *id == '\0')
        id = http_exchange_query(request->exchange, "task_id");
    if (id != NULL && *id != '\0') {
        // A longer one is as unknown as any other that isn't there.
        snprintf(request->id, sizeof request->id, "%s", id);
        return true;
    }
    err_set(&err, ERR_INVALID, "id: is required");
    request_refuse(request, &err);
    return false;
}

void query_fetch(struct request *request)
{
    if (*request->id == '\0' && !read_query_id(request))
        return;
    request->op = tasks_get(request->api->store, request->id, request->owner, on_task, request);
}

// Many.

static void on_tasks(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct request *request = ctx;
    struct buf json = {0};

    request->op = NULL;
    if (err != NULL) {
        request_refuse(request, err);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] == NULL)
            continue;
        request_show(request, tasks[i]);
        if (shown_by(request, tasks[i]) == NULL)
            task_drop(&tasks[i]);
    }
    request->family->render_list(tasks, count, &json);
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

void query_list(struct request *request)
{
    const json_t *ids = NULL;
    const char **texts;
    struct err err;
    size_t count;

    if (!request_read_body(request))
        return;
    if (!request->family->list_ids(request->body, &ids, &err)) {
        request_refuse(request, &err);
        return;
    }
    count = json_array_size(ids);
    if (count == 0) {
        struct buf json = {0};

        request->family->render_list(NULL, 0, &json);
        request_answer(request, 200, &json);
        buf_clear(&json);
        return;
    }
    texts = mem_array(const char *, count);
    for (size_t i = 0; i < count; i++)
        texts[i] = json_string_value(json_array_get(ids, i));
    request->op =
        tasks_get_many(request->api->store, texts, count, request->owner, on_tasks, request);
    free(texts);
}

// Questions.

static void answer(struct request *request, const struct task *task)
{
    struct buf json = {0};
    int status = request->family->answer(task, &json);

    request_answer(request, status, &json);
    buf_clear(&json);
}

static void on_news(void *ctx, const struct news *news, size_t count)
{
    struct request *request = ctx;

    for (size_t i = 0; i < count; i++) {
        if (task_is_terminal(news[i].task->phase)) {
            answer(request, news[i].task);
            return;
        }
    }
}

static void on_timeout(void *ctx)
{
    struct request *request = ctx;
    struct err err;

    request->timer = NULL;
    err_set(&err, ERR_TIMEOUT, "the vendor hasn't answered yet, ask again");
    request_refuse(request, &err);
}

void query_answer(struct request *request, const char *id)
{
    struct watcher_options options = {.owner = request->owner, .on_news = on_news, .ctx = request};

    request->timer = loop_after(request->api->loop, ANSWER_MS, on_timeout, request);
    request->watcher = watcher_new(request->api->realtime, &options);
    watcher_add(request->watcher, id, 0);
}
