// What the image models at fal want, and what they answer.
//
// Words in a prompt, of those that several models know:
//
//   [nsfw] all that is made is blocked   [nsfw-first] the first of it   [none] nothing is made
//   [part] the last has no link
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/sim/fal.h"
#include "tests/sim/jobs.h"
#include "tests/sim/rules.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

#define RATIOS "21:9 16:9 3:2 4:3 5:4 1:1 4:5 3:4 2:3 9:16"
#define PROMPT                                                                                     \
    {                                                                                              \
        "prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 5000                            \
    }
#define NANO(ratios)                                                                               \
    PROMPT, {"num_images", RULE_INTEGER, .min = 1, .max = 4}, {"seed", .type = RULE_INTEGER},      \
        {"aspect_ratio", RULE_TEXT, .words = ratios},                                              \
        {"output_format", RULE_TEXT, .words = "jpeg png webp"},                                    \
        {"safety_tolerance", RULE_TEXT, .words = "1 2 3 4 5 6"},                                   \
    {                                                                                              \
        "limit_generations", .type = RULE_BOOL                                                     \
    }
#define FLUX                                                                                       \
    PROMPT, {"num_images", RULE_INTEGER, .min = 1, .max = 4}, {"seed", .type = RULE_INTEGER},      \
        {"num_inference_steps", RULE_INTEGER, .min = 1, .max = 50},                                \
        {"guidance_scale", RULE_NUMBER, .min = 1, .max = 20},                                      \
        {"enable_safety_checker", .type = RULE_BOOL},                                              \
    {                                                                                              \
        "output_format", RULE_TEXT, .words = "jpeg png"                                            \
    }

static const struct rule nano[] = {NANO(RATIOS), {0}};
static const struct rule nano_edit[] = {
    NANO("auto " RATIOS),
    {"image_urls", RULE_ANY, .is_required = true},
    {0},
};
static const struct rule nano_pro[] = {
    NANO("auto " RATIOS),
    {"resolution", RULE_TEXT, .words = "1K 2K 4K"},
    {"enable_web_search", .type = RULE_BOOL},
    {0},
};
static const struct rule flux[] = {FLUX, {"image_size", .type = RULE_ANY}, {0}};
static const struct rule flux_edit[] = {
    FLUX,
    {"image_url", RULE_TEXT, .is_required = true, .check = fal_check_image},
    {"strength", RULE_NUMBER, .min = 0.01, .max = 1},
    {0},
};
static const struct rule kontext[] = {
    PROMPT,
    {"image_url", RULE_TEXT, .is_required = true, .check = fal_check_image},
    {"aspect_ratio", RULE_TEXT, .words = RATIOS " 9:21"},
    {"num_images", RULE_INTEGER, .min = 1, .max = 4},
    {"guidance_scale", RULE_NUMBER, .min = 1, .max = 20},
    {"seed", .type = RULE_INTEGER},
    {0},
};
static const struct rule gpt_edit[] = {
    PROMPT,
    {"image_urls", RULE_ANY, .is_required = true},
    {"mask_image_url", RULE_TEXT, .check = fal_check_image},
    {"image_size", RULE_TEXT, .words = "auto 1024x1024 1536x1024 1024x1536"},
    {"quality", RULE_TEXT, .words = "low medium high"},
    {"background", RULE_TEXT, .words = "auto transparent opaque"},
    {"num_images", RULE_INTEGER, .min = 1, .max = 4},
    {0},
};
static const struct rule birefnet[] = {
    {"image_url", RULE_TEXT, .is_required = true, .check = fal_check_image},
    {"model", RULE_TEXT, .max = 50},
    {0},
};

static const struct fal_model models[] = {
    {"fal-ai/nano-banana", "fal-ai/nano-banana", nano, FAL_NANO},
    {"fal-ai/nano-banana/edit", "fal-ai/nano-banana", nano_edit, FAL_NANO},
    {"fal-ai/nano-banana-pro", "fal-ai/nano-banana-pro", nano_pro, FAL_NANO},
    {"fal-ai/flux/dev", "fal-ai/flux", flux, FAL_FLUX},
    {"fal-ai/flux/dev/image-to-image", "fal-ai/flux", flux_edit, FAL_FLUX},
    {"fal-ai/flux-pro/kontext", "fal-ai/flux-pro", kontext, FAL_FLUX},
    {"fal-ai/gpt-image-1.5/edit", "fal-ai/gpt-image-1.5", gpt_edit, FAL_NANO},
    {"fal-ai/birefnet", "fal-ai/birefnet", birefnet, FAL_SINGLE},
};

const struct fal_model *fal_image_model(size_t index)
{
    return index < sizeof models / sizeof models[0] ? &models[index] : NULL;
}

// Rules.

static bool check_urls(const json_t *body, struct rule_error *error)
{
    enum { MOST = 14 };
    json_t *urls = json_object_get(body, "image_urls"), *url;
    size_t i;

    if (urls != NULL && (json_array_size(urls) == 0 || json_array_size(urls) > MOST))
        return rules_fail(error, "image_urls", "List should have 1 to %d items", (int)MOST);
    json_array_foreach(urls, i, url)
    {
        if (!json_is_string(url) || fal_check_image(json_string_value(url)) != NULL)
            return rules_fail(error, "image_urls", "Input should be a URL or a base64 data URI");
    }
    return true;
}

static bool check_size(const json_t *body, struct rule_error *error)
{
    static const struct rule sides[] = {
        {"width", RULE_INTEGER, .is_required = true, .min = 64, .max = 14142},
        {"height", RULE_INTEGER, .is_required = true, .min = 64, .max = 14142},
        {0},
    };
    static const char words[] =
        "square_hd square portrait_4_3 portrait_16_9 landscape_4_3 "
        "landscape_16_9 auto 1024x1024 1536x1024 1024x1536";
    json_t *size = json_object_get(body, "image_size");

    if (size == NULL)
        return true;
    if (json_is_object(size))
        return rules_check(size, sides, error);
    return (json_is_string(size) && rules_one_of(json_string_value(size), words)) ||
           rules_fail(error, "image_size", "Input should be 'square_hd', 'square', …");
}

bool fal_image_check(const json_t *body, struct rule_error *error)
{
    return check_urls(body, error) && check_size(body, error);
}

// Answers.

static int count_of(const struct job *job)
{
    json_t *count = json_object_get(job->request, "num_images");

    return words_has(job->prompt, "none") ? 0 : count == NULL ? 1 : (int)json_integer_value(count);
}

static bool is_blocked(const struct job *job, int number)
{
    return words_has(job->prompt, "nsfw") || (words_has(job->prompt, "nsfw-first") && number == 0);
}

static void add_sides(const struct job *job, struct buf *json)
{
    json_t *size = json_object_get(job->request, "image_size");
    long long width = 1344, height = 768;

    if (json_is_object(size)) {
        width = json_integer_value(json_object_get(size, "width"));
        height = json_integer_value(json_object_get(size, "height"));
    }
    buf_fmt(json, ",\"width\":%lld,\"height\":%lld", width, height);
}

static void add_image(const struct sim *sim, const struct job *job, int number, bool has_link,
                      bool has_sides, struct buf *json)
{
    char part[16];

    snprintf(part, sizeof part, "%d", number);
    buf_str(json, "{\"url\":");
    if (has_link) {
        buf_char(json, '"');
        jobs_add_link(sim->jobs, job, part, "png", json);
        buf_char(json, '"');
    } else {
        buf_str(json, "null");
    }
    buf_str(json, ",\"content_type\":\"image/png\",\"file_name\":\"output.png\"");
    if (has_sides)
        add_sides(job, json);
    else
        buf_str(json, ",\"width\":null,\"height\":null");
    buf_char(json, '}');
}

static void add_images(const struct sim *sim, const struct job *job, bool has_sides,
                       struct buf *json)
{
    int count = count_of(job), linked = words_has(job->prompt, "part") ? count - 1 : count;

    buf_str(json, "\"images\":[");
    for (int i = 0; i < count; i++) {
        buf_str(json, i == 0 ? "" : ",");
        add_image(sim, job, i, i < linked, has_sides, json);
    }
    buf_char(json, ']');
}

static void add_flags(const struct job *job, struct buf *json)
{
    json_t *seed = json_object_get(job->request, "seed");

    buf_str(json, ",\"has_nsfw_concepts\":[");
    for (int i = 0; i < count_of(job); i++)
        buf_fmt(json, "%s%s", i == 0 ? "" : ",", is_blocked(job, i) ? "true" : "false");
    buf_fmt(json, "],\"timings\":{\"inference\":1.25},\"seed\":%lld,\"prompt\":",
            (long long)(seed == NULL ? 4242 : json_integer_value(seed)));
    buf_json_str(json, job->prompt);
}

void fal_image_add(const struct sim *sim, const struct job *job, enum fal_shape shape,
                   struct buf *json)
{
    buf_char(json, '{');
    if (shape == FAL_SINGLE) {
        buf_str(json, "\"image\":");
        add_image(sim, job, 0, true, true, json);
    } else {
        add_images(sim, job, shape == FAL_FLUX, json);
    }
    if (shape == FAL_FLUX)
        add_flags(job, json);
    else if (shape == FAL_NANO)
        buf_str(json, ",\"description\":\"Seen by the simulator.\"");
    buf_char(json, '}');
}
