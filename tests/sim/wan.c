// Wan as Alibaba's DashScope has it: submits, queries, the list, cancels.
//
// Words in a prompt, besides those of words.h and jobs.h:
//
//   before it is accepted   [refuse] DataInspectionFailed   [invalid]   [balance] Arrearage
//     twice per prompt      [429] Throttling.RateQuota
//     once per prompt       [500] InternalError
//   accepted, and           [listed] the list shows its prompt, which no page says that it does
//
// Where a job has no prompt, the URL of its first picture may have the words. An account may ask
// for single tasks 20 times a second.
#include "tests/sim/wan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/http/http_server.h"
#include "tests/sim/jobs.h"
#include "tests/sim/query.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { EAST_8_S = 8 * 3600, POLLS_PER_SECOND = 20, MAX_PAGE = 1000, DEFAULT_SECONDS = 5 };

static const char root[] = "/api/v1/", submits[] = "/api/v1/services/aigc/",
                  tasks[] = "/api/v1/tasks";

static const char *const status_words[] = {
    [JOB_QUEUED] = "PENDING", [JOB_RUNNING] = "RUNNING", [JOB_SUCCEEDED] = "SUCCEEDED",
    [JOB_FAILED] = "FAILED",  [JOB_EXPIRED] = "UNKNOWN", [JOB_CANCELLED] = "CANCELED",
};

#define REFUSAL(code, message)                                                                     \
    "{\"code\":\"" code "\",\"message\":\"" message "\",\"request_id\":\"7574ee8f\"}"
static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400,
     REFUSAL("DataInspectionFailed", "Input data may contain inappropriate content.")},
    {"invalid", ALWAYS, 400, REFUSAL("InvalidParameter", "The prompt is not valid.")},
    {"balance", ALWAYS, 400,
     REFUSAL("Arrearage", "Access denied, please make sure your account is in good standing.")},
    {"429", 2, 429,
     REFUSAL("Throttling.RateQuota", "Requests rate limit exceeded, please try again later.")},
    {"500", 1, 500, REFUSAL("InternalError", "An internal error has occurred.")},
};

static void refuse(struct http_exchange *exchange, int status, const char *code,
                   const char *message)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"code\":\"%s\",\"message\":", code);
    buf_json_str(&json, message);
    buf_fmt(&json, ",\"request_id\":\"%s\"}", http_exchange_request_id(exchange));
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

static bool is_async(const struct http_exchange *exchange)
{
    const char *value = http_exchange_header(exchange, "x-dashscope-async");

    return value != NULL && strcmp(value, "enable") == 0;
}

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
    struct buf json = {0};
    uint64_t number;

    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_wan, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    uuid_make(number, id);
    jobs_add(sim->jobs, &sim_wan, number, id, "", prompt, "", body);
    buf_fmt(&json, "{\"request_id\":\"%s\",\"output\":{\"task_id\":\"%s\",", id, id);
    buf_str(&json, "\"task_status\":\"PENDING\"}}");
    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
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
    if (!is_async(exchange)) {
        refuse(exchange, 403, "AccessDenied",
               "current user api does not support synchronous calls");
    } else if (!json_is_object(body)) {
        refuse(exchange, 400, "InvalidParameter", "The body is not a JSON object.");
    } else if (model == NULL) {
        refuse(exchange, 404, "ModelNotFound", "Model can not be found.");
    } else if (!is_path_of(http_exchange_path(exchange), model)) {
        refuse(exchange, 400, "InvalidParameter", "url error, please check url");
    } else if (!wan_check(model, body, &error)) {
        snprintf(why, sizeof why, "%s %s", error.param, error.why);
        refuse(exchange, 400, "InvalidParameter", why);
    } else {
        take(sim, exchange, body);
    }
}

// Queries.

// By Beijing's clock.
static void add_time(struct buf *json, const char *name, int64_t ms)
{
    time_t seconds = (time_t)(ms / 1000 + EAST_8_S);
    char text[32];
    struct tm tm;

    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &tm);
    buf_fmt(json, ",\"%s\":\"%s.%03d\"", name, text, (int)(ms % 1000));
}

