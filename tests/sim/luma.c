// Luma: Dream Machine's API below /dream-machine/v1, and the Agents API below /v1/generations.
//
// Words in a prompt, besides those of words.h and jobs.h:
//
//   before it is accepted   [refuse] blacklisted words   [balance] no credits
//     twice per prompt      [429]
//     once per prompt       [500]
//
// Dream Machine calls back at each change, and lists its jobs with the requests that made them.
// A job that was deleted is gone.
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/http/http_server.h"
#include "tests/sim/callbacks.h"
#include "tests/sim/jobs.h"
#include "tests/sim/query.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { MAX_PAGE = 100, TIME_SIZE = 32 };

static const char machine[] = "/dream-machine/v1/generations", agents[] = "/v1/generations";

static const char *const states[] = {
    [JOB_QUEUED] = "queued", [JOB_RUNNING] = "dreaming", [JOB_SUCCEEDED] = "completed",
    [JOB_FAILED] = "failed", [JOB_EXPIRED] = "failed",   [JOB_CANCELLED] = "failed",
};

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400, "{\"detail\":\"Prompt contains blacklisted words\"}"},
    {"balance", ALWAYS, 400, "{\"detail\":\"Insufficient credits\"}"},
    {"429", 2, 429, "{\"detail\":\"Too many requests\"}"},
    {"500", 1, 500, "{\"detail\":\"Internal Server Error\"}"},
};

static const struct rule frame_rules[] = {
    {.name = "type", .type = RULE_TEXT, .is_required = true, .words = "image generation"},
    {.name = "url", .type = RULE_TEXT, .check = rules_http_url},
    {.name = "id", .type = RULE_TEXT},
    {0},
};
static const struct rule keyframes_rules[] = {
    {.name = "frame0", .type = RULE_OBJECT, .fields = frame_rules},
    {.name = "frame1", .type = RULE_OBJECT, .fields = frame_rules},
    {0},
};
static const struct rule machine_rules[] = {
    {.name = "model", .type = RULE_TEXT, .is_required = true, .words = "ray-2 ray-flash-2"},
    {.name = "prompt", .type = RULE_TEXT, .min = 3, .max = 5000},
    {.name = "aspect_ratio", .type = RULE_TEXT, .words = "1:1 16:9 9:16 4:3 3:4 21:9 9:21"},
    {.name = "duration", .type = RULE_TEXT, .words = "5s 9s"},
    {.name = "resolution", .type = RULE_TEXT, .words = "540p 720p 1080p 4k"},
    {.name = "loop", .type = RULE_BOOL},
    {.name = "keyframes", .type = RULE_OBJECT, .fields = keyframes_rules},
    {.name = "generation_type", .type = RULE_TEXT, .words = "video"},
    {.name = "callback_url", .type = RULE_TEXT, .check = rules_http_url},
    {0},
};
static const struct rule video_rules[] = {
    {.name = "resolution", .type = RULE_TEXT, .words = "540p 720p 1080p 4k"},
    {.name = "duration", .type = RULE_TEXT, .words = "5s 10s"},
    {.name = "start_frame", .type = RULE_TEXT, .check = rules_http_url},
    {.name = "end_frame", .type = RULE_TEXT, .check = rules_http_url},
    {.name = "loop", .type = RULE_BOOL},
    {.name = "hdr", .type = RULE_BOOL},
    {0},
};
static const struct rule agents_rules[] = {
    {.name = "model", .type = RULE_TEXT, .is_required = true, .words = "ray-3.2"},
    {.name = "type", .type = RULE_TEXT, .is_required = true, .words = "video"},
    {.name = "prompt", .type = RULE_TEXT, .is_required = true, .min = 1, .max = 6000},
    {.name = "aspect_ratio", .type = RULE_TEXT, .words = "1:1 16:9 9:16 4:3 3:4 21:9 9:21"},
    {.name = "video", .type = RULE_OBJECT, .fields = video_rules},
    {0},
};

