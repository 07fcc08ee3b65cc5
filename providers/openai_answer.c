// Answers of OpenAI and its kin.
//
// Sources: openai/openai-openapi (ImagesResponse), OpenAI's page on error codes.
#include "providers/openai_answer.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/refusal.h"

// The place of a file in an answer: those before it count, too.
#define MARK ";base64,inline"

// Refusals that are about the account, beside those that refusal.h knows.
static const char *const elsewhere[] = {"billing_hard_limit_reached", "billing_not_active",
                                        "project_spend_limit_exceeded"};

// Counts files up to `wanted`, in the document's order. True: it is found.
static bool count_files(const json_t *value, const char *name, const json_t *wanted, int *count)
{
    const char *key, *text = json_string_value(value);
    json_t *item;
    size_t i;

    if (value == wanted)
        return true;
    if (text != NULL && strcmp(name, "b64_json") == 0)
        (*count)++;
    else
        for (; text != NULL && (text = strstr(text, MARK)) != NULL; text++)
            (*count)++;
    json_object_foreach((json_t *)value, key, item)
    {
        if (count_files(item, key, wanted, count))
            return true;
    }
    json_array_foreach((json_t *)value, i, item)
    {
        if (count_files(item, "", wanted, count))
            return true;
    }
    return false;
}

// Adds the file of one of the answer's images. False: it has none.
static bool add_image(const json_t *body, const json_t *image, struct outcome *outcome)
{
    const json_t *url = json_object_get(image, "url"), *file = json_object_get(image, "b64_json");
    const char *link = field_str_or_empty(image, "url");
    bool is_link = strncasecmp(link, "http://", 7) == 0 || strncasecmp(link, "https://", 8) == 0;
    bool is_data = strncmp(link, "data:", 5) == 0 && strstr(link, MARK) != NULL;
    char place[32];
    int count = 0;

    if (is_link) {
        outcome_add_source(outcome, "image", link);
        return true;
    }
    if (!is_data && !json_is_string(file))
        return false;
    count_files(body, "", is_data ? url : file, &count);
    snprintf(place, sizeof place, "inline:%d", count);
    outcome_add_source(outcome, "image", place);
    return true;
}

// What is shown beside an image's file.
static json_t *more_of(const json_t *image)
{
    static const char *const names[] = {"revised_prompt", "mime_type"};
    json_t *more = json_object();

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (*field_str_or_empty(image, names[i]) != '\0')
            json_object_set(more, names[i], json_object_get(image, names[i]));
    return more;
}

static void add_known(const json_t *body, struct outcome *outcome)
{
    static const char *const names[] = {"background", "output_format", "quality", "size"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (*field_str_or_empty(body, names[i]) != '\0')
            outcome_set_extra(outcome, names[i], json_incref(json_object_get(body, names[i])));
    if (json_is_object(json_object_get(body, "usage")))
        outcome_set_extra(outcome, "usage", json_incref(json_object_get(body, "usage")));
}

static void read_images(const json_t *body, struct outcome *outcome)
{
    json_t *image, *data = json_array();
    bool has_more = false;
    size_t i;

    json_array_foreach(json_object_get(body, "data"), i, image)
    {
        json_t *more = more_of(image);

        if (add_image(body, image, outcome)) {
            has_more |= json_object_size(more) > 0;
            json_array_append(data, more);
        }
        json_decref(more);
    }
    if (has_more)
        outcome_set_extra(outcome, "data", json_incref(data));
    json_decref(data);
    if (outcome->source_count == 0)
        return;
    outcome->kind = OUTCOME_SUCCEEDED;
    add_known(body, outcome);
}

static bool is_about_account(const json_t *body)
{
    const char *code = field_str_or_empty(body, "error.code");

    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        if (strcmp(elsewhere[i], code) == 0)
            return true;
    return false;
}

// An answer with a good status and nothing in it: whatever was made, it doesn't come.
static void read_nothing(const struct http_response *response, const json_t *body,
                         struct outcome *outcome)
{
    struct err err;

    if (refusal_read(response, body, outcome, &err))
        return;
    outcome->kind = OUTCOME_FAILED;
    outcome->code = "vendor_failed";
    if (*refusal_words(body) == '\0')
        outcome_set_reason(outcome, "the answer has no image");
}

static bool read_answer(const struct task *task, const struct account *account,
                        const struct http_response *response, const json_t *body,
                        struct outcome *outcome, struct err *err)
{
    (void)task, (void)account;
    if (is_about_account(body)) {
        outcome->kind = OUTCOME_REFUSED_ELSEWHERE;
        return true;
    }
    if (response->status < 200 || response->status > 299)
        return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    read_images(body, outcome);
    if (outcome->kind == OUTCOME_NONE &&
        (json_object_get(body, "data") != NULL || refusal_is_named(body)))
        read_nothing(response, body, outcome);
    return outcome->kind != OUTCOME_NONE || err_set(err, ERR_UPSTREAM, "neither data nor an error");
}

bool openai_is_sound(const struct task *task, const struct http_response *head)
{
    struct buf scratch = {0};
    const char *type = http_header(head, "content-type", &scratch);
    bool is =
        strcmp(task->action, "speech") == 0 && head->status == 200 &&
        (type == NULL || (strcasestr(type, "json") == NULL && strncasecmp(type, "text/", 5) != 0));

    buf_clear(&scratch);
    return is;
}

// Of the asked format, whatever the vendor calls it: some formats have no head that tells.
static const char *sound_type(const struct task *task)
{
    static const struct {
        const char *format, *type;
    } types[] = {
        {"", "audio/mpeg"},     {"mp3", "audio/mpeg"}, {"opus", "audio/ogg"}, {"aac", "audio/aac"},
        {"flac", "audio/flac"}, {"wav", "audio/wav"},  {"pcm", "audio/pcm"},
    };
    struct err err;
    json_t *asked = adapter_request_of(task, &err);
    const char *format = field_str_or_empty(asked, "response_format"), *type = NULL;

    for (size_t i = 0; i < sizeof types / sizeof types[0] && type == NULL; i++)
        if (strcmp(types[i].format, format) == 0)
            type = types[i].type;
    json_decref(asked);
    return type;
}

bool openai_read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    if (!openai_is_sound(task, response))
        return adapter_read_submit(task, account, response, read_answer, outcome, err);
    *outcome = (struct outcome){.kind = OUTCOME_SUCCEEDED, .progress = -1};
    outcome_add_typed(outcome, "audio", "inline:0", sound_type(task));
    return true;
}
