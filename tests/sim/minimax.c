// MiniMax's own API: submits of both generations, queries, files, v2's list, callbacks.
//
// Whatever it says, it says with HTTP 200. Words in a prompt, besides those of words.h and jobs.h:
//
//   before it is accepted   [refuse] 1026   [invalid] 2013   [balance] 1008   [usage] 2056
//     twice per prompt      [429] 1002   [busy] 1041
//     once per prompt       [500] 1024
//   accepted, and           [lower] its status is in lower case
//                           [late-file] it has ended once before its file is there
//                           [file-fails] its file can't be told the first time: 1024
//                           [listed] v2's list shows its prompt, which no page says that it does
//
// Where a job has no prompt, the URL of its first picture may have the words. A path that is to be
// called back is sent a challenge first, and called no more where that doesn't come back within 3
// s.
#include "tests/sim/minimax.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/callbacks.h"
#include "tests/sim/jobs.h"
#include "tests/sim/query.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { MAX_PAGE = 1000, MAX_PAGE_SIZE = 100, DEFAULT_SECONDS = 6 };
enum {
    CODE_KEY = 1004,
    CODE_OUTPUT = 1027,
    CODE_FAILED = 1000,
    CODE_INTERNAL = 1024,
    CODE_INVALID = 2013
};

// A file's id is its job's number and this: more than a double holds.
static const unsigned long long FILE_IDS = 7000000000000000000u;

static const char v1_submit[] = "/v1/video_generation", v1_query[] = "/v1/query/video_generation",
                  v1_file[] = "/v1/files/retrieve", v2_submit[] = "/v2/video_generation",
                  v2_query[] = "/v2/query/video_generation";

static const char *const status_words[] = {
    [JOB_QUEUED] = "Queueing", [JOB_RUNNING] = "Processing", [JOB_SUCCEEDED] = "Success",
    [JOB_FAILED] = "Fail",     [JOB_EXPIRED] = "Fail",       [JOB_CANCELLED] = "Fail",
};

#define BASE(code, message)                                                                        \
    "\"base_resp\":{\"status_code\":" #code ",\"status_msg\":\"" message "\"}"
#define REFUSAL(code, message) "{\"task_id\":\"\"," BASE(code, message) "}"
static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 200, REFUSAL(1026, "input new_sensitive")},
    {"invalid", ALWAYS, 200, REFUSAL(2013, "invalid params, prompt")},
    {"balance", ALWAYS, 200, REFUSAL(1008, "insufficient balance")},
    {"usage", ALWAYS, 200, REFUSAL(2056, "usage limit exceeded")},
    {"429", 2, 200, REFUSAL(1002, "rate limit exceeded(RPM)")},
    {"busy", 2, 200, REFUSAL(1041, "conn limit")},
    {"500", 1, 200, REFUSAL(1024, "internal error")},
};

static void add_base(struct buf *json, int code, const char *message)
{
    buf_fmt(json, "\"base_resp\":{\"status_code\":%d,\"status_msg\":", code);
    buf_json_str(json, message);
    buf_char(json, '}');
}