static void refuse(struct http_exchange *exchange, int status, const char *why)
{
    struct buf json = {0};

    buf_str(&json, "{\"detail\":");
    buf_json_str(&json, why);
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

// A frame has what its type says, and a generation is one that has completed.
static bool check_frame(const struct sim *sim, const json_t *frame, struct rule_error *error)
{
    const char *type = rules_text(frame, "type"), *id = rules_text(frame, "id");
    const struct job *job;

    if (frame == NULL)
        return true;
    if (strcmp(type, "image") == 0)
        return *rules_text(frame, "url") != '\0' || rules_fail(error, "keyframes", "need a url");
    job = jobs_find(sim->jobs, &sim_luma, id);
    return (job != NULL && jobs_view(sim->jobs, job).status == JOB_SUCCEEDED) ||
           rules_fail(error, "keyframes", "name no completed generation");
}

static bool check(const struct sim *sim, const json_t *body, const char *api,
                  struct rule_error *error)
{
    const json_t *frames = json_object_get(body, "keyframes");

    if (!rules_check(body, api == agents ? agents_rules : machine_rules, error))
        return false;
    if (*rules_text(body, "prompt") == '\0' && frames == NULL)
        return rules_fail(error, "prompt", "is required unless keyframes are given");
    if (json_is_true(json_object_get(body, "loop")) && json_object_get(frames, "frame1") != NULL)
        return rules_fail(error, "loop", "can't be had with an end frame");
    return check_frame(sim, json_object_get(frames, "frame0"), error) &&
           check_frame(sim, json_object_get(frames, "frame1"), error);
}

static void add_time(int64_t ms, struct buf *buf)
{
    time_t seconds = (time_t)(ms / 1000);
    char text[TIME_SIZE];
    struct tm parts;

    gmtime_r(&seconds, &parts);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    buf_str(buf, text);
}

static const char *reason_of(const struct job *job)
{
    return words_has(job->prompt, "moderation") ? "Advanced prompt moderation failed"
                                                : "The simulated job failed";
}

static void add_agents_job(const struct sim *sim, const struct job *job, struct buf *buf)
{
    enum job_status status = jobs_view(sim->jobs, job).status;

    buf_fmt(buf,
            "{\"id\":\"%s\",\"type\":\"video\",\"state\":\"%s\",\"model\":\"ray-3.2\",\"output\":[",
            job->id, status == JOB_RUNNING ? "processing" : states[status]);
    if (status == JOB_SUCCEEDED) {
        buf_str(buf, "{\"type\":\"video\",\"url\":\"");
        jobs_add_link(sim->jobs, job, NULL, "mp4", buf);
        buf_str(buf, "\"}");
    }
    buf_char(buf, ']');
    if (job_is_over(status) && status != JOB_SUCCEEDED)
        buf_fmt(buf, ",\"failure_reason\":\"%s\",\"failure_code\":\"%s\"", reason_of(job),
                words_has(job->prompt, "moderation") ? "content_moderated" : "generation_failed");
    buf_char(buf, '}');
}

static void add_machine_job(const struct sim *sim, const struct job *job, struct buf *buf)
{
    enum job_status status = jobs_view(sim->jobs, job).status;
    char *request = json_dumps(job->request, JSON_COMPACT);

    buf_fmt(buf,
            "{\"id\":\"%s\",\"generation_type\":\"video\",\"state\":\"%s\",\"failure_reason\":",
            job->id, states[status]);
    if (job_is_over(status) && status != JOB_SUCCEEDED)
        buf_json_str(buf, reason_of(job));
    else
        buf_str(buf, "null");
    buf_str(buf, ",\"created_at\":\"");
    add_time(job->began_ms, buf);
    buf_str(buf, "\",\"model\":");
    buf_json_str(buf, rules_text(job->request, "model"));
    buf_str(buf, ",\"assets\":");
    if (status == JOB_SUCCEEDED) {
        buf_str(buf, "{\"video\":\"");
        jobs_add_link(sim->jobs, job, NULL, "mp4", buf);
        buf_str(buf, "\",\"image\":\"");
        jobs_add_link(sim->jobs, job, "thumb", "jpeg", buf);
        buf_str(buf, "\",\"progress_video\":null}");
    } else {
        buf_str(buf, "null");
    }
    buf_str(buf, ",\"request\":");
    buf_str(buf, request);
    buf_char(buf, '}');
    free(request);
}

static void add_job(const struct sim *sim, const struct job *job, struct buf *buf)
{
    if (job->route == agents)
        add_agents_job(sim, job, buf);
    else
        add_machine_job(sim, job, buf);
}

static void submit(struct sim *sim, struct http_exchange *exchange, const char *api)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len), *prompt, *callback_url;
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    char id[UUID_SIZE], why[320];
    struct rule_error error;
    const struct job *job;
    struct buf json = {0};
    uint64_t number;

    sim->stats.submits++;
    if (!json_is_object(body)) {
        refuse(exchange, 422, "the body is not a JSON object");
        return;
    }
    if (!check(sim, body, api, &error)) {
        snprintf(why, sizeof why, "%s %s", error.param, error.why);
        refuse(exchange, error.is_missing ? 422 : 400, why);
        return;
    }
    prompt = rules_text(body, "prompt");
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_luma, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    uuid_make(number, id);
    job = jobs_add(sim->jobs, &sim_luma, number, id, api, prompt, "", body);
    callback_url = rules_text(job->request, "callback_url");
    if (*callback_url != '\0')
        callbacks_watch(sim->callbacks, job, callback_url, add_job);
    add_job(sim, job, &json);
    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}

