// Seedance: Volcengine Ark's content generation (ark), or a gateway of the one-api family or
// another Spool (relay).
//
// Sources: volcengine-go-sdk (GO) and -python-sdk (PY), the Ark pages on the query and on error
// codes as transcribed (QRY, ERR), third-party copies of its page on deletion (DEL), new-api (NA).
// Ark's SDKs send a POST again on 5xx, which can be billed twice: we don't.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/ark.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/relay.h"
#include "providers/unified.h"

static const char *const models[] = {
    "doubao-seedance-1-0-lite-t2v", "doubao-seedance-1-0-lite-i2v",
    "doubao-seedance-1-0-pro",      "doubao-seedance-1-0-pro-fast",
    "doubao-seedance-1-5-pro",      "doubao-seedance-2-0",
    "doubao-seedance-2-0-fast",     NULL,
};
static const char *const prefixes[] = {"doubao-seedance-", "seedance-", NULL};

#define TASKS "/contents/generations/tasks"

// Submits.

// What Ark is known to refuse of the models that we know. A relay may have newer models with other
// limits.
enum { MAX_ITEMS = 32, MAX_IMAGES = 9, MAX_VIDEOS = 3, MAX_AUDIOS = 3, MAX_FILES = 12 };

static const char *const types[] = {"text",      "image_url",  "video_url",
                                    "audio_url", "draft_task", NULL};
static const char *const roles[] = {"first_frame",     "last_frame",      "reference_image",
                                    "reference_video", "reference_audio", NULL};
static const char *const ratios[] = {"16:9", "4:3", "1:1", "3:4", "9:16", "21:9", "adaptive", NULL};
static const char *const resolutions[] = {"480p", "720p", "1080p", NULL};
static const char *const small_resolutions[] = {"480p", "720p", NULL};
static const char *const id_places[] = {"id", NULL};
static const char *const tiers[] = {"default", "flex", NULL};

static const struct field_rule bounds[] = {
    {.path = "ratio", .kind = FIELD_WORD, .words = ratios},
    {.path = "resolution", .kind = FIELD_WORD, .words = resolutions},
    {.path = "duration", .kind = FIELD_INT, .min = -1, .max = 60},
    {.path = "frames", .kind = FIELD_INT, .min = 1, .max = 10000},
    {.path = "seed", .kind = FIELD_INT, .min = -1, .max = 4294967295},
    {.path = "service_tier", .kind = FIELD_WORD, .words = tiers},
    {.path = "execution_expires_after", .kind = FIELD_INT, .min = 1, .max = 30 * 86400},
    {0},
};

// Of these fields Volcengine's own form has one.
static const struct field_rule object_bounds[] = {
    {.path = "content.aspect_ratio", .kind = FIELD_WORD, .words = ratios}, {0}};

// Seedance 2.0, as the page bounds it.
static bool check_second_generation(const json_t *body, const char *model, struct err *err)
{
    static const struct field_rule narrow[] = {
        {.path = "resolution", .kind = FIELD_WORD, .words = small_resolutions},
        {0},
    };
    static const char *const unsupported[] = {"frames", "camera_fixed"};
    int64_t duration = field_int_or(body, "duration", -1);

    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0]; i++)
        if (field_at(body, unsupported[i]) != NULL)
            return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", unsupported[i],
                           model);
    if (duration != -1 && (duration < 4 || duration > 15))
        return err_set(err, ERR_INVALID, "duration: must be from 4 to 15, or -1");
    return field_check(body, narrow, err);
}

static bool check_word(const json_t *item, size_t i, const char *name, const char *const *words,
                       struct err *err)
{
    const struct field_rule rule = {.kind = FIELD_WORD, .words = words};
    const json_t *value = field_at(item, name);
    char path[64];

    snprintf(path, sizeof path, "content.%zu.%s", i, name);
    return value == NULL || field_check_value(value, &rule, path, err);
}

