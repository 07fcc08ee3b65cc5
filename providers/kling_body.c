// A client's body in Kling's words. W is WHQ25/rawgenai, as in kling.c.
#include "providers/kling_body.h"

#include <stdio.h>
#include <string.h>

#include "core/json/field.h"
#include "core/json/field_check.h"

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