static void add_failure(const struct job *job, struct buf *json)
{
    if (words_has(job->prompt, "moderation"))
        buf_str(json,
                ",\"code\":\"DataInspectionFailed\",\"message\":\"Output data may contain "
                "inappropriate content.\"");
    else
        buf_str(json, ",\"code\":\"InternalError.Algo\",\"message\":\"The simulated job failed.\"");
}

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

static void add_job(const struct sim *sim, const struct job *job, struct buf *json)
{
    struct job_view view = jobs_view(sim->jobs, job);

    buf_fmt(json, "\"output\":{\"task_id\":\"%s\",\"task_status\":\"%s\"", job->id,
            status_words[view.status]);
    if (view.status != JOB_EXPIRED)
        add_time(json, "submit_time", job->began_ms);
    if (view.status == JOB_SUCCEEDED)
        add_result(sim, job, json);
    if (view.status == JOB_FAILED)
        add_failure(job, json);
    buf_char(json, '}');
    if (view.status == JOB_SUCCEEDED)
        add_usage(job, json);
}

// Whether the account has asked too often within the last second.
static bool is_throttled(void)
{
    static int64_t asked_ms[POLLS_PER_SECOND]; // the last ones, a ring
    static size_t next;
    int64_t now_ms = clock_mono_ms();

    if (asked_ms[next] != 0 && now_ms - asked_ms[next] < 1000)
        return true;
    asked_ms[next] = now_ms;
    next = (next + 1) % POLLS_PER_SECOND;
    return false;
}

