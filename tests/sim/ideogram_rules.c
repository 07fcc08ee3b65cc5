// What the simulated Ideogram checks in calls.
#include <string.h>

#include "tests/sim/ideogram.h"
#include "tests/sim/rules.h"

enum { MAX_FILE_BYTES = 10 * 1024 * 1024 };

#define WORDS(field, list)                                                                         \
    {                                                                                              \
        .name = (field), .type = RULE_TEXT, .words = (list)                                        \
    }
#define NUMBER(field, least, most)                                                                 \
    {                                                                                              \
        .name = (field), .type = RULE_INTEGER, .min = (least), .max = (most)                       \
    }
#define TEXT(field)                                                                                \
    {                                                                                              \
        .name = (field), .type = RULE_TEXT                                                         \
    }
#define PROMPT                                                                                     \
    {                                                                                              \
        .name = "prompt", .type = RULE_TEXT, .is_required = true, .min = 1, .max = 100000          \
    }
#define NEEDED_FILE(field)                                                                         \
    {                                                                                              \
        .name = (field), .type = RULE_OBJECT, .is_required = true                                  \
    }
#define THEN(table)                                                                                \
    {                                                                                              \
        .fields = (table)                                                                          \
    }
#define OLD_RATIOS                                                                                 \
    "ASPECT_10_16 ASPECT_16_10 ASPECT_9_16 ASPECT_16_9 ASPECT_3_2 ASPECT_2_3 ASPECT_4_3 "          \
    "ASPECT_3_4 ASPECT_1_1 ASPECT_1_3 ASPECT_3_1"
#define MODELS "V_1 V_1_TURBO V_2 V_2_TURBO V_2A V_2A_TURBO V_3 AUTO"

static const struct rule common_rules[] = {
    NUMBER("seed", 0, 2147483647),
    NUMBER("num_images", 1, 8),
    WORDS("rendering_speed", "FLASH TURBO BALANCED DEFAULT QUALITY"),
    {0},
};
static const struct rule magic_rules[] = {
    PROMPT,
    WORDS("magic_prompt", "AUTO ON OFF"),
    THEN(common_rules),
};
static const struct rule style_rules[] = {
    WORDS("style_type", "AUTO GENERAL REALISTIC DESIGN FICTION CUSTOM"),
    THEN(magic_rules),
};
static const struct rule generate_rules[] = {
    WORDS("aspect_ratio", IDEOGRAM_RATIOS),
    WORDS("resolution", IDEOGRAM_SIZES),
    TEXT("negative_prompt"),
    THEN(style_rules),
};
static const struct rule edit_rules[] = {
    NEEDED_FILE("image"),
    NEEDED_FILE("mask"),
    THEN(style_rules),
};
static const struct rule prompt_edit_rules[] = {
    NEEDED_FILE("images"),
    PROMPT,
    WORDS("magic_prompt", "AUTO ON OFF"),
    NUMBER("seed", 0, 2147483647),
    NUMBER("num_images", 1, 8),
    {0},
};
static const struct rule remix_rules[] = {
    NEEDED_FILE("image"),
    NUMBER("image_weight", 1, 100),
    THEN(generate_rules),
};
static const struct rule reframe_rules[] = {
    NEEDED_FILE("image"),
    {.name = "resolution", .type = RULE_TEXT, .is_required = true, .words = IDEOGRAM_SIZES},
    THEN(common_rules),
};
static const struct rule background_rules[] = {NEEDED_FILE("image"), THEN(magic_rules)};

static const struct rule old_common_rules[] = {
    WORDS("magic_prompt_option", "AUTO ON OFF"),
    NUMBER("seed", 0, 2147483647),
    NUMBER("num_images", 1, 8),
    {0},
};
static const struct rule old_request_rules[] = {
    PROMPT,
    WORDS("model", MODELS),
    WORDS("aspect_ratio", OLD_RATIOS),
    WORDS("resolution", "RESOLUTION_*"),
    WORDS("style_type", "AUTO GENERAL REALISTIC DESIGN RENDER_3D ANIME FICTION CUSTOM"),
    TEXT("negative_prompt"),
    THEN(old_common_rules),
};
static const struct rule old_initial_rules[] = {
    NUMBER("image_weight", 1, 100),
    THEN(old_request_rules),
};
static const struct rule old_upscale_request_rules[] = {
    TEXT("prompt"),
    NUMBER("resemblance", 1, 100),
    NUMBER("detail", 1, 100),
    THEN(old_common_rules),
};
static const struct rule old_generate_rules[] = {
    {.name = "image_request",
     .type = RULE_OBJECT,
     .is_required = true,
     .fields = old_request_rules},
    {0},
};
static const struct rule old_remix_rules[] = {
    {.name = "image_request",
     .type = RULE_OBJECT,
     .is_required = true,
     .fields = old_initial_rules},
    NEEDED_FILE("image_file"),
    {0},
};
static const struct rule old_upscale_rules[] = {
    {.name = "image_request",
     .type = RULE_OBJECT,
     .is_required = true,
     .fields = old_upscale_request_rules},
    NEEDED_FILE("image_file"),
    {0},
};
static const struct rule old_describe_rules[] = {
    NEEDED_FILE("image_file"),
    WORDS("describe_model_version", "V_2 V_3"),
    {0},
};

static const struct rule *const rules[IDEOGRAM_KINDS] = {
    [IDEOGRAM_GENERATE] = generate_rules,         [IDEOGRAM_EDIT] = edit_rules,
    [IDEOGRAM_PROMPT_EDIT] = prompt_edit_rules,   [IDEOGRAM_REMIX] = remix_rules,
    [IDEOGRAM_REFRAME] = reframe_rules,           [IDEOGRAM_BACKGROUND] = background_rules,
    [IDEOGRAM_OLD_GENERATE] = old_generate_rules, [IDEOGRAM_OLD_REMIX] = old_remix_rules,
    [IDEOGRAM_OLD_UPSCALE] = old_upscale_rules,   [IDEOGRAM_OLD_DESCRIBE] = old_describe_rules,
};

static bool check_file(const json_t *body, const char *name, struct rule_error *error)
{
    const json_t *file = json_object_get(body, name);

    if (file == NULL)
        return true;
    if (*rules_text(file, "type") == '\0')
        return rules_fail(error, name, "is not a JPEG, WebP or PNG");
    return json_integer_value(json_object_get(file, "bytes")) <= MAX_FILE_BYTES ||
           rules_fail(error, name, "is larger than 10MB");
}

bool ideogram_check_files(const json_t *body, struct rule_error *error)
{
    const json_t *image = json_object_get(body, "image"), *mask = json_object_get(body, "mask");

    if (!check_file(body, "image", error) || !check_file(body, "mask", error) ||
        !check_file(body, "images", error) || !check_file(body, "image_file", error))
        return false;
    return mask == NULL ||
           (json_equal(json_object_get(image, "width"), json_object_get(mask, "width")) &&
            json_equal(json_object_get(image, "height"), json_object_get(mask, "height"))) ||
           rules_fail(error, "mask", "is not of the same size as the image");
}

bool ideogram_check(enum ideogram_kind kind, const json_t *body, struct rule_error *error)
{
    const json_t *old = json_object_get(body, "image_request"), *asked = old == NULL ? body : old;

    if (!rules_check(body, rules[kind], error))
        return false;
    if (kind != IDEOGRAM_REFRAME && json_object_get(asked, "resolution") != NULL &&
        json_object_get(asked, "aspect_ratio") != NULL)
        return rules_fail(error, "resolution", "cannot be used in conjunction with aspect_ratio");
    return ideogram_check_files(body, error);
}
