// Submits: a family makes a task of the body, a provider looks at it, the store takes it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/message/media_link.h"
#include "core/message/trace.h"
#include "core/storage/storage.h"
#include "core/store/accounts.h"
#include "core/store/lane.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/asked.h"
#include "providers/family.h"
#include "providers/picture.h"
#include "providers/provider.h"
#include "scheduler/again.h"
#include "scheduler/form_load.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"
#include "scheduler/routes.h"
#include "scheduler/waiting.h"

enum { LARGE_REQUEST = 65536, LONGEST_TEXT = 20000, ANSWER_ROOM = 255 };

// What is made of a request for a submit.
struct submission {
    struct task *task; // ours
    char *once;        // the word for what is asked of the parent, if asking the same again means
                       // the same task
    bool is_unified;   // the request is in the form that all video providers share
    bool has_looked;   // the accounts were read for this submit
    struct again again;
};

static void submission_clear(void *kept)
{
    struct submission *submission = kept;

    task_free(submission->task);
    free(submission->once);
}

// The request's task, once it is made.
static struct task *task_of(const struct request *request)
{
    const struct submission *submission = request->kept;

    return submission->task;
}

static void forget_stored(struct request *request)
{
    struct buf key = {0};

    task_input_key(task_of(request), &key);
    storage_delete(request->front->storage, key.data);
    buf_clear(&key);
}

