// POST /v1/callbacks/{id}: a vendor says that something has changed. Whoever knows the path may say
// so, unless the vendor signs what it says; what has changed is found out by asking the vendor.
//
//  task ─▶ its vendor doesn't sign ─────────────────────────▶ noted
//     └──▶ it does ─▶ by a key that we have ───────────────▶ noted
//               ├──▶ by none that we have ─▶ keys fetched ─▶ noted, or refused (401)
//               │                                └── can't ─▶ 503: the vendor calls again
//               └──▶ no signature, an old one ─────────────▶ refused (401)
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/json/json_lenient.h"
#include "core/message/signed_call.h"
#include "core/store/callbacks.h"
#include "core/store/tasks.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"
#include "scheduler/vendor_keys.h"

enum { MAX_LENIENT_BYTES = 1 << 20 }; // no callback is so large

struct told {
    struct task *task;             // that the call is about; ours
    const struct account *account; // NULL: it isn't configured
    struct signed_call call;
};

static void clear_told(void *kept)
{
    struct told *told = kept;

    task_free(told->task);
    signed_call_clear(&told->call);
}

static void note(struct request *request)
{
    const struct told *told = request->kept;
    const struct account *account = told->account;
    const struct task *task = told->task;
    struct buf json = {0}, named = {0};
    const char *upstream_id = NULL;
    struct err why;

    if (account != NULL && account->dialect->read_callback != NULL &&
        account->dialect->read_callback(task, account, request->body, &named, &why))
        upstream_id = buf_text(&named);
    // A call about another job than ours is no hint either.
    if (task->upstream_id == NULL || upstream_id == NULL ||
        strcmp(task->upstream_id, upstream_id) == 0)
        callbacks_note(request->front->callbacks, task->id, upstream_id);
    buf_clear(&named);
    buf_str(&json, "{}");
    request_answer(request, 200, &json);
    buf_clear(&json);
}

// Signatures.

static void refuse(struct request *request, const struct err *err)
{
    const struct told *told = request->kept;

    log_warn("callback.refused", "task=%s account=%s error=\"%s\"", told->task->id,
             told->task->account, err->message);
    request_refuse(request, err);
}

// Whether nobody but the vendor can have made the call, by keys that are the newest there are.
static void decide(struct request *request, const struct buf *keys)
{
    const struct told *told = request->kept;
    struct err err;

    if (signed_call_fits(&told->call, keys)) {
        note(request);
    } else {
        err_set(&err, ERR_AUTH, "the signature isn't the vendor's");
        refuse(request, &err);
    }
}

static void on_keys(void *ctx, const struct buf *keys, const struct err *err)
{
    struct request *request = ctx;

    request_forget(request, AWAIT_KEYS);
    if (err == NULL)
        decide(request, keys);
    else
        request_refuse_with(request, ERR_UNAVAILABLE, "the vendor's keys can't be had");
}

static const char *header(const void *ctx, const char *name)
{
    return http_exchange_header(ctx, name);
}

static void check_signature(struct request *request, const struct dialect_signature *signature)
{
    struct told *told = request->kept;
    struct vendor_keys *all = request->front->vendor_keys;
    const char *url = secret_reveal(account_key(told->account, signature->url_key)), *body;
    const struct buf *keys;
    struct err err;
    bool is_new;
    size_t len;

    body = http_exchange_body(request->exchange, &len);
    if (!signed_call_read(&told->call, signature->prefix, signature->id, header, request->exchange,
                          body, len, clock_wall_ms(), &err)) {
        refuse(request, &err);
        return;
    }
    if (*url == '\0')
        url = signature->keys_url;
    keys = vendor_keys_kept(all, url, &is_new);
    if (keys != NULL && (is_new || signed_call_fits(&told->call, keys)))
        decide(request, keys);
    else
        request_await(request, AWAIT_KEYS, vendor_keys_fetch(all, url, on_keys, request));
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const struct dialect_signature *signature = NULL;
    struct told *told;

    if (!request_got(request, AWAIT_TASKS, err))
        return;
    metric_add(METRIC_vendor_callbacks_total, 1);
    told = request_keep(request, sizeof *told, clear_told);
    told->task = task;
    told->account = config_account(request->front->config, task->account);
    if (told->account != NULL)
        signature = told->account->dialect->callback_signature;
    if (signature != NULL)
        check_signature(request, signature);
    else
        note(request);
}

// A vendor's body may not be quite JSON, as its answers may not: the id in it may be all that is
// known of a job that was paid for.
static bool read_body(struct request *request)
{
    struct err err;
    size_t len;
    const char *text = http_exchange_body(request->exchange, &len);

    request->body = field_parse_body(text, len, &err);
    if (request->body == NULL && len <= MAX_LENIENT_BYTES)
        request->body = json_lenient_read(text, len);
    if (request->body != NULL)
        return true;
    request_refuse(request, &err);
    return false;
}

// Behind a path that we gave out, a body may be as large as a client's.
void callback_admit(struct request *request)
{
    char id[ID_SIZE];
    struct err unknown;

    if (callbacks_check(request->front->callbacks, request->id, id)) {
        snprintf(request->id, PATTERN_NAME_SIZE, "%s", id);
        request_admit(request, ".callbacks");
    } else {
        err_set(&unknown, ERR_NOT_FOUND, "there is no such path");
        request_refuse(request, &unknown);
    }
}

// A question is answered at once, whatever becomes of Redis meanwhile: who asks waits for seconds.
void callback_take(struct request *request)
{
    struct buf json = {0};

    if (!read_body(request))
        return;
    if (provider_answer_callback(request->body, &json))
        request_answer(request, 200, &json);
    else
        request_await(request, AWAIT_TASKS,
                      tasks_get(request->front->store, request->id, NULL, on_task, request));
    buf_clear(&json);
}
