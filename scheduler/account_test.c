// An operator asks whether an account works: the vendor is asked for a job that there isn't, which
// costs nothing, and what it answers is said. Where a token is wanted it is made or asked for
// first.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/token.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

enum { TIMEOUT_MS = 10000, MAX_ANSWER_BYTES = 1 << 20 };

// Kept by the request. One call at a time: AWAIT_HTTP.
struct account_test {
    const struct account *account;
    const struct provider *provider;
    struct http_request question; // waits for the token
    struct token token;
    int64_t asked_ms; // of our monotonic clock
};

static void test_clear(void *kept)
{
    struct account_test *test = kept;

    http_request_clear(&test->question);
    token_clear(&test->token);
}

static void test_answer(struct request *request, const char *state, int status, const char *words)
{
    const struct account_test *test = request->kept;
    struct buf json = {0};

    buf_fmt(&json, "{\"object\":\"account_test\",\"account\":\"%s\",\"ok\":%s,\"state\":\"%s\"",
            test->account->name, strcmp(state, "ok") == 0 ? "true" : "false", state);
    if (status > 0)
        buf_fmt(&json, ",\"http_status\":%d", status);
    else
        buf_str(&json, ",\"http_status\":null");
    buf_fmt(&json, ",\"took_ms\":%lld,\"message\":", (long long)(clock_mono_ms() - test->asked_ms));
    buf_json_str(&json, words);
    buf_char(&json, '}');
    request_answer(request, 200, &json);
    buf_clear(&json);
}

// That it doesn't know the job is the right answer.
static void on_answer(void *ctx, const struct http_response *response,
                      const struct http_failure *failure)
{
    struct request *request = ctx;
    struct err err;
    json_t *body;
    const char *words;

    request_forget(request, AWAIT_HTTP);
    if (failure != NULL) {
        test_answer(request, "unreachable", 0, failure->err.message);
        return;
    }
    body = http_json(response, &err);
    words = body == NULL ? NULL : refusal_words(body);
    test_answer(request,
                response->status == 401 || response->status == 403 ? "bad_key"
                : response->status == 429                          ? "busy"
                : response->status >= 500                          ? "failing"
                                                                   : "ok",
                response->status, words == NULL ? "" : words);
    json_decref(body);
}

static void test_ask(struct request *request)
{
    struct account_test *test = request->kept;
    struct http_options options = {
        .timeout_ms = TIMEOUT_MS, .max_body_bytes = MAX_ANSWER_BYTES, .ctx = request};

    if (test->token.text != NULL)
        http_add_bearer(&test->question, test->token.text);
    request_await(request, AWAIT_HTTP,
                  http_start(request->front->http, &test->question, &options, on_answer));
}

static void on_token(void *ctx, const struct http_response *response,
                     const struct http_failure *failure)
{
    struct request *request = ctx;
    struct account_test *test = request->kept;
    struct err err;

    request_forget(request, AWAIT_HTTP);
    if (failure != NULL)
        test_answer(request, "unreachable", 0, failure->err.message);
    else if (!test->provider->read_token(response, clock_wall_ms(), &test->token, &err))
        test_answer(request, "bad_key", response->status, err.message);
    else
        test_ask(request);
}

static void test_ask_for_token(struct request *request)
{
    struct account_test *test = request->kept;
    struct http_options options = {.timeout_ms = TIMEOUT_MS, .ctx = request};
    struct http_request asking = {0};
    struct err err;

    if (!test->provider->build_token(test->account, clock_wall_ms(), &test->token, &asking, &err))
        test_answer(request, "bad_key", 0, err.message);
    else if (test->token.text != NULL)
        test_ask(request);
    else
        request_await(request, AWAIT_HTTP,
                      http_start(request->front->http, &asking, &options, on_token));
    http_request_clear(&asking);
}

static struct task *nobodys_task(const struct account *account, const struct provider *provider)
{
    struct task *task = task_new();

    task->provider = mem_str(provider->name);
    task->account = mem_str(account->name);
    task->action = mem_str(provider->nobodys_action);
    task->upstream_id = mem_str(provider->nobodys_id);
    task->model = mem_str(account->model_count > 0 ? account->models[0].name : provider->models[0]);
    return task;
}

void operator_test(struct request *request)
{
    const struct account *account = config_account(request->front->config, request->id);
    struct account_test *test;
    struct task *task;
    struct err err;

    if (account == NULL) {
        err_set(&err, ERR_NOT_FOUND, "there is no account \"%.64s\"", request->id);
        request_refuse(request, &err);
        return;
    }
    test = request_keep(request, sizeof *test, test_clear);
    test->account = account;
    test->provider = provider_find(account->provider);
    test->asked_ms = clock_mono_ms();
    task = nobodys_task(account, test->provider);
    if (!test->provider->build_poll(task, account, &test->question, &err))
        test_answer(request, "untestable", 0, err.message);
    else if (test->question.wants_token)
        test_ask_for_token(request);
    else
        test_ask(request);
    task_free(task);
}
