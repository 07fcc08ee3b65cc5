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
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/unified.h"

static const struct dialect ark, relay;

static const char *const models[] = {
    "doubao-seedance-1-0-lite-t2v", "doubao-seedance-1-0-lite-i2v",
    "doubao-seedance-1-0-pro",      "doubao-seedance-1-0-pro-fast",
    "doubao-seedance-1-5-pro",      "doubao-seedance-2-0",
    "doubao-seedance-2-0-fast",     NULL,
};
static const char *const prefixes[] = {"doubao-seedance-", "seedance-", NULL};

static bool is_relay(const struct account *account)
{
    return account->dialect == &relay;
}

static const char *path_of(const struct account *account)
{
    return is_relay(account) ? "/volc/v1/contents/generations/tasks"
                             : "/contents/generations/tasks";
}

static char *base_of(const struct account *account)
{
    struct buf base = {0};

    if (account->base_url != NULL && *account->base_url != '\0')
        buf_fmt(&base, "%s%s", account->base_url, path_of(account));
    return buf_take(&base);
}

static void authorize(const struct account *account, struct http_request *request)
{
    adapter_add_bearer(account, request);
}

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
    json_t *request = json_loads(task->request, 0, NULL);
    struct unified_frame frame;
    bool ok = unified_check_absent(request, absent, task->model, err) &&
              unified_read_frame(request, &frame, err);

    if (ok) {
        json_object_set_new(request, "content", content_of(request));
        json_object_del(request, "images");
        set_frame(request, &frame);
        set_duration(request);
        free(task->request);
        task->request = json_dumps(request, JSON_COMPACT);
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

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    const char *model = provider_model(account, task->model);
    json_t *body = adapter_request_of(task, err);
    char *url;
    bool ok;

    if (body == NULL)
        return false;
    url = base_of(account);
    if (model != NULL)
        json_object_set_new(body, "model", json_string(model));
    if (task->callback_url != NULL && !is_relay(account))
        json_object_set_new(body, "callback_url", json_string(task->callback_url));
    if (json_is_object(json_object_get(body, "content")) && !is_relay(account))
        unfold(body);
    name_draft(json_object_get(body, "content"), task->upstream_parent);
    unified_drop_shown(body);
    json_object_del(body, "prompt"); // it is in the content
    authorize(account, request);
    if (is_relay(account)) // another Spool honours it
        http_add_header(request, "Idempotency-Key", task->id);
    ok = http_post_json(request, url, body, err, "");
    free(url);
    return ok;
}

// How error.code begins, and its HTTP status (ERR). The first row that fits counts; a code that
// isn't here means what its status says. QuotaExceeded with 429 may be any quota.
static const struct refusal {
    int status;
    enum outcome_kind kind;
    const char *begins;
    const char *error;
} refusals[] = {
    {400, OUTCOME_REFUSED_ELSEWHERE, "InvalidEndpoint.ClosedEndpoint", NULL},
    {400, OUTCOME_REFUSED_FINAL, "SensitiveContentDetected", "content_filter"},
    {400, OUTCOME_REFUSED_FINAL, "InputTextSensitive", "content_filter"},
    {400, OUTCOME_REFUSED_FINAL, "InputImageSensitive", "content_filter"},
    {400, OUTCOME_REFUSED_FINAL, "InputVideoSensitive", "content_filter"},
    {400, OUTCOME_REFUSED_FINAL, "InputAudioSensitive", "content_filter"},
    {400, OUTCOME_REFUSED_FINAL, "OutputVideoSensitive", "content_filter"},
    {403, OUTCOME_REFUSED_ELSEWHERE, "AccountOverdueError", NULL},
    {403, OUTCOME_REFUSED_ELSEWHERE, "OperationDenied.ServiceOverdue", NULL},
    {403, OUTCOME_REFUSED_FINAL, "AccessDenied", "model_not_found"},
    {403, OUTCOME_REFUSED_FINAL, "OperationDenied", "model_not_found"},
    {404, OUTCOME_REFUSED_FINAL, "InvalidEndpointOrModel", "model_not_found"},
    {404, OUTCOME_REFUSED_FINAL, "ModelNotOpen", "model_not_found"},
    {404, OUTCOME_REFUSED_FINAL, "UnsupportedModel", "model_not_found"},
    {404, OUTCOME_REFUSED_FINAL, "NotFound", "model_not_found"},
    {429, OUTCOME_REFUSED_ELSEWHERE, "SetLimitExceeded", NULL}, // the spending cap
};

static bool read_refusal(const struct http_response *response, const json_t *body,
                         struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"error.code", "code", NULL}; // a relay's error is flat
    const char *code = field_first_str(body, places);

    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        const struct refusal *refusal = &refusals[i];

        if (refusal->status != response->status ||
            strncmp(code, refusal->begins, strlen(refusal->begins)) != 0)
            continue;
        outcome->kind = refusal->kind;
        outcome->code = refusal->error;
        outcome->retry_after_ms = http_retry_after_ms(response);
        return true;
    }
    return err_set(err, ERR_UPSTREAM, "HTTP %d %.40s", response->status, code);
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"id", "task_id", "data.task_id", "data.id", NULL};

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
    {"queued", OUTCOME_RUNNING},
    {"running", OUTCOME_RUNNING},
    {"succeeded", OUTCOME_SUCCEEDED},
    {"failed", OUTCOME_FAILED},
    {"cancelled", OUTCOME_CANCELLED},
    {"expired", OUTCOME_FAILED},
    {"pending", OUTCOME_RUNNING}, // NA
    {"processing", OUTCOME_RUNNING},
    // Relays.
    {"in_progress", OUTCOME_RUNNING},
    {"completed", OUTCOME_SUCCEEDED},
    {"SUBMITTED", OUTCOME_RUNNING},
    {"PROCESSING", OUTCOME_RUNNING},
    {"SUCCESS", OUTCOME_SUCCEEDED},
    {"FAILED", OUTCOME_FAILED},
};

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    char *base = base_of(account);
    bool ok = http_get(request, base, err, "/%s", task->upstream_id);

    free(base);
    authorize(account, request);
    return ok;
}

