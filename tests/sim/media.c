// Small media files. Two files of one kind differ by a name, in the place that their format has for
// data that players skip.
#include "tests/sim/media.h"

#include <stdint.h>
#include <string.h>

#include "core/base/buf.h"
#include "tests/sim/sim.h"

// In media.S.
extern const char media_silent[], media_silent_end[], media_sound[], media_sound_end[],
    media_song[], media_song_end[], media_cover[], media_cover_end[];

enum { JPEG_START_BYTES = 2, BOX_HEAD_BYTES = 8, ID3_HEAD_BYTES = 10 };

static const struct {
    const char *extension;
    const char *content_type;
} kinds[] = {
    [MEDIA_PNG] = {".png", "image/png"},     [MEDIA_JPEG] = {".jpeg", "image/jpeg"},
    [MEDIA_MP3] = {".mp3", "audio/mpeg"},    [MEDIA_MP4] = {".mp4", "video/mp4"},
    [MEDIA_MP4_SOUND] = {NULL, "video/mp4"},
};

enum media_kind media_kind(const char *name)
{
    const char *extension = strrchr(name, '.');

    for (size_t i = MEDIA_NONE + 1; i < sizeof kinds / sizeof kinds[0] && extension != NULL; i++)
        if (kinds[i].extension != NULL && strcmp(extension, kinds[i].extension) == 0)
            return (enum media_kind)i;
    return MEDIA_NONE;
}

const char *media_content_type(enum media_kind kind)
{
    return kinds[kind].content_type;
}

static void add_be16(struct buf *buf, size_t number)
{
    buf_add(buf, (unsigned char[]){(unsigned char)(number >> 8), (unsigned char)number}, 2);
}

static void add_be32(struct buf *buf, size_t number)
{
    add_be16(buf, number >> 16);
    add_be16(buf, number);
}

static uint64_t seed_of(const char *name)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 0x100000001b3u;
    return hash;
}

// A comment behind the start of the image.
static void add_jpeg(struct buf *buf, const char *name)
{
    size_t len = strlen(name);

    buf_add(buf, media_cover, JPEG_START_BYTES);
    buf_str(buf, "\xff\xfe");
    add_be16(buf, len + 2);
    buf_add(buf, name, len);
    buf_add(buf, media_cover + JPEG_START_BYTES,
            (size_t)(media_cover_end - media_cover) - JPEG_START_BYTES);
}

// An ID3v2.4 tag with a title in front.
static void add_mp3(struct buf *buf, const char *name)
{
    size_t text_bytes = 1 + strlen(name), tag_bytes = ID3_HEAD_BYTES + text_bytes;

    buf_add(buf, "ID3\x04\0\0\0\0", 8);
    add_be16(buf, tag_bytes >> 7 << 8 | (tag_bytes & 127)); // seven bits in each
    buf_str(buf, "TIT2");
    add_be16(buf, 0);
    add_be16(buf, text_bytes >> 7 << 8 | (text_bytes & 127));
    add_be16(buf, 0);
    buf_char(buf, 3); // UTF-8
    buf_str(buf, name);
    buf_add(buf, media_song, (size_t)(media_song_end - media_song));
}

// Adds a box that means nothing behind the others.
static void add_mp4(struct buf *buf, const char *data, const char *end, const char *name)
{
    buf_add(buf, data, (size_t)(end - data));
    add_be32(buf, BOX_HEAD_BYTES + strlen(name));
    buf_str(buf, "free");
    buf_str(buf, name);
}

void media_add(struct buf *buf, enum media_kind kind, const char *name)
{
    switch (kind) {
    case MEDIA_NONE:
        break;
    case MEDIA_PNG:
        png_add(buf, seed_of(name));
        break;
    case MEDIA_JPEG:
        add_jpeg(buf, name);
        break;
    case MEDIA_MP3:
        add_mp3(buf, name);
        break;
    case MEDIA_MP4:
        add_mp4(buf, media_silent, media_silent_end, name);
        break;
    case MEDIA_MP4_SOUND:
        add_mp4(buf, media_sound, media_sound_end, name);
        break;
    }
}

void media_announce_zeros(struct buf *mp4, size_t bytes)
{
    size_t filling = (3 - (mp4->len + BOX_HEAD_BYTES) % 3) % 3;

    add_be32(mp4, BOX_HEAD_BYTES + filling + bytes);
    buf_str(mp4, "free");
    buf_add(mp4, "\0\0", filling);
}
