// fal's queue: submits, statuses, results, cancels; its webhooks and their keys.
//
// Words in a prompt, besides those of words.h, jobs.h, fal_images.c and fal_webhook.c:
//
//   before it is accepted   [refuse] against the content policy   [balance] a locked account
//     twice per prompt      [429]
//     once per prompt       [500]
//   accepted, and           [videos] two videos          [timeout] an error beside COMPLETED
//                           [late-invalid] refused by the model, as its result says
//                           [lost-result] the result is behind a gateway that fails twice
//                           [stubborn] runs on although it was cancelled
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/http/http_server.h"
#include "tests/sim/fal.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/signer.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

static const char root[] = "/fal-ai/", requests[] = "/requests/";
static const char keys[] = "/.well-known/jwks.json", new_key[] = "/sim/fal/new-key";

#define DETAIL(type, message)                                                                      \
    "{\"detail\":[{\"loc\":[\"body\",\"prompt\"],\"msg\":\"" message "\",\"type\":\"" type "\"}]}"
#define FLAGGED                                                                                    \
    DETAIL("content_policy_violation", "The content could not be processed: it was flagged.")

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 422, FLAGGED},
    {"balance", ALWAYS, 403,
     "{\"detail\":\"User is locked. Reason: Exhausted balance. Top up your balance.\"}"},
    {"429", 2, 429, "{\"detail\":\"Too many concurrent requests for this user.\"}"},
    {"500", 1, 500, "{\"detail\":\"Internal Server Error\",\"error_type\":\"internal_error\"}"},
};

static void refuse(struct http_exchange *exchange, int status, const char *detail)
{
    struct buf json = {0};

    buf_str(&json, "{\"detail\":");
    buf_json_str(&json, detail);
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

static void refuse_field(struct http_exchange *exchange, const struct rule_error *error)
{
    struct buf json = {0};

    buf_str(&json, "{\"detail\":[{\"loc\":[\"body\",");
    buf_json_str(&json, error->param);
    buf_str(&json, "],\"msg\":");
    buf_json_str(&json, error->is_missing ? "field required" : error->why);
    buf_fmt(&json, ",\"type\":\"%s\"}]}", error->is_missing ? "missing" : "value_error");
    http_exchange_answer_json(exchange, 422, json.data);
    buf_clear(&json);
}

// Submits.

static void add_urls(const struct sim *sim, const struct job *job, struct buf *json)
{
    static const struct {
        const char *name, *behind;
    } urls[] = {{"response_url", ""}, {"status_url", "/status"}, {"cancel_url", "/cancel"}};

    buf_fmt(json, "\"request_id\":\"%s\"", job->id);
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        buf_fmt(json, ",\"%s\":\"%s/%s/requests/%s%s\"", urls[i].name, sim->base_url, job->route,
                job->id, urls[i].behind);
}

static void take(struct sim *sim, struct http_exchange *exchange, const struct fal_model *model,
                 json_t *body)
{
    const char *prompt = rules_text(body, "prompt");
    const char *hook = http_exchange_query(exchange, "fal_webhook");
    const struct job *job;
    char id[UUID_SIZE];
    struct buf json = {0};
    uint64_t number;

    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_fal, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    uuid_make(number, id);
    job = jobs_add(sim->jobs, &sim_fal, number, id, model->app, prompt, "", body);
    if (hook != NULL)
        fal_webhook_watch(sim, job, hook);
    buf_str(&json, "{\"status\":\"IN_QUEUE\",\"queue_position\":0,");
    add_urls(sim, job, &json);
    buf_char(&json, '}');
    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}

static void submit(struct sim *sim, struct http_exchange *exchange, const char *endpoint)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len);
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const struct fal_model *model = fal_model_named(endpoint);
    const char *hook = http_exchange_query(exchange, "fal_webhook");
    struct rule_error error;

    sim->stats.submits++;
    if (model == NULL)
        refuse(exchange, 404, "Application not found");
    else if (!json_is_object(body))
        refuse(exchange, 400, "Invalid JSON");
    else if (hook != NULL && !rules_is_http_url(hook))
        refuse(exchange, 400, "Invalid webhook URL");
    else if (!rules_check(body, model->input, &error) || !fal_image_check(body, &error))
        refuse_field(exchange, &error);
    else
        take(sim, exchange, model, body);
}

