// Luma: Dream Machine's API, the Agents API that follows it, or a gateway of the one-api family or
// another Spool (relay).
//
// Sources: lumaai-api's OpenAPI document (API), lumaai-python and -node (SDK), docs.lumalabs.ai on
// errors and the FAQ (DOC), docs.agents.lumalabs.ai (AG). Its list shows where each job was told to
// call back: a submit in doubt is found by that.
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
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

#define MACHINE "/dream-machine/v1/generations"
#define AGENTS "/v1/generations"
enum { LIST_SIZE = 100, LIST_PAGES = 10, CLOCKS_APART_S = 300 };

static const struct dialect machine, agents, relay;

static const char *const id_places[] = {"id", NULL};

static const char *const models[] = {"ray-v1", "ray-v2", "ray-2", "ray-flash-2", "ray-3.2", NULL};
static const char *const prefixes[] = {"ray-", NULL};

// What our clients call it, and what each API has: the newest that takes the same.
static const struct {
    const char *name, *machine, *agents;
} successors[] = {
    {"", "ray-2", "ray-3.2"},
    {"ray-v1", "ray-2", "ray-3.2"},
    {"ray-v2", "ray-2", "ray-3.2"},
    {"ray-2", "ray-2", "ray-3.2"},
    {"ray-flash-2", "ray-flash-2", "ray-3.2"},
    {"ray-3.2", NULL, "ray-3.2"},
};

// NULL: the API hasn't got it. A name that an account maps is the vendor's own.
static const char *model_of(const struct task *task, const struct account *account)
{
    const char *model = provider_model(account, task->model);

    for (size_t i = 0; model != NULL && i < sizeof successors / sizeof successors[0]; i++)
        if (strcmp(successors[i].name, model) == 0)
            return account->dialect == &agents ? successors[i].agents : successors[i].machine;
    return model;
}

// Submits.

static const char *const ratios[] = {"1:1", "16:9", "9:16", "4:3", "3:4", "21:9", "9:21", NULL};
static const char *const resolutions[] = {"540p", "720p", "1080p", "4k", NULL};

static const struct field_rule bounds[] = {
    {.path = "aspect_ratio", .kind = FIELD_WORD, .words = ratios},
    {.path = "resolution", .kind = FIELD_WORD, .words = resolutions},
    {.path = "image_url", .kind = FIELD_MEDIA},
    {.path = "image_end_url", .kind = FIELD_MEDIA},
    {0},
};

// Luma fetches images itself, and takes no other (DOC).
static const char *const *linked_fields(const struct task *task)
{
    static const char *const fields[] = {"image_url", "image_end_url", NULL};

    (void)task;
    return fields;
}

// What differs between the two.
static const struct limits {
    size_t prompt_min, prompt_max; // characters
    const char *long_s;            // what it makes of 9 or 10 seconds
} machine_limits = {3, 5000, "9s"}, agents_limits = {1, 6000, "10s"};

static const struct limits *limits_of(const struct account *account)
{
    return account->dialect == &agents ? &agents_limits : &machine_limits;
}

static bool check_body(const struct task *task, const struct account *account, const json_t *body,
                       struct err *err)
{
    const struct limits *limits = limits_of(account);
    size_t characters = adapter_characters(field_str_or_empty(body, "user_prompt"));
    int64_t duration = refusal_number(body, "duration");

    if (field_is_given(body, "user_prompt") &&
        (characters < limits->prompt_min || characters > limits->prompt_max))
        return err_set(err, ERR_INVALID, "user_prompt: must have from %zu to %zu characters",
                       limits->prompt_min, limits->prompt_max);
    if (field_is_given(body, "duration") && duration != 5 && duration != 9 && duration != 10)
        return err_set(err, ERR_INVALID, "duration: must be 5, 9 or 10");
    if (json_is_true(field_at(body, "loop")) && field_is_given(body, "image_end_url"))
        return err_set(err, ERR_INVALID, "loop: can't be had with image_end_url");
    if (task->parent != NULL && account->dialect == &agents)
        return err_set(err, ERR_INVALID, "id: its account's API can't extend a video");
    if (model_of(task, account) == NULL)
        return err_set(err, ERR_MODEL, "%.60s: the account's API has no such model", task->model);
    return field_check(body, bounds, err);
}

