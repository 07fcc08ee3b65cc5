// A midjourney-proxy of the "plus" dialect: routes, the key, queries.
//
// Words in square brackets, anywhere in a prompt, say what goes wrong:
//
//   before it is accepted   [refuse] code 24   [invalid] code 4   [cut-unaccepted] no answer
//     twice per prompt      [429] empty 429    [23] [9] queue full
//     once per prompt       [500]
//   accepted, but           [502] [html] [empty] say nothing of it   [cut] no answer
//                           [cut-reused] no answer on a connection that had served before
//                           [slow-answer] 3 s late
//   as a task               [fail]   [never] ends   [lost] from the polls   [blink] twice
//                           [slow] ten times longer   [fast] ten times shorter
//                           [times-N] N times longer
//   as a file               [deadlink] 404   [html-link]   [flaky-link] cut twice   [truncate]
//                           [jpeg-named] as image/jpeg   [webp-ext] as .webp
#include "tests/sim/midjourney.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/midjourney_tasks.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { LISTED = 100 };

// The path after /mj, whatever speed mode comes before it; NULL where it is another path.
static const char *after_prefix(const char *path)
{
    static const char *const prefixes[] = {"/mj/", "/mj-fast/mj/", "/mj-turbo/mj/",
                                           "/mj-relax/mj/"};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        size_t len = strlen(prefixes[i]);

        if (strncmp(path, prefixes[i], len) == 0)
            return path + len;
    }
    return NULL;
}

// The real proxy takes Authorization for the secret where both headers are sent, and then refuses:
// so do we.
static bool has_key(const struct sim *sim, const struct http_exchange *exchange)
{
    static const char bearer[] = "Bearer ";
    const char *secret = http_exchange_header(exchange, "mj-api-secret");
    const char *authorization = http_exchange_header(exchange, "authorization");

    if (secret != NULL && authorization != NULL)
        return false;
    if (secret != NULL)
        return strcmp(secret, sim->secret) == 0;
    return authorization != NULL && strncmp(authorization, bearer, sizeof bearer - 1) == 0 &&
           strcmp(authorization + sizeof bearer - 1, sim->secret) == 0;
}

static void fetch_one(struct sim *sim, struct http_exchange *exchange, const char *id)
{
    struct mj_task *task = mj_tasks_find(mj_tasks_of(sim), id);
    struct buf json = {0};

    sim->stats.polls_single++;
    if (task != NULL && mj_task_look(task))
        mj_task_add_json(mj_tasks_of(sim), task, &json);
    http_exchange_answer(exchange, 200, json.len > 0 ? "application/json" : NULL, buf_text(&json),
                         json.len);
    buf_clear(&json);
}

static void fetch_many(struct sim *sim, struct http_exchange *exchange)
{
    size_t len, i;
    const char *body = http_exchange_body(exchange, &len);
    json_auto_t *wanted = json_loadb(body, len, 0, NULL);
    json_t *ids = json_object_get(wanted, "ids"), *id;
    const char *separator = "";
    struct buf json = {0};

    sim->stats.polls_batch++;
    buf_char(&json, '[');
    json_array_foreach(ids, i, id)
    {
        struct mj_task *task =
            json_is_string(id) ? mj_tasks_find(mj_tasks_of(sim), json_string_value(id)) : NULL;

        if (task == NULL || !mj_task_look(task))
            continue;
        buf_str(&json, separator);
        mj_task_add_json(mj_tasks_of(sim), task, &json);
        separator = ",";
    }
    buf_char(&json, ']');
    http_exchange_answer(exchange, 200, "application/json", json.data, json.len);
    buf_clear(&json);
}

// Lists the tasks, the newest first.
static void fetch_latest(struct sim *sim, struct http_exchange *exchange)
{
    const struct mj_tasks *tasks = mj_tasks_of(sim);
    const char *separator = "";
    struct buf json = {0};
    uint64_t id = tasks->next_id;

    sim->stats.lists++;
    buf_char(&json, '[');
    for (int i = 0; i < LISTED && id > tasks->first_id; i++) {
        const struct mj_task *task = mj_tasks_at(tasks, --id);

        if (task == NULL || words_has(task->prompt, "lost"))
            continue;
        buf_str(&json, separator);
        mj_task_add_json(tasks, task, &json);
        separator = ",";
    }
    buf_char(&json, ']');
    http_exchange_answer(exchange, 200, "application/json", json.data, json.len);
    buf_clear(&json);
}

