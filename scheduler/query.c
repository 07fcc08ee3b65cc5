// Queries in the families' words: one task, many, and questions that are answered when they end.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/field_list.h"
#include "core/json/json_write.h"
#include "core/loop/loop.h"
#include "core/message/multipart.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/family.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/query_shown.h"
#include "scheduler/realtime.h"
#include "scheduler/request.h"
#include "scheduler/routes.h"

enum { ANSWER_MS = 30000, PAGE = 100, MAX_ANSWER = 256 << 20 };
enum { TURN_US = 1000 }; // for so long a list without ids keeps the loop

// One task.

// Some paths name the task behind them: the parameter that does, and the id. NULL: there is none.
static const char *query_id_of(const struct request *request, const char **id)
{
    const struct field_rule *rule = request->served->route->query;

    for (; rule != NULL && rule->path != NULL; rule++) {
        *id = http_exchange_query(request->exchange, rule->path);
        if (*id != NULL && **id != '\0')
            return rule->path;
    }
    return NULL;
}

static void refuse_unknown(struct request *request)
{
    const char *id, *name = query_id_of(request, &id);
    struct err unknown;

    err_set(&unknown, ERR_NOT_FOUND, "%s%sno such task", name == NULL ? "" : name,
            name == NULL ? "" : ": ");
    request_refuse(request, &unknown);
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    struct buf json = {0};

    if (err != NULL && err->code == ERR_NOT_FOUND) {
        request_forget(request, AWAIT_TASKS);
        refuse_unknown(request);
        return;
    }
    if (!request_got(request, AWAIT_TASKS, err))
        return;
    request_show(request, task);
    if (query_show(request, task, &json))
        request_answer(request, 200, &json);
    else
        refuse_unknown(request);
    buf_clear(&json);
    task_free(task);
}

static bool read_query_id(struct request *request)
{
    const char *id;
    struct err err;

    if (query_id_of(request, &id) != NULL) {
        // A longer id is cut off, and as unknown as any other that isn't there.
        snprintf(request->id, PATTERN_NAME_SIZE, "%s", id);
        return true;
    }
    err_set(&err, ERR_INVALID, "%s: is required",
            request->served->route->query == NULL ? "id" : request->served->route->query->path);
    request_refuse(request, &err);
    return false;
}

void query_fetch(struct request *request)
{
    if (*request->id == '\0' && !read_query_id(request))
        return;
    request_get_task(request, on_task);
}

// Many tasks are read page by page, so it doesn't matter how many. Only a page and the answer are
// held.

struct list {
    struct field_list ids;
    char *text;        // the text that they are in; NULL: the body
    json_t *page;      // those that are read
    struct buf answer; // so far
};

static void list_clear(void *kept)
{
    struct list *list = kept;

    free(list->text);
    json_decref(list->page);
    buf_clear(&list->answer);
}

static void list_next_page(struct request *request);

static void on_pause(void *ctx)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_TIMER);
    list_next_page(request);
}

