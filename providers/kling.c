// Kling: its own API (official), or a gateway of the one-api family or another Spool (relay).
//
// Sources: the official reference as transcribed by inference-sh/grid (G) and WHQ25/rawgenai (W);
// QuantumNous/new-api (NA) for relays. Kling is the only vendor that takes an id of ours
// (external_task_id, unique within an account): a submit in doubt is found by it, or proved absent.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_write.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/kling_body.h"
#include "providers/kling_search.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"
#include "providers/relay.h"
#include "providers/token.h"
#include "providers/unified.h"

enum { TOKEN_LIFE_S = 1800, TOKEN_EARLY_S = 5, TOKEN_RENEW_S = 300 };

static const struct dialect_key official_keys[] = {{.name = "base_url", .is_required = true},
                                                   {.name = "access_key", .is_required = true},
                                                   {.name = "secret_key", .is_required = true},
                                                   {0}};

static const char *const models[] = {
    "kling-v1",
    "kling-v1-5",
    "kling-v1-6",
    "kling-v2",
    "kling-v2-master",
    "kling-v2-1",
    "kling-v2-1-master",
    "kling-v2-5-turbo",
    "kling-v2-6",
    "kling-v3",
    "kling-v3-omni",
    "kling-video-o1",
    "kolors-virtual-try-on-v1",
    "kolors-virtual-try-on-v1-5",
    NULL,
};
static const char *const prefixes[] = {"kling-", NULL};

// The path of each action serves its polls and lists, too.
static const struct action {
    const char *name, *path;
    const char *list_key; // what an element of image_list calls its image
} actions[] = {
    {"text2video", "videos/text2video", NULL},
    {"image2video", "videos/image2video", NULL},
    {"multi-image2video", "videos/multi-image2video", "image"},
    {"omni-video", "videos/omni-video", "image_url"},
    {"generations", "images/generations", NULL},
    {"kolors-virtual-try-on", "images/kolors-virtual-try-on", NULL},
};

static const struct action *action_of(const struct task *task)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, task->action) == 0)
            return &actions[i];
    return &actions[0];
}

static char *base_of(const struct task *task, const struct account *account)
{
    struct buf base = {0};

    if (account->base_url != NULL)
        buf_fmt(&base, "%s/v1/%s", account->base_url, action_of(task)->path);
    return buf_take(&base);
}

// The token (G 00-general): HS256 over the secret key's bytes as they are.
static bool build_token(const struct account *account, int64_t now_ms, struct token *token,
                        struct http_request *request, struct err *err)
{
    json_t *claims = json_pack(
        "{s:s,s:I,s:I}", "iss", secret_reveal(account_key(account, "access_key")), "exp",
        (json_int_t)now_ms / 1000 + TOKEN_LIFE_S, "nbf", (json_int_t)now_ms / 1000 - TOKEN_EARLY_S);
    char *text = json_write_text(claims);
    struct buf jwt = {0};

    (void)request, (void)err;
    jwt_hs256(secret_reveal(account_key(account, "secret_key")), text, &jwt);
    token->text = buf_take(&jwt);
    token->renew_ms = now_ms + (TOKEN_LIFE_S - TOKEN_RENEW_S) * 1000LL;
    free(text);
    json_decref(claims);
    return true;
}

static bool is_token_refused(const struct http_response *response)
{
    struct err err;
    json_t *body = response->status == 401 ? http_json(response, &err) : NULL;
    int64_t code = field_int_or(body, "code", 0);

    json_decref(body);
    return code == 1003 || code == 1004; // not valid yet; expired: clocks differ
}

// Submits.

// kling-v3 is two models at Kling: in an account's models that of the omni route is
// "kling-v3-omni", if it is listed.
static const char *model_of(const struct task *task, const struct account *account)
{
    const char *model = task->model == NULL ? "" : task->model, *omni;

    if (strcmp(task->action, "omni-video") == 0 && strcmp(model, "kling-v3") == 0) {
        omni = provider_model(account, "kling-v3-omni");
        if (omni != NULL)
            return omni;
    }
    return provider_model(account, model);
}