static bool check(const struct task *task, const struct account *account, struct err *err)
{
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL && check_body(task, account, body, err);

    json_decref(body);
    return ok;
}

static void copy(json_t *to, const char *name, const json_t *from, const char *theirs)
{
    json_t *value = json_object_get(from, theirs);

    if (value != NULL)
        json_object_set(to, name, value);
}

static void set_duration(json_t *body, const struct account *account, const json_t *request)
{
    int64_t duration = refusal_number(request, "duration");

    if (duration > 0)
        json_object_set_new(body, "duration",
                            json_string(duration == 5 ? "5s" : limits_of(account)->long_s));
}

static void set_frame(json_t *frames, const char *name, const char *type, const char *key,
                      const char *value)
{
    if (value != NULL && *value != '\0')
        json_object_set_new(frames, name, json_pack("{s:s,s:s}", "type", type, key, value));
}

// {prompt, model, duration, resolution, aspect_ratio, loop, keyframes, callback_url} (API)
static json_t *machine_body(const struct task *task, const struct account *account,
                            const json_t *request)
{
    json_t *frames = json_object(), *body = json_object();

    copy(body, "resolution", request, "resolution");
    copy(body, "loop", request, "loop");
    set_duration(body, account, request);
    set_frame(frames, "frame0", "image", "url", field_str_or_empty(request, "image_url"));
    set_frame(frames, "frame0", "generation", "id", task->upstream_parent);
    set_frame(frames, "frame1", "image", "url", field_str_or_empty(request, "image_end_url"));
    if (json_object_size(frames) > 0)
        json_object_set(body, "keyframes", frames);
    if (task->callback_url != NULL)
        json_object_set_new(body, "callback_url", json_string(task->callback_url));
    json_decref(frames);
    return body;
}

// {prompt, model, type, aspect_ratio, video: {resolution, duration, start_frame, end_frame, loop}}
// (AG)
static json_t *agents_body(const struct account *account, const json_t *request)
{
    json_t *video = json_object(), *body = json_pack("{s:s}", "type", "video");

    copy(video, "resolution", request, "resolution");
    copy(video, "loop", request, "loop");
    copy(video, "start_frame", request, "image_url");
    copy(video, "end_frame", request, "image_end_url");
    set_duration(video, account, request);
    if (json_object_size(video) > 0)
        json_object_set(body, "video", video);
    json_decref(video);
    return body;
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    json_t *asked = adapter_request_of(task, err), *body;
    const char *model = model_of(task, account);

    if (asked == NULL)
        return false;
    body = account->dialect == &agents ? agents_body(account, asked)
                                       : machine_body(task, account, asked);
    copy(body, "prompt", asked, "user_prompt");
    copy(body, "aspect_ratio", asked, "aspect_ratio");
    if (model != NULL)
        json_object_set_new(body, "model", json_string(model));
    json_decref(asked);
    adapter_add_bearer(account, request);
    return http_post_json(request, account->base_url, body, err,
                          account->dialect == &agents ? AGENTS : MACHINE "/video");
}

// What a reason is about, by what it has in it (DOC), or by its code (AG); else nothing is known.
static const struct reason {
    const char *part, *error;
} reasons[] = {
    {"content_moderated", "content_filter"},   {"blacklist", "content_filter"},
    {"moderation", "content_filter"},          {"read user input frames", "invalid_request"},
    {"invalid_request", "invalid_request"},    {"image_too_large", "invalid_request"},
    {"unsupported_format", "invalid_request"}, {"corrupt_input", "invalid_request"},
};

static const char *error_of(const char *words)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcasestr(words, reasons[i].part) != NULL)
            return reasons[i].error;
    return NULL;
}

// {"detail": text} (API); the Agents API has a code beside it (AG).
static const char *words_of(const json_t *body)
{
    static const char *const places[] = {
        "detail", "detail.0.msg", "failure_reason", "failure_code", "error.message", "message",
        NULL};

    return field_first_str(body, places);
}

static bool read_refusal(const struct http_response *response, const json_t *body,
                         struct outcome *outcome, struct err *err)
{
    const char *words = words_of(body), *code = field_str_or_empty(body, "failure_code");
    bool is_broke =
        strcasestr(words, "insufficient credits") != NULL || strcmp(code, "budget_exhausted") == 0;

