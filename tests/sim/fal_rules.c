// What the models at fal want to make a video from. Beyond what fal does it refuses every field
// that a model hasn't got, so that tests see what is sent.
#include <string.h>

#include "tests/sim/fal.h"
#include "tests/sim/rules.h"

#define RATIOS "16:9 9:16 1:1"

const char *fal_check_image(const char *text)
{
    return rules_is_http_url(text) || rules_is_data_url(text, "image/")
               ? NULL
               : "Input should be a URL or a base64 data URI";
}

#define PROMPT                                                                                     \
    {                                                                                              \
        "prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 2500                            \
    }
#define IMAGE(name, is_wanted)                                                                     \
    {                                                                                              \
        name, RULE_TEXT, .is_required = (is_wanted), .check = fal_check_image                      \
    }
#define NEGATIVE                                                                                   \
    {                                                                                              \
        "negative_prompt", RULE_TEXT, .max = 2500                                                  \
    }

static const struct rule kling_text[] = {
    PROMPT,
    NEGATIVE,
    {"duration", RULE_TEXT, .words = "5 10"},
    {"aspect_ratio", RULE_TEXT, .words = RATIOS},
    {"cfg_scale", RULE_NUMBER, .min = 0, .max = 1},
    {0},
};
static const struct rule kling_image[] = {
    PROMPT,
    NEGATIVE,
    IMAGE("image_url", true),
    IMAGE("tail_image_url", false),
    {"duration", RULE_TEXT, .words = "5 10"},
    {"aspect_ratio", RULE_TEXT, .words = RATIOS},
    {"cfg_scale", RULE_NUMBER, .min = 0, .max = 1},
    {0},
};
static const struct rule hailuo[] = {
    PROMPT,
    IMAGE("image_url", true),
    IMAGE("end_image_url", false),
    {"duration", RULE_TEXT, .words = "6 10"},
    {"resolution", RULE_TEXT, .words = "512P 768P"},
    {"prompt_optimizer", .type = RULE_BOOL},
    {0},
};
static const struct rule luma[] = {
    PROMPT,
    IMAGE("image_url", false),
    IMAGE("end_image_url", false),
    {"duration", RULE_TEXT, .words = "5s 9s"},
    {"aspect_ratio", RULE_TEXT, .words = RATIOS " 4:3 3:4 21:9 9:21"},
    {"resolution", RULE_TEXT, .words = "540p 720p 1080p"},
    {"loop", .type = RULE_BOOL},
    {0},
};
static const struct rule veo[] = {
    PROMPT,
    NEGATIVE,
    {"duration", RULE_TEXT, .words = "4s 6s 8s"},
    {"aspect_ratio", RULE_TEXT, .words = RATIOS},
    {"resolution", RULE_TEXT, .words = "720p 1080p"},
    {"generate_audio", .type = RULE_BOOL},
    {"seed", .type = RULE_INTEGER},
    {0},
};
static const struct rule wan[] = {
    PROMPT,
    NEGATIVE,
    {"num_frames", RULE_INTEGER, .min = 17, .max = 161},
    {"aspect_ratio", RULE_TEXT, .words = RATIOS},
    {"resolution", RULE_TEXT, .words = "480p 580p 720p"},
    {"seed", .type = RULE_INTEGER},
    {0},
};
// Of a model that nobody else knows.
static const struct rule plain[] = {
    PROMPT,
    NEGATIVE,
    IMAGE("image_url", false),
    {"duration", RULE_INTEGER, .min = 1, .max = 20},
    {"aspect_ratio", RULE_TEXT, .words = RATIOS},
    {"resolution", RULE_TEXT, .words = "480p 720p"},
    {"guidance", .type = RULE_OBJECT},
    {0},
};

static const struct fal_model models[] = {
    {"fal-ai/kling-video/v2/master/text-to-video", "fal-ai/kling-video", kling_text, FAL_VIDEO},
    {"fal-ai/kling-video/v1.6/pro/image-to-video", "fal-ai/kling-video", kling_image, FAL_VIDEO},
    {"fal-ai/minimax/hailuo-02/standard/image-to-video", "fal-ai/minimax", hailuo, FAL_VIDEO},
    {"fal-ai/luma-dream-machine/ray-2", "fal-ai/luma-dream-machine", luma, FAL_VIDEO},
    {"fal-ai/veo3/fast", "fal-ai/veo3", veo, FAL_VIDEO},
    {"fal-ai/wan/v2.2-a14b/text-to-video", "fal-ai/wan", wan, FAL_VIDEO},
    {"fal-ai/lighthouse-video", "fal-ai/lighthouse-video", plain, FAL_VIDEO},
};

enum { MODELS = sizeof models / sizeof models[0] };

static const struct fal_model *model_at(size_t index)
{
    return index < MODELS ? &models[index] : fal_image_model(index - MODELS);
}

const struct fal_model *fal_model_named(const char *name)
{
    const struct fal_model *model;

    for (size_t i = 0; (model = model_at(i)) != NULL; i++)
        if (strcmp(model->name, name) == 0)
            return model;
    return NULL;
}

const struct fal_model *fal_model_of_app(const char *app, size_t len)
{
    const struct fal_model *model;

    for (size_t i = 0; (model = model_at(i)) != NULL; i++)
        if (strlen(model->app) == len && strncmp(model->app, app, len) == 0)
            return model;
    return NULL;
}
