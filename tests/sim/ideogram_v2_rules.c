// What the paths of the simulated Ideogram's newer API want. The real one passes over fields that
// it doesn't know; here they are refused, as they would have been sent in vain.
#include <string.h>

#include "tests/sim/ideogram.h"
#include "tests/sim/rules.h"

#define WORDS(field, list)                                                                         \
    {                                                                                              \
        .name = (field), .type = RULE_TEXT, .words = (list)                                        \
    }
#define OF_TYPE(field, kind)                                                                       \
    {                                                                                              \
        .name = (field), .type = (kind)                                                            \
    }
#define NUMBER(field, least, most)                                                                 \
    {                                                                                              \
        .name = (field), .type = RULE_INTEGER, .min = (least), .max = (most)                       \
    }
#define NEEDED_FILE(field)                                                                         \
    {                                                                                              \
        .name = (field), .type = RULE_OBJECT, .is_required = true                                  \
    }
#define PROMPT                                                                                     \
    {                                                                                              \
        .name = "prompt", .type = RULE_TEXT, .is_required = true, .min = 1, .max = 100000          \
    }
#define THEN(table)                                                                                \
    {                                                                                              \
        .fields = (table)                                                                          \
    }

static const char *https(const char *url)
{
    return strncmp(url, "https://", 8) == 0 ? NULL : "must be HTTPS";
}

static const struct rule common[] = {
    NUMBER("num_images", 1, 8),
    WORDS("rendering_speed", "turbo default quality"),
    {.name = "async", .type = RULE_BOOL, .is_required = true},
    {0},
};
static const struct rule seeded[] = {NUMBER("seed", 0, 2147483647), THEN(common)};
static const struct rule told[] = {
    {.name = "webhook_url", .type = RULE_TEXT, .check = https},
    OF_TYPE("private", RULE_BOOL),
    OF_TYPE("enable_copyright_detection", RULE_BOOL),
    THEN(seeded),
};
static const struct rule styled[] = {
    PROMPT,
    WORDS("magic_prompt", "auto on off"),
    WORDS("style_type", "auto general realistic design fiction custom stylized"),
    OF_TYPE("style_preset", RULE_TEXT),
    OF_TYPE("style_codes", RULE_ANY),
    THEN(told),
};
static const struct rule generate[] = {
    WORDS("aspect_ratio", IDEOGRAM_RATIOS),
    WORDS("resolution", IDEOGRAM_SIZES),
    OF_TYPE("negative_prompt", RULE_TEXT),
    OF_TYPE("color_palette", RULE_ANY),
    THEN(styled),
};
static const struct rule inpaint[] = {NEEDED_FILE("image"), NEEDED_FILE("mask"), THEN(styled)};
static const struct rule remix[] = {
    NEEDED_FILE("image"),
    NUMBER("image_weight", 1, 100),
    THEN(generate),
};
static const struct rule reframe[] = {
    NEEDED_FILE("image"),
    {.name = "resolution", .type = RULE_TEXT, .is_required = true, .words = IDEOGRAM_SIZES},
    OF_TYPE("style_preset", RULE_TEXT),
    OF_TYPE("style_codes", RULE_ANY),
    OF_TYPE("color_palette", RULE_ANY),
    THEN(seeded),
};
static const struct rule background[] = {
    NEEDED_FILE("image"),
    PROMPT,
    {.name = "webhook_url", .type = RULE_TEXT, .check = https},
    OF_TYPE("private", RULE_BOOL),
    THEN(common),
};

const struct rule *ideogram_v2_rules(const char *name)
{
    static const struct {
        const char *name;
        const struct rule *rules;
    } paths[] = {
        {"generate/ideogram-3", generate},
        {"inpaint/ideogram-3", inpaint},
        {"remix/ideogram-3", remix},
        {"reframe/ideogram-3", reframe},
        {"replace-background/ideogram-3", background},
    };

    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (strcmp(paths[i].name, name) == 0)
            return paths[i].rules;
    return NULL;
}
