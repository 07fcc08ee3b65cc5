// An HTTP client that sends nothing.
#include "tests/support/fake_http.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/http/http_client.h"
#include "tests/support/check.h"
#include "tests/support/fake_http_private.h"

struct http_client {
    bool is_dropped;
};

static struct http_client client;

struct http_client *fake_http_client(void)
{
    return &client;
}

struct http_client *http_client_new(struct loop *loop, const char *user_agent)
{
    (void)loop;
    (void)user_agent;
    client.is_dropped = false;
    return &client;
}

void http_client_drop(struct http_client **slot)
{
    *slot = NULL;
}

static void fail_call(struct fake_call *call, const struct err *err)
{
    fake_http_fail(call, err->code, false);
}

static void clear_call(struct fake_call *call)
{
    http_request_clear(&((struct http_call *)call)->request);
}

struct http_call *fake_http_add(const char *what, struct http_request *request,
                                const struct http_options *options, http_done_fn done,
                                const char *account)
{
    struct http_call *call = mem_new(struct http_call);

    call->request = *request;
    *request = (struct http_request){0};
    call->options = *options;
    call->done = done;
    call->call.lose = fail_call;
    call->call.clear = clear_call;
    fake_add(&call->call, "%s %s %s%s%s", what, http_method_name(call->request.method),
             call->request.url, account == NULL ? "" : " account=", account == NULL ? "" : account);
    return call;
}

struct http_call *http_start(struct http_client *http, struct http_request *request,
                             const struct http_options *options, http_done_fn done)
{
    (void)http;
    return fake_http_add("http", request, options, done, NULL);
}

void http_resume(struct http_call *call)
{
    fake_note("resume %s", call->request.url);
}

void http_cancel(struct http_call **call)
{
    if (*call != NULL)
        fake_cancel(&(*call)->call);
    *call = NULL;
}

const struct http_request *fake_http_request(const struct fake_call *call)
{
    return &((const struct http_call *)call)->request;
}

const struct http_options *fake_http_options(const struct fake_call *call)
{
    return &((const struct http_call *)call)->options;
}

static bool give_piece(struct fake_call *fake, int status, const char *headers, const void *data,
                       size_t len)
{
    struct http_call *call = (struct http_call *)fake;
    struct http_response head = {.status = status, .is_head_complete = true};
    bool is_taken;

    if (fake->is_answered || fake->is_cancelled)
        return true;
    buf_str(&head.headers, headers);
    is_taken = call->options.on_data(call->options.ctx, &head, data, len);
    http_response_clear(&head);
    return is_taken;
}

bool fake_http_piece_of(struct fake_call *call, int status, const char *headers, const char *data)
{
    return give_piece(call, status, headers, data, strlen(data));
}

bool fake_http_piece(struct fake_call *call, int status, const char *data)
{
    return give_piece(call, status, "", data, strlen(data));
}

bool fake_http_piece_bytes(struct fake_call *call, int status, const void *data, size_t len)
{
    return give_piece(call, status, "", data, len);
}

void fake_http_answer(struct fake_call *fake, int status, const char *headers, const char *body)
{
    struct http_call *call = (struct http_call *)fake;
    struct http_response response = {.status = status, .is_head_complete = true};

    if (fake->is_answered || fake->is_cancelled)
        return;
    if (headers != NULL)
        buf_str(&response.headers, headers);
    if (body != NULL && call->options.on_data == NULL)
        buf_str(&response.body, body);
    else if (body != NULL)
        assert_true(call->options.on_data(call->options.ctx, &response, body, strlen(body)));
    if (fake_takes(fake))
        call->done(call->options.ctx, &response, NULL);
    http_response_clear(&response);
}

static void end_badly(struct fake_call *fake, int status, enum err_code code, bool nothing_sent)
{
    struct http_call *call = (struct http_call *)fake;
    struct http_response response = {.status = status};
    struct http_failure failure = {.nothing_sent = nothing_sent};

    err_set(&failure.err, code, "the test says so");
    if (fake_takes(fake))
        call->done(call->options.ctx, &response, &failure);
}

void fake_http_fail(struct fake_call *call, enum err_code code, bool nothing_sent)
{
    end_badly(call, 0, code, nothing_sent);
}

void fake_http_broken_off(struct fake_call *call, int status)
{
    end_badly(call, status, ERR_UPSTREAM, false);
}

size_t fake_http_source(struct fake_call *fake, char *to, size_t max)
{
    struct http_call *call = (struct http_call *)fake;

    return call->options.on_source(call->options.ctx, to, max);
}
