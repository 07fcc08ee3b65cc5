// The unified form of a request for a video.
#include "providers/unified.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/buf.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/message/media_type.h"
#include "providers/picture.h"

enum { MAX_SIDE = 16384 };

static long common_divisor(long a, long b)
{
    while (b != 0) {
        long rest = a % b;

        a = b;
        b = rest;
    }
    return a;
}

// "1280x720", "720P", "4k".
static bool read_size(const char *size, struct unified_frame *frame)
{
    char *end;
    long width = strtol(size, &end, 10), height, divisor;

    if (end == size || width < 1 || width > MAX_SIDE)
        return false;
    if (strcasecmp(end, "p") == 0 || strcasecmp(end, "k") == 0) {
        frame->lines = (int)(strcasecmp(end, "p") == 0 ? width : width * 540);
        return frame->lines <= MAX_SIDE;
    }
    if (*end != 'x' && *end != 'X' && *end != '*')
        return false;
    size = end + 1;
    height = strtol(size, &end, 10);
    if (end == size || *end != '\0' || height < 1 || height > MAX_SIDE)
        return false;
    divisor = common_divisor(width, height);
    snprintf(frame->ratio, sizeof frame->ratio, "%ld:%ld", width / divisor, height / divisor);
    frame->lines = (int)(width < height ? width : height);
    return true;
}

bool unified_read_frame(const json_t *request, struct unified_frame *frame, struct err *err)
{
    const char *size = field_str_or_empty(request, "size");
    const char *ratio = field_str_or_empty(request, "aspect_ratio");

    *frame = (struct unified_frame){0};
    if (*size != '\0' && !read_size(size, frame))
        return err_set(err, ERR_INVALID, "size: must be WIDTHxHEIGHT, or lines as in 720P");
    if (*ratio != '\0' && *frame->ratio != '\0' && strcmp(ratio, frame->ratio) != 0)
        return err_set(err, ERR_INVALID, "aspect_ratio: doesn't fit the size");
    if (strlen(ratio) >= sizeof frame->ratio)
        return err_set(err, ERR_INVALID, "aspect_ratio: isn't one that is known");
    if (*ratio != '\0')
        snprintf(frame->ratio, sizeof frame->ratio, "%s", ratio);
    return true;
}

bool unified_check_absent(const json_t *request, const char *const *fields, const char *model,
                          struct err *err)
{
    for (; *fields != NULL; fields++)
        if (!field_is_empty(field_at(request, *fields)))
            return err_set(err, ERR_INVALID, "%s: is not supported by %.60s", *fields, model);
    return true;
}

json_t *unified_images(const json_t *request)
{
    json_t *given = json_array(), *image;
    size_t i;

    json_array_foreach(field_at(request, "images"), i, image)
    {
        if (field_is_given(image, ""))
            json_array_append(given, image);
    }
    return given;
}

// The type is told by the first bytes: forms call every file application/octet-stream, and clients
// say image/jpg, which is no type. Where the bytes tell nothing, the data URL's type counts.
void unified_image_type(const char *image, char *type, size_t size)
{
    const struct media_type *known = picture_type(image);

    if (known == NULL && strncmp(image, "data:image/", 11) == 0)
        snprintf(type, size, "%.*s", (int)strcspn(image + 5, ";,"), image + 5);
    else
        snprintf(type, size, "%s", known == NULL ? "image/png" : known->content_type);
    for (char *c = type; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c); // some vendors know no other
}

void unified_add_image_url(const char *image, struct buf *url)
{
    char type[64];

    if (!field_is_base64(image)) {
        buf_str(url, image); // a link, or an id of the vendor's
        return;
    }
    unified_image_type(image, type, sizeof type);
    buf_fmt(url, "data:%s;base64,", type);
    buf_str(url, field_base64_of(image));
}

void unified_drop_shown(json_t *body)
{
    json_object_del(body, "size");
    json_object_del(body, "private");
    json_object_del(body, "google");
}
