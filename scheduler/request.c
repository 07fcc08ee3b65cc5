// One request under way.
#include "scheduler/request.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/base/text.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/loop/loop.h"
#include "core/message/multipart.h"
#include "core/storage/storage.h"
#include "core/store/deliveries.h"
#include "core/store/events.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/family.h"
#include "providers/family_common.h"
#include "scheduler/account_try.h"
#include "scheduler/form.h"
#include "scheduler/form_load.h"
#include "scheduler/front.h"
#include "scheduler/handover.h"
#include "scheduler/holds.h"
#include "scheduler/realtime.h"
#include "scheduler/routes.h"
#include "scheduler/vendor_keys.h"

enum {
    OTHER_BODY_BYTES = 64 * 1024, // for requests that need no body
    PLACE_LOOK_MS = 10,
    PLACE_LOOKS = 20, // until nobody is thought to be about to give a place back
};

// What it waits for.

static void cancel_tasks(void *handle)
{
    struct tasks_op *op = handle;

    tasks_op_cancel(&op);
}

static void cancel_call(void *handle)
{
    struct store_call *call = handle;

    store_cancel(&call);
}

static void cancel_log(void *handle)
{
    struct delivery_log *log = handle;

    delivery_log_cancel(&log);
}

static void cancel_events(void *handle)
{
    struct events_range *range = handle;

    events_range_cancel(&range);
}

static void cancel_storage(void *handle)
{
    struct storage_op *op = handle;

    storage_op_cancel(&op);
}

static void cancel_watcher(void *handle)
{
    struct watcher *watcher = handle;

    watcher_drop(&watcher);
}

static void cancel_try(void *handle)
{
    struct account_try *account_try = handle;

    account_try_cancel(&account_try);
}

static void cancel_keys(void *handle)
{
    struct keys_wait *wait = handle;

    keys_wait_cancel(&wait);
}

static void cancel_form(void *handle)
{
    struct form_load *load = handle;

    form_load_cancel(&load);
}

static void cancel_timer(void *handle)
{
    struct loop_timer *timer = handle;

    loop_cancel(&timer);
}

static const struct {
    void (*cancel)(void *handle);
    bool is_redis; // a wait for Redis, which would have answered by now if it were there
} awaits[AWAIT_COUNT] = {
    [AWAIT_TASKS] = {cancel_tasks, true},      [AWAIT_STORE] = {cancel_call, true},
    [AWAIT_EVENTS] = {cancel_events, true},    [AWAIT_LOG] = {cancel_log, true},
    [AWAIT_STORAGE] = {cancel_storage, false}, [AWAIT_WATCHER] = {cancel_watcher, false},
    [AWAIT_TIMER] = {cancel_timer, false},     [AWAIT_TRY] = {cancel_try, false},
    [AWAIT_KEYS] = {cancel_keys, false},       [AWAIT_FORM] = {cancel_form, false},
    [AWAIT_PLACE] = {cancel_timer, false},
};

const char *request_scope(const struct request *request)
{
    return request->is_operator ? NULL : request->owner;
}

void request_await(struct request *request, enum await what, void *handle)
{
    assert(request->awaited[what] == NULL);
    request->awaited[what] = handle;
}

void request_forget(struct request *request, enum await what)
{
    request->awaited[what] = NULL;
}

bool request_got(struct request *request, enum await what, const struct err *err)
{
    request_forget(request, what);
    if (err != NULL)
        request_refuse(request, err);
    return err == NULL;
}

void request_cancel(struct request *request, enum await what)
{
    if (request->awaited[what] != NULL)
        awaits[what].cancel(request->awaited[what]);
    request->awaited[what] = NULL;
}

void request_get_task(struct request *request, task_fn fn)
{
    const struct family *family = request->family;
    char id[ID_SIZE];
    bool is_renamed = family != NULL && family->read_id != NULL && family->read_id(request->id, id);

    request_await(request, AWAIT_TASKS,
                  tasks_get(request->front->store, is_renamed ? id : request->id,
                            request_scope(request), fn, request));
}

void request_watch(struct request *request, struct watcher *watcher,
                   void (*on_drain)(struct request *request))
{
    request_await(request, AWAIT_WATCHER, watcher);
    request->on_drain = on_drain;
}

