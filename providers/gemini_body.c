// Google's image models.
//
// Sources: googleapis/python-genai and js-genai (ImageConfig, GenerateImagesConfig), Google's guide
// to images, its pages on deprecations and on file inputs.
#include "providers/gemini_body.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/provider.h"
#include "providers/unified.h"

enum { MAX_IMAGEN = 4, MAX_WORD = 8, LINES_OF_2K = 1440, LINES_OF_4K = 2600 };

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define RATIOS "1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9"
#define PRO_RATIOS WORDS(RATIOS)
#define FLASH_RATIOS WORDS(RATIOS, "4:1", "1:4", "8:1", "1:8")
#define ALL_SIZES WORDS("1K", "2K", "4K")

static const struct model {
    const char *name;         // begins with this; the first row that fits counts
    const char *vendors;      // of a name that is no vendor's: what the vendor calls it now
    int images;               // references
    const char *const *sizes; // NULL: it has one
    const char *const *ratios;
} models[] = {
    {"nano-banana-pro", "gemini-3-pro-image", 14, ALL_SIZES, PRO_RATIOS},
    {"nano-banana", "gemini-3.1-flash-image", 14, ALL_SIZES, FLASH_RATIOS},
    {"gemini-3-pro-image", NULL, 14, ALL_SIZES, PRO_RATIOS},
    {"gemini-3.1-flash-image", NULL, 14, ALL_SIZES, FLASH_RATIOS},
    {"gemini-3.1-flash-lite-image", NULL, 14, WORDS("1K"), FLASH_RATIOS},
    {"gemini-2.5-flash-image", NULL, 3, NULL, PRO_RATIOS},
    {"imagen-", NULL, 0, NULL, WORDS("1:1", "16:9", "9:16", "4:3", "3:4")},
};

// Paths of Google's own form.
static const char config_ratio[] = "generationConfig.imageConfig.aspectRatio";
static const char config_size[] = "generationConfig.imageConfig.imageSize";
static const char config_output[] = "generationConfig.imageConfig.imageOutputOptions";
static const char config_count[] = "generationConfig.candidateCount";
static const char imagen_config[] = "generationConfig.imageGenerationConfig";
static const char imagen_count[] = "generationConfig.imageGenerationConfig.numberOfImages";
static const char imagen_ratio[] = "generationConfig.imageGenerationConfig.aspectRatio";

static bool begins_with(const char *text, const char *start)
{
    return text != NULL && strncmp(text, start, strlen(start)) == 0;
}

static const struct model *model_named(const char *name)
{
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        if (begins_with(name, models[i].name))
            return &models[i];
    return NULL;
}

// By the account's name of the model, else by the client's.
static const struct model *model_of(const struct task *task, const struct account *account)
{
    const struct model *model = model_named(provider_model(account, task->model));

    return model != NULL ? model : model_named(task->model);
}

const char *gemini_model(const struct task *task, const struct account *account,
                         enum gemini_host host)
{
    const char *name = provider_model(account, task->model);
    const struct model *model = model_named(name == NULL ? task->model : name);

    if (host != GEMINI_RELAY && model != NULL && model->vendors != NULL)
        return model->vendors;
    return name == NULL ? task->model : name;
}

bool gemini_is_imagen(const struct task *task, const struct account *account)
{
    return begins_with(provider_model(account, task->model), "imagen-") ||
           begins_with(task->model, "imagen-");
}

// The stored request, without the client's hooks. What is empty stays in Google's form: to it
// {"googleSearch":{}} is a tool.
static json_t *request_of(const struct task *task, struct err *err)
{
    json_t *body = json_read(task->request);

    if (json_object_get(body, "contents") == NULL) {
        json_decref(body);
        return adapter_request_of(task, err);
    }
    json_object_del(body, "notifyHook");
    json_object_del(body, "callback_url");
    return body;
}

// Links.

// Whether the vendor can't open it. Its own files (of its Files API) it can.
static bool is_fetched(const char *link)
{
    return field_is_link(link) &&
           !url_same_origin(link, "https://generativelanguage.googleapis.com");
}

