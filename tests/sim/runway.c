// Runway: submits, looks and deletes, with a version in the head.
//
// Words in a prompt, besides those of words.h and jobs.h:
//
//   before it is accepted   [refuse] a bad field   [balance] no credits   [daily] a 429 that stays
//     twice per prompt      [429]   [busy] 503
//     once per prompt       [500]
//   while it waits          [throttled] THROTTLED instead of PENDING
//
// A DELETE cancels what hasn't ended, and destroys what has.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/http/http_server.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

#define VERSION "2024-11-06"
enum { TIME_SIZE = 32 };

static const char *const statuses[] = {
    [JOB_QUEUED] = "PENDING", [JOB_RUNNING] = "RUNNING", [JOB_SUCCEEDED] = "SUCCEEDED",
    [JOB_FAILED] = "FAILED",  [JOB_EXPIRED] = "FAILED",  [JOB_CANCELLED] = "CANCELLED",
};

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400, "{\"error\":\"Validation of body failed\"}"},
    {"balance", ALWAYS, 400, "{\"error\":\"You do not have enough credits to run this task.\"}"},
    {"daily", ALWAYS, 429, "{\"error\":\"You have reached your daily task limit.\"}"},
    {"429", 2, 429, "{\"error\":\"Too many requests\"}"},
    {"busy", 2, 503, "{\"error\":\"The service is overloaded\"}"},
    {"500", 1, 500, "{\"error\":\"Internal server error\"}"},
};

static const struct rule moderation_rules[] = {
    {.name = "publicFigureThreshold", .type = RULE_TEXT, .words = "auto low"}, {0}};
static const struct rule body_rules[] = {
    {.name = "model", .type = RULE_TEXT, .is_required = true, .words = "gen4_turbo gen4.5"},
    {.name = "promptImage", .type = RULE_ANY, .is_required = true},
    {.name = "promptText", .type = RULE_TEXT, .max = 1000},
    {.name = "ratio",
     .type = RULE_TEXT,
     .is_required = true,
     .words = "1280:720 720:1280 1104:832 832:1104 960:960 1584:672"},
    {.name = "duration", .type = RULE_INTEGER, .min = 2, .max = 10},
    {.name = "seed", .type = RULE_INTEGER, .min = 0, .max = 4294967295.0},
    {.name = "contentModeration", .type = RULE_OBJECT, .fields = moderation_rules},
    {0},
};

