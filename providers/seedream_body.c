// Seedream's models, as tables.
//
// Sources: volcengine-go-sdk service/arkruntime/model/images.go (GO), Ark's page on generating
// images as transcribed (DOC).
#include "providers/seedream_body.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/image_call.h"
#include "providers/provider.h"

enum { MAX_GROUP = 15, MAX_RATIO = 16, DATE_DIGITS = 6, NO_SIDE = 0 };

static const char group[] = "sequential_image_generation";
static const char group_options[] = "sequential_image_generation_options";
static const char group_max[] = "sequential_image_generation_options.max_images";

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

// The generations, which take different fields.
enum { V5 = 1, V4_5 = 2, V4 = 4, V3 = 8, EDIT = 16 };
enum { GROUPS = V5 | V4_5 | V4 };

// Others are passed on as they are.
static const struct {
    const char *name;
    unsigned of; // the generations that take it; 0: none has it
} fields[] = {
    {group, GROUPS},
    {group_options, GROUPS},
    {"optimize_prompt_options", GROUPS},
    {"output_format", V5},
    {"tools", V5},
    {"seed", V3 | EDIT},
    {"guidance_scale", V3 | EDIT},
    {"aspect_ratio", 0},
    {"resolution", 0},
    {"background", 0},
    {"moderation", 0},
    {"input_fidelity", 0},
    {"output_compression", 0},
    {"mask", 0},
};

// What clients of OpenAI's say, and Ark has no word for: it does no harm to leave it out. The
// client's stream is made of the whole answer.
static const char *const left_out[] = {"quality", "style", "user", "stream", "partial_images"};

static const struct field_rule bounds[] = {
    {.path = "output_format", .kind = FIELD_WORD, .words = WORDS("png", "jpeg")},
    {.path = "tools", .kind = FIELD_ARRAY, .min = 1},
    {.path = "seed", .kind = FIELD_INT, .min = -1, .max = INT32_MAX},
    {.path = "guidance_scale", .kind = FIELD_NUMBER, .min = 1, .max = 10},
    {.path = group_max, .kind = FIELD_INT, .min = 1, .max = MAX_GROUP},
    {0},
};

#define PLAIN WORDS("standard")

static const struct model {
    const char *name; // without what is before "see…", and without its date
    unsigned generation;
    int min_images, max_images;  // references
    const char *const *sizes;    // words
    int min_pixels, max_pixels;  // of WIDTHxHEIGHT; 0: its sides count
    int min_side, max_side;      // 0, and no pixels: no WIDTHxHEIGHT
    const char *const *prompted; // modes of optimize_prompt_options
} models[] = {
    {"seedream-5-0", V5, 0, 14, WORDS("2K", "3K"), 3686400, 10404496, NO_SIDE, NO_SIDE, PLAIN},
    {"seedream-5-0-lite", V5, 0, 14, WORDS("2K", "3K"), 3686400, 10404496, NO_SIDE, NO_SIDE, PLAIN},
    {"seedream-4-5", V4_5, 0, 14, WORDS("2K", "4K"), 3686400, 16777216, NO_SIDE, NO_SIDE, PLAIN},
    {"seedream-4-0", V4, 0, 14, WORDS("1K", "2K", "4K"), 921600, 16777216, NO_SIDE, NO_SIDE,
     WORDS("standard", "fast")},
    {"seedream-3-0", V3, 0, 0, NULL, 0, 0, 512, 2048, NULL},
    {"seedream-3-0-t2i", V3, 0, 0, NULL, 0, 0, 512, 2048, NULL},
    {"seededit-3-0", EDIT, 1, 1, WORDS("adaptive"), 0, 0, NO_SIDE, NO_SIDE, NULL},
    {"seededit-3-0-i2i", EDIT, 1, 1, WORDS("adaptive"), 0, 0, NO_SIDE, NO_SIDE, NULL},
};

// Ark knows models by their dates; its names for those that clients know without.
static const struct {
    const char *name, *dated;
} dates[] = {
    {"doubao-seedream-5-0", "doubao-seedream-5-0-260128"},
    {"doubao-seedream-4-5", "doubao-seedream-4-5-251128"},
    {"doubao-seedream-4-0", "doubao-seedream-4-0-250828"},
    {"doubao-seedream-3-0", "doubao-seedream-3-0-t2i-250415"},
    {"doubao-seededit-3-0", "doubao-seededit-3-0-i2i-250628"},
};

