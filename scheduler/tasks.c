// /v1/tasks: our own surface, over all families.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/loop/loop.h"
#include "core/storage/storage.h"
#include "core/store/accounts.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/provider.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/news.h"
#include "scheduler/query_shown.h"
#include "scheduler/realtime.h"
#include "scheduler/request.h"
#include "scheduler/routes.h"
#include "scheduler/task_json.h"
#include "scheduler/waiting.h"

enum { DEFAULT_LIMIT = 20, PAGE = 100, MAX_PAGES = 50 };

// One task, while something else is asked about it.
struct one {
    struct task *task;  // ours
    const char *cancel; // the outcome of a cancel
};

static void one_clear(void *kept)
{
    struct one *one = kept;

    task_free(one->task);
}

// Takes the task.
static struct one *one_keep(struct request *request, struct task *task)
{
    struct one *one = request_keep(request, sizeof *one, one_clear);

    one->task = task;
    return one;
}

static void answer_task(struct request *request, struct task *task, const char *cancel)
{
    struct buf json = {0};

    request_show(request, task);
    task_json_write(task, cancel, request->is_operator, &json);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static bool is_task_hidden(struct request *request, struct task *task, const struct err *err)
{
    if (err != NULL) {
        request_refuse(request, err);
        return true;
    }
    if (!task->is_ask)
        return false;
    task_free(task);
    request_refuse_with(request, ERR_NOT_FOUND, "no such task");
    return true;
}

// A number of the query, whose form has been checked.
static int query_number(struct request *request, const char *name, int otherwise)
{
    const char *text = http_exchange_query(request->exchange, name);

    return text == NULL || *text == '\0' ? otherwise : (int)strtol(text, NULL, 10);
}

// One task, and ?wait=.

static void on_states(void *ctx, const struct account_state *states, bool is_worker_there,
                      const struct err *err)
{
    struct request *request = ctx;
    struct one *one = request->kept;

    request_forget(request, AWAIT_STORE);
    if (err == NULL) {
        waiting_keep(request->front->waiting, states, is_worker_there);
        waiting_show(request->front->waiting, one->task);
    }
    answer_task(request, one->task, NULL);
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_TASKS);
    if (is_task_hidden(request, task, err))
        return;
    one_keep(request, task);
    if (waiting_is_open(task)) // what it waits for isn't in its record
        request_await(request, AWAIT_STORE,
                      accounts_read(request->front->store, on_states, request));
    else
        answer_task(request, task, NULL);
}

static void show_task_now(struct request *request)
{
    request_get_task(request, on_task);
}

// Answers with the task as it is, instead of waiting on.
static void stop_waiting(struct request *request)
{
    request_cancel(request, AWAIT_TIMER);
    request_cancel(request, AWAIT_TASKS); // Redis may not have answered yet
    request_cancel(request, AWAIT_WATCHER);
    request_cancel(request, AWAIT_PLACE);
    show_task_now(request);
}

static void on_wait_over(void *ctx)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_TIMER);
    stop_waiting(request);
}

static void on_change(void *ctx, const struct news *news, size_t count)
{
    struct request *request = ctx;
    struct buf json = {0};

    news_write(&news[count - 1], request->is_operator, &json);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void wait_for_change(struct request *request)
{
    struct watcher_options options = {
        .owner = request_scope(request), .on_news = on_change, .ctx = request};
    struct watcher *watcher = watcher_new(request->front->realtime, &options);

    request_watch(request, watcher, stop_waiting);
    watcher_add(watcher, request->id, request->seen_version);
}

static void on_task_to_wait_for(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_TASKS);
    if (is_task_hidden(request, task, err))
        return;
    if (task_is_terminal(task->phase)) {
        answer_task(request, task, NULL);
    } else {
        request->seen_version = task->version;
        request_seek_place(request, wait_for_change);
    }
    task_free(task);
}

void tasks_show(struct request *request)
{
    int wait_s = query_number(request, "wait", 0);

    if (wait_s == 0) {
        show_task_now(request);
        return;
    }
    request_await(request, AWAIT_TIMER,
                  loop_after(request->front->loop, (int64_t)wait_s * 1000, on_wait_over, request));
    request_get_task(request, on_task_to_wait_for);
}

// The list: the key's index is read page by page until there are enough that match.

