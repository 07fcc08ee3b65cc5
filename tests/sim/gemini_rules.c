// What Google's image models want, by its two APIs.
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "tests/sim/gemini.h"
#include "tests/sim/rules.h"

#define RATIOS "1:1 2:3 3:2 3:4 4:3 4:5 5:4 9:16 16:9 21:9"
#define MORE_RATIOS RATIOS " 4:1 1:4 8:1 1:8"

// Those that make images, and one that doesn't. gemini-2.5-flash-image and the previews are gone.
static const struct model {
    const char *name, *ratios, *sizes; // of images
    int images;
    bool is_imagen;
} models[] = {
    {"gemini-3-pro-image", RATIOS, "1K 2K 4K", 14, false},
    {"gemini-3.1-flash-image", MORE_RATIOS, "1K 2K 4K", 14, false},
    {"gemini-3.1-flash-lite-image", MORE_RATIOS, "1K", 14, false},
    {"gemini-2.5-flash", NULL, NULL, 3000, false},
    {"imagen-4.0-generate-001", "1:1 16:9 9:16 4:3 3:4", "1K 2K", 0, true},
};

static const struct model *find_model(const char *name)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (strcmp(models[i].name, name) == 0)
            return &models[i];
    return NULL;
}

bool gemini_has_model(const char *name)
{
    return find_model(name) != NULL;
}

// Either alphabet, with padding or without.
static const char *check_bytes(const char *text)
{
    struct buf bytes = {0};
    bool is = *text != '\0' && (base64_decode(text, strlen(text), &bytes) ||
                                base64url_decode(text, strlen(text), &bytes));

    buf_clear(&bytes);
    return is ? NULL : "Base64 decoding failed";
}

static const struct rule blob[] = {
    {"mimeType", RULE_TEXT, .is_required = true,
     .words = "image/png image/jpeg image/webp image/heic image/heif"},
    {"data", RULE_TEXT, .is_required = true, .check = check_bytes},
    {0},
};
static const struct rule file[] = {
    {"mimeType", .type = RULE_TEXT},
    {"fileUri", RULE_TEXT, .is_required = true, .min = 1, .max = 2048},
    {0},
};
static const struct rule part[] = {
    {"text", .type = RULE_TEXT},
    {"inlineData", RULE_OBJECT, .fields = blob},
    {"fileData", RULE_OBJECT, .fields = file},
    {"thought", .type = RULE_BOOL},
    {"thoughtSignature", RULE_TEXT, .check = check_bytes},
    {"mediaResolution", .type = RULE_OBJECT},
    {0},
};
static const struct rule content[] = {
    {"role", RULE_TEXT, .words = "user model"},
    {"parts", RULE_ARRAY, .is_required = true, .min = 1, .max = 3000, .fields = part},
    {0},
};
static const struct rule image_config[] = {
    {"aspectRatio", RULE_TEXT, .words = MORE_RATIOS},
    {"imageSize", RULE_TEXT, .words = "1K 2K 4K"},
    {0},
};
static const struct rule output[] = {
    {"mimeType", RULE_TEXT, .words = "image/png image/jpeg"},
    {"compressionQuality", RULE_INTEGER, .min = 0, .max = 100},
    {0},
};
static const struct rule vertex_image_config[] = {
    {"imageOutputOptions", RULE_OBJECT, .fields = output},
    {"personGeneration", RULE_TEXT, .words = "ALLOW_ALL ALLOW_ADULT ALLOW_NONE"},
    {"prominentPeople", .type = RULE_TEXT},
    {.fields = image_config},
};
#define GENERATION(images)                                                                         \
    {"responseModalities", .type = RULE_ANY}, {"imageConfig", RULE_OBJECT, .fields = (images)},    \
        {"candidateCount", RULE_INTEGER, .min = 1, .max = 8},                                      \
        {"temperature", RULE_NUMBER, .min = 0, .max = 2},                                          \
        {"topP", RULE_NUMBER, .min = 0, .max = 1}, {"topK", .type = RULE_INTEGER},                 \
        {"maxOutputTokens", .type = RULE_INTEGER}, {"seed", .type = RULE_INTEGER},                 \
        {"thinkingConfig", .type = RULE_OBJECT},                                                   \
    {                                                                                              \
        0                                                                                          \
    }
