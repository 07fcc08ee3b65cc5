// Veo: Google's Vertex AI, the Gemini API, or a gateway of the one-api family or another Spool
// (relay).
//
// Sources: googleapis/python-genai and js-genai (the SDKs), QuantumNous/new-api (NA), the Cloud
// documentation. The Gemini API's Veo models were reported shut down in October 2026: the dialect
// is kept for relays and successors that speak it. Which model a public name stands for is
// configuration.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/message/http_message.h"
#include "core/message/media_type.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/google.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/relay.h"
#include "providers/unified.h"

static const struct dialect vertex, gemini, relay;

static const char *const models[] = {
    "veo-3.1",
    "veo-3.1-fast",
    "veo-3.1-generate-001",
    "veo-3.1-fast-generate-001",
    "veo-3.1-generate-preview",
    "veo-3.1-fast-generate-preview",
    "veo-3.1-lite-generate-preview",
    NULL,
};
static const char *const prefixes[] = {"veo-", NULL};
static const char *const inline_keys[] = {"bytesBase64Encoded", "encodedVideo", NULL};

// What a client asks for: the unified form {prompt, images, size, aspect_ratio, duration}.

// "1280x720", "720P", "1080p"; resolution and ratio are NULL where the size doesn't say.
static bool read_size(const char *size, const char **resolution, const char **ratio)
{
    static const struct {
        const char *size, *resolution, *ratio;
    } sizes[] = {
        {"1280x720", "720p", "16:9"},
        {"720x1280", "720p", "9:16"},
        {"1920x1080", "1080p", "16:9"},
        {"1080x1920", "1080p", "9:16"},
        {"3840x2160", "4k", "16:9"},
        {"2160x3840", "4k", "9:16"},
        {"720p", "720p", NULL},
        {"1080p", "1080p", NULL},
        {"4k", "4k", NULL},
    };

    *resolution = *ratio = NULL;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (strcasecmp(sizes[i].size, size) != 0)
            continue;
        *resolution = sizes[i].resolution;
        *ratio = sizes[i].ratio;
        return true;
    }
    return *size == '\0';
}

static int64_t duration_of(const json_t *request)
{
    const char *text = field_str_or_empty(request, "duration");

    return *text != '\0' ? strtol(text, NULL, 10) : field_int_or(request, "duration", 0);
}

// Checks for what these models can't make, whoever passes the request on to them.
static bool check_limits(const json_t *request, struct err *err)
{
    static const char *const ratios[] = {"16:9", "9:16", NULL};
    static const struct field_rule rules[] = {
        {.path = "aspect_ratio", .kind = FIELD_WORD, .words = ratios}, {0}};
    const char *size = field_str_or_empty(request, "size"), *resolution, *ratio;
    const char *wanted = field_str_or_empty(request, "aspect_ratio");
    int64_t duration = duration_of(request);

    if (!field_check(request, rules, err))
        return false;
    if (!read_size(size, &resolution, &ratio))
        return err_set(err, ERR_INVALID,
                       "size: must be 720P, 1080P, 1280x720, 720x1280, 1920x1080 or 1080x1920");
    if (ratio != NULL && *wanted != '\0' && strcmp(ratio, wanted) != 0)
        return err_set(err, ERR_INVALID, "aspect_ratio: doesn't fit the size");
    if (duration != 0 && duration != 4 && duration != 6 && duration != 8)
        return err_set(err, ERR_INVALID, "duration: must be 4, 6 or 8");
    if (duration != 0 && duration != 8 && resolution != NULL && strcmp(resolution, "720p") != 0)
        return err_set(err, ERR_INVALID, "duration: must be 8 for more than 720p");
    return true;
}

// Refuses what we can't express in Google's API; a relay may take it.
static bool check_google(const struct task *task, const struct account *account,
                         const json_t *request, struct err *err)
{
    static const struct field_rule rules[] = {
        {.path = "images", .kind = FIELD_ARRAY, .max = 1},
        {.path = "images.0", .kind = FIELD_MEDIA},
        {0},
    };
    const char *resolution, *ratio;

    if (!field_check(request, rules, err))
        return false;
    if (!read_size(field_str_or_empty(request, "size"), &resolution, &ratio))
        return err_set(err, ERR_INVALID, "size: is not one that is known");
    if (field_is_given(request, "storyboard"))
        return err_set(err, ERR_INVALID, "storyboard: is not supported by %.60s", task->model);
    // Vertex makes a video of an image without a prompt.
    return account->dialect == &vertex || field_is_given(request, "prompt") ||
           err_set(err, ERR_INVALID, "prompt: is required");
}

