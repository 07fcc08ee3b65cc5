// The public Ideogram dialect: V_3 under /v1/ideogram-v3, and the older paths.
//
// A kept request has the names of our pages, in one spelling: ratios as ASPECT_16_9, magic_prompt
// as magic_prompt_option, what forms say in text as numbers, image_request as an object. Images are
// links or base64. A provider tells of the images beside their files in its outcome's extra:
// `created`, and `data`, for each image in turn an object (providers/ideogram_answer.h).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_write.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum {
    MAX_PROMPT = 131072,
    MAX_WORD = 64,
    MAX_NUM_IMAGES = 8,
    MAX_SEED = 2147483647,
    MAX_WEIGHT = 100,
};

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define LEGACY(field) "image_request." field

#define PROMPT(field)                                                                              \
    {                                                                                              \
        .path = (field), .kind = FIELD_TEXT, .is_required = true, .min = 1, .max = MAX_PROMPT      \
    }
#define OPTIONAL_PROMPT(field)                                                                     \
    {                                                                                              \
        .path = (field), .kind = FIELD_TEXT, .max = MAX_PROMPT                                     \
    }
#define WORD(field, ...)                                                                           \
    {                                                                                              \
        .path = (field), .kind = FIELD_WORD, .words = WORDS(__VA_ARGS__)                           \
    }
#define MAGIC(field) WORD(field, "AUTO", "ON", "OFF")
#define IMAGE(field)                                                                               \
    {                                                                                              \
        .path = (field), .kind = FIELD_MEDIA, .is_required = true,                                 \
        .about = "A link or base64, or a file of a form: a JPEG, PNG or WebP of at most 10 MB."    \
    }
#define NUM_IMAGES(field)                                                                          \
    {                                                                                              \
        .path = (field), .kind = FIELD_COUNT, .min = 1, .max = MAX_NUM_IMAGES                      \
    }
#define SEED(field)                                                                                \
    {                                                                                              \
        .path = (field), .kind = FIELD_COUNT, .min = 0, .max = MAX_SEED                            \
    }
#define WEIGHT(field, least)                                                                       \
    {                                                                                              \
        .path = (field), .kind = FIELD_COUNT, .min = (least), .max = MAX_WEIGHT                    \
    }

static const struct field_rule prompt_rules[] = {PROMPT("prompt"), {0}};
static const struct field_rule image_rules[] = {IMAGE("image"), {0}};
static const struct field_rule mask_rules[] = {
    {.path = "mask",
     .kind = FIELD_MEDIA,
     .about =
         "As large as the image; what is black is edited. Without it the prompt says what is."},
    {0},
};
static const struct field_rule common_rules[] = {
    WORD("model", "V_3"),
    WORD("rendering_speed", "DEFAULT", "TURBO", "QUALITY", "BALANCED", "FLASH"),
    NUM_IMAGES("num_images"),
    SEED("seed"),
    {0},
};
static const struct field_rule frame_rules[] = {
    {.path = "aspect_ratio",
     .kind = FIELD_WORD,
     .words = WORDS("ASPECT_1_1", "ASPECT_16_9", "ASPECT_9_16", "ASPECT_4_3", "ASPECT_3_4",
                    "ASPECT_3_2", "ASPECT_2_3", "ASPECT_16_10", "ASPECT_10_16", "ASPECT_5_4",
                    "ASPECT_4_5", "ASPECT_2_1", "ASPECT_1_2", "ASPECT_3_1", "ASPECT_1_3"),
     .about = "16x9 and 16:9 are the same as ASPECT_16_9. Not beside resolution."},
    {.path = "resolution", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "As 1344x768."},
    {0},
};
static const struct field_rule magic_rules[] = {
    MAGIC("magic_prompt_option"),
    {.path = "magic_prompt",
     .kind = FIELD_WORD,
     .words = WORDS("AUTO", "ON", "OFF"),
     .about = "The same as magic_prompt_option."},
    {0},
};
static const struct field_rule style_rules[] = {
    WORD("style_type", "AUTO", "GENERAL", "REALISTIC", "DESIGN", "FICTION", "CUSTOM"),
    {0},
};
static const struct field_rule negative_rules[] = {OPTIONAL_PROMPT("negative_prompt"), {0}};
static const struct field_rule weight_rules[] = {WEIGHT("image_weight", 0), {0}};

