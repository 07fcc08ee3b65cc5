// What Ideogram takes.
//
// Sources: the vendor's own specification (tryAGI/Ideogram has a copy), its pages on its endpoints.
// A kept request has the names and words of our own surface (families/ideogram.c).
#include "providers/ideogram_body.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_write.h"
#include "core/message/http_message.h"
#include "core/message/media_type.h"
#include "core/message/multipart_write.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/picture.h"
#include "providers/picture_form.h"
#include "providers/provider.h"
#include "providers/unified.h"

enum {
    MAX_IMAGE_BYTES = 10 * 1024 * 1024,
    MAX_WORD = 32,
};

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define LEGACY(field) "image_request." field

// Where an action goes. Of rows for one action the first counts whose `needs` is given.
static const struct action {
    const char *name, *path;
    const char *needs;           // NULL: nothing
    const char *const *files;    // fields with images; NULL: none, and the body is JSON
    const char *file_name;       // what the vendor calls them; NULL: the same
    const char *const *others;   // fields of other actions, which this one hasn't got
    const char *const *left_out; // fields that say nothing to the vendor
    bool is_legacy;
    bool has_403_for_key;
} actions[] = {
    {.name = "generate",
     .path = "/v1/ideogram-v3/generate",
     .others = NAMES("image", "mask", "image_weight"),
     .left_out = NAMES("model")},
    {.name = "edit",
     .path = "/v1/ideogram-v3/edit",
     .needs = "mask",
     .files = NAMES("image", "mask"),
     .others = NAMES("image_weight", "aspect_ratio", "resolution", "negative_prompt"),
     .left_out = NAMES("model")},
    // Without a mask the prompt says what is to be edited. Styles and speeds are the vendor's.
    {.name = "edit",
     .path = "/v1/edit",
     .files = NAMES("image"),
     .file_name = "images",
     .others = NAMES("image_weight", "aspect_ratio", "resolution", "negative_prompt"),
     .left_out = NAMES("model", "style_type", "rendering_speed")},
    {.name = "remix",
     .path = "/v1/ideogram-v3/remix",
     .files = NAMES("image"),
     .others = NAMES("mask"),
     .left_out = NAMES("model")},
    {.name = "reframe",
     .path = "/v1/ideogram-v3/reframe",
     .files = NAMES("image"),
     .others = NAMES("mask", "image_weight", "negative_prompt", "style_type", "magic_prompt_option",
                     "prompt"),
     .left_out = NAMES("model")},
    {.name = "replace-background",
     .path = "/v1/ideogram-v3/replace-background",
     .files = NAMES("image"),
     .others = NAMES("mask", "image_weight", "aspect_ratio", "resolution", "negative_prompt",
                     "style_type"),
     .left_out = NAMES("model")},
    {.name = "legacy-generate",
     .path = "/generate",
     .others = NAMES("image_file", LEGACY("image_weight")),
     .is_legacy = true},
    {.name = "legacy-remix",
     .path = "/remix",
     .files = NAMES("image_file"),
     .is_legacy = true,
     .has_403_for_key = true},
    {.name = "upscale",
     .path = "/upscale",
     .files = NAMES("image_file"),
     .others = NAMES(LEGACY("aspect_ratio"), LEGACY("resolution"), LEGACY("style_type"),
                     LEGACY("negative_prompt"), LEGACY("image_weight")),
     .left_out = NAMES(LEGACY("model")),
     .is_legacy = true,
     .has_403_for_key = true},
    {.name = "describe",
     .path = "/describe",
     .files = NAMES("image_file"),
     .left_out = NAMES("image_request"),
     .is_legacy = true},
};