static bool build_poll_many(const struct task *const *tasks, size_t count,
                            const struct account *account, struct http_request *request,
                            struct err *err)
{
    struct buf url = {0};
    char *base = base_of(account);
    bool ok;

    buf_fmt(&url, "%s?page_num=1&page_size=%zu", base, count);
    for (size_t i = 0; i < count; i++) {
        buf_str(&url, "&filter.task_ids=");
        buf_percent(&url, tasks[i]->upstream_id);
    }
    ok = http_get(request, url.data, err, "");
    buf_clear(&url);
    free(base);
    authorize(account, request);
    return ok;
}

// Reads what the answer tells of a video beside its link: in the body, or in a relay's metadata.
static void read_facts(const json_t *body, struct outcome *outcome)
{
    static const struct {
        const char *name, *places[3];
    } facts[] = {
        {"duration", {"duration", "content.duration", "seconds"}},
        {"resolution", {"resolution", "metadata.resolution", NULL}},
        {"ratio", {"ratio", "metadata.ratio", NULL}},
        {"frames_per_second", {"framespersecond", "metadata.frames_per_second", NULL}},
        {"seed", {"seed", NULL, NULL}},
    };

    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        json_t *value = NULL;

        for (size_t k = 0; k < 3 && facts[i].places[k] != NULL && value == NULL; k++)
            value = field_at(body, facts[i].places[k]);
        if (json_is_string(value) && strcmp(facts[i].name, "duration") == 0)
            outcome_set_extra(outcome, "duration",
                              json_integer(strtol(json_string_value(value), NULL, 10)));
        else if (value != NULL)
            outcome_set_extra(outcome, facts[i].name, json_incref(value));
    }
}

static void read_result(const json_t *body, struct outcome *outcome)
{
    static const char *const places[] = {"content.video_url", "metadata.url", "video_url", "url",
                                         "fail_reason"}; // new-api, on success, too
    const char *frame = field_str_or_empty(body, "content.last_frame_url"), *url = "";

    for (size_t i = 0; i < sizeof places / sizeof places[0] && strncmp(url, "http", 4) != 0; i++)
        url = field_str_or_empty(body, places[i]);
    if (strncmp(url, "http", 4) != 0)
        return; // the link may come late
    if (*frame == '\0')
        frame = field_str_or_empty(body, "metadata.last_frame_url");
    outcome_add_source(outcome, "video", url);
    if (*frame != '\0')
        outcome_add_source(outcome, "image", frame);
    read_facts(body, outcome);
}

static void read_failure(const json_t *body, const char *status, struct outcome *outcome)
{
    static const char *const places[] = {"error.message", "failure_reason.message",
                                         "failure_reason", "fail_reason", "message"};
    const char *code = field_str_or_empty(body, "error.code"), *reason = "";

    if (*code == '\0')
        code = field_str_or_empty(body, "failure_reason.code"); // in lists (GO)
    for (size_t i = 0; i < sizeof places / sizeof places[0] && *reason == '\0'; i++)
        reason = field_str_or_empty(body, places[i]);
    outcome_set_reason(outcome, *reason == '\0' ? "the vendor gave no reason" : reason);
    if (strcmp(status, "expired") == 0) {
        outcome->code = "task_expired";
        outcome_set_reason(outcome, "the vendor didn't get to it in time");
    } else if (strstr(code, "Sensitive") != NULL) {
        outcome->code = "content_filter";
    }
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
        outcome->has_started = strcmp(status, "queued") != 0 && strcmp(status, "pending") != 0 &&
                               strcmp(status, "SUBMITTED") != 0;
        outcome->progress = adapter_progress(body, "progress");
    }
    return true;
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    const json_t *data = json_object_get(body, "data"); // Volcengine's envelope, from a relay

    (void)task, (void)account;
    // Only Ark's own word says that the task isn't there; any other 404 may be about the path.
    if (response->status == 404 &&
        strncmp(field_str_or_empty(body, "error.code"), "NotFound", 8) == 0)
        outcome->kind = OUTCOME_MISSING;
    if (outcome->kind == OUTCOME_MISSING)
        return true;
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    return read_task(json_is_object(data) ? data : body, outcome, err);
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

static const char *id_of(const json_t *item)
{
    return field_str_or_empty(item, "id");
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
    static const struct adapter_list list = {id_of, wanted, read_item};
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
    buf_str(upstream_id, field_str_or_empty(body, "id"));
    return upstream_id->len > 0 || err_set(err, ERR_INVALID, "id: is required");
}

#define COMMON                                                                                     \
    .keys = adapter_bearer_keys, .build_submit = build_submit, .read_submit = read_submit,         \
    .build_poll = build_poll, .read_poll = read_poll

static const struct dialect ark = {
    COMMON,
    .name = "ark",
    .base_url = "https://ark.cn-beijing.volces.com/api/v3",
    .poll_many_max = 50,
    .check = check,
    .build_poll_many = build_poll_many,
    .read_poll_many = read_poll_many,
    .build_cancel = build_cancel,
    .read_callback = read_callback,
};
static const struct dialect relay = {COMMON, .name = "relay", .model_prefixes = prefixes};

static const struct dialect *const dialects[] = {&ark, &relay, NULL};

const struct provider provider_seedance = {
    .name = "seedance",
    .dialects = dialects,
    .models = models,
    .prefixes = prefixes,
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
