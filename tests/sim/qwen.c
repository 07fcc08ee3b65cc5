// Qwen's images as Alibaba's DashScope has them: some models make tasks, others answer with the
// result.
//
// Words in a prompt, besides those of words.h, jobs.h and dashscope.c, and of calls.h for calls:
//
//   before it is accepted   [refuse] DataInspectionFailed   [invalid]   [balance] Arrearage
//                           [quota] AllocationQuota.FreeTierOnly
//     twice per prompt      [429] Throttling.RateQuota
//     once per prompt       [500] InternalError   [503] SystemError
//   billed, but             [error-200] an error with status 200   [none] without an image   [part]
//                           one less than was asked for   [lost] a task that has succeeded without
//                           an image
#include "tests/sim/qwen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/calls.h"
#include "tests/sim/dashscope.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400,
     DASHSCOPE_REFUSAL("DataInspectionFailed", "Input data may contain inappropriate content.")},
    {"invalid", ALWAYS, 400, DASHSCOPE_REFUSAL("InvalidParameter", "The prompt is not valid.")},
    {"balance", ALWAYS, 400,
     DASHSCOPE_REFUSAL("Arrearage",
                       "Access denied, please make sure your account is in good standing.")},
    {"quota", ALWAYS, 403,
     DASHSCOPE_REFUSAL("AllocationQuota.FreeTierOnly", "The free tier has been used up.")},
    {"429", 2, 429,
     DASHSCOPE_REFUSAL("Throttling.RateQuota",
                       "Requests rate limit exceeded, please try again later.")},
    {"500", 1, 500, DASHSCOPE_REFUSAL("InternalError", "An internal error has occurred.")},
    {"503", 1, 503, DASHSCOPE_REFUSAL("SystemError", "The system is busy.")},
};

static void add_link(const struct sim *sim, const struct job *job, int number, struct buf *json)
{
    char part[16];

    snprintf(part, sizeof part, "%d", number);
    jobs_add_link(sim->jobs, job, part, "png", json);
}

// Answers to calls.

// "1328*1328"
static void add_call_usage(const struct job *job, int made, struct buf *json)
{
    const char *size = rules_text(json_object_get(job->request, "parameters"), "size");
    long width = *size == '\0' ? 1024 : strtol(size, NULL, 10);
    long height = *size == '\0' ? 1024 : strtol(strchr(size, '*') + 1, NULL, 10);

    buf_fmt(json, "\"usage\":{\"width\":%ld,\"height\":%ld,\"image_count\":%d}", width, height,
            made);
}

static void add_result_of_call(const struct sim *sim, const struct job *job, struct buf *json)
{
    int count = qwen_count(job->request), made = words_has(job->prompt, "part") ? count - 1 : count;

    buf_fmt(json, "{\"request_id\":\"%s\",", job->id);
    add_call_usage(job, made, json);
    buf_str(json, ",\"output\":{\"choices\":[");
    if (words_has(job->prompt, "none")) {
        buf_str(json,
                "{\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",\"content\":"
                "[{\"text\":\"There is nothing to be seen.\"}]}}");
        made = 0;
    }
    for (int i = 0; i < made; i++) {
        buf_fmt(json, "%s{\"finish_reason\":\"stop\",\"message\":{\"role\":\"assistant\",",
                i == 0 ? "" : ",");
        buf_str(json, "\"content\":[{\"image\":\"");
        add_link(sim, job, i, json);
        buf_str(json, "\"}]}}");
    }
    buf_fmt(json, "],\"task_metric\":{\"TOTAL\":%d,\"SUCCEEDED\":%d,\"FAILED\":%d}}}", count, made,
            count - made);
}

static void answer(struct sim *sim, struct http_exchange *exchange, const struct job *job)
{
    struct buf body = {0};

    if (words_has(job->prompt, "error-200"))
        buf_str(&body, DASHSCOPE_REFUSAL("InternalError.Algo", "An internal error has occurred."));
    else
        add_result_of_call(sim, job, &body);
    calls_answer(sim, exchange, job, "application/json", &body);
    buf_clear(&body);
}