// Calls `part` for each part of Google's form, until it returns false.
static bool each_part(const json_t *body, bool (*part)(json_t *value, void *ctx), void *ctx)
{
    json_t *content, *value;
    size_t i, k;

    json_array_foreach(json_object_get(body, "contents"), i, content)
    {
        json_array_foreach(json_object_get(content, "parts"), k, value)
        {
            if (!part(value, ctx))
                return false;
        }
    }
    return true;
}

struct search {
    size_t left;
    char *link; // the caller's
};

static bool search_link(const char *link, struct search *search)
{
    if (is_fetched(link) && search->left-- == 0)
        search->link = mem_str(link);
    return search->link == NULL;
}

static bool search_part(json_t *part, void *ctx)
{
    return search_link(field_str_or_empty(part, "fileData.fileUri"), ctx);
}

char *gemini_input_at(const struct task *task, size_t index)
{
    struct search search = {.left = index};
    struct err err;
    json_t *body = request_of(task, &err), *image;
    size_t i;

    json_array_foreach(field_at(body, "images"), i, image)
    {
        if (!search_link(json_is_string(image) ? json_string_value(image) : "", &search))
            break;
    }
    if (search.link == NULL)
        each_part(body, search_part, &search);
    json_decref(body);
    return search.link;
}

// Checks.

static bool not_supported(const char *field, const char *model, struct err *err)
{
    return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", field, model);
}

// `words` NULL: the model has no such thing.
static bool check_word(const json_t *body, const char *path, const char *const *words,
                       const char *model, struct err *err)
{
    const struct field_rule rule = {.kind = FIELD_WORD, .words = words};
    const json_t *value = field_at(body, path);

    if (value == NULL)
        return true;
    return words == NULL ? not_supported(path, model, err)
                         : field_check_value(value, &rule, path, err);
}

// Google's own names for models that make none: a gateway of all models would take them.
static bool check_kind(const struct task *task, const struct account *account, struct err *err)
{
    const char *name = provider_model(account, task->model);

    return !begins_with(name, "gemini-") || strstr(name, "image") != NULL ||
           err_set(err, ERR_INVALID, "model: %.60s makes no images", task->model);
}

static bool check_count(const json_t *body, const char *path, bool is_imagen, const char *model,
                        struct err *err)
{
    int64_t count = field_int_or(body, path, 1);

    if (count == 1 || (is_imagen && count > 1 && count <= MAX_IMAGEN))
        return true;
    if (!is_imagen)
        return err_set(err, ERR_INVALID, "%s: %.60s makes one image", path, model);
    return err_set(err, ERR_INVALID, "%s: must be from 1 to %d", path, (int)MAX_IMAGEN);
}

static bool check_images(size_t count, const char *path, const struct model *model,
                         const char *name, struct err *err)
{
    if (model == NULL || count <= (size_t)model->images)
        return true;
    if (model->images == 0)
        return err_set(err, ERR_INVALID, "%s: %.60s takes no images", path, name);
    return err_set(err, ERR_INVALID, "%s: %.60s takes at most %d images", path, name,
                   model->images);
}

// Google's form.

static bool is_image(const json_t *part)
{
    return json_object_get(part, "inlineData") != NULL || json_object_get(part, "fileData") != NULL;
}

// Images of the client's: those of the model's turns are what it has made.
static size_t count_images(const json_t *body)
{
    json_t *content, *part;
    size_t i, k, count = 0;

    json_array_foreach(json_object_get(body, "contents"), i, content)
    {
        bool is_models = strcmp(field_str_or_empty(content, "role"), "model") == 0;

        json_array_foreach(json_object_get(content, "parts"), k, part) count +=
            !is_models && is_image(part);
    }
    return count;
}

static bool has_no_object(json_t *part, void *ctx)
{
    (void)ctx;
    return strncmp(field_str_or_empty(part, "fileData.fileUri"), "gs://", 5) != 0;
}

