// Ideogram: its own API (official), or our own surface's paths at a gateway or another Spool
// (relay).
//
// Sources: the vendor's own specification (tryAGI/Ideogram has a copy), its pages on its endpoints.
// Every submit is a call: the vendor knows no idempotency key, and has no list of jobs.
#include "providers/provider.h"

#include "core/base/secret.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/ideogram_answer.h"
#include "providers/ideogram_body.h"
#include "providers/outcome.h"
#include "providers/relay.h"

enum { CALL_MS = 360000 }; // no byte comes before the end

static const char *const models[] = {"V_3",       "V_2A", "V_2A_TURBO", "V_2",
                                     "V_2_TURBO", "V_1",  "V_1_TURBO",  NULL};

static bool is_call(const struct task *task, const struct account *account)
{
    (void)task, (void)account;
    return true;
}

static void add_key(const struct account *account, struct http_request *request)
{
    http_add_header(request, "Api-Key", secret_reveal(account_key(account, "api_key")));
}

static bool build(const struct task *task, const struct account *account,
                  struct http_request *request, struct err *err)
{
    request->timeout_ms = CALL_MS;
    add_key(account, request);
    return ideogram_build(task, account, request, err);
}

static bool build_relay(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    request->timeout_ms = CALL_MS;
    adapter_add_bearer(account, request);
    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    return ideogram_build_relay(task, account, request, err);
}

// Looking. A call leaves nothing to look at: what is asked for here, at no cost, is a generation of
// the vendor's newer API. Relays are asked which models there are.

static bool look(const struct task *task, const struct account *account,
                 struct http_request *request, struct err *err)
{
    add_key(account, request);
    return http_get(request, account->base_url, err, "/v2/generations/%s", task->upstream_id);
}

static bool look_relay(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    (void)task;
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, "/v1/models");
}

static bool read_look(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    (void)task, (void)account, (void)response, (void)err;
    *outcome = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    return true;
}

static const struct dialect official = {
    .name = "official",
    .base_url = "https://api.ideogram.ai",
    .keys = adapter_bearer_keys,
    .check = ideogram_check,
    .is_call = is_call,
    .build_submit = build,
    .read_submit = ideogram_read_submit,
    .build_poll = look,
    .read_poll = read_look,
    .input_at = ideogram_input_at,
    .streams_inputs = true,
};

static const struct dialect relay = {
    .name = "relay",
    .keys = adapter_bearer_keys,
    .check = ideogram_check,
    .is_call = is_call,
    .build_submit = build_relay,
    .read_submit = ideogram_read_relay,
    .build_poll = look_relay,
    .read_poll = read_look,
    .build_fetch = relay_build_fetch,
};

static const struct dialect *const dialects[] = {&official, &relay, NULL};

const struct provider provider_ideogram = {
    .name = "ideogram",
    .dialects = dialects,
    .models = models,
    .poll_first_ms = 10000,
    .poll_max_ms = 30000,
    .typical_ms = 20000,
    .submit_timeout_ms = CALL_MS,
    .poll_timeout_ms = 10000,
    .missing_grace_ms = 10000,
    .link_life_ms = 24 * 3600 * 1000LL,
    .nobodys_action = "generate",
    .nobodys_id = "none",
    .example =
        {
            .path = "/ideogram/v1/ideogram-v3/generate",
            .body = "{'prompt':'a poster that says: the first tram of the morning'}",
        },
};