// Lists one page, the newest first.
static void list(struct sim *sim, struct http_exchange *exchange)
{
    size_t limit = query_number(exchange, "limit", 10, MAX_PAGE);
    size_t offset = query_number(exchange, "offset", 0, 1000000), seen = 0, count = 0;
    struct buf json = {0};

    sim->stats.lists++;
    buf_str(&json, "{\"generations\":[");
    for (size_t i = jobs_count(sim->jobs, &sim_luma); i > 0; i--) {
        struct job *job = jobs_at(sim->jobs, &sim_luma, i - 1);

        if (job == NULL || job->route != machine || seen++ < offset || count >= limit)
            continue;
        if (count++ > 0)
            buf_char(&json, ',');
        add_job(sim, job, &json);
    }
    buf_fmt(&json, "],\"count\":%zu,\"has_more\":%s,\"limit\":%zu,\"offset\":%zu}", count,
            seen > offset + count ? "true" : "false", limit, offset);
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static void handle_job(struct sim *sim, struct http_exchange *exchange, const char *api,
                       const char *id)
{
    struct job *job = jobs_find(sim->jobs, &sim_luma, id);
    struct buf json = {0};

    if (job == NULL || job->route != api) {
        refuse(exchange, 404, "Generation not found");
    } else if (http_exchange_method(exchange) == HTTP_GET_) {
        sim->stats.polls_single++;
        job->polls++;
        add_job(sim, job, &json);
        http_exchange_answer_json(exchange, 200, json.data);
        buf_clear(&json);
    } else if (http_exchange_method(exchange) == HTTP_DELETE_ && api == machine) {
        sim->stats.destroyed += job_is_over(jobs_view(sim->jobs, job).status);
        job->is_destroyed = true;
        http_exchange_answer(exchange, 204, NULL, NULL, 0);
    } else {
        refuse(exchange, 405, "Method Not Allowed");
    }
}

static bool handle_api(struct sim *sim, struct http_exchange *exchange, const char *api)
{
    const char *path = http_exchange_path(exchange), *rest = path + strlen(api);
    enum http_method method = http_exchange_method(exchange);

    if (strncmp(path, api, strlen(api)) != 0 || (*rest != '\0' && *rest != '/'))
        return false;
    if (!sim_has_bearer(sim, exchange))
        refuse(exchange, 401, "Invalid API key");
    else if (method == HTTP_POST_ &&
             (*rest == '\0' || (api == machine && strcmp(rest, "/video") == 0)))
        submit(sim, exchange, api);
    else if (method == HTTP_GET_ && *rest == '\0' && api == machine)
        list(sim, exchange);
    else if (*rest == '/')
        handle_job(sim, exchange, api, rest + 1);
    else
        refuse(exchange, 405, "Method Not Allowed");
    return true;
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    return handle_api(sim, exchange, machine) || handle_api(sim, exchange, agents);
}

const struct sim_vendor sim_luma = {.name = "luma", .handle = handle};
