// The front door: finds who a request is for, who it is from, and hands it on.
#include "scheduler/api.h"

#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/loop/loop.h"
#include "core/message/multipart.h"
#include "core/storage/storage.h"
#include "core/store/callbacks.h"
#include "core/store/deliveries.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/family.h"
#include "providers/family_common.h"
#include "scheduler/api_role.h"
#include "scheduler/form.h"
#include "scheduler/realtime.h"
#include "scheduler/routes.h"
#include "scheduler/tokens.h"
#include "scheduler/waiting.h"
#include "scheduler/websocket.h"

enum {
    OTHER_BODY_BYTES = 64 * 1024, // of requests that need none
};

// Requests.

static void on_gone(void *ctx)
{
    request_drop(ctx);
}

static struct request *request_new(struct api *api, struct http_exchange *exchange)
{
    struct request *request = mem_new(struct request);

    request->api = api;
    request->exchange = exchange;
    request->id = request->names.at[0];
    request->next = api->requests;
    request->at = &api->requests;
    if (request->next != NULL)
        request->next->at = &request->next;
    api->requests = request;
    http_exchange_on_gone(exchange, on_gone, request);
    return request;
}

void request_drop(struct request *request)
{
    tasks_op_cancel(&request->op);
    storage_op_cancel(&request->put);
    http_cancel(&request->fetch);
    storage_drop(&request->file);
    store_cancel(&request->call);
    delivery_log_cancel(&request->log);
    watcher_drop(&request->watcher);
    loop_cancel(&request->timer);
    task_free(request->task);
    json_decref(request->body);
    free(request->extra);
    free(request->idempotency);
    if (request->has_place)
        room_give(&request->api->places, request->owner, 1);
    buf_clear(&request->text);
    *request->at = request->next;
    if (request->next != NULL)
        request->next->at = request->at;
    free(request);
}

void request_answer(struct request *request, int status, const struct buf *json)
{
    struct http_exchange *exchange = request->exchange;

    request_drop(request);
    http_exchange_answer(exchange, status, "application/json", buf_text(json), json->len);
}

void request_refuse(struct request *request, const struct err *err)
{
    struct buf json = {0};
    int status;

    // Where it is about the key, every family says it as our own surface does.
    if (request->family == NULL || err->code == ERR_AUTH)
        status = family_refuse_envelope(err, &json);
    else
        status = request->family->refuse(err, &json);
    if (err->code == ERR_INTERNAL)
        log_error("request.failed", "request=%s error=\"%s\"",
                  http_exchange_request_id(request->exchange), err->message);
    if (status == 429 || status == 503)
        http_exchange_add_header(request->exchange, "Retry-After", "1");
    if (status == 401)
        http_exchange_add_header(request->exchange, "WWW-Authenticate", "Bearer");
    request_answer(request, status, &json);
    buf_clear(&json);
}

bool request_take_place(struct request *request)
{
    struct err err;

    request->has_place = room_take(&request->api->places, request->owner, 1);
    if (request->has_place)
        return true;
    err_set(&err, ERR_TOO_MANY,
            "this key waits and watches on as many connections as it may, close one first");
    request_refuse(request, &err);
    return false;
}

bool request_read_body(struct request *request)
{
    const char *type = http_exchange_header(request->exchange, "content-type");
    struct err err;
    size_t len;
    char *text = http_exchange_body(request->exchange, &len);

    request->is_form = multipart_is_form(type);
    request->body =
        request->is_form ? form_read(type, text, len, &err) : field_parse_body(text, len, &err);
    if (request->body != NULL)
        return true;
    request_refuse(request, &err);
    return false;
}

// Who may, and with what body.

static bool authorize(struct request *request, bool may_query)
{
    struct err err;

    request->owner = token_owner(request->api->config, request->exchange, may_query, &err);
    if (request->owner != NULL) {
        http_exchange_know(request->exchange);
        return true;
    }
    request_refuse(request, &err);
    return false;
}

// The body is there, or there is none.
static void on_whole(void *ctx, struct http_exchange *exchange)
{
    struct request *request = ctx;

    (void)exchange;
    request->served->handle(request);
}

// None that would have to be decoded first: what is said to be small could become anything.
static bool is_encoded(const struct http_exchange *exchange)
{
    const char *encoding = http_exchange_header(exchange, "content-encoding");

    if (encoding == NULL)
        return http_exchange_header_count(exchange, "content-encoding") > 1;
    return *encoding != '\0' && strcasecmp(encoding, "identity") != 0;
}

void request_admit(struct request *request, const char *owner)
{
    struct http_exchange *exchange = request->exchange;
    enum http_method method = http_exchange_method(exchange);
    bool has_use = method == HTTP_POST_ || method == HTTP_PUT_;
    struct err err;

    if (!http_exchange_has_body(exchange)) {
        request->served->handle(request);
    } else if (is_encoded(exchange)) {
        err_set(&err, ERR_MEDIA_TYPE, "Content-Encoding: must be identity, or not there");
        request_refuse(request, &err);
    } else {
        http_exchange_await_body(exchange, owner,
                                 has_use ? request->api->config->max_body_bytes : OTHER_BODY_BYTES,
                                 on_whole, request);
    }
}

