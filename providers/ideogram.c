// Ideogram: its own API, of which the newer version has jobs (v2) and the older calls alone
// (official), or our own surface's paths at a gateway or another Spool (relay).
//
// Sources: the vendor's own specification (tryAGI/Ideogram has a copy), its pages on its endpoints.
// The vendor knows no idempotency key, and has no list of jobs: what is lost of an answer to a
// submit can't be found, unless its webhook tells. That of a call is as long as the images take,
// and that of a job a second or so.
#include "providers/provider.h"

#include "core/base/secret.h"
#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/ideogram_answer.h"
#include "providers/ideogram_body.h"
#include "providers/ideogram_v2.h"
#include "providers/outcome.h"
#include "providers/relay.h"

enum {
    CALL_MS = 360000,   // no byte comes before the end
    IN_FLIGHT_MAX = 10, // of an account, unless the vendor has agreed to more
};

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

static bool is_call_v2(const struct task *task, const struct account *account)
{
    (void)account;
    return !ideogram_v2_has(task);
}

static bool build_v2(const struct task *task, const struct account *account,
                     struct http_request *request, struct err *err)
{
    if (!ideogram_v2_has(task))
        return build(task, account, request, err);
    add_key(account, request);
    return ideogram_v2_build(task, account, request, err);
}

static bool read_submit_v2(const struct task *task, const struct account *account,
                           const struct http_response *response, struct outcome *outcome,
                           struct err *err)
{
    return (ideogram_v2_has(task) ? ideogram_v2_read_submit
                                  : ideogram_read_submit)(task, account, response, outcome, err);
}

static bool build_relay(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    request->timeout_ms = CALL_MS;
    adapter_add_bearer(account, request);
    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    return ideogram_build_relay(task, account, request, err);
}

// Looking, at a generation of the newer API: also at an account that makes none, as it may have
// been one that did. A call leaves nothing to look at: where there is nothing else, one that there
// isn't is asked for at no cost. Relays are asked which models there are.

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

static bool read_look_relay(const struct task *task, const struct account *account,
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
    .max_concurrency = IN_FLIGHT_MAX,
    .keys = adapter_bearer_keys,
    .check = ideogram_check,
    .is_call = is_call,
    .build_submit = build,
    .read_submit = ideogram_read_submit,
    .build_poll = look,
    .read_poll = ideogram_v2_read_poll,
    .input_at = ideogram_input_at,
    .streams_inputs = true,
};

static const struct dialect_key v2_keys[] = {{.name = "base_url", .is_required = true},
                                             {.name = "api_key", .is_required = true},
                                             {.name = "webhook_keys_url", .is_url = true},
                                             {0}};

static const struct dialect_signature signature = {
    .prefix = "x-ideogram-webhook",
    .id = "generation-id",
    .keys_url = "https://api.ideogram.ai/v1/.well-known/jwks.json",
    .url_key = "webhook_keys_url",
};

static const struct dialect v2 = {
    .name = "v2",
    .base_url = "https://api.ideogram.ai",
    .max_concurrency = IN_FLIGHT_MAX,
    .keys = v2_keys,
    .check = ideogram_check,
    .is_call = is_call_v2,
    .build_submit = build_v2,
    .read_submit = read_submit_v2,
    .build_poll = look,
    .read_poll = ideogram_v2_read_poll,
    .input_at = ideogram_input_at,
    .streams_inputs = true,
    .read_callback = ideogram_v2_read_callback,
    .callback_signature = &signature,
};

static const struct dialect relay = {
    .name = "relay",
    .keys = adapter_bearer_keys,
    .check = ideogram_check,
    .is_call = is_call,
    .build_submit = build_relay,
    .read_submit = ideogram_read_relay,
    .build_poll = look_relay,
    .read_poll = read_look_relay,
    .build_fetch = relay_build_fetch,
};

static const struct dialect *const dialects[] = {&official, &v2, &relay, NULL};

const struct provider provider_ideogram = {
    .name = "ideogram",
    .dialects = dialects,
    .models = models,
    .poll_first_ms = 5000, // looks are limited by what all of a customer's keys ask
    .poll_max_ms = 15000,
    .typical_ms = 20000,
    .submit_timeout_ms = CALL_MS,
    .poll_timeout_ms = 10000,
    .missing_grace_ms = 60000,
    .link_life_ms = 24 * 3600 * 1000LL,
    .nobodys_action = "generate",
    .nobodys_id = "none",
    .example =
        {
            .path = "/ideogram/v1/ideogram-v3/generate",
            .body = "{'prompt':'a poster that says: the first tram of the morning'}",
        },
};
