// Midjourney, through a proxy that speaks the /mj dialect: there is no official API.
//
// "proxy" is novicezk/midjourney-proxy (N) or trueai-org/midjourney-proxy (T); "relay" is a gateway
// of the one-api family (R) in front of one of these, or another Spool. HTTP is 200 for nearly
// every outcome of N and T: the `code` in the answer decides.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"

static const struct dialect proxy, relay;
static const struct dialect_key proxy_keys[] = {
    {.name = "base_url", .is_required = true}, {.name = "api_key"}, {0}};

// The proxy asks Discord, for up to a minute (T TaskService.cs).
enum { SEED_MS = 75000 };

static const char *const id_places[] = {"id", NULL};
static const char *const models[] = {NULL}; // versions are part of the prompt

// The path of each action; for some actions the vendor's answer is the result itself.
static const struct action {
    const char *name, *path;
    bool is_answered_at_once;
} actions[] = {
    {"IMAGINE", "/submit/imagine", false},
    {"BLEND", "/submit/blend", false},
    {"DESCRIBE", "/submit/describe", false},
    {"SHORTEN", "/submit/shorten", false},
    {"MODAL", "/submit/modal", false},
    {"UPLOAD", "/submit/upload-discord-images", true},
    {"SEED", NULL, true},            // a GET of its own
    {NULL, "/submit/action", false}, // every button
};

static const struct action *action_of(const struct task *task)
{
    const struct action *action = actions;

    while (action->name != NULL && strcmp(action->name, task->action) != 0)
        action++;
    return action;
}

static bool authorize(const struct account *account, struct http_request *request)
{
    const char *key = secret_reveal(account_key(account, "api_key"));

    // T compares Authorization verbatim and lets it win over mj-api-secret even when it is wrong
    // (WorkContext.cs): so we only ever send one of the two.
    if (account->dialect == &relay)
        http_add_bearer(request, key);
    else if (*key != '\0')
        http_add_header(request, "mj-api-secret", key);
    return true;
}

// The speed is chosen by a prefix of the path: /mj-fast/mj/submit/imagine.
static char *base_of(const struct task *task, const struct account *account)
{
    struct buf base = {0};

    buf_str(&base, account->base_url == NULL ? "" : account->base_url);
    if (task->mode != NULL && *task->mode != '\0')
        buf_fmt(&base, "/mj-%s", task->mode);
    buf_str(&base, "/mj");
    return buf_take(&base);
}

// Both proxies take images as data URLs only; clients may send the base64 alone.
static void make_data_url(json_t *image)
{
    static const struct {
        const char *begins, *type;
    } types[] = {{"/9j/", "jpeg"}, {"UklGR", "webp"}, {"R0lGOD", "gif"}};
    const char *text = json_string_value(image), *type = "png";
    struct buf url = {0};

    if (text == NULL || *text == '\0' || strncmp(text, "data:", 5) == 0)
        return;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strncmp(text, types[i].begins, strlen(types[i].begins)) == 0)
            type = types[i].type;
    buf_fmt(&url, "data:image/%s;base64,%s", type, text);
    json_string_set(image, url.data);
    buf_clear(&url);
}

static void make_data_urls(json_t *body)
{
    json_t *image;
    size_t i;

    make_data_url(json_object_get(body, "base64"));
    make_data_url(json_object_get(body, "maskBase64"));
    json_array_foreach(json_object_get(body, "base64Array"), i, image) make_data_url(image);
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    const struct action *action = action_of(task);
    json_t *body;
    char *base;
    bool ok;

    if (account->base_url == NULL || *account->base_url == '\0')
        return err_set(err, ERR_CONFIG, "base_url is empty");
    base = base_of(task, account);
    if (action->path == NULL) {
        ok = http_get(request, base, err, "/task/%s/image-seed", task->upstream_parent);
        request->timeout_ms = SEED_MS;
        free(base);
        return ok && authorize(account, request);
    }
    body = adapter_request_of(task, err);
    if (body == NULL) {
        free(base);
        return false;
    }
    make_data_urls(body);
    // `state` carries our own id, by which a lost submit is found again.
    json_object_set_new(body, "state", json_string(task->id));
    json_object_del(body, "accountFilter"); // it is for us to choose the account
    json_object_del(body, "parentPrompt");  // a note of the family's for itself
    if (task->upstream_parent != NULL)
        json_object_set_new(body, "taskId", json_string(task->upstream_parent));
    ok = http_post_json(request, base, body, err, action->path);
    free(base);
    if (account->dialect == &relay)
        http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    return ok && authorize(account, request);
}

