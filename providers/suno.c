// Suno, through the dialect of Suno-API and the relays that copied it: there is no official API.
//
// Sources: Suno-API/Suno-API (S), Veloera/Veloera (V) and QuantumNous/new-api (NA) for relays.
// Times there are seconds. No id of ours is taken and no list is offered: a lost submit stays
// unknown.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"

// S waits for the lyrics before it answers, for up to two minutes.
enum { LYRICS_TIMEOUT_MS = 150000 };

static const char *const models[] = {"chirp-v3-0", "chirp-v3-5",    "chirp-v4", "chirp-v4-5",
                                     "chirp-auk",  "chirp-bluejay", "chirp-v5", NULL};
static const char *const prefixes[] = {"chirp-", NULL};

static bool is_lyrics(const struct task *task)
{
    return strcmp(task->action, "LYRICS") == 0;
}

// Submits.

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    const char *model = provider_model(account, task->model);
    const char *path = is_lyrics(task)                       ? "/suno/submit/lyrics"
                       : strcmp(task->action, "CONCAT") == 0 ? "/suno/submit/concat"
                                                             : "/suno/submit/music";
    json_t *body = adapter_request_of(task, err);

    if (body == NULL)
        return false;
    if (model != NULL && *model != '\0')
        json_object_set_new(body, "mv", json_string(model));
    if (strcmp(task->action, "MUSIC") == 0 && json_object_get(body, "make_instrumental") == NULL)
        json_object_set_new(body, "make_instrumental", json_false());
    // S and V want the task that made the clip.
    if (task->upstream_parent != NULL && strcmp(task->action, "MUSIC") == 0)
        json_object_set_new(body, "task_id", json_string(task->upstream_parent));
    if (is_lyrics(task))
        request->timeout_ms = LYRICS_TIMEOUT_MS;
    adapter_add_bearer(account, request);
    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    return http_post_json(request, account->base_url, body, err, path);
}

// The id is "data" (S, V), "data.task_id", or "result" (the outer form of some relays). S can fail
// with 500 though Suno has accepted: that is a doubt, as with any 500.
static bool read_submit_body(const struct task *task, const struct account *account,
                             const struct http_response *response, const json_t *body,
                             struct outcome *outcome, struct err *err)
{
    static const char *const places[] = {"data",    "data.task_id", "data.id", "result",
                                         "task_id", "id",           NULL};

    (void)task, (void)account;
    return adapter_accept(response, body, places, outcome, err);
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return adapter_read_submit(task, account, response, read_submit_body, outcome, err);
}

// Looking.

static const struct outcome_word status_words[] = {
    {"NOT_START", OUTCOME_RUNNING},
    {"SUBMITTED", OUTCOME_RUNNING},
    {"QUEUED", OUTCOME_RUNNING},
    {"IN_PROGRESS", OUTCOME_RUNNING},
    {"SUCCESS", OUTCOME_SUCCEEDED},
    {"FAILURE", OUTCOME_FAILED},
    {"UNKNOWN", OUTCOME_MISSING}, // S doesn't follow the task any more; believed after a while
    // Relays, in lower case; and the clips' own.
    {"submitted", OUTCOME_RUNNING},
    {"queued", OUTCOME_RUNNING},
    {"queueing", OUTCOME_RUNNING},
    {"processing", OUTCOME_RUNNING},
    {"streaming", OUTCOME_RUNNING},
    {"complete", OUTCOME_SUCCEEDED},
    {"success", OUTCOME_SUCCEEDED},
    {"error", OUTCOME_FAILED},
    {"failed", OUTCOME_FAILED},
};

static bool has_started(const char *status)
{
    return strcmp(status, "IN_PROGRESS") == 0 || strcmp(status, "processing") == 0 ||
           strcmp(status, "streaming") == 0;
}