// Of V_3, and of V_2, where they are RESOLUTION_512_1536 and so on.
static const char *const resolutions[] = {
    "512x1536", "576x1408", "576x1472", "576x1536", "640x1344", "640x1408", "640x1472",  "640x1536",
    "704x1152", "704x1216", "704x1280", "704x1344", "704x1408", "704x1472", "736x1312",  "768x1088",
    "768x1216", "768x1280", "768x1344", "832x960",  "832x1024", "832x1088", "832x1152",  "832x1216",
    "832x1248", "864x1152", "896x960",  "896x1024", "896x1088", "896x1120", "896x1152",  "960x832",
    "960x896",  "960x1024", "960x1088", "1024x832", "1024x896", "1024x960", "1024x1024", "1088x768",
    "1088x832", "1088x896", "1088x960", "1120x896", "1152x704", "1152x832", "1152x864",  "1152x896",
    "1216x704", "1216x768", "1216x832", "1248x832", "1280x704", "1280x768", "1280x800",  "1312x736",
    "1344x640", "1344x704", "1344x768", "1408x576", "1408x640", "1408x704", "1472x576",  "1472x640",
    "1472x704", "1536x512", "1536x576", "1536x640", NULL,
};
static const char *const only_of_v3[] = {"800x1280", NULL};
static const char *const only_of_v2[] = {"640x1024", "720x1280", "768x1024", "768x1152",
                                         "768x1232", "1024x640", "1024x768", "1152x768",
                                         "1232x768", "1280x720", NULL};

static const struct action *action_of(const struct task *task, const json_t *body)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, task->action) == 0 &&
            (actions[i].needs == NULL || field_is_given(body, actions[i].needs)))
            return &actions[i];
    return NULL;
}

bool ideogram_describes(const struct task *task)
{
    return strcmp(task->action, "describe") == 0;
}

bool ideogram_has_403_for_key(const struct task *task)
{
    const struct action *action = action_of(task, NULL);

    return action != NULL && action->has_403_for_key;
}

// Links.

char *ideogram_input_at(const struct task *task, size_t index)
{
    struct err err;
    json_t *body = adapter_request_of(task, &err);
    const struct action *action = action_of(task, body);
    char *link = NULL;

    for (size_t i = 0; action != NULL && action->files != NULL && action->files[i] != NULL; i++) {
        const char *text = field_str_or_empty(body, action->files[i]);

        if (link == NULL && field_is_link(text) && index-- == 0)
            link = mem_str(text);
    }
    json_decref(body);
    return link;
}

// Checks.

static bool check_image(const char *name, const void *data, size_t bytes, int64_t of_bytes,
                        struct err *err)
{
    static const char *const types[] = {"image/jpeg", "image/png", "image/webp", NULL};
    const struct media_type *type = media_type_of(data, bytes);

    if (type == NULL || !adapter_is_one_of(type->content_type, types))
        return err_set(err, ERR_INVALID, "%s: must be a JPEG, a PNG or a WebP", name);
    return of_bytes <= MAX_IMAGE_BYTES || err_set(err, ERR_INVALID, "%s: is larger than %d MB",
                                                  name, (int)(MAX_IMAGE_BYTES / 1024 / 1024));
}

static size_t bytes_of(const char *base64)
{
    size_t chars = strlen(base64);

    while (chars > 0 && base64[chars - 1] == '=')
        chars--;
    return chars * 3 / 4;
}

// An image that is in the request. Where it is a link, the file tells when it is there.
static bool check_file(const json_t *body, const char *name, struct err *err)
{
    const char *text = field_str_or_empty(body, name);
    struct buf head = {0};
    bool ok;

    if (*text == '\0' || field_is_link(text))
        return true;
    ok = picture_head(text, (MEDIA_HEAD_BYTES + 2) / 3 * 4, &head) &&
         check_image(name, head.data, head.len, (int64_t)bytes_of(field_base64_of(text)), err);
    if (head.len == 0)
        err_set(err, ERR_INVALID, "%s: isn't base64", name);
    buf_clear(&head);
    return ok;
}

static bool check_apart(const json_t *body, const char *one, const char *other, struct err *err)
{
    const char *dot = strrchr(other, '.');

    return !field_is_given(body, one) || !field_is_given(body, other) ||
           err_set(err, ERR_INVALID, "%s: not beside %s", one, dot == NULL ? other : dot + 1);
}

static bool check_resolution(const json_t *body, struct err *err)
{
    const char *text = field_str_or_empty(body, "resolution");

    return *text == '\0' || adapter_is_one_of(text, resolutions) ||
           adapter_is_one_of(text, only_of_v3) ||
           err_set(err, ERR_INVALID, "resolution: must be one that V_3 has, as 1344x768");
}

