// Requests to vendors' accounts.
//
//  start ── no token wanted, or one is kept ──▶ SENDING ── answer ──▶ done
//    └── else ──▶ ASKING for one ── got it ──▶ ──┘ ▲          └── token refused, once ──▶ ASKING
//                    └── none ──▶ done: nothing sent ┘
#include "workers/vendor.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/http.h"
#include "core/base/json_inline.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/io/loop.h"
#include "providers/provider.h"
#include "providers/token.h"

enum { TOKEN_TIMEOUT_MS = 10000, REST_BYTES_MAX = 16 << 20 };

struct vendors {
    struct loop *loop;
    struct http_client *http; // borrowed, outlives us
    const struct config *config;
    struct token *tokens; // one per account, in the order of the configuration
};

struct vendor_call {
    struct vendors *vendors;
    const struct account *account;
    const struct provider *provider;
    struct http_request request; // ours: it may be sent twice
    struct vendor_options options;
    http_done_fn done;
    // At most one of these is set.
    struct http_call *asking, *sending;
    struct loop_timer *failing;
    struct err err; // while failing
    struct json_inline scan;
    struct http_response rest; // what we collected of an answer
    bool is_too_large;
    bool is_second; // the token was refused before
};

struct vendors *vendors_new(struct loop *loop, struct http_client *http,
                            const struct config *config)
{
    struct vendors *vendors = mem_new(struct vendors);

    vendors->loop = loop;
    vendors->http = http;
    vendors->config = config;
    vendors->tokens = mem_array(struct token, config->account_count);
    return vendors;
}

void vendors_drop(struct vendors **vendors)
{
    if (*vendors == NULL)
        return;
    for (size_t i = 0; i < (*vendors)->config->account_count; i++)
        token_clear(&(*vendors)->tokens[i]);
    free((*vendors)->tokens);
    free(*vendors);
    *vendors = NULL;
}

void vendor_cancel(struct vendor_call **call)
{
    struct vendor_call *c = *call;

    if (c == NULL)
        return;
    *call = NULL;
    http_cancel(&c->asking);
    http_cancel(&c->sending);
    loop_cancel(&c->failing);
    http_request_clear(&c->request);
    http_response_clear(&c->rest);
    free(c);
}

void vendor_resume(struct vendor_call *call)
{
    if (call->sending != NULL)
        http_resume(call->sending);
}

static struct token *token_of(const struct vendor_call *call)
{
    return &call->vendors->tokens[call->account - call->vendors->config->accounts];
}

static void finish(struct vendor_call *call, const struct http_response *response,
                   const struct http_failure *failure)
{
    http_done_fn done = call->done;
    void *ctx = call->options.http.ctx;
    struct http_response rest = call->rest;

    // What we collected stays until the callee has read it.
    if (response == &call->rest)
        response = &rest;
    call->rest = (struct http_response){0};
    vendor_cancel(&call);
    done(ctx, response, failure);
    http_response_clear(&rest);
}

static void on_failing(void *ctx)
{
    struct vendor_call *call = ctx;
    struct http_failure failure = {.err = call->err, .nothing_sent = true};
    struct http_response response = {0};

    call->failing = NULL;
    finish(call, &response, &failure);
}

// Later: vendor_start may not have returned yet.
static void fail(struct vendor_call *call, const struct err *err)
{
    call->err = *err;
    call->failing = loop_after(call->vendors->loop, 0, on_failing, call);
}

// The answer.

static bool collects(const struct vendor_call *call)
{
    return call->options.http.on_data == NULL && call->provider->inline_keys != NULL;
}

// Whether a piece of the body is the caller's; what tells of a refused token is ours.
static bool on_data(void *ctx, const struct http_response *head, const void *data, size_t len)
{
    struct vendor_call *call = ctx;

    if (!collects(call) && head->status != 401)
        return call->options.http.on_data(call->options.http.ctx, head, data, len);
    if (call->rest.body.len > REST_BYTES_MAX)
        call->is_too_large = true;
    else if (call->provider->inline_keys == NULL)
        buf_add(&call->rest.body, data, len);
    else
        json_inline_feed(&call->scan, data, len, &call->rest.body, NULL);
    return true;
}