static bool build_poll_many(const struct task *const *tasks, size_t count,
                            const struct account *account, struct http_request *request,
                            struct err *err)
{
    json_t *ids = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(ids, json_string(tasks[i]->upstream_id));
    adapter_add_bearer(account, request);
    return http_post_json(request, account->base_url, json_pack("{s:o}", "ids", ids), err,
                          "/suno/fetch");
}

// The batch request serves for one task, too: S's GET gives the payload alone, without a status.
static bool build_poll(const struct task *task, const struct account *account,
                       struct http_request *request, struct err *err)
{
    return build_poll_many(&task, 1, account, request, err);
}

// A song. A clip has its audio_url already while it is streaming: only complete ones count.

static void set_or_null(json_t *object, const char *name, json_t *value)
{
    json_object_set(object, name, value == NULL ? json_null() : value);
}

// A relay that is another Spool has duration, tags and prompt in the clip itself, Suno has them in
// metadata.
static json_t *clip_fact(const json_t *clip, const char *name)
{
    json_t *metadata = json_object_get(clip, "metadata"), *value = json_object_get(metadata, name);

    return value != NULL && !json_is_null(value) ? value : json_object_get(clip, name);
}

static json_t *describe(const json_t *clip)
{
    json_t *known = json_object();

    set_or_null(known, "id", json_object_get(clip, "id"));
    set_or_null(known, "title", json_object_get(clip, "title"));
    set_or_null(known, "duration", clip_fact(clip, "duration"));
    set_or_null(known, "tags", clip_fact(clip, "tags"));
    set_or_null(known, "prompt", clip_fact(clip, "prompt"));
    set_or_null(known, "status", json_object_get(clip, "status"));
    return known;
}

static const char no_reason[] = "the vendor gave no reason";

// "": it gives none.
static const char *clip_reason(const json_t *clip)
{
    static const char *const places[] = {"metadata.error_message", "metadata.error_type", NULL};

    return field_first_str(clip, places);
}

// Whether its error is of the type "moderation_failure".
static bool is_moderated(const json_t *clip)
{
    return strncmp(field_str_or_empty(clip, "metadata.error_type"), "moderation", 10) == 0;
}

static void add_clip(const json_t *clip, struct outcome *outcome)
{
    const char *id = field_str_or_empty(clip, "id"), *audio = field_str_or_empty(clip, "audio_url");
    const char *image = field_str_or_empty(clip, "image_url");
    const char *large = field_str_or_empty(clip, "image_large_url");
    const char *video = field_str_or_empty(clip, "video_url");

    outcome_add_part(outcome, "audio", audio, id, false);
    if (*image != '\0')
        outcome_add_part(outcome, "cover", image, id, true);
    if (*large != '\0' && strcmp(large, image) != 0)
        outcome_add_part(outcome, "cover", large, id, true);
    if (*video != '\0')
        outcome_add_part(outcome, "video", video, id, true);
    outcome_add_mark(outcome, id);
}

// Where a relay says nothing about a clip of a finished task, or nothing that we know, it is
// complete.
static enum outcome_kind clip_kind(const json_t *clip, enum outcome_kind of_task)
{
    const char *status = field_str_or_empty(clip, "status");

    for (size_t i = 0; i < sizeof status_words / sizeof status_words[0]; i++)
        if (strcmp(status_words[i].word, status) == 0)
            return status_words[i].kind;
    return of_task == OUTCOME_SUCCEEDED ? OUTCOME_SUCCEEDED : OUTCOME_RUNNING;
}

// Whether a clip is complete, with a link.
static bool is_usable(const json_t *clip, enum outcome_kind of_task)
{
    return *field_str_or_empty(clip, "audio_url") != '\0' &&
           clip_kind(clip, of_task) == OUTCOME_SUCCEEDED;
}

static void add_failed_clip(const json_t *clip, struct outcome *outcome)
{
    outcome_add_missing(outcome, "audio", is_moderated(clip) ? "content_filter" : "vendor_failed",
                        *clip_reason(clip) == '\0' ? no_reason : clip_reason(clip));
}

