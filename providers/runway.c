// Runway: its own API (official), or a gateway of the one-api family or another Spool (relay).
//
// Sources: runwayml/sdk-node (JS), docs.dev.runwayml.com on errors, failures and tiers (DOC). A
// DELETE cancels what hasn't ended, and destroys what has.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/relay.h"
#include "providers/unified.h"

#define VERSION "2024-11-06"
enum { MAX_TEXT_UNITS = 1000, USUAL_DURATION = 5 };

static const char *const models[] = {"gen3a_turbo", "gen4_turbo", "gen4.5", NULL};
static const char *const prefixes[] = {"gen3a_", "gen4_", "gen4.", NULL};

// What each model wants (JS). Of others, which an account may list, only the vendor knows it.
static const struct model {
    const char *name;
    int64_t min_duration, max_duration;
    bool needs_text;
} known[] = {
    {"gen4_turbo", 2, 10, false},
    {"gen4.5", 2, 10, true},
};

// Clients name a shape in words, the vendor in pixels (JS).
static const struct {
    const char *word, *pixels;
} ratios[] = {
    {"", "1280:720"},    {"16:9", "1280:720"}, {"9:16", "720:1280"}, {"1:1", "960:960"},
    {"4:3", "1104:832"}, {"3:4", "832:1104"},  {"21:9", "1584:672"},
};

// The vendor's name of the task's model. Its own has followed gen3a_turbo.
static const char *model_of(const struct task *task, const struct account *account)
{
    const char *model = provider_model(account, task->model);

    if (model != NULL && *model == '\0')
        model = account->model_count > 0 ? account->models[0].upstream : "gen4_turbo";
    return model != NULL && strcmp(model, "gen3a_turbo") == 0 ? "gen4_turbo" : model;
}

static const struct model *find_model(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return &known[i];
    return NULL;
}

// NULL: neither a word that we know, nor pixels that there are.
static const char *pixels_of(const char *ratio)
{
    for (size_t i = 0; i < sizeof ratios / sizeof ratios[0]; i++)
        if (strcmp(ratios[i].word, ratio) == 0 || strcmp(ratios[i].pixels, ratio) == 0)
            return ratios[i].pixels;
    return NULL;
}

// As JavaScript counts: a character beyond the first 65,536 is two units.
static size_t units_of(const char *text)
{
    size_t units = adapter_characters(text);

    for (; *text != '\0'; text++)
        units += (unsigned char)*text >= 0xf0;
    return units;
}

// An image by itself, or the first of a list with places (JS).
static const char *image_of(const json_t *body)
{
    static const char *const places[] = {"promptImage", "promptImage.0.uri", NULL};

    return field_first_str(body, places);
}

// Where the image stands in the video: at its beginning, unless the client says otherwise.
static const char *position_of(const json_t *body)
{
    const char *position = field_str_or_empty(body, "promptImage.0.position");

    return *position == '\0' ? "first" : position;
}

static bool is_first(const json_t *body)
{
    return strcmp(position_of(body), "first") == 0;
}

// Submits.

static bool check_position(const json_t *body, const struct model *model, struct err *err)
{
    return model == NULL || is_first(body) ||
           err_set(err, ERR_INVALID, "promptImage.0.position: must be first for %s", model->name);
}

static bool check_text(const json_t *body, const char *name, const struct model *model,
                       struct err *err)
{
    const char *text = field_str_or_empty(body, name);

    if (units_of(text) > MAX_TEXT_UNITS)
        return err_set(err, ERR_INVALID, "%s: at most %d characters", name, (int)MAX_TEXT_UNITS);
    return *text != '\0' || model == NULL || !model->needs_text ||
           err_set(err, ERR_INVALID, "%s: is required by %s", name, model->name);
}

static bool check_duration(const json_t *body, const struct model *model, struct err *err)
{
    int64_t duration = refusal_number(body, "duration");

    return !field_is_given(body, "duration") || model == NULL ||
           (duration >= model->min_duration && duration <= model->max_duration) ||
           err_set(err, ERR_INVALID, "duration: must be from %d to %d", (int)model->min_duration,
                   (int)model->max_duration);
}