static bool check_content(const json_t *content, struct err *err)
{
    static const struct field_rule array = {.kind = FIELD_ARRAY, .min = 1, .max = MAX_ITEMS};
    size_t images = 0, videos = 0, audios = 0, i;
    json_t *item;

    if (!field_check_value(content, &array, "content", err))
        return false;
    json_array_foreach((json_t *)content, i, item)
    {
        const char *type = field_str_or_empty(item, "type");

        if (!check_word(item, i, "type", types, err) || !check_word(item, i, "role", roles, err))
            return false;
        images += strcmp(type, "image_url") == 0;
        videos += strcmp(type, "video_url") == 0;
        audios += strcmp(type, "audio_url") == 0;
    }
    if (images > MAX_IMAGES)
        return err_set(err, ERR_INVALID, "content: at most %d images", MAX_IMAGES);
    if (videos > MAX_VIDEOS)
        return err_set(err, ERR_INVALID, "content: at most %d videos", MAX_VIDEOS);
    if (audios > MAX_AUDIOS)
        return err_set(err, ERR_INVALID, "content: at most %d audios", MAX_AUDIOS);
    if (images + videos + audios > MAX_FILES)
        return err_set(err, ERR_INVALID, "content: at most %d files", MAX_FILES);
    return audios == 0 || images + videos > 0 ||
           err_set(err, ERR_INVALID, "content: audio needs an image or a video beside it");
}

static bool is_second_generation(const char *model)
{
    return model != NULL && strncmp(model, "doubao-seedance-2-0", 19) == 0;
}

static bool check(const struct task *task, const struct account *account, struct err *err)
{
    const char *model = provider_model(account, task->model);
    json_t *body;
    bool ok;

    if (!provider_knows(account, task->model))
        return true;
    body = adapter_request_of(task, err);
    if (json_is_object(json_object_get(body, "content")))
        ok = field_check(body, object_bounds, err);
    else
        ok = body != NULL && field_check(body, bounds, err) &&
             check_content(json_object_get(body, "content"), err) &&
             ((!is_second_generation(task->model) && !is_second_generation(model)) ||
              check_second_generation(body, task->model, err));
    json_decref(body);
    return ok;
}

// Turns Volcengine's own form, {"content":{"prompt","image_url","aspect_ratio"}}, into Ark's.
static void unfold(json_t *body)
{
    json_t *content = json_incref(json_object_get(body, "content"));
    const char *image = field_str_or_empty(content, "image_url");
    const char *ratio = field_str_or_empty(content, "aspect_ratio");
    json_t *items =
        json_pack("[{s:s,s:s}]", "type", "text", "text", field_str_or_empty(content, "prompt"));

    if (*image != '\0')
        json_array_append_new(
            items, json_pack("{s:s,s:{s:s}}", "type", "image_url", "image_url", "url", image));
    if (*ratio != '\0')
        json_object_set_new(body, "ratio", json_string(ratio));
    json_object_set_new(body, "content", items);
    json_decref(content);
}

// From the unified form (provider.h).

// One image is the first frame, two are the first and the last; more show what is to be seen.
static void add_image(json_t *content, const char *image, size_t i, size_t count)
{
    json_t *item;
    struct buf url = {0};

    unified_add_image_url(image, &url);
    item = json_pack("{s:s,s:{s:s}}", "type", "image_url", "image_url", "url", buf_text(&url));
    if (count > 1)
        json_object_set_new(item, "role",
                            json_string(count > 2 ? "reference_image"
                                        : i == 0  ? "first_frame"
                                                  : "last_frame"));
    json_array_append_new(content, item);
    buf_clear(&url);
}

static json_t *content_of(const json_t *request)
{
    const char *prompt = field_str_or_empty(request, "prompt");
    json_t *content = json_array(), *images = unified_images(request);

    if (*prompt != '\0')
        json_array_append_new(content, json_pack("{s:s,s:s}", "type", "text", "text", prompt));
    for (size_t i = 0; i < json_array_size(images); i++)
        add_image(content, json_string_value(json_array_get(images, i)), i,
                  json_array_size(images));
    json_decref(images);
    return content;
}

static void set_frame(json_t *request, const struct unified_frame *frame)
{
    char lines[16];

    json_object_del(request, "aspect_ratio");
    if (*frame->ratio != '\0')
        json_object_set_new(request, "ratio", json_string(frame->ratio));
    snprintf(lines, sizeof lines, "%dp", frame->lines);
    if (frame->lines > 0)
        json_object_set_new(request, "resolution", json_string(lines));
}

// Ark wants a number.
static void set_duration(json_t *request)
{
    const char *text = json_string_value(json_object_get(request, "duration"));

    if (text != NULL && *text != '\0')
        json_object_set_new(request, "duration", json_integer(strtol(text, NULL, 10)));
}

