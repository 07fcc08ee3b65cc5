// Wan, at Alibaba's Model Studio (dashscope), or at a gateway of the one-api family or another
// Spool (relay).
//
// Sources: dashscope-sdk-python (PY), Model Studio's pages on Wan (DOC), new-api's
// relay/channel/task/ali (NA).
#include <string.h>

#include "core/config/config.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/dashscope.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "providers/relay.h"
#include "providers/wan_body.h"

static const char *const models[] = {
    "wan2.6-t2v",
    "wan2.5-t2v-preview",
    "wan2.2-t2v-plus",
    "wan2.5-i2v-preview",
    "wan2.2-i2v-plus",
    "wan2.2-i2v-flash",
    "wan2.2-kf2v-flash",
    "wan2.2-s2v",
    "wan-ai/wan2.1-t2v-14b",
    "wan-ai/wan2.1-i2v-14b-720p",
    NULL,
};
static const char *const prefixes[] = {"wan", NULL};

// Submits.

static bool build_submit(const struct task *task, const struct account *account,
                         struct http_request *request, struct err *err)
{
    json_t *body = adapter_request_of(task, err);

    return body != NULL &&
           dashscope_post_task(account, wan_body_path(task, account), "video-synthesis",
                               wan_body_of(task, account, body), request, err);
}

// Looking.

// What it tells of the video, in the words of either of its generations (DOC).
static void read_facts(const json_t *body, struct outcome *outcome)
{
    static const char *const size_places[] = {"usage.size", "usage.video_ratio", NULL};
    json_t *seconds = field_at(body, "usage.video_duration");
    const char *prompt = field_str_or_empty(body, "output.actual_prompt");
    int lines = (int)field_int_or(body, "usage.SR", 0);

    if (seconds == NULL)
        seconds = field_at(body, "usage.duration");
    if (json_is_number(seconds))
        outcome_set_extra(outcome, "duration", json_incref(seconds));
    if (lines <= 0)
        lines = wan_body_lines(field_first_str(body, size_places));
    if (lines > 0)
        outcome_set_extra(outcome, "lines", json_integer(lines));
    if (*prompt != '\0')
        outcome_set_extra(outcome, "actual_prompt", json_string(prompt));
}

static void read_result(const json_t *body, struct outcome *outcome)
{
    static const char *const places[] = {"output.video_url", "output.results.video_url", NULL};
    const char *url = field_first_str(body, places);

    if (*url == '\0')
        return; // the link may come late
    outcome_add_source(outcome, "video", url);
    read_facts(body, outcome);
}

static bool read_poll_body(const struct task *task, const struct account *account,
                           const struct http_response *response, const json_t *body,
                           struct outcome *outcome, struct err *err)
{
    (void)account;
    if (!dashscope_read_status(task, response, body, outcome, err))
        return false;
    if (outcome->kind == OUTCOME_SUCCEEDED)
        read_result(body, outcome);
    return true;
}

static bool read_poll(const struct task *task, const struct account *account,
                      const struct http_response *response, struct outcome *outcome,
                      struct err *err)
{
    return adapter_read_poll(task, account, response, "video", read_poll_body, outcome, err);
}

// A submit in doubt.

static struct dashscope_job job_of(const struct task *task, const struct account *account)
{
    return (struct dashscope_job){wan_body_model(task, account), "input.prompt",
                                  wan_body_sends_prompt(task, account)};
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
    .polls_per_second = DASHSCOPE_POLLS_PER_SECOND,
    .check = wan_body_check,
    .build_submit = build_submit,
    .linked_fields = wan_body_linked_fields,
    .read_submit = dashscope_read_submit,
    .build_poll = dashscope_build_poll,
    .read_poll = read_poll,
    .build_lookup = build_lookup,
    .read_lookup = read_lookup,
    .add_likeness = add_likeness,
    .build_cancel = dashscope_build_cancel,
};

// A relay's public paths.