static const struct field_rule legacy_image_rules[] = {IMAGE("image_file"), {0}};
static const struct field_rule legacy_prompt_rules[] = {
    {.path = "image_request", .kind = FIELD_OBJECT, .is_required = true},
    PROMPT(LEGACY("prompt")),
    {0},
};
static const struct field_rule upscale_rules[] = {
    {.path = "image_request", .kind = FIELD_OBJECT},
    OPTIONAL_PROMPT(LEGACY("prompt")),
    WEIGHT(LEGACY("resemblance"), 1),
    WEIGHT(LEGACY("detail"), 1),
    {0},
};
static const struct field_rule legacy_common_rules[] = {
    MAGIC(LEGACY("magic_prompt_option")),
    NUM_IMAGES(LEGACY("num_images")),
    SEED(LEGACY("seed")),
    {0},
};
static const struct field_rule legacy_option_rules[] = {
    WORD(LEGACY("model"), "V_1", "V_1_TURBO", "V_2", "V_2_TURBO", "V_2A", "V_2A_TURBO", "V_3",
         "AUTO"),
    WORD(LEGACY("aspect_ratio"), "ASPECT_1_1", "ASPECT_16_9", "ASPECT_9_16", "ASPECT_4_3",
         "ASPECT_3_4", "ASPECT_3_2", "ASPECT_2_3", "ASPECT_16_10", "ASPECT_10_16", "ASPECT_3_1",
         "ASPECT_1_3"),
    {.path = LEGACY("resolution"),
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "As RESOLUTION_1344_768. Not beside aspect_ratio."},
    WORD(LEGACY("style_type"), "AUTO", "GENERAL", "REALISTIC", "DESIGN", "RENDER_3D", "ANIME",
         "FICTION", "CUSTOM"),
    OPTIONAL_PROMPT(LEGACY("negative_prompt")),
    {0},
};
static const struct field_rule legacy_weight_rules[] = {WEIGHT(LEGACY("image_weight"), 0), {0}};
static const struct field_rule describe_rules[] = {
    WORD("describe_model_version", "V_2", "V_3"),
    {0},
};

static const char shown[] =
    "{'type':'object','required':['created','data'],'properties':{"
    "'created':{'type':'integer','description':'Unix seconds.'},"
    "'data':{'type':'array','items':{'type':'object','required':['url'],'properties':{"
    "'url':{'type':'string'},'prompt':{'type':'string'},'resolution':{'type':'string'},"
    "'upscaled_resolution':{'type':'string'},'is_image_safe':{'type':'boolean'},"
    "'seed':{'type':'integer'},'style_type':{'type':'string'}}}}}}";
static const char described[] =
    "{'type':'object','required':['descriptions'],'properties':{'descriptions':{'type':'array',"
    "'items':{'type':'object','required':['text'],'properties':{'text':{'type':'string'}}}}}}";