static bool check_legacy_resolution(const json_t *body, struct err *err)
{
    const char *text = field_str_or_empty(body, LEGACY("resolution"));
    char size[MAX_WORD] = "", word[MAX_WORD] = "";
    int width, height;

    if (*text == '\0')
        return true;
    if (sscanf(text, "RESOLUTION_%4d_%4d", &width, &height) == 2) {
        snprintf(word, sizeof word, "RESOLUTION_%d_%d", width, height);
        if (strcmp(word, text) == 0)
            snprintf(size, sizeof size, "%dx%d", width, height);
    }
    return adapter_is_one_of(size, resolutions) || adapter_is_one_of(size, only_of_v2) ||
           err_set(err, ERR_INVALID,
                   LEGACY("resolution") ": must be one that V_2 has, as RESOLUTION_1344_768");
}

static bool check_words(const struct action *action, const json_t *body, struct err *err)
{
    if (action->is_legacy)
        return check_apart(body, LEGACY("resolution"), LEGACY("aspect_ratio"), err) &&
               check_legacy_resolution(body, err);
    return check_apart(body, "resolution", "aspect_ratio", err) &&
           check_apart(body, "style_codes", "style_type", err) && check_resolution(body, err);
}

bool ideogram_check(const struct task *task, const struct account *account, struct err *err)
{
    json_t *body = adapter_request_of(task, err);
    const struct action *action = action_of(task, body);
    bool ok =
        body != NULL && action != NULL && check_words(action, body, err) &&
        (action->others == NULL || unified_check_absent(body, action->others, task->action, err));

    (void)account;
    for (size_t i = 0; ok && action->files != NULL && action->files[i] != NULL; i++)
        ok = check_file(body, action->files[i], err);
    ok = ok && picture_check_mask(field_str_or_empty(body, "image"),
                                  field_str_or_empty(body, "mask"), err);
    json_decref(body);
    return ok;
}

// Bodies.

// Width by height, of "1344x768" or "ASPECT_16_9". 0: the text says neither.
static double ratio_of(const char *text)
{
    static const char prefix[] = "ASPECT_";
    long width, height;
    char *end;

    if (strncmp(text, prefix, sizeof prefix - 1) == 0)
        text += sizeof prefix - 1;
    width = strtol(text, &end, 10);
    height = *end == '\0' ? 0 : strtol(end + 1, NULL, 10);
    return width > 0 && height > 0 ? (double)width / (double)height : 0;
}

// The resolution whose form is most like the wanted one.
static const char *resolution_near(double wanted)
{
    const char *best = NULL;
    double least = 0;

    for (size_t i = 0; resolutions[i] != NULL; i++) {
        double off = ratio_of(resolutions[i]) / wanted;

        if (off < 1)
            off = 1 / off;
        if (best == NULL || off < least) {
            best = resolutions[i];
            least = off;
        }
    }
    return best;
}

// The vendor wants to know how large it is to be; a client who says nothing gets a square.
static void set_resolution(json_t *body)
{
    double ratio = ratio_of(field_str_or_empty(body, "aspect_ratio"));

    if (!field_is_given(body, "resolution"))
        json_object_set_new(body, "resolution",
                            json_string(ratio > 0 ? resolution_near(ratio) : "1024x1024"));
    json_object_del(body, "aspect_ratio");
}

static void leave_out(json_t *body, const char *field)
{
    const char *dot = strchr(field, '.');

    if (dot == NULL)
        json_object_del(body, field);
    else
        json_object_del(json_object_get(body, "image_request"), dot + 1);
}

// The vendor's range begins at 1.
static void raise_weight(json_t *request)
{
    if (field_int_or(request, "image_weight", 1) == 0)
        json_object_set_new(request, "image_weight", json_integer(1));
}

static void spell_v3(const struct task *task, json_t *body)
{
    json_t *magic = json_object_get(body, "magic_prompt_option");
    char ratio[MAX_WORD];
    int width, height;

    raise_weight(body);
    if (strcmp(task->action, "reframe") == 0)
        set_resolution(body);
    if (magic != NULL)
        json_object_set(body, "magic_prompt", magic);
    json_object_del(body, "magic_prompt_option");
    if (sscanf(field_str_or_empty(body, "aspect_ratio"), "ASPECT_%d_%d", &width, &height) == 2) {
        snprintf(ratio, sizeof ratio, "%dx%d", width, height);
        json_object_set_new(body, "aspect_ratio", json_string(ratio));
    }
}

