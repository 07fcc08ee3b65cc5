// Edits of images as forms: openai-node's src/resources/images.ts has the names.
#include "providers/image_form.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/message/http_message.h"
#include "core/message/media_type.h"
#include "core/message/multipart_write.h"
#include "core/task/task.h"
#include "providers/adapter.h"
#include "providers/image_call.h"

#define IN_REQUEST SIZE_MAX // instead of a file's number: it is in the request

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

// What is in the request is copied; a file behind a link leaves a gap.
static bool write_image(struct multipart_write *form, const char *name, const struct buf *data,
                        const struct task *task, size_t file, struct err *err)
{
    const struct media_type *type = media_type_of(buf_text(data), data->len);
    char filename[32];

    if (type == NULL || strcmp(type->kind, "image") != 0)
        return err_set(err, ERR_INVALID, "%s: is no image that we know", name);
    snprintf(filename, sizeof filename, "image.%s", type->extension);
    if (file == IN_REQUEST)
        multipart_write_file(form, name, filename, type->content_type, data->data, data->len);
    else
        multipart_write_gap(form, name, filename, type->content_type, file,
                            task->inputs[file].bytes);
    return true;
}

// The next of the fetched files counts where the picture is a link.
static bool write_picture(struct multipart_write *form, const char *name, const json_t *picture,
                          const struct task *task, size_t *fetched, struct err *err)
{
    const char *url = json_is_object(picture) ? field_str_or_empty(picture, "image_url")
                                              : json_string_value(picture);
    const char *base64 = field_base64_of(url);
    struct buf data = {0};
    size_t file;
    bool ok;

    if (field_is_link(url)) {
        file = (*fetched)++;
        return file < task->input_count
                   ? write_image(form, name, &task->inputs[file].data, task, file, err)
                   : err_set(err, ERR_INTERNAL, "%s: wasn't fetched", name);
    }
    ok = base64_decode(base64, strlen(base64), &data)
             ? write_image(form, name, &data, task, IN_REQUEST, err)
             : err_set(err, ERR_INVALID, "%s: must be a link, or base64", name);
    buf_clear(&data);
    return ok;
}

static bool write_pictures(struct multipart_write *form, const json_t *body,
                           const struct task *task, struct err *err)
{
    const json_t *images = json_object_get(body, "images"), *one = json_object_get(body, "image");
    const json_t *mask = json_object_get(body, "mask"), *image;
    const char *name = json_array_size(images) > 1 ? "image[]" : "image";
    size_t fetched = 0, i;

    json_array_foreach((json_t *)images, i, image)
    {
        if (!write_picture(form, name, image, task, &fetched, err))
            return false;
    }
    return (one == NULL || write_picture(form, "image", one, task, &fetched, err)) &&
           (mask == NULL || write_picture(form, "mask", mask, task, &fetched, err));
}

static void write_fields(struct multipart_write *form, json_t *body)
{
    static const char *const pictures[] = {"image", "images", "mask"};
    const char *name;
    json_t *value;

    json_object_foreach(body, name, value)
    {
        bool is_picture = false;
        char *text = json_is_string(value) ? mem_str(json_string_value(value))
                                           : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

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