// "code" of a submit: 1, 22 (queued at the vendor) and 21 are acceptances; by 21 N means a task
// that exists already, T a new task that waits for a window to be confirmed. The refusals are in
// refusal.c; 5 is R's for an upstream that it couldn't reach or read. Sources: N ReturnCode.java
// and DiscordInstanceImpl.java, T TaskService.cs and DiscordService.cs, R constant/midjourney.go
// and relay.go.
enum { CODE_MODAL = 21, CODE_INVALID = 4, CODE_NOT_FOUND = 3, CODE_UNKNOWN = 5 };

static bool is_acceptance(int64_t code)
{
    return code == 1 || code == CODE_MODAL || code == 22;
}

// The answer to a question: its text is the result.
static bool read_answer(const json_t *body, struct outcome *outcome, struct err *err)
{
    json_t *answer = field_at(body, "result");

    if (answer == NULL || (json_is_string(answer) && json_string_length(answer) == 0))
        return err_set(err, ERR_UPSTREAM, "no answer to the question");
    outcome->kind = OUTCOME_SUCCEEDED;
    outcome_set_extra(outcome, "answer", json_incref(answer));
    return true;
}

// R says "invalid" whatever goes wrong in R itself, even when the job has begun by then
// (relay/mjproxy_handler.go). It adds a space to its words.
static enum outcome_kind kind_of_invalid(const char *description)
{
    static const char *const elsewhere[] = {"quota_not_enough", "get_channel_info_failed", NULL};
    static const char *const begun[] = {"insert_midjourney_task_failed",
                                        "copy_response_body_failed", "close_response_body_failed",
                                        NULL};

    return adapter_is_text(description, elsewhere) ? OUTCOME_REFUSED_ELSEWHERE
           : adapter_is_text(description, begun)   ? OUTCOME_DOUBT
                                                   : OUTCOME_REFUSED_FINAL;
}

static bool read_refusal(const struct task *task, int64_t code, const json_t *body,
                         struct outcome *outcome, struct err *err)
{
    if (code == CODE_UNKNOWN && !refusal_is_gateways(body)) {
        outcome->kind = OUTCOME_DOUBT;
        return true;
    }
    if (!refusal_by_number(code, outcome))
        return err_set(err, ERR_UPSTREAM, "unknown code %lld", (long long)code);
    if (code == CODE_INVALID)
        outcome->kind = kind_of_invalid(field_str_or_empty(body, "description"));
    if (outcome->kind != OUTCOME_REFUSED_FINAL)
        outcome->code = NULL;
    if (code == CODE_NOT_FOUND && task->upstream_parent != NULL) {
        // The parent is what wasn't found, and no other account has it.
        outcome->kind = OUTCOME_REFUSED_FINAL;
        outcome->code = "parent_not_found";
    }
    return true;
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"result", NULL};
    int64_t code = refusal_number(body, "code");
    bool is_question = action_of(task)->is_answered_at_once;

    (void)account;
    // A gateway's 5xx may hide an acceptance, whatever its body says: only that of a 503 is looked
    // into. 429 is R's answer where a group is saturated, whatever code it adds.
    if ((response->status >= 500 && response->status != 503) || response->status == 429)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    if (is_question && is_acceptance(code))
        return read_answer(body, outcome, err);
    if (!is_acceptance(code) && code != 0 && read_refusal(task, code, body, outcome, err))
        return true;
    // An unknown code with an id means that the job is there. A code that is an HTTP status is an
    // error.
    if (is_question || !(is_acceptance(code) || (response->status < 300 && code < 400)))
        return err_set(err, ERR_UPSTREAM, "the answer has no code");
    outcome->is_modal = code == CODE_MODAL && json_is_true(field_at(body, "properties.remix"));
    return adapter_accept(response, body, places, outcome, err);
}