static void refuse(struct http_exchange *exchange, int code, const char *message)
{
    struct buf json = {0};

    buf_char(&json, '{');
    add_base(&json, code, message);
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// Jobs.

static bool is_v2(const struct job *job)
{
    return job->route == v2_submit;
}

static bool has_failed(enum job_status status)
{
    return status == JOB_FAILED || status == JOB_EXPIRED;
}

// In lower case a failure has another word.
static const char *word_of(const struct job *job, enum job_status status, bool is_low,
                           char word[16])
{
    bool is_preparing = status == JOB_QUEUED && job->polls < 2;

    snprintf(word, 16, "%s", is_preparing ? "Preparing" : status_words[status]);
    if (is_low && has_failed(status))
        snprintf(word, 16, "failed");
    if (is_low || words_has(job->prompt, "lower"))
        word[0] = (char)tolower((unsigned char)word[0]);
    return word;
}

// Whether this is the first time that it happens to the job.
static bool is_first(const struct sim *sim, const struct job *job, const char *what)
{
    char key[64];

    snprintf(key, sizeof key, "%s %s", job->id, what);
    return jobs_try(sim->jobs, &sim_minimax, key) == 0;
}

static int code_of(const struct job *job, enum job_status status)
{
    if (!has_failed(status))
        return 0;
    return words_has(job->prompt, "moderation") ? CODE_OUTPUT : CODE_FAILED;
}

static const char *message_of(const struct job *job, enum job_status status)
{
    if (!has_failed(status))
        return "success";
    return words_has(job->prompt, "moderation") ? "output new_sensitive"
                                                : "the simulated job failed";
}

// As v1's query has it, and as callbacks have it in lower case.
static void add_v1(const struct job *job, enum job_status status, bool is_low, bool has_file,
                   struct buf *json)
{
    char word[16];

    buf_fmt(json, "{\"task_id\":\"%s\",\"status\":\"%s\",\"file_id\":\"", job->id,
            word_of(job, status, is_low, word));
    if (has_file)
        buf_fmt(json, "%llu", FILE_IDS + job->number);
    buf_fmt(json, "\",\"video_width\":%d,\"video_height\":%d,", has_file ? 1366 : 0,
            has_file ? 768 : 0);
    add_base(json, code_of(job, status), message_of(job, status));
    buf_char(json, '}');
}

static void add_v2_task(const struct sim *sim, const struct job *job, bool is_listed,
                        struct buf *json)
{
    struct job_view view = jobs_view(sim->jobs, job);
    const json_t *duration = json_object_get(job->request, "duration");
    const char *resolution = rules_text(job->request, "resolution");
    char word[16];

    buf_fmt(json, "{\"id\":\"%s\",\"model\":\"%s\",\"status\":\"%s\",\"error\":", job->id,
            rules_text(job->request, "model"), word_of(job, view.status, true, word));
    if (has_failed(view.status))
        buf_fmt(json, "{\"code\":\"%d\",\"message\":\"%s\"}", code_of(job, view.status),
                message_of(job, view.status));
    else
        buf_str(json, "null");
    if (is_listed && words_has(job->prompt, "listed")) {
        buf_str(json, ",\"prompt\":");
        buf_json_str(json, job->prompt);
    }
    buf_fmt(json, ",\"created_at\":%lld,\"updated_at\":%lld,\"content\":{",
            (long long)(job->began_ms / 1000), (long long)(view.since_ms / 1000));
    if (view.status == JOB_SUCCEEDED) {
        buf_str(json, "\"url\":\"");
        jobs_add_link(sim->jobs, job, NULL, "mp4", json);
        buf_char(json, '"');
    }
    buf_fmt(json, "},\"resolution\":\"%s\",\"duration\":%lld,\"usage\":{}}",
            *resolution == '\0' ? "768P" : resolution,
            duration == NULL ? (long long)DEFAULT_SECONDS : json_integer_value(duration));
}

static void add_callback(const struct sim *sim, const struct job *job, struct buf *json)
{
    if (is_v2(job)) {
        buf_str(json, "{\"task\":");
        add_v2_task(sim, job, false, json);
        buf_char(json, '}');
    } else {
        enum job_status status = jobs_view(sim->jobs, job).status;

        add_v1(job, status, true, status == JOB_SUCCEEDED, json);
    }
}

// Submits.

// The text with the words: the prompt, or else the first picture's URL.
static const char *prompt_of(const json_t *body)
{
    static const char *const names[] = {"prompt", "first_frame_image", "last_frame_image"};
    const json_t *item = json_array_get(json_object_get(body, "content"), 0);
    const json_t *subject = json_array_get(json_object_get(body, "subject_reference"), 0);
    const char *image = json_string_value(json_array_get(json_object_get(subject, "image"), 0));
    const char *text = rules_text(item, "text");

    if (*text == '\0')
        text = rules_text(json_object_get(item, "image_url"), "url");
    for (size_t i = 0; i < sizeof names / sizeof names[0] && *text == '\0'; i++)
        text = rules_text(body, names[i]);
    if (*text == '\0' && image != NULL)
        text = image;
    return strncmp(text, "data:", 5) == 0 ? "" : text;
}

static void take(struct sim *sim, struct http_exchange *exchange, const char *route, json_t *body)
{
    const char *prompt = prompt_of(body), *callback_url;
    const struct job *job;
    struct buf json = {0};
    uint64_t number;
    char id[24];

    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_minimax, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    snprintf(id, sizeof id, "%llu", (unsigned long long)number);
    job = jobs_add(sim->jobs, &sim_minimax, number, id, route, prompt, "", body);
    callback_url = rules_text(job->request, "callback_url");
    if (*callback_url != '\0')
        callbacks_challenge(sim->callbacks, job, callback_url, add_callback);
    buf_fmt(&json, "{\"task_id\":\"%s\",", id);
    add_base(&json, 0, "success");
    buf_char(&json, '}');
    words_answer(sim, exchange, job->prompt, &json);
    buf_clear(&json);
}

static void submit(struct sim *sim, struct http_exchange *exchange, const char *route)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len);
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const struct minimax_model *model = minimax_model_named(rules_text(body, "model"));
    struct rule_error error;
    char why[sizeof error.param + sizeof error.why + 20];

    sim->stats.submits++;
    if (!json_is_object(body)) {
        refuse(exchange, CODE_INVALID, "invalid params, the body is not a JSON object");
    } else if (model == NULL || model->is_v2 != (route == v2_submit)) {
        refuse(exchange, CODE_INVALID, "invalid params, model");
    } else if (!minimax_check(model, body, &error)) {
        snprintf(why, sizeof why, "invalid params, %s %s", error.param, error.why);
        refuse(exchange, CODE_INVALID, why);
    } else {
        take(sim, exchange, route, body);
    }
}

