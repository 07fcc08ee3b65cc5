// Jimeng at Volcengine's visual service: submits, queries, cancels, all of them a POST of "/" whose
// query says which.
//
// Words in a prompt, besides those of words.h and jobs.h:
//
//   before it is accepted   [refuse] 50412   [invalid] 50215   [denied] the gateway's AccessDenied
//     twice per prompt      [429] 50429   [busy] 50430
//     once per prompt       [500] 50500, which may hide an acceptance
//   at the end              [fail] done, but there is no video   [moderation] 50516   [review]
//   50520
//
// Where a job has no prompt, the URL of its first image may have the words. A job that was
// cancelled isn't found any more.
#include "tests/sim/jimeng.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/http/http_server.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { CODE_FINE = 10000, CODE_INVALID = 50215, CODE_VIDEO_RISK = 50516, CODE_REVIEW = 50520 };

#define REFUSAL(code, message)                                                                     \
    "{\"code\":" #code ",\"data\":null,\"message\":\"" message                                     \
    "\",\"request_id\":\"sim\",\"status\":" #code ",\"time_elapsed\":\"1.5ms\"}"
static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400, REFUSAL(50412, "Text Risk Not Pass")},
    {"invalid", ALWAYS, 400, REFUSAL(50215, "Input invalid for this service")},
    {"denied", ALWAYS, 403,
     "{\"ResponseMetadata\":{\"RequestId\":\"sim\",\"Action\":\"CVSync2AsyncSubmitTask\","
     "\"Version\":\"2022-08-31\",\"Service\":\"cv\",\"Region\":\"cn-north-1\",\"Error\":{"
     "\"CodeN\":100013,\"Code\":\"AccessDenied\",\"Message\":\"User is not authorized to perform: "
     "cv:CVSync2AsyncSubmitTask\"}}}"},
    {"429", 2, 429, REFUSAL(50429, "Request Has Reached API Limit, Please Try Later")},
    {"busy", 2, 429, REFUSAL(50430, "Request Has Reached API Concurrent Limit, Please Try Later")},
    {"500", 1, 500, REFUSAL(50500, "Internal Error")},
};

// The service's envelope; `data` is JSON.
static void answer(struct http_exchange *exchange, int status, int code, const char *message,
                   const char *data)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"code\":%d,\"data\":", code);
    buf_str(&json, data);
    buf_str(&json, ",\"message\":");
    buf_json_str(&json, message);
    buf_fmt(&json, ",\"request_id\":\"%s\",\"status\":%d,\"time_elapsed\":\"1.5ms\"}",
            http_exchange_request_id(exchange), code);
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

static void refuse_body(struct http_exchange *exchange, const struct rule_error *error)
{
    char why[sizeof error->param + sizeof error->why + 48];

    snprintf(why, sizeof why, "Input invalid for this service: %s %s", error->param, error->why);
    answer(exchange, 400, CODE_INVALID, why, "null");
}

// The gateway's envelope.
static void refuse_at_gateway(struct http_exchange *exchange, const struct jimeng_refusal *refusal)
{
    const char *action = http_exchange_query(exchange, "Action");
    struct buf json = {0};

    buf_fmt(&json, "{\"ResponseMetadata\":{\"RequestId\":\"%s\",\"Action\":",
            http_exchange_request_id(exchange));
    buf_json_str(&json, action == NULL ? "" : action);
    buf_fmt(&json,
            ",\"Service\":\"cv\",\"Region\":\"cn-north-1\",\"Error\":{\"CodeN\":%d,\"Code\":\"%s\","
            "\"Message\":\"%s\"}}}",
            refusal->number, refusal->code, refusal->message);
    http_exchange_answer_json(exchange, refusal->status, json.data);
    buf_clear(&json);
}

static const char *prompt_of(const json_t *body)
{
    const char *prompt = rules_text(body, "prompt");
    const char *url = json_string_value(json_array_get(json_object_get(body, "image_urls"), 0));

    return *prompt != '\0' || url == NULL ? prompt : url;
}

static void submit(struct sim *sim, struct http_exchange *exchange, json_t *body)
{
    struct rule_error error;
    const char *prompt = prompt_of(body);
    struct buf json = {0};
    uint64_t number;
    char id[32];

    sim->stats.submits++;
    if (!jimeng_check(body, &error)) {
        refuse_body(exchange, &error);
        return;
    }
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_jimeng, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    snprintf(id, sizeof id, "7%018llu", (unsigned long long)number); // beyond 2^53
    jobs_add(sim->jobs, &sim_jimeng, number, id, "", prompt, "", body);
    buf_fmt(&json,
            "{\"code\":%d,\"data\":{\"task_id\":\"%s\"},\"message\":\"Success\","
            "\"request_id\":\"%s\",\"status\":%d,\"time_elapsed\":\"104.8ms\"}",
            CODE_FINE, id, http_exchange_request_id(exchange), CODE_FINE);
    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}

// The job that a question is about; NULL: there is none that was submitted with this req_key.
static struct job *job_of(const struct sim *sim, const json_t *body)
{
    struct job *job = jobs_find(sim->jobs, &sim_jimeng, rules_text(body, "task_id"));

