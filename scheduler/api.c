// The front door: finds out who serves a request and whose key it has, and hands it on.
#include "scheduler/api.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/http/http_server.h"
#include "core/json/json_write.h"
#include "core/loop/loop.h"
#include "core/storage/storage.h"
#include "core/store/callbacks.h"
#include "core/store/heartbeat.h"
#include "core/store/store.h"
#include "providers/family.h"
#include "scheduler/cors.h"
#include "scheduler/form_load.h"
#include "scheduler/front.h"
#include "scheduler/generation.h"
#include "scheduler/handover.h"
#include "scheduler/holds.h"
#include "scheduler/lost.h"
#include "scheduler/openapi.h"
#include "scheduler/pattern.h"
#include "scheduler/read_token.h"
#include "scheduler/realtime.h"
#include "scheduler/request.h"
#include "scheduler/routes.h"
#include "scheduler/tokens.h"
#include "scheduler/vendor_keys.h"
#include "scheduler/waiting.h"

enum { BATCHES_MAX = 16, ETAG_CHARS = 32, SETTLE_MS = 2000, SETTLE_EVERY_MS = 10 };

struct api {
    struct front front;
    bool is_for_operators; // it serves the operators' own listener
    char *spool_dir;       // where large bodies wait until they are whole
    struct heartbeat *beat;
    int64_t drained_ms; // since when the role drains
    bool has_left;      // it hands nothing over any more
};

// Requests.

static bool authorize_request(struct request *request)
{
    const struct served *served = request->served;
    const struct config_token *token;
    unsigned ways = 0;
    struct err err;

    if (served->may_query)
        ways |= TOKEN_IN_QUERY;
    if (served->family != NULL && served->family->takes_google_keys)
        ways |= TOKEN_AT_GOOGLE;
    if (served->family != NULL && served->family->takes_key_scheme)
        ways |= TOKEN_AS_KEY;
    token = token_find(request->front, request->exchange, ways, &err);
    if (token != NULL && served->needs == NEEDS_OPERATOR && !token->is_admin) {
        err_set(
            &err, ERR_FORBIDDEN,
            "this key isn't an operator's: its token in the configuration needs \"admin\": true");
        token = NULL;
    }
    if (token == NULL) {
        request_refuse(request, &err);
        return false;
    }
    request->owner = token->name;
    request->is_operator = token->is_admin;
    http_exchange_know(request->exchange);
    return true;
}

static void admit_request(struct request *request)
{
    const struct served *served = request->served;

    if ((served->needs != NEEDS_NONE && !authorize_request(request)) ||
        !request_check_query(request))
        return;
    if (served->admit != NULL)
        served->admit(request);
    else if (served->has_no_body)
        request_admit_bare(request);
    else
        request_admit(request, request->owner);
}

// A reload mustn't be seen: what the front before this one knew is waited for, as long as that may
// take where Redis is there.
static bool is_settling(const struct front *front)
{
    return clock_mono_ms() < front->settles_until_ms &&
           (!store_is_up(front->store) || !read_tokens_are_ready(front->read_tokens));
}

static void admit_settled(struct request *request);

static void on_settle_due(void *ctx)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_TIMER);
    admit_settled(request);
}

static void admit_settled(struct request *request)
{
    struct front *front = request->front;

    if (request->served->asks_start && is_settling(front))
        request_await(request, AWAIT_TIMER,
                      loop_after(front->loop, SETTLE_EVERY_MS, on_settle_due, request));
    else
        admit_request(request);
}

// Nobody serves the path.
static void explain_lost(struct request *request, enum http_method method, const char *path,
                         unsigned offered, struct err *err)
{
    char allow[LOST_ALLOW_SIZE];

    lost_allow(offered, allow);
    if (*allow != '\0')
        request_add_header(request, "Allow", allow);
    lost_explain(request->front->routes, method, path, request->front->has_private, offered, err,
                 &request->family);
}

// The table of routes says it all: neither the key nor Redis is looked at.
static void refuse_lost(struct request *request, unsigned offered)
{
    struct http_exchange *exchange = request->exchange;
    struct err err;

    explain_lost(request, http_exchange_method(exchange), http_exchange_path(exchange), offered,
                 &err);
    request_refuse(request, &err);
}

