// Qwen's images, at Alibaba's Model Studio (dashscope), or at a gateway of the one-api family or
// another Spool (relay).
//
// Sources: dashscope-sdk-python (PY), Model Studio's pages on Qwen's images as transcribed (DOC),
// new-api's relay/channel/ali (NA). Some models make tasks, which are followed like any other; of
// the others every submit is a call, and what is lost of its answer can't be found again.
#include <stdio.h>
#include <string.h>

#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/dashscope.h"
#include "providers/image_call.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/qwen_body.h"

static const char *const models[] = {
    "qwen-image-plus",      "qwen-image-max",      "qwen-image-2.0",
    "qwen-image-2.0-pro",   "qwen-image",          "qwen-image-edit",
    "qwen-image-edit-plus", "qwen-image-edit-max", NULL,
};
static const char *const prefixes[] = {"qwen-image", NULL};
static const char *const own_prefixes[] = {"qwen-image-", NULL}; // newer ones, and with dates

// Submits.

static bool is_call(const struct task *task, const struct account *account)
{
    return !qwen_body_makes_task(task, account);
}

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    json_t *asked = adapter_request_of(task, err);

    if (asked == NULL)
        return false;
    if (qwen_body_makes_task(task, account))
        return dashscope_post_task(account, "text2image", "image-synthesis",
                                   qwen_body_of(task, account, asked), request, err);
    request->timeout_ms = IMAGE_CALL_MS;
    return dashscope_post(account, "multimodal-generation", "generation",
                          qwen_body_of(task, account, asked), request, err);
}

static bool build_relay(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err)
{
    json_t *asked = adapter_request_of(task, err);

    if (asked == NULL)
        return false;
    http_add_header(request, "Idempotency-Key", task->id); // another Spool honours it
    return image_call_post(account, task->action,
                           image_call_body(task, account, task->action, asked), request, err);
}

// Answers to calls.

static void add_images(const json_t *body, struct outcome *outcome)
{
    json_t *choice, *part;
    size_t i, k;

    json_array_foreach(field_at(body, "output.choices"), i, choice)
    {
        json_array_foreach(field_at(choice, "message.content"), k, part)
        {
            if (*field_str_or_empty(part, "image") != '\0')
                outcome_add_source(outcome, "image", field_str_or_empty(part, "image"));
        }
    }
}

// How many weren't made is all that is said of them.
static void name_missing(const json_t *body, struct outcome *outcome)
{
    enum { MOST = 6 };
    int64_t failed = field_int_or(body, "output.task_metric.FAILED", 0);

    for (int64_t i = 0; i < failed && i < MOST; i++)
        outcome_add_missing(outcome, "image", "vendor_failed", "the vendor couldn't make it");
}

static void read_facts(const json_t *body, struct outcome *outcome)
{
    json_t *usage = json_object_get(body, "usage");
    int64_t width = field_int_or(usage, "width", 0), height = field_int_or(usage, "height", 0);
    char size[48];

    if (json_is_object(usage))
        outcome_set_extra(outcome, "usage", json_incref(usage));
    snprintf(size, sizeof size, "%lldx%lld", (long long)width, (long long)height);
    if (width > 0 && height > 0)
        outcome_set_extra(outcome, "size", json_string(size));
}

// A good status without an image: the vendor's code says why, or its words do.
static void read_nothing(const struct http_response *response, const json_t *body,
                         struct outcome *outcome)
{
    const char *said = field_str_or_empty(body, "output.choices.0.message.content.0.text");

    if (dashscope_refuse(response, field_str_or_empty(body, "code"), outcome) &&
        outcome->kind != OUTCOME_DOUBT)
        return;
    outcome->kind = OUTCOME_FAILED;
    outcome->code = "vendor_failed";
    if (outcome->reason == NULL)
        outcome_set_reason(outcome, *said == '\0' ? "the answer has no image" : said);
}

static bool read_call_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    const char *code = field_str_or_empty(body, "code");

    (void)task, (void)account;
    if (response->status < 200 || response->status > 299)
        return dashscope_refuse(response, code, outcome) ||
               err_set(err, ERR_UPSTREAM, "HTTP %d", response->status);
    add_images(body, outcome);
    if (outcome->source_count > 0) {
        outcome->kind = OUTCOME_SUCCEEDED;
        name_missing(body, outcome);
        read_facts(body, outcome);
        return true;
    }
    if (field_at(body, "output.choices") == NULL && *code == '\0')
        return err_set(err, ERR_UPSTREAM, "neither choices nor a code");
    read_nothing(response, body, outcome);
    return true;
}

static bool read_submit(const struct task *task, const struct account *account,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    return is_call(task, account)
               ? adapter_read_submit(task, account, response, read_call_body, outcome, err)
               : dashscope_read_submit(task, account, response, outcome, err);
}

static bool read_relay_body(const struct task *task, const struct account *account,
                            const struct http_response *response, const json_t *body,
                            struct outcome *outcome, struct err *err)
{
    static const struct image_call_words words = {dashscope_refuse, dashscope_failure};

