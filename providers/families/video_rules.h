// What /v1/video and /v1/videos have in common: rows of their tables of fields.
#pragma once

#include "core/json/field_check.h"
#include "providers/family_common.h"

enum { VIDEO_MAX_PROMPT = 20000, VIDEO_MAX_NAME = 128, VIDEO_MAX_WORD = 32 };

#define VIDEO_MODEL_RULE                                                                           \
    {                                                                                              \
        .path = "model", .kind = FIELD_TEXT, .is_required = true, .max = VIDEO_MAX_NAME,           \
        .about = "Any account's video model, as GET /v1/models lists them."                        \
    }
#define VIDEO_IMAGES_RULE                                                                          \
    {                                                                                              \
        .path = "images", .kind = FIELD_ARRAY, .items = family_source_items,                       \
        .about = "The first frame; where the model takes two, the last one, too."                  \
    }
#define VIDEO_DURATION_RULE                                                                        \
    {                                                                                              \
        .path = "duration", .kind = FIELD_COUNT, .min = 1, .about = "In seconds."                  \
    }
// Frames that have a field each, by their names in the unified form.
#define VIDEO_FRAME_ALIASES                                                                        \
    {"first_frame_image", "images.0"}, {"last_frame_image", "images.1"},                           \
    {                                                                                              \
        "subject_reference", "images"                                                              \
    }
// Fields of DashScope's form, by their names in the unified form.
#define VIDEO_DASHSCOPE_ALIASES                                                                    \
    {"input.prompt", "prompt"}, {"input.negative_prompt", "negative_prompt"},                      \
        {"input.img_url", "images.0"}, {"input.first_frame_url", "images.0"},                      \
        {"input.last_frame_url", "images.1"}, {"parameters.size", "size"},                         \
        {"parameters.size", "aspect_ratio"},                                                       \
    {                                                                                              \
        "parameters.resolution", "size"                                                            \
    }