void request_drain(struct request *request, bool is_late)
{
    bool is_of_redis = false;

    if (request->awaited[AWAIT_WATCHER] != NULL) {
        if (request->on_drain != NULL)
            request->on_drain(request);
        else
            request_refuse_with(request, ERR_UNAVAILABLE, "shutting down");
        return;
    }
    for (size_t i = 0; i < AWAIT_COUNT; i++)
        is_of_redis = is_of_redis || (awaits[i].is_redis && request->awaited[i] != NULL);
    if (is_late && is_of_redis)
        request_refuse_with(request, ERR_UNAVAILABLE, "shutting down, and Redis doesn't answer");
}

void *request_keep(struct request *request, size_t size, void (*clear)(void *kept))
{
    assert(request->kept == NULL);
    request->kept = arena_take(&request->arena, size);
    request->clear = clear;
    return request->kept;
}

// Its life.

static void on_client_gone(void *ctx)
{
    request_leave(ctx);
    request_drop(ctx);
}

static void on_client_leaving(void *ctx)
{
    request_leave(ctx);
}

void request_leave(struct request *request)
{
    if (request->has_left || request->on_leave == NULL)
        return;
    request->has_left = true;
    request->on_leave(request);
}

void request_take_id(struct request *request)
{
    const char *pattern = request->served == NULL ? "" : request->served->pattern;
    const char *id = strstr(pattern, "{id}");
    size_t index = 0;

    for (; id != NULL && (pattern = strchr(pattern, '{')) < id; pattern++)
        index++;
    request->id = request->names.at[index];
}

static struct request *request_begin(struct front *front, struct http_exchange *exchange)
{
    struct arena arena = arena_spares_take(&front->arenas);
    struct request *request = arena_take(&arena, sizeof *request);

    request->arena = arena;
    request->front = front;
    request->exchange = exchange;
    request->begun_ms = clock_mono_ms();
    request->id = request->names.at[0];
    request->next = front->requests;
    request->at = &front->requests;
    if (request->next != NULL)
        request->next->at = &request->next;
    front->requests = request;
    return request;
}

struct request *request_new(struct front *front, struct http_exchange *exchange)
{
    struct request *request = request_begin(front, exchange);

    http_exchange_on_gone(exchange, on_client_gone, request);
    http_exchange_on_leaving(exchange, on_client_leaving);
    return request;
}

struct request *request_new_part(const struct request *whole, struct request_part *part)
{
    struct request *request = request_begin(whole->front, whole->exchange);

    request->part = part;
    request->owner = whole->owner;
    request->is_operator = whole->is_operator;
    return request;
}

// What it has of its exchange, or of its part.

const char *request_header(const struct request *request, const char *name)
{
    if (request->part == NULL)
        return http_exchange_header(request->exchange, name);
    if (strcmp(name, "idempotency-key") == 0)
        return request->part->key;
    if (strcmp(name, "prefer") == 0)
        return "respond-async";
    return strcmp(name, "content-type") == 0 ? NULL : http_exchange_header(request->exchange, name);
}

unsigned request_header_count(const struct request *request, const char *name)
{
    return request->part == NULL ? http_exchange_header_count(request->exchange, name)
                                 : request_header(request, name) != NULL;
}

const char *request_header_line(const struct request *request, const char *name, unsigned number)
{
    if (request->part == NULL)
        return http_exchange_header_line(request->exchange, name, number);
    return number == 0 ? request_header(request, name) : NULL;
}

void request_add_header(struct request *request, const char *name, const char *value)
{
    struct buf *headers;

    if (request->part == NULL) {
        http_exchange_add_header(request->exchange, name, value);
        return;
    }
    headers = &request->part->headers;
    if (headers->len > 0)
        buf_char(headers, ',');
    buf_json_str(headers, name);
    buf_char(headers, ':');
    buf_json_str(headers, value);
}

void request_take_body(struct request *request, struct buf *body)
{
    if (request->part == NULL)
        http_exchange_take_body(request->exchange, body);
    else
        buf_add(body, request->part->body, request->part->body_len);
}

void request_forget_body(struct request *request)
{
    if (request->part == NULL)
        http_exchange_forget_body(request->exchange);
}

