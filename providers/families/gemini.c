// Google's own dialect for images, as @google/genai and python-genai speak it: :generateContent,
// answered with the files in base64.
//
// Sources: googleapis/js-genai and python-genai. A kept request is Google's own form, in one
// spelling (gemini_spelling.h). A provider tells in its outcome's extra of what is beside the files
// (providers/gemini_answer.h).
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/message/media_type.h"
#include "core/task/task.h"
#include "providers/families/gemini_spelling.h"
#include "providers/families/google_error.h"
#include "providers/family.h"
#include "providers/family_common.h"

enum {
    MAX_TEXT = 131072,
    MAX_WORD = 64,
    MAX_IMAGES = 4,
    MAX_PATH = 96,
    HEAD_CHARS = (MEDIA_HEAD_BYTES + 2) / 3 * 4, // of base64
};

static const struct field_rule part_rules[] = {
    {.path = "", .kind = FIELD_OBJECT},
    {.path = "text", .kind = FIELD_TEXT, .max = MAX_TEXT},
    {.path = "inlineData", .kind = FIELD_OBJECT, .about = "An image, with both of its fields."},
    {.path = "inlineData.mimeType", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "inlineData.data", .kind = FIELD_BASE64},
    {.path = "fileData", .kind = FIELD_OBJECT},
    {.path = "fileData.fileUri", .kind = FIELD_SOURCE, .about = "A link to an image."},
    {.path = "fileData.mimeType", .kind = FIELD_TEXT, .max = MAX_WORD},
    {0},
};

static const struct field_rule content_rules[] = {
    {.path = "", .kind = FIELD_OBJECT},
    {.path = "role", .kind = FIELD_TEXT, .max = MAX_WORD, .about = "user or model."},
    {.path = "parts", .kind = FIELD_ARRAY, .is_required = true, .min = 1, .items = part_rules},
    {0},
};

static const struct field_rule rules[] = {
    {.path = "contents",
     .kind = FIELD_ARRAY,
     .is_required = true,
     .min = 1,
     .items = content_rules,
     .about = "The turns of a talk: what is to be seen, and the images that it is about."},
    {.path = "generationConfig", .kind = FIELD_OBJECT},
    {.path = "generationConfig.responseModalities",
     .kind = FIELD_ARRAY,
     .about = "IMAGE, and TEXT where the model may write, too. The default is IMAGE."},
    {.path = "generationConfig.candidateCount", .kind = FIELD_INT, .min = 1, .max = MAX_IMAGES},
    {.path = "generationConfig.imageConfig", .kind = FIELD_OBJECT},
    {.path = "generationConfig.imageConfig.aspectRatio", .kind = FIELD_TEXT, .max = MAX_WORD},
    {.path = "generationConfig.imageConfig.imageSize",
     .kind = FIELD_TEXT,
     .max = MAX_WORD,
     .about = "1K, 2K or 4K; which there are is the model's."},
    {.path = "generationConfig.imageConfig.imageOutputOptions",
     .kind = FIELD_OBJECT,
     .about = "Left out where the vendor doesn't know it."},
    {.path = "generationConfig.imageGenerationConfig",
     .kind = FIELD_OBJECT,
     .about = "Of Imagen's models."},
    {.path = "generationConfig.imageGenerationConfig.numberOfImages",
     .kind = FIELD_INT,
     .min = 1,
     .max = MAX_IMAGES},
    {.path = "generationConfig.imageGenerationConfig.aspectRatio",
     .kind = FIELD_TEXT,
     .max = MAX_WORD},
    {.path = "systemInstruction", .kind = FIELD_OBJECT},
    {.path = "safetySettings", .kind = FIELD_ARRAY},
    {0},
};

static const char shown[] =
    "{'type':'object','required':['candidates'],'properties':{'candidates':{'type':'array',"
    "'items':{'type':'object','properties':{'content':{'type':'object','properties':{"
    "'role':{'const':'model'},'parts':{'type':'array','items':{'type':'object','properties':{"
    "'text':{'type':'string'},'inlineData':{'type':'object','properties':{"
    "'mimeType':{'type':'string'},'data':{'type':'string'}}},"
    "'thoughtSignature':{'type':'string'}}}}}},'finishReason':{'type':'string'},"
    "'index':{'type':'integer'}}}},'usageMetadata':{'type':'object'},"
    "'modelVersion':{'type':'string'},'responseId':{'type':'string',"
    "'description':'The id of the task.'}}}";

#define SAME                                                                                       \
    .rules = FIELD_RULES(rules, family_hook_rules),                                                \
    .summary = "Make an image and wait for it, as Google's SDKs ask for it",                       \
    .example = "{'contents':[{'parts':[{'text':'the first tram of the morning'}]}]}",              \
    .shown_schema = shown
