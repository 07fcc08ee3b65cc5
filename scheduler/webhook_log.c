// The webhook log of a task, and sending a delivery once more.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/store/deliveries.h"
#include "core/store/store.h"
#include "core/store/tasks.h"
#include "providers/family.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

enum { MAX_NUMBER = 100000 };

// While the log is read.
struct shown {
    const struct family *family; // NULL: a family that we don't know any more
};

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
    const struct shown *shown = request->kept;
    struct buf json = {0};

    (void)url; // not shown: the URL may carry the client's secrets
    if (!request_got(request, AWAIT_LOG, err))
        return;
    buf_str(&json, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < count && shown->family != NULL; i++) {
        if (i > 0)
            buf_char(&json, ',');
        write_entry(&json, shown->family, &entries[i]);
    }
    buf_str(&json, "]}");
    request_answer(request, 200, &json);
    buf_clear(&json);
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    struct shown *shown;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    shown = request_keep(request, sizeof *shown, NULL);
    shown->family = family_find(task->family);
    request_await(request, AWAIT_LOG,
                  deliveries_read(request->front->store, task->id, on_log, request));
    task_free(task);
}

void deliveries_show(struct request *request)
{
    request_get_task(request, on_task);
}

// Which delivery the path names; 0: none.
static int number_of(const struct request *request)
{
    const char *text = request->names.at[1];
    char *end;
    long number = strtol(text, &end, 10);

    return *end != '\0' || end == text || number < 1 || number > MAX_NUMBER ? 0 : (int)number;
}

static void on_sent_again(void *ctx, const struct err *err)
{
    struct request *request = ctx;
    struct buf json = {0};

    if (!request_got(request, AWAIT_STORE, err))
        return;
    buf_fmt(&json, "{\"object\":\"delivery\",\"n\":%d,\"status\":\"pending\"}", number_of(request));
    request_answer(request, 200, &json);
    buf_clear(&json);
}

void deliveries_send_again(struct request *request)
{
    int number = number_of(request);

    if (number == 0) {
        request_refuse_with(request, ERR_NOT_FOUND, "no such delivery");
        return;
    }
    request_await(request, AWAIT_STORE,
                  deliveries_redeliver(request->front->store, request->id, request_scope(request),
                                       number, on_sent_again, request));
}
