// Seedance as Volcengine Ark has it: submits, queries, deletes, callbacks.
//
// Words in a prompt, besides those of words.h and jobs.h:
//
//   before it is accepted   [refuse] InputTextSensitiveContentDetected   [invalid]
//                           [balance] AccountOverdueError   [cap] a 429 that stays
//     twice per prompt      [429] ModelAccountRpmRateLimitExceeded   [overloaded]
//     once per prompt       [500] InternalServiceError
//
// Where a job has no text, the URL of its first picture may have the words.
#include "tests/sim/seedance.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/http/http_server.h"
#include "tests/sim/ark.h"
#include "tests/sim/callbacks.h"
#include "tests/sim/jobs.h"
#include "tests/sim/query.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { DEFAULT_DURATION = 5, FRAMES_PER_SECOND = 24, EXPIRES_AFTER_S = 172800, MAX_PAGE = 500 };

static const char *const status_words[] = {
    [JOB_QUEUED] = "queued", [JOB_RUNNING] = "running", [JOB_SUCCEEDED] = "succeeded",
    [JOB_FAILED] = "failed", [JOB_EXPIRED] = "expired", [JOB_CANCELLED] = "cancelled",
};

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400,
     ARK_REFUSAL("InputTextSensitiveContentDetected",
                 "The request failed because the input text may contain sensitive information.",
                 "BadRequest")},
    {"invalid", ALWAYS, 400,
     ARK_REFUSAL("InvalidParameter", "The prompt is not valid.", "BadRequest")},
    {"balance", ALWAYS, 403,
     ARK_REFUSAL("AccountOverdueError", "The account has an overdue balance.", "Forbidden")},
    {"cap", ALWAYS, 429,
     ARK_REFUSAL("SetLimitExceeded", "The account has reached its set limit.", "TooManyRequests")},
    {"429", 2, 429,
     ARK_REFUSAL("ModelAccountRpmRateLimitExceeded",
                 "The requests per minute limit of the model is exceeded.", "TooManyRequests")},
    {"overloaded", 2, 429,
     ARK_REFUSAL("ServerOverloaded", "The service is overloaded.", "TooManyRequests")},
    {"500", 1, 500,
     ARK_REFUSAL("InternalServiceError", "The service has an internal error.",
                 "InternalServerError")},
};

static void refuse_body(struct http_exchange *exchange, const char *code,
                        const struct rule_error *error)
{
    char why[sizeof error->param + sizeof error->why + 32];

    snprintf(why, sizeof why, "The parameter `%s` %s.", error->param, error->why);
    ark_refuse(exchange, strncmp(code, "InvalidEndpoint", 15) == 0 ? 404 : 400, code, error->param,
               why);
}

static const char *text_or(const struct job *job, const char *name, const char *other)
{
    const char *text = rules_text(job->request, name);

    return *text == '\0' ? other : text;
}

static json_int_t number_or(const struct job *job, const char *name, json_int_t other)
{
    const json_t *number = json_object_get(job->request, name);

    return number == NULL || json_integer_value(number) < 0 ? other : json_integer_value(number);
}

static void add_error(const struct job *job, enum job_status status, struct buf *buf)
{
    if (status != JOB_FAILED)
        buf_str(buf, "null");
    else if (words_has(job->prompt, "moderation"))
        buf_str(buf,
                "{\"code\":\"OutputVideoSensitiveContentDetected\",\"message\":\"The request "
                "failed because the output video may contain sensitive information.\"}");
    else
        buf_str(buf,
                "{\"code\":\"InternalServiceError\",\"message\":\"The simulated job failed.\"}");
}

static void add_content(const struct sim *sim, const struct job *job, struct buf *buf)
{
    json_int_t tokens = number_or(job, "duration", DEFAULT_DURATION) * 21780;

    buf_str(buf, ",\"content\":{\"video_url\":\"");
    jobs_add_link(sim->jobs, job, NULL, "mp4", buf);
    if (json_is_true(json_object_get(job->request, "return_last_frame"))) {
        buf_str(buf, "\",\"last_frame_url\":\"");
        jobs_add_link(sim->jobs, job, "last", "png", buf);
    }
    buf_fmt(buf, "\"},\"usage\":{\"completion_tokens\":%lld,\"total_tokens\":%lld}",
            (long long)tokens, (long long)tokens);
}