// What Vertex AI alone has. How a file is to be written is left out elsewhere.
static bool check_host(const json_t *body, enum gemini_host host, struct err *err)
{
    static const char *const vertex_only[] = {"generationConfig.imageConfig.personGeneration",
                                              "generationConfig.imageConfig.prominentPeople"};

    if (host != GEMINI_API)
        return true;
    for (size_t i = 0; i < sizeof vertex_only / sizeof vertex_only[0]; i++)
        if (field_is_given(body, vertex_only[i]))
            return err_set(err, ERR_INVALID, "%s: only Vertex AI has it", vertex_only[i]);
    return each_part(body, has_no_object, NULL) ||
           err_set(err, ERR_INVALID, "contents: only Vertex AI opens gs:// links");
}

static bool check_native(const struct task *task, const struct account *account,
                         enum gemini_host host, const json_t *body, struct err *err)
{
    const struct model *model = model_of(task, account);
    bool is_imagen = gemini_is_imagen(task, account);

    if (!is_imagen && field_is_given(body, imagen_config))
        return not_supported(imagen_config, task->model, err);
    return check_count(body, config_count, is_imagen, task->model, err) &&
           check_count(body, imagen_count, is_imagen, task->model, err) &&
           (model == NULL || (check_word(body, config_ratio, model->ratios, task->model, err) &&
                              check_word(body, imagen_ratio, model->ratios, task->model, err) &&
                              check_word(body, config_size, model->sizes, task->model, err))) &&
           check_images(count_images(body), "contents", model, task->model, err) &&
           check_host(body, host, err);
}

// The form of family `images`.

// What a size says: "2K", or sides whose ratio there is. False: it says nothing that we know.
static bool read_size(const json_t *body, char size[MAX_WORD], struct unified_frame *frame)
{
    const char *given = field_str_or_empty(body, "size");
    struct err err;

    *frame = (struct unified_frame){0};
    size[0] = '\0';
    if (*given == '\0' || strcmp(given, "auto") == 0)
        return true;
    if (isdigit((unsigned char)given[0]) && toupper((unsigned char)given[1]) == 'K' &&
        given[2] == '\0') {
        snprintf(size, MAX_WORD, "%cK", given[0]);
        return true;
    }
    if (strpbrk(given, "xX*") == NULL || !unified_read_frame(body, frame, &err))
        return false;
    if (frame->lines > LINES_OF_2K)
        snprintf(size, MAX_WORD, frame->lines > LINES_OF_4K ? "4K" : "2K");
    return true;
}

static bool check_size(const struct model *model, const json_t *body, const char *name,
                       struct err *err)
{
    char size[MAX_WORD];
    struct unified_frame frame;

    if (!read_size(body, size, &frame))
        return err_set(err, ERR_INVALID, "size: must be auto, 1K, 2K, 4K or WIDTHxHEIGHT%s",
                       field_is_given(body, "aspect_ratio") ? " that fits the aspect_ratio" : "");
    if (*size != '\0' && field_is_given(body, "resolution"))
        return err_set(err, ERR_INVALID, "size: can't be sent beside resolution");
    if (model == NULL || ((*size == '\0' || adapter_is_one_of(size, model->sizes)) &&
                          (*frame.ratio == '\0' || adapter_is_one_of(frame.ratio, model->ratios))))
        return true;
    return err_set(err, ERR_INVALID, "size: is not one that %.60s makes", name);
}

// "2k" is "2K" to the vendor.
static json_t *resolution_of(const json_t *body)
{
    const char *given = field_str_or_empty(body, "resolution");
    char text[MAX_WORD];

    snprintf(text, sizeof text, "%s", given);
    for (char *c = text; *c != '\0'; c++)
        *c = (char)toupper((unsigned char)*c);
    return strlen(given) < sizeof text ? json_string(text) : json_string(given);
}

static bool check_resolution(const struct model *model, const json_t *body, const char *name,
                             struct err *err)
{
    json_t *upper = json_pack("{s:o}", "resolution", resolution_of(body));
    bool ok = !field_is_given(body, "resolution") ||
              check_word(upper, "resolution", model->sizes, name, err);

    json_decref(upper);
    return ok;
}

static bool is_jpeg(const json_t *body)
{
    return adapter_is_one_of(field_str_or_empty(body, "output_format"), WORDS("jpg", "jpeg"));
}

static bool check_output(const json_t *body, const char *name, struct err *err)
{
    return check_word(body, "output_format", WORDS("png", "jpg", "jpeg"), name, err) &&
           (field_at(body, "output_compression") == NULL || is_jpeg(body) ||
            err_set(err, ERR_INVALID, "output_compression: only with output_format jpg"));
}