// Clients say "model" or "model_name"; the vendor has only the second.
static void set_model(json_t *body, const char *model)
{
    json_object_del(body, "model");
    if (model != NULL && *model != '\0')
        json_object_set_new(body, "model_name", json_string(model));
}

// What the vendor is known to refuse (G, W). A relay may have newer models with other limits.
static const char *const image_types[] = {"subject", "face", NULL};
static const char *const resolutions[] = {"1k", "2k", "4k", NULL};
static const char *const ratios[] = {"16:9", "9:16", "1:1", NULL};
static const char *const modes[] = {"std", "pro", "4k", NULL};
static const char *const standard_models[] = { // the omni route has others
    "kling-v1",   "kling-v1-5",        "kling-v1-6",       "kling-v2",   "kling-v2-master",
    "kling-v2-1", "kling-v2-1-master", "kling-v2-5-turbo", "kling-v2-6", NULL};

static const struct field_rule video_bounds[] = {
    {.path = "duration", .kind = FIELD_COUNT, .min = 3, .max = 15},
    {.path = "aspect_ratio", .kind = FIELD_WORD, .words = ratios},
    {.path = "mode", .kind = FIELD_WORD, .words = modes},
    {.path = "cfg_scale", .kind = FIELD_NUMBER, .max = 1},
    {.path = "kling_elements", .kind = FIELD_ARRAY, .max = 20},
    {.path = "element_list", .kind = FIELD_ARRAY, .max = 20},
    {0},
};
static const struct field_rule standard_bounds[] = {
    {.path = "multi_prompt", .kind = FIELD_ARRAY, .max = 5},
    {.path = "image_list", .kind = FIELD_ARRAY, .max = 4},
    {0},
};
static const struct field_rule standard_model_bounds[] = {
    {.path = "mode", .kind = FIELD_WORD, .words = (const char *const[]){"std", "pro", NULL}},
    {0},
};
static const struct field_rule omni_bounds[] = {
    {.path = "multi_prompt", .kind = FIELD_ARRAY, .max = 6},
    {.path = "image_list", .kind = FIELD_ARRAY, .max = 20},
    {.path = "video_list", .kind = FIELD_ARRAY, .max = 4},
    {.path = "voice_list", .kind = FIELD_ARRAY, .max = 4},
    {0},
};
static const struct field_rule image_bounds[] = {
    {.path = "n", .kind = FIELD_INT, .min = 1, .max = 9},
    {.path = "image_reference", .kind = FIELD_WORD, .words = image_types},
    {.path = "image_fidelity", .kind = FIELD_NUMBER, .max = 1},
    {.path = "human_fidelity", .kind = FIELD_NUMBER, .max = 1},
    {.path = "resolution", .kind = FIELD_WORD, .words = resolutions},
    {0},
};

static bool check_omni(const json_t *body, const char *model, struct err *err)
{
    if (model != NULL && adapter_is_one_of(model, standard_models))
        return err_set(err, ERR_INVALID, "%s: %s is not for this route",
                       field_is_given(body, "model_name") ? "model_name" : "model", model);
    return field_check(body, omni_bounds, err);
}

static bool check_standard(const json_t *body, const char *model, struct err *err)
{
    int64_t seconds;

    if (!field_check(body, standard_bounds, err))
        return false;
    if (model == NULL || !adapter_is_one_of(model, standard_models))
        return true;
    seconds = strtol(field_str_or_empty(body, "duration"), NULL, 10); // a text, or a number
    seconds = field_int_or(body, "duration", seconds);
    return field_check(body, standard_model_bounds, err) &&
           (seconds == 0 || seconds == 5 || seconds == 10 ||
            err_set(err, ERR_INVALID, "duration: must be 5 or 10"));
}

