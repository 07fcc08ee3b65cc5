// OpenAI's images and speech: its own API (official), or its paths at a gateway or another Spool
// (relay), for whatever model.
//
// Sources: openai/openai-openapi (SPEC), openai-node (JS). Every submit is a call. The vendor knows
// no idempotency key, so what is lost of an answer can't be had again, nor asked for.
#include <string.h>

#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/openai_answer.h"
#include "providers/openai_rules.h"
#include "providers/outcome.h"
#include "providers/provider.h"

static const char *const models[] = {
    "gpt-image-2", "gpt-image-1.5", "gpt-image-1",   "gpt-image-1-mini", "chatgpt-image-latest",
    "tts-1",       "tts-1-hd",      "tts-1-hd-1106", "gpt-4o-mini-tts",  NULL,
};
// Those that the vendor may have; others, which it has no more or never had, an account lists.
static const char *const own_prefixes[] = {"gpt-image-", "chatgpt-image-", "gpt-4o-mini-tts-",
                                           NULL};
static const char *const image_prefixes[] = {"gpt-image-", "chatgpt-image-", "dall-e-", "grok-",
                                             NULL};
static const char *const speech_prefixes[] = {"tts-", "gpt-4o-mini-tts", NULL};

enum { IMAGE_MS = 360000, SPEECH_MS = 120000 };

static const struct {
    const char *action, *path;
    int64_t timeout_ms; // no byte comes before the end
    json_t *(*body)(const struct task *task, const struct account *account, json_t *asked);
} actions[] = {
    {"generate", "/v1/images/generations", IMAGE_MS, openai_image_body},
    {"edit", "/v1/images/edits", IMAGE_MS, openai_image_body},
    {"variation", "/v1/images/variations", IMAGE_MS, openai_image_body},
    {"speech", "/v1/audio/speech", SPEECH_MS, openai_speech_body},
};

static bool is_call(const struct task *task, const struct account *account)
{
    (void)task, (void)account;
    return true;
}

static bool build(const struct task *task, const struct account *account,
                  struct http_request *request, struct err *err)
{
    json_t *asked = adapter_request_of(task, err);

    for (size_t i = 0; asked != NULL && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i].action, task->action) != 0)
            continue;
        request->timeout_ms = actions[i].timeout_ms;
        adapter_add_bearer(account, request);
        return http_post_json(request, account->base_url, actions[i].body(task, account, asked),
                              err, actions[i].path);
    }
    json_decref(asked);
    return asked != NULL && err_set(err, ERR_INTERNAL, "there is no action %s", task->action);
}

static bool build_relay(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    return build(task, account, request, err);
}

// Looking. A call leaves nothing to look at: what is asked for here, at no cost, is a model.

static bool build_look(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, "/v1/models/%s", task->upstream_id);
}

static bool read_look(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    (void)task, (void)account, (void)response, (void)err;
    *outcome = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    return true;
}

// Keys of files in answers.
static const char *const inline_keys[] = {"b64_json", NULL};

#define COMMON                                                                                     \
    .keys = adapter_bearer_keys, .model_prefixes = own_prefixes, .check = openai_check,            \
    .is_call = is_call, .is_file = openai_is_sound, .read_submit = openai_read_submit,             \
    .build_poll = build_look, .read_poll = read_look, .inline_keys = inline_keys

static const struct dialect official = {
    .name = "official",
    .base_url = "https://api.openai.com",
    .build_submit = build,
    COMMON,
};

static const struct dialect relay = {.name = "relay", .build_submit = build_relay, COMMON};

static const struct dialect *const dialects[] = {&official, &relay, NULL};

const struct provider provider_openai = {
    .name = "openai",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_IMAGE] = image_prefixes, [MEDIA_SPEECH] = speech_prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 30000,
    .typical_ms = 60000,
    .submit_timeout_ms = IMAGE_MS,
    .poll_timeout_ms = 10000,
    .missing_grace_ms = 10000,
    .link_life_ms = 3600000,
    .nobodys_action = "generate",
    .nobodys_id = "none",
    .example =
        {
            .path = "/v1/images/generations",
            .body = "{'model':'gpt-image-2','prompt':'the first tram of the morning'}",
        },
};
