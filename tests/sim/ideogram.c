// Ideogram: V_3 and the older paths, each answered with the result. Its newer API is ideogram_v2.c.
//
// Words in a prompt, besides those of words.h and calls.h; calls that have no prompt (reframe,
// describe) have theirs in the image, behind "words:".
//
//   before it is billed    [refuse] 422, unsafe   [invalid] 422   [400]   [funds] 402
//     twice per prompt     [inflight] 402   [429] retry in 1 s
//     once per prompt      [500]   [503]
//   billed, but            [unsafe] all images are, without links   [part] the first is   [none] no
//                          image   [error-200] an error with status 200
//
// What was billed is counted by prompts.
#include "tests/sim/ideogram.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "core/message/multipart.h"
#include "tests/sim/calls.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/signer.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { ID_SIZE = 40, FIRST_SEED = 12345, TIME_SIZE = 32 };

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 422, "{\"error\":\"Prompt failed the safety check.\"}"},
    {"invalid", ALWAYS, 422, "{\"error\":\"The prompt can't be used.\"}"},
    {"400", ALWAYS, 400, "{\"error\":\"Invalid input provided.\"}"},
    {"funds", ALWAYS, 402,
     "{\"error\":\"You have no credits left.\",\"reject_reason\":\"insufficient_funds\"}"},
    {"inflight", 2, 402,
     "{\"error\":\"Too many requests in flight.\",\"reject_reason\":\"inflight_limit\","
     "\"max_inflight_requests\":10}"},
    {"429", 2, 429, "{\"error\":\"Too many requests.\"}"},
    {"500", 1, 500, "{\"error\":\"Internal error.\"}"},
    {"503", 1, 503, NULL},
};

static const struct call {
    const char *path;
    enum ideogram_kind kind;
    bool is_json; // it takes JSON, too
    bool is_form;
} calls[] = {
    {"/v1/ideogram-v3/generate", IDEOGRAM_GENERATE, true, true},
    {"/v1/ideogram-v3/edit", IDEOGRAM_EDIT, false, true},
    {"/v1/edit", IDEOGRAM_PROMPT_EDIT, false, true},
    {"/v1/ideogram-v3/remix", IDEOGRAM_REMIX, false, true},
    {"/v1/ideogram-v3/reframe", IDEOGRAM_REFRAME, false, true},
    {"/v1/ideogram-v3/replace-background", IDEOGRAM_BACKGROUND, false, true},
    {"/generate", IDEOGRAM_OLD_GENERATE, true, false},
    {"/remix", IDEOGRAM_OLD_REMIX, false, true},
    {"/upscale", IDEOGRAM_OLD_UPSCALE, false, true},
    {"/describe", IDEOGRAM_OLD_DESCRIBE, false, true},
};
static const char keys[] = "/v1/.well-known/jwks.json";
static const char *const newer[] = {"/v2/image/", "/v2/generations/"}; // others have a /v2, too

void ideogram_refuse(struct http_exchange *exchange, int status, const char *why)
{
    struct buf json = {0};

    buf_str(&json, "{\"error\":");
    buf_json_str(&json, why);
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

// Requests.

static bool has_key(const struct sim *sim, const struct http_exchange *exchange)
{
    const char *key = http_exchange_header(exchange, "api-key");

    return key != NULL && strcmp(key, sim->secret) == 0;
}

json_t *ideogram_read_body(struct http_exchange *exchange, bool takes_json, bool takes_form,
                           struct buf *words)
{
    const char *type = http_exchange_header(exchange, "content-type"),
               *why = "The JSON is invalid.";
    bool is_form = multipart_is_form(type);
    size_t len;
    const char *text = http_exchange_body(exchange, &len);
    json_t *body = NULL;

    if (is_form ? !takes_form
                : !takes_json || type == NULL || strcmp(type, "application/json") != 0) {
        ideogram_refuse(exchange, 415, "Unsupported content type.");
        return NULL;
    }
    body = is_form ? ideogram_read_form(type, text, len, words, &why)
                   : json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(body))
        return body;
    json_decref(body);
    ideogram_refuse(exchange, 400, why);
    return NULL;
}

static const json_t *asked_of(const json_t *body)
{
    const json_t *old = json_object_get(body, "image_request");

    return old == NULL ? body : old;
}

// Answers.

// The simulated pictures are small, whatever is said of them.
static const char *resolution_of(const struct job *job)
{
    const char *size = rules_text(asked_of(job->request), "resolution");

    return *size == '\0' || strncmp(size, "RES", 3) == 0 ? "1344x768" : size;
}

bool ideogram_add_link(const struct sim *sim, const struct job *job, int number, struct buf *json)
{
    bool is_unsafe =
        words_has(job->prompt, "unsafe") || (words_has(job->prompt, "part") && number == 0);
    char part[16];

    snprintf(part, sizeof part, "%d", number);
    buf_str(json, "\"url\":");
    if (is_unsafe) {
        buf_str(json, "null");
    } else {
        buf_char(json, '"');
        jobs_add_link(sim->jobs, job, part, "png", json);
        buf_char(json, '"');
    }
    buf_str(json, ",\"prompt\":");
    buf_json_str(json, job->prompt);
    return is_unsafe;
}