void request_drop(struct request *request)
{
    struct front *front = request->front;
    struct arena arena = request->arena;

    for (enum await what = 0; what < AWAIT_COUNT; what++)
        request_cancel(request, what);
    if (request->clear != NULL)
        request->clear(request->kept);
    json_decref(request->body);
    form_files_delete(&request->files, front);
    if (request->has_place)
        holds_give(front->holds, request->owner);
    *request->at = request->next;
    if (request->next != NULL)
        request->next->at = request->at;
    arena_spares_give(&front->arenas, &arena);
}

void request_count(const struct request *request, int status, int64_t bytes)
{
    const char *route = request->served == NULL ? "none" : request->served->pattern;
    int64_t took_ms = clock_mono_ms() - request->begun_ms;
    char code[TEXT_INT_SIZE];

    text_int(code, code + sizeof code, status);
    metric_count(METRICS_http_requests_total, route, code, NULL);
    metric_observe(HISTOGRAM_http_request_seconds, took_ms, route, NULL);
    if (request->front->config->has_access_log)
        log_info("http.request",
                 "request=%s key=%s method=%s route=%s status=%d ms=%lld bytes=%lld",
                 http_exchange_request_id(request->exchange),
                 request->owner == NULL ? "-" : request->owner,
                 http_method_name(http_exchange_method(request->exchange)), route, status,
                 (long long)took_ms, (long long)bytes);
}

void request_answer(struct request *request, int status, const struct buf *json)
{
    struct http_exchange *exchange = request->exchange;
    struct request_part *part = request->part;

    request_count(request, status, (int64_t)json->len);
    request_drop(request);
    if (part != NULL)
        part->on_answer(part, status, json);
    else
        http_exchange_answer(exchange, status, "application/json", buf_text(json), json->len);
}

void request_end_retries(struct request *request)
{
    request_add_header(request, "X-Should-Retry", "false");
}

void request_refuse(struct request *request, const struct err *err)
{
    struct buf json = {0};
    int status;

    // An error about the key is told in every family as on our own surface.
    if (request->family == NULL || err->code == ERR_AUTH)
        status = family_refuse_envelope(err, &json);
    else
        status = request->family->refuse(err, &json);
    if (err->code == ERR_INTERNAL)
        log_error("request.failed", "request=%s error=\"%s\"",
                  http_exchange_request_id(request->exchange), err->message);
    if (status == 429 || status == 503)
        request_add_header(request, "Retry-After", "1");
    if (status == 401)
        request_add_header(request, "WWW-Authenticate", "Bearer");
    request_answer(request, status, &json);
    buf_clear(&json);
}

void request_refuse_with(struct request *request, enum err_code code, const char *message)
{
    struct err err;

    err_set(&err, code, "%s", message);
    request_refuse(request, &err);
}

static void look_for_place(void *ctx)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_PLACE);
    request->has_place = holds_take(request->front->holds, request->owner);
    if (request->has_place)
        request->on_place(request);
    else if (request->place_looks++ < PLACE_LOOKS)
        request_await(request, AWAIT_PLACE,
                      loop_after(request->front->loop, PLACE_LOOK_MS, look_for_place, request));
    else
        request_refuse_with(
            request, ERR_TOO_MANY,
            "this key waits and watches on as many connections as it may, close one first");
}

void request_seek_place(struct request *request, void (*then)(struct request *request))
{
    request->on_place = then;
    look_for_place(request);
}

void request_seek_watch(struct request *request, void (*then)(struct request *request))
{
    if (handover_is_open(request->front->handover))
        request_seek_place(request, then);
    else
        request_refuse_with(request, ERR_UNAVAILABLE, "shutting down");
}

void request_hand_over(struct request *request, struct arrival *arrival)
{
    if (arrival->fd >= 0) {
        arrival->owner = request->owner;
        arrival->is_operator = request->is_operator;
        arrival->holds = holds_share(request->front->holds);
        request->has_place = false; // it is the arrival's now
        handover_send(request->front->handover, arrival);
    } else {
        arrival_free(arrival); // the client has gone
    }
    request_drop(request);
}

void request_show(const struct request *request, struct task *task)
{
    struct task_view now = {task->phase, task->version, task->progress, task->substate != NULL};

    task_show_as(task, &now);
    task->links = &request->front->config->links;
}

// Its body.

static json_t *parse_body(struct request *request, struct err *err)
{
    const char *type = request_header(request, "content-type");
    size_t len;
    char *text;

    if (request->part != NULL)
        return field_parse_body(request->part->body, request->part->body_len, err);
    text = http_exchange_body(request->exchange, &len);
    request->is_form = multipart_is_form(type);
    return request->is_form ? form_read(type, text, len, err) : field_parse_body(text, len, err);
}

