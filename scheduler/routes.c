// The table of all routes, and who serves a path.
#include "scheduler/routes.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field_check.h"
#include "providers/family.h"
#include "providers/family_common.h"
#include "scheduler/batch_read.h"
#include "scheduler/handlers.h"
#include "scheduler/pattern.h"

// Queries and bodies.

static const char *const statuses[] = {"queued", "in_progress", "succeeded",
                                       "failed", "cancelled",   NULL};
static const char *const undelivered[] = {"exhausted", "pending", "retrying", NULL};
static const char *const ways[] = {"adopt", "archive", "resubmit", NULL};

static const struct field_rule wait_query[] = {
    {.path = "wait",
     .kind = FIELD_COUNT,
     .max = ROUTES_MAX_WAIT_S,
     .about = "For so many seconds at most, the answer waits for the task's next change."},
    {0},
};
static const struct field_rule index_query[] = {
    {.path = "status", .kind = FIELD_WORD, .words = statuses},
    {.path = "provider", .kind = FIELD_TEXT, .about = "Its name, as in an account."},
    {.path = "limit",
     .kind = FIELD_COUNT,
     .min = 1,
     .max = ROUTES_MAX_LIMIT,
     .about = "How many at most. The default is 20."},
    {.path = "after", .kind = FIELD_TASK, .about = "What next was in the answer before."},
    {.path = "key", .kind = FIELD_TEXT, .about = "Whose tasks; for operators."},
    {.path = "account", .kind = FIELD_TEXT, .about = "Of which account; for operators."},
    {.path = "since", .kind = FIELD_TIME, .about = "Made since then."},
    {0},
};
static const struct field_rule undelivered_rules[] = {
    {.path = "status",
     .kind = FIELD_WORD,
     .words = undelivered,
     .about = "The default is exhausted."},
    {.path = "host", .kind = FIELD_TEXT, .about = "Of the receivers, with or without a port."},
    {.path = "since", .kind = FIELD_TIME},
    {0},
};
static const struct field_rule batch_items[] = {
    {.path = "path",
     .kind = FIELD_TEXT,
     .is_required = true,
     .about = "Of a route that makes a task by POST."},
    {.path = "body", .kind = FIELD_OBJECT, .about = "What would be posted to it."},
    {.path = "idempotency_key", .kind = FIELD_TEXT, .max = 255, .about = "As Idempotency-Key."},
    {0},
};
static const struct field_rule batch_body[] = {
    {.path = "requests",
     .kind = FIELD_ARRAY,
     .is_required = true,
     .min = 1,
     .max = BATCH_MAX,
     .items = batch_items},
    {0},
};
static const struct field_rule base64_body[] = {
    {.path = "base64", .kind = FIELD_TEXT, .about = "The file, perhaps as a data URL."},
    {.path = "data", .kind = FIELD_TEXT, .about = "The same as base64."},
    {0},
};
static const struct field_rule link_body[] = {
    {.path = "url", .kind = FIELD_LINK, .is_required = true, .about = "Of a file to be fetched."},
    {0},
};
static const struct field_rule presign_body[] = {
    {.path = "content_type",
     .kind = FIELD_TEXT,
     .is_required = true,
     .about = "Of the file that will be put there, as in image/png."},
    {0},
};
static const struct field_rule resolve_body[] = {
    {.path = "do",
     .kind = FIELD_WORD,
     .is_required = true,
     .words = ways,
     .about = "adopt: follow the vendor's job; archive: fetch its files again; resubmit."},
    {.path = "upstream_id",
     .kind = FIELD_TEXT,
     .max = ROUTES_MAX_UPSTREAM_ID,
     .about = "The vendor's id of the job, to adopt; where the task doesn't have it."},
    {0},
};

