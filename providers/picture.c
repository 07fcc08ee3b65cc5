// Pictures in requests.
#include "providers/picture.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/json/field_check.h"
#include "core/message/image_size.h"
#include "core/message/media_type.h"

enum { SIZE_CHARS = 262144 };                               // in which a picture's size is
enum { MEDIA_HEAD_CHARS = (MEDIA_HEAD_BYTES + 2) / 3 * 4 }; // in which its type is

bool picture_head(const char *text, size_t chars, struct buf *head)
{
    const char *base64 = field_base64_of(text);

    return base64_decode(base64, strnlen(base64, chars), head);
}

static bool read_size(const char *text, struct image_size *size)
{
    struct buf head = {0};
    bool ok = *text != '\0' && !field_is_link(text) && picture_head(text, SIZE_CHARS, &head) &&
              image_size_of(head.data, head.len, size);

    buf_clear(&head);
    return ok;
}

bool picture_check_mask(const char *image, const char *mask, struct err *err)
{
    struct image_size wanted, size;

    return !read_size(image, &wanted) || !read_size(mask, &size) ||
           (wanted.width == size.width && wanted.height == size.height) ||
           err_set(err, ERR_INVALID, "mask: is %ux%u, the image is %ux%u", size.width, size.height,
                   wanted.width, wanted.height);
}

const struct media_type *picture_type(const char *text)
{
    const struct media_type *type = NULL;
    struct buf head = {0};

    if (picture_head(text, MEDIA_HEAD_CHARS, &head))
        type = media_type_of(buf_text(&head), head.len);
    buf_clear(&head);
    return type;
}