// The clips' states count, not the task's: S says FAILURE where one of two clips has failed.
static void read_clips(const json_t *clips, struct outcome *outcome)
{
    enum outcome_kind said = outcome->kind;
    size_t usable = 0, running = 0, i;
    json_t *known = json_array(), *clip;

    json_array_foreach((json_t *)clips, i, clip)
    {
        enum outcome_kind kind = clip_kind(clip, said);

        usable += is_usable(clip, said);
        running += kind != OUTCOME_SUCCEEDED && kind != OUTCOME_FAILED;
        json_array_append_new(known, describe(clip));
    }
    // While the task runs, or nobody knows, the other clips may still come.
    if (usable > 0 && (running == 0 || said == OUTCOME_SUCCEEDED || said == OUTCOME_FAILED)) {
        outcome->kind = OUTCOME_SUCCEEDED;
        json_array_foreach((json_t *)clips, i, clip)
        {
            if (is_usable(clip, said))
                add_clip(clip, outcome);
            else if (clip_kind(clip, said) == OUTCOME_FAILED)
                add_failed_clip(clip, outcome);
        }
        outcome_set_extra(outcome, "clips", json_incref(known));
    }
    json_decref(known);
}

static const char *reason_of(const json_t *task, const json_t *payload)
{
    const char *reason = field_str_or_empty(task, "fail_reason");
    json_t *clip;
    size_t i;

    json_array_foreach((json_t *)payload, i, clip)
    {
        if (*reason == '\0')
            reason = clip_reason(clip);
    }
    return *reason == '\0' ? no_reason : reason;
}

static bool is_one_moderated(const json_t *clips)
{
    json_t *clip;
    size_t i;

    json_array_foreach((json_t *)clips, i, clip)
    {
        if (is_moderated(clip))
            return true;
    }
    return false;
}

static void read_lyrics(const json_t *payload, struct outcome *outcome)
{
    const char *text = field_str_or_empty(payload, "text");

    if (outcome->kind != OUTCOME_SUCCEEDED)
        return;
    outcome_add_source(outcome, "text", text);
    outcome_set_extra(outcome, "title", json_string(field_str_or_empty(payload, "title")));
}

// The status of a bare payload: that of its clips, or its own.
static const char *payload_status(const json_t *payload)
{
    json_t *clip;
    const char *status = "";
    size_t i;

    if (!json_is_array(payload))
        return field_str_or_empty(payload, "status");
    json_array_foreach((json_t *)payload, i, clip)
    {
        const char *word = field_str_or_empty(clip, "status");

        if (strcmp(word, "complete") != 0 && strcmp(word, "error") != 0)
            return word; // this clip still runs
        if (*status == '\0' || strcmp(word, "error") == 0)
            status = word;
    }
    return status;
}

// One task of a batch, or a bare payload: clips, or lyrics.
static bool read_task(const struct task *task, const json_t *item, struct outcome *outcome,
                      struct err *err)
{
    const json_t *payload = json_object_get(item, "data");
    const char *status = field_str_or_empty(item, "status");

    *outcome = (struct outcome){.progress = -1};
    if (!json_is_array(payload) && !json_is_object(payload))
        payload = item;
    if (*status == '\0')
        status = payload_status(payload);
    if (!outcome_from_word(outcome, OUTCOME_WORDS(status_words), status, err))
        return false;
    outcome->progress = adapter_percent(field_str_or_empty(item, "progress"));
    outcome->has_started = has_started(status);
    if (is_lyrics(task))
        read_lyrics(payload, outcome);
    else
        read_clips(payload, outcome);
    if (outcome->kind == OUTCOME_FAILED) {
        outcome_set_reason(outcome, reason_of(item, payload));
        if (is_one_moderated(payload))
            outcome->code = "content_filter";
    }
    return true;
}

static const char *wanted(const struct task *task)
{
    return is_lyrics(task) ? "text" : "audio";
}

