// Google's image models: at the Gemini API, at Vertex AI, or at a gateway or another Spool (relay)
// that speaks their :generateContent.
//
// Sources: googleapis/python-genai and js-genai (the SDKs), Google's guide to images and its pages
// on deprecations. Every submit is a call. Imagen, which Google has shut down, spoke :predict: it
// is there for an account that lists it.
#include <stdlib.h>

#include "core/config/config.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/gemini_answer.h"
#include "providers/gemini_body.h"
#include "providers/google.h"
#include "providers/image_call.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/relay.h"

enum { CALL_MS = 360000 }; // no byte comes before the end

static const char *const models[] = {
    "nano-banana",
    "nano-banana-pro",
    "nano-banana-2",
    "gemini-3-pro-image",
    "gemini-3.1-flash-image",
    "gemini-3.1-flash-lite-image",
    NULL,
};
// The vendor has models of these names that make no images: check refuses them.
static const char *const own_prefixes[] = {"gemini-", NULL};
static const char *const image_prefixes[] = {"nano-banana",
                                             "gemini-2.5-flash-image",
                                             "gemini-3-pro-image",
                                             "gemini-3.1-flash-image",
                                             "gemini-3.1-flash-lite-image",
                                             "imagen-",
                                             NULL};

static bool is_call(const struct task *task, const struct account *account)
{
    (void)task, (void)account;
    return true;
}

static bool check_api(const struct task *task, const struct account *account, struct err *err)
{
    return gemini_check(task, account, GEMINI_API, err);
}

static bool check_vertex(const struct task *task, const struct account *account, struct err *err)
{
    return gemini_check(task, account, GEMINI_VERTEX, err);
}

static bool check_relay(const struct task *task, const struct account *account, struct err *err)
{
    return gemini_check(task, account, GEMINI_RELAY, err);
}

static bool build_api(const struct task *task, const struct account *account,
                      struct http_request *request, struct err *err)
{
    const char *model = gemini_model(task, account, GEMINI_API);
    json_t *body = gemini_body(task, account, GEMINI_API, err);
    bool is_imagen = gemini_is_imagen(task, account);

    if (body == NULL)
        return false;
    request->timeout_ms = CALL_MS;
    google_authorize(account, request);
    return http_post_json(
        request, account->base_url, body, err,
        is_imagen ? "/v1beta/models/%s:predict" : "/v1beta/models/%s:generateContent", model);
}

static bool build_vertex(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    const char *model = gemini_model(task, account, GEMINI_VERTEX);
    json_t *body = gemini_body(task, account, GEMINI_VERTEX, err);
    const char *verb = gemini_is_imagen(task, account) ? "predict" : "generateContent";
    char *base;
    bool ok;

    if (body == NULL)
        return false;
    request->timeout_ms = CALL_MS;
    google_authorize(account, request);
    base = google_vertex_base(account);
    ok = http_post_json(request, base, body, err,
                        "/v1/projects/%s/locations/%s/publishers/google/models/%s:%s",
                        google_project(account), google_region(account), model, verb);
    free(base);
    return ok;
}

static bool build_relay(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    json_t *body = gemini_body(task, account, GEMINI_RELAY, err);

    if (body == NULL)
        return false;
    request->timeout_ms = CALL_MS;
    adapter_add_bearer(account, request);
    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    return http_post_json(request, account->base_url, body, err,
                          "/v1beta/models/%s:generateContent",
                          gemini_model(task, account, GEMINI_RELAY));
}

// Looking. A call leaves nothing to look at: what is asked for here, at no cost, is a model. Relays
// have no path for one: they are asked which there are.

static bool look_api(const struct task *task, const struct account *account,
                     struct http_request *request, struct err *err)
{
    google_authorize(account, request);
    return http_get(request, account->base_url, err, "/v1beta/models/%s", task->upstream_id);
}

static bool look_vertex(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    char *base = google_vertex_base(account);
    bool ok;

    google_authorize(account, request);
    ok = http_get(request, base, err, "/v1/publishers/google/models/%s", task->upstream_id);
    free(base);
    return ok;
}

#define COMMON                                                                                     \
    .model_prefixes = own_prefixes, .is_call = is_call, .read_poll = image_call_read_look,         \
    .input_at = gemini_input_at, .inline_keys = gemini_inline_keys

static const struct dialect api = {
    COMMON,
    .name = "gemini",
    .base_url = "https://generativelanguage.googleapis.com",
    .keys = adapter_bearer_keys,
    .check = check_api,
    .build_submit = build_api,
    .read_submit = gemini_read_submit,
    .build_poll = look_api,
};

static const struct dialect vertex = {
    COMMON,
    .name = "vertex",
    .keys = google_vertex_keys,
    .check = check_vertex,
    .build_submit = build_vertex,
    .read_submit = gemini_read_submit,
    .build_poll = look_vertex,
    .build_token = google_build_token,
    .read_token = google_read_token,
    .is_token_refused = google_is_token_refused,
};

static const struct dialect relay = {
    COMMON,
    .name = "relay",
    .keys = adapter_bearer_keys,
    .check = check_relay,
    .build_submit = build_relay,
    .read_submit = gemini_read_relay,
    .build_poll = image_call_build_look,
    .build_fetch = relay_build_fetch,
};

static const struct dialect *const dialects[] = {&api, &vertex, &relay, NULL};

const struct provider provider_gemini = {
    .name = "gemini",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_IMAGE] = image_prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 30000,
    .typical_ms = 30000,
    .submit_timeout_ms = CALL_MS,
    .poll_timeout_ms = 10000,
    .missing_grace_ms = 10000,
    .link_life_ms = 24 * 3600 * 1000LL, // of a relay's
    .nobodys_action = "generate",
    .nobodys_id = "none",
    .example =
        {
            .path = "/v1beta/models/nano-banana-2:generateContent",
            .body = "{'contents':[{'parts':[{'text':'the first tram of the morning'}]}],"
                    "'generationConfig':{'responseModalities':['IMAGE']}}",
        },
};
