// Kling's own API: who may ask, submits, queries, callbacks.
//
// Words in a prompt, besides those of words.h and jobs.h:
//
//   before it is accepted   [refuse] code 1301   [invalid] 1201   [balance] 1102
//     twice per prompt      [429] code 1302   [1303]
//     once per prompt       [500] code 5000   [expire-token] 1004, whatever the token
//
// Where a job has no prompt, the URL of its picture may have the words.
#include "tests/sim/kling.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/http/http_server.h"
#include "tests/sim/callbacks.h"
#include "tests/sim/jobs.h"
#include "tests/sim/query.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum {
    CODE_BAD_BODY = 1200,
    CODE_BAD_PARAMETER = 1201,
    CODE_BAD_METHOD = 1202,
    CODE_NOT_FOUND = 1203,
};

static const char access_key[] = "sim-access";

static const char *const status_words[] = {
    [JOB_QUEUED] = "submitted", [JOB_RUNNING] = "processing", [JOB_SUCCEEDED] = "succeed", // sic
    [JOB_FAILED] = "failed",    [JOB_EXPIRED] = "failed",     [JOB_CANCELLED] = "failed",
};

#define REFUSAL(code, message)                                                                     \
    "{\"code\":" #code ",\"message\":\"" message "\",\"request_id\":\"sim\"}"
static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400, REFUSAL(1301, "the content violates our policy")},
    {"invalid", ALWAYS, 400, REFUSAL(1201, "prompt is invalid")},
    {"balance", ALWAYS, 429, REFUSAL(1102, "account balance not enough")},
    {"429", 2, 429, REFUSAL(1302, "api request rate over limit")},
    {"1303", 2, 429, REFUSAL(1303, "parallel task over resource pack limit")},
    {"expire-token", 1, 401, REFUSAL(1004, "token has expired")},
    {"500", 1, 500, REFUSAL(5000, "internal error")},
};

static void refuse(struct http_exchange *exchange, int status, int code, const char *why)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"code\":%d,\"message\":", code);
    buf_json_str(&json, why);
    buf_fmt(&json, ",\"request_id\":\"%s\"}", http_exchange_request_id(exchange));
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

static void refuse_parameter(struct http_exchange *exchange, const struct rule_error *error)
{
    char why[sizeof error->param + sizeof error->why + 1];

    snprintf(why, sizeof why, "%s %s", error->param, error->why);
    refuse(exchange, 400, CODE_BAD_PARAMETER, why);
}

static void add_images(const struct sim *sim, const struct job *job, struct buf *buf)
{
    const json_t *n = json_object_get(job->request, "n");
    json_int_t count = n == NULL ? 1 : json_integer_value(n);
    char part[8];

    buf_str(buf, "\"images\":[");
    for (int i = 0; i < count; i++) {
        snprintf(part, sizeof part, "%d", i);
        buf_fmt(buf, "%s{\"index\":%d,\"url\":\"", i > 0 ? "," : "", i);
        jobs_add_link(sim->jobs, job, part, "png", buf);
        buf_str(buf, "\"}");
    }
    buf_char(buf, ']');
}

static void add_videos(const struct sim *sim, const struct job *job, struct buf *buf)
{
    const json_t *watermark = json_object_get(job->request, "watermark_info");
    const char *duration = rules_text(job->request, "duration");

    buf_fmt(buf, "\"videos\":[{\"id\":\"%llu\",\"url\":\"", (unsigned long long)job->number + 1);
    jobs_add_link(sim->jobs, job, NULL, "mp4", buf);
    if (json_is_true(json_object_get(watermark, "enabled"))) {
        buf_str(buf, "\",\"watermark_url\":\"");
        jobs_add_link(sim->jobs, job, "watermark", "mp4", buf);
    }
    buf_fmt(buf, "\",\"duration\":\"%s.1\"}]", *duration == '\0' ? "5" : duration);
}

static void add_state(const struct job *job, enum job_status status, int64_t since_ms,
                      struct buf *buf)
{
    buf_fmt(buf, "\"task_id\":\"%s\",\"task_status\":\"%s\",\"task_info\":{", job->id,
            status_words[status]);
    if (*job->mark != '\0') {
        buf_str(buf, "\"external_task_id\":");
        buf_json_str(buf, job->mark);
    }
    buf_fmt(buf, "},\"created_at\":%lld,\"updated_at\":%lld", (long long)job->began_ms,
            (long long)since_ms);
}

// A job as a query has it in `data`, and a callback with nothing around it.
static void add_json(const struct sim *sim, const struct job *job, struct buf *buf)
{
    struct job_view view = jobs_view(sim->jobs, job);
    const char *why = "";
    const char *rest;

    if (view.status == JOB_FAILED || view.status == JOB_EXPIRED)
        why = words_has(job->prompt, "moderation") ? "Failure to pass the risk control system"
                                                   : "the simulated job failed";
    buf_char(buf, '{');
    add_state(job, view.status, view.since_ms, buf);
    buf_fmt(buf, ",\"task_status_msg\":\"%s\"", why);
    if (view.status == JOB_SUCCEEDED) {
        buf_str(buf, ",\"final_unit_deduction\":\"2.5\",\"task_result\":{");
        if (kling_route_of(job->route, &rest)->makes_images)
            add_images(sim, job, buf);
        else
            add_videos(sim, job, buf);
        buf_char(buf, '}');
    }
    buf_char(buf, '}');
}

static void begin_answer(struct http_exchange *exchange, struct buf *json)
{
    buf_fmt(json, "{\"code\":0,\"message\":\"SUCCEED\",\"request_id\":\"%s\",\"data\":",
            http_exchange_request_id(exchange));
}