// A relay may have models of others, and new ones before we know them: it knows their limits.
static bool check(const struct task *task, const struct account *account, struct err *err)
{
    json_t *request = adapter_request_of(task, err);
    bool has_limits = provider_knows(account, task->model);
    bool ok = request != NULL && (!has_limits || check_limits(request, err)) &&
              (account->dialect == &relay || check_google(task, account, request, err));

    json_decref(request);
    return ok;
}

// The vendor takes no links: the only image is fetched by the worker first.
static char *input_at(const struct task *task, size_t index)
{
    struct err err;
    json_t *request = index == 0 ? adapter_request_of(task, &err) : NULL;
    const char *image = field_str_or_empty(request, "images.0");
    char *url = field_is_link(image) ? mem_str(image) : NULL;

    json_decref(request);
    return url;
}

// Submits.

static json_t *image_of(const struct task *task, const json_t *request)
{
    const char *image = field_str_or_empty(request, "images.0");
    char type[64];

    if (task->input_count > 0) {
        const struct task_input *input = &task->inputs[0];
        struct buf base64 = {0};
        json_t *made;

        base64_encode(input->data.data, input->data.len, &base64);
        made = json_pack("{s:s,s:s}", "bytesBase64Encoded", base64.data, "mimeType",
                         input->content_type);
        buf_clear(&base64);
        return made;
    }
    if (*image == '\0')
        return NULL;
    unified_image_type(image, type, sizeof type);
    return json_pack("{s:s,s:s}", "bytesBase64Encoded", field_base64_of(image), "mimeType", type);
}

static json_t *parameters_of(const json_t *request)
{
    const char *ratio = field_str_or_empty(request, "aspect_ratio");
    const char *negative = field_str_or_empty(request, "negative_prompt");
    const char *resolution, *size_ratio;
    json_t *google = json_object_get(request, "google");
    json_t *parameters = json_is_object(google) ? json_copy(google) : json_object();

    json_object_set_new(parameters, "sampleCount", json_integer(1));
    read_size(field_str_or_empty(request, "size"), &resolution, &size_ratio);
    if (*ratio == '\0' && size_ratio != NULL)
        ratio = size_ratio;
    if (*ratio != '\0')
        json_object_set_new(parameters, "aspectRatio", json_string(ratio));
    if (resolution != NULL)
        json_object_set_new(parameters, "resolution", json_string(resolution));
    if (duration_of(request) > 0)
        json_object_set_new(parameters, "durationSeconds", json_integer(duration_of(request)));
    if (*negative != '\0')
        json_object_set_new(parameters, "negativePrompt", json_string(negative));
    return parameters;
}

static json_t *google_body(const struct task *task, const json_t *request)
{
    const char *prompt = field_str_or_empty(request, "prompt");
    json_t *instance = json_object(), *image = image_of(task, request);

    if (*prompt != '\0')
        json_object_set_new(instance, "prompt", json_string(prompt));
    if (image != NULL)
        json_object_set_new(instance, "image", image);
    return json_pack("{s:[o],s:o}", "instances", instance, "parameters", parameters_of(request));
}

static bool build_google(const struct task *task, const struct account *account, const char *model,
                         const json_t *request_json, struct http_request *request, struct err *err)
{
    json_t *body = google_body(task, request_json);
    char *base;
    bool ok;

    if (account->dialect == &gemini)
        return http_post_json(request, account->base_url, body, err,
                              "/v1beta/models/%s:predictLongRunning", model);
    base = google_vertex_base(account);
    ok = http_post_json(request, base, body, err,
                        "/v1/projects/%s/locations/%s/publishers/google/models/%s"
                        ":predictLongRunning",
                        google_project(account), google_region(account), model);
    free(base);
    return ok;
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    const char *model = provider_model(account, task->model);
    json_t *asked = adapter_request_of(task, err);
    bool ok;

    if (asked == NULL)
        return false;
    if (model == NULL)
        model = task->model;
    ok = build_google(task, account, model, asked, request, err);
    google_authorize(account, request);
    json_decref(asked);
    return ok;
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"name", NULL};

    (void)task, (void)account;
    return adapter_accept(response, body, places, outcome, err) ||
           google_read_refusal(response, body, outcome, err);
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking.