static const struct route routes[] = {
    {"POST", "/ideogram/v1/ideogram-v3/generate", ROUTE_RESULT, "generate",
     .rules = FIELD_RULES(prompt_rules, frame_rules, magic_rules, style_rules, negative_rules,
                          common_rules, family_hook_rules),
     .summary = "Make images and wait for them",
     .example = "{'prompt':'a sign that says: Hello World','aspect_ratio':'ASPECT_16_9',"
                "'rendering_speed':'DEFAULT','style_type':'REALISTIC'}",
     .shown_schema = shown},
    {"POST", "/ideogram/v1/ideogram-v3/edit", ROUTE_RESULT, "edit",
     .rules = FIELD_RULES(prompt_rules, image_rules, mask_rules, magic_rules, style_rules,
                          common_rules, family_hook_rules),
     .summary = "Edit an image and wait for it",
     .example = "{'prompt':'a starry night for a sky','image':'data:image/png;base64," FAMILY_PNG
                "','mask':'data:image/png;base64," FAMILY_PNG "'}",
     .shown_schema = shown, .takes_files = true},
    {"POST", "/ideogram/v1/ideogram-v3/remix", ROUTE_RESULT, "remix",
     .rules = FIELD_RULES(prompt_rules, image_rules, weight_rules, frame_rules, magic_rules,
                          style_rules, negative_rules, common_rules, family_hook_rules),
     .summary = "Make images after another and wait for them",
     .example = "{'prompt':'the same in watercolour','image':'data:image/png;base64," FAMILY_PNG
                "','image_weight':50}",
     .shown_schema = shown, .takes_files = true},
    {"POST", "/ideogram/v1/ideogram-v3/reframe", ROUTE_RESULT, "reframe",
     .rules = FIELD_RULES(image_rules, frame_rules, common_rules, family_hook_rules),
     .summary = "Widen an image and wait for it",
     .example = "{'image':'data:image/png;base64," FAMILY_PNG "','resolution':'1344x768'}",
     .shown_schema = shown, .takes_files = true},
    {"POST", "/ideogram/v1/ideogram-v3/replace-background", ROUTE_RESULT, "replace-background",
     .rules = FIELD_RULES(prompt_rules, image_rules, magic_rules, common_rules, family_hook_rules),
     .summary = "Give an image another background and wait for it",
     .example = "{'prompt':'a beach at sunset','image':'data:image/png;base64," FAMILY_PNG "'}",
     .shown_schema = shown, .takes_files = true},
    {"POST", "/ideogram/generate", ROUTE_RESULT, "legacy-generate",
     .rules = FIELD_RULES(legacy_prompt_rules, legacy_option_rules, legacy_common_rules,
                          family_hook_rules),
     .summary = "The same as older models make them",
     .example = "{'image_request':{'prompt':'a city at night','model':'V_2'}}",
     .shown_schema = shown},
    {"POST", "/ideogram/remix", ROUTE_RESULT, "legacy-remix",
     .rules = FIELD_RULES(legacy_prompt_rules, legacy_image_rules, legacy_weight_rules,
                          legacy_option_rules, legacy_common_rules, family_hook_rules),
     .summary = "Make images after another with older models",
     .example = "{'image_request':{'prompt':'the same as an anime','model':'V_2'},"
                "'image_file':'data:image/png;base64," FAMILY_PNG "'}",
     .shown_schema = shown, .takes_files = true},
    {"POST", "/ideogram/upscale", ROUTE_RESULT, "upscale",
     .rules =
         FIELD_RULES(upscale_rules, legacy_image_rules, legacy_common_rules, family_hook_rules),
     .summary = "Make an image larger and wait for it",
     .example =
         "{'image_request':{'prompt':'fine detail'},'image_file':'data:image/png;base64," FAMILY_PNG
         "'}",
     .shown_schema = shown, .takes_files = true},
    {"POST", "/ideogram/describe", ROUTE_RESULT, "describe",
     .rules = FIELD_RULES(legacy_image_rules, describe_rules, family_hook_rules),
     .summary = "Describe an image in words",
     .example = "{'image_file':'data:image/png;base64," FAMILY_PNG "'}", .shown_schema = described,
     .takes_files = true},
    {0},
};

static const struct family_alias aliases[] = {{"magic_prompt_option", "magic_prompt"}, {0}};

// Requests.

static bool is_legacy(const char *action)
{
    return strncmp(action, "legacy-", 7) == 0 || strcmp(action, "upscale") == 0 ||
           strcmp(action, "describe") == 0;
}

// "16x9" and "16:9" are ASPECT_16_9.
static void spell_ratio(json_t *request)
{
    const char *text = field_str_or_empty(request, "aspect_ratio");
    char word[MAX_WORD], between;
    int width, height, used = 0;

    if (sscanf(text, "%2d%c%2d%n", &width, &between, &height, &used) != 3 || text[used] != '\0' ||
        (between != 'x' && between != ':'))
        return;
    snprintf(word, sizeof word, "ASPECT_%d_%d", width, height);
    json_object_set_new(request, "aspect_ratio", json_string(word));
}

// A copy, with ratios and image_request as our pages have them.
static json_t *spell(const json_t *body)
{
    json_t *kept = json_copy((json_t *)body), *request = json_object_get(body, "image_request");
    const char *text = field_str_or_empty(body, "image_request"); // of a form
    struct err err;

    request = *text == '\0' ? json_copy(request) : field_parse_body(text, strlen(text), &err);
    if (request != NULL)
        json_object_set_new(kept, "image_request", request);
    spell_ratio(kept);
    spell_ratio(json_object_get(kept, "image_request"));
    return kept;
}