// What the account calls the model, where there is one.
static void set_model(const struct task *task, const struct account *account, json_t *request)
{
    const char *model =
        task->model == NULL || *task->model == '\0' ? NULL : provider_model(account, task->model);

    if (model != NULL && json_is_object(request))
        json_object_set_new(request, "model", json_string(model));
}

static json_t *no_action(const struct task *task, json_t *asked, struct err *err)
{
    if (asked != NULL)
        err_set(err, ERR_INTERNAL, "there is no action %s", task->action);
    json_decref(asked);
    return NULL;
}

json_t *ideogram_body(const struct task *task, const struct account *account, struct err *err)
{
    json_t *body = adapter_request_of(task, err), *request;
    const struct action *action = action_of(task, body);

    if (body == NULL || action == NULL)
        return no_action(task, body, err);
    request = json_object_get(body, "image_request");
    if (action->is_legacy) {
        set_model(task, account, request);
        raise_weight(request);
        if (request == NULL && action->files != NULL)
            json_object_set_new(body, "image_request", json_object());
    } else {
        spell_v3(task, body);
    }
    for (size_t i = 0; action->left_out != NULL && action->left_out[i] != NULL; i++)
        leave_out(body, action->left_out[i]);
    return body;
}

static void write_value(struct multipart_write *form, const char *name, const json_t *value)
{
    char *text = json_is_string(value) ? mem_str(json_string_value(value)) : json_write_text(value);
    json_t *item;
    size_t i;

    if (json_is_object(value))
        multipart_write_json(form, name, text);
    else if (!json_is_array(value))
        multipart_write_text(form, name, text);
    json_array_foreach((json_t *)value, i, item) write_value(form, name, item);
    free(text);
}

static bool write_form(const struct task *task, const struct action *action, const json_t *body,
                       struct multipart_write *form, struct err *err)
{
    struct picture_form pictures = {
        .form = form, .task = task, .check = check_image, .otherwise = "isn't base64"};
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)body, name, value)
    {
        if (!adapter_is_one_of(name, action->files))
            write_value(form, name, value);
    }
    for (size_t i = 0; action->files[i] != NULL; i++) {
        const char *field = action->files[i], *text = field_str_or_empty(body, field);
        const struct picture_part part = {
            .field = field,
            .name = action->file_name == NULL ? field : action->file_name,
            .stem = field,
        };

        if (*text != '\0' && !picture_form_write(&pictures, &part, text, err))
            return false;
    }
    multipart_write_end(form);
    return true;
}

bool ideogram_post(const struct task *task, const struct account *account, const char *path,
                   json_t *body, struct http_request *request, struct err *err)
{
    const struct action *action = action_of(task, body);
    struct multipart_write form;
    bool ok;

    if (action->files == NULL)
        return http_post_json(request, account->base_url, body, err, path);
    multipart_write_begin(&form, request);
    ok = write_form(task, action, body, &form, err) &&
         http_post_form(request, account->base_url, &form, err, path);
    json_decref(body);
    return ok;
}

bool ideogram_build(const struct task *task, const struct account *account,
                    struct http_request *request, struct err *err)
{
    json_t *body = ideogram_body(task, account, err);

    return body != NULL &&
           ideogram_post(task, account, action_of(task, body)->path, body, request, err);
}

bool ideogram_build_relay(const struct task *task, const struct account *account,
                          struct http_request *request, struct err *err)
{
    json_t *asked = adapter_request_of(task, err), *named;
    const struct action *action = NULL;
    struct buf base = {0};
    bool ok;

    for (size_t i = 0; i < sizeof actions / sizeof actions[0] && action == NULL; i++)
        if (strcmp(actions[i].name, task->action) == 0)
            action = &actions[i];
    if (asked == NULL || action == NULL)
        return no_action(task, asked, err) != NULL;
    named = action->is_legacy ? json_object_get(asked, "image_request") : asked;
    if (json_object_get(named, "model") != NULL || account->model_count > 0)
        set_model(task, account, named);
    buf_fmt(&base, "%s/ideogram", account->base_url);
    ok = http_post_json(request, base.data, asked, err, action->path);
    buf_clear(&base);
    return ok;
}
