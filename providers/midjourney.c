// Midjourney, through a proxy that speaks the /mj dialect: there is no official API.
//
// "proxy" is novicezk/midjourney-proxy (N) or trueai-org/midjourney-proxy (T); "relay" is a gateway
// of the one-api family (R) in front of one of these, or another Spool. HTTP is 200 for nearly
// every outcome of N and T: the `code` in the answer decides.
#include <stdlib.h>
#include <string.h>

#include "core/base/config.h"
#include "core/base/field.h"
#include "core/base/http.h"
#include "core/base/mem.h"
#include "core/base/task.h"
#include "providers/adapter.h"
#include "providers/outcome.h"
#include "providers/provider.h"

enum { PROXY, RELAY };

static const char *const dialects[] = {[PROXY] = "proxy", [RELAY] = "relay", NULL};
static const char *const models[] = {NULL}; // versions are part of the prompt

// The path of each action; the vendor's answer to some is the result itself.
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
    const char *key = secret_reveal(&account->api_key);

    // T compares Authorization verbatim and lets it win over mj-api-secret even when it is wrong
    // (WorkContext.cs): so only ever one of the two.
    if (account->dialect != NULL && strcmp(account->dialect, "relay") == 0)
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

// Both proxies take images as data URLs only; clients may leave the beginning away.
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
        free(base);
        return ok && authorize(account, request);
    }
    body = json_loads(task->request, 0, NULL);
    if (!json_is_object(body)) {
        json_decref(body);
        free(base);
        return err_set(err, ERR_INTERNAL, "the stored request isn't a JSON object");
    }
    make_data_urls(body);
    // Hooks are ours to call; `state` carries our own id, by which a lost submit is found again.
    json_object_del(body, "notifyHook");
    json_object_set_new(body, "state", json_string(task->id));
    json_object_del(body, "accountFilter"); // which account is ours to choose
    json_object_del(body, "parentPrompt");  // the family's note
    if (task->upstream_parent != NULL)
        json_object_set_new(body, "taskId", json_string(task->upstream_parent));
    ok = http_post_json(request, base, body, err, action->path);
    free(base);
    if (provider_dialect(provider_find("midjourney"), account) == RELAY)
        http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    return ok && authorize(account, request);
}

