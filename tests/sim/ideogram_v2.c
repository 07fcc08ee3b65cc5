// Ideogram's newer API: submits that are answered before the images are there, looks, webhooks.
// Here a submit that isn't to be answered at once is refused.
//
// Words in a prompt, besides those of words.h, jobs.h and signer.h; a path without a prompt
// (reframe) has them in the image, behind "words:".
//
//   before it is accepted   [refuse] 422, unsafe   [invalid] 422   [400]   [funds] 402
//     twice per prompt      [inflight] 429   [429] both retry in 1 s
//     once per prompt       [500]   [503]
//   accepted, and           [early] the first two looks don't find it   [limited] the first look is
//                           one too many, retry in 1 s
//   billed, but             [unsafe] all images are, without links   [part] the first is   [none]
//   no
//                           image
//   webhooks                [no-call]   [request-id] the id is called that
//
// A webhook_url must be of https, as the real one wants it; the simulator has no TLS, and calls the
// same host and port without.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "core/message/http_message.h"
#include "tests/sim/callbacks.h"
#include "tests/sim/ideogram.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/signer.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { ID_SIZE = 40, FIRST_SEED = 12345, TIME_SIZE = 32, MICROS = 60000, EARLY_LOOKS = 2 };

#define INFLIGHT                                                                                   \
    "{\"error\":\"Too many requests in flight.\",\"reject_reason\":\"inflight_limit\","            \
    "\"max_inflight_requests\":10,\"task_completion_speed\":\"fast\"}"

static const char image_paths[] = "/v2/image/", generations[] = "/v2/generations/";

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 422, "{\"error\":\"Prompt failed the safety check.\"}"},
    {"invalid", ALWAYS, 422, "{\"error\":\"The prompt can't be used.\"}"},
    {"400", ALWAYS, 400,
     "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"detail\":\"Invalid input provided.\","
     "\"status\":400}"},
    {"funds", ALWAYS, 402,
     "{\"error\":\"You have no credits left.\",\"reject_reason\":\"insufficient_funds\"}"},
    {"inflight", 2, 429, INFLIGHT},
    {"429", 2, 429, "{\"error\":\"Too many requests.\"}"},
    {"500", 1, 500, "{\"error\":\"Internal error.\"}"},
    {"503", 1, 503, "{\"error\":\"The endpoint is temporarily unavailable.\"}"},
};

// Answers.

static void add_created(const struct job *job, struct buf *json)
{
    time_t began = (time_t)(job->began_ms / 1000);
    struct tm parts;
    char created[TIME_SIZE];

    gmtime_r(&began, &parts);
    strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &parts);
    buf_fmt(json, ",\"created\":\"%s\"", created);
}

static void add_image(const struct sim *sim, const struct job *job, int number, struct buf *json)
{
    const char *size = rules_text(job->request, "resolution");
    bool is_unsafe;

    buf_str(json, "{\"object_type\":\"image.generation\",");
    is_unsafe = ideogram_add_link(sim, job, number, json);
    buf_fmt(json, ",\"resolution\":\"%s\",\"seed\":%d,\"is_image_safe\":%s}",
            *size == '\0' ? "1344x768" : size, FIRST_SEED + number, is_unsafe ? "false" : "true");
}

static int count_of(const struct job *job)
{
    const json_t *count = json_object_get(job->request, "num_images");

    return count == NULL ? 1 : (int)json_integer_value(count);
}

static void add_images(const struct sim *sim, const struct job *job, struct buf *json)
{
    buf_str(json, ",\"data\":[");
    for (int i = 0; i < count_of(job) && !words_has(job->prompt, "none"); i++) {
        if (i > 0)
            buf_char(json, ',');
        add_image(sim, job, i, json);
    }
    buf_char(json, ']');
}

static void add_generation(const struct sim *sim, const struct job *job, struct buf *json)
{
    enum job_status status = jobs_view(sim->jobs, job).status;
    bool is_over = job_is_over(status), is_done = status == JOB_SUCCEEDED;

    buf_fmt(json, "{\"generation_id\":\"%s\",\"status\":\"%s\"", job->id,
            is_done   ? "completed"
            : is_over ? "failed"
                      : "pending");
    add_created(job, json);
    if (is_done) {
        buf_str(json, ",\"response_type\":\"image.generation\"");
        add_images(sim, job, json);
        buf_fmt(json, ",\"usage_cost_usd_micros\":%d", MICROS * count_of(job));
    } else if (is_over) {
        buf_fmt(json, ",\"failure_reason\":\"%s\"",
                words_has(job->prompt, "moderation") ? "content_policy_violation"
                                                     : "internal_error");
    }
    buf_char(json, '}');
}

