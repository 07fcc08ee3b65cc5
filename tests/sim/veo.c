// Veo, by the Gemini API (a key, links to files that need the key) and by Vertex AI (access tokens
// of google.c's, videos inside the answer).
//
// Words in a prompt, besides those of words.h, jobs.h and files.c:
//
//   before it is accepted   [refuse] and [invalid] 400   [forbidden] 403
//     twice per prompt      [429] RESOURCE_EXHAUSTED, retry in 1 s   [503]
//     once per prompt       [500]   [401-once] whatever the key or token
//   as a task               [filtered], [moderation] done, without a video   [fail] code 13
//                           [expired] code 4   [big] 24 MB
//   as a file               [any-key] its host takes a key that isn't for it, as Google's do
//
// Models whose name has "retired" in it are gone; all others begin with "veo-".
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/google.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/veo.h"
#include "tests/sim/words.h"

enum { PART_SIZE = 64, GEMINI_ID_CHARS = 12 };

const char veo_gemini[] = "gemini", veo_vertex[] = "vertex";

#define REFUSAL(code, status, message, details)                                                    \
    "{\"error\":{\"code\":" code ",\"message\":\"" message "\",\"status\":\"" status "\"" details  \
    "}}"
#define RETRY                                                                                      \
    ",\"details\":[{\"@type\":\"type.googleapis.com/"                                              \
    "google.rpc.RetryInfo\",\"retryDelay\":\"1s\"}]"
static const struct refusal refusals[] = {
    {"refuse", ALWAYS, 400,
     REFUSAL("400", "INVALID_ARGUMENT", "The prompt violates our usage guidelines.", "")},
    {"invalid", ALWAYS, 400, REFUSAL("400", "INVALID_ARGUMENT", "The prompt is invalid.", "")},
    {"forbidden", ALWAYS, 403,
     REFUSAL("403", "PERMISSION_DENIED", "The caller does not have permission.", "")},
    {"401-once", 1, 401,
     REFUSAL("401", "UNAUTHENTICATED", "Request had invalid authentication credentials.", "")},
    {"429", 2, 429,
     REFUSAL("429", "RESOURCE_EXHAUSTED", "You exceeded your current quota.", RETRY)},
    {"503", 2, 503, REFUSAL("503", "UNAVAILABLE", "The model is overloaded.", "")},
    {"500", 1, 500, REFUSAL("500", "INTERNAL", "An internal error has occurred.", "")},
};

// A path of either API, in its parts.
struct target {
    bool is_vertex;
    char project[PART_SIZE], location[PART_SIZE]; // of Vertex
    char model[PART_SIZE];
    char verb[PART_SIZE]; // behind the colon; "" for an operation of Gemini's
    char operation[PART_SIZE];
};

static bool read_target(const char *path, struct target *target)
{
    int used = 0;

    *target = (struct target){0};
    target->is_vertex = strncmp(path, "/v1/", 4) == 0;
    if (target->is_vertex) {
        sscanf(path,
               "/v1/projects/%63[^/:]/locations/%63[^/:]/publishers/google/models/%63[^/:]:%63s%n",
               target->project, target->location, target->model, target->verb, &used);
    } else {
        sscanf(path, "/v1beta/models/%63[^/:]:%63s%n", target->model, target->verb, &used);
        if (used == 0)
            sscanf(path, "/v1beta/models/%63[^/:]/operations/%63s%n", target->model,
                   target->operation, &used);
    }
    return used > 0 && path[used] == '\0';
}

static void make_id(bool is_vertex, uint64_t number, char id[UUID_SIZE])
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

    if (is_vertex) {
        uuid_make(number, id);
        return;
    }
    id[GEMINI_ID_CHARS] = '\0';
    for (int i = GEMINI_ID_CHARS; i-- > 0; number /= 36)
        id[i] = digits[number % 36];
}

static void make_name(const struct target *target, const char *id, char name[VEO_NAME_SIZE])
{
    if (target->is_vertex)
        snprintf(name, VEO_NAME_SIZE,
                 "projects/%s/locations/%s/publishers/google/models/%s/operations/%s",
                 target->project, target->location, target->model, id);
    else
        snprintf(name, VEO_NAME_SIZE, "models/%s/operations/%s", target->model, id);
}

static bool has_model(struct http_exchange *exchange, const char *model)
{
    char why[200];

    if (strstr(model, "retired") != NULL)
        snprintf(why, sizeof why,
                 "models/%s is no longer available. Please update your code to use a newer model.",
                 model);
    else if (strncmp(model, "veo-", 4) != 0)
        snprintf(why, sizeof why, "models/%s is not found, or not supported for predictLongRunning",
                 model);
    else
        return true;
    google_refuse(exchange, "NOT_FOUND", why);
    return false;
}

static void submit(struct sim *sim, struct http_exchange *exchange, const struct target *target)
{
    size_t len;
    const char *text = http_exchange_body(exchange, &len), *prompt;
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    json_auto_t *request = NULL;
    char id[UUID_SIZE], name[VEO_NAME_SIZE], why[sizeof(struct rule_error)];
    struct rule_error error;
    struct buf json = {0};
    uint64_t number;

    sim->stats.submits++;
    if (!has_model(exchange, target->model))
        return;
    if (!veo_check(body, target->is_vertex, &error)) {
        snprintf(why, sizeof why, "`%s` %s", error.param, error.why);
        google_refuse(exchange, "INVALID_ARGUMENT", why);
        return;
    }
    prompt = rules_text(json_array_get(json_object_get(body, "instances"), 0), "prompt");
    if (words_refuse(exchange, prompt, jobs_try(sim->jobs, &sim_veo, prompt), refusals,
                     sizeof refusals / sizeof refusals[0]))
        return;
    number = jobs_next_number(sim->jobs);
    make_id(target->is_vertex, number, id);
    make_name(target, id, name);
    request = json_pack("{s:s, s:O}", "name", name, "body", body);
    jobs_add(sim->jobs, &sim_veo, number, id, target->is_vertex ? veo_vertex : veo_gemini, prompt,
             "", request);
    buf_fmt(&json, "{\"name\":\"%s\"}", name);
    words_answer(sim, exchange, prompt, &json);
    buf_clear(&json);
}

