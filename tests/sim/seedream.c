// Seedream as Volcengine Ark has it: the answer to a submit is the result.
//
// Words in a prompt, besides those of words.h and calls.h:
//
//   before it is billed   [refuse] InputTextSensitiveContentDetected   [moderation] what came out
//                         [invalid]   [balance] AccountOverdueError   [quota] QuotaExceeded   [cap]
//                         a 429 that stays   [closed] ModelNotOpen
//     twice per prompt    [429] ModelAccountIpmRateLimitExceeded   [overloaded]
//     once per prompt     [500] InternalServiceError   [503]
//   billed, but           [error-200] an error with status 200   [none] without an image   [part]
//                         the first image of a group is moderated   [broken] the last fails [lost]
//                         all are moderated   [fewer] a group has one less
//
// What was billed is counted by prompts.
#include "tests/sim/seedream.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/http/http_server.h"
#include "tests/sim/ark.h"
#include "tests/sim/calls.h"
#include "tests/sim/jobs.h"
#include "tests/sim/media.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { ID_SIZE = 40, NAME_SIZE = 64, TOKENS = 16384 };

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400,
     ARK_REFUSAL("InputTextSensitiveContentDetected",
                 "The request failed because the input text may contain sensitive information.",
                 "BadRequest")},
    {"moderation", ALWAYS, 400,
     ARK_REFUSAL("OutputImageSensitiveContentDetected",
                 "The request failed because the output image may contain sensitive information.",
                 "BadRequest")},
    {"invalid", ALWAYS, 400,
     ARK_REFUSAL("InvalidParameter", "The prompt is not valid.", "BadRequest")},
    {"balance", ALWAYS, 403,
     ARK_REFUSAL("AccountOverdueError", "The account has an overdue balance.", "Forbidden")},
    {"quota", ALWAYS, 429,
     ARK_REFUSAL("QuotaExceeded", "The free quota has been used up.", "TooManyRequests")},
    {"cap", ALWAYS, 429,
     ARK_REFUSAL("SetLimitExceeded", "The account has reached its set limit.", "TooManyRequests")},
    {"closed", ALWAYS, 404,
     ARK_REFUSAL("ModelNotOpen", "The account has not activated the model.", "NotFound")},
    {"429", 2, 429,
     ARK_REFUSAL("ModelAccountIpmRateLimitExceeded",
                 "The images per minute limit of the model is exceeded.", "TooManyRequests")},
    {"overloaded", 2, 429,
     ARK_REFUSAL("ServerOverloaded", "The service is overloaded.", "TooManyRequests")},
    {"500", 1, 500,
     ARK_REFUSAL("InternalServiceError", "The service has an internal error.",
                 "InternalServerError")},
    {"503", 1, 503,
     ARK_REFUSAL("ServiceUnavailable", "The service is not available.", "ServiceUnavailable")},
};

static bool is_png(const struct job *job)
{
    return strcmp(rules_text(job->request, "output_format"), "png") == 0;
}

static void add_file(const struct job *job, int number, struct buf *json)
{
    struct buf file = {0};
    char name[NAME_SIZE];

    snprintf(name, sizeof name, "%s-%d.%s", job->id, number, is_png(job) ? "png" : "jpeg");
    media_add(&file, media_kind(name), name);
    base64_encode(file.data, file.len, json);
    buf_clear(&file);
}

static void add_image(const struct sim *sim, const struct job *job, int number, struct buf *json)
{
    const char *size = rules_text(job->request, "size");
    char part[16];

    snprintf(part, sizeof part, "%d", number);
    if (strcmp(rules_text(job->request, "response_format"), "b64_json") == 0) {
        buf_str(json, "{\"b64_json\":\"");
        add_file(job, number, json);
    } else {
        buf_str(json, "{\"url\":\"");
        jobs_add_link(sim->jobs, job, part, is_png(job) ? "png" : "jpeg", json);
    }
    buf_str(json, "\",\"size\":");
    buf_json_str(json, strchr(size, 'x') == NULL ? "2048x2048" : size);
    buf_char(json, '}');
}

// Why the image isn't there; NULL: it is.
static const char *failure_of(const struct job *job, int number, int count)
{
    if (words_has(job->prompt, "lost") || (number == 0 && words_has(job->prompt, "part")))
        return "{\"error\":{\"code\":\"OutputImageSensitiveContentDetected\",\"message\":\"The "
               "request failed because the output image may contain sensitive information.\"}}";
    if (number == count - 1 && words_has(job->prompt, "broken"))
        return "{\"error\":{\"code\":\"InternalServiceError\",\"message\":\"The service has an "
               "internal error.\"}}";
    return NULL;
}

static void add_answer(const struct sim *sim, const struct job *job, struct buf *json)
{
    int count = seedream_count(job->request), made = 0;

    if (words_has(job->prompt, "none"))
        count = 0;
    else if (words_has(job->prompt, "fewer") && count > 1)
        count--;
    buf_str(json, "{\"model\":");
    buf_json_str(json, rules_text(job->request, "model"));
    buf_fmt(json, ",\"created\":%lld,\"data\":[", (long long)(job->began_ms / 1000));
    for (int i = 0; i < count; i++) {
        const char *failure = failure_of(job, i, count);

        if (i > 0)
            buf_char(json, ',');
        if (failure != NULL)
            buf_str(json, failure);
        else
            add_image(sim, job, i, json);
        made += failure == NULL;
    }
    buf_fmt(json, "],\"usage\":{\"generated_images\":%d,\"output_tokens\":%d,\"total_tokens\":%d}}",
            made, made * TOKENS, made * TOKENS);
}

static void answer(struct sim *sim, struct http_exchange *exchange, const struct job *job)
{
    static const char error[] =
        ARK_REFUSAL("InternalServiceError", "The service has an internal error.", "BadRequest");
    struct buf body = {0};

    if (words_has(job->prompt, "error-200"))
        buf_str(&body, error);
    else
        add_answer(sim, job, &body);
    calls_answer(sim, exchange, job, "application/json", &body);
    buf_clear(&body);
}

static void submit(struct sim *sim, struct http_exchange *exchange)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len), *code, *prompt;
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    struct rule_error error;
    uint64_t number;
    char id[ID_SIZE], why[sizeof error.param + sizeof error.why + 32];

    sim->stats.submits++;
    if (!json_is_object(body)) {
        ark_refuse(exchange, 400, "InvalidParameter", "", "The body is not a JSON object.");
        return;
    }
    if (!seedream_check(body, &code, &error)) {
        snprintf(why, sizeof why, "The parameter `%s` %s.", error.param, error.why);
        ark_refuse(exchange, strncmp(code, "InvalidEndpoint", 15) == 0 ? 404 : 400, code,
                   error.param, why);
        return;
    }
    prompt = rules_text(body, "prompt");
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_seedream, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    snprintf(id, sizeof id, "image_%llu", (unsigned long long)number);
    answer(sim, exchange, jobs_add(sim->jobs, &sim_seedream, number, id, "", prompt, "", body));
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    if (strcmp(http_exchange_path(exchange), "/api/v3/images/generations") != 0)
        return false;
    if (!sim_has_bearer(sim, exchange))
        ark_refuse(exchange, 401, "AuthenticationError", "",
                   "The API key in the request is missing or invalid.");
    else if (http_exchange_method(exchange) != HTTP_POST_)
        ark_refuse(exchange, 404, "NotFound", "", "There is no such method.");
    else
        submit(sim, exchange);
    return true;
}

const struct sim_vendor sim_seedream = {.name = "seedream", .handle = handle};
