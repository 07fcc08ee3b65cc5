// What Ark wants to make a video from. Ark checks the parameters of a body strictly.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/seedance.h"
#include "tests/sim/sim.h"

enum { FRAMES_BASE = 25, FRAMES_STEP = 4, DATE_DIGITS = 6 };

// A file that was uploaded to Ark before: its own way to use faces.
static bool is_asset(const char *text)
{
    return strncmp(text, "asset://", 8) == 0 && text[8] != '\0';
}

static const char *check_image(const char *text)
{
    return rules_is_http_url(text) || is_asset(text) || rules_is_data_url(text, "image/")
               ? NULL
               : "must be an http or https URL, or a base64 data URL of an image";
}

static const char *check_video(const char *text)
{
    return rules_is_http_url(text) || is_asset(text) || rules_is_data_url(text, "video/")
               ? NULL
               : "must be an http or https URL, or a base64 data URL of a video";
}

static const char *check_audio(const char *text)
{
    return rules_is_http_url(text) || is_asset(text) || rules_is_data_url(text, "audio/")
               ? NULL
               : "must be an http or https URL, or a base64 data URL of audio";
}

static const struct rule image_url[] = {
    {"url", RULE_TEXT, .is_required = true, .check = check_image}, {0}};
static const struct rule video_url[] = {
    {"url", RULE_TEXT, .is_required = true, .check = check_video}, {0}};
static const struct rule audio_url[] = {
    {"url", RULE_TEXT, .is_required = true, .check = check_audio}, {0}};
static const struct rule draft_task[] = {
    {"id", RULE_TEXT, .is_required = true, .min = 1, .max = 100}, {0}};

static const struct rule text_item[] = {
    {"type", RULE_TEXT, .is_required = true},
    {"text", RULE_TEXT, .is_required = true, .min = 1, .max = 1000000},
    {0},
};
static const struct rule image_item[] = {
    {"type", RULE_TEXT, .is_required = true},
    {"image_url", RULE_OBJECT, .is_required = true, .fields = image_url},
    {"role", RULE_TEXT, .words = "first_frame last_frame reference_image"},
    {0},
};
static const struct rule video_item[] = {
    {"type", RULE_TEXT, .is_required = true},
    {"video_url", RULE_OBJECT, .is_required = true, .fields = video_url},
    {"role", RULE_TEXT, .words = "reference_video"},
    {0},
};
static const struct rule audio_item[] = {
    {"type", RULE_TEXT, .is_required = true},
    {"audio_url", RULE_OBJECT, .is_required = true, .fields = audio_url},
    {"role", RULE_TEXT, .words = "reference_audio"},
    {0},
};
static const struct rule draft_item[] = {
    {"type", RULE_TEXT, .is_required = true},
    {"draft_task", RULE_OBJECT, .is_required = true, .fields = draft_task},
    {0},
};

static const struct {
    const char *type;
    const struct rule *rules;
} items[] = {
    {"text", text_item},       {"image_url", image_item},  {"video_url", video_item},
    {"audio_url", audio_item}, {"draft_task", draft_item},
};

static const struct rule body_rules[] = {
    {"model", RULE_TEXT, .is_required = true, .min = 1, .max = 200},
    {"content", RULE_ARRAY, .is_required = true, .min = 1, .max = 100},
    {"callback_url", RULE_TEXT, .check = rules_http_url},
    {"return_last_frame", .type = RULE_BOOL},
    {"service_tier", RULE_TEXT, .words = "default flex"},
    {"execution_expires_after", RULE_INTEGER, .min = 1, .max = 1000000},
    {"generate_audio", .type = RULE_BOOL},
    {"draft", .type = RULE_BOOL},
    {"camera_fixed", .type = RULE_BOOL},
    {"watermark", .type = RULE_BOOL},
    {"resolution", RULE_TEXT, .words = "480p 720p 1080p"},
    {"ratio", RULE_TEXT, .words = "16:9 4:3 1:1 3:4 9:16 21:9 adaptive"},
    {"duration", RULE_INTEGER, .min = -1, .max = 15},
    {"frames", RULE_INTEGER, .min = FRAMES_BASE + FRAMES_STEP, .max = 289},
    {"seed", RULE_INTEGER, .min = -1, .max = UINT32_MAX},
    {"priority", .type = RULE_INTEGER},
    {"tools", .type = RULE_ARRAY},
    {"safety_identifier", .type = RULE_TEXT},
    {"output_format", .type = RULE_TEXT},
    {"omni_reference_task_type", .type = RULE_TEXT},
    {0},
};