static bool check(const struct task *task, const struct account *account, struct err *err)
{
    const struct model *model = find_model(model_of(task, account));
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL && check_text(body, "promptText", model, err) &&
              check_duration(body, model, err) && check_position(body, model, err) &&
              (model == NULL || pixels_of(field_str_or_empty(body, "ratio")) != NULL ||
               err_set(err, ERR_INVALID, "ratio: must be 16:9, 9:16, 1:1, 4:3, 3:4 or 21:9"));

    json_decref(body);
    return ok;
}

// The vendor opens https alone: other links are fetched by the worker first.
static char *input_at(const struct task *task, size_t index)
{
    struct err err;
    json_t *body = index == 0 ? adapter_request_of(task, &err) : NULL;
    const char *image = image_of(body);
    char *url = strncasecmp(image, "http://", 7) == 0 ? mem_str(image) : NULL;

    json_decref(body);
    return url;
}

static void add_url(const struct task *task, const json_t *asked, struct buf *url)
{
    if (task->input_count == 0) {
        unified_add_image_url(image_of(asked), url);
        return;
    }
    buf_fmt(url, "data:%s;base64,", task->inputs[0].content_type);
    base64_encode(task->inputs[0].data.data, task->inputs[0].data.len, url);
}

static json_t *image_in(const struct task *task, const json_t *asked)
{
    struct buf url = {0};
    json_t *image;

    add_url(task, asked, &url);
    image = is_first(asked)
                ? json_string(buf_text(&url))
                : json_pack("[{s:s,s:s}]", "uri", buf_text(&url), "position", position_of(asked));
    buf_clear(&url);
    return image;
}

// {model, promptImage, promptText, ratio, duration, seed, contentModeration} (JS)
static json_t *body_of(const struct task *task, const struct account *account, const json_t *asked)
{
    static const char *const same[] = {"promptText", "seed", "contentModeration"};
    const char *ratio = field_str_or_empty(asked, "ratio"), *pixels = pixels_of(ratio);
    const char *model = model_of(task, account);
    int64_t duration = refusal_number(asked, "duration");
    json_t *body =
        json_pack("{s:s,s:o,s:s,s:I}", "model", model == NULL ? task->model : model, "promptImage",
                  image_in(task, asked), "ratio", pixels == NULL ? ratio : pixels, "duration",
                  (json_int_t)(duration > 0 ? duration : USUAL_DURATION));

    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (json_object_get(asked, same[i]) != NULL)
            json_object_set(body, same[i], json_object_get(asked, same[i]));
    return body;
}

static void authorize(const struct account *account, struct http_request *request)
{
    adapter_add_bearer(account, request);
    http_add_header(request, "X-Runway-Version", VERSION);
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    json_t *asked = adapter_request_of(task, err), *body;

    if (asked == NULL)
        return false;
    body = body_of(task, account, asked);
    json_decref(asked);
    authorize(account, request);
    return http_post_json(request, account->base_url, body, err, "/v1/image_to_video");
}

// {"error": text} (DOC). Its 502 and 503 are its own way to shed load, where it says so itself.
static bool read_refusal(const struct http_response *response, const json_t *body,
                         struct outcome *outcome, struct err *err)
{
    const char *words = field_str_or_empty(body, "error");

    if (*words == '\0')
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    switch (response->status) {
    case 400:
        outcome->kind =
            strcasestr(words, "credit") != NULL ? OUTCOME_REFUSED_ELSEWHERE : OUTCOME_REFUSED_FINAL;
        break;
    case 401:
        outcome->kind = OUTCOME_BAD_KEY;
        break;
    case 429: // for a day, or for a moment
        outcome->kind =
            strcasestr(words, "daily") != NULL ? OUTCOME_REFUSED_ELSEWHERE : OUTCOME_REFUSED_RETRY;
        break;
    case 502:
    case 503:
        outcome->kind = OUTCOME_REFUSED_RETRY;
        break;
    default:
        return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status, words);
    }
    outcome_set_reason(outcome, words);
    if (outcome->kind == OUTCOME_REFUSED_RETRY)
        outcome->retry_after_ms = http_retry_after_ms(response);
    return true;
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"id", NULL};

    (void)task, (void)account;
    return adapter_accept(response, body, places, outcome, err) ||
           read_refusal(response, body, outcome, err);
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking.