static void add_image(const struct sim *sim, const struct job *job, int number, struct buf *json)
{
    const json_t *asked = asked_of(job->request);
    const char *style = rules_text(asked, "style_type");
    bool is_unsafe;

    buf_char(json, '{');
    is_unsafe = ideogram_add_link(sim, job, number, json);
    buf_fmt(json, ",\"resolution\":\"%s\",\"upscaled_resolution\":%s,\"is_image_safe\":%s",
            resolution_of(job), strcmp(job->route, "/upscale") == 0 ? "\"2688x1536\"" : "null",
            is_unsafe ? "false" : "true");
    buf_fmt(json, ",\"seed\":%d,\"style_type\":\"%s\"}", FIRST_SEED + number,
            *style == '\0' ? "GENERAL" : style);
}

static void add_images(const struct sim *sim, const struct job *job, struct buf *json)
{
    const json_t *count = json_object_get(asked_of(job->request), "num_images");
    int n = count == NULL ? 1 : (int)json_integer_value(count);
    time_t began = (time_t)(job->began_ms / 1000);
    struct tm parts;
    char created[TIME_SIZE];

    gmtime_r(&began, &parts);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%S+00:00", &parts);
    buf_fmt(json, "{\"created\":\"%s\",\"data\":[", created);
    for (int i = 0; i < n && !words_has(job->prompt, "none"); i++) {
        if (i > 0)
            buf_char(json, ',');
        add_image(sim, job, i, json);
    }
    buf_str(json, "]}");
}

static void answer(struct sim *sim, struct http_exchange *exchange, const struct job *job,
                   enum ideogram_kind kind)
{
    struct buf json = {0};

    if (words_has(job->prompt, "error-200"))
        buf_str(&json, "{\"error\":\"Something went wrong.\"}");
    else if (kind == IDEOGRAM_OLD_DESCRIBE)
        buf_str(&json, words_has(job->prompt, "none")
                           ? "{\"descriptions\":[]}"
                           : "{\"descriptions\":[{\"text\":\"A simulated image.\"},"
                             "{\"text\":\"A \\\"red\\\" pixel on a lake.\"}]}");
    else
        add_images(sim, job, &json);
    calls_answer(sim, exchange, job, "application/json", &json);
    buf_clear(&json);
}

static void take(struct sim *sim, struct http_exchange *exchange, const struct call *call,
                 json_t *body, const char *prompt)
{
    struct rule_error error;
    char why[320], id[ID_SIZE];
    uint64_t number;

    if (!ideogram_check(call->kind, body, &error)) {
        snprintf(why, sizeof why, "%s %s", error.param, error.why);
        ideogram_refuse(exchange, 400, why);
        return;
    }
    if (words_has(prompt, "429"))
        http_exchange_add_header(exchange, "Retry-After", "1");
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_ideogram, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    snprintf(id, sizeof id, "call_%llu", (unsigned long long)number);
    answer(sim, exchange,
           jobs_add(sim->jobs, &sim_ideogram, number, id, call->path, prompt, "", body),
           call->kind);
}

static void submit(struct sim *sim, struct http_exchange *exchange, const struct call *call)
{
    struct buf words = {0};
    json_t *body = ideogram_read_body(exchange, call->is_json, call->is_form, &words);
    const char *prompt = rules_text(asked_of(body), "prompt");

    sim->stats.submits++;
    if (body != NULL)
        take(sim, exchange, call, body, *prompt == '\0' ? buf_text(&words) : prompt);
    json_decref(body);
    buf_clear(&words);
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    const char *path = http_exchange_path(exchange);
    bool is_newer = strncmp(path, newer[0], strlen(newer[0])) == 0 ||
                    strncmp(path, newer[1], strlen(newer[1])) == 0;
    size_t i = 0, count = sizeof calls / sizeof calls[0];
    bool is_old_file;

    while (i < count && strcmp(calls[i].path, path) != 0)
        i++;
    if (strcmp(path, keys) == 0) {
        signer_show_keys(exchange); // of everybody's
        return true;
    }
    if (i == count && !is_newer)
        return false;
    is_old_file =
        !is_newer && (calls[i].kind == IDEOGRAM_OLD_REMIX || calls[i].kind == IDEOGRAM_OLD_UPSCALE);
    if (!has_key(sim, exchange))
        ideogram_refuse(exchange, is_old_file ? 403 : 401, "Not authorized.");
    else if (is_newer)
        ideogram_v2_handle(sim, exchange);
    else if (http_exchange_method(exchange) != HTTP_POST_)
        ideogram_refuse(exchange, 405, "Method not allowed.");
    else
        submit(sim, exchange, &calls[i]);
    return true;
}

const struct sim_vendor sim_ideogram = {.name = "ideogram", .handle = handle};