// Submits.

static void take(struct sim *sim, struct http_exchange *exchange, json_t *body, bool is_call)
{
    const char *prompt =
        is_call ? qwen_text_of(body) : rules_text(json_object_get(body, "input"), "prompt");
    char id[UUID_SIZE];
    uint64_t number;
    const struct job *job;

    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_qwen, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    uuid_make(number, id);
    job = jobs_add(sim->jobs, &sim_qwen, number, id, "", prompt, "", body);
    if (is_call)
        answer(sim, exchange, job);
    else
        dashscope_accept(sim, exchange, job);
}

static void submit(struct sim *sim, struct http_exchange *exchange, bool is_call)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len);
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const struct qwen_model *model = qwen_model_named(rules_text(body, "model"));
    struct rule_error error;
    char why[sizeof error.param + sizeof error.why + 8];

    sim->stats.submits++;
    if (!json_is_object(body)) {
        dashscope_refuse(exchange, 400, "InvalidParameter", "The body is not a JSON object.");
    } else if (model == NULL) {
        dashscope_refuse(exchange, 404, "ModelNotFound", "Model can not be found.");
    } else if (dashscope_is_async(exchange) && (is_call || !model->makes_tasks)) {
        dashscope_refuse(exchange, 403, "AccessDenied",
                         "current user api does not support asynchronous calls");
    } else if (!dashscope_is_async(exchange) && !is_call) {
        dashscope_refuse(exchange, 403, "AccessDenied",
                         "current user api does not support synchronous calls");
    } else if (!(is_call ? qwen_check_call : qwen_check_task)(model, body, &error)) {
        snprintf(why, sizeof why, "%s %s", error.param, error.why);
        dashscope_refuse(exchange, 400, "InvalidParameter", why);
    } else {
        take(sim, exchange, body, is_call);
    }
}

// Tasks.

static void add_service(const struct job *job, struct buf *json)
{
    (void)job;
    buf_str(json, "text2image:image-synthesis");
}

static void add_result(const struct sim *sim, const struct job *job, struct buf *json)
{
    buf_str(json, ",\"results\":[");
    if (words_has(job->prompt, "lost")) {
        buf_str(json,
                "{\"code\":\"DataInspectionFailed\",\"message\":\"Output data may contain "
                "inappropriate content.\"}");
    } else {
        buf_str(json, "{\"orig_prompt\":");
        buf_json_str(json, job->prompt);
        buf_str(json, ",\"actual_prompt\":\"Seen by the simulator.\",\"url\":\"");
        add_link(sim, job, 0, json);
        buf_str(json, "\"}");
    }
    buf_fmt(json, "],\"task_metrics\":{\"TOTAL\":1,\"SUCCEEDED\":%d,\"FAILED\":%d}",
            !words_has(job->prompt, "lost"), words_has(job->prompt, "lost"));
}

static void add_usage(const struct job *job, struct buf *json)
{
    buf_fmt(json, ",\"usage\":{\"image_count\":%d}", !words_has(job->prompt, "lost"));
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    static const struct dashscope_tasks tasks = {&sim_qwen, "qwen-image", add_service, add_result,
                                                 add_usage};
    const char *path = http_exchange_path(exchange);
    bool is_task = strcmp(path, "/api/v1/services/aigc/text2image/image-synthesis") == 0;
    bool is_call = strcmp(path, "/api/v1/services/aigc/multimodal-generation/generation") == 0;

    if (!is_task && !is_call)
        return sim_has_bearer(sim, exchange) && dashscope_handle(sim, exchange, &tasks);
    if (!sim_has_bearer(sim, exchange))
        dashscope_refuse(exchange, 401, "InvalidApiKey", "Invalid API-key provided.");
    else if (http_exchange_method(exchange) != HTTP_POST_)
        dashscope_refuse(exchange, 404, "NotFound", "There is no such path.");
    else
        submit(sim, exchange, is_call);
    return true;
}

const struct sim_vendor sim_qwen = {.name = "qwen", .handle = handle};