static const struct rule generation[] = {GENERATION(image_config)};
static const struct rule vertex_generation[] = {GENERATION(vertex_image_config)};
static const struct rule safety[] = {
    {"category", RULE_TEXT, .is_required = true, .words = "HARM_CATEGORY_*"},
    {"threshold", RULE_TEXT, .is_required = true, .words = "BLOCK_* OFF"},
    {0},
};
#define BODY(config)                                                                               \
    {"contents", RULE_ARRAY, .is_required = true, .min = 1, .max = 1000, .fields = content},       \
        {"generationConfig", RULE_OBJECT, .fields = (config)},                                     \
        {"safetySettings", RULE_ARRAY, .fields = safety},                                          \
        {"systemInstruction", RULE_OBJECT, .fields = content}, {"tools", .type = RULE_ANY},        \
    {                                                                                              \
        "toolConfig", .type = RULE_OBJECT                                                          \
    }
static const struct rule body_rules[] = {BODY(generation), {0}};
static const struct rule vertex_body_rules[] = {
    BODY(vertex_generation), {"labels", .type = RULE_OBJECT}, {0}};

static const struct rule instance[] = {
    {"prompt", RULE_TEXT, .is_required = true, .min = 1, .max = 2000}, {0}};
static const struct rule parameters[] = {
    {"sampleCount", RULE_INTEGER, .min = 1, .max = 4},
    {"aspectRatio", RULE_TEXT, .words = "1:1 16:9 9:16 4:3 3:4"},
    {"sampleImageSize", RULE_TEXT, .words = "1K 2K"},
    {"personGeneration", RULE_TEXT, .words = "dont_allow allow_adult allow_all"},
    {"outputOptions", RULE_OBJECT, .fields = output},
    {"includeRaiReason", .type = RULE_BOOL},
    {"seed", RULE_INTEGER, .min = 0, .max = UINT32_MAX},
    {0},
};
static const struct rule predict_rules[] = {
    {"instances", RULE_ARRAY, .is_required = true, .min = 1, .max = 1, .fields = instance},
    {"parameters", RULE_OBJECT, .fields = parameters},
    {0},
};

// Whether the bytes are of the type that they are said to be.
static bool is_of_its_type(const json_t *data)
{
    static const struct {
        const char *type, *beginning; // of the base64
    } types[] = {
        {"image/png", "iVBORw0KGgo"},
        {"image/jpeg", "/9j/"},
        {"image/webp", "UklGR"},
    };
    const char *type = rules_text(data, "mimeType"), *bytes = rules_text(data, "data");

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i].type, type) == 0)
            return strncmp(bytes, types[i].beginning, strlen(types[i].beginning)) == 0;
    return true;
}

// What the host can open: its own files, and at Vertex objects.
static bool opens(const char *uri, bool is_vertex)
{
    static const char own[] = "https://generativelanguage.googleapis.com/v1beta/files/";

    return is_vertex ? strncmp(uri, "gs://", 5) == 0 : strncmp(uri, own, sizeof own - 1) == 0;
}

static bool check_part(const json_t *value, bool is_models, const struct model *model,
                       bool is_vertex, const char *where, struct rule_error *error)
{
    const json_t *data = json_object_get(value, "inlineData");
    const json_t *link = json_object_get(value, "fileData");
    int count = (data != NULL) + (link != NULL) + (json_object_get(value, "text") != NULL);

    if (count != 1)
        return rules_fail(error, where,
                          "required oneof field 'data' must have one initialized field");
    if (data != NULL && !is_of_its_type(data))
        return rules_fail(error, where, "Unable to process input image.");
    if (link != NULL && !opens(rules_text(link, "fileUri"), is_vertex))
        return rules_fail(error, where, "Cannot fetch content from the provided URL.");
    // Drafts have none.
    return !is_models || data == NULL || json_is_true(json_object_get(value, "thought")) ||
           strncmp(model->name, "gemini-3", 8) != 0 ||
           *rules_text(value, "thoughtSignature") != '\0' ||
           rules_fail(error, where, "Image part is missing a thought_signature.");
}

