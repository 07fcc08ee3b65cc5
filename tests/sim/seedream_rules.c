// What Ark wants to make images from. It knows models by their dates, and no other way to ask for
// several images than a group.
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/rules.h"
#include "tests/sim/seedream.h"

enum { MOST_IMAGES = 15 };

static const struct rule group_rules[] = {
    {"max_images", RULE_INTEGER, .min = 1, .max = MOST_IMAGES}, {0}};
static const struct rule standard_rules[] = {{"mode", RULE_TEXT, .words = "standard"}, {0}};
static const struct rule fast_rules[] = {{"mode", RULE_TEXT, .words = "standard fast"}, {0}};
static const struct rule tool_rules[] = {
    {"type", RULE_TEXT, .is_required = true, .words = "web_search"}, {0}};

#define COMMON                                                                                     \
    {"model", RULE_TEXT, .is_required = true, .min = 1, .max = 200},                               \
        {"prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 100000},                       \
        {"image", .type = RULE_ANY}, {"size", .type = RULE_TEXT},                                  \
        {"response_format", RULE_TEXT, .words = "url b64_json"},                                   \
    {                                                                                              \
        "watermark", .type = RULE_BOOL                                                             \
    }
#define GROUPS(modes)                                                                              \
    {"sequential_image_generation", RULE_TEXT, .words = "auto disabled"},                          \
        {"sequential_image_generation_options", RULE_OBJECT, .fields = group_rules},               \
    {                                                                                              \
        "optimize_prompt_options", RULE_OBJECT, .fields = (modes)                                  \
    }

static const struct rule fifth_rules[] = {
    COMMON,
    GROUPS(standard_rules),
    {"output_format", RULE_TEXT, .words = "png jpeg"},
    {"tools", RULE_ARRAY, .fields = tool_rules},
    {0},
};
static const struct rule group_makers[] = {COMMON, GROUPS(standard_rules), {0}};
static const struct rule fourth_rules[] = {COMMON, GROUPS(fast_rules), {0}};
static const struct rule third_rules[] = {
    COMMON,
    {"seed", RULE_INTEGER, .min = -1, .max = INT32_MAX},
    {"guidance_scale", RULE_NUMBER, .min = 1, .max = 10},
    {0},
};

static const struct {
    const char *name;
    const struct rule *rules;
    const char *sizes; // in words
    long least, most;  // pixels; 0: sides of 512 to 2048; -1: none
    size_t min_images, max_images;
} models[] = {
    {"doubao-seedream-5-0-260128", fifth_rules, "2K 3K", 3686400, 10404496, 0, 14},
    {"doubao-seedream-4-5-251128", group_makers, "2K 4K", 3686400, 16777216, 0, 14},
    {"doubao-seedream-4-0-250828", fourth_rules, "1K 2K 4K", 921600, 16777216, 0, 14},
    {"doubao-seedream-3-0-t2i-250415", third_rules, "", 0, 0, 0, 0},
    {"doubao-seededit-3-0-i2i-250628", third_rules, "adaptive", -1, -1, 1, 1},
    {"ep-20261120101500-abcde", group_makers, "2K 4K", 3686400, 16777216, 0, 14},
};
enum { MODELS = sizeof models / sizeof models[0] };

static bool check_size(size_t row, const json_t *body, struct rule_error *error)
{
    const char *size = rules_text(body, "size");
    long width, height, least = models[row].least;
    char *end;

    if (*size == '\0' || (*models[row].sizes != '\0' && rules_one_of(size, models[row].sizes)))
        return true;
    width = isdigit((unsigned char)*size) ? strtol(size, &end, 10) : 0;
    height =
        width > 0 && *end == 'x' && isdigit((unsigned char)end[1]) ? strtol(end + 1, &end, 10) : 0;
    if (least < 0 || height <= 0 || *end != '\0')
        return rules_fail(error, "size", "is not valid");
    if (least == 0)
        return (width >= 512 && height >= 512 && width <= 2048 && height <= 2048) ||
               rules_fail(error, "size", "must be between 512x512 and 2048x2048");
    if (width > 16 * height || height > 16 * width)
        return rules_fail(error, "size", "must have an aspect ratio of 1/16 to 16");
    return (width * height >= least && width * height <= models[row].most) ||
           rules_fail(error, "size", "must have at least %ld pixels", least);
}

// The kind in a data URL must be in lower case.
static bool is_image(const json_t *image)
{
    static const char *const kinds[] = {"jpeg;", "png;", "webp;", "bmp;", "tiff;", "gif;"};
    const char *text = json_string_value(image);

    if (text == NULL || rules_is_http_url(text))
        return text != NULL;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (rules_is_data_url(text, "image/") &&
            strncmp(text + 11, kinds[i], strlen(kinds[i])) == 0)
            return true;
    return false;
}

static size_t count_images(const json_t *body)
{
    const json_t *image = json_object_get(body, "image");

    return image == NULL ? 0 : json_is_array(image) ? json_array_size(image) : 1;
}

static bool check_images(size_t row, const json_t *body, const char **code,
                         struct rule_error *error)
{
    json_t *image = json_object_get(body, "image"), *item;
    size_t count = count_images(body), i;

    if (count < models[row].min_images || count > models[row].max_images)
        return rules_fail(error, "image", "must be %zu to %zu images", models[row].min_images,
                          models[row].max_images);
    *code = "InvalidImageURL.InvalidFormat";
    if (json_is_array(image)) {
        json_array_foreach(image, i, item)
        {
            if (!is_image(item))
                return rules_fail(error, "image", "is not an image");
        }
    } else if (image != NULL && !is_image(image)) {
        return rules_fail(error, "image", "is not an image");
    }
    return true;
}

int seedream_count(const json_t *body)
{
    enum { USUAL = 3 };
    const json_t *options = json_object_get(body, "sequential_image_generation_options");
    const json_t *most = json_object_get(options, "max_images");

    if (strcmp(rules_text(body, "sequential_image_generation"), "auto") != 0)
        return 1;
    return most == NULL ? USUAL : (int)json_integer_value(most);
}

bool seedream_check(const json_t *body, const char **code, struct rule_error *error)
{
    const char *model = rules_text(body, "model");
    size_t row = 0;

    while (row < MODELS && strcmp(models[row].name, model) != 0)
        row++;
    *code = "InvalidEndpointOrModel.NotFound";
    if (row == MODELS && *model != '\0')
        return rules_fail(error, "model", "does not exist or you do not have access to it");
    if (!rules_check(body, models[row == MODELS ? 0 : row].rules, error)) {
        *code = error->is_missing ? "MissingParameter" : "InvalidParameter";
        return false;
    }
    *code = "InvalidParameter";
    if (!check_size(row, body, error) || !check_images(row, body, code, error))
        return false;
    *code = "InvalidParameter";
    return count_images(body) + (size_t)seedream_count(body) <= MOST_IMAGES ||
           rules_fail(error, "sequential_image_generation_options.max_images",
                      "must leave room for the references: 15 in all");
}
