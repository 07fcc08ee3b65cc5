// What Veo wants to make a video from, by its two APIs.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/rules.h"
#include "tests/sim/veo.h"

enum { MAX_REFERENCES = 3, WHOLE_SECONDS = 8 };

// Fields that Gemini's API doesn't have.
static const char vertex_only[] =
    "seed fps storageUri generateAudio mask labels compressionQuality "
    "resizeMode pubsubTopic gcsUri";

static const char *check_base64(const char *text)
{
    return rules_is_base64(text) ? NULL : "must be base64 without a data: prefix";
}

static const char *check_gs(const char *text)
{
    return strncmp(text, "gs://", 5) == 0 && text[5] != '\0' ? NULL : "must begin with gs://";
}

static const struct rule image[] = {
    {"bytesBase64Encoded", RULE_TEXT, .check = check_base64},
    {"gcsUri", RULE_TEXT, .check = check_gs},
    {"mimeType", RULE_TEXT, .is_required = true, .words = "image/png image/jpeg image/webp"},
    {0},
};
static const struct rule reference[] = {
    {"image", RULE_OBJECT, .is_required = true, .fields = image},
    {"referenceType", RULE_TEXT, .is_required = true, .words = "asset style"},
    {0},
};
static const struct rule video[] = {
    {"uri", RULE_TEXT, .check = rules_http_url},
    {"encodedVideo", RULE_TEXT, .check = check_base64},
    {"encoding", RULE_TEXT, .words = "video/mp4"},
    {"gcsUri", RULE_TEXT, .check = check_gs},
    {"bytesBase64Encoded", RULE_TEXT, .check = check_base64},
    {"mimeType", RULE_TEXT, .words = "video/mp4"},
    {0},
};
static const struct rule instance[] = {
    {"prompt", RULE_TEXT, .min = 1, .max = 20000},
    {"image", RULE_OBJECT, .fields = image},
    {"lastFrame", RULE_OBJECT, .fields = image},
    {"referenceImages", RULE_ARRAY, .min = 1, .max = MAX_REFERENCES, .fields = reference},
    {"video", RULE_OBJECT, .fields = video},
    {"mask", .type = RULE_OBJECT},
    {0},
};
static const struct rule parameters[] = {
    {"aspectRatio", RULE_TEXT, .words = "16:9 9:16"},
    {"resolution", RULE_TEXT, .words = "720p 1080p 4k"},
    {"durationSeconds", .type = RULE_NUMBER},
    {"negativePrompt", .type = RULE_TEXT},
    {"personGeneration", RULE_TEXT, .words = "allow_all allow_adult dont_allow"},
    {"sampleCount", RULE_INTEGER, .min = 1, .max = 4},
    {"seed", RULE_INTEGER, .min = 0, .max = UINT32_MAX},
    {"fps", RULE_INTEGER, .min = 24, .max = 24},
    {"storageUri", RULE_TEXT, .check = check_gs},
    {"generateAudio", .type = RULE_BOOL},
    {"compressionQuality", RULE_TEXT, .words = "optimized lossless"},
    {"resizeMode", RULE_TEXT, .words = "pad crop"},
    {"pubsubTopic", .type = RULE_TEXT},
    {0},
};
static const struct rule webhook[] = {
    {"uris", RULE_ARRAY, .is_required = true, .min = 1, .max = 10},
    {"userMetadata", .type = RULE_OBJECT},
    {0},
};
static const struct rule body_rules[] = {
    {"instances", RULE_ARRAY, .is_required = true, .min = 1, .max = 1, .fields = instance},
    {"parameters", RULE_OBJECT, .fields = parameters},
    {"webhookConfig", RULE_OBJECT, .fields = webhook},
    {"labels", .type = RULE_OBJECT},
    {0},
};

// Fields that the other API has.
static bool is_own(const json_t *value, bool is_vertex, struct rule_error *error)
{
    const char *name;
    json_t *field;
    size_t i;

    json_object_foreach((json_t *)value, name, field)
    {
        if (is_vertex ? strcmp(name, "webhookConfig") == 0 : rules_one_of(name, vertex_only))
            return rules_fail(error, name, "isn't supported by this model");
        if (!rules_one_of(name, "labels userMetadata") && !is_own(field, is_vertex, error))
            return false;
    }
    json_array_foreach((json_t *)value, i, field)
    {
        if (!is_own(field, is_vertex, error))
            return false;
    }
    return true;
}

// Whether it is an image: its bytes, or a link to them; and the bytes are of the type that they are
// said to be.
static bool is_image(const json_t *value, const char *param, struct rule_error *error)
{
    static const struct {
        const char *type, *beginning; // of the base64
    } types[] = {
        {"image/png", "iVBORw0KGgo"},
        {"image/jpeg", "/9j/"},
        {"image/webp", "UklGR"},
    };
    const char *type = rules_text(value, "mimeType"),
               *bytes = rules_text(value, "bytesBase64Encoded");

    if (value == NULL)
        return true;
    if ((*bytes != '\0') == (*rules_text(value, "gcsUri") != '\0'))
        return rules_fail(error, param, "must have bytesBase64Encoded");
    for (size_t i = 0; i < sizeof types / sizeof types[0] && *bytes != '\0'; i++)
        if (strcmp(type, types[i].type) == 0 &&
            strncmp(bytes, types[i].beginning, strlen(types[i].beginning)) != 0)
            return rules_fail(error, param, "isn't an image of type %s", type);
    return true;
}

static bool are_images(const json_t *given, struct rule_error *error)
{
    const json_t *references = json_object_get(given, "referenceImages"), *one;
    size_t i;

    json_array_foreach((json_t *)references, i, one)
    {
        if (!is_image(json_object_get(one, "image"), "referenceImages", error))
            return false;
    }
    return is_image(json_object_get(given, "image"), "image", error) &&
           is_image(json_object_get(given, "lastFrame"), "lastFrame", error);
}

bool veo_check(const json_t *body, bool is_vertex, struct rule_error *error)
{
    const json_t *given = json_array_get(json_object_get(body, "instances"), 0);
    const json_t *wanted = json_object_get(body, "parameters");
    const json_t *duration = json_object_get(wanted, "durationSeconds");
    const char *resolution = rules_text(wanted, "resolution");
    double seconds = duration == NULL ? WHOLE_SECONDS : json_number_value(duration);
    bool is_whole = strcmp(resolution, "1080p") == 0 || strcmp(resolution, "4k") == 0 ||
                    json_object_get(given, "referenceImages") != NULL;

    if (!json_is_object(body))
        return rules_fail(error, "body", "must be a JSON object");
    if (!is_own(body, is_vertex, error) || !rules_check(body, body_rules, error) ||
        !are_images(given, error))
        return false;
    // Vertex moves an image without a prompt.
    if (json_object_get(given, "prompt") == NULL &&
        !(is_vertex && json_object_get(given, "image") != NULL))
        return rules_fail(error, "prompt", "is required");
    if (seconds != 4 && seconds != 6 && seconds != WHOLE_SECONDS)
        return rules_fail(error, "durationSeconds", "must be 4, 6 or 8");
    if (is_whole && seconds != WHOLE_SECONDS)
        return rules_fail(error, "durationSeconds",
                          "must be 8 with this resolution or these images");
    if (json_object_get(given, "lastFrame") != NULL && json_object_get(given, "image") == NULL)
        return rules_fail(error, "lastFrame", "needs an image to begin with");
    return true;
}