static void rename_magic(json_t *request)
{
    json_t *magic = json_object_get(request, "magic_prompt");

    if (!field_is_empty(magic) && !field_is_given(request, "magic_prompt_option"))
        json_object_set(request, "magic_prompt_option", magic);
    json_object_del(request, "magic_prompt");
}

// Forms know texts alone.
static void read_texts(json_t *request)
{
    static const char *const counts[] = {"num_images", "seed", "image_weight", "resemblance",
                                         "detail"};

    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        const char *text = field_str_or_empty(request, counts[i]);

        if (*text != '\0')
            json_object_set_new(request, counts[i], json_integer(strtol(text, NULL, 10)));
    }
}

// What makes it. AUTO is the vendor's choice, and there is none where nothing is drawn anew.
static const char *model_of(const char *action, const json_t *kept)
{
    const char *model = field_str_or_empty(kept, LEGACY("model"));

    if (!is_legacy(action))
        return "V_3";
    if (strncmp(action, "legacy-", 7) != 0 || strcmp(model, "AUTO") == 0)
        return NULL;
    return *model == '\0' ? "V_2" : model;
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    const char *action = request->route->action;
    json_t *kept = spell(request->body);
    struct family_request spelt = *request;

    (void)once;
    spelt.body = kept;
    if (!family_check(&spelt, err) || !family_read_hook(request->body, task, err)) {
        json_decref(kept);
        return false;
    }
    rename_magic(kept);
    read_texts(kept);
    read_texts(json_object_get(kept, "image_request"));
    mem_set_str(&task->provider, "ideogram");
    mem_set_str(&task->action, action);
    mem_set_str(&task->model, model_of(action, kept));
    task->cost = 1;
    family_set_request(task, kept);
    return true;
}

// Answers.

static bool is_kind(const json_t *artifact, const char *kind)
{
    return strcmp(field_str_or_empty(artifact, "kind"), kind) == 0;
}

// {"url"}, and what is told of the image.
static json_t *image_of(const json_t *artifact, const json_t *more)
{
    json_t *image = json_object();

    json_object_set_new(image, "url", json_string(field_str_or_empty(artifact, "url")));
    json_object_update_missing(image, (json_t *)more);
    return image;
}

// Those that couldn't be had are left out, but have their place in what is told.
static json_t *images_of(const json_t *result)
{
    json_t *images = json_array(), *artifact;
    size_t i, number = 0;

    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (!is_kind(artifact, "image"))
            continue;
        if (*field_str_or_empty(artifact, "url") != '\0')
            json_array_append_new(
                images, image_of(artifact, json_array_get(field_at(result, "extra.data"), number)));
        number++;
    }
    return images;
}

static json_t *texts_of(const json_t *result)
{
    json_t *texts = json_array(), *artifact;
    size_t i;

    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (is_kind(artifact, "text"))
            json_array_append_new(texts,
                                  json_pack("{s:s}", "text", field_str_or_empty(artifact, "text")));
    }
    return texts;
}

static int result(const struct task *task, struct family_answer *answer)
{
    json_t *whole, *shown_json;
    char *text;

    if (task->phase != TASK_SUCCEEDED)
        return family_refuse_ended(task, &answer->json);
    whole = family_result_whole(task);
    if (strcmp(task->action, "describe") == 0)
        shown_json = json_pack("{s:o}", "descriptions", texts_of(whole));
    else
        shown_json =
            json_pack("{s:I,s:o}", "created",
                      (json_int_t)field_int_or(whole, "extra.created", task->finished_ms / 1000),
                      "data", images_of(whole));
    text = json_write_text(shown_json);
    buf_str(&answer->json, text);
    free(text);
    json_decref(shown_json);
    json_decref(whole);
    return 200;
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, true, json);
}

const struct family family_ideogram = {
    .name = "ideogram",
    .media = MEDIA_IMAGE,
    .routes = routes,
    .accept = accept,
    .result = result,
    .render_callback = render_callback,
    .word = family_openai_word,
    .aliases = aliases,
    .refuse = family_refuse_envelope,
    .title = "Ideogram",
    .refused_schema = family_envelope_schema,
};