#define LINK_EXAMPLE "{'url':'https://example.com/first.png'}"
static const struct served own[] = {
    {HTTP_GET_, "/v1/tasks/{id}", NEEDS_KEY, .handle = tasks_show, .query = wait_query,
     .summary = "Show a task, or wait for its next change", .answer = "Task", .statuses = "429"},
    {HTTP_POST_, "/v1/tasks/batch", NEEDS_KEY, .handle = batch_submit, .body = batch_body,
     .summary = "Submit many: each is answered as if it had come alone",
     .example = "{'requests':[{'path':'/mj/submit/imagine','body':{'prompt':'a lighthouse'},"
                "'idempotency_key':'night-1'}]}",
     .answer = "BatchAnswer", .statuses = "429"},
    {HTTP_GET_, "/v1/tasks", NEEDS_KEY, .handle = tasks_index, .query = index_query,
     .summary = "List the tasks, newest first", .answer = "TaskList"},
    {HTTP_POST_, "/v1/tasks/{id}/cancel", NEEDS_KEY, .handle = tasks_cancel_one,
     .summary = "Cancel a task", .answer = "Task", .statuses = "409"},
    {HTTP_GET_, "/v1/tasks/{id}/timeline", NEEDS_KEY, .handle = tasks_show_timeline,
     .summary = "Show what happened to a task, and when", .answer = "Timeline"},
    {HTTP_GET_, "/v1/tasks/{id}/request", NEEDS_KEY, .handle = tasks_show_request,
     .summary = "Show what a task was made of, without its secrets", .answer = "Request"},
    {HTTP_GET_, "/v1/tasks/{id}/deliveries", NEEDS_KEY, .handle = deliveries_show,
     .summary = "Show the webhooks of a task", .answer = "DeliveryList"},
    {HTTP_POST_, "/v1/tasks/{id}/deliveries/{n}/redeliver", NEEDS_KEY,
     .handle = deliveries_send_again, .summary = "Send a webhook once more",
     .answer = "Redelivered", .statuses = "409"},
    {HTTP_GET_, "/v1/tasks/{id}/events", NEEDS_KEY, .handle = stream_start, .may_query = true,
     .asks_start = true, .summary = "Watch a task: Server-Sent Events; 204 once all has been told",
     .answer = "text/event-stream", .statuses = "204 429"},
    {HTTP_GET_, "/v1/events", NEEDS_KEY, .handle = websocket_start, .may_query = true,
     .asks_start = true, .summary = "Watch tasks: a WebSocket", .statuses = "101 400 403 426 429"},
    {HTTP_POST_, "/v1/events/token", NEEDS_KEY, .handle = read_token_give, .asks_start = true,
     .summary = "Get a token that is good for watching alone, for ten minutes",
     .answer = "ReadToken"},
    {HTTP_GET_, "/v1/models", NEEDS_KEY, .handle = models_list, .summary = "List the models",
     .answer = "ModelList"},
    {HTTP_POST_, "/v1/files/uploads", NEEDS_KEY, .handle = uploads_form,
     .summary = "Keep a file of a form for a while, under a link that submits take",
     .answer = "Upload", .takes_form = true},
    {HTTP_POST_, "/v1/files/uploads/base64", NEEDS_KEY, .handle = uploads_base64,
     .body = base64_body, .summary = "The same, of base64",
     .example = "{'base64':'" FAMILY_PNG "'}", .answer = "Upload"},
    {HTTP_POST_, "/v1/files/uploads/url", NEEDS_KEY, .handle = uploads_link, .body = link_body,
     .summary = "The same, of a link", .example = LINK_EXAMPLE, .answer = "Upload"},
    {HTTP_POST_, "/v1/files/uploads/presign", NEEDS_KEY, .handle = uploads_presign,
     .body = presign_body, .summary = "Get a place to put a file to",
     .example = "{'content_type':'image/png'}", .answer = "UploadPlace"},
    {HTTP_PUT_, "/v1/files/uploads/{name}", NEEDS_NONE, .handle = uploads_take,
     .admit = uploads_admit, .summary = "Put a file to a place that was given", .answer = "Upload",
     .takes_bytes = true},
    {HTTP_POST_, "/v1/callbacks/{token}", NEEDS_NONE, .handle = callback_take,
     .admit = callback_admit, .summary = "Of vendors: a job may have news", .example = "{}",
     .answer = "Empty"},
    {HTTP_GET_, "/admin/v1/overview", NEEDS_OPERATOR, .handle = operator_overview,
     .is_private = true, .summary = "Show how all of Spool stands", .answer = "Overview"},
    {HTTP_GET_, "/admin/v1/accounts", NEEDS_OPERATOR, .handle = operator_accounts,
     .is_private = true, .summary = "Show the accounts", .answer = "AccountList"},
    {HTTP_POST_, "/admin/v1/accounts/{name}/test", NEEDS_OPERATOR, .handle = operator_test,
     .is_private = true, .summary = "Ask an account's vendor something free",
     .answer = "AccountTest"},
    {HTTP_POST_, "/admin/v1/accounts/{name}/disable", NEEDS_OPERATOR, .handle = operator_disable,
     .is_private = true, .summary = "Give an account no more jobs", .answer = "Account"},
    {HTTP_POST_, "/admin/v1/accounts/{name}/enable", NEEDS_OPERATOR, .handle = operator_enable,
     .is_private = true, .summary = "Give an account jobs again", .answer = "Account"},
    {HTTP_POST_, "/admin/v1/tasks/{id}/resolve", NEEDS_OPERATOR, .handle = operator_resolve,
     .is_private = true, .body = resolve_body, .summary = "Take up a task that has failed",
     .example = "{'do':'archive'}", .answer = "Task", .statuses = "409"},
    {HTTP_GET_, "/admin/v1/deliveries", NEEDS_OPERATOR, .handle = operator_deliveries,
     .is_private = true, .query = undelivered_rules, .summary = "List webhooks that didn't arrive",
     .answer = "UndeliveredList"},
    {HTTP_POST_, "/admin/v1/deliveries/redeliver", NEEDS_OPERATOR, .handle = operator_redeliver,
     .is_private = true, .body = undelivered_rules, .summary = "Send exhausted webhooks once more",
     .example = "{'host':'example.com'}", .answer = "Redelivery"},
    {HTTP_GET_, "/media/*", NEEDS_NONE, .handle = media_serve, .has_no_body = true,
     .summary = "Download an archived file", .answer = "application/octet-stream",
     .statuses = "206 304 404 416"},
    {HTTP_GET_, "/", NEEDS_NONE, .handle = page_show, .has_no_body = true,
     .summary = "Show the page for people", .answer = "text/html", .statuses = "304"},
    {HTTP_GET_, "/page/{name}", NEEDS_NONE, .handle = page_show_file, .has_no_body = true,
     .summary = "Show a file of the page", .answer = "text/javascript", .statuses = "304"},
    {HTTP_GET_, "/openapi.json", NEEDS_NONE, .handle = openapi_show, .has_no_body = true,
     .summary = "This document", .answer = "application/json", .statuses = "304"},
    {HTTP_GET_, "/healthz", NEEDS_NONE, .handle = health_alive, .has_no_body = true,
     .summary = "Say that the process is alive", .answer = "Health"},
    {HTTP_GET_, "/readyz", NEEDS_NONE, .handle = health_ready, .has_no_body = true,
     .asks_start = true, .summary = "Say whether submits can be taken, and what is missing",
     .answer = "Readiness", .statuses = "503"},
    {HTTP_GET_, "/metrics", NEEDS_NONE, .handle = health_metrics, .has_no_body = true,
     .is_private = true, .summary = "Show the metrics, for Prometheus", .answer = "text/plain"},
};
enum { OWN = sizeof own / sizeof own[0] };