static bool check(const struct task *task, const struct account *account, struct err *err)
{
    bool has_model = task->model != NULL && *task->model != '\0';
    json_t *body;
    bool ok;

    if (has_model && !provider_knows(account, task->model))
        return true;
    body = adapter_request_of(task, err);
    if (body == NULL)
        return false;
    if (strncmp(action_of(task)->path, "images/", 7) == 0)
        ok = field_check(body, image_bounds, err);
    else
        ok = field_check(body, video_bounds, err) &&
             (strcmp(task->action, "omni-video") == 0
                  ? check_omni(body, model_of(task, account), err)
                  : check_standard(body, model_of(task, account), err));
    json_decref(body);
    return ok;
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    json_t *body = adapter_request_of(task, err);
    char *base;
    bool ok;

    if (body == NULL)
        return false;
    unified_drop_shown(body);
    kling_body_remap(body, action_of(task)->list_key);
    if (strcmp(task->action, "omni-video") == 0)
        kling_body_set_ratio(body);
    set_model(body, model_of(task, account));
    json_object_set_new(body, "external_task_id", json_string(task->id));
    if (task->callback_url != NULL)
        json_object_set_new(body, "callback_url", json_string(task->callback_url));
    base = base_of(task, account);
    ok = http_post_json(request, base, body, err, "");
    free(base);
    request->wants_token = true;
    return ok;
}

// "code" (G 00-general, W common-info). HTTP 429 alone says nothing: it may also be an empty
// balance.
static const struct code {
    int64_t first, last;
    enum outcome_kind kind;
    const char *error;
} codes[] = {
    {1000, 1002, OUTCOME_BAD_KEY, NULL},
    {1003, 1004, OUTCOME_REFUSED_RETRY, NULL},     // by then a new token had been tried
    {1100, 1102, OUTCOME_REFUSED_ELSEWHERE, NULL}, // account, arrears, resource pack
    {1103, 1103, OUTCOME_REFUSED_FINAL, "model_not_found"},
    {1200, 1201, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {1202, 1202, OUTCOME_REFUSED_FINAL, "invalid_request"},
    {1203, 1203, OUTCOME_REFUSED_FINAL, "model_not_found"},
    {1300, 1301, OUTCOME_REFUSED_FINAL, "content_filter"},
    {1302, 1303, OUTCOME_REFUSED_RETRY, NULL},     // rate, concurrency
    {1304, 1304, OUTCOME_REFUSED_ELSEWHERE, NULL}, // IP allow-list
    {5000, 5000, OUTCOME_DOUBT, NULL},
    {5001, 5001, OUTCOME_REFUSED_RETRY, NULL}, // maintenance
    {5002, 5002, OUTCOME_DOUBT, NULL},
};

static bool read_code(const struct task *task, int64_t code, struct outcome *outcome)
{
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (code < codes[i].first || code > codes[i].last)
            continue;
        outcome->kind = codes[i].kind;
        outcome->code = codes[i].error;
        // 1201 is also the answer to an external id that exists already: then an earlier try of
        // ours may have been accepted after all (clients report this; the reference doesn't say).
        if (code == 1201 && task->doubts > 0 && task->doubts < 4)
            outcome->kind = OUTCOME_DOUBT;
        return true;
    }
    return false;
}

// A relay passes the codes on.
static bool refuse(const struct task *task, const struct http_response *response,
                   const json_t *body, struct outcome *outcome)
{
    int64_t code = refusal_number(body, "code");

    if (code != 0)
        return read_code(task, code, outcome);
    // Only status 200 with code 0 is an acceptance (G); an id beside another status will be looked
    // up.
    outcome->kind = OUTCOME_DOUBT;
    return response->status >= 300 && field_is_given(body, "data.task_id");
}

static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"data.task_id", NULL};

    (void)account;
    return (response->status < 300 && adapter_accept(response, body, places, outcome, err)) ||
           refuse(task, response, body, outcome) ||
           err_set(err, ERR_UPSTREAM, "HTTP %d, code %lld", response->status,
                   (long long)refusal_number(body, "code"));
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking.

static const struct outcome_word status_words[] = {
    {"submitted", OUTCOME_RUNNING},
    {"processing", OUTCOME_RUNNING},
    {"succeed", OUTCOME_SUCCEEDED}, // sic
    {"failed", OUTCOME_FAILED},
};

static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    char *base = base_of(task, account);
    bool ok = http_get(request, base, err, "/%s", task->upstream_id);

    free(base);
    request->wants_token = true;
    return ok;
}

static void add_all(struct outcome *outcome, const json_t *list, const char *key, const char *kind,
                    bool is_optional)
{
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)list, i, item)
    {
        const char *url = field_str_or_empty(item, key);

        if (*url != '\0')
            outcome_add_part(outcome, kind, url, NULL, is_optional);
    }
}