static bool check_unified(const struct task *task, const struct account *account,
                          const json_t *body, struct err *err)
{
    static const char *const absent[] = {"mask",
                                         "quality",
                                         "style",
                                         "background",
                                         "moderation",
                                         "input_fidelity",
                                         "stream",
                                         "partial_images",
                                         "watermark",
                                         "sequential_image_generation",
                                         "sequential_image_generation_options",
                                         "optimize_prompt_options",
                                         NULL};
    static const struct field_rule media = {.kind = FIELD_MEDIA};
    const struct model *model = model_of(task, account);
    json_t *image;
    char path[32];
    size_t i;

    if (strcmp(task->action, "variation") == 0)
        return err_set(err, ERR_INVALID, "model: %.60s makes no variations", task->model);
    json_array_foreach(json_object_get(body, "images"), i, image)
    {
        snprintf(path, sizeof path, "images.%zu", i);
        if (!field_check_value(image, &media, path, err))
            return false;
    }
    return unified_check_absent(body, absent, task->model, err) &&
           check_count(body, "n", gemini_is_imagen(task, account), task->model, err) &&
           (model == NULL || (check_word(body, "aspect_ratio", model->ratios, task->model, err) &&
                              check_resolution(model, body, task->model, err))) &&
           check_size(model, body, task->model, err) && check_output(body, task->model, err) &&
           check_images(field_count(body, "images"), "images", model, task->model, err);
}

bool gemini_check(const struct task *task, const struct account *account, enum gemini_host host,
                  struct err *err)
{
    json_t *body = request_of(task, err);
    bool ok = body != NULL && check_kind(task, account, err);

    if (ok && json_object_get(body, "contents") != NULL)
        ok = check_native(task, account, host, body, err);
    else if (ok)
        ok = check_unified(task, account, body, err);
    json_decref(body);
    return ok;
}

// Bodies.

static json_t *part_of(const char *image)
{
    char type[64];

    if (!field_is_base64(image))
        return json_pack("{s:{s:s}}", "fileData", "fileUri", image);
    unified_image_type(image, type, sizeof type);
    return json_pack("{s:{s:s,s:s}}", "inlineData", "mimeType", type, "data",
                     field_base64_of(image));
}

static json_t *image_config_of(const json_t *body)
{
    const char *ratio = field_str_or_empty(body, "aspect_ratio");
    json_t *config = json_object(), *output = json_object();
    char size[MAX_WORD] = "";
    struct unified_frame frame = {0};

    if (read_size(body, size, &frame) && *ratio == '\0')
        ratio = frame.ratio;
    if (*ratio != '\0')
        json_object_set_new(config, "aspectRatio", json_string(ratio));
    if (field_is_given(body, "resolution"))
        json_object_set_new(config, "imageSize", resolution_of(body));
    else if (*size != '\0')
        json_object_set_new(config, "imageSize", json_string(size));
    if (field_is_given(body, "output_format"))
        json_object_set_new(output, "mimeType",
                            json_string(is_jpeg(body) ? "image/jpeg" : "image/png"));
    if (field_at(body, "output_compression") != NULL)
        json_object_set(output, "compressionQuality", field_at(body, "output_compression"));
    if (json_object_size(output) > 0)
        json_object_set(config, "imageOutputOptions", output);
    json_decref(output);
    return config;
}

// The form of family `images` in Google's.
static json_t *native_of(const json_t *body, bool is_imagen)
{
    json_t *parts = json_array(), *config = json_object(), *image = image_config_of(body), *item;
    size_t i;

    json_array_append_new(parts, json_pack("{s:s}", "text", field_str_or_empty(body, "prompt")));
    json_array_foreach(json_object_get(body, "images"), i, item)
        json_array_append_new(parts, part_of(json_string_value(item)));
    if (is_imagen && field_int_or(body, "n", 1) > 1)
        json_object_set(image, "numberOfImages", json_object_get(body, "n"));
    if (json_object_size(image) > 0)
        json_object_set(config, is_imagen ? "imageGenerationConfig" : "imageConfig", image);
    json_decref(image);
    return json_pack("{s:[{s:s,s:o}],s:o}", "contents", "role", "user", "parts", parts,
                     "generationConfig", config);
}

