// Forms as OpenAI reads them: image, once or more often, or image[]; mask; the rest as texts.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/message/multipart.h"
#include "tests/sim/openai.h"

static json_t *data_url(const struct multipart_part *part)
{
    struct buf url = {0};
    json_t *value;

    buf_str(&url, "data:");
    buf_add(&url, part->content_type.data, part->content_type.len);
    buf_str(&url, ";base64,");
    base64_encode(part->data.data, part->data.len, &url);
    value = json_pack("{s:s#}", "image_url", url.data, (int)url.len);
    buf_clear(&url);
    return value;
}

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names != NULL; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

// A text becomes what its field is.
static json_t *value_of(const char *name, const struct multipart_part *part)
{
    static const char *const numbers[] = {"n", "output_compression", "partial_images", NULL};
    static const char *const flags[] = {"stream", NULL};
    char text[16] = "";

    if (part->data.len < sizeof text)
        memcpy(text, part->data.data, part->data.len);
    if (is_one_of(name, numbers))
        return json_integer(strtol(text, NULL, 10));
    if (is_one_of(name, flags))
        return json_boolean(strcmp(text, "true") == 0);
    return json_stringn(part->data.data, part->data.len);
}

static bool add_part(json_t *body, json_t *images, const struct multipart_part *part)
{
    char name[MULTIPART_NAME_BYTES_MAX + 1];

    memcpy(name, part->name.data, part->name.len);
    name[part->name.len] = '\0';
    if (strcmp(name, "image") == 0 || strcmp(name, "image[]") == 0)
        return part->filename.data != NULL && json_array_append_new(images, data_url(part)) == 0;
    if (strcmp(name, "mask") == 0)
        return part->filename.data != NULL && json_object_set_new(body, name, data_url(part)) == 0;
    return part->filename.data == NULL && json_object_get(body, name) == NULL &&
           json_object_set_new(body, name, value_of(name, part)) == 0;
}

json_t *openai_read_form(const char *content_type, const char *text, size_t len, const char **why)
{
    json_t *body = json_object(), *images = json_array();
    struct multipart form;
    struct err err;
    bool ok = multipart_parse(content_type, text, len, &form, &err);

    *why = "the form is malformed";
    for (size_t i = 0; ok && i < form.count; i++)
        ok = add_part(body, images, &form.parts[i]);
    if (json_array_size(images) > 0)
        json_object_set(body, "images", images);
    json_decref(images);
    if (ok)
        return body;
    json_decref(body);
    return NULL;
}
