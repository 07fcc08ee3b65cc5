// The table of all routes, and who serves a path.
#include "scheduler/routes.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "providers/family.h"
#include "scheduler/handlers.h"
#include "scheduler/pattern.h"

static const struct served own[] = {
    {HTTP_GET_, "/v1/tasks/{id}", NEEDS_KEY, .handle = tasks_show},
    {HTTP_GET_, "/v1/tasks", NEEDS_KEY, .handle = tasks_index},
    {HTTP_POST_, "/v1/tasks/{id}/cancel", NEEDS_KEY, .handle = tasks_cancel_one},
    {HTTP_GET_, "/v1/tasks/{id}/timeline", NEEDS_KEY, .handle = tasks_show_timeline},
    {HTTP_GET_, "/v1/tasks/{id}/deliveries", NEEDS_KEY, .handle = deliveries_show},
    {HTTP_POST_, "/v1/tasks/{id}/deliveries/{n}/redeliver", NEEDS_KEY,
     .handle = deliveries_send_again},
    {HTTP_GET_, "/v1/tasks/{id}/events", NEEDS_KEY, .handle = stream_start, .may_query = true},
    {HTTP_POST_, "/v1/events/token", NEEDS_KEY, .handle = read_token_give},
    {HTTP_GET_, "/v1/events", NEEDS_KEY, .handle = websocket_start, .may_query = true},
    {HTTP_GET_, "/v1/models", NEEDS_KEY, .handle = models_list},
    {HTTP_POST_, "/v1/files/uploads", NEEDS_KEY, .handle = uploads_form},
    {HTTP_POST_, "/v1/files/uploads/base64", NEEDS_KEY, .handle = uploads_base64},
    {HTTP_POST_, "/v1/files/uploads/url", NEEDS_KEY, .handle = uploads_link},
    {HTTP_POST_, "/v1/files/uploads/presign", NEEDS_KEY, .handle = uploads_presign},
    {HTTP_PUT_, "/v1/files/uploads/{name}", NEEDS_NONE, .handle = uploads_take,
     .admit = uploads_admit},
    {HTTP_POST_, "/v1/callbacks/{token}", NEEDS_NONE, .handle = callback_take,
     .admit = callback_admit},
    {HTTP_GET_, "/admin/v1/overview", NEEDS_OPERATOR, .handle = operator_overview,
     .is_private = true},
    {HTTP_GET_, "/admin/v1/accounts", NEEDS_OPERATOR, .handle = operator_accounts,
     .is_private = true},
    {HTTP_POST_, "/admin/v1/accounts/{name}/test", NEEDS_OPERATOR, .handle = operator_test,
     .is_private = true},
    {HTTP_POST_, "/admin/v1/accounts/{name}/disable", NEEDS_OPERATOR, .handle = operator_disable,
     .is_private = true},
    {HTTP_POST_, "/admin/v1/accounts/{name}/enable", NEEDS_OPERATOR, .handle = operator_enable,
     .is_private = true},
    {HTTP_POST_, "/admin/v1/tasks/{id}/resolve", NEEDS_OPERATOR, .handle = operator_resolve,
     .is_private = true},
    {HTTP_GET_, "/admin/v1/deliveries", NEEDS_OPERATOR, .handle = operator_deliveries,
     .is_private = true},
    {HTTP_POST_, "/admin/v1/deliveries/redeliver", NEEDS_OPERATOR, .handle = operator_redeliver,
     .is_private = true},
    {HTTP_GET_, "/media/*", NEEDS_NONE, .handle = media_serve, .has_no_body = true},
    {HTTP_GET_, "/healthz", NEEDS_NONE, .handle = health_alive, .has_no_body = true},
    {HTTP_GET_, "/readyz", NEEDS_NONE, .handle = health_ready, .has_no_body = true},
    {HTTP_GET_, "/metrics", NEEDS_NONE, .handle = health_metrics, .has_no_body = true,
     .is_private = true},
};
enum { OWN = sizeof own / sizeof own[0] };

static void (*const family_handlers[])(struct request *request) = {
    [ROUTE_SUBMIT] = submit_handle, [ROUTE_ASK] = submit_ask,        [ROUTE_FETCH] = query_fetch,
    [ROUTE_LIST] = query_list,      [ROUTE_CONTENT] = content_serve, [ROUTE_PAGE] = query_page,
    [ROUTE_FORGET] = query_forget,
};

struct routes {
    struct served *served;
    char **patterns; // the patterns with a prefix, which are ours to free
    size_t count, patterns_count;
};

static enum http_method method_named(const char *name)
{
    enum http_method method = HTTP_GET_;

    while (strcmp(http_method_name(method), name) != 0)
        method++;
    return method;
}

static void add_route(struct routes *routes, const struct served *served)
{
    routes->served = mem_resize(routes->served, (routes->count + 1) * sizeof(struct served));
    routes->served[routes->count++] = *served;
}

static const char *prefixed_pattern(struct routes *routes, const char *prefix, const char *path)
{
    struct buf pattern = {0};

    buf_fmt(&pattern, "%s%s", prefix, path);
    routes->patterns = mem_resize(routes->patterns, (routes->patterns_count + 1) * sizeof(char *));
    routes->patterns[routes->patterns_count++] = buf_take(&pattern);
    return routes->patterns[routes->patterns_count - 1];
}

static void add_family_routes(struct routes *routes, const struct family *family)
{
    for (const struct route *route = family->routes; route->method != NULL; route++) {
        struct served served = {.method = method_named(route->method),
                                .pattern = route->path,
                                .needs = NEEDS_KEY,
                                .handle = family_handlers[route->kind],
                                .family = family,
                                .route = route};

        add_route(routes, &served);
        for (const struct family_mode *mode = family->modes; mode != NULL && mode->prefix != NULL;
             mode++) {
            served.pattern = prefixed_pattern(routes, mode->prefix, route->path);
            served.mode = mode->mode;
            add_route(routes, &served);
        }
    }
}

struct routes *routes_new(void)
{
    struct routes *routes = mem_new(struct routes);
    const struct family *family;

    for (size_t i = 0; i < OWN; i++)
        add_route(routes, &own[i]);
    for (size_t i = 0; (family = family_at(i)) != NULL; i++)
        add_family_routes(routes, family);
    return routes;
}

void routes_free(struct routes *routes)
{
    if (routes == NULL)
        return;
    for (size_t i = 0; i < routes->patterns_count; i++)
        free(routes->patterns[i]);
    free(routes->patterns);
    free(routes->served);
    free(routes);
}

const struct served *routes_at(const struct routes *routes, size_t index)
{
    return index < routes->count ? &routes->served[index] : NULL;
}

const struct served *routes_find(const struct routes *routes, enum http_method method,
                                 const char *path, struct pattern_names *names, unsigned *offered)
{
    if (method == HTTP_HEAD_)
        method = HTTP_GET_;
    *offered = 0;
    for (size_t i = 0; i < routes->count; i++) {
        const struct served *served = &routes->served[i];

        if (!pattern_matches(served->pattern, path, names))
            continue;
        if (served->method == method)
            return served;
        *offered |= 1u << served->method;
    }
    *names = (struct pattern_names){0};
    return NULL;
}