// Webhooks.

static void sign(const struct sim *sim, const struct job *job, struct http_request *request)
{
    static const struct signer signer = {"X-Ideogram-Webhook", "Generation-Id"};

    (void)sim;
    signer_sign(&signer, job->id, job->prompt, request);
}

static void add_call(const struct sim *sim, const struct job *job, struct buf *json)
{
    buf_fmt(json, "{\"%s\":\"%s\"",
            words_has(job->prompt, "request-id") ? "request_id" : "generation_id", job->id);
    add_created(job, json);
    add_images(sim, job, json);
    buf_char(json, '}');
}

static void watch(struct sim *sim, const struct job *job)
{
    static const struct callback_end end = {add_call, sign, .tries = 5, .retry_ms = 2000};
    const char *hook = rules_text(job->request, "webhook_url");
    struct buf url = {0};

    if (*hook == '\0' || words_has(job->prompt, "no-call"))
        return;
    buf_fmt(&url, "http://%s", hook + strlen("https://"));
    callbacks_watch_end(sim->callbacks, job, url.data, &end);
    buf_clear(&url);
}

// Submits.

static void take(struct sim *sim, struct http_exchange *exchange, json_t *body, const char *prompt)
{
    struct buf json = {0};
    uint64_t number;
    const struct job *job;
    char id[ID_SIZE];

    if (words_has(prompt, "429") || words_has(prompt, "inflight"))
        http_exchange_add_header(exchange, "Retry-After", "1");
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_ideogram, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    snprintf(id, sizeof id, "gen_%llu", (unsigned long long)number);
    job = jobs_add(sim->jobs, &sim_ideogram, number, id, "/v2", prompt, "", body);
    watch(sim, job);
    buf_fmt(&json, "{\"generation_id\":\"%s\",\"seed\":%d}", id, FIRST_SEED);
    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}

static bool check(const struct rule *rules, const json_t *body, struct rule_error *error)
{
    if (!rules_check(body, rules, error))
        return false;
    if (!json_is_true(json_object_get(body, "async")))
        return rules_fail(error, "async", "must be true, in the simulator");
    if (json_object_get(body, "resolution") != NULL &&
        json_object_get(body, "aspect_ratio") != NULL)
        return rules_fail(error, "resolution", "cannot be used in conjunction with aspect_ratio");
    return ideogram_check_files(body, error);
}

static void submit(struct sim *sim, struct http_exchange *exchange, const struct rule *rules)
{
    struct buf words = {0};
    json_t *body = ideogram_read_body(exchange, true, true, &words);
    const char *prompt = rules_text(body, "prompt");
    struct rule_error error;
    char why[320];

    sim->stats.submits++;
    if (body != NULL && !check(rules, body, &error)) {
        snprintf(why, sizeof why, "%s %s", error.param, error.why);
        ideogram_refuse(exchange, 400, why);
    } else if (body != NULL) {
        take(sim, exchange, body, *prompt == '\0' ? buf_text(&words) : prompt);
    }
    json_decref(body);
    buf_clear(&words);
}

// Looks.

static void look(struct sim *sim, struct http_exchange *exchange, const char *id)
{
    struct job *job = jobs_find(sim->jobs, &sim_ideogram, id);
    struct buf json = {0};

    sim->stats.polls_single++;
    if (job == NULL || strcmp(job->route, "/v2") != 0 ||
        (words_has(job->prompt, "early") && job->polls++ < EARLY_LOOKS)) {
        ideogram_refuse(exchange, 404, "Generation not found.");
        return;
    }
    if (words_has(job->prompt, "limited") && job->polls++ == 0) {
        http_exchange_add_header(exchange, "Retry-After", "1");
        ideogram_refuse(exchange, 429, "Too many requests.");
        return;
    }
    add_generation(sim, job, &json);
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

void ideogram_v2_handle(struct sim *sim, struct http_exchange *exchange)
{
    const char *path = http_exchange_path(exchange);
    bool is_post = http_exchange_method(exchange) == HTTP_POST_;
    const struct rule *rules = strncmp(path, image_paths, sizeof image_paths - 1) == 0
                                   ? ideogram_v2_rules(path + sizeof image_paths - 1)
                                   : NULL;

    if (rules != NULL && is_post)
        submit(sim, exchange, rules);
    else if (strncmp(path, generations, sizeof generations - 1) == 0 && !is_post)
        look(sim, exchange, path + sizeof generations - 1);
    else
        ideogram_refuse(exchange, rules == NULL ? 404 : 405, "There is no such operation.");
}