// T answers 403 where it has switched an account off, and to a client that it doesn't know; with
// words, if with a body at all. A gateway's 403 is about its balance or its rules, and comes as
// JSON or as a page.
static bool is_shut_out(const struct account *account, const struct http_response *response)
{
    const char *text = buf_text(&response->body);

    return response->status == 403 && *text != '{' && *text != '<' && account->dialect == &proxy;
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    bool ok = adapter_read_submit(task, account, response, read_submit_body, outcome, err);

    if (is_shut_out(account, response))
        outcome->kind = OUTCOME_BAD_KEY;
    return ok;
}

// Looking.

static const struct outcome_word status_words[] = {
    {"", OUTCOME_RUNNING}, // null or "": not started
    {"NOT_START", OUTCOME_RUNNING},
    {"SUBMITTED", OUTCOME_RUNNING},
    {"MODAL", OUTCOME_RUNNING}, // T: the task waits for /submit/modal
    {"IN_PROGRESS", OUTCOME_RUNNING},
    {"SUCCESS", OUTCOME_SUCCEEDED},
    {"FAILURE", OUTCOME_FAILED},
    {"CANCEL", OUTCOME_CANCELLED},
};

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    return http_get(request, account->base_url, err, "/mj/task/%s/fetch", task->upstream_id) &&
           authorize(account, request);
}

static bool build_poll_many(const struct task *const *tasks, size_t count,
                            const struct account *account, struct http_request *request,
                            struct err *err)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(ids, json_string(tasks[i]->upstream_id));
    return http_post_json(request, account->base_url, json_pack("{s:o}", "ids", ids), err,
                          "/mj/task/list-by-condition") &&
           authorize(account, request);
}

static void add_urls(struct outcome *outcome, const json_t *list, const char *kind)
{
    size_t i;
    json_t *item;

    json_array_foreach((json_t *)list, i, item)
    {
        const char *url =
            json_is_string(item) ? json_string_value(item) : field_str_or_empty(item, "url");

        bool is_known = *url == '\0';

        for (size_t k = 0; k < outcome->source_count && !is_known; k++)
            is_known = strcmp(outcome->sources[k].url, url) == 0;
        if (!is_known)
            outcome_add_source(outcome, kind, url);
    }
}

static bool is_video(const struct task *task)
{
    return strncmp(task->action, "VIDEO", 5) == 0;
}

static bool is_about_text(const struct task *task)
{
    return strcmp(task->action, "DESCRIBE") == 0 || strcmp(task->action, "SHORTEN") == 0;
}

// The kind that a task must give; NULL: any, as buttons and windows may make anything.
static const char *wanted(const struct task *task)
{
    return is_about_text(task) ? "text" : is_video(task) ? "video" : NULL;
}

static bool is_mp4(const char *url)
{
    size_t len = strcspn(url, "?#");

    return len > 4 && strncasecmp(url + len - 4, ".mp4", 4) == 0;
}

// N keeps the words that it finds for an image as the prompt, too, which helps where a relay leaves
// the properties out.
static void read_text(const struct task *task, const json_t *body, struct outcome *outcome)
{
    static const char *const described[] = {"properties.finalPrompt", "promptEn", "prompt", NULL};
    static const char *const shortened[] = {"properties.finalPrompt", NULL};
    const char *text =
        field_first_str(body, strcmp(task->action, "DESCRIBE") == 0 ? described : shortened);

    if (*text != '\0')
        outcome_add_source(outcome, "text", text);
}

