// Answers of OpenAI and its kin.
//
// Source: OpenAI's page on error codes.
#include "providers/openai_answer.h"

#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/image_call.h"
#include "providers/outcome.h"
#include "providers/refusal.h"

// Refusals that are about the account, beside those that refusal.h knows.
static const char *const elsewhere[] = {"billing_hard_limit_reached", "billing_not_active",
                                        "project_spend_limit_exceeded"};

bool openai_refuse(const char *code, struct outcome *outcome)
{
    for (size_t i = 0; i < sizeof elsewhere / sizeof elsewhere[0]; i++)
        if (strcmp(elsewhere[i], code) == 0)
            outcome->kind = OUTCOME_REFUSED_ELSEWHERE;
    return outcome->kind != OUTCOME_NONE;
}

static bool refuse(const struct http_response *response, const char *code, struct outcome *outcome)
{
    (void)response;
    return openai_refuse(code, outcome);
}

// Whatever JSON is there for a sound with a good status, no sound will come.
static bool read_silence(const struct task *task, const struct http_response *response,
                         const json_t *body, struct outcome *outcome)
{
    if (strcmp(task->action, "speech") != 0 || response->status != 200)
        return false;
    outcome->kind = OUTCOME_FAILED;
    outcome->code = "vendor_failed";
    if (*refusal_words(body) == '\0')
        outcome_set_reason(outcome, "the answer has no sound");
    return true;
}

static bool read_answer(const struct task *task, const struct account *account,
                        const struct http_response *response, const json_t *body,
                        struct outcome *outcome, struct err *err)
{
    static const struct image_call_words words = {refuse, NULL};

    (void)account;
    return image_call_read(response, body, &words, outcome, err) ||
           read_silence(task, response, body, outcome);
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
    if (!openai_is_sound(task, response) || response->body.len > 0)
        return adapter_read_submit(task, account, response, read_answer, outcome, err);
    *outcome = (struct outcome){.kind = OUTCOME_SUCCEEDED, .progress = -1};
    outcome_add_typed(outcome, "audio", "inline:0", sound_type(task));
    return true;
}