static const struct outcome_word status_words[] = {
    {"PENDING", OUTCOME_RUNNING},
    {"THROTTLED", OUTCOME_RUNNING}, // over the account's limit:
                                    // it starts by itself
    {"RUNNING", OUTCOME_RUNNING},
    {"SUCCEEDED", OUTCOME_SUCCEEDED},
    {"FAILED", OUTCOME_FAILED},
    {"CANCELLED", OUTCOME_CANCELLED},
};

// What a failureCode has in it (DOC); the first row that fits counts, as SAFETY stands behind
// prefixes of other classes.
static const struct {
    const char *part, *error;
} failures[] = {
    {"SAFETY", "content_filter"},
    {"ASSET.INVALID", "invalid_request"},
    {"THIRD_PARTY.INPUT_VALIDATION", "invalid_request"},
};

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    authorize(account, request);
    return http_get(request, account->base_url, err, "/v1/tasks/%s", task->upstream_id);
}

static void read_failure(const json_t *job, struct outcome *outcome)
{
    static const char *const places[] = {"failure", "failureCode", NULL};
    const char *code = field_str_or_empty(job, "failureCode"), *why = field_first_str(job, places);

    outcome_set_reason(outcome, *why == '\0' ? "the vendor gave no reason" : why);
    for (size_t i = 0; i < sizeof failures / sizeof failures[0] && outcome->code == NULL; i++)
        if (strstr(code, failures[i].part) != NULL)
            outcome->code = failures[i].error;
}

static void add_output(const json_t *job, struct outcome *outcome)
{
    json_t *link;
    size_t i;

    json_array_foreach(field_at(job, "output"), i, link)
    {
        if (json_is_string(link) && strncmp(json_string_value(link), "http", 4) == 0)
            outcome_add_source(outcome, "video", json_string_value(link));
    }
}

static bool read_job(const json_t *job, struct outcome *outcome, struct err *err)
{
    const char *status = field_str_or_empty(job, "status");
    const json_t *progress = field_at(job, "progress");

    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    outcome->has_started = strcmp(status, "RUNNING") == 0;
    if (json_is_number(progress) && json_number_value(progress) >= 0 &&
        json_number_value(progress) <= 1)
        outcome->progress = (int)(json_number_value(progress) * 100 + 0.5); // 0.29 is a bit less
    if (outcome->kind == OUTCOME_FAILED)
        read_failure(job, outcome);
    if (outcome->kind == OUTCOME_SUCCEEDED)
        add_output(job, outcome);
    return true;
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    (void)account;
    if (response->status == 404 && field_is_given(body, "error")) {
        // Nothing is left of a job that was taken back.
        outcome->kind = task->is_cancel_asked ? OUTCOME_CANCELLED : OUTCOME_MISSING;
        return true;
    }
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status, refusal_words(body));
    return read_job(body, outcome, err);
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, "video", read_poll_body, outcome, err);
}

static bool build_cancel(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    if (!build_poll(task, account, request, err))
        return false;
    request->method = HTTP_DELETE_;
    return true;
}

static const struct dialect official = {
    .name = "official",
    .base_url = "https://api.dev.runwayml.com", // sic: it is production
    .keys = adapter_bearer_keys,
    .check = check,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_poll,
    .read_poll = read_poll,
    .build_cancel = build_cancel,
    .cancels_running = true,
    .input_at = input_at,
};

// A relay's public form, and ours, is one.

static bool shape(const struct task *task, json_t *body, struct err *err)
{
    (void)task, (void)err;
    unified_drop_shown(body);
    json_object_del(body, "prompt");
    json_object_del(body, "aspect_ratio");
    return true;
}

