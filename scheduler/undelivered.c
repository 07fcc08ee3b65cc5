// Deliveries of all keys that haven't arrived: listed and sent once more, by a filter.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/store/deliveries.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

enum { MOST = 1000 };

static const char exhausted[] = "exhausted";

// As many calls as it takes: each looks at a part of the tasks.
struct search {
    struct undelivered_filter filter; // borrows from the request
    struct buf json;                  // the list
    int64_t count;                    // found, or sent once more
};

static void search_clear(void *kept)
{
    struct search *search = kept;

    buf_clear(&search->json);
}

// `status`, `host`, `since`: as the query or the body has them, whose form has been checked. NULL
// or "": not given.
static struct search *begin_search(struct request *request, const char *status, const char *host,
                                   const char *since)
{
    struct search *search = request_keep(request, sizeof *search, search_clear);

    search->filter = (struct undelivered_filter){
        .status = status == NULL || *status == '\0' ? exhausted : status,
        .host = host,
        .since_ms = since == NULL ? 0 : strtoll(since, NULL, 10),
        .limit = MOST,
    };
    return search;
}

static void write_undelivered(struct buf *json, const struct undelivered *one)
{
    const struct delivery_entry *entry = &one->entry;

    buf_fmt(json, "{\"object\":\"delivery\",\"task\":\"%s\",\"n\":%d,\"host\":", one->task,
            entry->number);
    buf_json_str(json, one->receiver);
    buf_str(json, ",\"key\":");
    buf_json_str(json, one->key);
    buf_fmt(json,
            ",\"status\":\"%s\",\"phase\":\"%s\",\"attempts\":%d,\"created_at\":%lld,"
            "\"last_attempt_at\":",
            entry->status, task_phase_name(entry->view.phase), entry->tries,
            (long long)entry->created_ms);
    if (entry->tries > 0)
        buf_int(json, entry->tried_ms);
    else
        buf_str(json, "null");
    buf_fmt(json, ",\"http_status\":%d,\"error\":", entry->http_status);
    buf_json_str(json, entry->error);
    buf_char(json, '}');
}

static void find_more(struct request *request);

static void on_found(void *ctx, const struct undelivered *list, size_t count, int64_t next,
                     const struct err *err)
{
    struct request *request = ctx;
    struct search *search = request->kept;
    struct buf json;

    if (!request_got(request, AWAIT_STORE, err))
        return;
    for (size_t i = 0; i < count; i++) {
        buf_str(&search->json, search->count++ == 0 ? "{\"object\":\"list\",\"data\":[" : ",");
        write_undelivered(&search->json, &list[i]);
    }
    search->filter.passed = next;
    if (next >= 0 && search->count < MOST) {
        find_more(request);
        return;
    }
    if (search->count == 0)
        buf_str(&search->json, "{\"object\":\"list\",\"data\":[");
    buf_fmt(&search->json, "],\"has_more\":%s}", next >= 0 ? "true" : "false");
    json = search->json; // the search goes with the request
    search->json = (struct buf){0};
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void find_more(struct request *request)
{
    const struct search *search = request->kept;

    request_await(request, AWAIT_STORE,
                  deliveries_find(request->front->store, &search->filter, on_found, request));
}

void operator_deliveries(struct request *request)
{
    struct http_exchange *exchange = request->exchange;

    begin_search(request, http_exchange_query(exchange, "status"),
                 http_exchange_query(exchange, "host"), http_exchange_query(exchange, "since"));
    find_more(request);
}

static void redeliver_more(struct request *request);

static void on_redelivered(void *ctx, int64_t count, int64_t next, const struct err *err)
{
    struct request *request = ctx;
    struct search *search = request->kept;
    struct buf json = {0};

    if (!request_got(request, AWAIT_STORE, err))
        return;
    search->count += count;
    search->filter.passed = next;
    if (next >= 0) {
        redeliver_more(request);
        return;
    }
    buf_fmt(&json, "{\"object\":\"redelivery\",\"count\":%lld}", (long long)search->count);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void redeliver_more(struct request *request)
{
    const struct search *search = request->kept;

    request_await(
        request, AWAIT_STORE,
        deliveries_redeliver_all(request->front->store, &search->filter, on_redelivered, request));
}

void operator_redeliver(struct request *request)
{
    struct search *search;
    int64_t since_ms;

    if (!request_read_body(request))
        return;
    search = begin_search(request, field_str_or_empty(request->body, "status"),
                          field_str_or_empty(request->body, "host"),
                          field_str_or_empty(request->body, "since"));
    since_ms = field_int_or(request->body, "since", 0);
    if (since_ms > 0) // a number, not a string of one
        search->filter.since_ms = since_ms;
    if (strcmp(search->filter.status, exhausted) != 0)
        request_refuse_with(request, ERR_INVALID, "status: only exhausted ones are sent once more");
    else
        redeliver_more(request);
}