static void on_submitted(void *ctx, enum submit_result result, const char *id, int64_t waiting,
                         const struct err *err)
{
    struct request *request = ctx;
    struct task *task = task_of(request);
    struct buf json = {0};

    request_forget(request, AWAIT_TASKS);
    // Once there may be a task, it could be paid for twice. What it comes to may say otherwise.
    if (err == NULL ? request->served->route->kind != ROUTE_RESULT : err->code == ERR_UNAVAILABLE)
        request_end_retries(request);
    // No task will ask for the stored request. Where Redis didn't answer, one may: then it goes
    // with the retention.
    if (task->is_request_stored &&
        (err == NULL ? result != SUBMIT_ACCEPTED : err->code != ERR_UNAVAILABLE))
        forget_stored(request);
    if (err == NULL ? result == SUBMIT_ACCEPTED : err->code == ERR_UNAVAILABLE)
        form_files_keep(&request->files);
    if (err != NULL) {
        request_refuse(request, err);
        return;
    }
    if (result == SUBMIT_ACCEPTED) {
        metric_add(METRIC_tasks_accepted_total, 1);
        log_info("task.accepted", "task=%s request=%s key=%s provider=%s action=%s", id,
                 http_exchange_request_id(request->exchange), request->owner, task->provider,
                 task->action);
    } else if (result == SUBMIT_REPLAYED) {
        request_add_header(request, "Idempotent-Replayed", "true");
    }
    if (request->served->route->kind == ROUTE_ASK) {
        query_answer(request, id);
        return;
    }
    if (request->served->route->kind == ROUTE_RESULT) {
        result_answer(request, task, id);
        return;
    }
    if (strcmp(task->id, id) != 0) { // the client gets an earlier task
        snprintf(task->id, sizeof task->id, "%s", id);
        task->created_ms = id_task_time_ms(id);
    }
    task->links = &request->front->config->links;
    buf_reserve(&json, ANSWER_ROOM);
    request->family->accepted(task, waiting, result == SUBMIT_REPEATED, &json);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

// Where the family leaves the provider open, the model decides: first by an account that lists the
// model, then by the beginning of its name.
static bool choose_provider(const struct config *config, enum provider_media media,
                            struct task *task, struct err *err)
{
    static const char *const words[] = {
        [MEDIA_VIDEO] = "videos", [MEDIA_IMAGE] = "images", [MEDIA_SPEECH] = "speech"};
    unsigned known = provider_media_of(task->model);
    const struct provider *provider;

    if (known != 0 && (known & 1u << media) == 0)
        return err_set(err, ERR_INVALID, "model: %.60s doesn't make %s", task->model, words[media]);
    for (size_t i = 0; i < config->account_count && task->provider == NULL; i++) {
        provider = config->accounts[i].provider;
        if (provider->prefixes[media] != NULL &&
            account_model(&config->accounts[i], task->model) != NULL)
            mem_set_str(&task->provider, provider->name);
    }
    for (size_t i = 0; task->provider == NULL && (provider = provider_at(i)) != NULL; i++)
        if (provider_has_prefix(provider, media, task->model))
            mem_set_str(&task->provider, provider->name);
    return task->provider != NULL ||
           err_set(err, ERR_MODEL, "model %s: no account serves it", task->model);
}

// Whether one of the accounts that may get the task has us fetch its links. The vendors of the
// others open the links themselves.
static bool is_fetched(const struct config *config, const struct task *task)
{
    bool is = false;

    for (size_t i = 0; i < config->account_count && !is; i++) {
        const struct account *account = &config->accounts[i];
        char *url = account->dialect->input_at != NULL && waiting_may_take(account, task)
                        ? account->dialect->input_at(task, 0)
                        : NULL;

        is = url != NULL;
        free(url);
    }
    return is;
}

// A link of the request that an account of whichever dialect of its provider has us fetch.
static char *link_at(const struct task *task, size_t index)
{
    const struct dialect *const *dialects = provider_find(task->provider)->dialects;

    for (; *dialects != NULL; dialects++)
        if ((*dialects)->input_at != NULL)
            return (*dialects)->input_at(task, index);
    return NULL;
}

// Says which field has the text: one of the body's own, else the place among the images.
static bool blame_text(const json_t *body, const char *text, size_t index, struct err *err)
{
    const char *name;
    json_t *value;

    err->code = ERR_INVALID; // reported like any other wrong field
    json_object_foreach((json_t *)body, name, value)
    {
        if (json_is_string(value) && strcmp(json_string_value(value), text) == 0)
            return err_wrap(err, "%.60s", name);
    }
    return err_wrap(err, "images.%zu", index);
}

// Links that we are to fetch for the vendor must lead to where we may go.
static bool check_inputs(struct request *request, struct err *err)
{
    const struct config *config = request->front->config;
    struct task *task = task_of(request);
    char *url;

    for (size_t i = 0; (url = link_at(task, i)) != NULL; i++) {
        bool ok = !is_fetched(config, task) || media_link_is_ours(&config->links, url) ||
                  url_check_reach(url, &config->clients_reach, err);

        task->has_inputs = true;
        if (!ok)
            blame_text(request->body, url, i, err);
        free(url);
        if (!ok)
            return false;
    }
    return true;
}

// A file in the request that its vendor takes as a link alone is one that it can open.
static bool check_files(struct request *request, struct err *err)
{
    struct task *task = task_of(request);
    const struct dialect *const *dialects = provider_find(task->provider)->dialects;
    const char *const *fields = NULL;
    json_t *body;
    bool ok = true;

    for (; fields == NULL && *dialects != NULL; dialects++)
        if ((*dialects)->linked_fields != NULL)
            fields = (*dialects)->linked_fields(task);
    body = fields == NULL ? NULL : json_read(task->request);
    for (size_t i = 0; ok && body != NULL && *(fields = field_next_base64(body, fields)) != NULL;
         i++) {
        const char *path = *fields++, *file = field_str_or_empty(body, path);

        task->has_inputs = true;
        ok = picture_type(file) != NULL;
        if (ok)
            continue;
        err_set(err, ERR_INVALID, "is no file that we know");
        if (strcmp(field_str_or_empty(request->body, path), file) == 0)
            err_wrap(err, "%s", path);
        else
            blame_text(request->body, file, i, err);
    }
    json_decref(body);
    return ok;
}

// Whether some account could do the task: one that serves its model and takes what it asks.
static bool choose_account(struct request *request, struct err *err)
{
    const struct config *config = request->front->config;
    const struct task *task = task_of(request);
    bool is_served = false, is_checked = false, is_in = false;
    struct err refusal;

    for (size_t i = 0; i < config->account_count; i++) {
        const struct account *account = &config->accounts[i];

        if (!waiting_may_take(account, task))
            continue;
        is_served = true;
        if (account->max_concurrency > 0 && task->cost > account->max_concurrency) {
            err_set(&refusal, ERR_INVALID, "n: more than an account may run at once (%d)",
                    account->max_concurrency);
            continue;
        }
        if (account->dialect->check != NULL && !account->dialect->check(task, account, &refusal))
            continue;
        is_checked = true;
        is_in = is_in || !waiting_has_out(request->front->waiting, account);
    }
    if (!is_served && task->account != NULL && config_account(config, task->account) == NULL)
        return err_set(err, ERR_CHANNEL, "the account of the parent task is no longer configured");
    if (!is_served)
        return err_set(err, ERR_MODEL, "%s%s%s: no account serves it", task->provider,
                       task->model == NULL ? "" : " model ",
                       task->model == NULL ? "" : task->model);
    if (!is_checked) {
        *err = refusal;
        return false;
    }
    if (!is_in && task->model != NULL)
        return err_set(err, ERR_CHANNEL,
                       "model %s is temporarily unavailable, please try again later", task->model);
    return is_in || err_set(err, ERR_CHANNEL, "every account for this is out of service");
}

static void submit_task(struct request *request)
{
    const struct submission *submission = request->kept;
    const struct again *again = &submission->again;
    const struct task *task = submission->task;
    struct submit submit = {.task = task,
                            .once = submission->once,
                            .is_listed = !task->is_ask,
                            .awaits_parent = task->await != NULL,
                            .idempotency = again->has_key ? &again->key : NULL,
                            .resend = again->is_noted ? &again->resend : NULL};
    char lane[LANE_NAME_SIZE];

    json_decref(request->body); // many may wait: it is all in the task by now
    request->body = NULL;
    lane_name(lane, sizeof lane, task->provider, task->model, task->account, task->cost > 0);
    submit.lane = lane;
    request_await(request, AWAIT_TASKS,
                  tasks_submit(request->front->store, &submit, on_submitted, request));
}

// Large requests: images in base64, as a rule. They are kept in storage; Redis has only what is
// shown of them.

// Puts `instead` in the place of strings that are longer than `most`.
static void slim_strings(json_t *value, size_t most, const char *instead)
{
    const char *name;
    json_t *item;
    size_t i;

    if (json_is_string(value) && json_string_length(value) > most)
        json_string_set(value, instead);
    json_object_foreach(value, name, item) slim_strings(item, most, instead);
    json_array_foreach(value, i, item) slim_strings(item, most, instead);
}

// Leaves in the task what is shown of its request, and returns the whole request.
static char *take_whole_request(struct task *task)
{
    char *whole = task->request;
    json_t *request = json_read(whole);

    task->request = NULL;
    for (size_t most = LONGEST_TEXT;
         task->request == NULL || (strlen(task->request) > LARGE_REQUEST && most > 0); most /= 16) {
        slim_strings(request, most, "");
        free(task->request);
        task->request = json_write_text(request);
    }
    json_decref(request);
    return whole;
}

static void on_put(void *ctx, const struct err *err)
{
    struct request *request = ctx;
    struct task *task = task_of(request);

    request_forget(request, AWAIT_STORAGE);
    if (err != NULL) {
        forget_stored(request); // the file may have arrived all the same
        log_error("input.store", "task=%s request=%s error=\"%s\"", task->id,
                  http_exchange_request_id(request->exchange), err->message);
        request_refuse_with(request, ERR_UNAVAILABLE, "the storage for inputs can't be reached");
        return;
    }
    request_forget_body(request);
    task->is_request_stored = task->has_inputs = true;
    submit_task(request);
}

// From here on the storage has the only copy, so we wait for it however long it takes.
static void put_request(struct request *request)
{
    struct task *task = task_of(request);
    char *whole = take_whole_request(task);
    struct buf key = {0}, data = {.data = whole, .len = strlen(whole), .cap = strlen(whole) + 1};

    task_input_key(task, &key);
    request_await(
        request, AWAIT_STORAGE,
        storage_put(request->front->storage, key.data, "application/json", &data, on_put, request));
    buf_clear(&key);
}

// Calls the field that is wrong by the client's name for it.
static void rename_field(const struct request *request, struct err *err)
{
    const struct family_alias *alias = request->family->aliases;
    struct err renamed;

    for (; alias != NULL && alias->field != NULL; alias++) {
        size_t len = strlen(alias->field);

        if (strncmp(err->message, alias->field, len) != 0 || err->message[len] != ':' ||
            !field_is_given(request->body, alias->alias))
            continue;
        err_set(&renamed, err->code, "%s%s", alias->alias, err->message + len);
        *err = renamed;
        return;
    }
}

// Puts the request into the form of the provider that the model has chosen.
static bool take_form(struct request *request, struct err *err)
{
    const struct submission *submission = request->kept;
    const struct provider *provider = provider_find(submission->task->provider);

    return !submission->is_unified || provider->from_unified == NULL ||
           provider->from_unified(submission->task, err);
}

static void refuse_task(struct request *request, struct err *err)
{
    rename_field(request, err);
    request_refuse(request, err);
}

static void look_again(struct request *request);

static void place_task(struct request *request)
{
    const struct submission *submission = request->kept;
    struct err err;

    if (!choose_account(request, &err)) {
        if (err.code == ERR_CHANNEL && !submission->has_looked)
            look_again(request);
        else
            refuse_task(request, &err);
    } else if (!check_inputs(request, &err) || !check_files(request, &err)) {
        refuse_task(request, &err);
    } else if (strlen(task_of(request)->request) > LARGE_REQUEST) {
        put_request(request);
    } else {
        submit_task(request);
    }
}

static void on_accounts(void *ctx, const struct account_state *states, bool is_worker_there,
                        const struct err *err)
{
    struct request *request = ctx;

    if (!request_got(request, AWAIT_STORE, err))
        return;
    waiting_keep(request->front->waiting, states, is_worker_there);
    place_task(request);
}

// No account is in, by what was read at some submit before: they may have been enabled since.
static void look_again(struct request *request)
{
    struct submission *submission = request->kept;

    submission->has_looked = true;
    request_await(request, AWAIT_STORE, accounts_read(request->front->store, on_accounts, request));
}

static void send_task(struct request *request)
{
    struct err err;

    if (take_form(request, &err))
        place_task(request);
    else
        refuse_task(request, &err);
}

static void on_parent(void *ctx, struct task *parent, const struct err *err)
{
    struct request *request = ctx;
    struct err why;

    request_forget(request, AWAIT_TASKS);
    if (err != NULL) {
        why = *err;
        if (err->code == ERR_NOT_FOUND)
            request->family->adopt(task_of(request), NULL, &why);
        request_refuse(request, &why);
        return;
    }
    if (request->family->adopt(task_of(request), parent, &why))
        send_task(request);
    else
        request_refuse(request, &why);
    task_free(parent);
}

// Got the task that made what the client names.
static void on_mark(void *ctx, const char *const *ids, size_t count, const struct err *err)
{
    struct request *request = ctx;
    struct err unknown;

    request_forget(request, AWAIT_TASKS);
    if (err == NULL && count == 0) {
        err_set(&unknown, ERR_NOT_FOUND, "no such task");
        err = &unknown;
    }
    if (err != NULL) {
        on_parent(request, NULL, err);
        return;
    }
    mem_set_str(&task_of(request)->parent, ids[0]);
    request_await(request, AWAIT_TASKS,
                  tasks_get(request->front->store, ids[0], request->owner, on_parent, request));
}

static bool check_hook(const struct request *request, struct err *err)
{
    const struct task *task = task_of(request);

    if (task->hook == NULL ||
        url_check_reach(task->hook, &request->front->config->clients_reach, err))
        return true;
    err->code = ERR_INVALID; // reported like any other wrong field
    return err_wrap(err, "%s",
                    field_is_given(request->body, "notifyHook") ? "notifyHook" : "callback_url");
}

// The request's text as the client sent it, in the memory that it came in: it may be large, and has
// been parsed into request->body.
static char *take_text(struct request *request)
{
    struct buf text = {0};

    request_take_body(request, &text);
    if (request->is_form) {
        buf_clear(&text);
        return json_write_text(request->body);
    }
    if (text.len == 0)
        buf_str(&text, "{}");
    return buf_take(&text);
}

static bool make_task(struct request *request, struct err *err)
{
    struct family_request family_request = {.route = request->served->route,
                                            .path_id = *request->id == '\0' ? NULL : request->id,
                                            .mode = request->served->mode,
                                            .body = request->body};
    struct submission *submission = request_keep(request, sizeof *submission, submission_clear);
    struct task *task = submission->task = task_new();
    const char *once = NULL;

    task->created_ms = store_now_ms(request->front->store);
    id_make_task(task->id, task->created_ms);
    task->trace =
        trace_keep(request_header(request, "traceparent"), request_header(request, "tracestate"));
    mem_set_str(&task->owner, request->owner);
    mem_set_str(&task->family, request->family->name);
    task->request = take_text(request);
    if (!again_check(request, err) || !request->family->accept(&family_request, task, &once, err) ||
        !check_hook(request, err))
        return false;
    task->asked_s = asked_seconds(request->body);
    // `once` may point into memory that goes with the task.
    submission->once = mem_str(once);
    request->family = family_find(task->family); // another family may share the path
    submission->is_unified = task->provider == NULL;
    return !submission->is_unified ||
           choose_provider(request->front->config, request->family->media, task, err);
}

static void find_parent(struct request *request)
{
    const struct task *task = task_of(request);

    if (task->mark != NULL)
        request_await(
            request, AWAIT_TASKS,
            tasks_find_mark(request->front->store, request->owner, task->mark, on_mark, request));
    else if (task->parent == NULL)
        send_task(request);
    else
        request_await(
            request, AWAIT_TASKS,
            tasks_get(request->front->store, task->parent, request->owner, on_parent, request));
}

// An Idempotency-Key is looked up first: the answer that was given once stands, whatever has become
// of the parent or the accounts since. Of two submits at the same time, the submit script itself
// finds the second.
static void on_replay(void *ctx, enum submit_result result, const char *id, int64_t waiting,
                      const struct err *err)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_TASKS);
    if (err != NULL || result == SUBMIT_REPLAYED)
        on_submitted(request, result, id, waiting, err);
    else
        find_parent(request);
}

void submit_ask(struct request *request)
{
    request_seek_place(request, submit_handle);
}

void submit_result(struct request *request)
{
    if (result_is_async(request))
        submit_handle(request);
    else
        request_seek_place(request, submit_handle);
}

// The body has been read.
static void take_body(struct request *request)
{
    struct submission *submission;
    struct err err;

    if (!make_task(request, &err)) {
        request_refuse(request, &err);
        return;
    }
    slim_strings(request->body, LONGEST_TEXT, "..."); // the body is only asked what was given
    submission = request->kept;
    if (again_note(request, submission->task, &submission->again))
        again_find(request, &submission->again, on_replay);
    else
        find_parent(request);
}

void submit_handle(struct request *request)
{
    waiting_look(request->front->waiting);
    if (strcmp(request->served->route->method, "POST") == 0) {
        request_load_body(request, take_body);
    } else {
        request->body = json_object();
        take_body(request);
    }
}