// "code" of a submit. Sources: N ReturnCode.java and DiscordInstanceImpl.java, T TaskService.cs and
// DiscordService.cs, R constant/midjourney.go and relay.go.
static const struct code {
    int64_t code;
    enum outcome_kind kind;
    const char *error;
} codes[] = {
    {1, OUTCOME_ACCEPTED, NULL},
    {21, OUTCOME_ACCEPTED, NULL}, // N: exists already. T: a new one, waiting for a window's confirm
    {22, OUTCOME_ACCEPTED, NULL}, // waiting there
    {3, OUTCOME_REFUSED_ELSEWHERE, NULL},
    {4, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {5, OUTCOME_DOUBT, NULL},                      // R: it couldn't reach or read its own upstream
    {9, OUTCOME_REFUSED_RETRY, NULL},              // T says so, too, when its queue is full
    {23, OUTCOME_REFUSED_RETRY, NULL},             // N: queue full, the task was deleted again
    {24, OUTCOME_REFUSED_FINAL, "content_filter"}, // banned words
    {30, OUTCOME_REFUSED_RETRY, NULL},             // R: the group is saturated
};

// The answers of a question: its text is the result.
static void read_answer(const json_t *body, struct outcome *outcome)
{
    outcome->kind = OUTCOME_SUCCEEDED;
    outcome_set_extra(outcome, "answer", json_incref(json_object_get(body, "result")));
}

static bool read_code(const struct task *task, const json_t *body, struct outcome *outcome,
                      struct err *err)
{
    const struct code *found = NULL;
    json_t *result = field_at(body, "result");
    int64_t code;

    if (!json_is_integer(field_at(body, "code")))
        return err_set(err, ERR_UPSTREAM, "the answer has no code");
    code = field_int_or(body, "code", 0);
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i].code == code)
            found = &codes[i];
    if (found == NULL)
        return err_set(err, ERR_UPSTREAM, "unknown code %lld", (long long)code);
    outcome->kind = found->kind;
    outcome->code = found->error;
    outcome_set_reason(outcome, field_str_or_empty(body, "description"));
    if (found->kind == OUTCOME_REFUSED_ELSEWHERE && task->upstream_parent != NULL) {
        // The parent is what wasn't found, and no other account has it.
        outcome->kind = OUTCOME_REFUSED_FINAL;
        outcome->code = "parent_not_found";
    }
    if (found->kind != OUTCOME_ACCEPTED)
        return true;
    if (action_of(task)->is_answered_at_once) {
        read_answer(body, outcome);
        return true;
    }
    if (json_is_string(result))
        outcome->upstream_id = mem_str(json_string_value(result));
    else if (json_is_integer(result)) // N's snowflake ids, from a careless relay
        outcome->upstream_id = json_dumps(result, JSON_ENCODE_ANY);
    if (outcome->upstream_id == NULL || *outcome->upstream_id == '\0') {
        outcome->kind = OUTCOME_DOUBT;
        return err_set(err, ERR_UPSTREAM, "code %lld without a task id", (long long)code);
    }
    outcome->is_modal = code == 21 && json_is_true(field_at(body, "properties.remix"));
    return true;
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    json_t *body = NULL;
    bool ok;

    (void)account;
    *outcome = (struct outcome){.progress = -1};
    switch (response->status) {
    case 401:
    case 403:
        outcome->kind = OUTCOME_BAD_KEY;
        outcome_set_reason(outcome, "the vendor refused the account's key");
        return true;
    case 429: // R wraps its refusals in it, with or without a body
        outcome->kind = OUTCOME_REFUSED_RETRY;
        body = json_loadb(buf_text(&response->body), response->body.len, 0, NULL);
        outcome_set_reason(outcome, *field_str_or_empty(body, "description") != '\0'
                                        ? field_str_or_empty(body, "description")
                                        : "the vendor is busy (HTTP 429)");
        json_decref(body);
        outcome->retry_after_ms = http_retry_after_ms(response);
        return true;
    default:
        break;
    }
    // A gateway's 5xx may hide an acceptance, whatever it says: only 503 with a code of theirs, or
    // a status below 500, is looked into.
    if (response->status >= 500 && response->status != 503) {
        outcome->kind = OUTCOME_DOUBT;
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    }
    body = http_json(response, err);
    ok = body != NULL && read_code(task, body, outcome, err);
    json_decref(body);
    if (!ok)
        outcome->kind = OUTCOME_DOUBT;
    return ok;
}

// Looking.

static const struct outcome_word status_words[] = {
    {"", OUTCOME_RUNNING}, // null or "": not started
    {"NOT_START", OUTCOME_RUNNING},
    {"SUBMITTED", OUTCOME_RUNNING},
    {"MODAL", OUTCOME_RUNNING}, // T: it waits for /submit/modal
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

// What a finished task gives. T's video tasks repeat the video in imageUrl.
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
        outcome_add_source(outcome, "image", image);
    if (strcmp(task->action, "DESCRIBE") == 0 || strcmp(task->action, "SHORTEN") == 0)
        outcome_add_source(outcome, "text", final_prompt);
    else
        add_urls(outcome, field_at(body, "imageUrls"), "image");
    if (json_is_array(buttons))
        outcome_set_extra(outcome, "buttons", json_incref(buttons));
    if (*prompt_en != '\0')
        outcome_set_extra(outcome, "promptEn", json_string(prompt_en));
    if (*final_prompt != '\0')
        outcome_set_extra(outcome, "finalPrompt", json_string(final_prompt));
}

// N, T: one Task object.
static bool read_task(const struct task *task, const json_t *body, struct outcome *outcome,
                      struct err *err)
{
    const char *status = field_str_or_empty(body, "status");
    const char *reason = field_str_or_empty(body, "failReason");