// The model's path is in the operation's name:
// projects/…/publishers/google/models/<model>/operations/<id>.
static bool build_vertex_poll(const struct task *task, const struct account *account,
                              struct http_request *request, struct err *err)
{
    const char *end = strstr(task->upstream_id, "/operations/");
    json_t *body = json_pack("{s:s}", "operationName", task->upstream_id);
    struct buf url = {0};
    char *base;
    bool ok;

    if (end == NULL || strncmp(task->upstream_id, "projects/", 9) != 0) {
        json_decref(body);
        return err_set(err, ERR_INTERNAL, "not an operation's name");
    }
    base = google_vertex_base(account);
    buf_fmt(&url, "%s/v1/%.*s:fetchPredictOperation", base, (int)(end - task->upstream_id),
            task->upstream_id);
    ok = http_post_json(request, url.data, body, err, "");
    buf_clear(&url);
    free(base);
    return ok;
}

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    struct buf url = {0};
    bool ok;

    google_authorize(account, request);
    if (!google_is_path(task->upstream_id))
        return err_set(err, ERR_INTERNAL, "not an operation's name");
    if (account->dialect == &vertex)
        return build_vertex_poll(task, account, request, err);
    buf_fmt(&url, "%s/v1beta/%s", account->base_url, task->upstream_id);
    ok = http_get(request, url.data, err, "");
    buf_clear(&url);
    return ok;
}

// Adds "gs://bucket/an/object" as a link of the storage API.
static void add_object(struct outcome *outcome, const char *uri)
{
    const char *bucket = uri + strlen("gs://"), *object = strchr(bucket, '/');
    struct buf url = {0};

    if (object == NULL)
        return;
    buf_fmt(&url, "%s/storage/v1/b/%.*s/o/", google_storage, (int)(object - bucket), bucket);
    buf_percent(&url, object + 1);
    buf_str(&url, "?alt=media");
    outcome_add_source(outcome, "video", url.data);
    buf_clear(&url);
}

// One video: a link, an object, or base64 in the answer itself.
static void add_video(struct outcome *outcome, const json_t *video, int *inlined)
{
    const char *uri = field_str_or_empty(video, "uri");
    char place[32];

    if (*uri == '\0')
        uri = field_str_or_empty(video, "gcsUri");
    if (strncmp(uri, "gs://", 5) == 0) {
        add_object(outcome, uri);
    } else if (*uri != '\0') {
        outcome_add_source(outcome, "video", uri);
    } else if (json_is_string(json_object_get(video, "bytesBase64Encoded")) ||
               json_is_string(json_object_get(video, "encodedVideo"))) {
        snprintf(place, sizeof place, "inline:%d", (*inlined)++);
        outcome_add_source(outcome, "video", place);
    }
}

static void add_videos(struct outcome *outcome, const json_t *response)
{
    static const char *const lists[] = {"generateVideoResponse.generatedSamples",
                                        "generateVideoResponse.generatedVideos", "generatedSamples",
                                        "generatedVideos", "videos"};
    int inlined = 0;
    json_t *item;
    size_t k;

    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        json_array_foreach(field_at(response, lists[i]), k, item)
        {
            json_t *video = json_object_get(item, "video");

            add_video(outcome, video == NULL ? item : video, &inlined);
        }
    }
}

static const json_t *filtered(const json_t *response, const char *name)
{
    const json_t *inner = json_object_get(json_object_get(response, "generateVideoResponse"), name);

    return inner != NULL ? inner : json_object_get(response, name);
}

// Done doesn't mean succeeded: what the safety filters took away is missing without an error.
static void read_done(const json_t *body, struct outcome *outcome)
{
    const json_t *response = json_object_get(body, "response");
    const json_t *reasons = filtered(response, "raiMediaFilteredReasons");
    const json_t *count = filtered(response, "raiMediaFilteredCount");
    json_t *error = field_at(body, "error");

    if (error != NULL) {
        outcome->kind = OUTCOME_FAILED;
        outcome_set_reason(outcome, google_message(body));
        if (field_int_or(error, "code", 0) == 3)
            outcome->code = "invalid_request";
        return;
    }
    add_videos(outcome, response);
    if (outcome->source_count > 0) {
        outcome->kind = OUTCOME_SUCCEEDED;
        return;
    }
    outcome->kind = OUTCOME_FAILED;
    if (json_array_size(reasons) > 0 || refusal_number(count, "") > 0) {
        outcome->code = "content_filter";
        outcome_set_reason(outcome, "the result was filtered");
        outcome_set_reason(outcome, field_str_or_empty(reasons, "0")); // a better one, if any
    } else {
        outcome_set_reason(outcome, "the vendor gave an empty result");
    }
}