    if (response->status == 403 && *words != '\0')
        outcome->kind = OUTCOME_BAD_KEY; // the same as its 401 (API)
    else if (response->status == 402 || (response->status == 400 && is_broke))
        outcome->kind = OUTCOME_REFUSED_ELSEWHERE;
    else if (*words != '\0' &&
             (response->status == 400 || response->status == 413 || response->status == 422))
        outcome->kind = OUTCOME_REFUSED_FINAL;
    else
        return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status, words);
    outcome_set_reason(outcome, *words == '\0' ? code : words);
    if (outcome->kind == OUTCOME_REFUSED_FINAL)
        outcome->code = error_of(*code == '\0' ? words : code);
    return true;
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    (void)task, (void)account;
    return adapter_accept(response, body, id_places, outcome, err) ||
           read_refusal(response, body, outcome, err);
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking.

// Of the Agents API only the last words of a job are known (AG): any other means that it goes on.
static const struct outcome_word status_words[] = {
    {"queued", OUTCOME_RUNNING},      {"pending", OUTCOME_RUNNING},
    {"dreaming", OUTCOME_RUNNING},    {"processing", OUTCOME_RUNNING},
    {"completed", OUTCOME_SUCCEEDED}, {"failed", OUTCOME_FAILED},
};

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err,
                    account->dialect == &agents ? AGENTS "/%s" : MACHINE "/%s", task->upstream_id);
}

static void add_video(const char *link, struct outcome *outcome)
{
    if (strncmp(link, "http", 4) == 0)
        outcome_add_source(outcome, "video", link);
}

// One video (API), or a list of what was made (AG).
static void add_files(const json_t *job, struct outcome *outcome)
{
    const char *cover = field_str_or_empty(job, "assets.image");
    json_t *item;
    size_t i;

    add_video(field_str_or_empty(job, "assets.video"), outcome);
    json_array_foreach(json_object_get(job, "output"), i, item)
        add_video(field_str_or_empty(item, "url"), outcome);
    if (outcome->source_count > 0 && strncmp(cover, "http", 4) == 0)
        outcome_add_part(outcome, "cover", cover, NULL, true);
}

static bool read_job(const json_t *job, struct outcome *outcome, struct err *err)
{
    const char *state = field_str_or_empty(job, "state");
    const char *reason = field_str_or_empty(job, "failure_reason");
    const char *code = field_str_or_empty(job, "failure_code");
    struct err unknown;

    if (*state == '\0')
        return err_set(err, ERR_UPSTREAM, "the answer has no state");
    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), state, &unknown))
        outcome->kind = OUTCOME_RUNNING;
    outcome->has_started = strcmp(state, "queued") != 0 && strcmp(state, "pending") != 0;
    if (outcome->kind == OUTCOME_SUCCEEDED)
        add_files(job, outcome);
    if (outcome->kind == OUTCOME_SUCCEEDED && outcome->source_count == 0) {
        outcome->kind = OUTCOME_MISSING; // it may come in a moment, or never
        outcome_set_reason(outcome, "the job is completed, but has no video");
    }
    if (outcome->kind != OUTCOME_FAILED)
        return true;
    outcome->code = error_of(*code == '\0' ? reason : code);
    outcome_set_reason(outcome, *reason != '\0' ? reason
                                : *code != '\0' ? code
                                                : "the vendor gave no reason");
    return true;
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    (void)account;
    if (response->status == 404 && *words_of(body) != '\0') {
        // Nothing is left of a job that was taken back.
        outcome->kind = task->is_cancel_asked ? OUTCOME_CANCELLED : OUTCOME_MISSING;
        return true;
    }
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status, words_of(body));
    return read_job(body, outcome, err);
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, "video", read_poll_body, outcome, err);
}

// It takes the record away; of a job that waits there is nothing to lose. Whether the job stops
// isn't known.
static bool build_cancel(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    if (!build_poll(task, account, request, err))
        return false;
    request->method = HTTP_DELETE_;
    return true;
}