    (void)task, (void)account;
    return image_call_read(response, body, &words, outcome, err);
}

static bool read_relay(const struct task *task, const struct account *account,
                       const struct http_response *response, struct outcome *outcome,
                       struct err *err)
{
    return adapter_read_submit(task, account, response, read_relay_body, outcome, err);
}

// Looking at tasks.

static void add_result(const json_t *result, json_t *data, struct outcome *outcome)
{
    const char *url = field_str_or_empty(result, "url"), *code = field_str_or_empty(result, "code");
    const char *prompt = field_str_or_empty(result, "actual_prompt");
    const char *why = field_str_or_empty(result, "message"), *ours = dashscope_failure(code);
    json_t *more = json_object();

    if (*prompt != '\0')
        json_object_set_new(more, "revised_prompt", json_string(prompt));
    if (*url != '\0')
        outcome_add_source(outcome, "image", url);
    else
        outcome_add_missing(outcome, "image", ours == NULL ? "vendor_failed" : ours,
                            *why != '\0'    ? why
                            : *code != '\0' ? code
                                            : "the vendor gave no reason");
    json_array_append_new(data, more);
}

static bool has_image(const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->source_count; i++)
        if (outcome->sources[i].error == NULL)
            return true;
    return false;
}

// A job that has succeeded may have made nothing: the first of its results says why, if there is
// one. A list that isn't there at all may come late.
static void read_results(const json_t *body, struct outcome *outcome)
{
    json_t *results = field_at(body, "output.results"), *result, *data = json_array();
    size_t i;

    json_array_foreach(results, i, result) add_result(result, data, outcome);
    if (has_image(outcome)) {
        outcome_set_extra(outcome, "data", json_incref(data));
        read_facts(body, outcome);
    } else if (outcome->source_count > 0) {
        outcome->kind = OUTCOME_FAILED;
        outcome->code = outcome->sources[0].error;
        outcome_set_reason(outcome, outcome->sources[0].why);
    } else if (json_is_array(results)) {
        outcome->kind = OUTCOME_FAILED;
        outcome_set_reason(outcome, "the job has no results");
    }
    json_decref(data);
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    (void)account;
    if (!dashscope_read_status(task, response, body, outcome, err))
        return false;
    if (outcome->kind == OUTCOME_SUCCEEDED)
        read_results(body, outcome);
    return true;
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, "image", read_poll_body, outcome, err);
}

// A submit in doubt. Of a call nothing is listed.

static struct dashscope_job job_of(const struct task *task, const struct account *account)
{
    return (struct dashscope_job){qwen_body_model(task, account), "prompt",
                                  qwen_body_makes_task(task, account)};
}

static bool add_likeness(const struct task *task, const struct account *account,
                         struct buf *likeness)
{
    struct dashscope_job job = job_of(task, account);

    return dashscope_add_likeness(task, &job, likeness);
}

static bool build_lookup(const struct task *task, const struct account *account, int step,
                         struct http_request *request, struct err *err)
{
    struct dashscope_job job = job_of(task, account);

    return dashscope_build_lookup(task, account, &job, step, request, err);
}

static bool read_lookup(const struct task *task, const struct account *account, int step,
                        const struct http_response *response, struct outcome *outcome,
                        struct err *err)
{
    struct dashscope_job job = job_of(task, account);

    (void)step;
    return dashscope_read_lookup(task, &job, response, outcome, err);
}

static const struct dialect dashscope = {
    .name = "dashscope",
    .base_url = "https://dashscope.aliyuncs.com",
    .keys = adapter_bearer_keys,
    .model_prefixes = own_prefixes,
    .polls_per_second = DASHSCOPE_POLLS_PER_SECOND,
    .check = qwen_body_check,
    .is_call = is_call,
    .build_submit = build_submit,
    .read_submit = read_submit,
    .build_poll = dashscope_build_poll,
    .read_poll = read_poll,
    .build_lookup = build_lookup,
    .read_lookup = read_lookup,
    .add_likeness = add_likeness,
    .build_cancel = dashscope_build_cancel,
};

static const struct dialect relay = {
    .name = "relay",
    .keys = adapter_bearer_keys,
    .model_prefixes = own_prefixes,
    .check = qwen_body_check,
    .is_call = image_call_is_call,
    .build_submit = build_relay,
    .read_submit = read_relay,
    .build_poll = image_call_build_look,
    .read_poll = image_call_read_look,
    .inline_keys = image_call_inline_keys,
};

static const struct dialect *const dialects[] = {&dashscope, &relay, NULL};

const struct provider provider_qwen = {
    .name = "qwen",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_IMAGE] = prefixes},
    .poll_first_ms = 5000,
    .poll_max_ms = 15000,
    .typical_ms = 40000, // DOC
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 24 * 3600 * 1000LL, // DOC
    .nobodys_action = "generate",
    .nobodys_id = dashscope_nobodys_id,
    .example = {.path = "/v1/images/generations",
                .body = "{'model':'qwen-image-plus','prompt':'a paper boat','size':'1328x1328'}"},
};
