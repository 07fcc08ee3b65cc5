// What adapters share.
#include "providers/adapter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/json_fast.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"

const struct dialect_key adapter_bearer_keys[] = {
    {.name = "base_url", .is_required = true}, {.name = "api_key", .is_required = true}, {0}};

void adapter_add_bearer(const struct account *account, struct http_request *request)
{
    http_add_bearer(request, secret_reveal(account_key(account, "api_key")));
}

json_t *adapter_request_of(const struct task *task, struct err *err)
{
    json_t *body = json_read(task->request);

    if (!json_is_object(body)) {
        json_decref(body);
        err_set(err, ERR_INTERNAL, "the stored request isn't a JSON object");
        return NULL;
    }
    field_drop_empty(body);
    json_object_del(body, "notifyHook");
    json_object_del(body, "callback_url");
    return body;
}

bool adapter_read_submit(const struct task *task, const struct account *account,
                         const struct http_response *response, adapter_read_fn read,
                         struct outcome *outcome, struct err *err)
{
    json_t *body = http_json(response, err);
    bool ok;

    *outcome = (struct outcome){.progress = -1};
    if (body != NULL)
        outcome_set_reason(outcome, refusal_words(body));
    ok = (body != NULL && read(task, account, response, body, outcome, err)) ||
         refusal_read(response, body, outcome, err);
    if (ok && outcome->kind == OUTCOME_FAILED && outcome->reason == NULL)
        outcome_set_reason(outcome, "the vendor gave no reason");
    json_decref(body);
    return ok;
}

enum { MAX_ID = 4096 };

// Whether the text is an id: one with spaces in it, beside the name of an error, is somebody's
// words instead; and what no request line has room for isn't asked about by anybody.
static bool is_id(const json_t *body, const char *text)
{
    return *text != '\0' && strlen(text) <= MAX_ID &&
           (strpbrk(text, " \t\r\n") == NULL || !refusal_is_named(body));
}

bool adapter_accept(const struct http_response *response, const json_t *body,
                    const char *const *places, struct outcome *outcome, struct err *err)
{
    // Whatever else the answer has, an id means acceptance; but a refusal may have an id, too, of
    // the request.
    bool may_be = response->status < 300 || !refusal_is_named(body);

    for (; may_be && *places != NULL; places++) {
        json_t *value = field_at(body, *places);

        if (json_is_integer(value) && json_integer_value(value) > 0)
            outcome->upstream_id = json_dumps(value, JSON_ENCODE_ANY); // a careless relay's id
        else if (json_is_string(value) && is_id(body, json_string_value(value)))
            outcome->upstream_id = mem_str(json_string_value(value));
        else
            continue;
        outcome->kind = OUTCOME_ACCEPTED;
        return true;
    }
    return err_set(err, ERR_UPSTREAM, "the answer has no id");
}

// A job whose result isn't there counts as running: the result may come late, and a job that was
// paid for isn't over because of a word.
static void settle(const char *wanted, struct outcome *outcome)
{
    int progress = outcome->progress;

    if (outcome->kind != OUTCOME_SUCCEEDED)
        return;
    for (size_t i = 0; i < outcome->source_count; i++) {
        const struct outcome_source *source = &outcome->sources[i];
        bool is_other = wanted != NULL ? strcmp(source->kind, wanted) != 0
                                       : strcmp(source->kind, "text") == 0 ||
                                             strcmp(source->kind, "cover") == 0;

        if (*source->url != '\0' && !is_other)
            return;
    }
    outcome_clear(outcome);
    outcome->kind = OUTCOME_RUNNING;
    outcome->has_started = true;
    outcome->progress = progress;
}

// Whether the answer proves nothing: whoever gives these statuses may not reach the vendor, or not
// now.
static bool proves_nothing(const struct http_response *response, struct err *err)
{
    if (response->status < 500 && response->status != 401 && response->status != 403 &&
        response->status != 429)
        return false;
    err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    return true;
}

// Whether a relay's word says that there is no such task.
static bool is_missing(const json_t *body)
{
    static const char *const places[] = {"code", "error.code", "error.type"};
    static const char *const words[] = {"task_not_exist", "task_not_found", NULL};

    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (adapter_is_text(field_str_or_empty(body, places[i]), words))
            return true;
    return false;
}

