// Taking jobs: what is checked, what is accepted, how the answer gets lost.
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/midjourney.h"
#include "tests/sim/midjourney_tasks.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum {
    CODE_ACCEPTED = 1,
    CODE_NOT_FOUND = 3,
    CODE_INVALID = 4,
    CODE_WINDOW = 21,
};

static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 200,
     "{\"code\":24,\"description\":\"may contain banned words\",\"result\":null,"
     "\"properties\":{\"promptEn\":\"refuse\",\"bannedWord\":\"refuse\"}}"},
    {"invalid", ALWAYS, 200,
     "{\"code\":4,\"description\":\"the prompt is invalid\",\"result\":null,\"properties\":{}}"},
    {"429", 2, 429, NULL},
    {"23", 2, 200,
     "{\"code\":23,\"description\":\"the queue is full, try again later\",\"result\":null,"
     "\"properties\":{}}"},
    {"9", 2, 200,
     "{\"code\":9,\"description\":\"submit failed, the queue is full\",\"result\":null,"
     "\"properties\":{}}"},
    {"500", 1, 500, "internal error"},
};

// What a submit asks for, once it is understood.
struct mj_job {
    enum mj_action action;
    const char *prompt; // a follow-up has its parent's prompt
    const char *state;
    struct mj_task *modal; // the task whose window is confirmed; else NULL
    bool needs_modal;
};

static void refuse(struct http_exchange *exchange, int status, int code, const char *why)
{
    struct buf json = {0};

    buf_fmt(&json, "{\"code\":%d,\"description\":", code);
    buf_json_str(&json, why);
    buf_str(&json, ",\"result\":null,\"properties\":{}}");
    http_exchange_answer_json(exchange, status, json.data);
    buf_clear(&json);
}

static bool is_data_url(const json_t *value)
{
    return json_is_string(value) && rules_is_data_url(json_string_value(value), "image/");
}

static bool are_data_urls(const json_t *values, size_t least, size_t most)
{
    size_t i, count = json_array_size(values);
    json_t *value;

    json_array_foreach((json_t *)values, i, value)
    {
        if (!is_data_url(value))
            return false;
    }
    return count >= least && count <= most;
}

// Each of these fills the job, or says what is wrong and answers.

static bool read_imagine(struct http_exchange *exchange, const json_t *body, struct mj_job *job)
{
    const json_t *images = json_object_get(body, "base64Array");

    if (*job->prompt == '\0') {
        refuse(exchange, 200, CODE_INVALID, "prompt can not be empty");
        return false;
    }
    if (images != NULL && !json_is_null(images) && !are_data_urls(images, 0, 10)) {
        refuse(exchange, 200, CODE_INVALID, "base64Array is malformed");
        return false;
    }
    return true;
}

static bool read_blend(struct http_exchange *exchange, const json_t *body, struct mj_job *job)
{
    const char *shape = rules_text(body, "dimensions");

    (void)job;
    if (!are_data_urls(json_object_get(body, "base64Array"), 2, 5)) {
        refuse(exchange, 200, CODE_INVALID, "base64Array must have 2 to 5 images");
        return false;
    }
    if (*shape != '\0' && strcmp(shape, "PORTRAIT") != 0 && strcmp(shape, "SQUARE") != 0 &&
        strcmp(shape, "LANDSCAPE") != 0) {
        refuse(exchange, 200, CODE_INVALID, "dimensions is malformed");
        return false;
    }
    return true;
}

static bool read_describe(struct http_exchange *exchange, const json_t *body, struct mj_job *job)
{
    (void)job;
    if (is_data_url(json_object_get(body, "base64")) || *rules_text(body, "link") != '\0')
        return true;
    refuse(exchange, 200, CODE_INVALID, "base64 is malformed");
    return false;
}

static bool press_button(struct sim *sim, struct http_exchange *exchange, const char *task_id,
                         const char *custom_id, struct mj_job *job)
{
    const struct mj_task *parent = mj_tasks_find(mj_tasks_of(sim), task_id);

    if (parent == NULL) {
        refuse(exchange, 404, CODE_NOT_FOUND, "the related task doesn't exist or has expired");
        return false;
    }
    if (!mj_task_button(mj_tasks_of(sim), parent, custom_id, &job->action, &job->needs_modal)) {
        refuse(exchange, 400, CODE_INVALID, "the related task has no such button");
        return false;
    }
    job->prompt = parent->prompt;
    return true;
}

static bool press_letter(struct sim *sim, struct http_exchange *exchange, const char *task_id,
                         char letter, long index, struct mj_job *job)
{
    const struct mj_task *parent = mj_tasks_find(mj_tasks_of(sim), task_id);
    char hash[37], custom_id[80];

    *hash = '\0';
    if (parent != NULL)
        mj_task_hash(parent, hash);
    if (letter == 'R')
        snprintf(custom_id, sizeof custom_id, "MJ::JOB::reroll::0::%s::SOLO", hash);
    else
        snprintf(custom_id, sizeof custom_id, "MJ::JOB::%s::%ld::%s",
                 letter == 'U' ? "upsample" : "variation", index, hash);
    return press_button(sim, exchange, task_id, custom_id, job);
}

static bool read_change(struct sim *sim, struct http_exchange *exchange, const json_t *body,
                        struct mj_job *job)
{
    const char *action = rules_text(body, "action");
    json_int_t index = json_integer_value(json_object_get(body, "index"));

    if (strcmp(action, "UPSCALE") != 0 && strcmp(action, "VARIATION") != 0 &&
        strcmp(action, "REROLL") != 0) {
        refuse(exchange, 200, CODE_INVALID, "action is malformed");
        return false;
    }
    if (*action != 'R' && (index < 1 || index > 4)) {
        refuse(exchange, 200, CODE_INVALID, "index is malformed");
        return false;
    }
    return press_letter(sim, exchange, rules_text(body, "taskId"), *action, (long)index, job);
}

