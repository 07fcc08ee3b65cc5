// A client's body in Kling's words. W is WHQ25/rawgenai, as in kling.c.
#include "providers/kling_body.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/err.h"
#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/task/task.h"
#include "providers/unified.h"

// The vendor wants base64 bare; clients send data URLs as well.
static void strip_prefix(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));

    if (text != NULL && strncmp(text, "data:", 5) == 0)
        json_object_set_new(object, name, json_string(field_base64_of(text)));
}

static void strip_prefixes(json_t *body)
{
    static const char *const names[] = {"image",       "image_tail",  "human_image",
                                        "cloth_image", "static_mask", "image_reference"};
    static const char *const lists[] = {"image_list", "dynamic_masks"};
    json_t *item;
    size_t k;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        strip_prefix(body, names[i]);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        json_array_foreach(json_object_get(body, lists[i]), k, item)
        {
            strip_prefix(item, "image");
            strip_prefix(item, "image_url");
            strip_prefix(item, "mask");
        }
    }
}

static void rename_field(json_t *body, const char *from, const char *to)
{
    json_t *value = json_incref(json_object_get(body, from));

    json_object_del(body, from);
    if (value != NULL && json_object_get(body, to) == NULL)
        json_object_set(body, to, value);
    json_decref(value);
}

// Sorts a list by the numbers that its items have.
static void sort_by_id(json_t *list)
{
    for (size_t i = 1; i < json_array_size(list); i++) {
        for (size_t k = i; k > 0; k--) {
            json_t *left = json_array_get(list, k - 1), *right = json_array_get(list, k);

            if (field_int_or(left, "image_id", 0) <= field_int_or(right, "image_id", 0))
                break;
            json_incref(left);
            json_array_set(list, k - 1, right);
            json_array_set_new(list, k, left);
        }
    }
}

// The key of an element's image differs between the routes (W); ours is one for both.
static void remap_images(json_t *body, const char *key)
{
    json_t *list = json_object_get(body, "image_list"), *item;
    size_t i;

    sort_by_id(list);
    json_array_foreach(list, i, item)
    {
        if (json_is_string(item)) {
            json_array_set_new(list, i, json_pack("{s:O}", key, item));
            continue;
        }
        rename_field(item, strcmp(key, "image") == 0 ? "image_url" : "image", key);
        json_object_del(item, "image_id");
    }
}

// kling_elements become what the vendor takes, whether they are numbers or objects.
static void remap_elements(json_t *body)
{
    json_t *list, *item;
    size_t i;

    rename_field(body, "kling_elements", "element_list");
    list = json_object_get(body, "element_list");
    json_array_foreach(list, i, item)
    {
        if (!json_is_object(item))
            json_array_set_new(list, i, json_pack("{s:O}", "element_id", item));
    }
}

static void make_text(json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);

    if (json_is_integer(value)) {
        char text[24];

        snprintf(text, sizeof text, "%lld", (long long)json_integer_value(value));
        json_object_set_new(object, name, json_string(text));
    }
}

void kling_body_remap(json_t *body, const char *list_key)
{
    json_t *images = json_object_get(body, "image_urls"), *sound = json_object_get(body, "sound");
    json_t *shot;
    size_t i;

    if (images != NULL) {
        if (json_array_size(images) > 0 && json_object_get(body, "image") == NULL)
            json_object_set(body, "image", json_array_get(images, 0));
        if (json_array_size(images) > 1 && json_object_get(body, "image_tail") == NULL)
            json_object_set(body, "image_tail", json_array_get(images, 1));
        json_object_del(body, "image_urls");
    }
    rename_field(body, "model", "model_name");
    rename_field(body, "multi_shots", "multi_shot");
    remap_elements(body);
    make_text(body, "duration");
    json_array_foreach(json_object_get(body, "multi_prompt"), i, shot) make_text(shot, "duration");
    if (json_is_boolean(sound))
        json_object_set_new(body, "sound", json_string(json_is_true(sound) ? "on" : "off"));
    if (list_key != NULL)
        remap_images(body, list_key);
    strip_prefixes(body);
}

void kling_body_set_ratio(json_t *body)
{
    json_t *item;
    size_t i;

    if (field_is_given(body, "aspect_ratio"))
        return;
    json_array_foreach(json_object_get(body, "image_list"), i, item)
    {
        if (strcmp(field_str_or_empty(item, "type"), "first_frame") == 0)
            return;
    }
    json_array_foreach(json_object_get(body, "video_list"), i, item)
    {
        if (strcmp(field_str_or_empty(item, "refer_type"), "feature") != 0)
            return; // it is to be edited
    }
    json_object_set_new(body, "aspect_ratio", json_string("16:9"));
}

// From the unified form.

// Models that are on the omni route alone; kling-v3 is on both.
static bool is_omni(const char *model)
{
    return strstr(model, "omni") != NULL || strncmp(model, "kling-video-o", 13) == 0;
}

// The vendor takes a ratio, and a mode that stands for the lines: std is 720, pro is 1080.
static bool set_frame(json_t *request, struct err *err)
{
    static const char *const ratios[] = {"16:9", "9:16", "1:1", NULL};
    static const struct field_rule ratio_rule = {.kind = FIELD_WORD, .words = ratios};
    bool is_by_size = !field_is_given(request, "aspect_ratio");
    struct unified_frame frame;
    json_t *ratio;
    bool ok;

    if (!unified_read_frame(request, &frame, err))
        return false;
    if (*frame.ratio != '\0') {
        ratio = json_string(frame.ratio);
        ok = field_check_value(ratio, &ratio_rule, is_by_size ? "size" : "aspect_ratio", err);
        json_object_set_new(request, "aspect_ratio", ratio);
        if (!ok)
            return false;
    }
    if (frame.lines > 0 && !field_is_given(request, "mode"))
        json_object_set_new(request, "mode", json_string(frame.lines > 720 ? "pro" : "std"));
    return true;
}

// One image is the first frame, two are the first and the last.
static bool set_images(json_t *request, bool is_omni_route, struct err *err)
{
    json_t *images = unified_images(request), *image, *list = json_array();
    size_t count = json_array_size(images), i;

    json_object_del(request, "images");
    json_array_foreach(images, i, image)
    {
        if (is_omni_route)
            json_array_append_new(list, json_pack("{s:O}", "image_url", image));
        else
            json_array_append(list, image);
    }
    if (count > 0)
        json_object_set(request, is_omni_route ? "image_list" : "image_urls", list);
    json_decref(images);
    json_decref(list);
    return is_omni_route || count <= 2 ||
           err_set(err, ERR_INVALID, "images: must have at most 2 items");
}

bool kling_body_from_unified(struct task *task, struct err *err)
{
    static const char *const absent[] = {"storyboard", NULL};
    json_t *request = json_read(task->request);
    bool is_omni_route = is_omni(task->model), ok;

    mem_set_str(&task->action, is_omni_route                        ? "omni-video"
                               : field_count(request, "images") > 0 ? "image2video"
                                                                    : "text2video");
    ok = unified_check_absent(request, absent, task->model, err) && set_frame(request, err) &&
         set_images(request, is_omni_route, err);
    if (ok) {
        free(task->request);
        task->request = json_write_text(request);
    }
    json_decref(request);
    return ok;
}
