// What DashScope wants to make Qwen's images from.
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/qwen.h"
#include "tests/sim/rules.h"

enum { MIN_AREA = 512 * 512, MAX_AREA = 2048 * 2048 };

static const struct qwen_model models[] = {
    {"qwen-image qwen-image-plus qwen-image-plus-2026-01-09", true, true, 1, 0, 0},
    {"qwen-image-max qwen-image-max-2025-12-30", false, true, 1, 0, 0},
    {"qwen-image-2.0 qwen-image-2.0-pro qwen-image-2.0-pro-2026-03-03", false, false, 6, 0, 3},
    {"qwen-image-edit", false, false, 1, 1, 3},
    {"qwen-image-edit-plus qwen-image-edit-max", false, false, 6, 1, 3},
};

const struct qwen_model *qwen_model_named(const char *name)
{
    for (size_t i = 0; *name != '\0' && i < sizeof models / sizeof models[0]; i++)
        if (rules_one_of(name, models[i].names))
            return &models[i];
    return NULL;
}

#define PARAMETERS                                                                                 \
    {"size", .type = RULE_TEXT}, {"n", RULE_INTEGER, .min = 1, .max = 6},                          \
        {"prompt_extend", .type = RULE_BOOL}, {"watermark", .type = RULE_BOOL},                    \
    {                                                                                              \
        "seed", RULE_INTEGER, .min = 0, .max = INT32_MAX                                           \
    }

static const struct rule task_input[] = {
    {"prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 800},
    {"negative_prompt", RULE_TEXT, .min = 0, .max = 500},
    {0},
};
static const struct rule task_parameters[] = {PARAMETERS, {0}};
static const struct rule task_rules[] = {
    {"model", RULE_TEXT, .is_required = true},
    {"input", RULE_OBJECT, .is_required = true, .fields = task_input},
    {"parameters", RULE_OBJECT, .fields = task_parameters},
    {0},
};

static const struct rule part_rules[] = {
    {"image", .type = RULE_TEXT}, {"text", RULE_TEXT, .min = 1, .max = 800}, {0}};
static const struct rule message_rules[] = {
    {"role", RULE_TEXT, .is_required = true, .words = "user"},
    {"content", RULE_ARRAY, .is_required = true, .min = 1, .max = 10, .fields = part_rules},
    {0},
};
static const struct rule call_input[] = {
    {"messages", RULE_ARRAY, .is_required = true, .min = 1, .max = 1, .fields = message_rules},
    {0},
};
static const struct rule call_parameters[] = {
    PARAMETERS, {"negative_prompt", RULE_TEXT, .min = 0, .max = 500}, {0}};
static const struct rule call_rules[] = {
    {"model", RULE_TEXT, .is_required = true},
    {"input", RULE_OBJECT, .is_required = true, .fields = call_input},
    {"parameters", RULE_OBJECT, .fields = call_parameters},
    {0},
};

static const json_t *content_of(const json_t *body)
{
    const json_t *messages = json_object_get(json_object_get(body, "input"), "messages");

    return json_object_get(json_array_get(messages, 0), "content");
}

const char *qwen_text_of(const json_t *body)
{
    json_t *part;
    size_t i;

    json_array_foreach((json_t *)content_of(body), i, part)
    {
        if (*rules_text(part, "text") != '\0')
            return rules_text(part, "text");
    }
    return "";
}

int qwen_count(const json_t *body)
{
    const json_t *n = json_object_get(json_object_get(body, "parameters"), "n");

    return n == NULL ? 1 : (int)json_integer_value(n);
}

static bool check_size(const struct qwen_model *model, const char *size, struct rule_error *error)
{
    char *end = NULL;
    long width = isdigit((unsigned char)*size) ? strtol(size, &end, 10) : 0;
    long height =
        width > 0 && *end == '*' && isdigit((unsigned char)end[1]) ? strtol(end + 1, &end, 10) : 0;

    if (height <= 0 || *end != '\0')
        return rules_fail(error, "parameters.size", "must be WIDTH*HEIGHT");
    if (model->has_five_sizes)
        return rules_one_of(size, "1664*928 1472*1104 1328*1328 1104*1472 928*1664") ||
               rules_fail(error, "parameters.size", "is not one that the model makes");
    return (width * height >= MIN_AREA && width * height <= MAX_AREA) ||
           rules_fail(error, "parameters.size", "must be between 512*512 and 2048*2048");
}

static bool check_parameters(const struct qwen_model *model, const json_t *body,
                             struct rule_error *error)
{
    const char *size = rules_text(json_object_get(body, "parameters"), "size");

    if (qwen_count(body) > model->n)
        return rules_fail(error, "num_images_per_prompt", "must be %d", model->n);
    return *size == '\0' || check_size(model, size, error);
}

bool qwen_check_task(const struct qwen_model *model, const json_t *body, struct rule_error *error)
{
    return rules_check(body, task_rules, error) && check_parameters(model, body, error);
}

// One text, and as many images as the model takes, each in a part of its own.
static bool check_parts(const struct qwen_model *model, const json_t *content,
                        struct rule_error *error)
{
    size_t texts = 0, images = 0, i;
    json_t *part;

    json_array_foreach((json_t *)content, i, part)
    {
        const char *image = rules_text(part, "image");

        if (json_object_size(part) != 1)
            return rules_fail(error, "content", "must have parts of one kind each");
        texts += *image == '\0';
        images += *image != '\0';
        if (*image != '\0' && !rules_is_http_url(image) && !rules_is_data_url(image, "image/"))
            return rules_fail(error, "content", "has an image that is none");
    }
    if (texts != 1)
        return rules_fail(error, "content", "must have one text");
    return (images >= model->min_images && images <= model->max_images) ||
           rules_fail(error, "content", "must have %zu to %zu images", model->min_images,
                      model->max_images);
}

bool qwen_check_call(const struct qwen_model *model, const json_t *body, struct rule_error *error)
{
    return rules_check(body, call_rules, error) && check_parameters(model, body, error) &&
           check_parts(model, content_of(body), error);
}
