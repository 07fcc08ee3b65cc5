// A look in one step or two.
//
//  start ── request ──▶ FIRST ── answer ──▶ fn
//    │                    └── next ──▶ SECOND ── answer ──▶ fn
//    └── only the second ─────────────▶┘
#include "workers/poll.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "workers/bench.h"
#include "workers/vendor.h"

struct poll {
    struct bench *bench; // borrowed, as are the next two
    const struct task *task;
    const struct account *account;
    struct vendor_call *call;
    char *next; // what the second request is about, once it is asked; ours
    poll_fn fn;
    void *ctx;
};

void poll_cancel(struct poll **poll)
{
    if (*poll == NULL)
        return;
    vendor_cancel(&(*poll)->call);
    free((*poll)->next);
    free(*poll);
    *poll = NULL;
}

static void poll_finish(struct poll *poll, const struct outcome *outcome, const struct err *err)
{
    poll_fn fn = poll->fn;
    void *ctx = poll->ctx;

    poll_cancel(&poll);
    fn(ctx, outcome, err);
}

void poll_obey(struct bench *bench, const struct account *account,
               const struct http_response *response)
{
    int64_t ms = response->status == 429 ? http_retry_after_ms(response) : 0;

    if (ms > 0)
        bench_put_off(bench, account, ms);
}

static bool poll_ask(struct poll *poll, const char *next, struct err *err);

static void poll_on_answer(void *ctx, const struct http_response *response,
                           const struct http_failure *failure)
{
    struct poll *poll = ctx;
    const struct dialect *dialect = poll->account->dialect;
    provider_read_fn read = poll->next != NULL ? dialect->read_next : dialect->read_poll;
    struct outcome outcome = {0};
    struct err err;
    bool is_read;

    poll->call = NULL;
    if (failure != NULL)
        err = failure->err;
    else
        poll_obey(poll->bench, poll->account, response);
    is_read = failure == NULL && read(poll->task, poll->account, response, &outcome, &err);
    if (is_read && outcome.kind == OUTCOME_NEXT)
        is_read = poll->next == NULL
                      ? poll_ask(poll, outcome.next, &err)
                      : err_set(&err, ERR_UPSTREAM, "the second answer asks for a third");
    else if (is_read && outcome.kind == OUTCOME_SUCCEEDED && poll->next != NULL)
        mem_set_str(&outcome.next, poll->next);
    if (poll->call == NULL)
        poll_finish(poll, is_read ? &outcome : NULL, is_read ? NULL : &err);
    outcome_clear(&outcome);
}

// `next` NULL: the first question.
static bool poll_ask(struct poll *poll, const char *next, struct err *err)
{
    const struct dialect *dialect = poll->account->dialect;
    struct http_request request = {0};
    struct vendor_options options = {
        .kind = "poll",
        .http = {.timeout_ms = poll->account->provider->poll_timeout_ms,
                 .offers_http2 = true,
                 .max_body_bytes = POLL_ANSWER_MAX,
                 .ctx = poll}};
    bool ok = next == NULL ? dialect->build_poll(poll->task, poll->account, &request, err)
                           : dialect->build_next(poll->task, poll->account, next, &request, err);

    mem_set_str(&poll->next, next);
    if (ok) {
        metric_add(METRIC_polls_total, 1);
        poll->call =
            vendor_start(poll->bench->vendors, poll->account, &request, &options, poll_on_answer);
    }
    http_request_clear(&request);
    return ok;
}

struct poll *poll_start(struct bench *bench, const struct task *task, const struct account *account,
                        const char *next, poll_fn fn, void *ctx, struct err *err)
{
    struct poll *poll = mem_new(struct poll);

    *poll = (struct poll){.bench = bench, .task = task, .account = account, .fn = fn, .ctx = ctx};
    if (!poll_ask(poll, next, err))
        poll_cancel(&poll);
    return poll;
}
