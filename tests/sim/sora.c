// OpenAI's form of videos, as relays speak it: create, look, list, remix, delete, content with its
// variants.
//
// Words in a prompt, besides those of words.h and jobs.h:
//
//   before it is accepted   [refuse] moderation_blocked   [balance] insufficient_quota
//     twice per prompt      [429]
//     once per prompt       [500]
//   its files               [no-variants] 404 for all but the video
//                           [any-variant] the video, whichever is asked for
//
// Nothing links to the files: /content has them, and wants the key.
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/jobs.h"
#include "tests/sim/query.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { ID_BYTES = 48, MAX_PAGE = 100 };

static const char root[] = "/v1/videos";

static const char *const statuses[] = {
    [JOB_QUEUED] = "queued", [JOB_RUNNING] = "in_progress", [JOB_SUCCEEDED] = "completed",
    [JOB_FAILED] = "failed", [JOB_EXPIRED] = "failed",      [JOB_CANCELLED] = "failed",
};

#define REFUSAL(type, code, message)                                                               \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type                                     \
    "\",\"param\":null,\"code\":\"" code "\"}}"
static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400,
     REFUSAL("invalid_request_error", "moderation_blocked",
             "Your request was blocked by our moderation system.")},
    {"balance", ALWAYS, 429,
     REFUSAL("insufficient_quota", "insufficient_quota", "You exceeded your current quota.")},
    {"429", 2, 429, REFUSAL("requests", "rate_limit_exceeded", "Rate limit reached.")},
    {"500", 1, 500, REFUSAL("server_error", "server_error", "The server had an error.")},
};

static const struct rule reference_rules[] = {
    {.name = "image_url", .type = RULE_TEXT, .is_required = true}, {0}};
static const struct rule create_rules[] = {
    {.name = "prompt", .type = RULE_TEXT, .is_required = true, .min = 1, .max = 32000},
    {.name = "model", .type = RULE_TEXT, .words = "sora-2 sora-2-pro"},
    {.name = "seconds", .type = RULE_TEXT, .words = "4 8 12"},
    {.name = "size", .type = RULE_TEXT, .words = "720x1280 1280x720 1024x1792 1792x1024"},
    {.name = "input_reference", .type = RULE_OBJECT, .fields = reference_rules},
    {0},
};
static const struct rule remix_rules[] = {
    {.name = "prompt", .type = RULE_TEXT, .is_required = true, .min = 1, .max = 32000}, {0}};

static void refuse(struct http_exchange *exchange, int status, const char *code, const char *why)
{
    struct buf json = {0};

    buf_str(&json, "{\"error\":{\"message\":");
    buf_json_str(&json, why);
    buf_fmt(&json, ",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"%s\"}}", code);
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

static const char *text_or(const struct job *job, const char *name, const char *other)
{
    const char *text = rules_text(job->request, name);

    return *text == '\0' ? other : text;
}

static void add_video(const struct sim *sim, const struct job *job, struct buf *buf)
{
    struct job_view view = jobs_view(sim->jobs, job);

    buf_fmt(
        buf,
        "{\"id\":\"%s\",\"object\":\"video\",\"model\":\"%s\",\"status\":\"%s\",\"progress\":%d",
        job->id, text_or(job, "model", "sora-2"), statuses[view.status], view.progress);
    buf_fmt(buf, ",\"created_at\":%lld,\"completed_at\":", (long long)(job->began_ms / 1000));
    if (view.status == JOB_SUCCEEDED)
        buf_fmt(buf, "%lld", (long long)(view.since_ms / 1000));
    else
        buf_str(buf, "null");
    buf_fmt(buf, ",\"expires_at\":null,\"seconds\":\"%s\",\"size\":\"%s\",\"prompt\":",
            text_or(job, "seconds", "4"), text_or(job, "size", "720x1280"));
    buf_json_str(buf, job->prompt);
    buf_str(buf, ",\"remixed_from_video_id\":");
    if (*job->route == '\0')
        buf_str(buf, "null");
    else
        buf_json_str(buf, rules_text(job->request, "remixed"));
    if (!job_is_over(view.status) || view.status == JOB_SUCCEEDED)
        buf_str(buf, ",\"error\":null}");
    else
        buf_fmt(buf, ",\"error\":{\"code\":\"%s\",\"message\":\"The simulated job failed.\"}}",
                words_has(job->prompt, "moderation") ? "moderation_blocked"
                                                     : "video_generation_failed");
}

// `parent` NULL: it isn't a remix.
static void submit(struct sim *sim, struct http_exchange *exchange, const struct job *parent)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len), *prompt;
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    char id[ID_BYTES], why[320];
    struct rule_error error;
    struct buf json = {0};
    uint64_t number;

    sim->stats.submits++;
    if (!json_is_object(body)) {
        refuse(exchange, 400, "invalid_json", "The body is not a JSON object.");
        return;
    }
    if (!rules_check(body, parent == NULL ? create_rules : remix_rules, &error)) {
        snprintf(why, sizeof why, "Invalid '%s': %s.", error.param, error.why);
        refuse(exchange, 400, "invalid_value", why);
        return;
    }
    prompt = rules_text(body, "prompt");
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_sora, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    if (parent != NULL)
        json_object_set_new(body, "remixed", json_string(parent->id));
    number = jobs_next_number(sim->jobs);
    snprintf(id, sizeof id, "video_%llx", (unsigned long long)number);
    add_video(
        sim,
        jobs_add(sim->jobs, &sim_sora, number, id, parent == NULL ? "" : "remix", prompt, "", body),
        &json);
    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}

