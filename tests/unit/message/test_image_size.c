// Sizes of images, as their first bytes have them.
#include "core/message/image_size.h"
#include "tests/support/check.h"

#include <stdlib.h>
#include <string.h>

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *name, *data;
    size_t len;
    unsigned width, height; // 0: it can't be read
} cases[] = {
    {"PNG", BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x06\0\x08\x06"), 1024, 1536},
    {"PNG without a header", BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIDAT\0\0\x04\0\0\0\x06\0"), 0, 0},
    {"PNG of no pixels", BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\x06\0"), 0, 0},
    {"GIF", BYTES("GIF89a\x20\x03\x58\x02"), 800, 600},
    {"WebP, lossy", BYTES("RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a\x20\x43\x58\x82"), 800,
     600},
    {"WebP, lossless", BYTES("RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f\x1f\xc3\x95\x10\0\0\0\0\0"), 800,
     600},
    {"WebP, extended", BYTES("RIFF\0\0\0\0WEBPVP8X\0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0"), 800, 600},
    {"WebP, of another kind", BYTES("RIFF\0\0\0\0WEBPVP9 \0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0"), 0,
     0},
    {"WAV", BYTES("RIFF\0\0\0\0WAVEfmt \0\0\0\0\0\0\0\0\x1f\x03\0\x57\x02\0"), 0, 0},
    {"JPEG", BYTES("\xff\xd8\xff\xe0\0\x04JF\xff\xff\xc0\0\x11\x08\x02\x58\x03\x20\x03"), 800, 600},
    {"JPEG, progressive", BYTES("\xff\xd8\xff\xc4\0\x03h\xff\xc2\0\x11\x08\x02\x58\x03\x20\x03"),
     800, 600},
    {"JPEG, all tables", BYTES("\xff\xd8\xff\xc4\0\x03h\xff\xda\0\x11\x08\x02\x58\x03\x20\x03"), 0,
     0},
    {"JPEG with a segment of nothing", BYTES("\xff\xd8\xff\xe0\0\0\xff\xe0\0\0\0\0\0\0\0\0\0"), 0,
     0},
    {"text", BYTES("just a text, which is long enough"), 0, 0},
};

static void test_sizes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct image_size size;
        bool ok = image_size_of(cases[i].data, cases[i].len, &size);

        if (ok != (cases[i].width > 0) ||
            (ok && (size.width != cases[i].width || size.height != cases[i].height)))
            fail_msg("%s: %ux%u", cases[i].name, size.width, size.height);
    }
}

// However much of it there is, nothing behind it is looked at.
static void test_every_prefix(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        for (size_t len = 0; len <= cases[i].len; len++) {
            char *copy = malloc(len == 0 ? 1 : len);
            struct image_size size;

            memcpy(copy, cases[i].data, len);
            if (image_size_of(copy, len, &size))
                assert_true(size.width == cases[i].width && size.height == cases[i].height);
            free(copy);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_every_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