// What a finished task gives. T's video tasks repeat the video in imageUrl; a relay that knows no
// videos has it only there.
static void read_result(const struct task *task, const json_t *body, struct outcome *outcome)
{
    const char *image = field_str_or_empty(body, "imageUrl");
    const char *video = field_str_or_empty(body, "videoUrl");
    json_t *buttons = field_at(body, "buttons");
    const char *final_prompt = field_str_or_empty(body, "properties.finalPrompt");
    const char *prompt_en = field_str_or_empty(body, "promptEn");

    add_urls(outcome, field_at(body, "videoUrls"), "video");
    if (outcome->source_count == 0 && *video != '\0')
        outcome_add_source(outcome, "video", video);
    if (outcome->source_count == 0 && *image != '\0')
        outcome_add_source(outcome, is_video(task) && is_mp4(image) ? "video" : "image", image);
    if (is_about_text(task))
        read_text(task, body, outcome);
    else
        add_urls(outcome, field_at(body, "imageUrls"), "image");
    if (json_is_array(buttons))
        outcome_set_extra(outcome, "buttons", json_incref(buttons));
    if (*prompt_en != '\0')
        outcome_set_extra(outcome, "promptEn", json_string(prompt_en));
    if (*final_prompt != '\0')
        outcome_set_extra(outcome, "finalPrompt", json_string(final_prompt));
}

// N and T put the title of Discord's message in brackets before its text.
static bool is_filtered(const char *reason)
{
    static const char *const titles[] = {"[Image denied]",    "[Image prompt denied]",
                                         "[Video denied]",    "[Banned prompt]",
                                         "[Blocked prompt]",  "[Prompt blocked]",
                                         "[Content blocked]", "[Banned prompt detected]"};
    static const char *const texts[] = {"Request cancelled due to image filters", NULL};

    for (size_t i = 0; i < sizeof titles / sizeof titles[0]; i++)
        if (strncasecmp(reason, titles[i], strlen(titles[i])) == 0)
            return true;
    return adapter_is_text(reason, texts);
}

// T's cancel endpoint marks the task FAILURE, with words of its own (TaskController.cs). That a
// text speaks of cancelling means nothing: filters cancel, too.
static void read_failure(const char *reason, struct outcome *outcome)
{
    static const char *const cancels[] = {
        "取消任务",      "任务取消",          "任务已取消",     "已取消",
        "cancel",        "cancelled",         "canceled",       "task cancelled",
        "task canceled", "cancelled by user", "user cancelled", NULL};

    outcome_set_reason(outcome, *reason == '\0' ? "the vendor gave no reason" : reason);
    if (adapter_is_text(reason, cancels))
        outcome->kind = OUTCOME_CANCELLED;
    else if (is_filtered(reason))
        outcome->code = "content_filter";
}

// N, T: one Task object.
static bool read_task(const struct task *task, const json_t *body, struct outcome *outcome,
                      struct err *err)
{
    const char *status = field_str_or_empty(body, "status");
    const char *reason = field_str_or_empty(body, "failReason");
    char digits[FIELD_ID_DIGITS];

    *outcome = (struct outcome){.progress = -1};
    if (!json_is_object(body))
        return err_set(err, ERR_UPSTREAM, "not a task");
    // An answer must say which task it is about.
    if (strcmp(field_first_id(body, id_places, digits), task->upstream_id) != 0)
        return err_set(err, ERR_UPSTREAM, "the answer is about another task");
    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    outcome->progress = adapter_percent(field_str_or_empty(body, "progress"));
    switch (outcome->kind) {
    case OUTCOME_RUNNING:
        outcome->is_modal = strcmp(status, "MODAL") == 0;
        outcome->has_started = outcome->is_modal || strcmp(status, "IN_PROGRESS") == 0;
        break;
    case OUTCOME_SUCCEEDED:
        read_result(task, body, outcome);
        break;
    case OUTCOME_FAILED:
        read_failure(reason, outcome);
        break;
    default:
        break;
    }
    return true;
}

// Unknown: N says 200 and T 204 with nothing or null, R 400 with code 4 and a word that has a space
// behind it, Spool 404 with code 3. R's code 4 means other things, too.
static bool is_unknown(const struct http_response *response, const json_t *body)
{
    static const char *const words[] = {"task_no_found", "task_not_found", NULL};
    int64_t code = refusal_number(body, "code");

    if (response->status < 300)
        return json_is_null(body);
    return (response->status == 404 && code == CODE_NOT_FOUND) ||
           (code == CODE_INVALID &&
            adapter_is_text(field_str_or_empty(body, "description"), words));
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    (void)account;
    if (is_unknown(response, body)) {
        outcome->kind = OUTCOME_MISSING;
        return true;
    }
    if (response->status >= 300)
        return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status, refusal_words(body));
    return read_task(task, body, outcome, err);
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    if (response->status == 204 || (response->status == 200 && response->body.len == 0)) {
        *outcome = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
        return true;
    }
    return adapter_read_poll(task, account, response, wanted(task), read_poll_body, outcome, err);
}