static bool from_unified(struct task *task, struct err *err)
{
    static const char *const absent[] = {"negative_prompt", "storyboard", NULL};
    json_t *request = json_read(task->request);
    struct unified_frame frame;
    bool ok = unified_check_absent(request, absent, task->model, err) &&
              unified_read_frame(request, &frame, err);

    if (ok) {
        json_object_set_new(request, "content", content_of(request));
        json_object_del(request, "images");
        set_frame(request, &frame);
        set_duration(request);
        free(task->request);
        task->request = json_write_text(request);
    }
    json_decref(request);
    return ok;
}

// Clients name a draft by our id; the vendor knows it by its own.
static void name_draft(json_t *content, const char *upstream_id)
{
    json_t *item;
    size_t i;

    json_array_foreach(content, i, item)
    {
        json_t *draft = json_object_get(item, "draft_task");

        if (draft != NULL && upstream_id != NULL)
            json_object_set_new(draft, "id", json_string(upstream_id));
    }
}

// What every one of Seedance's hosts gets alike.
static void tidy(const struct task *task, json_t *body)
{
    name_draft(json_object_get(body, "content"), task->upstream_parent);
    unified_drop_shown(body);
    json_object_del(body, "prompt"); // it is in the content
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    const char *model = provider_model(account, task->model);
    json_t *body = adapter_request_of(task, err);

    if (body == NULL)
        return false;
    if (model != NULL)
        json_object_set_new(body, "model", json_string(model));
    if (task->callback_url != NULL)
        json_object_set_new(body, "callback_url", json_string(task->callback_url));
    if (json_is_object(json_object_get(body, "content")))
        unfold(body);
    tidy(task, body);
    adapter_add_bearer(account, request);
    return http_post_json(request, account->base_url, body, err, TASKS);
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    const char *code = field_str_or_empty(body, "error.code");

    (void)task, (void)account;
    return adapter_accept(response, body, id_places, outcome, err) ||
           ark_refuse(response, code, outcome) ||
           err_set(err, ERR_UPSTREAM, "HTTP %d %.40s", response->status, code);
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking.

static const struct outcome_word status_words[] = {
    {"queued", OUTCOME_RUNNING},      {"running", OUTCOME_RUNNING},
    {"succeeded", OUTCOME_SUCCEEDED}, {"failed", OUTCOME_FAILED},
    {"cancelled", OUTCOME_CANCELLED}, {"expired", OUTCOME_FAILED},
    {"pending", OUTCOME_RUNNING}, // NA
    {"processing", OUTCOME_RUNNING},
};

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    adapter_add_bearer(account, request);
    return http_get(request, account->base_url, err, TASKS "/%s", task->upstream_id);
}

static bool build_poll_many(const struct task *const *tasks, size_t count,
                            const struct account *account, struct http_request *request,
                            struct err *err)
{
    struct buf url = {0};
    bool ok;

    buf_fmt(&url, "%s" TASKS "?page_num=1&page_size=%zu", account->base_url, count);
    for (size_t i = 0; i < count; i++) {
        buf_str(&url, "&filter.task_ids=");
        buf_percent(&url, tasks[i]->upstream_id);
    }
    ok = http_get(request, url.data, err, "");
    buf_clear(&url);
    adapter_add_bearer(account, request);
    return ok;
}

// What an answer may tell of a video beside its link, and where.
struct fact {
    const char *name, *places[4]; // ends with NULL
};
static const struct fact ark_facts[] = {
    {"duration", {"duration", "content.duration"}},
    {"resolution", {"resolution"}},
    {"ratio", {"ratio"}},
    {"frames_per_second", {"framespersecond"}},
    {"seed", {"seed"}},
    {0},
};

static void read_facts(const json_t *body, const struct fact *fact, struct outcome *outcome)
{
    for (; fact->name != NULL; fact++) {
        json_t *value = NULL;

        for (size_t i = 0; fact->places[i] != NULL && value == NULL; i++)
            value = field_at(body, fact->places[i]);
        if (json_is_string(value) && strcmp(fact->name, "duration") == 0)
            outcome_set_extra(outcome, "duration",
                              json_integer(strtol(json_string_value(value), NULL, 10)));
        else if (value != NULL)
            outcome_set_extra(outcome, fact->name, json_incref(value));
    }
}

