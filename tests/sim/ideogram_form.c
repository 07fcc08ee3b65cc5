// Forms as Ideogram reads them.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/message/multipart.h"
#include "tests/sim/ideogram.h"
#include "tests/sim/rules.h"

static const char magic_words[] = "words:";

static unsigned number_at(const char *bytes)
{
    const unsigned char *at = (const unsigned char *)bytes;

    return (unsigned)at[0] << 24 | (unsigned)at[1] << 16 | (unsigned)at[2] << 8 | at[3];
}

// By its own bytes, whatever its part says.
static const char *type_of(struct multipart_text data)
{
    static const struct {
        const char *type, *magic;
        size_t at, len;
    } types[] = {
        {"image/png", "\x89PNG", 0, 4},
        {"image/jpeg", "\xff\xd8\xff", 0, 3},
        {"image/webp", "WEBP", 8, 4},
    };

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (data.len >= types[i].at + types[i].len &&
            memcmp(data.data + types[i].at, types[i].magic, types[i].len) == 0)
            return types[i].type;
    return "";
}

static json_t *read_file(const struct multipart_part *part, struct buf *words)
{
    struct multipart_text data = part->data;
    const char *type = type_of(data);
    bool has_size = strcmp(type, "image/png") == 0 && data.len >= 24;
    const char *said = memmem(data.data, data.len, magic_words, sizeof magic_words - 1);

    if (said != NULL)
        buf_add(words, said + sizeof magic_words - 1,
                (size_t)(data.data + data.len - said) - (sizeof magic_words - 1));
    // A part that calls itself something else isn't read.
    if (!multipart_text_is(part->content_type, type))
        type = "";
    return json_pack("{s:s,s:I,s:i,s:i}", "type", type, "bytes", (json_int_t)data.len, "width",
                     has_size ? (int)number_at(data.data + 16) : 0, "height",
                     has_size ? (int)number_at(data.data + 20) : 0);
}

static json_t *read_text(const char *name, const struct multipart_part *part)
{
    static const char numbers[] = "num_images seed image_weight";
    static const char flags[] = "async private enable_copyright_detection";
    char text[16] = "", *end;
    long number;

    if (strcmp(name, "image_request") == 0)
        return json_loadb(part->data.data, part->data.len, JSON_REJECT_DUPLICATES, NULL);
    if (rules_one_of(name, flags))
        return multipart_text_is(part->data, "true")    ? json_true()
               : multipart_text_is(part->data, "false") ? json_false()
                                                        : NULL;
    if (!rules_one_of(name, numbers))
        return json_stringn(part->data.data, part->data.len);
    if (part->data.len == 0 || part->data.len >= sizeof text)
        return NULL;
    memcpy(text, part->data.data, part->data.len);
    number = strtol(text, &end, 10);
    return *end == '\0' ? json_integer(number) : NULL;
}

json_t *ideogram_read_form(const char *content_type, const char *text, size_t len,
                           struct buf *words, const char **why)
{
    json_t *body = json_object(), *value;
    struct multipart form;
    struct err err;
    bool ok = multipart_parse(content_type, text, len, &form, &err);

    *why = "The form is malformed.";
    for (size_t i = 0; ok && i < form.count; i++) {
        char name[MULTIPART_NAME_BYTES_MAX + 1];

        memcpy(name, form.parts[i].name.data, form.parts[i].name.len);
        name[form.parts[i].name.len] = '\0';
        value = form.parts[i].filename.data != NULL ? read_file(&form.parts[i], words)
                                                    : read_text(name, &form.parts[i]);
        ok = value != NULL && json_object_get(body, name) == NULL &&
             json_object_set_new(body, name, value) == 0;
        if (!ok)
            *why = "A field of the form can't be read.";
    }
    if (ok)
        return body;
    json_decref(body);
    return NULL;
}
