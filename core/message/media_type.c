// Media by their magic bytes.
#include "core/message/media_type.h"

#include <string.h>

#include "core/json/json_span.h"

static const struct {
    size_t offset, len;
    const char *bytes;
    size_t offset2, len2;
    const char *bytes2;
    struct media_type type;
} magics[] = {
    {0, 8, "\x89PNG\r\n\x1a\n", 0, 0, "", {"image/png", "png", "image"}},
    {0, 3, "\xff\xd8\xff", 0, 0, "", {"image/jpeg", "jpg", "image"}},
    {0, 4, "GIF8", 0, 0, "", {"image/gif", "gif", "image"}},
    {0, 4, "RIFF", 8, 4, "WEBP", {"image/webp", "webp", "image"}},
    {0, 4, "RIFF", 8, 4, "WAVE", {"audio/wav", "wav", "audio"}},
    {4, 8, "ftypavif", 0, 0, "", {"image/avif", "avif", "image"}},
    {4, 8, "ftypheic", 0, 0, "", {"image/heic", "heic", "image"}},
    {4, 8, "ftypmif1", 0, 0, "", {"image/heif", "heif", "image"}},
    {0, 4, "II*\0", 0, 0, "", {"image/tiff", "tiff", "image"}},
    {0, 4, "MM\0*", 0, 0, "", {"image/tiff", "tiff", "image"}},
    {0, 2, "BM", 6, 4, "\0\0\0\0", {"image/bmp", "bmp", "image"}},
    {4, 8, "ftypM4A ", 0, 0, "", {"audio/mp4", "m4a", "audio"}},
    {4, 8, "ftypqt  ", 0, 0, "", {"video/quicktime", "mov", "video"}},
    {4, 4, "ftyp", 0, 0, "", {"video/mp4", "mp4", "video"}},
    {0, 4, "\x1a\x45\xdf\xa3", 0, 0, "", {"video/webm", "webm", "video"}},
    {0, 3, "ID3", 0, 0, "", {"audio/mpeg", "mp3", "audio"}},
    {0, 4, "OggS", 0, 0, "", {"audio/ogg", "ogg", "audio"}},
    {0, 4, "fLaC", 0, 0, "", {"audio/flac", "flac", "audio"}},
};

// What has no magic bytes.
static const struct media_type mpeg = {"audio/mpeg", "mp3", "audio"};
static const struct media_type aac = {"audio/aac", "aac", "audio"};
static const struct media_type pcm = {"audio/pcm", "pcm", "audio"};

const struct media_type *media_type_named(const char *content_type)
{
    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++)
        if (strcmp(magics[i].type.content_type, content_type) == 0)
            return &magics[i].type;
    return strcmp(aac.content_type, content_type) == 0   ? &aac
           : strcmp(pcm.content_type, content_type) == 0 ? &pcm
                                                         : NULL;
}

const struct media_type *media_type_of(const void *head, size_t len)
{
    const unsigned char *bytes = head;

    for (size_t i = 0; i < sizeof magics / sizeof magics[0]; i++) {
        if (len >= magics[i].offset + magics[i].len && len >= magics[i].offset2 + magics[i].len2 &&
            memcmp(bytes + magics[i].offset, magics[i].bytes, magics[i].len) == 0 &&
            memcmp(bytes + magics[i].offset2, magics[i].bytes2, magics[i].len2) == 0)
            return &magics[i].type;
    }
    // An MPEG audio frame without a tag: 11 bits set, a valid layer and rate. AAC's has 12 bits,
    // and the layer 0. (ISO 13818-7 6.2.1)
    if (len >= 3 && bytes[0] == 0xff && (bytes[1] & 0xe0) == 0xe0 && (bytes[1] & 0x06) != 0 &&
        (bytes[2] & 0xf0) != 0xf0)
        return &mpeg;
    return len >= 3 && bytes[0] == 0xff && (bytes[1] & 0xf6) == 0xf0 ? &aac : NULL;
}

bool media_is_json(const void *head, size_t len)
{
    const char *end = (const char *)head + len, *brace = json_skip_space(head, end), *next;

    if (brace == end || *brace != '{')
        return false;
    next = json_skip_space(brace + 1, end);
    if (next < end && *next != '"' && *next != '}')
        return false;
    for (; next < end; next++)
        if ((unsigned char)*next < ' ' && !json_is_space(*next))
            return false;
    return true;
}