// A text; a number at relays that read it.
static void read_duration(struct outcome *outcome, const json_t *result)
{
    json_t *seconds = field_at(result, "videos.0.duration");
    const char *text = json_string_value(seconds);

    if (text != NULL && *text != '\0')
        outcome_set_extra(outcome, "duration", json_real(strtod(text, NULL)));
    else if (json_is_number(seconds))
        outcome_set_extra(outcome, "duration", json_incref(seconds));
}

static const char *wanted(const struct task *task)
{
    return strncmp(action_of(task)->path, "images/", 7) == 0 ? "image" : "video";
}

static void add_files(const json_t *result, struct outcome *outcome)
{
    add_all(outcome, field_at(result, "videos"), "url", "video", false);
    add_all(outcome, field_at(result, "images"), "url", "image", false);
}

static void add_rest(const json_t *result, struct outcome *outcome)
{
    add_all(outcome, field_at(result, "videos"), "watermark_url", "video",
            outcome->source_count > 0); // a watermarked video is better than none
    read_duration(outcome, result);
}

static bool read_data(const json_t *data, struct outcome *outcome, struct err *err)
{
    const char *status = field_str_or_empty(data, "task_status");
    const char *reason = field_str_or_empty(data, "task_status_msg");

    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    switch (outcome->kind) {
    case OUTCOME_RUNNING:
        outcome->has_started = strcmp(status, "processing") == 0;
        return true;
    case OUTCOME_SUCCEEDED:
        add_files(field_at(data, "task_result"), outcome);
        add_rest(field_at(data, "task_result"), outcome);
        return true;
    default:
        outcome_set_reason(outcome, *reason == '\0' ? "the vendor gave no reason" : reason);
        return true;
    }
}

static bool is_missing(const struct http_response *response, const json_t *body)
{
    (void)response;
    return refusal_number(body, "code") == 1203;
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    long long code = (long long)refusal_number(body, "code");

    (void)task, (void)account;
    if (is_missing(response, body)) {
        outcome->kind = OUTCOME_MISSING;
        return true;
    }
    if (response->status >= 300 || code != 0)
        return err_set(err, ERR_UPSTREAM, "HTTP %d, code %lld", response->status, code);
    return read_data(field_at(body, "data"), outcome, err);
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, wanted(task), read_poll_body, outcome, err);
}

// A submit in doubt. Step 0 asks for our id in the path, which the reference allows and nobody has
// tried; from step 1 on the list is searched, page by page.

static bool build_lookup(const struct task *task, const struct account *account, int step,
                         struct http_request *request, struct err *err)
{
    char *base;
    bool ok;

    if (step > KLING_LIST_PAGES)
        return err_set(err, ERR_UPSTREAM, "it isn't in the list's first %d pages",
                       KLING_LIST_PAGES);
    base = base_of(task, account);
    ok = step == 0
             ? http_get(request, base, err, "/%s", task->id)
             : http_get(request, base, err, "?pageNum=%d&pageSize=%d", step, (int)KLING_LIST_SIZE);
    free(base);
    request->wants_token = true;
    return ok;
}

// The body is flat in one copy of the reference (W callback-protocol), wrapped in another (G).
static bool read_callback(const struct task *task, const struct account *account,
                          const json_t *body, struct buf *upstream_id, struct err *err)
{
    static const char *const places[] = {"task_id", "data.task_id", NULL};

    (void)task, (void)account;
    return adapter_callback_id(body, places, upstream_id, err);
}

static const struct dialect official = {
    .name = "official",
    .base_url = "https://api-singapore.klingai.com",
    .keys = official_keys,
    .check = check,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_poll,
    .read_poll = read_poll,
    .build_lookup = build_lookup,
    .read_lookup = kling_search_read,
    .build_token = build_token,
    .is_token_refused = is_token_refused,
    .read_callback = read_callback,
};

// A relay, which speaks as Kling does or in words of its own.

// It reads "model" or "model_name", by the route (NA writes both).
static bool shape(const struct task *task, json_t *body, struct err *err)
{
    (void)task, (void)err;
    unified_drop_shown(body);
    json_object_set(body, "model", json_object_get(body, "model_name"));
    return true;
}

