// What DashScope's vendors have in common. An account may ask for single tasks 20 times a second,
// whoever's they are.
//
// A word in a prompt, besides those of words.h and jobs.h: [listed] the list shows the prompt,
// which no page says that it does.
#include "tests/sim/dashscope.h"

#include <stdio.h>
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

enum { EAST_8_S = 8 * 3600, POLLS_PER_SECOND = 20, MAX_PAGE = 1000 };

static const char root[] = "/api/v1/tasks";

static const char *const status_words[] = {
    [JOB_QUEUED] = "PENDING", [JOB_RUNNING] = "RUNNING", [JOB_SUCCEEDED] = "SUCCEEDED",
    [JOB_FAILED] = "FAILED",  [JOB_EXPIRED] = "UNKNOWN", [JOB_CANCELLED] = "CANCELED",
};

void dashscope_refuse(struct http_exchange *exchange, int status, const char *code,
                      const char *message)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"code\":\"%s\",\"message\":", code);
    buf_json_str(&json, message);
    buf_fmt(&json, ",\"request_id\":\"%s\"}", http_exchange_request_id(exchange));
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

bool dashscope_is_async(const struct http_exchange *exchange)
{
    const char *value = http_exchange_header(exchange, "x-dashscope-async");

    return value != NULL && strcmp(value, "enable") == 0;
}

void dashscope_accept(struct sim *sim, struct http_exchange *exchange, const struct job *job)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"request_id\":\"%s\",\"output\":{\"task_id\":\"%s\",", job->id, job->id);
    buf_str(&json, "\"task_status\":\"PENDING\"}}");
    words_answer(sim, exchange, job->prompt, &json);
    buf_clear(&json);
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

static void add_job(const struct sim *sim, const struct dashscope_tasks *tasks,
                    const struct job *job, struct buf *json)
{
    struct job_view view = jobs_view(sim->jobs, job);

    buf_fmt(json, "\"output\":{\"task_id\":\"%s\",\"task_status\":\"%s\"", job->id,
            status_words[view.status]);
    if (view.status != JOB_EXPIRED)
        add_time(json, "submit_time", job->began_ms);
    if (view.status == JOB_SUCCEEDED)
        tasks->add_result(sim, job, json);
    if (view.status == JOB_FAILED)
        add_failure(job, json);
    buf_char(json, '}');
    if (view.status == JOB_SUCCEEDED)
        tasks->add_usage(job, json);
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

static void fetch(struct sim *sim, struct http_exchange *exchange,
                  const struct dashscope_tasks *tasks, struct job *job, const char *id)
{
    struct buf json = {0};

    sim->stats.polls_single++;
    if (dashscope_is_async(exchange)) {
        dashscope_refuse(exchange, 403, "AccessDenied",
                         "current user api does not support asynchronous calls");
        return;
    }
    if (is_throttled()) {
        dashscope_refuse(exchange, 429, "Throttling.RateQuota",
                         "Requests rate limit exceeded, please try again later.");
        return;
    }
    buf_fmt(&json, "{\"request_id\":\"%s\",", http_exchange_request_id(exchange));
    if (job == NULL) {
        buf_fmt(&json, "\"output\":{\"task_id\":\"%s\",\"task_status\":\"UNKNOWN\"}", id);
    } else {
        job->polls++;
        add_job(sim, tasks, job, &json);
    }
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static void cancel(struct sim *sim, struct http_exchange *exchange, struct job *job)
{
    struct buf json = {0};

    if (job == NULL || jobs_view(sim->jobs, job).status != JOB_QUEUED) {
        dashscope_refuse(
            exchange, 400, "UnsupportedOperation",
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

static void add_item(const struct sim *sim, const struct dashscope_tasks *tasks,
                     const struct job *job, struct buf *json)
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
            "\"user_api_unique_key\":\"apikey:v1:aigc:",
            job->id, status_words[jobs_view(sim->jobs, job).status], job->id);
    tasks->add_service(job, json);
    buf_fmt(json, ":%s\"}", model);
}

// One page, the newest first.
static void list(struct sim *sim, struct http_exchange *exchange,
                 const struct dashscope_tasks *tasks)
{
    size_t page = query_number(exchange, "page_no", 1, MAX_PAGE);
    size_t size = query_number(exchange, "page_size", 10, 100);
    size_t total = 0;
    const char *separator = "";
    struct buf json = {0};
    struct wanted wanted;

    sim->stats.lists++;
    if (page == 0 || size == 0 || !read_wanted(exchange, &wanted)) {
        dashscope_refuse(exchange, 400, "InvalidParameter", "A time or a page is not valid.");
        return;
    }
    buf_str(&json, "{\"data\":[");
    for (size_t i = jobs_count(sim->jobs, tasks->vendor); i > 0; i--) {
        const struct job *job = jobs_at(sim->jobs, tasks->vendor, i - 1);

        if (job == NULL || !is_wanted(sim, job, &wanted) || total++ / size != page - 1)
            continue;
        buf_str(&json, separator);
        add_item(sim, tasks, job, &json);
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
static bool handle_task(struct sim *sim, struct http_exchange *exchange,
                        const struct dashscope_tasks *tasks, const char *rest)
{
    enum http_method method = http_exchange_method(exchange);
    char id[64];
    size_t len = strcspn(++rest, "/");
    struct job *job;

    snprintf(id, sizeof id, "%.*s", (int)len, rest);
    job = jobs_find(sim->jobs, tasks->vendor, id);
    if (job == NULL && *tasks->begin != '\0')
        return false;
    if (rest[len] == '\0' && method == HTTP_GET_)
        fetch(sim, exchange, tasks, job, id);
    else if (strcmp(rest + len, "/cancel") == 0 && method == HTTP_POST_)
        cancel(sim, exchange, job);
    else
        dashscope_refuse(exchange, 404, "NotFound", "There is no such path.");
    return true;
}

bool dashscope_handle(struct sim *sim, struct http_exchange *exchange,
                      const struct dashscope_tasks *tasks)
{
    const char *path = http_exchange_path(exchange), *rest = path + sizeof root - 1;
    const char *model = http_exchange_query(exchange, "model_name");

    if (strncmp(path, root, sizeof root - 1) != 0)
        return false;
    if (rest[0] == '/' && rest[1] != '\0')
        return handle_task(sim, exchange, tasks, rest);
    if ((*rest != '\0' && *rest != '/') || http_exchange_method(exchange) != HTTP_GET_ ||
        strncmp(model == NULL ? "" : model, tasks->begin, strlen(tasks->begin)) != 0)
        return false;
    list(sim, exchange, tasks);
    return true;
}