static bool route_part(struct request *request, const char *path, struct err *err)
{
    const struct front *front = request->front;
    const struct served *served, *any;
    unsigned offered;

    served = request->served = routes_find_open(front->routes, HTTP_POST_, path, front->has_private,
                                                &request->names, &offered, &any);
    if (served == NULL) {
        explain_lost(request, HTTP_POST_, path, offered, err);
        return false;
    }
    request->family = served->family;
    return (served->route != NULL && route_makes_task(served->route)) ||
           err_set(err, ERR_INVALID,
                   "path: POST %s makes no task, and a batch is for those that do",
                   served->pattern);
}

// Paths for operators are served on their own listener, if there is one.
static const struct served *find_served(const struct api *api, const struct http_exchange *exchange,
                                        struct pattern_names *names, unsigned *offered,
                                        const struct served **any)
{
    return routes_find_open(api->front.routes, http_exchange_method(exchange),
                            http_exchange_path(exchange), api->front.has_private, names, offered,
                            any);
}

// Pages of other sites have no business with what is for operators: the page that has is ours.
static void mark_for_pages(const struct api *api, const struct served *any,
                           struct http_exchange *exchange)
{
    if (!api->is_for_operators && (any == NULL || !any->is_private))
        cors_mark(api->front.config, exchange);
}

// OPTIONS: which methods the path has. A browser asks before it lets another site's page ask.
static void answer_options(const struct api *api, struct request *request, const struct served *any,
                           unsigned offered)
{
    struct http_exchange *exchange = request->exchange;
    char allow[LOST_ALLOW_SIZE];

    lost_allow(offered | 1u << HTTP_OPTIONS_, allow);
    http_exchange_add_header(exchange, "Allow", allow);
    if (!api->is_for_operators && !any->is_private)
        cors_mark_preflight(api->front.config, exchange, allow);
    request->served = any;
    request_count(request, 204, 0);
    request_drop(request);
    http_exchange_answer(exchange, 204, NULL, NULL, 0);
}

// The request that waits for its body; NULL: it never got that far.
static struct request *find_request(const struct api *api, const struct http_exchange *exchange)
{
    struct request *request = api->front.requests;

    while (request != NULL && (request->exchange != exchange || request->part != NULL))
        request = request->next;
    return request;
}

// The server refuses a request by itself.
static void on_refuse(void *ctx, struct http_exchange *exchange, int status)
{
    struct api *api = ctx;
    struct request *request = find_request(api, exchange);
    bool is_new = request == NULL;
    struct pattern_names names;
    const struct served *served, *any;
    unsigned offered;

    served = find_served(api, exchange, &names, &offered, &any);
    mark_for_pages(api, any, exchange);
    if (is_new) {
        request = request_new(&api->front, exchange);
        request->served = served;
    }
    request_count(request, status, -1);
    if (is_new) {
        http_exchange_on_gone(exchange, NULL, NULL);
        request_drop(request);
    }
}

// Everything that the head can tell is decided before the body is read.
static void on_head(void *ctx, struct http_exchange *exchange)
{
    struct api *api = ctx;
    struct request *request = request_new(&api->front, exchange);
    const struct served *any;
    unsigned offered;

    request->served = find_served(api, exchange, &request->names, &offered, &any);
    request_take_id(request);
    mark_for_pages(api, any, exchange);
    if (!request_check_length(request))
        return;
    if (http_exchange_method(exchange) == HTTP_OPTIONS_ && any != NULL) {
        answer_options(api, request, any, offered);
    } else if (request->served != NULL) {
        request->family = request->served->family;
        admit_settled(request);
    } else {
        refuse_lost(request, offered);
    }
}

// The document of the API is made of the table of routes, in which its own handler is.
static void write_openapi(struct front *front)
{
    json_t *document =
        openapi_document(front->routes, front->config->public_url, front->has_private);
    char hash[SHA256_HEX_BYTES];

    front->openapi = json_write_text(document);
    json_decref(document);
    sha256_hex(front->openapi, strlen(front->openapi), hash);
    snprintf(front->openapi_etag, sizeof front->openapi_etag, "\"%.*s\"", ETAG_CHARS, hash);
}

// The role.

static struct http_server *open_server(struct api *api, int listen_fd, struct err *err)
{
    const struct config *config = api->front.config;
    struct http_server_options options = {
        .host = api->is_for_operators ? config->admin_host : config->listen_host,
        .port = api->is_for_operators ? config->admin_port : config->listen_port,
        .max_body_bytes = config->max_body_bytes,
        .max_long_bytes = FORM_BYTES_MAX,
        .max_connections = config->max_connections,
        .listen_fd = listen_fd,
        .spool_dir = api->spool_dir,
        .on_head = on_head,
        .on_refuse = on_refuse,
        .ctx = api,
    };

