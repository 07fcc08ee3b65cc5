// PNG files without a compressor: deflate allows stored blocks.
#include "core/base/buf.h"
#include "tests/sim/sim.h"

enum { SIDE = 64, ROW_BYTES = 1 + SIDE * 3, IMAGE_BYTES = SIDE * ROW_BYTES };

static void add_be32(struct buf *buf, uint32_t number)
{
    buf_add(buf,
            (unsigned char[]){(unsigned char)(number >> 24), (unsigned char)(number >> 16),
                              (unsigned char)(number >> 8), (unsigned char)number},
            4);
}

static uint32_t crc(const char *data, size_t len)
{
    static uint32_t table[256];
    uint32_t sum = 0xffffffff;

    if (table[1] == 0) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t entry = i;

            for (int bit = 0; bit < 8; bit++)
                entry = (entry & 1) != 0 ? 0xedb88320 ^ (entry >> 1) : entry >> 1;
            table[i] = entry;
        }
    }
    for (size_t i = 0; i < len; i++)
        sum = table[(sum ^ (unsigned char)data[i]) & 255] ^ (sum >> 8);
    return ~sum;
}

static uint32_t adler(const unsigned char *data, size_t len)
{
    uint32_t a = 1, b = 0;

    for (size_t i = 0; i < len; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static void add_chunk(struct buf *buf, const char *type, const void *data, size_t len)
{
    size_t from;

    add_be32(buf, (uint32_t)len);
    from = buf->len;
    buf_add(buf, type, 4);
    buf_add(buf, data, len);
    add_be32(buf, crc(buf->data + from, buf->len - from));
}

static void paint(unsigned char *image, uint64_t seed)
{
    seed = (seed + 1) * 0x9e3779b97f4a7c15u;
    for (unsigned y = 0; y < SIDE; y++) {
        *image++ = 0; // no filter
        for (unsigned x = 0; x < SIDE; x++) {
            *image++ = (unsigned char)(seed + x * 4);
            *image++ = (unsigned char)((seed >> 16) + y * 4);
            *image++ = (unsigned char)((seed >> 32) + (seed >> 48) * (x ^ y));
        }
    }
}

void png_add(struct buf *buf, uint64_t seed)
{
    static const unsigned char header[] = {0, 0, 0, SIDE, 0, 0, 0, SIDE, 8, 2, 0, 0, 0};
    static const unsigned char stored[] = {
        0x78,
        0x01,
        1,
        IMAGE_BYTES & 255,
        IMAGE_BYTES >> 8,
        ~IMAGE_BYTES & 255,
        (~IMAGE_BYTES >> 8) & 255,
    };
    unsigned char image[IMAGE_BYTES];
    struct buf data = {0};

    paint(image, seed);
    buf_add(&data, stored, sizeof stored);
    buf_add(&data, image, sizeof image);
    add_be32(&data, adler(image, sizeof image));

    buf_add(buf, "\x89PNG\r\n\x1a\n", 8);
    add_chunk(buf, "IHDR", header, sizeof header);
    add_chunk(buf, "IDAT", data.data, data.len);
    add_chunk(buf, "IEND", NULL, 0);
    buf_clear(&data);
}