// A video that was asked for in frames has these in the answer, and no duration (QRY).
static void read_frames(const json_t *body, struct outcome *outcome)
{
    int64_t frames = refusal_number(body, "frames"), rate = refusal_number(body, "framespersecond");

    if (frames > 0 && rate > 0 && json_object_get(outcome->extra, "duration") == NULL)
        outcome_set_extra(outcome, "duration", json_real((double)frames / (double)rate));
}

static void read_result(const json_t *body, struct outcome *outcome)
{
    const char *url = field_str_or_empty(body, "content.video_url");
    const char *frame = field_str_or_empty(body, "content.last_frame_url");

    if (strncmp(url, "http", 4) != 0)
        return; // the link may come late
    outcome_add_source(outcome, "video", url);
    if (*frame != '\0')
        outcome_add_source(outcome, "image", frame);
    read_facts(body, ark_facts, outcome);
    read_frames(body, outcome);
}

// The words and codes that relays pass on, too.
static void explain(const char *status, const char *code, struct outcome *outcome)
{
    if (strcmp(status, "expired") == 0) {
        outcome->code = "task_expired";
        outcome_set_reason(outcome, "the vendor didn't get to it in time");
    } else if (ark_failure(code) != NULL) {
        outcome->code = ark_failure(code);
    }
}

static void read_failure(const json_t *body, const char *status, struct outcome *outcome)
{
    // The second of each: in lists (GO).
    static const char *const reasons[] = {"error.message", "failure_reason.message", NULL};
    static const char *const codes[] = {"error.code", "failure_reason.code", NULL};
    const char *reason = field_first_str(body, reasons);

    outcome_set_reason(outcome, *reason == '\0' ? "the vendor gave no reason" : reason);
    explain(status, field_first_str(body, codes), outcome);
}

// One task, alone or in a list.
static bool read_task(const json_t *body, struct outcome *outcome, struct err *err)
{
    const char *status = field_str_or_empty(body, "status");

    *outcome = (struct outcome){.progress = -1};
    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    if (outcome->kind == OUTCOME_SUCCEEDED)
        read_result(body, outcome);
    if (outcome->kind == OUTCOME_FAILED)
        read_failure(body, status, outcome);
    if (outcome->kind == OUTCOME_RUNNING) {
        outcome->has_started = strcmp(status, "queued") != 0 && strcmp(status, "pending") != 0;
        outcome->progress = adapter_progress(body, "progress");
    }
    return true;
}

// Only Ark's own word says that the task isn't there; any other 404 may be about the path.
static bool is_missing(const struct http_response *response, const json_t *body)
{
    return response->status == 404 &&
           strncmp(field_str_or_empty(body, "error.code"), "NotFound", 8) == 0;
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    (void)task, (void)account;
    if (is_missing(response, body)) {
        outcome->kind = OUTCOME_MISSING;
        return true;
    }
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    return read_task(body, outcome, err);
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, "video", read_poll_body, outcome, err);
}

static const char *wanted(const struct task *task)
{
    (void)task;
    return "video";
}

static bool read_item(const struct task *task, const json_t *item, struct outcome *outcome,
                      struct err *err)
{
    (void)task;
    return read_task(item, outcome, err);
}

static bool read_poll_many(const struct task *const *tasks, size_t count,
                           const struct account *account, const struct http_response *response,
                           struct outcome *outcomes, struct err *err)
{
    static const struct adapter_list list = {id_places, wanted, read_item};
    json_t *body = adapter_list_body(response, count, outcomes, err);
    json_t *items = json_object_get(body, "items");

    (void)account;
    // An answer that names an error has no items either: that doesn't mean that the tasks are
    // missing.
    if (!json_is_array(items) || (json_array_size(items) == 0 && refusal_is_named(body))) {
        if (body != NULL)
            err_set(err, ERR_UPSTREAM, "the answer has no items");
        json_decref(body);
        return false;
    }
    adapter_read_list(tasks, count, items, &list, outcomes);
    json_decref(body);
    return true;
}

// Only for a task that is queued at Ark: the same request deletes the record of a finished one
// (DEL).
static bool build_cancel(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    bool ok = build_poll(task, account, request, err);

    request->method = HTTP_DELETE_;
    return ok;
}

// The same as a poll's answer.
static bool read_callback(const struct task *task, const struct account *account,
                          const json_t *body, struct buf *upstream_id, struct err *err)
{
    (void)task, (void)account;
    return adapter_callback_id(body, id_places, upstream_id, err);
}

