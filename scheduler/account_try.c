// One question to one account's vendor.
#include "scheduler/account_try.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/token.h"

enum { TIMEOUT_MS = 10000, MAX_ANSWER_BYTES = 1 << 20 };

struct account_try {
    struct http_client *http;
    const struct account *account;
    struct http_request question; // waits for the token
    struct token token;
    // What we wait for: exactly one of these is set.
    struct http_call *call;
    struct loop_timer *failing;
    const char *state; // while failing
    struct err err;
    int64_t asked_ms; // of our monotonic clock
    account_said_fn fn;
    void *ctx;
};

void account_try_cancel(struct account_try **account_try)
{
    struct account_try *t = *account_try;

    if (t == NULL)
        return;
    *account_try = NULL;
    http_cancel(&t->call);
    loop_cancel(&t->failing);
    http_request_clear(&t->question);
    token_clear(&t->token);
    free(t);
}

static void try_finish(struct account_try *t, const char *state, int status, const char *words)
{
    struct account_said said = {.state = state,
                                .http_status = status,
                                .took_ms = clock_mono_ms() - t->asked_ms,
                                .words = words == NULL ? "" : words};
    account_said_fn fn = t->fn;
    void *ctx = t->ctx;

    t->fn = NULL;
    fn(ctx, &said);
    account_try_cancel(&t);
}

static void on_failing(void *ctx)
{
    struct account_try *t = ctx;

    t->failing = NULL;
    try_finish(t, t->state, 0, t->err.message);
}

// That it doesn't know the job is the right answer.
static void on_answer(void *ctx, const struct http_response *response,
                      const struct http_failure *failure)
{
    struct account_try *t = ctx;
    struct err err;
    json_t *body;

    t->call = NULL;
    if (failure != NULL) {
        try_finish(t, "unreachable", 0, failure->err.message);
        return;
    }
    body = http_json(response, &err);
    try_finish(t,
               response->status == 401 || response->status == 403 ? "bad_key"
               : response->status == 429                          ? "busy"
               : response->status >= 500                          ? "failing"
                                                                  : "ok",
               response->status, body == NULL ? NULL : refusal_words(body));
    json_decref(body);
}

static void try_ask(struct account_try *t)
{
    struct http_options options = {
        .timeout_ms = TIMEOUT_MS, .max_body_bytes = MAX_ANSWER_BYTES, .ctx = t};

    if (t->token.text != NULL)
        http_add_bearer(&t->question, t->token.text);
    t->call = http_start(t->http, &t->question, &options, on_answer);
}

static void on_token(void *ctx, const struct http_response *response,
                     const struct http_failure *failure)
{
    struct account_try *t = ctx;
    struct err err;

    t->call = NULL;
    if (failure != NULL)
        try_finish(t, "unreachable", 0, failure->err.message);
    else if (!t->account->dialect->read_token(response, clock_wall_ms(), &t->token, &err))
        try_finish(t, "bad_key", response->status, err.message);
    else
        try_ask(t);
}

// False: no token can be made.
static bool try_ask_for_token(struct account_try *t)
{
    struct http_options options = {.timeout_ms = TIMEOUT_MS, .ctx = t};
    struct http_request asking = {0};
    bool ok =
        t->account->dialect->build_token(t->account, clock_wall_ms(), &t->token, &asking, &t->err);

    if (ok && t->token.text != NULL)
        try_ask(t);
    else if (ok)
        t->call = http_start(t->http, &asking, &options, on_token);
    http_request_clear(&asking);
    return ok;
}

static struct task *nobodys_task(const struct account *account)
{
    const struct provider *provider = account->provider;
    struct task *task = task_new();

    task->provider = mem_str(provider->name);
    task->account = mem_str(account->name);
    task->action = mem_str(provider->nobodys_action);
    task->upstream_id = mem_str(provider->nobodys_id);
    task->model = mem_str(account->model_count > 0 ? account->models[0].name : provider->models[0]);
    return task;
}

struct account_try *account_try_start(struct loop *loop, struct http_client *http,
                                      const struct account *account, account_said_fn fn, void *ctx)
{
    struct account_try *t = mem_new(struct account_try);
    struct task *task;

    t->http = http;
    t->account = account;
    t->asked_ms = clock_mono_ms();
    t->fn = fn;
    t->ctx = ctx;
    task = nobodys_task(account);
    if (!account->dialect->build_poll(task, account, &t->question, &t->err))
        t->state = "untestable";
    else if (!t->question.wants_token)
        try_ask(t);
    else if (!try_ask_for_token(t))
        t->state = "bad_key";
    task_free(task);
    if (t->state != NULL)
        t->failing = loop_after(loop, 0, on_failing, t);
    return t;
}