static void (*const family_handlers[])(struct request *request) = {
    [ROUTE_SUBMIT] = submit_handle,    [ROUTE_ASK] = submit_ask,
    [ROUTE_RESULT] = submit_result,    [ROUTE_FETCH] = query_fetch,
    [ROUTE_LIST] = query_list,         [ROUTE_CONTENT] = content_serve,
    [ROUTE_PAGE] = query_page,         [ROUTE_FORGET] = query_forget,
    [ROUTE_CANCEL] = tasks_cancel_one, [ROUTE_OUTCOME] = result_show,
};

struct routes {
    struct served *served;
    char **patterns; // the patterns with a prefix, which are ours to free
    size_t count, patterns_count;
    const struct served **plain; // those without a name in their pattern, sorted
    size_t plain_count;
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
                                .query = route->query,
                                .summary = route->summary,
                                .example = route->example,
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

static int compare_plain(const void *a, const void *b)
{
    const struct served *one = *(const struct served *const *)a;
    const struct served *other = *(const struct served *const *)b;
    int by_path = strcmp(one->pattern, other->pattern);

    return by_path != 0 ? by_path : (int)one->method - (int)other->method;
}

static int compare_in_order(const void *a, const void *b)
{
    const struct served *one = *(const struct served *const *)a;
    const struct served *other = *(const struct served *const *)b;
    int by_path = compare_plain(a, b);

    return by_path != 0 ? by_path : (one > other) - (one < other);
}

// Of those that are the same, the first of the table serves.
static void sort_plain(struct routes *routes)
{
    size_t count = 0, kept = 0;

    routes->plain = mem_array(const struct served *, routes->count);
    for (size_t i = 0; i < routes->count; i++)
        if (strpbrk(routes->served[i].pattern, "{*") == NULL)
            routes->plain[count++] = &routes->served[i];
    qsort(routes->plain, count, sizeof *routes->plain, compare_in_order);
    for (size_t i = 0; i < count; i++)
        if (i == 0 || compare_plain(&routes->plain[i - 1], &routes->plain[i]) != 0)
            routes->plain[kept++] = routes->plain[i];
    routes->plain_count = kept;
}

struct routes *routes_new(void)
{
    struct routes *routes = mem_new(struct routes);
    const struct family *family;