static void admit_bare(struct request *request)
{
    struct err err;

    if (!http_exchange_has_body(request->exchange)) {
        request->served->handle(request);
        return;
    }
    err_set(&err, ERR_TOO_LARGE, "there is nothing that a body could be for");
    request_refuse(request, &err);
}

static void admit(struct request *request)
{
    const struct served *served = request->served;

    if (served->needs == NEEDS_KEY && !authorize(request, served->may_query))
        return;
    if (served->admit != NULL)
        served->admit(request);
    else if (served->has_no_body)
        admit_bare(request);
    else
        request_admit(request, request->owner);
}

// Everything that the head can tell is decided before the body is read.
static void on_head(void *ctx, struct http_exchange *exchange)
{
    struct api *api = ctx;
    struct request *request = request_new(api, exchange);
    unsigned offered;
    struct err err;

    request->served = routes_find(api->routes, http_exchange_method(exchange),
                                  http_exchange_path(exchange), &request->names, &offered);
    if (request->served != NULL) {
        request->family = request->served->family;
        admit(request);
        return;
    }
    err_set(&err, offered != 0 ? ERR_METHOD : ERR_NOT_FOUND, "%s",
            offered != 0 ? "this method isn't offered here" : "there is no such path");
    request_refuse(request, &err);
}

// The role.

struct api *api_start(struct loop *loop, const struct config *config, const char *redis_url,
                      struct err *err)
{
    struct api *api = mem_new(struct api);
    struct http_server_options options = {
        .host = config->listen_host,
        .port = config->listen_port,
        .max_body_bytes = config->max_body_bytes,
        .max_connections = config->max_connections,
        .on_head = on_head,
        .ctx = api,
    };
    struct buf spool_dir = {0};

    buf_fmt(&spool_dir, "%s/tmp", config->data_dir);
    options.spool_dir = api->spool_dir = buf_take(&spool_dir);
    api->loop = loop;
    api->config = config;
    // Where there is only one, who asks for it may have it.
    api->places.total = config->max_connections == 0   ? SIZE_MAX
                        : config->max_connections == 1 ? 2
                                                       : config->max_connections;
    api->server = http_server_start(loop, &options, err);
    if (api->server == NULL) {
        free(api->spool_dir);
        free(api);
        return NULL;
    }
    api->routes = routes_new();
    api->store = store_start(loop, config, redis_url, NULL, NULL);
    api->http = http_client_new(loop, "Spool/" SPOOL_VERSION);
    api->storage = storage_new(loop, api->http, config);
    api->waiting = waiting_start(api->store);
    api->callbacks = callbacks_start(loop, config, api->store, NULL, NULL);
    api->realtime = realtime_start(loop, api->store, api->waiting, redis_url);
    api->websockets = websockets_start(api);
    return api;
}

int api_port(const struct api *api)
{
    return http_server_port(api->server);
}

// Those who wait for a task to change needn't: they are told how it is, or ask again elsewhere.
static void stop_watching(struct request *request)
{
    struct err err;

    if (request->on_drain != NULL) {
        request->on_drain(request);
    } else {
        err_set(&err, ERR_UNAVAILABLE, "shutting down");
        request_refuse(request, &err);
    }
}

// Called again and again: who waited for Redis at first may be watching by now.
bool api_drain(struct api *api)
{
    bool is_late;
    struct err err;

    if (!api->is_draining) {
        api->is_draining = true;
        api->drained_ms = clock_mono_ms();
        http_server_drain(api->server);
        websockets_drain(api->websockets);
    }
    is_late = clock_mono_ms() - api->drained_ms > STORE_PATIENCE_MS;
    for (struct request *request = api->requests, *next; request != NULL; request = next) {
        next = request->next;
        if (request->watcher != NULL) {
            stop_watching(request);
        } else if (is_late &&
                   (request->op != NULL || request->call != NULL || request->log != NULL)) {
            err_set(&err, ERR_UNAVAILABLE, "shutting down, and Redis doesn't answer");
            request_refuse(request, &err);
        }
    }
    return http_server_connections(api->server) == 0;
}

void api_drop(struct api **pointer)
{
    struct api *api = *pointer;

    if (api == NULL)
        return;
    *pointer = NULL;
    websockets_drop(&api->websockets);
    http_server_drop(&api->server); // requests under way go with their exchanges
    while (api->requests != NULL)
        request_drop(api->requests);
    room_clear(&api->places);
    callbacks_drop(&api->callbacks);
    storage_free(&api->storage);
    http_client_drop(&api->http);
    realtime_drop(&api->realtime);
    waiting_drop(&api->waiting);
    store_drop(&api->store);
    routes_free(api->routes);
    free(api->spool_dir);
    free(api);
}