static const char *const ids[] = {"task_id", "id", NULL};

static bool read_poll_many(const struct task *const *tasks, size_t count,
                           const struct account *account, const struct http_response *response,
                           struct outcome *outcomes, struct err *err)
{
    static const struct adapter_list list = {ids, wanted, read_task};
    json_t *body = adapter_list_body(response, count, outcomes, err);

    (void)account;
    // An answer that names an error has no tasks either: that doesn't mean that they are missing.
    if (!json_is_object(body) || json_object_get(body, "data") == NULL ||
        (json_array_size(json_object_get(body, "data")) == 0 && refusal_is_named(body))) {
        if (body != NULL)
            err_set(err, ERR_UPSTREAM, "the answer has no data: %.160s", refusal_words(body));
        json_decref(body);
        return false;
    }
    adapter_read_list(tasks, count, json_object_get(body, "data"), &list, outcomes);
    json_decref(body);
    return true;
}

// Whether an array is a song's clips, not a batch's tasks.
static bool is_clips(const struct task *task, const json_t *array)
{
    const json_t *first = json_array_get(array, 0);
    char digits[FIELD_ID_DIGITS];

    return first != NULL && json_object_get(first, "task_id") == NULL &&
           (json_object_get(first, "audio_url") != NULL ||
            strcmp(field_first_id(first, ids, digits), task->upstream_id) != 0);
}

// Reads one task in whichever form it comes: by itself, in an envelope, its payload in an envelope,
// or a batch of one.
static bool read_one(const struct task *task, const json_t *body, struct outcome *outcome,
                     struct err *err)
{
    const json_t *data = json_object_get(body, "data"), *item;
    char digits[FIELD_ID_DIGITS];

    if (*field_str_or_empty(body, "status") != '\0' || data == NULL)
        return read_task(task, body, outcome, err);
    if (!json_is_array(data) || is_clips(task, data))
        return read_task(task, data, outcome, err);
    for (size_t i = 0; (item = json_array_get(data, i)) != NULL; i++)
        if (strcmp(field_first_id(item, ids, digits), task->upstream_id) == 0)
            return read_task(task, item, outcome, err);
    outcome->kind = OUTCOME_MISSING;
    return true;
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    static const char *const unknown[] = {"task not exist", "task_not_exist", NULL}; // S; V
    bool has_data = field_at(body, "data") != NULL;

    (void)account;
    if (!has_data && adapter_is_text(field_str_or_empty(body, "message"), unknown)) {
        outcome->kind = OUTCOME_MISSING;
        return true;
    }
    if (response->status >= 300 || (!has_data && refusal_is_named(body)))
        return err_set(err, ERR_UPSTREAM, "HTTP %d: %.160s", response->status, refusal_words(body));
    if (json_is_null(json_object_get(body, "data"))) { // a batch that found no task
        outcome->kind = OUTCOME_MISSING;
        return true;
    }
    return read_one(task, body, outcome, err);
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, wanted(task), read_poll_body, outcome, err);
}

static const struct dialect relay = {
    .name = "relay",
    .model_prefixes = prefixes,
    .poll_many_max = 50,
    .keys = adapter_bearer_keys,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = build_poll,
    .read_poll = read_poll,
    .build_poll_many = build_poll_many,
    .read_poll_many = read_poll_many,
};

static const struct dialect *const dialects[] = {&relay, NULL};

const struct provider provider_suno = {
    .name = "suno",
    .dialects = dialects,
    .models = models,
    .poll_first_ms = 5000,
    .poll_max_ms = 10000,
    .typical_ms = 150000,
    .tells_progress = true,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 24 * 3600 * 1000LL, // unverified; longer in practice
    .nobodys_action = "MUSIC",
    .nobodys_id = "00000000-0000-0000-0000-000000000000",
    .example = {.path = "/suno/submit/music",
                .body =
                    "{'gpt_description_prompt':'a sea shanty about deadlines','mv':'chirp-v4'}"},
};