static void list_finish(struct request *request)
{
    struct list *list = request->kept;
    struct buf json = list->answer;

    list->answer = (struct buf){0};
    if (json.len == 0)
        request->family->render_list(NULL, NULL, 0, &json);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void on_tasks(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct request *request = ctx;
    struct list *list = request->kept;
    const char *asked[PAGE];
    struct err why;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    for (size_t i = 0; i < count; i++) {
        asked[i] = json_string_value(json_array_get(list->page, i));
        if (tasks[i] == NULL)
            continue;
        request_show(request, tasks[i]);
        if (query_shown_by(request, tasks[i]) == NULL)
            task_drop(&tasks[i]);
    }
    request->family->render_list(tasks, asked, count, &list->answer);
    for (size_t i = 0; i < count; i++)
        task_free(tasks[i]);
    if (list->answer.len <= MAX_ANSWER) {
        list_next_page(request);
        return;
    }
    err_set(&why, ERR_TOO_LARGE, "ids: the answer would be larger than %d MB", MAX_ANSWER >> 20);
    request_refuse(request, &why);
}

static bool read_id(const struct family *family, const json_t *item, char id[ID_SIZE])
{
    const char *text = json_string_value(item);

    if (text == NULL)
        return false;
    if (family->read_id != NULL)
        return family->read_id(text, id);
    snprintf(id, ID_SIZE, "%s", text);
    return id_is_task(text);
}

// Keeps those of the items that name a task: what doesn't mustn't disturb the others.
static size_t keep_page(struct request *request, const json_t *items, char ids[PAGE][ID_SIZE])
{
    struct list *list = request->kept;
    size_t count = 0, i;
    json_t *item;

    json_decref(list->page);
    list->page = json_array();
    json_array_foreach((json_t *)items, i, item)
    {
        if (!read_id(request->family, item, ids[count]))
            continue;
        json_array_append(list->page, item);
        count++;
    }
    return count;
}

// Keeps the next page's ids, and says how many; over: `is_end`. False: it is no JSON, and refused.
static bool list_read_page(struct request *request, char ids[PAGE][ID_SIZE], size_t *count,
                           bool *is_end)
{
    struct list *list = request->kept;
    const char *text = list->text;
    struct err err;
    json_t *items;
    size_t len;

    if (text == NULL)
        text = http_exchange_body(request->exchange, &len); // the body may have moved
    items = field_list_next(&list->ids, text, PAGE, &err);
    if (items == NULL) {
        request_refuse(request, &err);
        return false;
    }
    *count = keep_page(request, items, ids);
    *is_end = json_array_size(items) == 0;
    json_decref(items);
    return true;
}

static void list_next_page(struct request *request)
{
    int64_t began_us = clock_mono_us();
    char ids[PAGE][ID_SIZE];
    const char *wanted[PAGE];
    size_t count;
    bool is_end;

    do {
        if (!list_read_page(request, ids, &count, &is_end))
            return;
    } while (count == 0 && !is_end && clock_mono_us() - began_us < TURN_US);
    for (size_t i = 0; i < count; i++)
        wanted[i] = ids[i];
    if (is_end)
        list_finish(request);
    else if (count == 0)
        request_await(request, AWAIT_TIMER, loop_after(request->front->loop, 0, on_pause, request));
    else
        request_await(request, AWAIT_TASKS,
                      tasks_get_many(request->front->store, wanted, count, request->owner, on_tasks,
                                     request));
}

// Ids that have been parsed already, as those of a form: they become text again, like those of a
// body.
static void list_take(struct list *list, const json_t *ids)
{
    json_t *body = json_pack("{s:O}", "ids", ids);
    struct buf rest = {0};

    list->text = json_write_text(body);
    list->ids = (struct field_list){0};
    field_list_open(&list->ids, list->text, strlen(list->text), "ids", &rest);
    buf_clear(&rest);
    json_decref(body);
}

// The body without its ids, which stay where they are.
static bool read_rest(struct request *request, struct list *list)
{
    struct buf rest = {0};
    struct err err;
    size_t len;
    const char *text = http_exchange_body(request->exchange, &len);

    if (multipart_is_form(http_exchange_header(request->exchange, "content-type")))
        return request_read_body(request);
    field_list_open(&list->ids, text, len, "ids", &rest);
    request->body = field_parse_body(buf_text(&rest), rest.len, &err);
    buf_clear(&rest);
    if (request->body != NULL)
        return true;
    request_refuse(request, &err);
    return false;
}

// "/.../a,b"
static void list_take_path(struct request *request, struct list *list)
{
    const char *path = http_exchange_path(request->exchange);
    json_t *ids = json_array();

    for (path = strrchr(path, '/'); path != NULL && *path != '\0'; path += strcspn(path, ",")) {
        size_t len = strcspn(++path, ",");

        json_array_append_new(ids, json_stringn(path, len));
    }
    list_take(list, ids);
    json_decref(ids);
}

void query_list(struct request *request)
{
    struct list *list = request_keep(request, sizeof *list, list_clear);
    const json_t *ids = NULL;
    struct err err;

    if (request->served->method == HTTP_GET_) {
        list_take_path(request, list);
        list_next_page(request);
        return;
    }
    if (!read_rest(request, list))
        return;
    if (!request->family->list_ids(request->body, &ids, &err)) {
        request_refuse(request, &err);
        return;
    }
    if (json_array_size(ids) > 0)
        list_take(list, ids);
    list_next_page(request);
}

// Questions.

static void answer_question(struct request *request, const struct task *task)
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
            answer_question(request, news[i].task);
            return;
        }
    }
}

static void on_timeout(void *ctx)
{
    struct request *request = ctx;
    struct err err;

    request_forget(request, AWAIT_TIMER);
    err_set(&err, ERR_TIMEOUT, "the vendor hasn't answered yet, ask again");
    request_refuse(request, &err);
}

void query_answer(struct request *request, const char *id)
{
    struct watcher_options options = {
        .owner = request_scope(request), .on_news = on_news, .ctx = request};
    struct watcher *watcher;

    request_forget_body(request);
    request_await(request, AWAIT_TIMER,
                  loop_after(request->front->loop, ANSWER_MS, on_timeout, request));
    watcher = watcher_new(request->front->realtime, &options);
    request_watch(request, watcher, NULL);
    watcher_add(watcher, id, 0);
}
