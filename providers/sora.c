// Sora, at a relay: OpenAI has shut its own service down, but its form of a video lives on.
//
// Sources: openai-node src/resources/videos.ts (JS), the OpenAPI document of the API (SPEC),
// QuantumNous/new-api relay/channel/task/sora and dto/openai_video.go (NA). An account lists the
// models that its relay still has.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/openai_answer.h"
#include "providers/outcome.h"
#include "providers/refusal.h"
#include "providers/relay.h"
#include "providers/unified.h"

static const char *const models[] = {NULL};
static const char *const prefixes[] = {"sora-", NULL};

// The unified form has a ratio where this one has a size; of ratios it knows two.
static bool size_of(const json_t *request, const char **size, struct err *err)
{
    const char *ratio = field_str_or_empty(request, "aspect_ratio");

    *size = field_str_or_empty(request, "size");
    if (**size == '\0' && strcmp(ratio, "16:9") == 0)
        *size = "1280x720";
    else if (**size == '\0' && strcmp(ratio, "9:16") == 0)
        *size = "720x1280";
    return **size != '\0' || *ratio == '\0' ||
           err_set(err, ERR_INVALID, "aspect_ratio: must be 16:9 or 9:16");
}

// A form has it as a text.
static void set_private(json_t *body)
{
    const char *text = json_string_value(json_object_get(body, "private"));

    if (text != NULL)
        json_object_set_new(body, "private", json_boolean(strcmp(text, "true") == 0));
}

// {prompt, seconds, size, input_reference}: seconds is a text (JS), and a number at some relays,
// which take both. What is private isn't shown in a relay's gallery.
static bool shape(const struct task *task, json_t *body, struct err *err)
{
    static const char *const absent[] = {"negative_prompt", NULL};
    json_t *images;
    int64_t seconds = refusal_number(body, "duration"); // also as a text
    const char *size;
    struct buf url = {0}, text = {0};
    bool ok;

    if (task->upstream_parent != NULL || strcmp(task->action, "remix") == 0) {
        json_object_del(body, "model"); // it is that of the video that is remixed (JS)
        return true;
    }
    images = unified_images(body);
    ok = unified_check_absent(body, absent, task->model, err) && size_of(body, &size, err) &&
         (json_array_size(images) < 2 ||
          err_set(err, ERR_INVALID, "images: at most one for %.60s", task->model));

    if (ok && *size != '\0')
        json_object_set_new(body, "size", json_string(size));
    if (ok && seconds > 0) {
        buf_int(&text, seconds);
        json_object_set_new(body, "seconds", json_string(text.data));
    }
    if (ok && json_array_size(images) > 0) {
        unified_add_image_url(json_string_value(json_array_get(images, 0)), &url);
        json_object_set_new(body, "input_reference", json_pack("{s:s}", "image_url", url.data));
    }
    json_object_del(body, "images");
    json_object_del(body, "duration");
    json_object_del(body, "aspect_ratio");
    set_private(body);
    json_object_del(body, "google");
    json_decref(images);
    buf_clear(&url);
    buf_clear(&text);
    return ok;
}

static bool refuse(const struct task *task, const struct http_response *response,
                   const json_t *body, struct outcome *outcome)
{
    static const char *const codes[] = {"error.code", "code", NULL};

    (void)task, (void)response;
    return openai_refuse(field_first_str(body, codes), outcome);
}

// An error in OpenAI's form is a word of its own about the video, unless a gateway says in that
// form that it has no such path or model: an address that is wrong for a while ends no task.
static bool is_missing(const struct http_response *response, const json_t *body)
{
    const char *message = field_str_or_empty(body, "error.message");

    return (response->status == 404 || response->status == 410) && *message != '\0' &&
           *field_str_or_empty(body, "error.type") != '\0' && !refusal_is_gateways(body) &&
           strncasecmp(message, "invalid url", 11) != 0 &&
           strcmp(field_str_or_empty(body, "error.code"), "model_not_found") != 0;
}

// How long the video is: a client needn't have said that.
static void add_files(const struct task *task, const struct account *account, const json_t *job,
                      struct outcome *outcome)
{
    static const char *const places[] = {"seconds", "video.duration", NULL};
    const json_t *seconds = NULL;