struct list {
    char status[16], provider[32];
    char owner[65], account[65]; // filters that only an operator may use
    bool is_of_all;
    int64_t since_ms; // 0: since ever
    int limit, pages;
    int found;
    bool has_more;
    char last[ID_SIZE], next[ID_SIZE]; // the last id read; the last id shown
    struct buf text;                   // the tasks that are shown
};

static void list_clear(void *kept)
{
    struct list *list = kept;

    buf_clear(&list->text);
}

static void list_next_page(struct request *request);

static void list_finish(struct request *request)
{
    struct list *list = request->kept;
    struct buf json = {0};

    buf_fmt(&json,
            "{\"object\":\"list\",\"data\":[%s],\"has_more\":%s,\"next\":", buf_text(&list->text),
            list->has_more ? "true" : "false");
    if (list->has_more)
        buf_json_str(&json, list->next);
    else
        buf_str(&json, "null");
    buf_char(&json, '}');
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static bool list_matches(const struct list *list, const struct task *task)
{
    return (*list->status == '\0' || strcmp(list->status, task_status(task->phase)) == 0) &&
           (*list->provider == '\0' || strcmp(list->provider, task->provider) == 0) &&
           (*list->account == '\0' ||
            (task->account != NULL && strcmp(list->account, task->account) == 0));
}

static void on_listed(void *ctx, struct task **tasks, size_t count, const struct err *err)
{
    struct request *request = ctx;
    struct list *list = request->kept;
    bool is_over = false;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    for (size_t i = 0; i < count; i++) {
        struct task *task = tasks[i];

        if (task == NULL)
            continue;
        if (task->created_ms < list->since_ms) {
            is_over = true; // all that follow are older
        } else if (!list_matches(list, task)) {
            // passed over
        } else if (list->found == list->limit) {
            list->has_more = true;
        } else {
            task->links = &request->front->config->links;
            waiting_show(request->front->waiting, task);
            if (list->found++ > 0)
                buf_char(&list->text, ',');
            task_json_write(task, NULL, request->is_operator, &list->text);
            snprintf(list->next, sizeof list->next, "%s", task->id);
        }
        task_free(task);
    }
    if (list->has_more || is_over || count < PAGE)
        list_finish(request);
    else
        list_next_page(request);
}

static void on_ids(void *ctx, const char *const *ids, size_t count, const struct err *err)
{
    struct request *request = ctx;
    struct list *list = request->kept;

    request_forget(request, AWAIT_TASKS);
    if (err != NULL) {
        request_refuse(request, err);
    } else if (count == 0) {
        list_finish(request);
    } else {
        snprintf(list->last, sizeof list->last, "%s", ids[count - 1]);
        request_await(request, AWAIT_TASKS,
                      tasks_get_many(request->front->store, ids, count, request_scope(request),
                                     on_listed, request));
    }
}

static void list_next_page(struct request *request)
{
    struct list *list = request->kept;

    if (++list->pages > MAX_PAGES) {
        // The tasks that match are that rare: the client may go on from here.
        list->has_more = true;
        snprintf(list->next, sizeof list->next, "%s", list->last);
        list_finish(request);
        return;
    }
    request_await(request, AWAIT_TASKS,
                  tasks_list(request->front->store, list->is_of_all ? NULL : list->owner,
                             *list->last == '\0' ? NULL : list->last, PAGE, false, on_ids,
                             request));
}

static void on_states_for_list(void *ctx, const struct account_state *states, bool is_worker_there,
                               const struct err *err)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_STORE);
    if (err == NULL)
        waiting_keep(request->front->waiting, states, is_worker_there);
    list_next_page(request);
}

// A parameter of the query; an empty one counts as absent.
static const char *query_filter(struct request *request, const char *name)
{
    const char *text = http_exchange_query(request->exchange, name);

    return text == NULL || *text == '\0' ? NULL : text;
}

static void copy_filter(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text == NULL ? "" : text);
}

