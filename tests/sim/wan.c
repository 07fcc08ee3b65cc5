// Wan as Alibaba's DashScope has it.
//
// Words in a prompt, besides those of words.h, jobs.h and dashscope.c:
//
//   before it is accepted   [refuse] DataInspectionFailed   [invalid]   [balance] Arrearage
//     twice per prompt      [429] Throttling.RateQuota
//     once per prompt       [500] InternalError
//
// Where a job has no prompt, the URL of its first picture may have the words.
#include "tests/sim/wan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/dashscope.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { DEFAULT_SECONDS = 5 };

static const char root[] = "/api/v1/", submits[] = "/api/v1/services/aigc/";

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400,
     DASHSCOPE_REFUSAL("DataInspectionFailed", "Input data may contain inappropriate content.")},
    {"invalid", ALWAYS, 400, DASHSCOPE_REFUSAL("InvalidParameter", "The prompt is not valid.")},
    {"balance", ALWAYS, 400,
     DASHSCOPE_REFUSAL("Arrearage",
                       "Access denied, please make sure your account is in good standing.")},
    {"429", 2, 429,
     DASHSCOPE_REFUSAL("Throttling.RateQuota",
                       "Requests rate limit exceeded, please try again later.")},
    {"500", 1, 500, DASHSCOPE_REFUSAL("InternalError", "An internal error has occurred.")},
};

// Submits.

static const char *prompt_of(const json_t *input)
{
    static const char *const pictures[] = {"img_url", "first_frame_url", "image_url"};
    const char *prompt = rules_text(input, "prompt");

    for (size_t i = 0; i < 3 && *prompt == '\0'; i++)
        if (rules_is_http_url(rules_text(input, pictures[i])))
            prompt = rules_text(input, pictures[i]);
    return prompt;
}

static void take(struct sim *sim, struct http_exchange *exchange, json_t *body)
{
    const char *prompt = prompt_of(json_object_get(body, "input"));
    char id[UUID_SIZE];
    uint64_t number;

    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_wan, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    uuid_make(number, id);
    dashscope_accept(sim, exchange,
                     jobs_add(sim->jobs, &sim_wan, number, id, "", prompt, "", body));
}

// "…/services/aigc/<service>/video-synthesis"
static bool is_path_of(const char *path, const struct wan_model *model)
{
    const char *service = path + sizeof submits - 1;
    size_t len = strlen(model->service);

    return strncmp(service, model->service, len) == 0 &&
           strcmp(service + len, "/video-synthesis") == 0;
}

static void submit(struct sim *sim, struct http_exchange *exchange)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len);
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const struct wan_model *model = wan_model_named(rules_text(body, "model"));
    struct rule_error error;
    char why[sizeof error.param + sizeof error.why + 8];

    sim->stats.submits++;
    if (!dashscope_is_async(exchange)) {
        dashscope_refuse(exchange, 403, "AccessDenied",
                         "current user api does not support synchronous calls");
    } else if (!json_is_object(body)) {
        dashscope_refuse(exchange, 400, "InvalidParameter", "The body is not a JSON object.");
    } else if (model == NULL) {
        dashscope_refuse(exchange, 404, "ModelNotFound", "Model can not be found.");
    } else if (!is_path_of(http_exchange_path(exchange), model)) {
        dashscope_refuse(exchange, 400, "InvalidParameter", "url error, please check url");
    } else if (!wan_check(model, body, &error)) {
        snprintf(why, sizeof why, "%s %s", error.param, error.why);
        dashscope_refuse(exchange, 400, "InvalidParameter", why);
    } else {
        take(sim, exchange, body);
    }
}

// Results.

static void add_result(const struct sim *sim, const struct job *job, struct buf *json)
{
    const json_t *input = json_object_get(job->request, "input");
    bool is_nested = wan_model_named(rules_text(job->request, "model"))->is_nested;

    buf_str(json, is_nested ? ",\"results\":{\"video_url\":\"" : ",\"video_url\":\"");
    jobs_add_link(sim->jobs, job, NULL, "mp4", json);
    buf_str(json, is_nested ? "\"}" : "\"");
    if (*rules_text(input, "prompt") == '\0')
        return;
    buf_str(json, ",\"orig_prompt\":");
    buf_json_str(json, rules_text(input, "prompt"));
    buf_str(json, ",\"actual_prompt\":\"Seen by the simulator.\"");
}

// The size as it was asked for, or as the lines say.
static const char *size_of(const json_t *parameters)
{
    const char *size = rules_text(parameters, "size");
    long lines = strtol(rules_text(parameters, "resolution"), NULL, 10);

    if (*size != '\0')
        return size;
    return lines == 480 ? "832*480" : lines == 720 ? "1280*720" : "1920*1080";
}

static void add_usage(const struct job *job, struct buf *json)
{
    const struct wan_model *model = wan_model_named(rules_text(job->request, "model"));
    const json_t *parameters = json_object_get(job->request, "parameters");
    const json_t *duration = json_object_get(parameters, "duration");
    long long seconds = duration == NULL ? DEFAULT_SECONDS : json_integer_value(duration);
    const char *size = size_of(parameters);
    long lines = strtol(strchr(size, '*') + 1, NULL, 10);

    if (model->is_nested)
        buf_fmt(json, ",\"usage\":{\"duration\":5.2,\"SR\":%ld}", lines);
    else if (model->is_newer)
        buf_fmt(json, ",\"usage\":{\"duration\":%lld,\"SR\":%ld,\"size\":\"%s\",\"video_count\":1}",
                seconds, lines, size);
    else
        buf_fmt(json,
                ",\"usage\":{\"video_duration\":%lld,\"video_ratio\":\"%s\",\"video_count\":1}",
                seconds, size);
}

static void add_service(const struct job *job, struct buf *json)
{
    buf_fmt(json, "%s:video-synthesis",
            wan_model_named(rules_text(job->request, "model"))->service);
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    static const struct dashscope_tasks tasks = {&sim_wan, "", add_service, add_result, add_usage};
    const char *path = http_exchange_path(exchange);
    enum http_method method = http_exchange_method(exchange);

    if (strncmp(path, root, sizeof root - 1) != 0)
        return false;
    if (!sim_has_bearer(sim, exchange))
        dashscope_refuse(exchange, 401, "InvalidApiKey", "Invalid API-key provided.");
    else if (dashscope_handle(sim, exchange, &tasks))
        ;
    else if (strncmp(path, submits, sizeof submits - 1) == 0 && method == HTTP_POST_)
        submit(sim, exchange);
    else
        dashscope_refuse(exchange, 404, "NotFound", "There is no such path.");
    return true;
}

const struct sim_vendor sim_wan = {.name = "wan", .handle = handle};