static bool check_item(const json_t *item, struct rule_error *error)
{
    const char *type = rules_text(item, "type");

    if (!json_is_object(item))
        return rules_fail(error, "type", "must be in an object");
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++)
        if (strcmp(items[i].type, type) == 0)
            return rules_check(item, items[i].rules, error);
    return rules_fail(error, "type",
                      "must be one of: text image_url video_url audio_url draft_task");
}

// A draft has to be a job that is known here.
static bool check_draft(const struct jobs *jobs, const json_t *item, struct rule_error *error)
{
    const char *id = rules_text(json_object_get(item, "draft_task"), "id");

    if (*id == '\0' || jobs_find(jobs, &sim_seedance, id) != NULL)
        return true;
    return rules_fail(error, "draft_task.id", "is not a known task");
}

static bool check_content(const struct jobs *jobs, const json_t *content, struct rule_error *error)
{
    char param[sizeof error->param + 24];
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)content, i, item)
    {
        if (check_item(item, error) && check_draft(jobs, item, error))
            continue;
        snprintf(param, sizeof param, "content[%zu].%s", i, error->param);
        snprintf(error->param, sizeof error->param, "%s", param);
        return false;
    }
    return true;
}

static bool check_roles(const json_t *content, struct rule_error *error)
{
    unsigned first = 0, last = 0;
    json_t *item;
    size_t i;

    json_array_foreach((json_t *)content, i, item)
    {
        first += strcmp(rules_text(item, "role"), "first_frame") == 0;
        last += strcmp(rules_text(item, "role"), "last_frame") == 0;
    }
    if (first > 1 || last > 1)
        return rules_fail(error, "content", "must not have two images of one role");
    if (last > first)
        return rules_fail(error, "content", "must have a first_frame with the last_frame");
    return true;
}

static bool check_numbers(const json_t *body, struct rule_error *error)
{
    const json_t *frames = json_object_get(body, "frames");

    if (frames != NULL && (json_integer_value(frames) - FRAMES_BASE) % FRAMES_STEP != 0)
        return rules_fail(error, "frames", "must be 25 + 4n");
    if (json_is_integer(json_object_get(body, "duration")) &&
        json_integer_value(json_object_get(body, "duration")) == 0)
        return rules_fail(error, "duration", "must not be 0");
    return true;
}

// A model's id has its date at the end; an endpoint's begins with ep-.
static bool is_model(const char *model)
{
    const char *date = strrchr(model, '-');

    if (strncmp(model, "ep-", 3) == 0)
        return model[3] != '\0';
    return strstr(model, "seedance-") != NULL && strlen(date + 1) == DATE_DIGITS &&
           strspn(date + 1, "0123456789") == DATE_DIGITS;
}

bool seedance_check(const struct jobs *jobs, const json_t *body, const char **code,
                    struct rule_error *error)
{
    const json_t *content = json_object_get(body, "content");

    if (!rules_check(body, body_rules, error) || !check_content(jobs, content, error) ||
        !check_roles(content, error) || !check_numbers(body, error)) {
        *code = error->is_missing ? "MissingParameter" : "InvalidParameter";
        return false;
    }
    if (is_model(rules_text(body, "model")))
        return true;
    *code = "InvalidEndpointOrModel.NotFound";
    return rules_fail(error, "model", "does not exist or you do not have access to it");
}