static bool on_address(const struct sockaddr *address, void *ctx)
{
    struct vendor_call *call = ctx;

    return call->options.http.on_address(address, call->options.http.ctx);
}

static void get_token(struct vendor_call *call);

static void on_answer(void *ctx, const struct http_response *response,
                      const struct http_failure *failure)
{
    struct vendor_call *call = ctx;
    struct http_failure too_large = {0};

    call->sending = NULL;
    if (call->rest.body.len > 0) {
        call->rest.status = response->status;
        buf_add(&call->rest.headers, buf_text(&response->headers), response->headers.len);
        response = &call->rest;
    }
    if (call->is_too_large && failure == NULL) {
        err_set(&too_large.err, ERR_TOO_LARGE, "the answer is too large");
        failure = &too_large;
    }
    if (failure == NULL && !call->is_second && call->request.wants_token &&
        call->provider->is_token_refused != NULL && call->provider->is_token_refused(response)) {
        log_info("token.refused", "account=%s", call->account->name);
        token_clear(token_of(call));
        http_response_clear(&call->rest);
        call->is_second = true;
        get_token(call);
        return;
    }
    finish(call, response, failure);
}

static void copy_request(const struct http_request *from, struct http_request *to)
{
    *to = (struct http_request){
        .method = from->method, .url = mem_str(from->url), .timeout_ms = from->timeout_ms};
    if (from->headers.len > 0)
        buf_add(&to->headers, from->headers.data, from->headers.len);
    if (from->body.len > 0)
        buf_add(&to->body, from->body.data, from->body.len);
}

static void send_now(struct vendor_call *call)
{
    struct http_options options = call->options.http;
    struct http_request request = {0};
    struct err err;

    if (call->options.may_send != NULL && !call->options.may_send(options.ctx)) {
        err_set(&err, ERR_TIMEOUT, "it took too long until the request could leave");
        fail(call, &err);
        return;
    }
    if (call->request.wants_token) {
        copy_request(&call->request, &request); // it may be sent once more
        http_add_bearer(&request, token_of(call)->text);
    } else {
        request = call->request;
        call->request = (struct http_request){0};
    }
    if (request.timeout_ms > 0)
        options.timeout_ms = request.timeout_ms;
    if (options.on_data != NULL || collects(call))
        options.on_data = on_data;
    if (options.on_address != NULL)
        options.on_address = on_address;
    options.ctx = call;
    call->scan = (struct json_inline){.keys = call->provider->inline_keys, .wanted = -1};
    call->sending = http_start(call->vendors->http, &request, &options, on_answer);
    http_request_clear(&request);
}

// The token.

static void on_token(void *ctx, const struct http_response *response,
                     const struct http_failure *failure)
{
    struct vendor_call *call = ctx;
    struct err err;

    call->asking = NULL;
    if (failure != NULL)
        fail(call, &failure->err);
    else if (call->provider->read_token(response, clock_wall_ms(), token_of(call), &err))
        send_now(call);
    else
        fail(call, &err);
}

static void get_token(struct vendor_call *call)
{
    struct http_options options = {.timeout_ms = TOKEN_TIMEOUT_MS, .ctx = call};
    struct http_request request = {0};
    struct token *token = token_of(call);
    struct err err;

    if (token->text != NULL && clock_wall_ms() < token->renew_ms) {
        send_now(call);
        return;
    }
    token_clear(token);
    if (!call->provider->build_token(call->account, clock_wall_ms(), token, &request, &err))
        fail(call, &err);
    else if (token->text != NULL)
        send_now(call);
    else
        call->asking = http_start(call->vendors->http, &request, &options, on_token);
    http_request_clear(&request);
}

struct vendor_call *vendor_start(struct vendors *vendors, const struct account *account,
                                 struct http_request *request, const struct vendor_options *options,
                                 http_done_fn done)
{
    struct vendor_call *call = mem_new(struct vendor_call);

    call->vendors = vendors;
    call->account = account;
    call->provider = provider_find(account->provider);
    call->request = *request;
    *request = (struct http_request){0};
    call->options = *options;
    call->done = done;
    if (call->request.wants_token)
        get_token(call);
    else
        send_now(call);
    return call;
}
