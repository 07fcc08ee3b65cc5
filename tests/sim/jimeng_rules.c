// What each req_key of Jimeng's videos takes.
#include <string.h>

#include "tests/sim/jimeng.h"
#include "tests/sim/rules.h"

static const struct key {
    const char *name;
    size_t min_images, max_images;
    bool has_ratio, has_camera;
} keys[] = {
    {"jimeng_t2v_v30", 0, 0, true, false},
    {"jimeng_t2v_v30_1080p", 0, 0, true, false},
    {"jimeng_i2v_first_v30", 1, 1, false, false},
    {"jimeng_i2v_first_v30_1080", 1, 1, false, false},
    {"jimeng_i2v_first_tail_v30", 2, 2, false, false},
    {"jimeng_i2v_first_tail_v30_1080", 2, 2, false, false},
    {"jimeng_i2v_recamera_v30", 1, 1, false, true},
    {"jimeng_ti2v_v30_pro", 0, 1, true, false},
};

static const struct rule rules[] = {
    {.name = "req_key", .type = RULE_TEXT, .is_required = true},
    {.name = "prompt", .type = RULE_TEXT, .min = 1, .max = 800},
    {.name = "image_urls", .type = RULE_ANY},
    {.name = "binary_data_base64", .type = RULE_ANY},
    {.name = "frames", .type = RULE_INTEGER, .min = 121, .max = 241},
    {.name = "aspect_ratio", .type = RULE_TEXT, .words = "16:9 4:3 1:1 3:4 9:16 21:9"},
    {.name = "seed", .type = RULE_INTEGER, .min = -1, .max = 2147483647},
    {.name = "template_id",
     .type = RULE_TEXT,
     .words = "hitchcock_dolly_in hitchcock_dolly_out robo_arm dynamic_orbit central_orbit "
              "crane_push quick_pull_back counterclockwise_swivel clockwise_swivel handheld "
              "rapid_push_pull"},
    {.name = "camera_strength", .type = RULE_TEXT, .words = "weak medium strong"},
    {0},
};

// A list of texts that are all fine; how many there are is added.
static bool check_list(const json_t *body, const char *name, bool (*is_fine)(const char *text),
                       size_t *count, struct rule_error *error)
{
    const json_t *list = json_object_get(body, name);
    json_t *item;
    size_t i;

    if (list == NULL)
        return true;
    if (!json_is_array(list) || json_array_size(list) == 0)
        return rules_fail(error, name, "must be an array that isn't empty");
    json_array_foreach((json_t *)list, i, item)
    {
        if (!json_is_string(item) || !is_fine(json_string_value(item)))
            return rules_fail(error, name, "has an image that can't be read");
    }
    *count += json_array_size(list);
    return true;
}

static bool check_images(const json_t *body, const struct key *key, struct rule_error *error)
{
    size_t links = 0, files = 0;

    if (!check_list(body, "image_urls", rules_is_http_url, &links, error) ||
        !check_list(body, "binary_data_base64", rules_is_base64, &files, error))
        return false;
    if (links > 0 && files > 0)
        return rules_fail(error, "image_urls", "can't come with binary_data_base64");
    if (links + files >= key->min_images && links + files <= key->max_images)
        return true;
    return rules_fail(error, "image_urls", "must have %zu to %zu images", key->min_images,
                      key->max_images);
}

static bool check_camera(const json_t *body, const struct key *key, struct rule_error *error)
{
    static const char *const names[] = {"template_id", "camera_strength"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if ((json_object_get(body, names[i]) != NULL) != key->has_camera)
            return rules_fail(error, names[i],
                              key->has_camera ? "is required" : "is not a known parameter");
    return true;
}

bool jimeng_check(const json_t *body, struct rule_error *error)
{
    const char *name = rules_text(body, "req_key");
    const json_t *frames = json_object_get(body, "frames");
    const struct key *key = NULL;

    if (!rules_check(body, rules, error))
        return false;
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if (strcmp(keys[i].name, name) == 0)
            key = &keys[i];
    if (key == NULL)
        return rules_fail(error, "req_key", "is not a known one");
    if (frames != NULL && json_integer_value(frames) != 121 && json_integer_value(frames) != 241)
        return rules_fail(error, "frames", "must be 121 or 241");
    if (json_object_get(body, "aspect_ratio") != NULL && !key->has_ratio)
        return rules_fail(error, "aspect_ratio", "is not a known parameter");
    if (!check_images(body, key, error) || !check_camera(body, key, error))
        return false;
    return json_object_get(body, "prompt") != NULL || key->min_images > 0 ||
           rules_fail(error, "prompt", "is required");
}