// Queries.

static void add_file(const struct sim *sim, const struct job *job, const char *part,
                     struct buf *json)
{
    buf_str(json, "{\"url\":\"");
    jobs_add_link(sim->jobs, job, part, "mp4", json);
    buf_str(json, "\",\"content_type\":\"video/mp4\",\"file_name\":\"output.mp4\"}");
}

int fal_add_result(const struct sim *sim, const struct job *job, struct buf *json,
                   const char **type)
{
    enum job_status status = jobs_view(sim->jobs, job).status;
    enum fal_shape shape = fal_model_of_app(job->route, strlen(job->route))->shape;
    int code = 200;

    *type = NULL;
    if (status == JOB_CANCELLED) {
        code = 499;
        *type = "client_cancelled";
        buf_str(json, "{\"detail\":\"Request cancelled\",\"error_type\":\"client_cancelled\"}");
    } else if (status == JOB_EXPIRED || words_has(job->prompt, "timeout")) {
        code = 504;
        *type = "request_timeout";
        buf_str(json, "{\"detail\":\"Request timed out\",\"error_type\":\"request_timeout\"}");
    } else if (words_has(job->prompt, "moderation")) {
        code = 422;
        buf_str(json, FLAGGED);
    } else if (words_has(job->prompt, "late-invalid")) {
        code = 422;
        buf_str(json, DETAIL("value_error", "The model can make nothing of it"));
    } else if (status == JOB_FAILED) {
        code = 500;
        *type = "runner_server_error";
        buf_str(json,
                "{\"detail\":\"The simulated job failed.\","
                "\"error_type\":\"runner_server_error\"}");
    } else if (shape != FAL_VIDEO) {
        fal_image_add(sim, job, shape, json);
    } else if (words_has(job->prompt, "videos")) {
        buf_str(json, "{\"videos\":[");
        add_file(sim, job, NULL, json);
        buf_char(json, ',');
        add_file(sim, job, "2", json);
        buf_str(json, "],\"seed\":7}");
    } else {
        buf_str(json, "{\"video\":");
        add_file(sim, job, NULL, json);
        buf_char(json, '}');
    }
    return code;
}

static void show_status(struct sim *sim, struct http_exchange *exchange, struct job *job)
{
    enum job_status status = jobs_view(sim->jobs, job).status;
    bool is_over = job_is_over(status);
    struct buf json = {0};

    sim->stats.polls_single++;
    job->polls++;
    buf_fmt(&json, "{\"status\":\"%s\",",
            is_over                 ? "COMPLETED"
            : status == JOB_RUNNING ? "IN_PROGRESS"
                                    : "IN_QUEUE");
    if (status == JOB_QUEUED)
        buf_str(&json, "\"queue_position\":0,");
    if (is_over)
        buf_str(&json, "\"metrics\":{\"inference_time\":3.7},");
    if (is_over && words_has(job->prompt, "timeout"))
        buf_str(&json, "\"error\":\"Request timed out\",\"error_type\":\"request_timeout\",");
    add_urls(sim, job, &json);
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, is_over ? 200 : 202, json.data);
    buf_clear(&json);
}