static void refuse(struct http_exchange *exchange, int status, const char *why)
{
    struct buf json = {0};

    buf_str(&json, "{\"error\":");
    buf_json_str(&json, why);
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

static bool is_image(const char *text)
{
    return strncmp(text, "https://", 8) == 0 || rules_is_data_url(text, "image/");
}

static bool check_image(const json_t *image, struct rule_error *error)
{
    const char *uri = json_is_string(image) ? json_string_value(image)
                                            : rules_text(json_array_get(image, 0), "uri");

    if (json_is_array(image) &&
        strcmp(rules_text(json_array_get(image, 0), "position"), "first") != 0)
        return rules_fail(error, "promptImage", "has no position");
    return is_image(uri) || rules_fail(error, "promptImage", "is neither https nor a data URI");
}

static bool check(const json_t *body, struct rule_error *error)
{
    if (!rules_check(body, body_rules, error) ||
        !check_image(json_object_get(body, "promptImage"), error))
        return false;
    if (strcmp(rules_text(body, "model"), "gen4.5") != 0)
        return true;
    return (*rules_text(body, "promptText") != '\0' ||
            rules_fail(error, "promptText", "is required")) &&
           (json_object_get(body, "duration") != NULL ||
            rules_fail(error, "duration", "is required"));
}

static const char *failure_of(const struct job *job)
{
    return words_has(job->prompt, "moderation") ? "INPUT_PREPROCESSING.SAFETY.TEXT"
                                                : "INTERNAL.BAD_OUTPUT.CODE01";
}

static void add_job(const struct sim *sim, const struct job *job, struct buf *buf)
{
    struct job_view view = jobs_view(sim->jobs, job);
    bool is_throttled = view.status == JOB_QUEUED && words_has(job->prompt, "throttled");
    time_t seconds = (time_t)(job->began_ms / 1000);
    char text[TIME_SIZE];
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    buf_fmt(buf, "{\"id\":\"%s\",\"createdAt\":\"%s\",\"status\":\"%s\"", job->id, text,
            is_throttled ? "THROTTLED" : statuses[view.status]);
    if (view.status == JOB_RUNNING)
        buf_fmt(buf, ",\"progress\":%.2f", view.progress / 100.0);
    if (view.status == JOB_SUCCEEDED) {
        buf_str(buf, ",\"output\":[\"");
        jobs_add_link(sim->jobs, job, NULL, "mp4", buf);
        buf_str(buf, "\"]");
    }
    if (view.status == JOB_FAILED || view.status == JOB_EXPIRED)
        buf_fmt(buf, ",\"failure\":\"The simulated job failed.\",\"failureCode\":\"%s\"",
                failure_of(job));
    buf_char(buf, '}');
}

static void submit(struct sim *sim, struct http_exchange *exchange)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len), *prompt;
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    char id[UUID_SIZE], why[320];
    struct rule_error error;
    struct buf json = {0};
    uint64_t number;

    sim->stats.submits++;
    if (!json_is_object(body)) {
        refuse(exchange, 400, "The body is not a JSON object");
        return;
    }
    if (!check(body, &error)) {
        snprintf(why, sizeof why, "Validation of body failed: %s %s", error.param, error.why);
        refuse(exchange, 400, why);
        return;
    }
    prompt = rules_text(body, "promptText");
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_runway, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    uuid_make(number, id);
    jobs_add(sim->jobs, &sim_runway, number, id, "", prompt, "", body);
    buf_fmt(&json, "{\"id\":\"%s\"}", id);
    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}

static void handle_job(struct sim *sim, struct http_exchange *exchange, const char *id)
{
    struct job *job = jobs_find(sim->jobs, &sim_runway, id);
    struct buf json = {0};

    if (job == NULL) {
        refuse(exchange, 404, "Not found");
    } else if (http_exchange_method(exchange) == HTTP_GET_) {
        sim->stats.polls_single++;
        job->polls++;
        add_job(sim, job, &json);
        http_exchange_answer_json(exchange, 200, json.data);
        buf_clear(&json);
    } else if (http_exchange_method(exchange) != HTTP_DELETE_) {
        refuse(exchange, 405, "Method not allowed");
    } else if (job_is_over(jobs_view(sim->jobs, job).status)) {
        job->is_destroyed = true;
        sim->stats.destroyed++;
        http_exchange_answer(exchange, 204, NULL, NULL, 0);
    } else {
        job->cancelled_ms = clock_wall_ms();
        http_exchange_answer(exchange, 204, NULL, NULL, 0);
    }
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char make[] = "/v1/image_to_video", look[] = "/v1/tasks/";
    const char *path = http_exchange_path(exchange);
    const char *version = http_exchange_header(exchange, "x-runway-version");
    bool is_submit = strcmp(path, make) == 0;

    if (!is_submit && strncmp(path, look, sizeof look - 1) != 0)
        return false;
    if (!sim_has_bearer(sim, exchange))
        refuse(exchange, 401, "The API key is not valid");
    else if (version == NULL || strcmp(version, VERSION) != 0)
        refuse(exchange, 400, "X-Runway-Version is not a version of the API");
    else if (!is_submit)
        handle_job(sim, exchange, path + sizeof look - 1);
    else if (http_exchange_method(exchange) == HTTP_POST_)
        submit(sim, exchange);
    else
        refuse(exchange, 405, "Method not allowed");
    return true;
}

const struct sim_vendor sim_runway = {.name = "runway", .handle = handle};
