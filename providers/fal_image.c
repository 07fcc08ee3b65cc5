// What fal's image models are asked for, as a table: how each is told the size, what it calls its
// references. A client that speaks fal's own words may use those of the public page, which are one
// model's, for any of them.
//
// Source: the endpoints' types of fal-ai/fal-js.
#include "providers/fal_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/unified.h"

// How a model is told the size.
enum sizing {
    SIZE_RATIO,  // aspect_ratio
    SIZE_PIXELS, // image_size: a word, or {width, height}
    SIZE_TEXT,   // image_size: "1024x1024"
};

// Fields that only some models have.
static const char *const no_more[] = {NULL};
static const char *const quiet[] = {"background", "input_fidelity", "quality", NULL};
static const char *const sharp[] = {"resolution", NULL};
// What the page lets clients say to a model that has no word for it, nor needs one.
static const char *const keeps[] = {NULL};
static const char *const drops[] = {"negative_prompt", "guidance_scale", "num_inference_steps",
                                    "strength", NULL};

// How the names of a family's models begin. The first row that fits counts; the last is that of
// models that nobody knows, which get what they are told.
static const struct family {
    const char *begins;
    enum sizing sizing;
    int most;           // images at once; 0: who knows
    const char *images; // the word for references, a list where it is "image_urls"; NULL: none
    const char *mask;   // NULL: none
    const char *edit;   // the end of the endpoint that takes references; NULL: it does itself
    const char *const *more, *const *dropped;
} families[] = {
    {"fal-ai/nano-banana-pro", SIZE_RATIO, 4, "image_urls", NULL, "/edit", sharp, drops},
    {"fal-ai/nano-banana-2", SIZE_RATIO, 4, "image_urls", NULL, "/edit", sharp, drops},
    {"fal-ai/nano-banana", SIZE_RATIO, 4, "image_urls", NULL, "/edit", no_more, drops},
    {"fal-ai/gemini-25-flash-image", SIZE_RATIO, 4, "image_urls", NULL, "/edit", no_more, drops},
    {"fal-ai/gemini-3-pro-image-preview", SIZE_RATIO, 4, "image_urls", NULL, "/edit", sharp, drops},
    {"fal-ai/imagen4/", SIZE_RATIO, 4, NULL, NULL, NULL, sharp, drops},
    {"fal-ai/flux-pro/kontext/max/multi", SIZE_RATIO, 4, "image_urls", NULL, NULL, no_more, keeps},
    {"fal-ai/flux-pro/kontext/multi", SIZE_RATIO, 4, "image_urls", NULL, NULL, no_more, keeps},
    {"fal-ai/flux-pro/kontext", SIZE_RATIO, 4, "image_url", NULL, NULL, no_more, keeps},
    {"fal-ai/flux-pro/v1.1", SIZE_PIXELS, 4, NULL, NULL, NULL, no_more, keeps},
    {"fal-ai/flux/", SIZE_PIXELS, 4, "image_url", NULL, "/image-to-image", no_more, keeps},
    {"fal-ai/bytedance/seedream/", SIZE_PIXELS, 6, "image_urls", NULL, "/edit", no_more, keeps},
    {"fal-ai/gpt-image-1/", SIZE_TEXT, 4, "image_urls", NULL, "/edit-image", quiet, keeps},
    {"fal-ai/gpt-image-1", SIZE_TEXT, 4, "image_urls", "mask_image_url", "/edit", quiet, keeps},
    {"fal-ai/qwen-image-edit-2509", SIZE_PIXELS, 4, "image_urls", NULL, NULL, no_more, keeps},
    {"fal-ai/qwen-image-edit-plus", SIZE_PIXELS, 4, "image_urls", NULL, NULL, no_more, keeps},
    {"fal-ai/qwen-image-edit", SIZE_PIXELS, 4, "image_url", NULL, NULL, no_more, keeps},
    {"", SIZE_PIXELS, 0, "image_url", "mask_url", NULL, no_more, keeps},
};

