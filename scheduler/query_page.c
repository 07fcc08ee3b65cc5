// A family's tasks page by page, as OpenAI's API has lists: ?limit=&after=&order=.
//
// The key's index has the tasks of all families: it is read until there are enough of this one's.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/store/tasks.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/query_shown.h"
#include "scheduler/request.h"

enum { DEFAULT_LIMIT = 20, READ_AT_ONCE = 100, MAX_READS = 50 };

struct page {
    int limit, found, reads;
    bool is_oldest_first, has_more;
    char first[ID_SIZE], last[ID_SIZE]; // shown
    char read[ID_SIZE];                 // the last id that was read
    struct buf text;                    // the tasks that are shown
};

static void page_clear(void *kept)
{
    struct page *page = kept;

    buf_clear(&page->text);
}

static void add_id(struct buf *json, const char *name, const char *id)
{
    buf_fmt(json, ",\"%s\":", name);
    if (*id == '\0')
        buf_str(json, "null");
    else
        buf_json_str(json, id);
}

static void page_finish(struct request *request)
{
    const struct page *page = request->kept;
    struct buf json = {0};

    buf_fmt(&json, "{\"object\":\"list\",\"data\":[%s]", buf_text(&page->text));
    add_id(&json, "first_id", page->first);
    add_id(&json, "last_id", page->last);
    buf_fmt(&json, ",\"has_more\":%s}", page->has_more ? "true" : "false");
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void page_read_on(struct request *request);

static void page_add(struct request *request, struct task *task)
{
    struct page *page = request->kept;
    request_show(request, task);
    if (query_shown_by(request, task) == NULL)
        return;
    if (page->found == page->limit) {
        page->has_more = true;
        return;
    }
    if (page->found++ == 0)
        snprintf(page->first, sizeof page->first, "%s", task->id);
    else
        buf_char(&page->text, ',');
    snprintf(page->last, sizeof page->last, "%s", task->id);
    query_show(request, task, &page->text);
}

static void page_on_tasks(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct request *request = ctx;
    struct page *page = request->kept;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    for (size_t i = 0; i < count; i++) {
        if (tasks[i] != NULL && !page->has_more)
            page_add(request, tasks[i]);
        task_free(tasks[i]);
    }
    if (page->has_more || count < READ_AT_ONCE)
        page_finish(request);
    else
        page_read_on(request);
}

static void page_on_ids(void *ctx, const char *const *ids, size_t count, const struct err *err)
{
    struct request *request = ctx;
    struct page *page = request->kept;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    if (count == 0) {
        page_finish(request);
        return;
    }
    snprintf(page->read, sizeof page->read, "%s", ids[count - 1]);
    request_await(
        request, AWAIT_TASKS,
        tasks_get_many(request->front->store, ids, count, request->owner, page_on_tasks, request));
}

static void page_read_on(struct request *request)
{
    struct page *page = request->kept;

    if (page->reads++ == MAX_READS) {
        // The family's tasks are that rare: the client may go on from here.
        page->has_more = true;
        snprintf(page->last, sizeof page->last, "%s", page->read);
        page_finish(request);
        return;
    }
    request_await(request, AWAIT_TASKS,
                  tasks_list(request->front->store, request->owner,
                             *page->read == '\0' ? NULL : page->read, READ_AT_ONCE,
                             page->is_oldest_first, page_on_ids, request));
}

static const char *query_word(struct request *request, const char *name)
{
    const char *text = http_exchange_query(request->exchange, name);

    return text == NULL ? "" : text;
}

// The form of the query has been checked.
void query_page(struct request *request)
{
    struct page *page = request_keep(request, sizeof *page, page_clear);
    const char *limit = query_word(request, "limit");

    page->limit = *limit == '\0' ? DEFAULT_LIMIT : (int)strtol(limit, NULL, 10);
    page->is_oldest_first = strcmp(query_word(request, "order"), "asc") == 0;
    snprintf(page->read, sizeof page->read, "%s", query_word(request, "after"));
    page_read_on(request);
}