// The text with the words: a prompt, the prompts of the shots, or else the picture's URL.
static const char *prompt_of(const json_t *body)
{
    static const char *const names[] = {"prompt", "image", "image_tail", "human_image"};
    const json_t *shot = json_array_get(json_object_get(body, "multi_prompt"), 0);

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *text = rules_text(body, names[i]);

        if (*text != '\0' && (i == 0 || rules_is_http_url(text)))
            return text;
    }
    return rules_text(shot, "prompt");
}

static bool is_accepted(struct sim *sim, struct http_exchange *exchange,
                        const struct kling_route *route, const json_t *body)
{
    const char *model = rules_text(body, "model_name"),
               *mark = rules_text(body, "external_task_id");
    struct rule_error error;

    if (!json_is_object(body)) {
        refuse(exchange, 400, CODE_BAD_BODY, "the body is not a JSON object");
        return false;
    }
    if (!rules_check(body, route->rules, &error) ||
        (route->check != NULL && !route->check(body, &error))) {
        refuse_parameter(exchange, &error);
        return false;
    }
    if (*model != '\0' && !rules_one_of(model, route->models)) {
        refuse(exchange, 404, CODE_NOT_FOUND, "model is not found");
        return false;
    }
    if (*mark != '\0' && jobs_find_mark(sim->jobs, &sim_kling, mark) != NULL) {
        refuse(exchange, 400, CODE_BAD_PARAMETER, "external_task_id already exists");
        return false;
    }
    return !words_refuse(exchange, prompt_of(body),
                         jobs_try(sim->jobs, &sim_kling, prompt_of(body)), refusals,
                         sizeof refusals / sizeof refusals[0]);
}

static void submit(struct sim *sim, struct http_exchange *exchange, const struct kling_route *route)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len), *callback_url;
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const struct job *job;
    struct buf json = {0};
    uint64_t number;
    char id[24];

    sim->stats.submits++;
    if (!is_accepted(sim, exchange, route, body))
        return;
    number = jobs_next_number(sim->jobs);
    snprintf(id, sizeof id, "%llu", (unsigned long long)number);
    job = jobs_add(sim->jobs, &sim_kling, number, id, route->path, prompt_of(body),
                   rules_text(body, "external_task_id"), body);
    callback_url = rules_text(job->request, "callback_url");
    if (*callback_url != '\0')
        callbacks_watch(sim->callbacks, job, callback_url, add_json);
    begin_answer(exchange, &json);
    buf_char(&json, '{');
    add_state(job, JOB_QUEUED, job->began_ms, &json);
    buf_str(&json, "}}");
    words_answer(sim, exchange, job->prompt, &json);
    buf_clear(&json);
}

// Answers with a job by Kling's id or the client's own.
static void fetch(struct sim *sim, struct http_exchange *exchange, const struct kling_route *route,
                  const char *id)
{
    struct job *job = jobs_find(sim->jobs, &sim_kling, id);
    struct buf json = {0};

    sim->stats.polls_single++;
    if (job == NULL)
        job = jobs_find_mark(sim->jobs, &sim_kling, id);
    if (job == NULL || job->route != route->path) {
        refuse(exchange, 404, CODE_NOT_FOUND, "task is not found");
        return;
    }
    job->polls++;
    begin_answer(exchange, &json);
    add_json(sim, job, &json);
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// One page of the path's jobs, the newest first.
static void list(struct sim *sim, struct http_exchange *exchange, const struct kling_route *route)
{
    size_t page = query_number(exchange, "pageNum", 1, 1000);
    size_t size = query_number(exchange, "pageSize", 30, 500);
    size_t count = jobs_count(sim->jobs, &sim_kling), seen = 0;
    const char *separator = "";
    struct buf json = {0};

    sim->stats.lists++;
    if (page == 0 || size == 0) {
        refuse(exchange, 400, CODE_BAD_PARAMETER, "pageNum or pageSize is out of range");
        return;
    }
    begin_answer(exchange, &json);
    buf_char(&json, '[');
    while (count > 0 && seen < page * size) {
        const struct job *job = jobs_at(sim->jobs, &sim_kling, --count);

        if (job == NULL || job->route != route->path || seen++ < (page - 1) * size)
            continue;
        buf_str(&json, separator);
        add_json(sim, job, &json);
        separator = ",";
    }
    buf_str(&json, "]}");
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// Another vendor has one of the paths, too, and keys that are no tokens.
static bool is_others(struct http_exchange *exchange, const struct kling_route *route)
{
    const char *authorization = http_exchange_header(exchange, "authorization");

    return strcmp(route->path, "/v1/images/generations") == 0 && authorization != NULL &&
           strchr(authorization, '.') == NULL;
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    const char *rest, *why;
    const struct kling_route *route = kling_route_of(http_exchange_path(exchange), &rest);
    enum http_method method = http_exchange_method(exchange);
    int code;

    if (route == NULL || is_others(exchange, route))
        return false;
    code = kling_token_check(http_exchange_header(exchange, "authorization"), access_key,
                             sim->secret, clock_wall_ms() / 1000, &why);
    if (code != 0)
        refuse(exchange, 401, code, why);
    else if (method == HTTP_POST_ && *rest == '\0')
        submit(sim, exchange, route);
    else if (method == HTTP_GET_ && *rest == '\0')
        list(sim, exchange, route);
    else if (method == HTTP_GET_ && rest[1] != '\0')
        fetch(sim, exchange, route, rest + 1);
    else
        refuse(exchange, 404, CODE_BAD_METHOD, "the method is invalid");
    return true;
}

const struct sim_vendor sim_kling = {.name = "kling", .handle = handle};