static bool check_contents(const json_t *body, const struct model *model, bool is_vertex,
                           struct rule_error *error)
{
    json_t *turn, *value;
    size_t i, k;
    int images = 0;

    json_array_foreach(json_object_get(body, "contents"), i, turn)
    {
        bool is_models = strcmp(rules_text(turn, "role"), "model") == 0;

        if (is_vertex && *rules_text(turn, "role") == '\0')
            return rules_fail(error, "contents.role", "Please use a valid role: user, model.");
        json_array_foreach(json_object_get(turn, "parts"), k, value)
        {
            char where[64];

            snprintf(where, sizeof where, "contents[%zu].parts[%zu]", i, k);
            if (!check_part(value, is_models, model, is_vertex, where, error))
                return false;
            images += !is_models && json_object_get(value, "text") == NULL;
        }
    }
    return images <= model->images || rules_fail(error, "contents", "has too many images");
}

static bool check_modalities(const json_t *config, const struct model *model,
                             struct rule_error *error)
{
    const json_t *words = json_object_get(config, "responseModalities");
    bool has_image = false;
    json_t *word;
    size_t i;

    if (words != NULL && !json_is_array(words))
        return rules_fail(error, "generationConfig.responseModalities", "must be a list");
    json_array_foreach((json_t *)words, i, word)
    {
        const char *text = json_is_string(word) ? json_string_value(word) : "";

        if (!rules_one_of(text, "TEXT IMAGE"))
            return rules_fail(error, "generationConfig.responseModalities", "Invalid value");
        has_image = has_image || strcmp(text, "IMAGE") == 0;
    }
    return !has_image || model->sizes != NULL ||
           rules_fail(error, "generationConfig.responseModalities",
                      "Model does not support the requested response modalities: image");
}

static bool check_config(const json_t *config, const struct model *model, struct rule_error *error)
{
    const json_t *image = json_object_get(config, "imageConfig");
    const char *ratio = rules_text(image, "aspectRatio"), *size = rules_text(image, "imageSize");

    if (json_integer_value(json_object_get(config, "candidateCount")) > 1)
        return rules_fail(error, "generationConfig.candidateCount",
                          "Multiple candidates is not enabled for this model");
    if (*ratio != '\0' && (model->ratios == NULL || !rules_one_of(ratio, model->ratios)))
        return rules_fail(error, "generationConfig.imageConfig.aspectRatio",
                          "aspect_ratio must be one of %s", model->ratios);
    return *size == '\0' || (model->sizes != NULL && rules_one_of(size, model->sizes)) ||
           rules_fail(error, "generationConfig.imageConfig.imageSize",
                      "is not supported by this model");
}

bool gemini_check(const char *verb, const char *name, bool is_vertex, const json_t *body,
                  struct rule_error *error)
{
    const struct model *model = find_model(name);
    const json_t *config = json_object_get(body, "generationConfig");

    if ((strcmp(verb, gemini_predict) == 0) != model->is_imagen)
        return rules_fail(error, "model", "is not supported for %s", verb);
    if (model->is_imagen)
        return rules_check(body, predict_rules, error);
    return rules_check(body, is_vertex ? vertex_body_rules : body_rules, error) &&
           check_contents(body, model, is_vertex, error) &&
           check_modalities(config, model, error) && check_config(config, model, error);
}

void gemini_add_prompt(const json_t *body, struct buf *prompt)
{
    const json_t *turns = json_object_get(body, "contents"), *last;
    json_t *value;
    size_t i;

    last = json_array_get(turns, json_array_size(turns) - 1);
    json_array_foreach(json_object_get(last, "parts"), i, value)
        buf_str(prompt, rules_text(value, "text"));
    buf_str(prompt, rules_text(json_array_get(json_object_get(body, "instances"), 0), "prompt"));
}