// The body is the job (API).
static bool read_callback(const struct task *task, const struct account *account,
                          const json_t *body, struct buf *upstream_id, struct err *err)
{
    (void)task, (void)account;
    return adapter_callback_id(body, id_places, upstream_id, err);
}

// A submit in doubt: the newest jobs come first, each with the request that made it.

static bool build_lookup(const struct task *task, const struct account *account, int step,
                         struct http_request *request, struct err *err)
{
    if (task->callback_url == NULL || step >= LIST_PAGES)
        return err_set(err, ERR_UPSTREAM, "the list doesn't tell");
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, MACHINE "?limit=%d&offset=%d", (int)LIST_SIZE,
                    step * LIST_SIZE);
}

// Where the job was told to call: what follows the last slash is the task's alone, whatever our
// address was.
static bool is_ours(const struct task *task, const json_t *job)
{
    const char *theirs = strrchr(field_str_or_empty(job, "request.callback_url"), '/');
    const char *ours = task->callback_url == NULL ? NULL : strrchr(task->callback_url, '/');

    char digits[FIELD_ID_DIGITS];

    return theirs != NULL && ours != NULL && strcmp(theirs, ours) == 0 &&
           *field_first_id(job, id_places, digits) != '\0';
}

// "2026-11-20T10:00:00Z", in Unix seconds; 0 for anything else.
static int64_t time_of(const char *text)
{
    struct tm parts = {0};

    return strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) == NULL ? 0 : (int64_t)timegm(&parts);
}

// Whether no later page has the job. That proves nothing: it isn't known how soon the list shows a
// job, and a second submit would be a second job.
static bool is_last_page(const struct task *task, const json_t *body, const json_t *list)
{
    const json_t *last = json_array_get(list, json_array_size(list) - 1);
    int64_t made_s = time_of(field_str_or_empty(last, "created_at"));

    return json_array_size(list) == 0 || json_is_false(field_at(body, "has_more")) ||
           (made_s > 0 && made_s < task->created_ms / 1000 - CLOCKS_APART_S);
}

static bool read_lookup(const struct task *task, const struct account *account, int step,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    json_t *body = http_json(response, err), *list = field_at(body, "generations"), *job;
    char digits[FIELD_ID_DIGITS];
    size_t i;

    (void)account, (void)step;
    *outcome = (struct outcome){.progress = -1};
    if (response->status != 200 || !json_is_array(list)) {
        json_decref(body);
        return err_set(err, ERR_UPSTREAM, "the list can't be read (HTTP %d)", response->status);
    }
    outcome->kind = is_last_page(task, body, list) ? OUTCOME_MISSING : OUTCOME_NEXT;
    json_array_foreach(list, i, job)
    {
        if (!is_ours(task, job) || outcome->kind == OUTCOME_ACCEPTED)
            continue;
        outcome->kind = OUTCOME_ACCEPTED;
        outcome->upstream_id = mem_str(field_first_id(job, id_places, digits));
    }
    json_decref(body);
    return true;
}

#define COMMON                                                                                     \
    .keys = adapter_bearer_keys, .check = check, .build_submit = build_submit,                     \
    .read_submit = read_submit, .build_poll = build_poll, .read_poll = read_poll,                  \
    .linked_fields = linked_fields

static const struct dialect machine = {
    COMMON,
    .name = "dream_machine",
    .base_url = "https://api.lumalabs.ai",
    .build_lookup = build_lookup,
    .read_lookup = read_lookup,
    .build_cancel = build_cancel,
    .read_callback = read_callback,
};
static const struct dialect agents = {
    COMMON,
    .name = "agents",
    .base_url = "https://agents.lumalabs.ai",
};

// A relay's public form, and ours, is one.

static bool shape(const struct task *task, json_t *body, struct err *err)
{
    (void)task, (void)err;
    unified_drop_shown(body);
    json_object_del(body, "prompt");
    json_object_del(body, "model");
    return true;
}