// In a list the error is named failure_reason.
static void add_task(const struct sim *sim, const struct job *job, const char *error_name,
                     struct buf *buf)
{
    struct job_view view = jobs_view(sim->jobs, job);
    const char *safety = rules_text(job->request, "safety_identifier");
    json_int_t frames = number_or(job, "frames", 0);

    buf_fmt(buf, "{\"id\":\"%s\",\"model\":", job->id);
    buf_json_str(buf, rules_text(job->request, "model"));
    buf_fmt(buf, ",\"status\":\"%s\",\"%s\":", status_words[view.status], error_name);
    add_error(job, view.status, buf);
    if (view.status == JOB_SUCCEEDED)
        add_content(sim, job, buf);
    buf_fmt(buf, ",\"created_at\":%lld,\"updated_at\":%lld,\"seed\":%lld",
            (long long)job->began_ms / 1000, (long long)view.since_ms / 1000,
            (long long)number_or(job, "seed", (json_int_t)(job->number % 100000)));
    buf_fmt(buf, ",\"resolution\":\"%s\",\"ratio\":\"%s\",\"%s\":%lld,\"framespersecond\":%d",
            text_or(job, "resolution", "720p"), text_or(job, "ratio", "16:9"),
            frames > 0 ? "frames" : "duration",
            (long long)(frames > 0 ? frames : number_or(job, "duration", DEFAULT_DURATION)),
            FRAMES_PER_SECOND);
    if (*safety != '\0') {
        buf_str(buf, ",\"safety_identifier\":");
        buf_json_str(buf, safety);
    }
    buf_fmt(buf, ",\"service_tier\":\"%s\",\"execution_expires_after\":%lld}",
            text_or(job, "service_tier", "default"),
            (long long)number_or(job, "execution_expires_after", EXPIRES_AFTER_S));
}

static void add_json(const struct sim *sim, const struct job *job, struct buf *buf)
{
    add_task(sim, job, "error", buf);
}

// The first text, or else the first picture that has a URL.
static const char *prompt_of(const json_t *body)
{
    const char *picture = "";
    json_t *item;
    size_t i;

    json_array_foreach(json_object_get(body, "content"), i, item)
    {
        const char *text = rules_text(item, "text");
        const char *url = rules_text(json_object_get(item, "image_url"), "url");

        if (*text != '\0')
            return text;
        if (*picture == '\0' && rules_is_http_url(url))
            picture = url;
    }
    return picture;
}

// "cgt-20261120101500-ab1cd"
static void make_id(uint64_t number, char id[32])
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm parts;
    size_t len;

    gmtime_r(&now, &parts);
    len = strftime(id, 32, "cgt-%Y%m%d%H%M%S-", &parts);
    id[len++] = (char)('a' + number / 1048576 % 26);
    snprintf(id + len, 32 - len, "%05llx", (unsigned long long)(number % 1048576));
}

static void submit(struct sim *sim, struct http_exchange *exchange)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len), *code, *prompt, *callback_url;
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    struct rule_error error;
    const struct job *job;
    struct buf json = {0};
    uint64_t number;
    char id[32];

    sim->stats.submits++;
    if (!json_is_object(body)) {
        ark_refuse(exchange, 400, "InvalidParameter", "", "The body is not a JSON object.");
        return;
    }
    if (!seedance_check(sim->jobs, body, &code, &error)) {
        refuse_body(exchange, code, &error);
        return;
    }
    prompt = prompt_of(body);
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_seedance, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    make_id(number, id);
    job = jobs_add(sim->jobs, &sim_seedance, number, id, "", prompt, "", body);
    callback_url = rules_text(job->request, "callback_url");
    if (*callback_url != '\0')
        callbacks_watch(sim->callbacks, job, callback_url, add_json);
    buf_fmt(&json, "{\"id\":\"%s\"}", id);
    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}