    relay_add_file(task, account, job, outcome);
    for (size_t i = 0; places[i] != NULL && seconds == NULL; i++)
        seconds = field_at(job, places[i]);
    if (outcome->source_count == 0)
        return;
    if (json_is_string(seconds))
        outcome_set_extra(outcome, "duration", json_real(strtod(json_string_value(seconds), NULL)));
    else if (json_is_number(seconds))
        outcome_set_extra(outcome, "duration", json_incref((json_t *)seconds));
}

static void explain(const char *status, const char *code, struct outcome *outcome)
{
    static const char *const expired[] = {"expired", "timeout", NULL};

    (void)code;
    if (outcome->code == NULL && adapter_is_one_of(status, expired))
        outcome->code = "task_expired";
}

// The first word of each line is OpenAI's own.
static const struct outcome_word words[] = {
    {"queued", OUTCOME_RUNNING},      {"submitted", OUTCOME_RUNNING},
    {"pending", OUTCOME_RUNNING},     {"not_start", OUTCOME_RUNNING},
    {"NOT_START", OUTCOME_RUNNING},   {"SUBMITTED", OUTCOME_RUNNING},
    {"QUEUED", OUTCOME_RUNNING},      {"in_progress", OUTCOME_RUNNING},
    {"processing", OUTCOME_RUNNING},  {"running", OUTCOME_RUNNING},
    {"IN_PROGRESS", OUTCOME_RUNNING}, {"completed", OUTCOME_SUCCEEDED},
    {"succeeded", OUTCOME_SUCCEEDED}, {"success", OUTCOME_SUCCEEDED},
    {"SUCCESS", OUTCOME_SUCCEEDED},   {"failed", OUTCOME_FAILED},
    {"failure", OUTCOME_FAILED},      {"error", OUTCOME_FAILED},
    {"FAILURE", OUTCOME_FAILED},      {"expired", OUTCOME_FAILED},
    {"timeout", OUTCOME_FAILED},      {"cancelled", OUTCOME_CANCELLED},
    {"canceled", OUTCOME_CANCELLED},
};

// OpenAI's (JS); NA gives the video, whichever is asked for.
static const struct relay_variant variants[] = {
    {"thumbnail", "cover", "/v1/videos/%s/content?variant=thumbnail"},
    {"spritesheet", "image", "/v1/videos/%s/content?variant=spritesheet"},
    {0},
};

static const struct relay table = {
    .submit = "/v1/videos",
    .follow_up = "/v1/videos/%s/remix",
    .poll = "/v1/videos/%s",
    .content = "/v1/videos/%s/content", // wants the key, and may redirect (SPEC)
    .is_gone_elsewhere = true,
    .ids = (const char *const[]){"id", "task_id", "data.task_id", "data.id", NULL},
    .jobs = (const char *const[]){"data", NULL}, // NA's own envelope
    .statuses = (const char *const[]){"status", NULL},
    .words = words,
    .word_count = sizeof words / sizeof words[0],
    .started = (const char *const[]){"in_progress", "processing", "running", "IN_PROGRESS", NULL},
    .kind = "video",
    .links = (const char *const[]){"video_url", "url", "metadata.url", "video.url", "output.url",
                                   "data.0.url", "fail_reason", NULL}, // the last: NA, on success
    .covers = (const char *const[]){"thumbnail_url", NULL},
    .variants = variants,
    .reasons = (const char *const[]){"error.message", "fail_reason", "message", NULL},
    .filters =
        (const char *const[]){"moderation_blocked", "content_policy_violation", "sentinel_block",
                              "content_filter", NULL}, // the last: another Spool
    .refuse = refuse,
    .is_missing = is_missing,
    .explain = explain,
    .add_files = add_files,
    .shape = shape,
};

static const struct dialect relay = {RELAY(table), .check = relay_check};

static const struct dialect *const dialects[] = {&relay, NULL};

const struct provider provider_sora = {
    .name = "sora",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 20000,
    .typical_ms = 180000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 3600 * 1000LL, // the guide's word for what /content gives
    .nobodys_action = "generations",
    .nobodys_id = "video_0",
    .example = {.models = "{'sora-2':'sora-2'}",
                .path = "/v1/videos",
                .body = "{'model':'sora-2','prompt':'a paper boat in the rain','seconds':'4'}"},
};