bool adapter_read_poll(const struct task *task, const struct account *account,
                       const struct http_response *response, const char *wanted,
                       adapter_read_fn read, struct outcome *outcome, struct err *err)
{
    json_t *body;
    bool ok = true;

    *outcome = (struct outcome){.progress = -1};
    if (proves_nothing(response, err))
        return false;
    body = http_json(response, err);
    if (is_missing(body))
        outcome->kind = OUTCOME_MISSING;
    else
        ok = body != NULL && read(task, account, response, body, outcome, err);
    settle(wanted, outcome);
    json_decref(body);
    return ok;
}

size_t adapter_characters(const char *text)
{
    size_t count = 0;

    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

bool adapter_is_text(const char *text, const char *const *texts)
{
    size_t len;

    text += strspn(text, " \t\r\n");
    len = strlen(text);
    while (len > 0 && strchr(" \t\r\n.", text[len - 1]) != NULL)
        len--;
    for (; *texts != NULL; texts++)
        if (strlen(*texts) == len && strncasecmp(*texts, text, len) == 0)
            return true;
    return false;
}

int adapter_progress(const json_t *body, const char *place)
{
    int64_t progress = field_int_or(body, place, -1);

    return progress < 0 || progress > 100 ? -1 : (int)progress;
}

int adapter_percent(const char *text)
{
    char *end;
    long progress = strtol(text, &end, 10);

    return end == text || progress < 0 || progress > 100 ? -1 : (int)progress;
}

bool adapter_callback_id(const json_t *body, const char *const *places, struct buf *upstream_id,
                         struct err *err)
{
    char digits[FIELD_ID_DIGITS];

    buf_str(upstream_id, field_first_id(body, places, digits));
    return upstream_id->len > 0 || err_set(err, ERR_INVALID, "%s: is required", *places);
}

bool adapter_is_about_another(const struct task *task, const json_t *body,
                              const char *const *places, struct err *err)
{
    char digits[FIELD_ID_DIGITS];
    const char *id = field_first_id(body, places, digits);

    if (*id == '\0' || task->upstream_id == NULL || strcmp(id, task->upstream_id) == 0)
        return false;
    err_set(err, ERR_UPSTREAM, "the answer is about %.60s", id);
    return true;
}

json_t *adapter_list_body(const struct http_response *response, size_t count,
                          struct outcome *outcomes, struct err *err)
{
    for (size_t i = 0; i < count; i++)
        outcomes[i] = (struct outcome){.kind = OUTCOME_MISSING, .progress = -1};
    if (response->status == 200)
        return http_json(response, err);
    err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    return NULL;
}

void adapter_read_list(const struct task *const *tasks, size_t count, const json_t *items,
                       const struct adapter_list *list, struct outcome *outcomes)
{
    json_t *item;
    size_t k;

    json_array_foreach((json_t *)items, k, item)
    {
        char digits[FIELD_ID_DIGITS];
        const char *id = field_first_id(item, list->ids, digits);

        for (size_t i = 0; i < count; i++) {
            struct err one;

            if (strcmp(tasks[i]->upstream_id, id) != 0)
                continue;
            outcome_clear(&outcomes[i]);
            if (!list->read(tasks[i], item, &outcomes[i], &one))
                outcomes[i].kind = OUTCOME_NONE;
            settle(list->wanted(tasks[i]), &outcomes[i]);
        }
    }
}

bool adapter_is_one_of(const char *word, const char *const *words)
{
    while (words != NULL && *words != NULL && strcmp(*words, word) != 0)
        words++;
    return words != NULL && *words != NULL;
}

// What is left where files were taken out of an answer (core/json/json_inline.h).

int adapter_inline_count(const char *text)
{
    static const char mark[] = ";base64,inline";
    int count = 0;

    for (; (text = strstr(text, mark)) != NULL; text += sizeof mark - 1)
        count++;
    return count;
}

// Counts the files before `wanted`, in the document's order. True: it is found.
static bool count_before(const json_t *value, const char *name, const char *const *keys,
                         const json_t *wanted, int *count)
{
    const char *key;
    json_t *item;
    size_t i;

    if (value == wanted)
        return true;
    if (json_is_string(value))
        *count +=
            adapter_is_one_of(name, keys) ? 1 : adapter_inline_count(json_string_value(value));
    json_object_foreach((json_t *)value, key, item)
    {
        if (count_before(item, key, keys, wanted, count))
            return true;
    }
    json_array_foreach((json_t *)value, i, item)
    {
        if (count_before(item, "", keys, wanted, count))
            return true;
    }
    return false;
}

int adapter_inline_number(const json_t *answer, const char *const *keys, const json_t *string)
{
    int count = 0;

    count_before(answer, "", keys, string, &count);
    return count;
}