    *outcome = (struct outcome){.progress = -1};
    if (!json_is_object(body))
        return err_set(err, ERR_UPSTREAM, "not a task");
    // Which task an answer speaks of is part of the answer.
    if (strcmp(field_str_or_empty(body, "id"), task->upstream_id) != 0)
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
        outcome_set_reason(outcome, *reason == '\0' ? "the vendor gave no reason" : reason);
        // T's cancel endpoint marks the task FAILURE (TaskController.cs).
        if (strcasestr(reason, "cancel") != NULL || strstr(reason, "取消") != NULL)
            outcome->kind = OUTCOME_CANCELLED;
        break;
    default:
        break;
    }
    return true;
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    json_t *body;
    bool ok;

    (void)account;
    *outcome = (struct outcome){.progress = -1};
    // Unknown: N 200 and T 204 with an empty body, R 400 with code 4 "task_no_found", Spool 404.
    if (response->status == 404 || response->status == 204 ||
        (response->status == 200 && response->body.len == 0)) {
        outcome->kind = OUTCOME_MISSING;
        return true;
    }
    if (adapter_proves_nothing(response, err))
        return false;
    body = http_json(response, err);
    if (body == NULL)
        return false;
    if (response->status == 400 && field_int_or(body, "code", 0) == 4) {
        outcome->kind = OUTCOME_MISSING;
        ok = true;
    } else if (json_is_null(body)) {
        outcome->kind = OUTCOME_MISSING;
        ok = true;
    } else {
        ok = read_task(task, body, outcome, err);
    }
    json_decref(body);
    return ok;
}

static const char *id_of(const json_t *item)
{
    return field_str_or_empty(item, "id");
}

static bool read_poll_many(const struct task *const *tasks, size_t count,
                           const struct http_response *response, struct outcome *outcomes,
                           struct err *err)
{
    json_t *body = adapter_list_body(response, count, outcomes, err);

    if (!json_is_array(body)) {
        if (body != NULL)
            err_set(err, ERR_UPSTREAM, "the answer isn't an array");
        json_decref(body);
        return false;
    }
    // A modal and its parent are one task there, and it is listed once for both.
    adapter_read_list(tasks, count, body, id_of, read_task, outcomes);
    json_decref(body);
    return true;
}

// A submit in doubt is found by our id in `state`. N lists all its tasks, T its latest 100: so
// absence proves nothing. Relays don't offer the list.
static bool build_lookup(const struct task *task, const struct account *account, int step,
                         struct http_request *request, struct err *err)
{
    (void)step;
    if (provider_dialect(provider_find("midjourney"), account) != PROXY)
        return err_set(err, ERR_UPSTREAM, "a relay can't be searched");
    // A modal confirms a task that the vendor knows already: that one is looked at.
    if (strcmp(task->action, "MODAL") == 0)
        return http_get(request, account->base_url, err, "/mj/task/%s/fetch",
                        task->upstream_parent) &&
               authorize(account, request);
    return http_get(request, account->base_url, err, "/mj/task/list") &&
           authorize(account, request);
}

static bool read_lookup(const struct task *task, int step, const struct http_response *response,
                        struct outcome *outcome, struct err *err)
{
    json_t *body, *item, *found = NULL;
    size_t i, matches = 0;

    (void)step;
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
    // Adopted only where the mark is there exactly once.
    if (matches == 1 && *field_str_or_empty(found, "id") != '\0') {
        outcome->kind = OUTCOME_ACCEPTED;
        outcome->upstream_id = mem_str(field_str_or_empty(found, "id"));
    }
    json_decref(body);
    return true;
}

const struct provider provider_midjourney = {
    .name = "midjourney",
    .dialects = dialects,
    .models = models,
    .poll_first_ms = 2000,
    .poll_max_ms = 5000,
    .typical_ms = 60000,
    .submit_timeout_ms = 30000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,          // N forgets its tasks when it restarts
    .link_life_ms = 24 * 3600 * 1000LL, // Discord's links carry ex, is, hm: about a day, unverified
    .poll_many_max = 100,
    .check_account = adapter_check_base_url,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_poll,
    .read_poll = read_poll,
    .build_poll_many = build_poll_many,
    .read_poll_many = read_poll_many,
    .build_lookup = build_lookup,
    .read_lookup = read_lookup,
};
