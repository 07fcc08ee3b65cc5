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
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/token.h"

enum { TIMEOUT_MS = 10000, MAX_ANSWER_BYTES = 1 << 20 };

struct account_try {
    struct http_client *http;
    const struct account *account;
    struct task *task;            // nobody's
    struct http_request question; // waits for the token
    bool is_of_token;             // the vendor has no job to ask for: that it gives a token must do
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
    task_free(t->task);
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

// Whether the answer says that the key is bad. Many vendors say so in words of their own, with
// whatever status: they are the same for each request, and the adapters know them from submits.
static bool is_about_key(const struct account_try *t, const struct http_response *response)
{
    struct outcome outcome = {0};
    struct err err;
    bool is = response->status == 401 || response->status == 403 ||
              (t->account->dialect->read_submit(t->task, t->account, response, &outcome, &err) &&
               outcome.kind == OUTCOME_BAD_KEY);

    outcome_clear(&outcome);
    return is;
}

static const char *state_of(int status)
{
    return status == 429 ? "busy" : status >= 500 ? "failing" : "ok";
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
    try_finish(t, is_about_key(t, response) ? "bad_key" : state_of(response->status),
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
    const char *state;
    struct err err;

    t->call = NULL;
    if (failure != NULL) {
        try_finish(t, "unreachable", 0, failure->err.message);
        return;
    }
    state = state_of(response->status);
    if (!t->account->dialect->read_token(response, clock_wall_ms(), &t->token, &err))
        try_finish(t, strcmp(state, "ok") == 0 ? "bad_key" : state, response->status, err.message);
    else if (t->is_of_token)
        try_finish(t, "ok", response->status, "it gives a token");
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

    if (ok && t->token.text != NULL && t->is_of_token)
        ok = err_set(&t->err, ERR_INTERNAL, "the vendor isn't asked for a token");
    else if (ok && t->token.text != NULL)
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
    const struct dialect *dialect = account->dialect;

    t->http = http;
    t->account = account;
    t->asked_ms = clock_mono_ms();
    t->fn = fn;
    t->ctx = ctx;
    t->task = nobodys_task(account);
    t->is_of_token = !dialect->build_poll(t->task, account, &t->question, &t->err);
    if (t->is_of_token && dialect->build_token == NULL)
        t->state = "untestable";
    else if (!provider_sign(account, clock_wall_ms(), &t->question, &t->err))
        t->state = "untestable";
    else if (!t->is_of_token && !t->question.wants_token)
        try_ask(t);
    else if (!try_ask_for_token(t))
        t->state = "bad_key";
    if (t->state != NULL)
        t->failing = loop_after(loop, 0, on_failing, t);
    return t;
}