static void show_result(struct sim *sim, struct http_exchange *exchange, struct job *job)
{
    enum { LOST = 2 };
    static const char page[] = "<html><body><h1>502 Bad Gateway</h1></body></html>";
    enum job_status status = jobs_view(sim->jobs, job).status;
    struct buf json = {0};
    const char *type;
    int code;

    if (!job_is_over(status)) {
        refuse(exchange, 400, "Request is still in progress");
        return;
    }
    if (words_has(job->prompt, "lost-result") && job->polls <= LOST) {
        http_exchange_answer(exchange, 502, "text/html", page, sizeof page - 1);
        return;
    }
    code = fal_add_result(sim, job, &json, &type);
    if (type != NULL)
        http_exchange_add_header(exchange, "X-Fal-Error-Type", type);
    http_exchange_answer_json(exchange, code, json.data);
    buf_clear(&json);
}

// What waits is removed, what runs gets a signal.
static void cancel(struct sim *sim, struct http_exchange *exchange, struct job *job)
{
    enum job_status status;

    if (job == NULL) {
        http_exchange_answer_json(exchange, 404, "{\"status\":\"NOT_FOUND\"}");
        return;
    }
    status = jobs_view(sim->jobs, job).status;
    if (job_is_over(status)) {
        http_exchange_answer_json(exchange, 400, "{\"status\":\"ALREADY_COMPLETED\"}");
        return;
    }
    if (!words_has(job->prompt, "stubborn"))
        job->cancelled_ms = clock_wall_ms();
    job->is_destroyed = status == JOB_QUEUED;
    http_exchange_answer_json(exchange, 202, "{\"status\":\"CANCELLATION_REQUESTED\"}");
}

// "<owner>/<app>/requests/<id>[/status|/cancel]"
static void handle_request(struct sim *sim, struct http_exchange *exchange, const char *path)
{
    const char *mark = strstr(path, requests), *id = mark + sizeof requests - 1, *behind;
    const struct fal_model *model = fal_model_of_app(path, (size_t)(mark - path));
    enum http_method method = http_exchange_method(exchange);
    char name[64];
    struct job *job;

    behind = id + strcspn(id, "/");
    snprintf(name, sizeof name, "%.*s", (int)(behind - id), id);
    job = model == NULL ? NULL : jobs_find(sim->jobs, &sim_fal, name);
    if (job != NULL && strcmp(job->route, model->app) != 0)
        job = NULL;
    if (method == HTTP_PUT_ && strcmp(behind, "/cancel") == 0)
        cancel(sim, exchange, job);
    else if (method != HTTP_GET_)
        refuse(exchange, 405, "Method Not Allowed");
    else if (job == NULL)
        refuse(exchange, 404, "Request not found");
    else if (strcmp(behind, "/status") == 0)
        show_status(sim, exchange, job);
    else if (*behind == '\0')
        show_result(sim, exchange, job);
    else
        refuse(exchange, 404, "Not Found");
}

static bool has_key(const struct sim *sim, const struct http_exchange *exchange)
{
    static const char scheme[] = "Key ";
    const char *authorization = http_exchange_header(exchange, "authorization");

    return authorization != NULL && strncmp(authorization, scheme, sizeof scheme - 1) == 0 &&
           strcmp(authorization + sizeof scheme - 1, sim->secret) == 0;
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    const char *path = http_exchange_path(exchange);
    enum http_method method = http_exchange_method(exchange);

    if (strcmp(path, keys) == 0 && method == HTTP_GET_)
        signer_show_keys(exchange);
    else if (strcmp(path, new_key) == 0 && method == HTTP_POST_)
        signer_replace_key(exchange);
    else if (strncmp(path, root, sizeof root - 1) != 0)
        return false;
    else if (!has_key(sim, exchange))
        refuse(exchange, 401, "Authentication is required to access this application.");
    else if (strstr(path, requests) != NULL)
        handle_request(sim, exchange, path + 1);
    else if (method == HTTP_POST_)
        submit(sim, exchange, path + 1);
    else
        refuse(exchange, 405, "Method Not Allowed");
    return true;
}

const struct sim_vendor sim_fal = {.name = "fal", .handle = handle};