static const struct family *family_of(const char *model)
{
    const struct family *family = families;

    while (strncmp(model, family->begins, strlen(family->begins)) != 0)
        family++;
    return family;
}

static bool is_known(const struct family *family)
{
    return *family->begins != '\0';
}

static bool is_listed(const char *const *list, const char *name)
{
    while (*list != NULL && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

bool fal_image_is(const struct task *task)
{
    static const char *const actions[] = {"run", "generate", "edit", "variation", NULL};

    return task->action != NULL && is_listed(actions, task->action);
}

bool fal_image_makes(const char *model)
{
    return is_known(family_of(model));
}

bool fal_image_is_own(const struct task *task)
{
    return strcmp(task->action, "run") == 0;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), wanted = strlen(end);

    return len >= wanted && strcmp(text + len - wanted, end) == 0;
}

char *fal_image_endpoint(const struct task *task, const char *model)
{
    static const char plain[] = "/text-to-image";
    const struct family *family = family_of(model);
    struct buf endpoint = {0};
    struct err err;
    json_t *asked;

    if (fal_image_is_own(task) || family->edit == NULL || ends_with(model, family->edit))
        return mem_str(model);
    asked = adapter_request_of(task, &err);
    if (field_count(asked, "images") == 0)
        buf_str(&endpoint, model);
    else
        buf_fmt(&endpoint, "%.*s%s",
                (int)(strlen(model) - (ends_with(model, plain) ? sizeof plain - 1 : 0)), model,
                family->edit);
    json_decref(asked);
    return buf_take(&endpoint);
}

// Sizes.

struct size {
    double width, height;
};

// "1024x1024", or {"width", "height"}.
static bool read_size(const json_t *value, struct size *size)
{
    enum { MOST = 16384 };
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    char *end;

    if (json_is_object(value)) {
        size->width = json_number_value(json_object_get(value, "width"));
        size->height = json_number_value(json_object_get(value, "height"));
    } else {
        size->width = (double)strtol(text, &end, 10);
        if (end == text || (*end != 'x' && *end != 'X' && *end != '*'))
            return false;
        text = end + 1;
        size->height = (double)strtol(text, &end, 10);
        if (end == text || *end != '\0')
            return false;
    }
    return size->width >= 1 && size->width <= MOST && size->height >= 1 && size->height <= MOST;
}

static const struct {
    const char *ratio, *word; // word: of image_size; NULL: none
    struct size size;
} ratios[] = {
    {"1:1", "square_hd", {1, 1}},
    {"1:1", "square", {1, 1}},
    {"4:3", "landscape_4_3", {4, 3}},
    {"3:4", "portrait_4_3", {3, 4}},
    {"16:9", "landscape_16_9", {16, 9}},
    {"9:16", "portrait_16_9", {9, 16}},
    {"3:2", NULL, {3, 2}},
    {"2:3", NULL, {2, 3}},
    {"5:4", NULL, {5, 4}},
    {"4:5", NULL, {4, 5}},
    {"21:9", NULL, {21, 9}},
};
enum { RATIOS = sizeof ratios / sizeof ratios[0] };

// How many times the one is as wide for its height as the other; at least 1.
static double unlike(const struct size *one, const struct size *other)
{
    double ratio = one->width * other->height / (one->height * other->width);

    return ratio < 1 ? 1 / ratio : ratio;
}

static const char *ratio_of(const json_t *value)
{
    const char *word = json_is_string(value) ? json_string_value(value) : "";
    struct size size;
    size_t best = 0;

    for (size_t i = 0; i < RATIOS; i++)
        if (ratios[i].word != NULL && strcmp(ratios[i].word, word) == 0)
            return ratios[i].ratio;
    if (strcmp(word, "auto") == 0)
        return word;
    if (!read_size(value, &size))
        return NULL;
    for (size_t i = 1; i < RATIOS; i++)
        if (unlike(&size, &ratios[i].size) < unlike(&size, &ratios[best].size))
            best = i;
    return ratios[best].ratio;
}

// The size is what `field` has, if anything.
static bool set_ratio(json_t *body, const char *field, struct err *err)
{
    const json_t *given = json_object_get(body, field);
    const char *ratio = given == NULL ? NULL : ratio_of(given);

    if (given == NULL)
        return true;
    if (ratio == NULL)
        return err_set(err, ERR_INVALID, "%s: must be WIDTHxHEIGHT, or a word as square_hd", field);
    if (json_object_get(body, "aspect_ratio") == NULL && strcmp(ratio, "auto") != 0)
        json_object_set_new(body, "aspect_ratio", json_string(ratio));
    json_object_del(body, field);
    return true;
}

static bool set_size(json_t *body, const struct family *family, struct err *err)
{
    json_t *given = json_object_get(body, "size");
    struct size size;

    if (family->sizing == SIZE_RATIO)
        return set_ratio(body, "size", err);
    if (given == NULL)
        return true;
    if (family->sizing == SIZE_PIXELS && read_size(given, &size))
        json_object_set_new(
            body, "image_size",
            json_pack("{s:i,s:i}", "width", (int)size.width, "height", (int)size.height));
    else if (family->sizing == SIZE_TEXT || strcmp(json_string_value(given), "auto") != 0)
        json_object_set(body, "image_size", given);
    json_object_del(body, "size");
    return true;
}

// References.

static json_t *url_of(const json_t *image)
{
    struct buf url = {0};
    json_t *text;

    unified_add_image_url(json_string_value(image), &url);
    text = json_string(buf_text(&url));
    buf_clear(&url);
    return text;
}

static json_t *urls_of(const json_t *images)
{
    json_t *urls = json_array(), *image;
    size_t i;

    json_array_foreach((json_t *)images, i, image) json_array_append_new(urls, url_of(image));
    return urls;
}

// The list's word, where a model takes one image only and there are several, is what most others
// call it.
static bool set_images(json_t *body, const struct family *family, const char *model,
                       struct err *err)
{
    json_t *urls = urls_of(json_object_get(body, "images"));
    size_t count = json_array_size(urls);
    bool is_list = family->images != NULL && strcmp(family->images, "image_urls") == 0;
    bool is_fine = true;

    json_object_del(body, "images");
    if (count > 0 && family->images == NULL)
        is_fine = err_set(err, ERR_INVALID, "images: is not supported by %.60s", model);
    else if (count > 1 && !is_list && is_known(family))
        is_fine = err_set(err, ERR_INVALID, "images: at most 1 for %.60s", model);
    else if (count > 1 || (count == 1 && is_list))
        json_object_set(body, "image_urls", urls);
    else if (count == 1)
        json_object_set(body, family->images, json_array_get(urls, 0));
    json_decref(urls);
    return is_fine;
}

static bool set_mask(json_t *body, const struct family *family, const char *model, struct err *err)
{
    json_t *mask = json_object_get(body, "mask");

    if (mask == NULL)
        return true;
    if (family->mask == NULL)
        return err_set(err, ERR_INVALID, "mask: is not supported by %.60s", model);
    json_object_set_new(body, family->mask, url_of(mask));
    json_object_del(body, "mask");
    return true;
}

// Fields.

// Those of /v1/images that only some models have. Of two that OpenAI has, and that do no harm, a
// model without a word for them hears nothing.
static bool check_fields(json_t *body, const struct family *family, const char *model,
                         struct err *err)
{
    static const char *const rare[] = {
        "background",
        "input_fidelity",
        "moderation",
        "optimize_prompt_options",
        "output_compression",
        "resolution",
        "sequential_image_generation",
        "sequential_image_generation_options",
        "watermark",
    };
    static const char *const harmless[] = {"quality", "style"};

    for (size_t i = 0; i < sizeof rare / sizeof rare[0]; i++)
        if (json_object_get(body, rare[i]) != NULL && !is_listed(family->more, rare[i]))
            return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", rare[i], model);
    for (size_t i = 0; i < sizeof harmless / sizeof harmless[0]; i++)
        if (!is_listed(family->more, harmless[i]))
            json_object_del(body, harmless[i]);
    return family->sizing == SIZE_RATIO || json_object_get(body, "aspect_ratio") == NULL ||
           err_set(err, ERR_INVALID, "aspect_ratio: is not supported by %.60s", model);
}

static bool check_count(const json_t *body, const struct family *family, const char *field,
                        struct err *err)
{
    const json_t *count = json_object_get(body, field);

    return family->most == 0 || count == NULL || json_integer_value(count) <= family->most ||
           err_set(err, ERR_INVALID, "%s: must be from 1 to %d", field, family->most);
}

static void drop(json_t *body, const char *const *names)
{
    for (; *names != NULL; names++)
        json_object_del(body, *names);
}

// A request to /v1/images (families/images.c), in fal's words.
static bool translate(json_t *body, const struct task *task, const struct family *family,
                      struct err *err)
{
    static const char *const ours[] = {"partial_images", "response_format", "stream", "user", NULL};
    json_t *count = json_object_get(body, "n");

    if (strcmp(task->action, "variation") == 0)
        return err_set(err, ERR_INVALID, "model: %.60s makes no variations", task->model);
    if ((is_known(family) && !check_fields(body, family, task->model, err)) ||
        !check_count(body, family, "n", err) || !set_size(body, family, err) ||
        !set_images(body, family, task->model, err) || !set_mask(body, family, task->model, err))
        return false;
    if (count != NULL)
        json_object_set(body, "num_images", count);
    json_object_del(body, "n");
    drop(body, ours);
    return true;
}

// The page's words are one model's: others have their own for the same.
static bool reword(json_t *body, const struct task *task, const char *endpoint, struct err *err)
{
    static const char *const singles[] = {"image_url", "mask_url"};
    const struct family *family = family_of(endpoint);
    bool is_list = family->images != NULL && strcmp(family->images, "image_urls") == 0;
    json_t *list = json_object_get(body, "image_urls");

    for (size_t i = 0; i < sizeof singles / sizeof singles[0]; i++)
        if (json_is_string(json_object_get(body, singles[i])))
            json_object_set_new(body, singles[i], url_of(json_object_get(body, singles[i])));
    if (list != NULL)
        json_object_set_new(body, "image_urls", urls_of(list));
    if (!is_known(family))
        return true;
    if (json_object_get(body, "prompt") == NULL)
        return err_set(err, ERR_INVALID, "prompt: is required");
    if (json_object_get(body, "mask_url") != NULL && family->mask == NULL)
        return err_set(err, ERR_INVALID, "mask_url: is not supported by %.60s", task->model);
    if (json_object_get(body, "mask_url") != NULL) {
        json_object_set(body, family->mask, json_object_get(body, "mask_url"));
        json_object_del(body, "mask_url");
    }
    if (is_list && json_object_get(body, "image_url") != NULL) {
        if (list == NULL)
            json_object_set_new(body, "image_urls",
                                json_pack("[O]", json_object_get(body, "image_url")));
        json_object_del(body, "image_url");
    }
    if (family->edit != NULL && ends_with(endpoint, family->edit) &&
        json_object_get(body, family->images) == NULL)
        return err_set(err, ERR_INVALID, "image_url: is required");
    drop(body, family->dropped);
    return check_count(body, family, "num_images", err) &&
           (family->sizing != SIZE_RATIO || set_ratio(body, "image_size", err));
}

// sync_mode would have the files in the answer, as data URLs: whoever wants that gets it from us.
json_t *fal_image_body_of(const struct task *task, const char *endpoint, struct err *err)
{
    static const char *const never[] = {"model", "sync_mode", NULL};
    const struct family *family = family_of(endpoint);
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL;

    ok = ok && (fal_image_is_own(task) ? reword(body, task, endpoint, err)
                                       : translate(body, task, family, err));
    if (!ok) {
        json_decref(body);
        return NULL;
    }
    drop(body, never);
    return body;
}