static const struct route routes[] = {
    {"POST", "/v1beta/models/{model}:generateContent", ROUTE_RESULT, "generate", SAME},
    {"POST", "/v1/models/{model}:generateContent", ROUTE_RESULT, "generate", SAME},
    {0},
};

// Links are counted over all parts.
#define LINK(index)                                                                                \
    {                                                                                              \
        "images." #index, "contents"                                                               \
    }
static const struct family_alias aliases[] = {
    LINK(0), LINK(1), LINK(2),  LINK(3),  LINK(4),  LINK(5),  LINK(6), LINK(7),
    LINK(8), LINK(9), LINK(10), LINK(11), LINK(12), LINK(13), {0},
};

// Requests.

// What a text-only model, or a request for text alone, would come to: nothing that we can give.
static bool check_makes_images(const json_t *request, const char *model, struct err *err)
{
    static const char path[] = "generationConfig.responseModalities";
    unsigned media = provider_media_of(model);
    bool is_text = strncmp(model, "gemini-", 7) == 0 && strstr(model, "image") == NULL;
    bool has_image = field_at(request, path) == NULL;
    json_t *item;
    size_t i;

    if (is_text || (media != 0 && (media & 1u << MEDIA_IMAGE) == 0))
        return err_set(err, ERR_INVALID, "model: %.60s doesn't make images", model);
    json_array_foreach(field_at(request, path), i, item)
    {
        const char *word = json_is_string(item) ? json_string_value(item) : "";

        if (strcmp(word, "IMAGE") != 0 && strcmp(word, "TEXT") != 0)
            return err_set(err, ERR_INVALID, "%s.%zu: must be TEXT or IMAGE", path, i);
        has_image = has_image || strcmp(word, "IMAGE") == 0;
    }
    return has_image || err_set(err, ERR_INVALID, "%s: must have IMAGE", path);
}

// Whether the first bytes are those of an image, as far as we know their kind.
static bool is_picture(const json_t *blob)
{
    static const char *const known[] = {"image/png", "image/jpeg", "image/webp", "image/gif"};
    const char *said = field_str_or_empty(blob, "mimeType");
    const char *base64 = field_str_or_empty(blob, "data");
    const struct media_type *type;
    struct buf head = {0};
    bool is = true;

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i], said) != 0)
            continue;
        is = base64_decode(base64, strnlen(base64, HEAD_CHARS), &head);
        type = media_type_of(buf_text(&head), head.len);
        is = is && type != NULL && strcmp(type->kind, "image") == 0;
    }
    buf_clear(&head);
    return is;
}

static bool check_part(const json_t *part, const char *path, struct err *err)
{
    static const char *const both[] = {"inlineData.mimeType", "inlineData.data"};
    const json_t *blob = field_at(part, "inlineData");

    for (size_t i = 0; i < 2 && blob != NULL; i++)
        if (!field_is_given(part, both[i]))
            return err_set(err, ERR_INVALID, "%s.%s: is required", path, both[i]);
    if (blob != NULL && !is_picture(blob))
        return err_set(err, ERR_INVALID, "%s.inlineData.data: is no image", path);
    return field_at(part, "fileData") == NULL || field_is_given(part, "fileData.fileUri") ||
           err_set(err, ERR_INVALID, "%s.fileData.fileUri: is required", path);
}

// Each file is whole, and somebody says something.
static bool check_parts(const json_t *request, struct err *err)
{
    json_t *content, *part;
    bool has_any = false;
    char path[MAX_PATH];
    size_t i, k;

    json_array_foreach(json_object_get(request, "contents"), i, content)
    {
        json_array_foreach(json_object_get(content, "parts"), k, part)
        {
            snprintf(path, sizeof path, "contents.%zu.parts.%zu", i, k);
            if (!check_part(part, path, err))
                return false;
            has_any = has_any || field_is_given(part, "text") || field_is_given(part, "inlineData");
        }
    }
    return has_any || err_set(err, ERR_INVALID, "contents: has neither text nor image");
}

static bool accept(const struct family_request *request, struct task *task, const char **once,
                   struct err *err)
{
    json_t *kept = gemini_spell(request->body, err);
    struct family_request spelt = *request;
    bool ok;

    (void)once;
    spelt.body = kept;
    ok = kept != NULL && family_check(&spelt, err) &&
         check_makes_images(kept, request->path_id, err) && check_parts(kept, err) &&
         family_read_hook(request->body, task, err);
    if (!ok) {
        json_decref(kept);
        return false;
    }
    mem_set_str(&task->provider, "gemini");
    mem_set_str(&task->model, request->path_id);
    mem_set_str(&task->action, request->route->action);
    task->cost = 1;
    family_set_request(task, kept);
    return true;
}

// Answers.

static void add_value(struct buf *json, const char *name, const json_t *value)
{
    char *text = json_write_text(value);

    if (text != NULL) {
        buf_json_str(json, name);
        buf_char(json, ':');
        buf_str(json, text);
    }
    free(text);
}