static void fetch(struct sim *sim, struct http_exchange *exchange, const char *id)
{
    struct job *job = jobs_find(sim->jobs, &sim_wan, id);
    struct buf json = {0};

    sim->stats.polls_single++;
    if (is_async(exchange)) {
        refuse(exchange, 403, "AccessDenied",
               "current user api does not support asynchronous calls");
        return;
    }
    if (is_throttled()) {
        refuse(exchange, 429, "Throttling.RateQuota",
               "Requests rate limit exceeded, please try again later.");
        return;
    }
    buf_fmt(&json, "{\"request_id\":\"%s\",", http_exchange_request_id(exchange));
    if (job == NULL) {
        buf_fmt(&json, "\"output\":{\"task_id\":\"%s\",\"task_status\":\"UNKNOWN\"}", id);
    } else {
        job->polls++;
        add_job(sim, job, &json);
    }
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static void cancel(struct sim *sim, struct http_exchange *exchange, const char *id)
{
    struct job *job = jobs_find(sim->jobs, &sim_wan, id);
    struct buf json = {0};

    if (job == NULL || jobs_view(sim->jobs, job).status != JOB_QUEUED) {
        refuse(exchange, 400, "UnsupportedOperation",
               "Failed to cancel the task, please confirm if the task is in PENDING status.");
        return;
    }
    job->cancelled_ms = clock_wall_ms();
    buf_fmt(&json, "{\"request_id\":\"%s\"}", http_exchange_request_id(exchange));
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// The list.

// "20261120185556", by Beijing's clock; -1: it is something else.
static int64_t time_of(const char *text)
{
    struct tm tm = {0};

    if (strlen(text) != 14 || strspn(text, "0123456789") != 14 ||
        sscanf(text, "%4d%2d%2d%2d%2d%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
               &tm.tm_min, &tm.tm_sec) != 6)
        return -1;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    return ((int64_t)timegm(&tm) - EAST_8_S) * 1000;
}

struct wanted {
    int64_t from_ms, until_ms;
    const char *model, *status; // NULL: any
};

static bool read_wanted(struct http_exchange *exchange, struct wanted *wanted)
{
    const char *from = http_exchange_query(exchange, "start_time");
    const char *until = http_exchange_query(exchange, "end_time");
    enum { DAY_MS = 24 * 3600 * 1000 };

    wanted->until_ms = until == NULL ? clock_wall_ms() : time_of(until);
    wanted->from_ms = from == NULL ? wanted->until_ms - DAY_MS : time_of(from);
    wanted->model = http_exchange_query(exchange, "model_name");
    wanted->status = http_exchange_query(exchange, "status");
    return wanted->until_ms >= 0 && wanted->from_ms >= 0 && wanted->from_ms <= wanted->until_ms &&
           wanted->until_ms - wanted->from_ms <= DAY_MS;
}

static bool is_wanted(const struct sim *sim, const struct job *job, const struct wanted *wanted)
{
    return job->began_ms >= wanted->from_ms && job->began_ms < wanted->until_ms + 1000 &&
           (wanted->model == NULL ||
            strcmp(wanted->model, rules_text(job->request, "model")) == 0) &&
           (wanted->status == NULL ||
            strcmp(wanted->status, status_words[jobs_view(sim->jobs, job).status]) == 0);
}

static void add_item(const struct sim *sim, const struct job *job, struct buf *json)
{
    const char *model = rules_text(job->request, "model");

    buf_fmt(json, "{\"api_key_id\":\"15\",\"gmt_create\":%lld,\"model_name\":\"%s\",",
            (long long)job->began_ms, model);
    if (words_has(job->prompt, "listed")) {
        buf_str(json, "\"orig_prompt\":");
        buf_json_str(json, job->prompt);
        buf_char(json, ',');
    }
    buf_fmt(json,
            "\"region\":\"cn-beijing\",\"request_id\":\"%s\",\"status\":\"%s\",\"task_id\":\"%s\","
            "\"user_api_unique_key\":\"apikey:v1:aigc:%s:video-synthesis:%s\"}",
            job->id, status_words[jobs_view(sim->jobs, job).status], job->id,
            wan_model_named(model)->service, model);
}

// One page, the newest first.
static void list(struct sim *sim, struct http_exchange *exchange)
{
    size_t page = query_number(exchange, "page_no", 1, MAX_PAGE);
    size_t size = query_number(exchange, "page_size", 10, 100);
    size_t total = 0;
    const char *separator = "";
    struct buf json = {0};
    struct wanted wanted;

    sim->stats.lists++;
    if (page == 0 || size == 0 || !read_wanted(exchange, &wanted)) {
        refuse(exchange, 400, "InvalidParameter", "A time or a page is not valid.");
        return;
    }
    buf_str(&json, "{\"data\":[");
    for (size_t i = jobs_count(sim->jobs, &sim_wan); i > 0; i--) {
        const struct job *job = jobs_at(sim->jobs, &sim_wan, i - 1);

        if (job == NULL || !is_wanted(sim, job, &wanted) || total++ / size != page - 1)
            continue;
        buf_str(&json, separator);
        add_item(sim, job, &json);
        separator = ",";
    }
    buf_fmt(&json,
            "],\"total\":%zu,\"total_page\":%zu,\"page_no\":%zu,\"page_size\":%zu,"
            "\"request_id\":\"%s\"}",
            total, (total + size - 1) / size, page, size, http_exchange_request_id(exchange));
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// "/<id>" or "/<id>/cancel", behind the path of all tasks.
static void handle_task(struct sim *sim, struct http_exchange *exchange, const char *rest)
{
    enum http_method method = http_exchange_method(exchange);
    char id[64];
    size_t len = strcspn(++rest, "/");

    snprintf(id, sizeof id, "%.*s", (int)len, rest);
    if (rest[len] == '\0' && method == HTTP_GET_)
        fetch(sim, exchange, id);
    else if (strcmp(rest + len, "/cancel") == 0 && method == HTTP_POST_)
        cancel(sim, exchange, id);
    else
        refuse(exchange, 404, "NotFound", "There is no such path.");
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    const char *path = http_exchange_path(exchange);
    const char *rest = path + sizeof tasks - 1;
    enum http_method method = http_exchange_method(exchange);
    bool is_task = strncmp(path, tasks, sizeof tasks - 1) == 0 && (*rest == '\0' || *rest == '/');

    if (strncmp(path, root, sizeof root - 1) != 0)
        return false;
    if (!sim_has_bearer(sim, exchange))
        refuse(exchange, 401, "InvalidApiKey", "Invalid API-key provided.");
    else if (is_task && rest[0] != '\0' && rest[1] != '\0')
        handle_task(sim, exchange, rest);
    else if (is_task && method == HTTP_GET_)
        list(sim, exchange);
    else if (strncmp(path, submits, sizeof submits - 1) == 0 && method == HTTP_POST_)
        submit(sim, exchange);
    else
        refuse(exchange, 404, "NotFound", "There is no such path.");
    return true;
}

const struct sim_vendor sim_wan = {.name = "wan", .handle = handle};