// Without what is kept of the unified form to be shown.
static bool shape(const struct task *task, json_t *body, struct err *err)
{
    static const char *const shown[] = {"prompt",   "negative_prompt", "size",   "aspect_ratio",
                                        "duration", "seconds",         "private"};

    (void)task, (void)err;
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++)
        json_object_del(body, shown[i]);
    return true;
}

// The job is the whole answer: what is told of the video stands beside `output`.
static void add_files(const struct task *task, const struct account *account, const json_t *job,
                      struct outcome *outcome)
{
    relay_add_file(task, account, job, outcome);
    if (outcome->source_count > 0)
        read_facts(job, outcome);
}

// DashScope's words come first.
static const struct outcome_word relay_words[] = {
    {"PENDING", OUTCOME_RUNNING},     {"SUSPENDED", OUTCOME_RUNNING},
    {"RUNNING", OUTCOME_RUNNING},     {"SUCCEEDED", OUTCOME_SUCCEEDED},
    {"FAILED", OUTCOME_FAILED},       {"CANCELED", OUTCOME_CANCELLED},
    {"UNKNOWN", OUTCOME_MISSING},     {"NOT_START", OUTCOME_RUNNING},
    {"SUBMITTED", OUTCOME_RUNNING},   {"QUEUED", OUTCOME_RUNNING},
    {"IN_PROGRESS", OUTCOME_RUNNING}, {"SUCCESS", OUTCOME_SUCCEEDED},
    {"FAILURE", OUTCOME_FAILED},      {"queued", OUTCOME_RUNNING},
    {"in_progress", OUTCOME_RUNNING}, {"processing", OUTCOME_RUNNING},
    {"completed", OUTCOME_SUCCEEDED}, {"succeeded", OUTCOME_SUCCEEDED},
    {"failed", OUTCOME_FAILED},       {"cancelled", OUTCOME_CANCELLED},
};

static const struct relay table = {
    .submit = "/alibailian/api/v1/services/aigc/video-generation/video-synthesis",
    .poll = "/alibailian/api/v1/tasks/%s",
    .ids = (const char *const[]){"output.task_id", "task_id", "id", "data.task_id", NULL},
    .jobs = (const char *const[]){"data", NULL}, // NA's envelope
    .statuses = (const char *const[]){"output.task_status", "task_status", "status", NULL},
    .words = relay_words,
    .word_count = sizeof relay_words / sizeof relay_words[0],
    .started = (const char *const[]){"RUNNING", "IN_PROGRESS", "in_progress", "processing", NULL},
    .kind = "video",
    .links = (const char *const[]){"output.video_url", "output.results.video_url", "video_url",
                                   "results.video_url", "url", "result_url", "fail_reason",
                                   NULL}, // the last: NA, on success
    .reasons =
        (const char *const[]){"output.message", "message", "error.message", "fail_reason", NULL},
    .codes = (const char *const[]){"output.code", "code", "error.code", NULL},
    .filters = (const char *const[]){"content_filter", "DataInspectionFailed",
                                     "IPInfringementSuspect", NULL},
    .add_files = add_files,
    .shape = shape,
};

static const struct dialect relay = {
    RELAY(table),
    .model_prefixes = prefixes,
    .linked_fields = wan_body_linked_fields,
};

static const struct dialect *const dialects[] = {&dashscope, &relay, NULL};

const struct provider provider_wan = {
    .name = "wan",
    .dialects = dialects,
    .models = models,
    .prefixes = {[MEDIA_VIDEO] = prefixes},
    .poll_first_ms = 15000, // DOC
    .poll_max_ms = 20000,
    .typical_ms = 180000,
    .submit_timeout_ms = 60000,
    .poll_timeout_ms = 15000,
    .missing_grace_ms = 60000,
    .link_life_ms = 24 * 3600 * 1000LL, // DOC
    .nobodys_action = "video",
    .nobodys_id = dashscope_nobodys_id,
    .from_unified = wan_body_from_unified,
    .example = {.path = "/alibailian/api/v1/services/aigc/video-generation/video-synthesis",
                .body =
                    "{'model':'wan2.5-t2v-preview','input':{'prompt':'a red kite over a harbour'},"
                    "'parameters':{'resolution':'480P'}}"},
};
