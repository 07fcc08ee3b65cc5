// Families.
#include "scheduler/cli/cli_family.h"

#include <string.h>

const struct cli_family cli_families[] = {
    {"midjourney", "/mj/submit/imagine"},
    {"kling", "/kling/v1/videos/text2video"},
    {"suno", "/suno/submit/music"},
    {"veo", "/v1/video/create"},
    {"seedance", "/volc/v1/contents/generations/tasks"},
    {"jimeng", "/jimeng/submit/videos"},
    {"luma", "/luma/generations"},
    {"runway", "/runwayml/v1/image_to_video"},
    {"minimax", "/minimax/v1/video_generation"},
    {"wan", "/alibailian/api/v1/services/aigc/video-generation/video-synthesis"},
    {"sora", "/v1/videos"},
    {"qwen", "/v1/images/generations"},
    {"seedream", "/v1/images/generations"},
    {"openai", "/v1/images/generations"},
    {"gemini", "/v1/images/generations"},
    {"fal", "/fal-ai/nano-banana"},
    {"ideogram", "/ideogram/v1/ideogram-v3/generate"},
    {0},
};

const char *cli_family_path(const char *name)
{
    for (const struct cli_family *family = cli_families; family->name != NULL; family++)
        if (strcmp(family->name, name) == 0)
            return family->path;
    return NULL;
}