bool request_read_body(struct request *request)
{
    struct err err;

    request->body = parse_body(request, &err);
    if (request->body != NULL &&
        (request->served->body == NULL || field_check(request->body, request->served->body, &err)))
        return true;
    request_refuse(request, &err);
    return false;
}

static void on_form(void *ctx, json_t *body, struct form_files *files, const struct err *err)
{
    struct request *request = ctx;
    struct err why;

    if (!request_got(request, AWAIT_FORM, err))
        return;
    request->body = body;
    request->files = files;
    request->is_form = true;
    if (request->served->body == NULL || field_check(body, request->served->body, &why))
        request->on_body(request);
    else
        request_refuse(request, &why);
}

void request_load_body(struct request *request, void (*then)(struct request *request))
{
    if (request->part != NULL || !http_exchange_is_body_long(request->exchange)) {
        if (request_read_body(request))
            then(request);
        return;
    }
    request->on_body = then;
    request_await(request, AWAIT_FORM,
                  form_load_start(request->front, request->exchange, on_form, request));
}

// The parameters that the table knows, as strings. NULL: one of them isn't UTF-8.
static json_t *read_query(struct request *request, struct err *err)
{
    json_t *query = json_object();

    for (const struct field_rule *rule = request->served->query; rule->path != NULL; rule++) {
        const char *text = http_exchange_query(request->exchange, rule->path);

        if (text == NULL || json_object_set_new(query, rule->path, json_string(text)) == 0)
            continue;
        err_set(err, ERR_INVALID, "%s: must be UTF-8", rule->path);
        json_decref(query);
        return NULL;
    }
    return query;
}

bool request_check_query(struct request *request)
{
    json_t *query;
    struct err err;
    bool ok;

    if (request->served->query == NULL)
        return true;
    query = read_query(request, &err);
    ok = query != NULL && field_check(query, request->served->query, &err);
    json_decref(query);
    if (!ok)
        request_refuse(request, &err);
    return ok;
}

// The body is there, or there is none.
static void on_whole_body(void *ctx, struct http_exchange *exchange)
{
    struct request *request = ctx;

    (void)exchange;
    request->served->handle(request);
}

// Bodies that would have to be decoded first are refused: a small one could become any size.
static bool is_body_encoded(const struct http_exchange *exchange)
{
    const char *encoding = http_exchange_header(exchange, "content-encoding");

    if (encoding == NULL)
        return http_exchange_header_count(exchange, "content-encoding") > 1;
    return *encoding != '\0' && strcasecmp(encoding, "identity") != 0;
}

static bool may_be_long(const struct request *request)
{
    const struct served *served = request->served;

    return served != NULL && served->route != NULL && served->route->takes_files &&
           multipart_is_form(http_exchange_header(request->exchange, "content-type"));
}

bool request_check_length(struct request *request)
{
    int64_t length = http_exchange_body_length(request->exchange);

    if (length <= (int64_t)request->front->config->max_body_bytes || may_be_long(request))
        return true;
    request_refuse_with(request, ERR_TOO_LARGE, "the body is too large");
    return false;
}

void request_admit(struct request *request, const char *owner)
{
    struct http_exchange *exchange = request->exchange;
    enum http_method method = http_exchange_method(exchange);
    bool has_use = method == HTTP_POST_ || method == HTTP_PUT_;
    size_t max_bytes = has_use ? request->front->config->max_body_bytes : OTHER_BODY_BYTES;

    if (!http_exchange_has_body(exchange))
        request->served->handle(request);
    else if (is_body_encoded(exchange))
        request_refuse_with(request, ERR_MEDIA_TYPE,
                            "Content-Encoding: must be identity, or not there");
    else if (may_be_long(request))
        http_exchange_await_long_body(exchange, owner, max_bytes, FORM_BYTES_MAX, on_whole_body,
                                      request);
    else
        http_exchange_await_body(exchange, owner, max_bytes, on_whole_body, request);
}

void request_admit_bare(struct request *request)
{
    if (!http_exchange_has_body(request->exchange))
        request->served->handle(request);
    else
        request_refuse_with(request, ERR_TOO_LARGE, "there is nothing that a body could be for");
}