// "doubao-seedream-4-5-251128" and BytePlus' "seedream-4-5" are "seedream-4-5".
static const struct model *model_named(const char *name)
{
    const char *at = name == NULL ? NULL : strstr(name, "see");

    for (size_t i = 0; at != NULL && i < sizeof models / sizeof models[0]; i++) {
        size_t len = strlen(models[i].name);
        const char *rest = at + len;

        if (strncmp(at, models[i].name, len) == 0 &&
            (*rest == '\0' || (*rest == '-' && strlen(rest + 1) == DATE_DIGITS &&
                               strspn(rest + 1, "0123456789") == DATE_DIGITS)))
            return &models[i];
    }
    return NULL;
}

// By the account's name of the model, else by the client's.
static const struct model *model_of(const struct task *task, const struct account *account)
{
    const struct model *model = model_named(provider_model(account, task->model));

    return model != NULL ? model : model_named(task->model);
}

// Checks.

static bool check_fields(const struct model *model, const json_t *body, const char *name,
                         struct err *err)
{
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if (field_at(body, fields[i].name) != NULL && (fields[i].of & model->generation) == 0)
            return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", fields[i].name, name);
    return field_check(body, bounds, err);
}

static bool check_mode(const struct model *model, const json_t *body, struct err *err)
{
    const struct field_rule rule = {.kind = FIELD_WORD, .words = model->prompted};
    const json_t *mode = field_at(body, "optimize_prompt_options.mode");

    return mode == NULL || field_check_value(mode, &rule, "optimize_prompt_options.mode", err);
}

// "WIDTHxHEIGHT", each of at most five digits.
static bool read_sides(const char *size, long *width, long *height)
{
    enum { MAX_DIGITS = 5 };
    const char *by = strchr(size, 'x');

    if (by == NULL || !isdigit((unsigned char)*size) || !isdigit((unsigned char)by[1]) ||
        by - size > MAX_DIGITS || strlen(by + 1) > MAX_DIGITS ||
        strspn(size, "0123456789x") != strlen(size) || strchr(by + 1, 'x') != NULL)
        return false;
    *width = strtol(size, NULL, 10);
    *height = strtol(by + 1, NULL, 10);
    return true;
}

static bool check_sides(const struct model *model, long width, long height, struct err *err)
{
    if (model->min_side > 0)
        return (width >= model->min_side && height >= model->min_side && width <= model->max_side &&
                height <= model->max_side) ||
               err_set(err, ERR_INVALID, "size: its sides must be from %d to %d", model->min_side,
                       model->max_side);
    if (width * height < model->min_pixels || width * height > model->max_pixels)
        return err_set(err, ERR_INVALID, "size: must have %d to %d pixels", model->min_pixels,
                       model->max_pixels);
    return (width <= height * MAX_RATIO && height <= width * MAX_RATIO) ||
           err_set(err, ERR_INVALID, "size: one side is more than %d times the other",
                   (int)MAX_RATIO);
}

static bool check_size(const struct model *model, const json_t *body, struct err *err)
{
    const char *size = field_str_or_empty(body, "size");
    bool takes_sides = model->min_side > 0 || model->min_pixels > 0;
    char words[64] = "";
    long width, height;

    if (*size == '\0')
        return true;
    for (const char *const *word = model->sizes; word != NULL && *word != NULL; word++) {
        if (strcmp(*word, size) == 0)
            return true;
        snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s",
                 *words == '\0' ? "" : ", ", *word);
    }
    if (takes_sides && read_sides(size, &width, &height))
        return check_sides(model, width, height, err);
    return err_set(err, ERR_INVALID, "size: must be %s%s%s", words,
                   takes_sides && *words != '\0' ? ", or " : "", takes_sides ? "WIDTHxHEIGHT" : "");
}

// How many images are asked for; 0: as many as the vendor likes.
static int count_of(const json_t *body)
{
    return (int)field_int_or(body, "n", field_int_or(body, group_max, 0));
}

