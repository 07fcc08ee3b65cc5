// Requests to vendors' accounts.
//
//  start ── no token wanted, or one is kept ──▶ SENDING ── answer ──▶ done
//    └── else ──▶ WAITING for one ── it came ──────┘ └── token refused, once ──▶ WAITING
//                    └── none to be had ──▶ FAILING ──▶ done: nothing sent
//
// However many requests wait for an account's token, it is asked for once.
#include "workers/vendor.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/json/json_inline.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "providers/provider.h"
#include "providers/token.h"

enum { TOKEN_TIMEOUT_MS = 10000, REST_BYTES_MAX = 16 << 20 };

// The token of one account.
struct keeper {
    struct vendors *vendors;
    const struct account *account;
    struct token token;
    unsigned serial;  // the number of the token
    int64_t renew_ms; // of our monotonic clock: the wall clock may be set
    struct http_call *asking;
    struct vendor_call *waiting; // the calls that wait for the token, the last first
};

struct vendors {
    struct loop *loop;
    struct http_client *http; // borrowed, outlives us
    const struct config *config;
    struct keeper *keepers; // in the order of the configuration's accounts
};

struct vendor_call {
    struct vendors *vendors;
    const struct account *account;
    struct http_request request; // ours: the request may be sent twice
    struct vendor_options options;
    http_done_fn done;
    // Between events exactly one of these is set.
    struct keeper *keeper; // while WAITING: we are in its list
    struct http_call *sending;
    struct loop_timer *failing;

    struct vendor_call *next, **at; // of the list of calls
    struct err err;                 // while FAILING
    unsigned serial;                // the number of the token that the request was sent with
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
    vendors->keepers = mem_array(struct keeper, config->account_count);
    for (size_t i = 0; i < config->account_count; i++)
        vendors->keepers[i] = (struct keeper){.vendors = vendors, .account = &config->accounts[i]};
    return vendors;
}

void vendors_drop(struct vendors **vendors)
{
    if (*vendors == NULL)
        return;
    for (size_t i = 0; i < (*vendors)->config->account_count; i++) {
        http_cancel(&(*vendors)->keepers[i].asking);
        token_clear(&(*vendors)->keepers[i].token);
    }
    free((*vendors)->keepers);
    free(*vendors);
    *vendors = NULL;
}

static void call_stop_waiting(struct vendor_call *call)
{
    *call->at = call->next;
    if (call->next != NULL)
        call->next->at = call->at;
    call->keeper = NULL;
}

void vendor_cancel(struct vendor_call **call)
{
    struct vendor_call *c = *call;

    if (c == NULL)
        return;
    *call = NULL;
    if (c->keeper != NULL)
        call_stop_waiting(c);
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

static struct keeper *call_keeper(const struct vendor_call *call)
{
    return &call->vendors->keepers[call->account - call->vendors->config->accounts];
}

static void call_count(const struct vendor_call *call, const struct http_response *response,
                       const struct http_failure *failure)
{
    static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    int class = response->status / 100;
    const char *result = failure == NULL                    ? classes[class < 6 ? class : 0]
                         : failure->err.code == ERR_TIMEOUT ? "timeout"
                         : failure->nothing_sent            ? "unreachable"
                                                            : "broken";

    metric_count(METRICS_vendor_requests_total, call->account->name, call->options.kind, result);
}

static void call_finish(struct vendor_call *call, const struct http_response *response,
                        const struct http_failure *failure)
{
    http_done_fn done = call->done;
    void *ctx = call->options.http.ctx;
    struct http_response rest = call->rest;

    call_count(call, response, failure);
    // What we collected stays until the callee has read it.
    if (response == &call->rest)
        response = &rest;
    call->rest = (struct http_response){0};
    vendor_cancel(&call);
    done(ctx, response, failure);
    http_response_clear(&rest);
}

static void call_on_failing(void *ctx)
{
    struct vendor_call *call = ctx;
    struct http_failure failure = {.err = call->err, .nothing_sent = true};
    struct http_response response = {0};

    call->failing = NULL;
    call_finish(call, &response, &failure);
}

// Fails in a later turn: vendor_start may not have returned yet.
static void call_fail(struct vendor_call *call, const struct err *err)
{
    call->err = *err;
    call->failing = loop_after(call->vendors->loop, 0, call_on_failing, call);
}

// The answer.

static bool call_collects(const struct vendor_call *call)
{
    return call->options.http.on_data == NULL && call->account->dialect->inline_keys != NULL;
}

// Hands a piece of the body to the caller, unless it tells of a refused token: that is for us.
static bool call_on_data(void *ctx, const struct http_response *head, const void *data, size_t len)
{
    struct vendor_call *call = ctx;

    if (!call_collects(call) && head->status != 401)
        return call->options.http.on_data(call->options.http.ctx, head, data, len);
    if (call->rest.body.len > REST_BYTES_MAX)
        call->is_too_large = true;
    else if (call->account->dialect->inline_keys == NULL)
        buf_add(&call->rest.body, data, len);
    else
        json_inline_feed(&call->scan, data, len, &call->rest.body, NULL);
    return true;
}

static size_t call_on_source(void *ctx, char *to, size_t max)
{
    struct vendor_call *call = ctx;

    return call->options.http.on_source(call->options.http.ctx, to, max);
}

static bool call_on_address(const struct sockaddr *address, void *ctx)
{
    struct vendor_call *call = ctx;

    return call->options.http.on_address(address, call->options.http.ctx);
}

static bool call_on_begin(void *ctx)
{
    struct vendor_call *call = ctx;

    return call->options.may_send(call->options.http.ctx);
}

static void call_await_token(struct vendor_call *call);

static void call_on_answer(void *ctx, const struct http_response *response,
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
        call->account->dialect->is_token_refused != NULL &&
        call->account->dialect->is_token_refused(response)) {
        log_info("token.refused", "account=%s", call->account->name);
        if (call_keeper(call)->serial == call->serial) // nobody has got another token since
            token_clear(&call_keeper(call)->token);
        http_response_clear(&call->rest);
        call->is_second = true;
        call_await_token(call);
        return;
    }
    call_finish(call, response, failure);
}