static void fetch(struct sim *sim, struct http_exchange *exchange, struct job *job)
{
    struct buf json = {0};

    sim->stats.polls_single++;
    job->polls++;
    add_json(sim, job, &json);
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// Nothing is left of a job that was over, not even its files: no client wants that.
static void destroy(struct sim *sim, struct http_exchange *exchange, struct job *job)
{
    enum job_status status = jobs_view(sim->jobs, job).status;

    if (status == JOB_RUNNING || status == JOB_CANCELLED) {
        ark_refuse(exchange, 403, "OperationDenied.InvalidState", "id",
                   "The task can not be deleted in its present state.");
        return;
    }
    if (status == JOB_QUEUED) {
        job->cancelled_ms = clock_wall_ms();
    } else {
        job->is_destroyed = true;
        sim->stats.destroyed++;
    }
    http_exchange_answer(exchange, 200, NULL, NULL, 0);
}

static bool is_wanted(struct sim *sim, struct http_exchange *exchange, const struct job *job)
{
    const char *status = http_exchange_query(exchange, "filter.status");
    const char *model = http_exchange_query(exchange, "filter.model");
    const char *tier = http_exchange_query(exchange, "filter.service_tier");
    const char *id = query_next(exchange, "filter.task_ids", NULL);
    bool is_named = id == NULL;

    for (; id != NULL && !is_named; id = query_next(exchange, "filter.task_ids", id))
        is_named = strcmp(id, job->id) == 0;
    return is_named &&
           (status == NULL ||
            strcmp(status, status_words[jobs_view(sim->jobs, job).status]) == 0) &&
           (model == NULL || strcmp(model, rules_text(job->request, "model")) == 0) &&
           (tier == NULL || strcmp(tier, text_or(job, "service_tier", "default")) == 0);
}

// Lists one page, the newest first; the total is that of all pages.
static void list(struct sim *sim, struct http_exchange *exchange)
{
    size_t page = query_number(exchange, "page_num", 1, MAX_PAGE);
    size_t size = query_number(exchange, "page_size", 10, MAX_PAGE);
    size_t total = 0;
    const char *separator = "";
    struct buf json = {0};

    if (http_exchange_query(exchange, "filter.task_ids") != NULL)
        sim->stats.polls_batch++;
    else
        sim->stats.lists++;
    if (page == 0 || size == 0) {
        ark_refuse(exchange, 400, "InvalidParameter", page == 0 ? "page_num" : "page_size",
                   "A page's number and size are 1 to 500.");
        return;
    }
    buf_str(&json, "{\"items\":[");
    for (size_t i = jobs_count(sim->jobs, &sim_seedance); i > 0; i--) {
        struct job *job = jobs_at(sim->jobs, &sim_seedance, i - 1);

        if (job == NULL || !is_wanted(sim, exchange, job) || total++ / size != page - 1)
            continue;
        buf_str(&json, separator);
        add_task(sim, job, "failure_reason", &json);
        separator = ",";
    }
    buf_fmt(&json, "],\"total\":%zu}", total);
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static void handle_task(struct sim *sim, struct http_exchange *exchange, const char *id)
{
    enum http_method method = http_exchange_method(exchange);
    struct job *job = jobs_find(sim->jobs, &sim_seedance, id);

    if (job == NULL)
        ark_refuse(exchange, 404, "NotFound", "id", "The specified task is not found.");
    else if (method == HTTP_GET_)
        fetch(sim, exchange, job);
    else if (method == HTTP_DELETE_)
        destroy(sim, exchange, job);
    else
        ark_refuse(exchange, 404, "NotFound", "", "There is no such method.");
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char root[] = "/api/v3/contents/generations/tasks";
    const char *rest = http_exchange_path(exchange) + sizeof root - 1;
    enum http_method method = http_exchange_method(exchange);

    if (strncmp(http_exchange_path(exchange), root, sizeof root - 1) != 0 ||
        (*rest != '\0' && *rest != '/'))
        return false;
    if (!sim_has_bearer(sim, exchange))
        ark_refuse(exchange, 401, "AuthenticationError", "",
                   "The API key in the request is missing or invalid.");
    else if (*rest == '/')
        handle_task(sim, exchange, rest + 1);
    else if (method == HTTP_POST_)
        submit(sim, exchange);
    else if (method == HTTP_GET_)
        list(sim, exchange);
    else
        ark_refuse(exchange, 404, "NotFound", "", "There is no such method.");
    return true;
}

const struct sim_vendor sim_seedance = {.name = "seedance", .handle = handle};