static const struct dialect ark = {
    .name = "ark",
    .base_url = "https://ark.cn-beijing.volces.com/api/v3",
    .keys = adapter_bearer_keys,
    .poll_many_max = 50,
    .check = check,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_poll,
    .read_poll = read_poll,
    .build_poll_many = build_poll_many,
    .read_poll_many = read_poll_many,
    .build_cancel = build_cancel,
    .read_callback = read_callback,
};

// A relay, which speaks as Ark does or in words of its own.

static bool shape(const struct task *task, json_t *body, struct err *err)
{
    (void)err;
    tidy(task, body);
    return true;
}

static bool refuse_at_relay(const struct task *task, const struct http_response *response,
                            const json_t *body, struct outcome *outcome)
{
    static const char *const places[] = {"error.code", "code", NULL};

    (void)task;
    return ark_refuse(response, field_first_str(body, places), outcome);
}

static void add_files(const struct task *task, const struct account *account, const json_t *job,
                      struct outcome *outcome)
{
    static const char *const frames[] = {"content.last_frame_url", "metadata.last_frame_url", NULL};
    static const struct fact facts[] = {
        {"duration", {"duration", "content.duration", "seconds"}},
        {"resolution", {"resolution", "metadata.resolution"}},
        {"ratio", {"ratio", "metadata.ratio"}},
        {"frames_per_second", {"framespersecond", "metadata.frames_per_second"}},
        {"seed", {"seed"}},
        {0},
    };
    const char *frame = field_first_str(job, frames);

    relay_add_file(task, account, job, outcome);
    if (outcome->source_count == 0)
        return;
    if (*frame != '\0')
        outcome_add_source(outcome, "image", frame);
    read_facts(job, facts, outcome);
    read_frames(job, outcome);
}

static const struct outcome_word relay_words[] = {
    {"queued", OUTCOME_RUNNING},      {"running", OUTCOME_RUNNING},
    {"succeeded", OUTCOME_SUCCEEDED}, {"failed", OUTCOME_FAILED},
    {"cancelled", OUTCOME_CANCELLED}, {"expired", OUTCOME_FAILED},
    {"pending", OUTCOME_RUNNING},     {"processing", OUTCOME_RUNNING},
    {"in_progress", OUTCOME_RUNNING}, {"completed", OUTCOME_SUCCEEDED},
    {"SUBMITTED", OUTCOME_RUNNING},   {"PROCESSING", OUTCOME_RUNNING},
    {"SUCCESS", OUTCOME_SUCCEEDED},   {"FAILED", OUTCOME_FAILED},
};

static const struct relay table = {
    .submit = "/volc/v1" TASKS,
    .poll = "/volc/v1" TASKS "/%s",
    .ids = (const char *const[]){"id", "task_id", "data.task_id", "data.id", NULL},
    .jobs = (const char *const[]){"data", NULL}, // Volcengine's envelope
    .statuses = (const char *const[]){"status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .started = (const char *const[]){"running", "processing", "in_progress", "PROCESSING", NULL},
    .kind = "video",
    .links = (const char *const[]){"content.video_url", "metadata.url", "video_url", "url",
                                   "fail_reason", NULL}, // the last: NA, on success
    .reasons = (const char *const[]){"error.message", "failure_reason.message", "failure_reason",
                                     "fail_reason", "message", NULL},
    .codes = (const char *const[]){"error.code", "failure_reason.code", NULL},
    .filters = (const char *const[]){"content_filter", NULL},
    .refuse = refuse_at_relay,
    .is_missing = is_missing,
    .explain = explain,
    .add_files = add_files,
    .shape = shape,
};

static const struct dialect relay = {RELAY(table), .model_prefixes = prefixes};

static const struct dialect *const dialects[] = {&ark, &relay, NULL};

const struct provider provider_seedance = {
    .name = "seedance",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 5000,
    .poll_max_ms = 10000,
    .typical_ms = 120000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 24 * 3600 * 1000LL, // QRY
    .nobodys_action = "generations",
    .nobodys_id = "cgt-20260101000000-none",
    .from_unified = from_unified,
    .example = {.models = "{'doubao-seedance-1-5-pro':'doubao-seedance-1-5-pro-251215'}",
                .path = "/volc/v1/contents/generations/tasks",
                .body = "{'model':'doubao-seedance-1-5-pro','content':[{'type':'text','text':'a "
                        "red kite over a harbour'}]}"},
};
