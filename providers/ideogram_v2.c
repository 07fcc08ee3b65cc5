// Ideogram's newer API: /v2/image/<what>/ideogram-3, /v2/generations/<id>.
//
// Sources: the vendor's pages of October 2026 (PAGE: its overview with "Moving from v1", "Generate
// with Ideogram 4.5", "Poll a generation", "Webhooks"), its specification (SPEC: tryAGI/Ideogram
// has a copy), clients that were tried against it in that month (CLI: shehuphd/keycall and an MCP
// server).
//
//   PAGE   the paths; async=true; the answers to a submit and to a look, with their words in small
//          letters; 402, 422, 429, and what reject_reason says; webhook_url takes https alone
//   SPEC   which fields each path takes, and their words: no FLASH, no BALANCED; no webhook_url for
//          reframe; no seed and no magic_prompt for replace-background, whose results are public
//          where the account's plan doesn't say otherwise, unless `private` does
//   CLI    `async` is taken everywhere; fields that a path doesn't know are passed over without a
//          word; failure_reason content_policy_violation; a 422 of the safety check without a body
//
// A webhook's body has the id as request_id (SPEC) or generation_id (PAGE).
#include "providers/ideogram_v2.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/ideogram_answer.h"
#include "providers/ideogram_body.h"
#include "providers/outcome.h"
#include "providers/refusal.h"

// Once a submit is taken its answer comes in a second or so. One that isn't taken as a job is
// answered with the images, as a call.
enum { SUBMIT_MS = 120000 };

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

// Where an action goes, and what it takes there, by the names of the kept request.
static const struct route {
    const char *action, *path;
    const char *needs; // NULL: nothing
    const char *const *takes;
    bool is_quiet;          // it takes no webhook_url
    bool is_public_if_left; // what it makes may be shown to all where `private` isn't said
} routes[] = {
    {.action = "generate",
     .path = "/v2/image/generate/ideogram-3",
     .takes =
         NAMES("prompt", "model", "num_images", "rendering_speed", "seed", "magic_prompt_option",
               "style_type", "style_codes", "style_preset", "aspect_ratio", "resolution",
               "negative_prompt", "color_palette", "enable_copyright_detection", "private")},
    {.action = "edit",
     .path = "/v2/image/inpaint/ideogram-3",
     .needs = "mask",
     .takes = NAMES("prompt", "model", "num_images", "rendering_speed", "seed",
                    "magic_prompt_option", "style_type", "style_codes", "style_preset", "image",
                    "mask", "enable_copyright_detection", "private")},
    {.action = "remix",
     .path = "/v2/image/remix/ideogram-3",
     .takes = NAMES("prompt", "model", "num_images", "rendering_speed", "seed",
                    "magic_prompt_option", "style_type", "style_codes", "style_preset",
                    "aspect_ratio", "resolution", "negative_prompt", "color_palette", "image",
                    "image_weight", "enable_copyright_detection", "private")},
    {.action = "reframe",
     .path = "/v2/image/reframe/ideogram-3",
     .takes = NAMES("model", "num_images", "rendering_speed", "seed", "style_codes", "style_preset",
                    "aspect_ratio", "resolution", "color_palette", "image"),
     .is_quiet = true},
    {.action = "replace-background",
     .path = "/v2/image/replace-background/ideogram-3",
     .takes = NAMES("prompt", "model", "num_images", "rendering_speed", "image", "private"),
     .is_public_if_left = true},
};

static const char *const speeds[] = {"TURBO", "DEFAULT", "QUALITY", NULL};

// What reasons of failures have in them that is the safety check's.
static const char *const filtered[] = {"content_policy", "safety", "moderation", "copyright"};

static const struct outcome_word status_words[] = {
    {"pending", OUTCOME_RUNNING},
    {"completed", OUTCOME_SUCCEEDED},
    {"failed", OUTCOME_FAILED},
};

static const char *const id_places[] = {"generation_id", "request_id", NULL};

static const struct route *route_of(const struct task *task, const json_t *body)
{
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        if (strcmp(routes[i].action, task->action) == 0 &&
            (routes[i].needs == NULL || field_is_given(body, routes[i].needs)))
            return &routes[i];
    return NULL;
}

static bool takes_all(const struct route *route, const json_t *body)
{
    const char *speed = field_str_or_empty(body, "rendering_speed"), *name;
    json_t *value;

    json_object_foreach((json_t *)body, name, value)
    {
        if (!adapter_is_one_of(name, route->takes))
            return false;
    }
    return *speed == '\0' || adapter_is_one_of(speed, speeds);
}