// The form of the query has been checked.
void tasks_index(struct request *request)
{
    const char *provider = query_filter(request, "provider");
    // These two are ignored for other keys, which have their own tasks only, and don't know the
    // accounts.
    const char *key = request->is_operator ? query_filter(request, "key") : NULL;
    const char *account = request->is_operator ? query_filter(request, "account") : NULL;
    const char *since = query_filter(request, "since");
    struct list *list;

    if (provider != NULL && provider_find(provider) == NULL) {
        request_refuse_with(request, ERR_INVALID, "provider: there is no such provider");
        return;
    }
    list = request_keep(request, sizeof *list, list_clear);
    list->limit = query_number(request, "limit", DEFAULT_LIMIT);
    copy_filter(list->status, sizeof list->status, query_filter(request, "status"));
    copy_filter(list->provider, sizeof list->provider, provider);
    copy_filter(list->last, sizeof list->last, query_filter(request, "after"));
    copy_filter(list->account, sizeof list->account, account);
    copy_filter(list->owner, sizeof list->owner, key == NULL ? request->owner : key);
    list->since_ms = since == NULL ? 0 : strtoll(since, NULL, 10);
    list->is_of_all = request->is_operator && key == NULL;
    request_await(request, AWAIT_STORE,
                  accounts_read(request->front->store, on_states_for_list, request));
}

// Cancel.

// A family's path is about the family's tasks.
static bool is_elsewhere(struct request *request, struct task *task)
{
    if (request->served->route == NULL || query_shown_by(request, task) != NULL)
        return false;
    task_free(task);
    request_refuse_with(request, ERR_NOT_FOUND, "no such task");
    return true;
}

static const char *const cancel_words[] = {
    [CANCEL_BEFORE_SUBMIT] = "before_submit",
    [CANCEL_REQUESTED] = "requested",
    [CANCEL_NOT_SUPPORTED] = "not_supported_may_be_billed",
};

static void answer_as_family(struct request *request, struct task *task)
{
    struct buf json = {0};

    request_show(request, task);
    query_show(request, task, &json);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void on_cancelled_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const struct one *one = request->kept;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    if (request->served->route == NULL)
        answer_task(request, task, one->cancel);
    else
        answer_as_family(request, task);
    task_free(task);
}

static void on_cancelled(void *ctx, enum cancel_result result, const struct err *err)
{
    struct request *request = ctx;
    struct one *one = request->kept;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    one->cancel = cancel_words[result];
    if (result == CANCEL_BEFORE_SUBMIT && one->task->is_request_stored) {
        struct buf key = {0};

        task_input_key(one->task, &key);
        storage_delete(request->front->storage, key.data);
        buf_clear(&key);
    }
    request_get_task(request, on_cancelled_task);
}

static void on_task_to_cancel(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const struct account *account;

    request_forget(request, AWAIT_TASKS);
    if (is_task_hidden(request, task, err) || is_elsewhere(request, task))
        return;
    account = config_account(request->front->config, task->account);
    request_await(
        request, AWAIT_TASKS,
        tasks_cancel(
            request->front->store, task->id, request_scope(request), provider_can_cancel(account),
            account == NULL ? 3600000 : 2 * task_timeout_ms(task, account->task_timeout_ms),
            on_cancelled, request));
    one_keep(request, task);
}

void tasks_cancel_one(struct request *request)
{
    request_get_task(request, on_task_to_cancel);
}

// The timeline.

static void on_timeline(void *ctx, const char *const *lines, size_t count, const struct err *err)
{
    struct request *request = ctx;
    const struct one *one = request->kept;
    struct buf json = {0};

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    buf_fmt(&json,
            "{\"object\":\"list\",\"data\":[{\"at\":%lld,\"event\":\"accepted\","
            "\"detail\":\"\"}",
            (long long)one->task->created_ms);
    for (size_t i = 0; i < count; i++) {
        char *detail;
        long long at = strtoll(lines[i], &detail, 10);
        size_t word_len;

        detail += *detail == ' ';
        word_len = strcspn(detail, " ");
        buf_fmt(&json, ",{\"at\":%lld,\"event\":\"%.*s\",\"detail\":", at, (int)word_len, detail);
        buf_json_str(&json, detail[word_len] == '\0' ? "" : detail + word_len + 1);
        buf_char(&json, '}');
    }
    buf_str(&json, "]}");
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void on_task_for_timeline(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_TASKS);
    if (is_task_hidden(request, task, err))
        return;
    one_keep(request, task);
    request_await(request, AWAIT_TASKS,
                  tasks_timeline(request->front->store, task->id, on_timeline, request));
}

void tasks_show_timeline(struct request *request)
{
    request_get_task(request, on_task_for_timeline);
}