static bool read_poll_many(const struct task *const *tasks, size_t count,
                           const struct account *account, const struct http_response *response,
                           struct outcome *outcomes, struct err *err)
{
    static const struct adapter_list list = {id_places, wanted, read_task};
    json_t *body = adapter_list_body(response, count, outcomes, err);

    (void)account;
    if (!json_is_array(body)) {
        if (body != NULL)
            err_set(err, ERR_UPSTREAM, "the answer isn't an array");
        json_decref(body);
        return false;
    }
    // A modal and its parent are one task at the vendor, which is listed once for both.
    adapter_read_list(tasks, count, body, &list, outcomes);
    json_decref(body);
    return true;
}

// A submit in doubt is found by our id in `state`. N lists all its tasks, T its latest 100: so
// absence proves nothing. Relays don't offer the list.
static bool build_lookup(const struct task *task, const struct account *account, int step,
                         struct http_request *request, struct err *err)
{
    (void)step;
    // A modal confirms a task that the vendor knows already: that task is looked at.
    if (strcmp(task->action, "MODAL") == 0)
        return http_get(request, account->base_url, err, "/mj/task/%s/fetch",
                        task->upstream_parent) &&
               authorize(account, request);
    return http_get(request, account->base_url, err, "/mj/task/list") &&
           authorize(account, request);
}

static bool read_lookup(const struct task *task, const struct account *account, int step,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    json_t *body, *item, *found = NULL;
    char digits[FIELD_ID_DIGITS];
    const char *id;
    size_t i, matches = 0;

    (void)account, (void)step;
    *outcome = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    if (response->status != 200)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    body = http_json(response, err);
    if (body == NULL)
        return false;
    if (strcmp(task->action, "MODAL") == 0) {
        const char *status = field_str_or_empty(body, "status");

        if (*status != '\0' && strcmp(status, "MODAL") != 0)
            found = body;
        matches = found != NULL;
    } else {
        json_array_foreach(body, i, item)
        {
            if (strcmp(field_str_or_empty(item, "state"), task->id) == 0) {
                found = item;
                matches++;
            }
        }
    }
    // A job is adopted only where the mark is there exactly once.
    id = field_first_id(found, id_places, digits);
    if (matches == 1 && *id != '\0') {
        outcome->kind = OUTCOME_ACCEPTED;
        outcome->upstream_id = mem_str(id);
    }
    json_decref(body);
    return true;
}

#define COMMON                                                                                     \
    .poll_many_max = 100, .build_submit = build_submit, .read_submit = read_submit,                \
    .build_poll = build_poll, .read_poll = read_poll, .build_poll_many = build_poll_many,          \
    .read_poll_many = read_poll_many

static const struct dialect proxy = {COMMON, .name = "proxy", .keys = proxy_keys,
                                     .build_lookup = build_lookup, .read_lookup = read_lookup};
static const struct dialect relay = {COMMON, .name = "relay", .keys = adapter_bearer_keys};

static const struct dialect *const dialects[] = {&proxy, &relay, NULL};

const struct provider provider_midjourney = {
    .name = "midjourney",
    .dialects = dialects,
    .models = models,
    .poll_first_ms = 2000,
    .poll_max_ms = 5000,
    .typical_ms = 60000,
    .tells_progress = true,
    .submit_timeout_ms = 30000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,          // N forgets its tasks when it restarts
    .link_life_ms = 24 * 3600 * 1000LL, // Discord's links carry ex, is, hm: about a day, unverified
    .nobodys_action = "IMAGINE",
    .nobodys_id = "0",
    .example = {.path = "/mj/submit/imagine", .body = "{'prompt':'a lighthouse at dusk --ar 3:2'}"},
};