// Answers with an operation by its whole name; its job is found by the name's last part.
static void fetch(struct sim *sim, struct http_exchange *exchange, const char *name)
{
    const char *slash = strrchr(name, '/');
    struct job *job = slash == NULL ? NULL : jobs_find(sim->jobs, &sim_veo, slash + 1);

    sim->stats.polls_single++;
    if (job == NULL || strcmp(rules_text(job->request, "name"), name) != 0) {
        google_refuse(exchange, "NOT_FOUND", "Requested entity was not found.");
        return;
    }
    job->polls++;
    veo_answer(sim, exchange, job);
}

// The same by a body, {"operationName": "…"}, which must be of the model in the path.
static void fetch_by_body(struct sim *sim, struct http_exchange *exchange,
                          const struct target *target)
{
    static const struct rule rules[] = {{"operationName", RULE_TEXT, .is_required = true}, {0}};
    size_t len;
    const char *text = http_exchange_body(exchange, &len), *name;
    json_auto_t *body = json_loadb(text, len, 0, NULL);
    char beginning[VEO_NAME_SIZE];
    struct rule_error error;

    make_name(target, "", beginning);
    name = rules_text(body, "operationName");
    if (!json_is_object(body) || !rules_check(body, rules, &error) ||
        strncmp(name, beginning, strlen(beginning)) != 0)
        google_refuse(exchange, "INVALID_ARGUMENT",
                      "`operationName` must name an operation of this model");
    else
        fetch(sim, exchange, name);
}

// Redirects to where the file really is: another origin, which wants no key.
static void download(struct sim *sim, struct http_exchange *exchange, const char *file)
{
    const char *port = strrchr(sim->base_url, ':'), *alt = http_exchange_query(exchange, "alt");
    bool is_by_number = strncmp(sim->base_url, "http://127.0.0.1:", 17) == 0;
    char id[GEMINI_ID_CHARS + 1];
    struct buf url = {0};
    const struct job *job;
    size_t len = strlen(file);

    snprintf(id, sizeof id, "%s", file);
    job = jobs_find(sim->jobs, &sim_veo, id);
    if (job == NULL || job->route != veo_gemini ||
        jobs_view(sim->jobs, job).status != JOB_SUCCEEDED) {
        google_refuse(exchange, "PERMISSION_DENIED",
                      "You do not have permission to access the File, or it may not exist.");
        return;
    }
    if (alt == NULL || strcmp(alt, "media") != 0) {
        google_refuse(exchange, "INVALID_ARGUMENT", "`alt` must be media");
        return;
    }
    buf_fmt(&url, "http://%s%s/sim/files/veo-%s%s%s.mp4", is_by_number ? "localhost" : "127.0.0.1",
            port, id, len > GEMINI_ID_CHARS ? "-" : "",
            len > GEMINI_ID_CHARS ? file + GEMINI_ID_CHARS : "");
    http_exchange_add_header(exchange, "Location", url.data);
    http_exchange_answer(exchange, 302, NULL, NULL, 0);
    buf_clear(&url);
}

static void answer_none(struct http_exchange *exchange)
{
    google_refuse(exchange, "NOT_FOUND", "There is no such method.");
}

static void handle_gemini(struct sim *sim, struct http_exchange *exchange, const char *path)
{
    bool is_post = http_exchange_method(exchange) == HTTP_POST_;
    char file[PART_SIZE];
    struct target target;
    int used = 0;

    if (!google_has_key(sim, exchange))
        return;
    if (!is_post && sscanf(path, "/v1beta/files/%63[a-z0-9]:download%n", file, &used) == 1 &&
        used > 0 && path[used] == '\0')
        download(sim, exchange, file);
    else if (!read_target(path, &target))
        answer_none(exchange);
    else if (is_post && strcmp(target.verb, "predictLongRunning") == 0)
        submit(sim, exchange, &target);
    else if (!is_post && *target.operation != '\0')
        fetch(sim, exchange, path + sizeof "/v1beta/" - 1);
    else
        answer_none(exchange);
}

static void handle_vertex(struct sim *sim, struct http_exchange *exchange, const char *path)
{
    bool is_post = http_exchange_method(exchange) == HTTP_POST_;
    struct target target;

    if (!is_post || !read_target(path, &target))
        answer_none(exchange);
    else if (!google_has_access(sim, exchange, target.project))
        return;
    else if (strcmp(target.verb, "predictLongRunning") == 0)
        submit(sim, exchange, &target);
    else if (strcmp(target.verb, "fetchPredictOperation") == 0)
        fetch_by_body(sim, exchange, &target);
    else
        answer_none(exchange);
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    static const char gemini[] = "/v1beta/", vertex[] = "/v1/projects/";
    const char *path = http_exchange_path(exchange);

    if (strncmp(path, gemini, sizeof gemini - 1) == 0)
        handle_gemini(sim, exchange, path);
    else if (strncmp(path, vertex, sizeof vertex - 1) == 0)
        handle_vertex(sim, exchange, path);
    else
        return false;
    return true;
}

const struct sim_vendor sim_veo = {
    .name = "veo",
    .has_sound = true,
    .handle = handle,
};