static bool is_group(const json_t *body)
{
    const char *word = field_str_or_empty(body, group);

    return strcmp(word, "auto") == 0 || (*word == '\0' && field_int_or(body, "n", 1) > 1);
}

// Several images are a group: Ark has no n.
static bool check_count(const struct model *model, const json_t *body, const char *name,
                        struct err *err)
{
    int n = (int)field_int_or(body, "n", 1), most = (int)field_int_or(body, group_max, 0);
    int images = (int)field_count(body, "images");

    if (n > 1 && (model->generation & GROUPS) == 0)
        return err_set(err, ERR_INVALID, "n: %.60s makes one image", name);
    if (n > 1 && !is_group(body))
        return err_set(err, ERR_INVALID, "n: %s disabled makes one image", group);
    if (!is_group(body) && field_at(body, group_options) != NULL)
        return err_set(err, ERR_INVALID, "%s: only with %s auto", group_options, group);
    if (field_at(body, "n") != NULL && most > 0 && n != most)
        return err_set(err, ERR_INVALID, "n: isn't what %s says", group_max);
    return !is_group(body) || images + count_of(body) <= MAX_GROUP ||
           err_set(err, ERR_INVALID, "n: beside %d images at most %d are made", images,
                   MAX_GROUP - images);
}

bool seedream_body_check(const struct task *task, const struct account *account, struct err *err)
{
    const struct model *model = model_of(task, account);
    json_t *body = adapter_request_of(task, err);
    bool ok = body != NULL;

    if (ok && strcmp(task->action, "variation") == 0)
        ok = err_set(err, ERR_INVALID, "model: %.60s makes no variations", task->model);
    if (ok && model != NULL)
        ok = check_fields(model, body, task->model, err) && check_mode(model, body, err) &&
             check_size(model, body, err) &&
             image_call_check_count(body, task->model, model->min_images, model->max_images, err) &&
             check_count(model, body, task->model, err);
    json_decref(body);
    return ok;
}

// Bodies.

static const char *model_for_ark(const struct task *task, const struct account *account)
{
    const char *model = provider_model(account, task->model);

    for (size_t i = 0; account->model_count == 0 && i < sizeof dates / sizeof dates[0]; i++)
        if (strcmp(dates[i].name, task->model) == 0)
            return dates[i].dated;
    return model == NULL ? task->model : model;
}

static void set_group(const struct model *model, json_t *body)
{
    bool is = is_group(body);
    int count = count_of(body);

    json_object_del(body, "n");
    if (is || (model != NULL && (model->generation & GROUPS) != 0))
        json_object_set_new(body, group, json_string(is ? "auto" : "disabled"));
    if (is && count > 0 && json_is_object(json_object_get(body, group_options)))
        json_object_set_new(json_object_get(body, group_options), "max_images",
                            json_integer(count));
    else if (is && count > 0)
        json_object_set_new(body, group_options, json_pack("{s:i}", "max_images", count));
}

// One is a text.
static void set_images(json_t *body)
{
    json_t *urls = image_call_urls(body);

    json_object_del(body, "images");
    if (json_array_size(urls) > 0)
        json_object_set(body, "image", json_array_size(urls) == 1 ? json_array_get(urls, 0) : urls);
    json_decref(urls);
}

// The vendor marks what it isn't asked to leave unmarked.
static void set_watermark(json_t *body)
{
    if (json_object_get(body, "watermark") == NULL)
        json_object_set_new(body, "watermark", json_false());
}

json_t *seedream_body_of_ark(const struct task *task, const struct account *account, json_t *asked)
{
    for (size_t i = 0; i < sizeof left_out / sizeof left_out[0]; i++)
        json_object_del(asked, left_out[i]);
    json_object_set_new(asked, "model", json_string(model_for_ark(task, account)));
    json_object_set_new(asked, "response_format", json_string("url"));
    set_group(model_of(task, account), asked);
    set_images(asked);
    set_watermark(asked);
    return asked;
}

json_t *seedream_body_of_relay(const struct task *task, const struct account *account,
                               json_t *asked)
{
    set_watermark(asked);
    return image_call_body(task, account, "generate", asked);
}