static const json_t *result_of(const json_t *job)
{
    static const char *const places[] = {"task_result", "data.data.task_result",
                                         "data.task_result"}; // the vendor's answer, as NA keeps it
    const json_t *result = NULL;

    for (size_t i = 0; i < sizeof places / sizeof places[0] && result == NULL; i++)
        result = field_at(job, places[i]);
    return result;
}

// Relays that leave the vendor's object out give links of their own.
static void add_relay_files(const struct task *task, const struct account *account,
                            const json_t *job, struct outcome *outcome)
{
    const json_t *result = result_of(job);
    json_t *url;
    size_t i;

    add_files(result, outcome);
    if (outcome->source_count == 0)
        json_array_foreach(field_at(job, "metadata.urls"), i, url)
        {
            if (json_is_string(url))
                outcome_add_source(outcome, wanted(task), json_string_value(url));
        }
    if (outcome->source_count == 0)
        relay_add_file(task, account, job, outcome);
    add_rest(result, outcome);
}

// Kling's words, Spool's and Crazyrouter's, then new-api's.
static const struct outcome_word relay_words[] = {
    {"submitted", OUTCOME_RUNNING}, {"processing", OUTCOME_RUNNING},
    {"succeed", OUTCOME_SUCCEEDED}, {"failed", OUTCOME_FAILED},
    {"queued", OUTCOME_RUNNING},    {"succeeded", OUTCOME_SUCCEEDED},
    {"NOT_START", OUTCOME_RUNNING}, {"SUBMITTED", OUTCOME_RUNNING},
    {"QUEUED", OUTCOME_RUNNING},    {"IN_PROGRESS", OUTCOME_RUNNING},
    {"UNKNOWN", OUTCOME_RUNNING},   {"SUCCESS", OUTCOME_SUCCEEDED},
    {"FAILURE", OUTCOME_FAILED},
};

#define AT(path) "/kling/v1/" path, "/kling/v1/" path "/%s"
static const struct relay_action relay_actions[] = {
    {"image2video", AT("videos/image2video"), "video"},
    {"multi-image2video", AT("videos/multi-image2video"), "video"},
    {"omni-video", AT("videos/omni-video"), "video"},
    {"generations", AT("images/generations"), "image"},
    {"kolors-virtual-try-on", AT("images/kolors-virtual-try-on"), "image"},
    {0},
};

static const struct relay table = {
    .submit = "/kling/v1/videos/text2video",
    .poll = "/kling/v1/videos/text2video/%s",
    .actions = relay_actions,
    .model = "model_name",
    .own_id = "external_task_id",
    .callback = "callback_url",
    .accepts_by_status = true,
    .ids = (const char *const[]){"data.task_id", "task_id", "id", "data.id", NULL},
    .jobs = (const char *const[]){"data", NULL},
    .statuses = (const char *const[]){"task_status", "status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .started = (const char *const[]){"processing", "IN_PROGRESS", NULL},
    .number = "code",
    .kind = "video",
    .links = (const char *const[]){"url", "video_url", "result_url", "fail_reason",
                                   NULL}, // the last: NA, on success
    .reasons = (const char *const[]){"task_status_msg", "error.message", "fail_reason", NULL},
    .filters = (const char *const[]){"content_filter", NULL},
    .refuse = refuse,
    .is_missing = is_missing,
    .add_files = add_relay_files,
    .shape = shape,
};

static const struct dialect relay = {RELAY(table), .read_callback = relay_read_callback,
                                     .model_prefixes = prefixes};

static const struct dialect *const dialects[] = {&official, &relay, NULL};

const struct provider provider_kling = {
    .name = "kling",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 10000,
    .poll_max_ms = 15000,
    .typical_ms = 240000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 30LL * 24 * 3600 * 1000, // G, W
    .nobodys_action = "text2video",
    .nobodys_id = "0",
    .from_unified = kling_body_from_unified,
    .example =
        {.path = "/kling/v1/videos/text2video",
         .body =
             "{'model_name':'kling-v2-6','prompt':'a paper boat on a stormy sea','duration':5}"},
};
