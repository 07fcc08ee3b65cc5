// Ideogram's answers.
//
// Sources: the vendor's own specification (ImageGenerationResponseV3, GenerateImageResponse,
// DescribeResponse), its pages on responses and on limits.
#include "providers/ideogram_answer.h"

#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/ideogram_body.h"
#include "providers/outcome.h"
#include "providers/refusal.h"

// The vendor's word for why an account may not.
static const struct outcome_word reject_reasons[] = {
    {"inflight_limit", OUTCOME_REFUSED_RETRY},
    {"insufficient_funds", OUTCOME_REFUSED_ELSEWHERE},
    {"subscription_required", OUTCOME_REFUSED_ELSEWHERE},
    {"daily_limit", OUTCOME_REFUSED_ELSEWHERE},
    {"priority_credit_required", OUTCOME_REFUSED_ELSEWHERE},
    {"feature_limit", OUTCOME_REFUSED_ELSEWHERE},
};

// A gateway's words for a task of its own that has ended without a result.
static const char *const ended[] = {"vendor_failed", "archive_failed", "task_failed", NULL};

static bool is_good(const struct http_response *response)
{
    return response->status >= 200 && response->status <= 299;
}

// Results.

// The vendor says it in ISO 8601, always in UTC; relays in Unix seconds. 0: it isn't said.
static int64_t created_of(const json_t *body)
{
    struct tm parts = {0};

    if (strptime(field_str_or_empty(body, "created"), "%Y-%m-%dT%H:%M:%S", &parts) != NULL)
        return (int64_t)timegm(&parts);
    return field_int_or(body, "created", 0);
}

// What is shown beside an image's file.
static json_t *more_of(const json_t *image)
{
    static const struct {
        const char *name;
        json_type type;
    } members[] = {
        {"prompt", JSON_STRING}, {"resolution", JSON_STRING}, {"upscaled_resolution", JSON_STRING},
        {"seed", JSON_INTEGER},  {"style_type", JSON_STRING},
    };
    json_t *more = json_object();

    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        json_t *value = json_object_get(image, members[i].name);

        if (value != NULL && json_typeof(value) == members[i].type)
            json_object_set(more, members[i].name, value);
    }
    if (json_is_boolean(json_object_get(image, "is_image_safe")))
        json_object_set(more, "is_image_safe", json_object_get(image, "is_image_safe"));
    return more;
}

// The vendor leaves the link out for an image that it holds for unsafe, said or not.
static bool is_unsafe(const json_t *image)
{
    const json_t *is_safe = json_object_get(image, "is_image_safe");

    return json_is_false(is_safe) ||
           (!json_is_true(is_safe) && json_is_null(json_object_get(image, "url")));
}

// Adds the image's file, or names it among the missing. True: it may be had.
static bool add_image(const json_t *image, struct outcome *outcome)
{
    const char *url = field_str_or_empty(image, "url");

    if (is_unsafe(image))
        outcome_add_missing(outcome, "image", "content_filter",
                            "the vendor holds the image for unsafe");
    else if (!field_is_given(image, "url") || *url == '\0')
        outcome_add_missing(outcome, "image", "vendor_failed", "the vendor gives no link");
    else
        outcome_add_source(outcome, "image", url);
    return !is_unsafe(image) && *url != '\0';
}

void ideogram_read_images(const json_t *body, const json_t *images, struct outcome *outcome)
{
    json_t *data = json_array(), *image;
    bool has_any = false, has_unsafe = false;
    size_t i;

    json_array_foreach((json_t *)images, i, image)
    {
        has_any |= add_image(image, outcome);
        has_unsafe |= is_unsafe(image);
        json_array_append_new(data, more_of(image));
    }
    if (has_any) {
        outcome->kind = OUTCOME_SUCCEEDED;
        outcome_set_extra(outcome, "data", json_incref(data));
        if (created_of(body) > 0)
            outcome_set_extra(outcome, "created", json_integer(created_of(body)));
    } else {
        outcome->kind = OUTCOME_FAILED;
        outcome->code = has_unsafe ? "content_filter" : "vendor_failed";
        outcome_set_reason(outcome, has_unsafe ? "the vendor holds all images for unsafe"
                                               : "the answer has no image");
    }
    json_decref(data);
}

