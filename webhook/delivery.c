// One attempt at one delivery.
#include "webhook/delivery.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/message/http_message.h"
#include "core/message/trace.h"
#include "core/store/deliveries.h"
#include "providers/family.h"
#include "webhook/sign.h"

enum { BODY_READ_MAX = 64 << 10 };

struct delivery_call {
    struct http_call *http;
    const struct reach *reach; // borrowed, outlives us
    int64_t started_ms, timeout_ms;
    size_t read_bytes; // read so far of the answer's body, which nobody wants
    delivery_sent_fn fn;
    void *ctx;
};

// Asked for each address that a name has, and for each connection that is used again.
static bool delivery_on_address(const struct sockaddr *address, void *ctx)
{
    const struct delivery_call *call = ctx;

    return reach_has(call->reach, address);
}

static void delivery_describe(const struct delivery_call *call, const struct http_failure *failure,
                              struct delivery_answer *answer)
{
    int status = answer->http_status;

    if (status >= 200 && status < 300)
        return;
    if (status != 0)
        snprintf(answer->error, sizeof answer->error, "the receiver answered %d", status);
    else if (failure == NULL)
        snprintf(answer->error, sizeof answer->error, "the answer isn't HTTP");
    else if (failure->nothing_sent || failure->err.code == ERR_REFUSED)
        // The same text as for an address that is refused, so that nobody can feel out our network.
        snprintf(answer->error, sizeof answer->error, "the receiver can't be reached");
    else if (failure->err.code == ERR_TIMEOUT)
        snprintf(answer->error, sizeof answer->error, "no answer within %lld ms",
                 (long long)call->timeout_ms);
    else
        snprintf(answer->error, sizeof answer->error, "the connection broke before the answer");
}

static void delivery_conclude(struct delivery_call *call, const struct http_response *response,
                              const struct http_failure *failure)
{
    struct delivery_answer answer = {.took_ms = clock_mono_ms() - call->started_ms};
    delivery_sent_fn fn = call->fn;
    void *ctx = call->ctx;
    struct buf scratch = {0};

    // The head is the answer, once it is all there. Its body may be late, cut off or endless.
    if (response->is_head_complete)
        answer.http_status = response->status;
    answer.is_silent =
        answer.http_status == 0 && failure != NULL && failure->err.code == ERR_TIMEOUT;
    answer.retry_after = http_header(response, "retry-after", &scratch);
    delivery_describe(call, failure, &answer);
    delivery_cancel(&call);
    fn(ctx, &answer);
    buf_clear(&scratch);
}

static bool delivery_on_data(void *ctx, const struct http_response *head, const void *data,
                             size_t len)
{
    struct delivery_call *call = ctx;

    (void)data;
    call->read_bytes += len;
    if (call->read_bytes > BODY_READ_MAX)
        delivery_conclude(call, head, NULL);
    return true;
}

static void on_done(void *ctx, const struct http_response *response,
                    const struct http_failure *failure)
{
    struct delivery_call *call = ctx;

    call->http = NULL;
    delivery_conclude(call, response, failure);
}

static void add_headers(struct http_request *request, const struct delivery *delivery,
                        const struct sign_keys *keys)
{
    static const char prefix[] = "task_";
    int64_t now_s = clock_wall_ms() / 1000;
    struct buf signature = {0};
    char id[64], timestamp[24];

    snprintf(id, sizeof id, "msg_%s_%d", delivery->task->id + sizeof prefix - 1, delivery->number);
    snprintf(timestamp, sizeof timestamp, "%lld", (long long)now_s);
    sign_message(keys, id, now_s, request->body.data, request->body.len, &signature);
    http_add_header(request, "Content-Type", "application/json");
    http_add_header(request, "webhook-id", id);
    http_add_header(request, "webhook-timestamp", timestamp);
    http_add_header(request, "webhook-signature", buf_text(&signature));
    trace_add(delivery->task->trace, request);
    buf_clear(&signature);
}

static bool make_body(const struct delivery_sender *sender, struct delivery *delivery,
                      struct err *err)
{
    const char *name = delivery->task->family;
    const struct family *family = name == NULL ? NULL : family_find(name);
    struct buf body = {0};

    if (family == NULL) {
        err_set(err, ERR_INTERNAL, "no family is called \"%s\"", name == NULL ? "" : name);
        return false;
    }
    delivery->task->links = &sender->config->links;
    family->render_callback(delivery->task, &body);
    delivery->body = buf_take(&body);
    return true;
}

struct delivery_call *delivery_send(const struct delivery_sender *sender, struct delivery *delivery,
                                    delivery_sent_fn fn, void *ctx, struct err *err)
{
    struct http_request request = {.method = HTTP_POST_};
    struct http_options options = {.timeout_ms = sender->config->webhook.timeout_ms,
                                   .wants_plain = true, // nobody reads the answer's body
                                   .offers_http2 = true,
                                   .on_data = delivery_on_data};
    struct delivery_call *call;

    if (delivery->body == NULL && !make_body(sender, delivery, err))
        return NULL;
    buf_str(&request.body, delivery->body);
    request.url = mem_str(delivery->task->hook);
    add_headers(&request, delivery, sender->keys);

    call = mem_new(struct delivery_call);
    call->started_ms = clock_mono_ms();
    call->timeout_ms = options.timeout_ms;
    call->fn = fn;
    call->ctx = ctx;
    call->reach = &sender->config->clients_reach;
    options.on_address = delivery_on_address;
    options.ctx = call;
    call->http = http_start(sender->http, &request, &options, on_done);
    return call;
}

void delivery_cancel(struct delivery_call **slot)
{
    if (*slot == NULL)
        return;
    http_cancel(&(*slot)->http);
    free(*slot);
    *slot = NULL;
}