// Queries.

static void fetch(struct sim *sim, struct http_exchange *exchange, const char *id, bool wants_v2)
{
    struct job *job = id == NULL ? NULL : jobs_find(sim->jobs, &sim_minimax, id);
    enum job_status status;
    struct buf json = {0};

    sim->stats.polls_single++;
    if (job == NULL || is_v2(job) != wants_v2) {
        refuse(exchange, CODE_INVALID, "invalid params, task_id");
        return;
    }
    job->polls++;
    status = jobs_view(sim->jobs, job).status;
    if (wants_v2) {
        buf_str(&json, "{\"task\":");
        add_v2_task(sim, job, false, &json);
        buf_char(&json, '}');
    } else {
        add_v1(job, status, false,
               status == JOB_SUCCEEDED &&
                   !(words_has(job->prompt, "late-file") && is_first(sim, job, "ended")),
               &json);
    }
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static void retrieve(struct sim *sim, struct http_exchange *exchange)
{
    const char *asked = http_exchange_query(exchange, "file_id");
    unsigned long long number = asked == NULL ? 0 : strtoull(asked, NULL, 10);
    struct job *job;
    struct buf json = {0};
    char id[24];

    snprintf(id, sizeof id, "%llu", number > FILE_IDS ? number - FILE_IDS : 0);
    job = jobs_find(sim->jobs, &sim_minimax, id);
    if (job == NULL || is_v2(job) || jobs_view(sim->jobs, job).status != JOB_SUCCEEDED) {
        refuse(exchange, CODE_INVALID, "invalid params, file_id");
        return;
    }
    if (words_has(job->prompt, "file-fails") && is_first(sim, job, "retrieved")) {
        refuse(exchange, CODE_INTERNAL, "internal error");
        return;
    }
    buf_fmt(
        &json,
        "{\"file\":{\"file_id\":%llu,\"bytes\":0,\"created_at\":%lld,\"filename\":\"output.mp4\","
        "\"purpose\":\"video_generation\",\"download_url\":\"",
        number, (long long)(job->began_ms / 1000));
    jobs_add_link(sim->jobs, job, NULL, "mp4", &json);
    buf_str(&json, "\"},");
    add_base(&json, 0, "success");
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// One page of v2's jobs, the newest first.
static void list(struct sim *sim, struct http_exchange *exchange)
{
    size_t page = query_number(exchange, "page_num", 1, MAX_PAGE);
    size_t size = query_number(exchange, "page_size", 10, MAX_PAGE_SIZE), total = 0;
    const char *separator = "";
    struct buf json = {0};

    sim->stats.lists++;
    if (page == 0 || size == 0) {
        refuse(exchange, CODE_INVALID, "invalid params, page");
        return;
    }
    buf_str(&json, "{\"tasks\":[");
    for (size_t i = jobs_count(sim->jobs, &sim_minimax); i > 0; i--) {
        const struct job *job = jobs_at(sim->jobs, &sim_minimax, i - 1);

        if (job == NULL || !is_v2(job) || total++ / size != page - 1)
            continue;
        buf_str(&json, separator);
        add_v2_task(sim, job, true, &json);
        separator = ",";
    }
    buf_fmt(&json, "],\"total\":%zu,", total);
    add_base(&json, 0, "success");
    buf_char(&json, '}');
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static bool is_below(const char *path, const char *root)
{
    size_t len = strlen(root);

    return strncmp(path, root, len) == 0 && path[len] == '/' && path[len + 1] != '\0';
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char *const paths[] = {v1_submit, v1_query, v1_file, v2_submit, v2_query};
    enum { V1_SUBMIT, V1_QUERY, V1_FILE, V2_SUBMIT, V2_LIST, PATHS, V2_QUERY };
    const char *path = http_exchange_path(exchange);
    bool is_post = http_exchange_method(exchange) == HTTP_POST_;
    int which = 0;

    while (which < PATHS && strcmp(path, paths[which]) != 0)
        which++;
    if (is_below(path, v2_query))
        which = V2_QUERY;
    if (which == PATHS)
        return false;
    if (!sim_has_bearer(sim, exchange))
        refuse(exchange, CODE_KEY, "login fail: Please carry the API secret key");
    else if (is_post != (which == V1_SUBMIT || which == V2_SUBMIT))
        http_exchange_answer(exchange, 404, "text/plain", "404 page not found", 18);
    else if (is_post)
        submit(sim, exchange, which == V1_SUBMIT ? v1_submit : v2_submit);
    else if (which == V1_QUERY)
        fetch(sim, exchange, http_exchange_query(exchange, "task_id"), false);
    else if (which == V1_FILE)
        retrieve(sim, exchange);
    else if (which == V2_LIST)
        list(sim, exchange);
    else
        fetch(sim, exchange, path + sizeof v2_query, true);
    return true;
}

const struct sim_vendor sim_minimax = {.name = "minimax", .handle = handle};
