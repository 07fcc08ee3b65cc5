// The webhook log of a task, and sending a delivery once more.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/store/deliveries.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/family.h"
#include "scheduler/api.h"
#include "scheduler/handlers.h"

static void write_entry(struct buf *json, const struct family *family,
                        const struct delivery_entry *entry)
{
    buf_fmt(json,
            "{\"n\":%d,\"status_word\":\"%s\",\"phase\":\"%s\",\"version\":%d,"
            "\"status\":\"%s\",\"attempts\":%d,\"created_at\":%lld,\"last_attempt_at\":",
            entry->number, family->word(entry->view.phase, entry->view.is_modal),
            task_phase_name(entry->view.phase), entry->view.version, entry->status, entry->tries,
            (long long)entry->created_ms);
    if (entry->tries > 0)
        buf_int(json, entry->tried_ms);
    else
        buf_str(json, "null");
    buf_fmt(json, ",\"http_status\":%d,\"took_ms\":%lld,\"error\":", entry->http_status,
            (long long)entry->took_ms);
    buf_json_str(json, entry->error);
    buf_char(json, '}');
}

static void on_log(void *ctx, const char *url, const struct delivery_entry *entries, size_t count,
                   const struct err *err)
{
    struct request *request = ctx;
    const struct family *family = family_find(request->task->family);
    struct buf json = {0};

    (void)url; // it may carry the client's secrets
    request->log = NULL;
    if (err != NULL) {
        request_refuse(request, err);
        return;
    }
    buf_str(&json, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < count && family != NULL; i++) {
        if (i > 0)
            buf_char(&json, ',');
        write_entry(&json, family, &entries[i]);
    }
    buf_str(&json, "]}");
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;

    request->op = NULL;
    if (err != NULL) {
        request_refuse(request, err);
        return;
    }
    request->task = task;
    request->log = deliveries_read(request->api->store, task->id, on_log, request);
}

void deliveries_show(struct request *request)
{
    request->op = tasks_get(request->api->store, request->id, request->owner, on_task, request);
}

static void on_sent_again(void *ctx, const struct err *err)
{
    struct request *request = ctx;
    struct buf json = {0};

    request->call = NULL;
    if (err != NULL) {
        request_refuse(request, err);
        return;
    }
    buf_fmt(&json, "{\"object\":\"delivery\",\"n\":%s,\"status\":\"pending\"}",
            request->names.at[1]);
    request_answer(request, 200, &json);
    buf_clear(&json);
}

void deliveries_send_again(struct request *request)
{
    const char *text = request->names.at[1];
    char *end;
    long number = strtol(text, &end, 10);
    struct err err;

    if (*end != '\0' || end == text || number < 1 || number > 100000) {
        err_set(&err, ERR_NOT_FOUND, "no such delivery");
        request_refuse(request, &err);
        return;
    }
    request->call = deliveries_redeliver(request->api->store, request->id, request->owner,
                                         (int)number, on_sent_again, request);
}