// The first row of words is the page's, the others are the relays' of this family.
static const struct outcome_word relay_words[] = {
    {"queued", OUTCOME_RUNNING},      {"dreaming", OUTCOME_RUNNING},
    {"completed", OUTCOME_SUCCEEDED}, {"failed", OUTCOME_FAILED},
    {"pending", OUTCOME_RUNNING},     {"processing", OUTCOME_RUNNING},
    {"NOT_START", OUTCOME_RUNNING},   {"SUBMITTED", OUTCOME_RUNNING},
    {"QUEUED", OUTCOME_RUNNING},      {"IN_PROGRESS", OUTCOME_RUNNING},
    {"SUCCESS", OUTCOME_SUCCEEDED},   {"FAILURE", OUTCOME_FAILED},
};

static const struct relay table = {
    .submit = "/luma/generations",
    .follow_up = "/luma/generations/%s/extend",
    .model = "model_name",
    .poll = "/luma/generations/%s",
    .ids = (const char *const[]){"id", "task_id", "data.id", "data.task_id", NULL},
    .jobs = (const char *const[]){"data", NULL},
    .statuses = (const char *const[]){"state", "status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .started = (const char *const[]){"dreaming", "processing", "IN_PROGRESS", NULL},
    .kind = "video",
    .links = (const char *const[]){"video.download_url", "video.url", "video_raw.url", "video",
                                   "video_url", "fail_reason", NULL},
    .covers = (const char *const[]){"thumbnail.url", "thumbnail", NULL},
    .reasons = (const char *const[]){"failure_reason", "fail_reason", "error.message", "error",
                                     "message", NULL},
    .filters = (const char *const[]){"content_filter", NULL},
    .shape = shape,
};

static const struct dialect relay = {
    RELAY(table),
    .model_prefixes = prefixes,
    .linked_fields = linked_fields,
};

static const struct dialect *const dialects[] = {&machine, &agents, &relay, NULL};

// From the unified form.

static void set_text(json_t *request, const char *name, const char *text)
{
    if (*text != '\0')
        json_object_set_new(request, name, json_string(text));
}

static bool set_images(json_t *request, struct err *err)
{
    static const char *const names[] = {"image_url", "image_end_url"};
    json_t *images = unified_images(request);
    bool ok = json_array_size(images) <= 2 ||
              err_set(err, ERR_INVALID, "images: at most two, the first frame and the last");

    for (size_t i = 0; ok && i < 2 && i < json_array_size(images); i++) {
        const char *image = json_string_value(json_array_get(images, i));

        ok = field_is_link(image) || field_is_base64(image) ||
             err_set(err, ERR_INVALID, "images.%zu: must be a link or an image in base64", i);
        set_text(request, names[i], image);
    }
    json_object_del(request, "images");
    json_decref(images);
    return ok;
}

static bool unfold(json_t *request, const char *model, struct err *err)
{
    static const char *const absent[] = {"negative_prompt", "storyboard", NULL};
    static const char *const lines[] = {"540p", "720p", "1080p"};
    struct unified_frame frame;
    struct buf number = {0};

    if (!unified_check_absent(request, absent, model, err) ||
        !unified_read_frame(request, &frame, err) || !set_images(request, err))
        return false;
    set_text(request, "user_prompt", field_str_or_empty(request, "prompt"));
    set_text(request, "model_name", model);
    set_text(request, "aspect_ratio", frame.ratio);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (frame.lines == (int)strtol(lines[i], NULL, 10))
            set_text(request, "resolution", lines[i]);
    if (frame.lines > 1080)
        set_text(request, "resolution", "4k");
    buf_int(&number, refusal_number(request, "duration"));
    if (field_is_given(request, "duration"))
        set_text(request, "duration", number.data);
    buf_clear(&number);
    return true;
}

static bool from_unified(struct task *task, struct err *err)
{
    json_t *request = json_read(task->request);
    bool ok = unfold(request, task->model, err);

    if (ok) {
        mem_set_str(&task->action, "generations");
        free(task->request);
        task->request = json_write_text(request);
    }
    json_decref(request);
    return ok;
}

const struct provider provider_luma = {
    .name = "luma",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 15000,
    .typical_ms = 90000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 3600 * 1000LL, // not known: soon
    .nobodys_action = "generations",
    .nobodys_id = "00000000-0000-0000-0000-000000000000",
    .from_unified = from_unified,
    .example = {.path = "/luma/generations",
                .body = "{'user_prompt':'a drone flies over a tropical island',"
                        "'model_name':'ray-v2','duration':'5','resolution':'720p'}"},
};
