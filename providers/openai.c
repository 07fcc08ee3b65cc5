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
#include "providers/image_call.h"
#include "providers/image_form.h"
#include "providers/openai_answer.h"
#include "providers/openai_rules.h"
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

enum { SPEECH_MS = 120000 };

static bool build(const struct task *task, const struct account *account,
                  struct http_request *request, struct err *err)
{
    json_t *asked = adapter_request_of(task, err);

    if (asked == NULL)
        return false;
    if (strcmp(task->action, "speech") != 0)
        return image_call_post(account, task->action, openai_image_body(task, account, asked),
                               request, err);
    request->timeout_ms = SPEECH_MS;
    adapter_add_bearer(account, request);
    return http_post_json(request, account->base_url, openai_speech_body(task, account, asked), err,
                          "/v1/audio/speech");
}

static bool build_relay(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    bool has_pictures = strcmp(task->action, "edit") == 0 || strcmp(task->action, "variation") == 0;
    json_t *asked;

    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    if (!has_pictures)
        return build(task, account, request, err);
    asked = adapter_request_of(task, err);
    return asked != NULL &&
           image_form_post(task, account, openai_image_body(task, account, asked), request, err);
}

#define COMMON                                                                                     \
    .keys = adapter_bearer_keys, .model_prefixes = own_prefixes, .check = openai_check,            \
    .is_call = image_call_is_call, .is_file = openai_is_sound, .read_submit = openai_read_submit,  \
    .build_poll = image_call_build_look, .read_poll = image_call_read_look,                        \
    .inline_keys = image_call_inline_keys

static const struct dialect official = {
    .name = "official",
    .base_url = "https://api.openai.com",
    .build_submit = build,
    COMMON,
};

static const struct dialect relay = {
    .name = "relay",
    .build_submit = build_relay,
    .input_at = image_form_input_at,
    .streams_inputs = true,
    COMMON,
};

static const struct dialect *const dialects[] = {&official, &relay, NULL};

const struct provider provider_openai = {
    .name = "openai",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_IMAGE] = image_prefixes, [MEDIA_SPEECH] = speech_prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 30000,
    .typical_ms = 60000,
    .submit_timeout_ms = IMAGE_CALL_MS,
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
