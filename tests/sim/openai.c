// OpenAI's images and speech: the answer to a submit is the result. Models that only relays have by
// now (dall-e, grok) are there, too.
//
// Words in a prompt (of speech: in its input), besides those of words.h and calls.h:
//
//   before it is billed    [refuse] moderation_blocked   [invalid] a bad value   [balance] the
//                          account's limit   [quota] insufficient_quota   [unverified] 403
//     twice per prompt     [429]
//     once per prompt      [500]   [503]
//   billed, but            [error-200] an error with status 200   [none] without an image   [part]
//                          without the first   [big-N] with N MB of zeros behind the first image
//     of speech            [octets] as application/octet-stream   [no-sound] empty
//
// What was billed is counted by prompts, and by Idempotency-Keys as marks.
#include "tests/sim/openai.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "core/message/multipart.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { ID_SIZE = 40 };

#define REFUSAL(type, code, message)                                                               \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type "\",\"param\":null,\"code\":" code  \
    "}}"
static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400,
     REFUSAL("image_generation_user_error", "\"moderation_blocked\"",
             "Your request was rejected by the safety system. safety_violations=[sexual].")},
    {"invalid", ALWAYS, 400,
     REFUSAL("invalid_request_error", "\"invalid_value\"", "The prompt is invalid.")},
    {"balance", ALWAYS, 400,
     REFUSAL("billing_limit_user_error", "\"billing_hard_limit_reached\"",
             "Billing hard limit has been reached.")},
    {"quota", ALWAYS, 429,
     REFUSAL("insufficient_quota", "\"insufficient_quota\"", "You exceeded your current quota.")},
    {"unverified", ALWAYS, 403,
     REFUSAL("invalid_request_error", "null", "Your organization must be verified.")},
    {"429", 2, 429, REFUSAL("requests", "\"rate_limit_exceeded\"", "Rate limit reached.")},
    {"500", 1, 500, REFUSAL("server_error", "\"server_error\"", "The server had an error.")},
    {"503", 1, 503, REFUSAL("server_error", "null", "The engine is currently overloaded.")},
};

static const struct {
    const char *path;
    enum openai_kind kind;
} calls[] = {
    {"/v1/images/generations", OPENAI_GENERATE},
    {"/v1/images/edits", OPENAI_EDIT},
    {"/v1/images/variations", OPENAI_VARIATION},
    {"/v1/audio/speech", OPENAI_SPEECH},
};

void openai_refuse(struct http_exchange *exchange, int status, const char *code, const char *param,
                   const char *why)
{
    struct buf json = {0};

    buf_str(&json, "{\"error\":{\"message\":");
    buf_json_str(&json, why);
    buf_str(&json, ",\"type\":\"invalid_request_error\",\"param\":");
    if (param == NULL)
        buf_str(&json, "null");
    else
        buf_json_str(&json, param);
    buf_fmt(&json, ",\"code\":\"%s\"}}", code);
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

// NULL: the request has been refused.
static json_t *read_body(struct http_exchange *exchange, enum openai_kind kind)
{
    const char *type = http_exchange_header(exchange, "content-type"), *why = "isn't JSON";
    bool is_form = multipart_is_form(type);
    size_t len;
    const char *text = http_exchange_body(exchange, &len);
    json_t *body = is_form ? openai_read_form(type, text, len, &why)
                           : json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);

    if (json_is_object(body) && (!is_form || kind == OPENAI_EDIT || kind == OPENAI_VARIATION))
        return body;
    json_decref(body);
    openai_refuse(exchange, 400, "invalid_body", NULL, why);
    return NULL;
}

static bool check(struct http_exchange *exchange, enum openai_kind kind, const json_t *body)
{
    const char *model = rules_text(body, "model"), *code = NULL;
    struct rule_error error;
    char why[320];

    if (*model != '\0' && !openai_has_model(model)) {
        snprintf(why, sizeof why, "The model '%.100s' does not exist.", model);
        openai_refuse(exchange, 404, "model_not_found", "model", why);
        return false;
    }
    if (openai_check(kind, body, &error, &code))
        return true;
    if (code == NULL)
        code = error.is_missing                                     ? "missing_required_parameter"
               : strcmp(error.why, "is not a known parameter") == 0 ? "unknown_parameter"
                                                                    : "invalid_value";
    snprintf(why, sizeof why, "%s %s", error.param, error.why);
    openai_refuse(exchange, 400, code, error.param, why);
    return false;
}

static void submit(struct sim *sim, struct http_exchange *exchange, const char *path,
                   enum openai_kind kind)
{
    const char *mark = http_exchange_header(exchange, "idempotency-key"), *prompt;
    json_auto_t *body = read_body(exchange, kind);
    struct job *job;
    uint64_t number;
    char id[ID_SIZE];

    sim->stats.submits++;
    if (body == NULL || !check(exchange, kind, body))
        return;
    prompt = rules_text(body, kind == OPENAI_SPEECH ? "input" : "prompt");
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_openai, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    snprintf(id, sizeof id, "call_%llu", (unsigned long long)number);
    job =
        jobs_add(sim->jobs, &sim_openai, number, id, path, prompt, mark == NULL ? "" : mark, body);
    if (kind == OPENAI_SPEECH)
        openai_answer_speech(sim, exchange, job);
    else
        openai_answer_images(sim, exchange, job, kind);
}

static void show_model(struct http_exchange *exchange, const char *name)
{
    struct buf json = {0};

    if (!openai_has_model(name)) {
        openai_refuse(exchange, 404, "model_not_found", "model", "The model does not exist.");
        return;
    }
    buf_fmt(&json, "{\"id\":\"%s\",\"object\":\"model\",\"created\":1,\"owned_by\":\"system\"}",
            name);
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static void list_models(struct http_exchange *exchange)
{
    http_exchange_answer_json(exchange, 200,
                              "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-image-2\",\"object\":"
                              "\"model\",\"created\":1,\"owned_by\":\"system\"}]}");
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char list[] = "/v1/models", model[] = "/v1/models/";
    const char *path = http_exchange_path(exchange);
    bool is_list = strcmp(path, list) == 0, is_model = strncmp(path, model, sizeof model - 1) == 0;
    size_t i = 0, count = sizeof calls / sizeof calls[0];

    while (i < count && strcmp(calls[i].path, path) != 0)
        i++;
    if (i == count && !is_list && !is_model)
        return false;
    if (!sim_has_bearer(sim, exchange))
        openai_refuse(exchange, 401, "invalid_api_key", NULL, "Incorrect API key provided.");
    else if (is_list)
        list_models(exchange);
    else if (is_model)
        show_model(exchange, path + sizeof model - 1);
    else if (http_exchange_method(exchange) != HTTP_POST_)
        openai_refuse(exchange, 405, "method_not_supported", NULL, "Only POST is supported.");
    else
        submit(sim, exchange, calls[i].path, calls[i].kind);
    return true;
}

const struct sim_vendor sim_openai = {.name = "openai", .handle = handle};
