// Google's image models, at the Gemini API (a key) and at Vertex AI (access tokens of google.c's):
// :generateContent, and Imagen's :predict, which Google itself has shut down.
//
// Words in a prompt, besides those of words.h and calls.h:
//
//   before it is billed    [refuse] and [invalid] 400   [forbidden] 403   [location] 400
//                          FAILED_PRECONDITION
//     twice per prompt     [429] RESOURCE_EXHAUSTED, retry in 1 s
//     once per prompt      [500]   [503] overloaded   [401-once] whatever the key or token
//   answered with 200      [block] the prompt is blocked   [moderation] the image is   [fail]
//                          another reason   [none] no image and no word   [text] words alone
//   with an image          [thoughts] behind two drafts   [talk] between words   [jpeg]   [part] of
//                          Imagen's several the first is filtered   [big-N] with N MB of zeros
//
// What was billed is counted by prompts: the words of the last turn.
#include "tests/sim/gemini.h"

#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/http/http_server.h"
#include "tests/sim/google.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { PART_SIZE = 64, ID_SIZE = 40 };

const char gemini_content[] = "generateContent", gemini_predict[] = "predict";

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
    {"location", ALWAYS, 400,
     REFUSAL("400", "FAILED_PRECONDITION", "User location is not supported for the API use.", "")},
    {"429", 2, 429,
     REFUSAL("429", "RESOURCE_EXHAUSTED", "You exceeded your current quota.", RETRY)},
    {"401-once", 1, 401,
     REFUSAL("401", "UNAUTHENTICATED", "Request had invalid authentication credentials.", "")},
    {"503", 1, 503, REFUSAL("503", "UNAVAILABLE", "The model is overloaded.", "")},
    {"500", 1, 500, REFUSAL("500", "INTERNAL", "An internal error has occurred.", "")},
};

// A path of either API, in its parts.
struct target {
    bool is_vertex;
    char project[PART_SIZE], location[PART_SIZE]; // of Vertex
    char model[PART_SIZE];
    char verb[PART_SIZE]; // behind the colon; "" where the model itself is asked for
};

static bool is_whole(const char *path, int used)
{
    return used > 0 && path[used] == '\0';
}

// Whether the path is one of ours.
static bool read_target(const char *path, struct target *target)
{
    int used = 0;

    *target = (struct target){0};
    sscanf(path, "/v1beta/models/%63[^/:]%n:%63[a-zA-Z]%n", target->model, &used, target->verb,
           &used);
    if (is_whole(path, used))
        return *target->verb == '\0' || strcmp(target->verb, gemini_content) == 0 ||
               strcmp(target->verb, gemini_predict) == 0;
    *target = (struct target){.is_vertex = true};
    used = 0;
    sscanf(path, "/v1/publishers/google/models/%63[^/:]%n", target->model, &used);
    if (is_whole(path, used))
        return true;
    used = 0;
    sscanf(path,
           "/v1/projects/%63[^/:]/locations/%63[^/:]/publishers/google/models/%63[^/:]:"
           "%63[a-zA-Z]%n",
           target->project, target->location, target->model, target->verb, &used);
    return is_whole(path, used) &&
           (strcmp(target->verb, gemini_content) == 0 || strcmp(target->verb, gemini_predict) == 0);
}

// As Google says it: names of fields in its other spelling.
static void refuse_body(struct http_exchange *exchange, const struct rule_error *error)
{
    const char *dot = strrchr(error->param, '.');
    struct buf why = {0};

    if (strcmp(error->why, "is not a known parameter") != 0) {
        buf_fmt(&why, "* %s: %s", error->param, error->why);
    } else {
        buf_fmt(&why, "Invalid JSON payload received. Unknown name \"%s\"",
                dot == NULL ? error->param : dot + 1);
        if (dot != NULL)
            buf_str(&why, " at '");
        for (const char *c = error->param; dot != NULL && c < dot; c++) {
            if (*c >= 'A' && *c <= 'Z')
                buf_char(&why, '_');
            buf_char(&why, *c >= 'A' && *c <= 'Z' ? (char)(*c | 0x20) : *c);
        }
        buf_str(&why, dot != NULL ? "': Cannot find field." : ": Cannot find field.");
    }
    google_refuse(exchange, "INVALID_ARGUMENT", why.data);
    buf_clear(&why);
}

static bool has_model(struct http_exchange *exchange, const struct target *target)
{
    char why[200];

    if (gemini_has_model(target->model))
        return true;
    snprintf(why, sizeof why,
             "models/%s is not found for API version v1beta, or is not supported for %s.",
             target->model, *target->verb == '\0' ? "this" : target->verb);
    google_refuse(exchange, "NOT_FOUND", why);
    return false;
}

static void submit(struct sim *sim, struct http_exchange *exchange, const struct target *target)
{
    bool is_content = strcmp(target->verb, gemini_content) == 0;
    size_t len;
    const char *text = http_exchange_body(exchange, &len), *said;
    json_auto_t *body = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    json_auto_t *request = NULL;
    struct rule_error error;
    struct buf prompt = {0};
    uint64_t number;
    char id[ID_SIZE];

    sim->stats.submits++;
    if (!has_model(exchange, target))
        return;
    if (!json_is_object(body)) {
        google_refuse(exchange, "INVALID_ARGUMENT", "Invalid JSON payload received.");
        return;
    }
    if (!gemini_check(target->verb, target->model, target->is_vertex, body, &error)) {
        refuse_body(exchange, &error);
        return;
    }
    gemini_add_prompt(body, &prompt);
    said = buf_text(&prompt);
    if (!words_refuse(exchange, said, jobs_try(sim->jobs, &sim_gemini, said), refusals,
                      sizeof refusals / sizeof refusals[0])) {
        number = jobs_next_number(sim->jobs);
        snprintf(id, sizeof id, "call_%llu", (unsigned long long)number);
        request = json_pack("{s:s,s:O}", "model", target->model, "body", body);
        gemini_answer(sim, exchange,
                      jobs_add(sim->jobs, &sim_gemini, number, id,
                               is_content ? gemini_content : gemini_predict, said, "", request));
    }
    buf_clear(&prompt);
}

static void show_model(struct http_exchange *exchange, const struct target *target)
{
    struct buf json = {0};

    if (!has_model(exchange, target))
        return;
    buf_fmt(&json, "{\"name\":\"%s%s\",\"version\":\"001\"}",
            target->is_vertex ? "publishers/google/models/" : "models/", target->model);
    http_exchange_answer_json(exchange, 200, json.data);
    buf_clear(&json);
}

static bool handle(struct sim *sim, struct http_exchange *exchange)
{
    bool is_post = http_exchange_method(exchange) == HTTP_POST_, is_allowed;
    struct target target;

    if (!read_target(http_exchange_path(exchange), &target))
        return false;
    is_allowed = !target.is_vertex
                     ? google_has_key(sim, exchange)
                     : google_has_access(sim, exchange,
                                         *target.verb == '\0' ? GOOGLE_PROJECT : target.project);
    if (!is_allowed)
        return true;
    if (is_post == (*target.verb == '\0'))
        google_refuse(exchange, "NOT_FOUND", "There is no such method.");
    else if (is_post)
        submit(sim, exchange, &target);
    else
        show_model(exchange, &target);
    return true;
}

const struct sim_vendor sim_gemini = {.name = "gemini", .handle = handle};