struct filling {
    const struct task *task;
    size_t next;
};

// Puts the file that a link led to in its place.
static bool fill_part(json_t *part, void *ctx)
{
    struct filling *filling = ctx;
    const struct task_input *input;
    struct buf base64 = {0};

    if (!is_fetched(field_str_or_empty(part, "fileData.fileUri")) ||
        filling->next >= filling->task->input_count)
        return true;
    input = &filling->task->inputs[filling->next++];
    base64_encode(input->data.data, input->data.len, &base64);
    json_object_set_new(
        part, "inlineData",
        json_pack("{s:s,s:s}", "mimeType", input->content_type, "data", buf_text(&base64)));
    json_object_del(part, "fileData");
    buf_clear(&base64);
    return true;
}

// Vertex AI wants to know whose turn it is.
static void add_roles(json_t *body)
{
    json_t *content;
    size_t i;

    json_array_foreach(json_object_get(body, "contents"), i, content)
    {
        if (!field_is_given(content, "role"))
            json_object_set_new(content, "role", json_string("user"));
    }
}

static void finish(json_t *body, enum gemini_host host)
{
    json_t *config = json_object_get(body, "generationConfig");

    if (!json_is_object(config)) {
        config = json_object();
        json_object_set_new(body, "generationConfig", config);
    }
    if (!field_is_given(config, "responseModalities"))
        json_object_set_new(config, "responseModalities", json_pack("[s]", "IMAGE"));
    // The Gemini API refuses it; the file is then of the vendor's own choice.
    if (host == GEMINI_API && field_at(body, config_output) != NULL) {
        json_object_del(json_object_get(config, "imageConfig"), "imageOutputOptions");
        if (json_object_size(json_object_get(config, "imageConfig")) == 0)
            json_object_del(config, "imageConfig");
    }
    if (host == GEMINI_VERTEX)
        add_roles(body);
}

static bool add_text(json_t *part, void *ctx)
{
    const char *text = field_str_or_empty(part, "text");
    struct buf *prompt = ctx;

    if (*text != '\0' && prompt->len > 0)
        buf_char(prompt, '\n');
    buf_str(prompt, text);
    return true;
}

// Imagen's own form.
static json_t *predict_of(const json_t *native)
{
    json_t *given = field_at(native, imagen_config);
    json_t *parameters = json_is_object(given) ? json_copy(given) : json_object();
    json_t *ratio = field_at(native, config_ratio), *body;
    int64_t count =
        field_int_or(parameters, "numberOfImages", field_int_or(native, config_count, 1));
    struct buf prompt = {0};

    each_part(native, add_text, &prompt);
    json_object_del(parameters, "numberOfImages");
    json_object_set_new(parameters, "sampleCount", json_integer(count));
    if (ratio != NULL && json_object_get(parameters, "aspectRatio") == NULL)
        json_object_set(parameters, "aspectRatio", ratio);
    if (json_object_get(parameters, "imageOutputOptions") != NULL)
        json_object_set_new(parameters, "outputOptions",
                            json_incref(json_object_get(parameters, "imageOutputOptions")));
    json_object_del(parameters, "imageOutputOptions");
    body = json_pack("{s:[{s:s}],s:o}", "instances", "prompt", buf_text(&prompt), "parameters",
                     parameters);
    buf_clear(&prompt);
    return body;
}

json_t *gemini_body(const struct task *task, const struct account *account, enum gemini_host host,
                    struct err *err)
{
    json_t *asked = request_of(task, err), *body = asked;
    bool is_imagen = gemini_is_imagen(task, account);
    struct filling filling = {.task = task};

    if (asked == NULL)
        return NULL;
    if (json_object_get(asked, "contents") == NULL) {
        body = native_of(asked, is_imagen);
        json_decref(asked);
    }
    each_part(body, fill_part, &filling);
    if (is_imagen && host != GEMINI_RELAY) {
        asked = body;
        body = predict_of(asked);
        json_decref(asked);
    } else {
        finish(body, host);
    }
    return body;
}