static void add_files(const struct task *task, const struct account *account, const json_t *job,
                      struct outcome *outcome)
{
    add_output(job, outcome);
    if (outcome->source_count == 0)
        relay_add_file(task, account, job, outcome);
}

// The vendor's own words come first.
static const struct outcome_word relay_words[] = {
    {"PENDING", OUTCOME_RUNNING},   {"THROTTLED", OUTCOME_RUNNING},
    {"RUNNING", OUTCOME_RUNNING},   {"SUCCEEDED", OUTCOME_SUCCEEDED},
    {"FAILED", OUTCOME_FAILED},     {"CANCELLED", OUTCOME_CANCELLED},
    {"NOT_START", OUTCOME_RUNNING}, {"SUBMITTED", OUTCOME_RUNNING},
    {"QUEUED", OUTCOME_RUNNING},    {"IN_PROGRESS", OUTCOME_RUNNING},
    {"SUCCESS", OUTCOME_SUCCEEDED}, {"FAILURE", OUTCOME_FAILED},
};

static const struct relay table = {
    .submit = "/runwayml/v1/image_to_video",
    .poll = "/runwayml/v1/tasks/%s",
    .ids = (const char *const[]){"id", "task_id", "data.task_id", "data.id", NULL},
    .jobs = (const char *const[]){"data", NULL},
    .statuses = (const char *const[]){"status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .started = (const char *const[]){"RUNNING", "IN_PROGRESS", NULL},
    .kind = "video",
    .links = (const char *const[]){"url", "video_url", "fail_reason", NULL},
    .reasons =
        (const char *const[]){"failure", "fail_reason", "error.message", "error", "message", NULL},
    .filters = (const char *const[]){"content_filter", NULL},
    .add_files = add_files,
    .shape = shape,
};

static const struct dialect relay = {RELAY(table), .model_prefixes = prefixes};

static const struct dialect *const dialects[] = {&official, &relay, NULL};

// From the unified form. What is wrong with it is told in its own words.
static bool unfold(json_t *request, const char *name, struct err *err)
{
    static const char *const absent[] = {"negative_prompt", "storyboard", NULL};
    const struct model *model = find_model(strcmp(name, "gen3a_turbo") == 0 ? "gen4_turbo" : name);
    json_t *images = unified_images(request);
    const char *image = json_string_value(json_array_get(images, 0));
    struct unified_frame frame;
    bool ok = unified_check_absent(request, absent, name, err) &&
              unified_read_frame(request, &frame, err) && check_text(request, "prompt", model, err);

    if (ok && json_array_size(images) != 1)
        ok = err_set(err, ERR_INVALID, "images: %.60s wants one, the first frame", name);
    if (ok && frame.lines != 0 && frame.lines != 720)
        ok = err_set(err, ERR_INVALID, "size: %.60s makes 720P", name);
    if (ok) {
        json_object_set_new(request, "promptImage", json_string(image));
        json_object_set_new(request, "promptText",
                            json_string(field_str_or_empty(request, "prompt")));
        json_object_set_new(request, "ratio", json_string(frame.ratio));
        json_object_del(request, "images");
    }
    json_decref(images);
    return ok;
}

static bool from_unified(struct task *task, struct err *err)
{
    json_t *request = json_read(task->request);
    bool ok = unfold(request, task->model, err);

    if (ok) {
        mem_set_str(&task->action, "image_to_video");
        free(task->request);
        task->request = json_write_text(request);
    }
    json_decref(request);
    return ok;
}

const struct provider provider_runway = {
    .name = "runway",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 10000, // a task may be asked for each 5 s (JS)
    .poll_max_ms = 15000,
    .typical_ms = 60000,
    .tells_progress = true,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 24 * 3600 * 1000LL, // JS; a new look gives new links
    .nobodys_action = "image_to_video",
    .nobodys_id = "00000000-0000-0000-0000-000000000000",
    .from_unified = from_unified,
    .example = {.path = "/runwayml/v1/image_to_video",
                .body =
                    "{'model':'gen4_turbo','promptText':'the clouds move',"
                    "'promptImage':'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQ"
                    "d1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC'}"},
};