    return job != NULL &&
                   strcmp(rules_text(job->request, "req_key"), rules_text(body, "req_key")) == 0
               ? job
               : NULL;
}

static bool is_question(struct http_exchange *exchange, const json_t *body)
{
    static const struct rule rules[] = {
        {.name = "req_key", .type = RULE_TEXT, .is_required = true, .min = 1, .max = 128},
        {.name = "task_id", .type = RULE_TEXT, .is_required = true, .min = 1, .max = 128},
        {.name = "req_json", .type = RULE_TEXT},
        {0},
    };
    struct rule_error error;

    if (rules_check(body, rules, &error))
        return true;
    refuse_body(exchange, &error);
    return false;
}

static void answer_end(struct sim *sim, struct http_exchange *exchange, const struct job *job)
{
    struct buf data = {0};

    if (words_has(job->prompt, "moderation")) {
        answer(exchange, 400, CODE_VIDEO_RISK, "Output Video Risk Not Pass", "null");
        return;
    }
    buf_str(&data, "{\"status\":\"done\",\"aigc_meta_tagged\":false,\"video_url\":\"");
    if (!words_has(job->prompt, "fail"))
        jobs_add_link(sim->jobs, job, NULL, "mp4", &data);
    buf_str(&data, "\"}");
    if (words_has(job->prompt, "review"))
        answer(exchange, 400, CODE_REVIEW, "Risk Internal Error", "null");
    else
        answer(exchange, 200, CODE_FINE, "Success", data.data);
    buf_clear(&data);
}

static void fetch(struct sim *sim, struct http_exchange *exchange, json_t *body)
{
    static const char *const data[] = {
        [JOB_QUEUED] = "{\"status\":\"in_queue\"}",
        [JOB_RUNNING] = "{\"status\":\"generating\"}",
        [JOB_EXPIRED] = "{\"status\":\"expired\"}",
        [JOB_CANCELLED] = "{\"status\":\"not_found\"}",
    };
    struct job *job;
    enum job_status status;

    sim->stats.polls_single++;
    if (!is_question(exchange, body))
        return;
    job = job_of(sim, body);
    status = job == NULL ? JOB_CANCELLED : jobs_view(sim->jobs, job).status;
    if (job != NULL)
        job->polls++;
    if (status == JOB_SUCCEEDED || status == JOB_FAILED)
        answer_end(sim, exchange, job);
    else
        answer(exchange, 200, CODE_FINE, "Success", data[status]);
}

// Only what waits can be taken back.
static void cancel(struct sim *sim, struct http_exchange *exchange, json_t *body)
{
    struct job *job;

    if (!is_question(exchange, body))
        return;
    job = job_of(sim, body);
    if (job == NULL || jobs_view(sim->jobs, job).status != JOB_QUEUED) {
        answer(exchange, 400, CODE_INVALID, "The task can not be cancelled", "null");
        return;
    }
    job->cancelled_ms = clock_wall_ms();
    answer(exchange, 200, CODE_FINE, "Success", "{}");
}

static const struct {
    const char *action, *version;
    void (*handle)(struct sim *sim, struct http_exchange *exchange, json_t *body);
} actions[] = {
    {"CVSync2AsyncSubmitTask", "2022-08-31", submit},
    {"CVSync2AsyncGetResult", "2022-08-31", fetch},
    {"CVCancelTask", "2024-06-06", cancel},
};

static void handle_action(struct sim *sim, struct http_exchange *exchange)
{
    static const struct jimeng_refusal unknown = {404, 100008, "InvalidActionOrVersion",
                                                  "Could not find operation for version."};
    static const struct jimeng_refusal no_json = {400, 100002, "InvalidParameter",
                                                  "The body is not a JSON object."};
    const char *action = http_exchange_query(exchange, "Action");
    const char *version = http_exchange_query(exchange, "Version");
    const char *type = http_exchange_header(exchange, "content-type"), *text;
    json_t *body;
    size_t len;

    text = http_exchange_body(exchange, &len);
    body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (version == NULL || strcmp(actions[i].action, action) != 0 ||
            strcmp(actions[i].version, version) != 0)
            continue;
        if (!json_is_object(body) || type == NULL || strstr(type, "json") == NULL)
            refuse_at_gateway(exchange, &no_json);
        else
            actions[i].handle(sim, exchange, body);
        json_decref(body);
        return;
    }
    json_decref(body);
    refuse_at_gateway(exchange, &unknown);
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    const struct jimeng_refusal *refusal;

    if (strcmp(http_exchange_path(exchange), "/") != 0 ||
        http_exchange_method(exchange) != HTTP_POST_ ||
        http_exchange_query(exchange, "Action") == NULL)
        return false;
    refusal = jimeng_check_signature(exchange, sim->secret, clock_wall_ms() / 1000);
    if (refusal != NULL)
        refuse_at_gateway(exchange, refusal);
    else
        handle_action(sim, exchange);
    return true;
}

const struct sim_vendor sim_jimeng = {.name = "jimeng", .handle = handle};