static void request_copy(const struct http_request *from, struct http_request *to)
{
    *to = (struct http_request){.method = from->method,
                                .url = mem_str(from->url),
                                .timeout_ms = from->timeout_ms,
                                .wants_signature = from->wants_signature};
    if (from->headers.len > 0)
        buf_add(&to->headers, from->headers.data, from->headers.len);
    if (from->body.len > 0)
        buf_add(&to->body, from->body.data, from->body.len);
}

static void call_send(struct vendor_call *call)
{
    struct http_options options = call->options.http;
    struct http_request request = {0};
    struct err err;

    if (call->options.may_send != NULL && !call->options.may_send(options.ctx)) {
        err_set(&err, ERR_TIMEOUT, "it took too long until the request could leave");
        call_fail(call, &err);
        return;
    }
    if (call->request.wants_token) {
        request_copy(&call->request, &request); // the request may be sent once more
        http_add_bearer(&request, call_keeper(call)->token.text);
        call->serial = call_keeper(call)->serial;
    } else {
        request = call->request;
        call->request = (struct http_request){0};
    }
    if (!provider_sign(call->account, clock_wall_ms(), &request, &err)) {
        http_request_clear(&request);
        call_fail(call, &err);
        return;
    }
    if (request.timeout_ms > 0)
        options.timeout_ms = request.timeout_ms;
    if (options.on_data != NULL || call_collects(call))
        options.on_data = call_on_data;
    if (options.on_address != NULL)
        options.on_address = call_on_address;
    if (options.on_source != NULL)
        options.on_source = call_on_source;
    if (call->options.may_send != NULL)
        options.on_begin = call_on_begin;
    options.ctx = call;
    call->scan = (struct json_inline){.keys = call->account->dialect->inline_keys, .wanted = -1};
    call->sending = http_start(call->vendors->http, &request, &options, call_on_answer);
    http_request_clear(&request);
}

// The token.

static void keeper_note_token(struct keeper *keeper)
{
    keeper->serial++;
    keeper->renew_ms = clock_mono_ms() + keeper->token.renew_ms - clock_wall_ms();
}

// All calls that waited go on; none of them calls back before this has returned.
static void keeper_serve(struct keeper *keeper, const struct err *failure)
{
    while (keeper->waiting != NULL) {
        struct vendor_call *call = keeper->waiting;

        call_stop_waiting(call);
        if (failure != NULL)
            call_fail(call, failure);
        else
            call_send(call);
    }
}

static void keeper_on_token(void *ctx, const struct http_response *response,
                            const struct http_failure *failure)
{
    struct keeper *keeper = ctx;
    struct err err;

    keeper->asking = NULL;
    if (failure != NULL) {
        keeper_serve(keeper, &failure->err);
    } else if (!keeper->account->dialect->read_token(response, clock_wall_ms(), &keeper->token,
                                                     &err)) {
        keeper_serve(keeper, &err);
    } else {
        keeper_note_token(keeper);
        keeper_serve(keeper, NULL);
    }
}

static void keeper_ask(struct keeper *keeper)
{
    struct http_options options = {.timeout_ms = TOKEN_TIMEOUT_MS, .ctx = keeper};
    struct http_request request = {0};
    struct err err;

    token_clear(&keeper->token);
    if (!keeper->account->dialect->build_token(keeper->account, clock_wall_ms(), &keeper->token,
                                               &request, &err)) {
        keeper_serve(keeper, &err);
    } else if (keeper->token.text != NULL) {
        keeper_note_token(keeper);
        keeper_serve(keeper, NULL);
    } else {
        keeper->asking = http_start(keeper->vendors->http, &request, &options, keeper_on_token);
    }
    http_request_clear(&request);
}

static void call_await_token(struct vendor_call *call)
{
    struct keeper *keeper = call_keeper(call);

    if (keeper->token.text != NULL && clock_mono_ms() < keeper->renew_ms) {
        call_send(call);
        return;
    }
    call->keeper = keeper;
    call->next = keeper->waiting;
    call->at = &keeper->waiting;
    if (call->next != NULL)
        call->next->at = &call->next;
    keeper->waiting = call;
    if (keeper->asking == NULL)
        keeper_ask(keeper);
}

struct vendor_call *vendor_start(struct vendors *vendors, const struct account *account,
                                 struct http_request *request, const struct vendor_options *options,
                                 http_done_fn done)
{
    struct vendor_call *call = mem_new(struct vendor_call);

    call->vendors = vendors;
    call->account = account;
    call->request = *request;
    *request = (struct http_request){0};
    call->options = *options;
    call->done = done;
    // A source gives its bytes once, and neither a second try nor a signature has them.
    assert(options->http.on_source == NULL ||
           (!call->request.wants_token && !call->request.wants_signature));
    if (call->request.wants_token)
        call_await_token(call);
    else
        call_send(call);
    return call;
}
