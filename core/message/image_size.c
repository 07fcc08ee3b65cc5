// Sizes of images: PNG (ISO 15948), GIF89a, WebP's three forms (RFC 9649), JPEG (ITU T.81).
#include "core/message/image_size.h"

#include <stdint.h>
#include <string.h>

static unsigned big(const uint8_t *data, int bytes)
{
    unsigned number = 0;

    for (int i = 0; i < bytes; i++)
        number = number << 8 | data[i];
    return number;
}

static unsigned little(const uint8_t *data, int bytes)
{
    unsigned number = 0;

    for (int i = bytes - 1; i >= 0; i--)
        number = number << 8 | data[i];
    return number;
}

static bool begins(const uint8_t *data, size_t len, const char *magic, size_t magic_len)
{
    return len >= magic_len && memcmp(data, magic, magic_len) == 0;
}

// Behind the RIFF header, of 12 bytes, and the first chunk's, of 8.
static bool read_webp(const uint8_t *data, size_t len, struct image_size *size)
{
    if (len < 30 || memcmp(data + 8, "WEBP", 4) != 0)
        return false;
    if (memcmp(data + 12, "VP8X", 4) == 0) {
        *size = (struct image_size){little(data + 24, 3) + 1, little(data + 27, 3) + 1};
    } else if (memcmp(data + 12, "VP8 ", 4) == 0) {
        *size = (struct image_size){little(data + 26, 2) & 0x3fff, little(data + 28, 2) & 0x3fff};
    } else if (memcmp(data + 12, "VP8L", 4) == 0) {
        unsigned bits = little(data + 21, 4);

        *size = (struct image_size){(bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1};
    } else {
        return false;
    }
    return true;
}

// The frame's header is behind segments of any kind.
static bool read_jpeg(const uint8_t *data, size_t len, struct image_size *size)
{
    size_t at = 2;

    while (at < len && len - at >= 9 && data[at] == 0xff) {
        uint8_t marker = data[at + 1];
        bool is_frame =
            marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;

        if (is_frame) {
            *size = (struct image_size){big(data + at + 7, 2), big(data + at + 5, 2)};
            return true;
        }
        at += marker == 0xff ? 1 : 2 + big(data + at + 2, 2); // a byte that fills, or a segment
    }
    return false;
}

bool image_size_of(const void *data, size_t len, struct image_size *size)
{
    const uint8_t *bytes = data;
    bool ok = false;

    *size = (struct image_size){0};
    if (begins(bytes, len, "\x89PNG\r\n\x1a\n", 8) && len >= 24) {
        *size = (struct image_size){big(bytes + 16, 4), big(bytes + 20, 4)};
        ok = memcmp(bytes + 12, "IHDR", 4) == 0;
    } else if (begins(bytes, len, "GIF8", 4) && len >= 10) {
        *size = (struct image_size){little(bytes + 6, 2), little(bytes + 8, 2)};
        ok = true;
    } else if (begins(bytes, len, "RIFF", 4)) {
        ok = read_webp(bytes, len, size);
    } else if (begins(bytes, len, "\xff\xd8", 2)) {
        ok = read_jpeg(bytes, len, size);
    }
    return ok && size->width > 0 && size->height > 0;
}