static void read_texts(const json_t *texts, struct outcome *outcome)
{
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)texts, i, item)
    {
        const char *text = field_str_or_empty(item, "text");

        if (*text != '\0')
            outcome_add_source(outcome, "text", text);
    }
    outcome->kind = outcome->source_count > 0 ? OUTCOME_SUCCEEDED : OUTCOME_FAILED;
    if (outcome->kind == OUTCOME_FAILED) {
        outcome->code = "vendor_failed";
        outcome_set_reason(outcome, "the answer has no description");
    }
}

// Something with a good status that isn't a result. Where it names an error, nothing will come.
static bool read_nothing(const struct http_response *response, const json_t *body,
                         struct outcome *outcome, struct err *err)
{
    if (!refusal_is_named(body))
        return err_set(err, ERR_UPSTREAM, "neither a result nor an error");
    if (refusal_read(response, body, outcome, err))
        return true;
    outcome->kind = OUTCOME_FAILED;
    outcome->code = "vendor_failed";
    return true;
}

static bool read_result(const struct task *task, const struct http_response *response,
                        const json_t *body, struct outcome *outcome, struct err *err)
{
    const json_t *list = json_object_get(body, ideogram_describes(task) ? "descriptions" : "data");

    if (!json_is_array(list))
        return read_nothing(response, body, outcome, err);
    if (ideogram_describes(task))
        read_texts(list, outcome);
    else
        ideogram_read_images(body, list, outcome);
    return true;
}

// Refusals.

static bool refuse(const struct http_response *response, enum outcome_kind kind, const char *code,
                   struct outcome *outcome)
{
    outcome->kind = kind;
    outcome->code = code;
    if (kind == OUTCOME_REFUSED_RETRY || kind == OUTCOME_REFUSED_ELSEWHERE)
        outcome->retry_after_ms = http_retry_after_ms(response);
    return true;
}

static bool is_about_safety(const struct http_response *response, const json_t *body)
{
    return (response->status == 400 || response->status == 422) &&
           strcasestr(refusal_words(body), "safety") != NULL;
}

// The vendor's own word before the status, and what else it means by a status than others do.
bool ideogram_read_refusal(const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    const char *reason = field_str_or_empty(body, "reject_reason");

    for (size_t i = 0; i < sizeof reject_reasons / sizeof reject_reasons[0]; i++) {
        if (response->status >= 500 || strcmp(reject_reasons[i].word, reason) != 0)
            continue;
        if (*refusal_words(body) == '\0')
            outcome_set_reason(outcome, reason);
        return refuse(response, reject_reasons[i].kind, NULL, outcome);
    }
    if (is_about_safety(response, body))
        return refuse(response, OUTCOME_REFUSED_FINAL, "content_filter", outcome);
    return err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
}

static bool read_official(const struct task *task, const struct account *account,
                          const struct http_response *response, const json_t *body,
                          struct outcome *outcome, struct err *err)
{
    (void)account;
    return is_good(response) ? read_result(task, response, body, outcome, err)
                             : ideogram_read_refusal(response, body, outcome, err);
}

static bool read_relayed(const struct task *task, const struct account *account,
                         const struct http_response *response, const json_t *body,
                         struct outcome *outcome, struct err *err)
{
    (void)account;
    if (is_good(response))
        return read_result(task, response, body, outcome, err);
    if (adapter_is_text(field_str_or_empty(body, "error.code"), ended))
        return refuse(response, OUTCOME_FAILED, "vendor_failed", outcome);
    return is_about_safety(response, body)
               ? refuse(response, OUTCOME_REFUSED_FINAL, "content_filter", outcome)
               : err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
}

// With or without words. A page isn't the vendor's.
static bool is_wrong_key(const struct task *task, const struct http_response *response)
{
    return response->status == 403 && ideogram_has_403_for_key(task) &&
           *buf_text(&response->body) != '<';
}

bool ideogram_read_submit(const struct task *task, const struct account *account,
                          const struct http_response *response, struct outcome *outcome,
                          struct err *err)
{
    bool ok = adapter_read_submit(task, account, response, read_official, outcome, err);

    if (ok && is_wrong_key(task, response))
        outcome->kind = OUTCOME_BAD_KEY;
    return ok;
}

bool ideogram_read_relay(const struct task *task, const struct account *account,
                         const struct http_response *response, struct outcome *outcome,
                         struct err *err)
{
    return adapter_read_submit(task, account, response, read_relayed, outcome, err);
}