// A file that we don't have can't be given but by its link.
static void add_file(struct family_answer *answer, const char *key, const json_t *artifact)
{
    struct buf *json = &answer->json;

    buf_str(json, *key == '\0' ? "\"fileData\":{\"mimeType\":" : "\"inlineData\":{\"mimeType\":");
    buf_json_str(json, field_str_or_empty(artifact, "content_type"));
    if (*key == '\0') {
        buf_str(json, ",\"fileUri\":");
        buf_json_str(json, field_str_or_empty(artifact, "url"));
    } else {
        buf_str(json, ",\"data\":\"");
        family_add_file(answer, key);
        buf_char(json, '"');
    }
    buf_char(json, '}');
}

static bool is_image(const json_t *artifact)
{
    return strcmp(field_str_or_empty(artifact, "kind"), "image") == 0;
}

// The task's images: those that couldn't be had have their place among the parts, too.
struct images {
    const json_t *kept, *shown; // lists of the same artifacts, with keys and with links
    size_t next;
};

// The next image of the list; `at` is its place. False: there is no more.
static bool next_image(struct images *images, size_t *at)
{
    while (images->next < json_array_size(images->shown)) {
        *at = images->next++;
        if (is_image(json_array_get(images->shown, *at)))
            return true;
    }
    return false;
}

static bool add_image(struct family_answer *answer, struct images *images, bool is_first)
{
    const json_t *artifact;
    size_t at;

    if (!next_image(images, &at))
        return false;
    artifact = json_array_get(images->shown, at);
    if (*field_str_or_empty(artifact, "url") == '\0')
        return false;
    buf_str(&answer->json, is_first ? "{" : ",{");
    add_file(answer, field_str_or_empty(json_array_get(images->kept, at), "key"), artifact);
    return true;
}

// Texts and images in the order in which the model gave them; what it didn't tell, the images
// alone.
static void add_parts(struct family_answer *answer, const json_t *parts, struct images *images)
{
    struct buf *json = &answer->json;
    bool is_first = true;
    json_t *part;
    size_t i;

    json_array_foreach((json_t *)parts, i, part)
    {
        json_t *text = json_object_get(part, "text");
        json_t *signature = json_object_get(part, "thoughtSignature");

        if (text != NULL) {
            buf_str(json, is_first ? "{" : ",{");
            add_value(json, "text", text);
        } else if (!add_image(answer, images, is_first)) {
            continue;
        }
        if (signature != NULL) {
            buf_char(json, ',');
            add_value(json, "thoughtSignature", signature);
        }
        buf_char(json, '}');
        is_first = false;
    }
    while (images->next < json_array_size(images->shown)) {
        if (!add_image(answer, images, is_first))
            continue;
        buf_char(json, '}');
        is_first = false;
    }
}

static void write_answer(const struct task *task, struct family_answer *answer)
{
    json_t *kept = json_read(task->result);
    json_t *whole = family_result_whole(task);
    const json_t *told = field_at(kept, "extra.gemini");
    const char *finish = field_str_or_empty(told, "finishReason");
    struct images images = {.kept = json_object_get(kept, "artifacts"),
                            .shown = json_object_get(whole, "artifacts")};
    struct buf *json = &answer->json;

    buf_str(json, "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[");
    add_parts(answer, json_object_get(told, "parts"), &images);
    buf_str(json, "]},\"finishReason\":");
    buf_json_str(json, *finish == '\0' ? "STOP" : finish);
    buf_str(json, ",\"index\":0}],");
    if (json_object_get(told, "usageMetadata") != NULL) {
        add_value(json, "usageMetadata", json_object_get(told, "usageMetadata"));
        buf_char(json, ',');
    }
    buf_str(json, "\"modelVersion\":");
    buf_json_str(json, task->model);
    buf_fmt(json, ",\"responseId\":\"%s\"}", task->id);
    json_decref(kept);
    json_decref(whole);
}

static int result(const struct task *task, struct family_answer *answer)
{
    int http = family_result_status(task);

    if (http == 200)
        write_answer(task, answer);
    else
        google_error_write(http, task->error_code == NULL ? "cancelled" : task->error_code,
                           family_reason(task), &answer->json);
    return http;
}

static void render_callback(const struct task *task, struct buf *json)
{
    family_render_media_callback(task, true, json);
}

const struct family family_gemini = {
    .name = "gemini",
    .media = MEDIA_IMAGE,
    .routes = routes,
    .takes_google_keys = true,
    .accept = accept,
    .result = result,
    .render_callback = render_callback,
    .word = family_openai_word,
    .aliases = aliases,
    .refuse = google_error_refuse,
    .title = "Images, as Google's SDKs ask for them",
    .refused_schema = google_error_schema,
};
