// Edits of images as forms: openai-node's src/resources/images.ts has the names.
#include "providers/image_form.h"

#include <stdlib.h>
#include <string.h>

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
#include "providers/image_call.h"
#include "providers/picture_form.h"

// The n-th of the request's references, the mask behind them; NULL: there are no more.
static const char *reference_at(const json_t *request, size_t index)
{
    const json_t *images = json_object_get(request, "images");
    size_t count = json_array_size(images);

    if (index < count)
        return json_string_value(json_array_get(images, index));
    return index == count ? json_string_value(json_object_get(request, "mask")) : NULL;
}

char *image_form_input_at(const struct task *task, size_t index)
{
    struct err err;
    json_t *request = adapter_request_of(task, &err);
    const char *text;
    char *link = NULL;

    for (size_t i = 0; link == NULL && (text = reference_at(request, i)) != NULL; i++)
        if (field_is_link(text) && index-- == 0)
            link = mem_str(text);
    json_decref(request);
    return link;
}

static bool check_image(const char *field, const void *head, size_t len, int64_t bytes,
                        struct err *err)
{
    const struct media_type *type = media_type_of(head, len);

    (void)bytes;
    return (type != NULL && strcmp(type->kind, "image") == 0) ||
           err_set(err, ERR_INVALID, "%s: is no image that we know", field);
}

static bool write_picture(struct picture_form *pictures, const char *name, const json_t *picture,
                          struct err *err)
{
    const struct picture_part part = {.field = name, .name = name, .stem = "image"};
    const char *url = json_is_object(picture) ? field_str_or_empty(picture, "image_url")
                                              : json_string_value(picture);

    return picture_form_write(pictures, &part, url, err);
}

static bool write_pictures(struct multipart_write *form, const json_t *body,
                           const struct task *task, struct err *err)
{
    const json_t *images = json_object_get(body, "images"), *one = json_object_get(body, "image");
    const json_t *mask = json_object_get(body, "mask"), *image;
    const char *name = json_array_size(images) > 1 ? "image[]" : "image";
    struct picture_form pictures = {
        .form = form, .task = task, .check = check_image, .otherwise = "must be a link, or base64"};
    size_t i;

    json_array_foreach((json_t *)images, i, image)
    {
        if (!write_picture(&pictures, name, image, err))
            return false;
    }
    return (one == NULL || write_picture(&pictures, "image", one, err)) &&
           (mask == NULL || write_picture(&pictures, "mask", mask, err));
}

static void write_fields(struct multipart_write *form, json_t *body)
{
    static const char *const pictures[] = {"image", "images", "mask"};
    const char *name;
    json_t *value;

    json_object_foreach(body, name, value)
    {
        bool is_picture = false;
        char *text =
            json_is_string(value) ? mem_str(json_string_value(value)) : json_write_text(value);

        for (size_t i = 0; i < sizeof pictures / sizeof pictures[0]; i++)
            is_picture = is_picture || strcmp(name, pictures[i]) == 0;
        if (!is_picture)
            multipart_write_text(form, name, text);
        free(text);
    }
}

bool image_form_post(const struct task *task, const struct account *account, json_t *body,
                     struct http_request *request, struct err *err)
{
    struct multipart_write form;
    bool ok;

    multipart_write_begin(&form, request);
    write_fields(&form, body);
    ok = write_pictures(&form, body, task, err);
    json_decref(body);
    if (!ok)
        return false;
    multipart_write_end(&form);
    image_call_prepare(account, request);
    return http_post_form(request, account->base_url, &form, err, image_call_path(task->action));
}