// "1731900000123456 U1"
static bool read_simple_change(struct sim *sim, struct http_exchange *exchange, const json_t *body,
                               struct mj_job *job)
{
    char id[32], letter = '\0';
    int index = 0, count = sscanf(rules_text(body, "content"), "%31s %c%d", id, &letter, &index);

    if (count < 2 || strchr("UVR", letter) == NULL || (letter != 'R' && (index < 1 || index > 4))) {
        refuse(exchange, 200, CODE_INVALID, "content is malformed");
        return false;
    }
    return press_letter(sim, exchange, id, letter, index, job);
}

static bool read_modal(struct sim *sim, struct http_exchange *exchange, const json_t *body,
                       struct mj_job *job)
{
    const json_t *mask = json_object_get(body, "maskBase64");

    job->modal = mj_tasks_find(mj_tasks_of(sim), rules_text(body, "taskId"));
    if (job->modal == NULL) {
        refuse(exchange, 404, CODE_NOT_FOUND, "the related task doesn't exist or has expired");
        return false;
    }
    if (!job->modal->is_modal) {
        refuse(exchange, 400, CODE_INVALID, "the related task has no window open");
        return false;
    }
    if (mask != NULL && !json_is_null(mask) && !is_data_url(mask)) {
        refuse(exchange, 200, CODE_INVALID, "maskBase64 is malformed");
        return false;
    }
    if (*job->prompt == '\0')
        job->prompt = job->modal->prompt;
    return true;
}

static bool read_job(struct sim *sim, struct http_exchange *exchange, const char *kind,
                     const json_t *body, struct mj_job *job)
{
    if (strcmp(kind, "imagine") == 0) {
        job->action = MJ_IMAGINE;
        return read_imagine(exchange, body, job);
    }
    if (strcmp(kind, "shorten") == 0) {
        job->action = MJ_SHORTEN;
        return read_imagine(exchange, body, job);
    }
    if (strcmp(kind, "blend") == 0) {
        job->action = MJ_BLEND;
        return read_blend(exchange, body, job);
    }
    if (strcmp(kind, "describe") == 0) {
        job->action = MJ_DESCRIBE;
        return read_describe(exchange, body, job);
    }
    if (strcmp(kind, "action") == 0)
        return press_button(sim, exchange, rules_text(body, "taskId"), rules_text(body, "customId"),
                            job);
    if (strcmp(kind, "change") == 0)
        return read_change(sim, exchange, body, job);
    if (strcmp(kind, "simple-change") == 0)
        return read_simple_change(sim, exchange, body, job);
    if (strcmp(kind, "modal") == 0)
        return read_modal(sim, exchange, body, job);
    refuse(exchange, 404, CODE_NOT_FOUND, "there is no such path");
    return false;
}

static void answer_accepted(struct sim *sim, struct http_exchange *exchange,
                            const struct mj_task *task)
{
    const char *prompt = task->prompt;
    struct buf json = {0};

    buf_fmt(&json, "{\"code\":%d,\"description\":\"%s\",\"result\":\"%llu\",\"properties\":{",
            task->is_modal ? CODE_WINDOW : CODE_ACCEPTED,
            task->is_modal ? "Waiting for window confirm" : "Submit success",
            (unsigned long long)task->id);
    if (task->is_modal) {
        buf_str(&json, "\"finalPrompt\":");
        buf_json_str(&json, prompt);
        buf_str(&json, ",\"remix\":true,");
    }
    buf_str(&json, "\"discordInstanceId\":\"1118138338562560102\"}}");

    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}

static void upload_images(struct sim *sim, struct http_exchange *exchange, const json_t *body)
{
    const json_t *images = json_object_get(body, "base64Array");
    struct buf json = {0};

    if (!are_data_urls(images, 1, 100)) {
        refuse(exchange, 200, CODE_INVALID, "base64Array is malformed");
        return;
    }
    buf_str(&json, "{\"code\":1,\"description\":\"success\",\"result\":[");
    for (size_t i = 0; i < json_array_size(images); i++)
        buf_fmt(&json, "%s\"%s/sim/files/upload-%llu-%zu.png\"", i > 0 ? "," : "", sim->base_url,
                (unsigned long long)sim->stats.submits, i);
    buf_str(&json, "],\"properties\":{}}");
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

void midjourney_submit(struct sim *sim, struct http_exchange *exchange, const char *kind)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len);
    json_auto_t *body = json_loadb(text, len, 0, NULL);
    struct mj_job job = {.prompt = rules_text(body, "prompt"), .state = rules_text(body, "state")};
    struct mj_task *task;
    unsigned tried;

    sim->stats.submits++;
    if (!json_is_object(body)) {
        refuse(exchange, 400, CODE_INVALID, "the body isn't a JSON object");
        return;
    }
    if (strcmp(kind, "upload-discord-images") == 0) {
        upload_images(sim, exchange, body);
        return;
    }
    if (!read_job(sim, exchange, kind, body, &job))
        return;
    tried = counts_entry(&mj_tasks_of(sim)->prompts, job.prompt)->tried++;
    if (words_refuse(exchange, job.prompt, tried, refusals, sizeof refusals / sizeof refusals[0]))
        return;
    if (job.modal != NULL) {
        task = job.modal;
        mj_task_confirm(mj_tasks_of(sim), task, job.prompt, job.state);
    } else {
        task = mj_tasks_add(mj_tasks_of(sim), job.action, job.prompt, job.state, job.needs_modal);
    }
    answer_accepted(sim, exchange, task);
}