    return http_server_start(api->front.loop, &options, err);
}

static void on_up(void *ctx)
{
    struct api *api = ctx;

    heartbeat_wake(api->beat);
}

static unsigned count_in_hand(void *ctx)
{
    const struct api *api = ctx;
    unsigned count = holds_streams(api->front.holds);

    for (const struct request *request = api->front.requests; request != NULL;
         request = request->next)
        count++;
    return count;
}

static const char *find_trouble(void *ctx)
{
    const struct api *api = ctx;

    return storage_trouble(api->front.storage);
}

// Where there is only one connection, a key may hold it open all the same: it may have half of two.
static size_t most_holds(const struct config *config)
{
    return config->max_connections == 0   ? SIZE_MAX
           : config->max_connections == 1 ? 2
                                          : config->max_connections;
}

struct api *api_start(struct loop *loop, const struct role_start *start, bool is_for_operators,
                      struct err *err)
{
    const struct config *config = start->config;
    struct api *api = mem_new(struct api);
    struct front *front = &api->front;
    struct buf spool_dir = {0};

    buf_fmt(&spool_dir, "%s/tmp", config->data_dir);
    api->spool_dir = buf_take(&spool_dir);
    api->is_for_operators = is_for_operators;
    front->loop = loop;
    front->config = config;
    front->batches.total = BATCHES_MAX;
    front->server = open_server(api, start->listen_fd, err);
    if (front->server == NULL) {
        free(api->spool_dir);
        free(api);
        return NULL;
    }
    front->handover = start->handover;
    handover_enter(front->handover);
    front->holds = holds_new(most_holds(config));
    front->routes = routes_new();
    front->write_openapi = write_openapi;
    front->route_part = route_part;
    front->has_private = is_for_operators || config->admin_host == NULL;
    front->settles_until_ms = start->listen_fd > 0 ? clock_mono_ms() + SETTLE_MS : 0;
    front->store = store_start(loop, config, start->redis_url, on_up, api);
    api->beat = heartbeat_start(loop, front->store, is_for_operators ? "admin" : "api",
                                count_in_hand, find_trouble, api);
    front->http = http_client_new(loop, "Spool/" SPOOL_VERSION);
    front->storage = storage_new(loop, front->http, config);
    front->waiting = waiting_start(front->store);
    front->callbacks = callbacks_start(loop, config, front->store, NULL, NULL);
    front->vendor_keys = vendor_keys_new(front->http);
    front->read_tokens = read_tokens_start(loop, front->store);
    front->realtime = realtime_start(loop, front->store, front->waiting, start->redis_url);
    return api;
}

int api_listen_fd(struct api *api)
{
    return http_server_listen_fd(api->front.server);
}

int api_port(const struct api *api)
{
    return http_server_port(api->front.server);
}

static void leave_handover(struct api *api)
{
    if (!api->has_left)
        handover_leave(api->front.handover);
    api->has_left = true;
}

// Called again and again: a request that waited for Redis at first may be watching by now.
bool api_drain(struct api *api)
{
    struct front *front = &api->front;
    bool is_late;

    if (!front->is_draining) {
        front->is_draining = true;
        api->drained_ms = clock_mono_ms();
        heartbeat_leave(api->beat);
        http_server_drain(front->server);
    }
    is_late = clock_mono_ms() - api->drained_ms > STORE_PATIENCE_MS;
    for (struct request *request = front->requests, *next; request != NULL; request = next) {
        next = request->next;
        request_drain(request, is_late);
    }
    if (http_server_connections(front->server) > 0)
        return false;
    leave_handover(api);
    return true;
}

void api_drop(struct api **pointer)
{
    struct api *api = *pointer;
    struct front *front;

    if (api == NULL)
        return;
    *pointer = NULL;
    front = &api->front;
    http_server_drop(&front->server); // requests under way end with their exchanges
    while (front->requests != NULL)
        request_drop(front->requests);
    leave_handover(api);
    holds_leave(&front->holds);
    room_clear(&front->batches);
    arena_spares_clear(&front->arenas);
    callbacks_drop(&front->callbacks);
    vendor_keys_drop(&front->vendor_keys);
    read_tokens_drop(&front->read_tokens);
    storage_free(&front->storage);
    http_client_drop(&front->http);
    realtime_drop(&front->realtime);
    waiting_drop(&front->waiting);
    heartbeat_drop(&api->beat);
    store_drop(&front->store);
    routes_free(front->routes);
    free(front->openapi);
    free(api->spool_dir);
    free(api);
}