static void fetch_seed(struct sim *sim, struct http_exchange *exchange, const char *id)
{
    const struct mj_task *task = mj_tasks_find(mj_tasks_of(sim), id);
    struct buf json = {0};
    int progress;

    if (task == NULL) {
        http_exchange_answer_json(exchange, 404, "{\"code\":3,\"description\":\"task not found\"}");
        return;
    }
    if (mj_task_status(mj_tasks_of(sim), task, &progress) != MJ_SUCCESS) {
        http_exchange_answer_json(exchange, 400,
                                  "{\"code\":4,\"description\":\"no message hash\"}");
        return;
    }
    buf_fmt(&json, "{\"code\":1,\"description\":\"success\",\"result\":\"%llu\"}",
            (unsigned long long)(task->id * 2654435761u % 4294967296u));
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

// GET /mj/task/{id}/fetch and /image-seed.
static bool handle_task(struct sim *sim, struct http_exchange *exchange, const char *rest)
{
    char id[32];
    const char *slash = strchr(rest, '/');
    size_t len = slash == NULL ? 0 : (size_t)(slash - rest);

    if (len == 0 || len >= sizeof id)
        return false;
    memcpy(id, rest, len);
    id[len] = '\0';
    if (strcmp(slash, "/fetch") == 0)
        fetch_one(sim, exchange, id);
    else if (strcmp(slash, "/image-seed") == 0)
        fetch_seed(sim, exchange, id);
    else
        return false;
    return true;
}

// How often each job was accepted: by its prompt, or by the client's `state`.
static bool report(struct sim *sim, struct http_exchange *exchange)
{
    struct mj_tasks *tasks = mj_tasks_of(sim);
    const char *path = http_exchange_path(exchange), *state;
    struct buf json = {0};

    if (strcmp(path, "/sim/submits") == 0) {
        state = http_exchange_query(exchange, "state");
        if (state != NULL)
            buf_fmt(&json, "{\"accepted\":%u}", counts_entry(&tasks->states, state)->accepted);
        else
            counts_add_json(&tasks->prompts, &json);
    } else if (strcmp(path, "/sim/states") == 0) {
        counts_add_json(&tasks->states, &json);
    } else {
        return false;
    }
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
    return true;
}

// Names are <task id>[-preview].<png or webp>.
static bool serve(struct sim *sim, struct http_exchange *exchange, const char *name)
{
    char *end;
    uint64_t id = strtoull(name, &end, 10);
    struct mj_task *task = end == name ? NULL : mj_tasks_at(mj_tasks_of(sim), id);
    struct buf data = {0};
    struct sim_file file = {.name = name, .content_type = "image/png", .data = &data};

    if (task == NULL)
        return false;
    file.prompt = task->prompt;
    file.downloads = ++task->downloads;
    if (words_has(task->prompt, "jpeg-named"))
        file.content_type = "image/jpeg";
    png_add(&data, strstr(name, "-preview") != NULL ? ~task->id : task->id);
    files_send(exchange, &file);
    buf_clear(&data);
    return true;
}

static void *start(const struct sim *sim)
{
    return mj_tasks_new(sim->speed, sim->base_url);
}

static void end(void *own)
{
    mj_tasks_free(own);
}

struct mj_tasks *mj_tasks_of(const struct sim *sim)
{
    return sim_own(sim, &sim_midjourney);
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char submit[] = "submit/", task[] = "task/";
    const char *path = after_prefix(http_exchange_path(exchange));
    bool is_post = http_exchange_method(exchange) == HTTP_POST_;

    if (path == NULL)
        return report(sim, exchange);
    if (!has_key(sim, exchange)) {
        static const char text[] = "Authorization header missing.";

        http_exchange_answer(exchange, 401, "text/plain", text, sizeof text - 1);
        return true;
    }
    if (is_post && strncmp(path, submit, sizeof submit - 1) == 0) {
        midjourney_submit(sim, exchange, path + sizeof submit - 1);
        return true;
    }
    if (is_post &&
        (strcmp(path, "task/list-by-condition") == 0 || strcmp(path, "task/list-by-ids") == 0)) {
        fetch_many(sim, exchange);
        return true;
    }
    if (!is_post && strcmp(path, "task/list") == 0) {
        fetch_latest(sim, exchange);
        return true;
    }
    return !is_post && strncmp(path, task, sizeof task - 1) == 0 &&
           handle_task(sim, exchange, path + sizeof task - 1);
}

const struct sim_vendor sim_midjourney = {
    .name = "midjourney",
    .handle = handle,
    .start = start,
    .end = end,
    .serve = serve,
};