bool ideogram_v2_has(const struct task *task)
{
    struct err err;
    json_t *body = task->request == NULL ? NULL : adapter_request_of(task, &err);
    const struct route *route = route_of(task, body);
    bool has = body != NULL && route != NULL && takes_all(route, body);

    json_decref(body);
    return has;
}

// Submits.

static void lower(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    char *text;

    if (!json_is_string(value))
        return;
    text = mem_str(json_string_value(value));
    for (char *at = text; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    json_object_set_new(object, name, json_string(text));
    free(text);
}

static void spell(const struct task *task, const struct route *route, json_t *body)
{
    lower(body, "rendering_speed");
    lower(body, "magic_prompt");
    lower(body, "style_type");
    lower(body, "style_preset");
    lower(json_object_get(body, "color_palette"), "name");
    json_object_set_new(body, "async", json_true());
    if (task->callback_url != NULL && !route->is_quiet &&
        strncasecmp(task->callback_url, "https://", 8) == 0)
        json_object_set_new(body, "webhook_url", json_string(task->callback_url));
    if (route->is_public_if_left && json_object_get(body, "private") == NULL)
        json_object_set_new(body, "private", json_true());
}

bool ideogram_v2_build(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    json_t *body = ideogram_body(task, account, err);
    const struct route *route = route_of(task, body);

    if (body == NULL || route == NULL) {
        json_decref(body);
        return body != NULL && err_set(err, ERR_INTERNAL, "there is no action %s", task->action);
    }
    request->timeout_ms = SUBMIT_MS;
    spell(task, route, body);
    return ideogram_post(task, account, route->path, body, request, err);
}

// A 422 is the safety check's; bad fields are a 400 here.
static bool read_refusal(const struct http_response *response, const json_t *body,
                         struct outcome *outcome, struct err *err)
{
    if (ideogram_read_refusal(response, body, outcome, err))
        return true;
    if (response->status != 422 || *refusal_words(body) != '\0')
        return false;
    outcome->kind = OUTCOME_REFUSED_FINAL;
    outcome->code = "content_filter";
    outcome_set_reason(outcome, "the vendor's safety check refuses it");
    return true;
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    (void)task, (void)account;
    // With the images or without: there is a job.
    return adapter_accept(response, body, NAMES("generation_id"), outcome, err) ||
           read_refusal(response, body, outcome, err);
}

bool ideogram_v2_read_submit(const struct task *task, const struct account *account,
                             const struct http_response *response, struct outcome *outcome,
                             struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking.

static void read_failure(const json_t *body, struct outcome *outcome)
{
    const char *why = field_str_or_empty(body, "failure_reason");

    outcome_set_reason(outcome, *why == '\0' ? "the vendor gave no reason" : why);
    for (size_t i = 0; i < sizeof filtered / sizeof filtered[0]; i++)
        if (strcasestr(why, filtered[i]) != NULL)
            outcome->code = "content_filter";
}

// A list of images that isn't there may come late.
static bool read_generation(const struct task *task, const json_t *body, struct outcome *outcome,
                            struct err *err)
{
    static const char *const places[] = {"generation_id", NULL};
    const json_t *data = json_object_get(body, "data");

    if (adapter_is_about_another(task, body, places, err))
        return false;
    if (!outcome_from_word_of_any_case(outcome, OUTCOME_WORDS(status_words),
                                       field_str_or_empty(body, "status"), err))
        return false;
    outcome->has_started = outcome->kind == OUTCOME_RUNNING;
    if (outcome->kind == OUTCOME_FAILED)
        read_failure(body, outcome);
    else if (outcome->kind == OUTCOME_SUCCEEDED && json_is_array(data))
        ideogram_read_images(body, data, outcome);
    return true;
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    (void)account;
    if (response->status == 404 && *refusal_words(body) != '\0') {
        outcome->kind = OUTCOME_MISSING;
        return true;
    }
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status, refusal_words(body));
    return read_generation(task, body, outcome, err);
}

bool ideogram_v2_read_poll(const struct task *task, const struct account *account,
                           const struct http_response *response, struct outcome *outcome,
                           struct err *err)
{
    return adapter_read_poll(task, account, response, "image", read_poll_body, outcome, err);
}

bool ideogram_v2_read_callback(const struct task *task, const struct account *account,
                               const json_t *body, struct buf *upstream_id, struct err *err)
{
    (void)task, (void)account;
    return adapter_callback_id(body, id_places, upstream_id, err);
}
