// Seedream, at Volcengine's Ark (ark), or at a gateway of the one-api family or another Spool
// (relay).
//
// Sources: volcengine-go-sdk service/arkruntime (GO), Ark's page on generating images as
// transcribed (DOC). Every submit is a call, and there is no idempotency key: Ark's SDKs send a
// POST again on 5xx, and were billed several times for one image. We don't.
#include <string.h>

#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/ark.h"
#include "providers/image_call.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/seedream_body.h"

static const char *const models[] = {
    "doubao-seedream-5-0", "doubao-seedream-4-5", "doubao-seedream-4-0",
    "doubao-seedream-3-0", "doubao-seededit-3-0", NULL,
};
// The last of both: BytePlus' names.
static const char *const prefixes[] = {"doubao-seedream-", "doubao-seededit-", "seedream-",
                                       "seededit-",        "dola-seedream-",   NULL};

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    json_t *asked = adapter_request_of(task, err);

    if (asked == NULL)
        return false;
    request->timeout_ms = IMAGE_CALL_MS;
    adapter_add_bearer(account, request);
    return http_post_json(request, account->base_url, seedream_body_of_ark(task, account, asked),
                          err, "/images/generations");
}

static bool build_relay(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    json_t *asked = adapter_request_of(task, err);

    if (asked == NULL)
        return false;
    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    return image_call_post(account, "generate", seedream_body_of_relay(task, account, asked),
                           request, err);
}

// Answers.

// A quota isn't that of a queue, as it may be of videos: there is none.
static bool refuse(const struct http_response *response, const char *code, struct outcome *outcome)
{
    if (!ark_refuse(response, code, outcome))
        return false;
    if (strncmp(code, "QuotaExceeded", 13) == 0)
        outcome->kind = OUTCOME_REFUSED_ELSEWHERE;
    return true;
}

static bool read_body(const struct task *task, const struct account *account,
                      const struct http_response *response, const json_t *body,
                      struct outcome *outcome, struct err *err)
{
    static const struct image_call_words words = {refuse, ark_failure};

    (void)task, (void)account;
    return image_call_read(response, body, &words, outcome, err);
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_body, outcome, err);
}

// Looking: there are no jobs of images, but videos' are asked for with the same key, at no cost.

static bool build_look(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, "/contents/generations/tasks/%s",
                    task->upstream_id);
}

static const struct dialect ark = {
    .name = "ark",
    .base_url = "https://ark.cn-beijing.volces.com/api/v3",
    .keys = adapter_bearer_keys,
    .model_prefixes = prefixes,
    .check = seedream_body_check,
    .is_call = image_call_is_call,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_look,
    .read_poll = image_call_read_look,
    .inline_keys = image_call_inline_keys,
};

static const struct dialect relay = {
    .name = "relay",
    .keys = adapter_bearer_keys,
    .model_prefixes = prefixes,
    .check = seedream_body_check,
    .is_call = image_call_is_call,
    .build_submit = build_relay,
    .read_submit = read_submit,
    .build_poll = image_call_build_look,
    .read_poll = image_call_read_look,
    .inline_keys = image_call_inline_keys,
};

static const struct dialect *const dialects[] = {&ark, &relay, NULL};

const struct provider provider_seedream = {
    .name = "seedream",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_IMAGE] = prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 30000,
    .typical_ms = 60000,
    .submit_timeout_ms = IMAGE_CALL_MS,
    .poll_timeout_ms = 10000,
    .missing_grace_ms = 10000,
    .link_life_ms = 24 * 3600 * 1000LL, // DOC
    .nobodys_action = "generate",
    .nobodys_id = "cgt-20260101000000-none",
    .example = {.path = "/v1/images/generations",
                .body = "{'model':'doubao-seedream-4-5','prompt':'a tea house in the rain'}"},
};