// One with an error is over, also where it leaves "done" out.
static bool is_done(const json_t *body)
{
    const json_t *done = json_object_get(body, "done");

    return json_is_true(done) || (done == NULL && *field_str_or_empty(body, "name") != '\0' &&
                                  field_is_given(body, "error"));
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    (void)task, (void)account;
    if (response->status == 404 &&
        strcmp(field_str_or_empty(body, "error.status"), "NOT_FOUND") == 0) {
        outcome->kind = OUTCOME_MISSING;
        return true;
    }
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    if (*field_str_or_empty(body, "name") == '\0' && json_object_get(body, "done") == NULL &&
        json_object_get(body, "response") == NULL)
        return err_set(err, ERR_UPSTREAM, "the answer isn't an operation");
    if (is_done(body)) {
        read_done(body, outcome);
    } else {
        outcome->kind = OUTCOME_RUNNING; // they never say "done": false, nor how far the job is
        outcome->has_started = true;
    }
    return true;
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    if (!google_is_denied(response))
        return adapter_read_poll(task, account, response, "video", read_poll_body, outcome, err);
    *outcome = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    return true;
}

#define COMMON                                                                                     \
    .check = check, .build_submit = build_submit, .read_submit = read_submit,                      \
    .build_poll = build_poll, .read_poll = read_poll, .inline_keys = inline_keys

static const struct dialect vertex = {
    COMMON,
    .name = "vertex",
    .keys = google_vertex_keys,
    .input_at = input_at,
    .build_token = google_build_token,
    .read_token = google_read_token,
    .is_token_refused = google_is_token_refused,
    .build_fetch = google_build_vertex_fetch,
};
static const struct dialect gemini = {
    COMMON,
    .name = "gemini",
    .base_url = "https://generativelanguage.googleapis.com",
    .keys = adapter_bearer_keys,
    .input_at = input_at,
    .build_fetch = google_build_fetch,
};
// A relay takes the unified form as it is. What it says: another Spool, and NA.
static const struct outcome_word relay_words[] = {
    {"queued", OUTCOME_RUNNING},      {"pending", OUTCOME_RUNNING},
    {"processing", OUTCOME_RUNNING},  {"in_progress", OUTCOME_RUNNING},
    {"completed", OUTCOME_SUCCEEDED}, {"succeeded", OUTCOME_SUCCEEDED},
    {"failed", OUTCOME_FAILED},       {"cancelled", OUTCOME_FAILED},
    {"expired", OUTCOME_FAILED},      {"NOT_START", OUTCOME_RUNNING},
    {"SUBMITTED", OUTCOME_RUNNING},   {"QUEUED", OUTCOME_RUNNING},
    {"IN_PROGRESS", OUTCOME_RUNNING}, {"SUCCESS", OUTCOME_SUCCEEDED},
    {"FAILURE", OUTCOME_FAILED},
};

static const struct relay table = {
    .submit = "/v1/video/create",
    .poll = "/v1/video/query?id=%s",
    .ids = (const char *const[]){"name", "id", "task_id", "data.task_id", "data.id", NULL},
    .jobs = (const char *const[]){"data", NULL},
    .statuses = (const char *const[]){"status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .started = (const char *const[]){"pending", "processing", "in_progress", "NOT_START",
                                     "SUBMITTED", "IN_PROGRESS", NULL},
    .kind = "video",
    .links = (const char *const[]){"video_url", "url", "video.url", "metadata.url", "fail_reason",
                                   NULL}, // the last: NA, on success
    .reasons = (const char *const[]){"fail_reason", "error.message", "error", "message", NULL},
    .filters = (const char *const[]){"content_filter", NULL},
};

static const struct dialect relay = {
    RELAY(table),
    .model_prefixes = prefixes,
    .check = check,
};

static const struct dialect *const dialects[] = {&vertex, &gemini, &relay, NULL};

const struct provider provider_veo = {
    .name = "veo",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 20000,
    .typical_ms = 120000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 60000, // the video may be in the answer
    .missing_grace_ms = 120000,
    .link_life_ms = 48 * 3600 * 1000LL,
    .nobodys_action = "generations",
    .nobodys_id = "models/veo-3.1-generate-preview/operations/none",
    .example =
        {.models = "{'veo-3.1':'veo-3.1-generate-001'}",
         .path = "/v1/video/create",
         .body =
             "{'model':'veo-3.1','prompt':'the first tram of the morning','aspect_ratio':'16:9'}"},
};