static void list(struct sim *sim, struct http_exchange *exchange)
{
    size_t limit = query_number(exchange, "limit", 20, MAX_PAGE), count = 0;
    struct buf json = {0};

    sim->stats.lists++;
    buf_str(&json, "{\"object\":\"list\",\"data\":[");
    for (size_t i = jobs_count(sim->jobs, &sim_sora); i > 0 && count < limit; i--) {
        struct job *job = jobs_at(sim->jobs, &sim_sora, i - 1);

        if (job == NULL)
            continue;
        if (count++ > 0)
            buf_char(&json, ',');
        add_video(sim, job, &json);
    }
    buf_str(&json, "],\"has_more\":false}");
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// The first is what there is without a word.
static const struct {
    const char *name, *ending;
} variants[] = {
    {"video", ".mp4"},
    {"thumbnail", "-thumbnail.jpeg"},
    {"spritesheet", "-spritesheet.png"},
};
enum { VARIANTS = sizeof variants / sizeof variants[0] };

static void serve(struct sim *sim, struct http_exchange *exchange, struct job *job)
{
    const char *variant = http_exchange_query(exchange, "variant");
    char name[ID_BYTES + 32];
    size_t i = 0;

    if (variant != NULL && !words_has(job->prompt, "any-variant"))
        while (i < VARIANTS && strcmp(variants[i].name, variant) != 0)
            i++;
    if (jobs_view(sim->jobs, job).status != JOB_SUCCEEDED) {
        refuse(exchange, 404, "video_not_ready", "The video is not ready.");
    } else if (i == VARIANTS) {
        refuse(exchange, 400, "invalid_value", "Invalid 'variant'.");
    } else if (i > 0 && words_has(job->prompt, "no-variants")) {
        refuse(exchange, 404, "not_found", "Variant not found.");
    } else {
        snprintf(name, sizeof name, "sora-%s%s", job->id, variants[i].ending);
        files_serve(sim, exchange, job, name);
    }
}

static void handle_video(struct sim *sim, struct http_exchange *exchange, struct job *job,
                         const char *what)
{
    enum http_method method = http_exchange_method(exchange);
    struct buf json = {0};

    if (method == HTTP_GET_ && strcmp(what, "/content") == 0) {
        serve(sim, exchange, job);
    } else if (method == HTTP_POST_ && strcmp(what, "/remix") == 0) {
        submit(sim, exchange, job);
    } else if (method == HTTP_GET_ && *what == '\0') {
        sim->stats.polls_single++;
        job->polls++;
        add_video(sim, job, &json);
        http_exchange_answer_json(exchange, 200, json.data);
    } else if (method == HTTP_DELETE_ && *what == '\0') {
        job->is_destroyed = true;
        sim->stats.destroyed++;
        buf_fmt(&json, "{\"id\":\"%s\",\"object\":\"video.deleted\",\"deleted\":true}", job->id);
        http_exchange_answer_json(exchange, 200, json.data);
    } else {
        refuse(exchange, 404, "unknown_url", "Unknown request URL.");
    }
    buf_clear(&json);
}

// Below the same path other vendors have words that aren't ids.
static bool is_mine(const char *path)
{
    const char *rest = path + sizeof root - 1;

    return strncmp(path, root, sizeof root - 1) == 0 &&
           (*rest == '\0' || strncmp(rest, "/video_", 7) == 0);
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    const char *path = http_exchange_path(exchange), *rest;
    char id[ID_BYTES];
    struct job *job;

    if (!is_mine(path))
        return false;
    rest = path + sizeof root - 1;
    if (!sim_has_bearer(sim, exchange)) {
        refuse(exchange, 401, "invalid_api_key", "Incorrect API key provided.");
    } else if (*rest == '/') {
        snprintf(id, sizeof id, "%.*s", (int)strcspn(rest + 1, "/"), rest + 1);
        job = jobs_find(sim->jobs, &sim_sora, id);
        if (job == NULL)
            refuse(exchange, 404, "not_found", "Video not found.");
        else
            handle_video(sim, exchange, job, rest + 1 + strlen(id));
    } else if (http_exchange_method(exchange) == HTTP_POST_) {
        submit(sim, exchange, NULL);
    } else {
        list(sim, exchange);
    }
    return true;
}

const struct sim_vendor sim_sora = {.name = "sora", .has_sound = true, .handle = handle};