    for (size_t i = 0; i < OWN; i++)
        add_route(routes, &own[i]);
    for (size_t i = 0; (family = family_at(i)) != NULL; i++)
        add_family_routes(routes, family);
    sort_plain(routes);
    return routes;
}

void routes_free(struct routes *routes)
{
    if (routes == NULL)
        return;
    for (size_t i = 0; i < routes->patterns_count; i++)
        free(routes->patterns[i]);
    free(routes->patterns);
    free(routes->plain);
    free(routes->served);
    free(routes);
}

const struct served *routes_at(const struct routes *routes, size_t index)
{
    return index < routes->count ? &routes->served[index] : NULL;
}

// Most requests are for these; NULL: the path may still match a pattern.
static const struct served *find_plain(const struct routes *routes, enum http_method method,
                                       const char *path)
{
    const struct served asked = {.method = method, .pattern = path}, *key = &asked;
    const struct served **found =
        bsearch(&key, routes->plain, routes->plain_count, sizeof *routes->plain, compare_plain);

    return found == NULL ? NULL : *found;
}

const struct served *routes_find(const struct routes *routes, enum http_method method,
                                 const char *path, struct pattern_names *names, unsigned *offered)
{
    const struct served *plain;

    if (method == HTTP_HEAD_)
        method = HTTP_GET_;
    *offered = 0;
    plain = find_plain(routes, method, path);
    if (plain != NULL) {
        *names = (struct pattern_names){0};
        return plain;
    }
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

// A route of the path that has another method than was asked for; NULL: nobody serves the path.
static const struct served *find_offered(const struct routes *routes, const char *path,
                                         unsigned offered)
{
    struct pattern_names names;
    enum http_method method = HTTP_GET_;
    unsigned others;

    if (offered == 0)
        return NULL;
    while ((offered & 1u << method) == 0)
        method++;
    return routes_find(routes, method, path, &names, &others);
}

const struct served *routes_find_open(const struct routes *routes, enum http_method method,
                                      const char *path, bool has_private,
                                      struct pattern_names *names, unsigned *offered,
                                      const struct served **any)
{
    const struct served *served = routes_find(routes, method, path, names, offered);

    *any = served != NULL ? served : find_offered(routes, path, *offered);
    if (*any == NULL || has_private || !(*any)->is_private)
        return served;
    *any = NULL;
    *offered = 0;
    return NULL;
}
