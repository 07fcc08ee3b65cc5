// Files within JSON: however a document is cut into pieces, the rest and the file are the same; the
// rest of what was JSON is JSON, and has no file left in it.
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/json/json_inline.h"
#include "tests/fuzz/expect.h"

static const char *const keys[] = {"bytesBase64Encoded", "encodedVideo", "b", NULL};

struct run {
    struct buf rest, file;
    long count;
    bool is_fine;
};

// Pieces of 1 to `longest` bytes, by the bits of `cut`; 0: all at once.
static void feed(struct run *run, const char *text, size_t len, long wanted, size_t longest,
                 uint32_t cut)
{
    struct json_inline scan = {.keys = keys, .wanted = wanted};

    *run = (struct run){.is_fine = true};
    for (size_t at = 0, piece; at < len; at += piece) {
        char *copy;

        cut = cut * 1664525 + 1013904223;
        piece = longest == 0 ? len : 1 + (cut >> 16) % longest;
        if (piece > len - at)
            piece = len - at;
        copy = malloc(piece);
        memcpy(copy, text + at, piece);
        run->is_fine = json_inline_feed(&scan, copy, piece, &run->rest, &run->file);
        free(copy);
    }
    run->count = scan.count;
}

static bool same(const struct buf *one, const struct buf *other)
{
    return one->len == other->len &&
           (one->len == 0 || memcmp(one->data, other->data, one->len) == 0);
}

static void clear(struct run *run)
{
    buf_clear(&run->rest);
    buf_clear(&run->file);
}

// The strings under our keys, in an order that doesn't matter.
static long count_files(const json_t *value)
{
    const char *name;
    json_t *item;
    size_t i;
    long count = 0;

    json_object_foreach((json_t *)value, name, item)
    {
        bool is_ours = false;

        for (size_t key = 0; keys[key] != NULL; key++)
            is_ours |= strcmp(keys[key], name) == 0;
        if (is_ours && json_is_string(item)) {
            EXPECT(strcmp(json_string_value(item), "inline") == 0);
            count++;
        }
        count += count_files(item);
    }
    json_array_foreach(value, i, item) count += count_files(item);
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run whole, pieces, other;
    const char *text;
    size_t len;
    json_t *before;
    long wanted;

    if (size < 2)
        return 0;
    wanted = (long)(data[0] % 4) - 1;
    text = (const char *)data + 2;
    len = size - 2;
    feed(&whole, text, len, wanted, 0, 0);
    feed(&pieces, text, len, wanted, 1 + data[0] / 4, data[1]);
    EXPECT(whole.is_fine == pieces.is_fine && whole.count == pieces.count);
    EXPECT(same(&whole.rest, &pieces.rest) && same(&whole.file, &pieces.file));
    // Which file is wanted changes nothing about the rest.
    feed(&other, text, len, -1, 0, 0);
    EXPECT(other.is_fine && other.file.len == 0 && other.count == whole.count);
    EXPECT(same(&whole.rest, &other.rest));
    before = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    // An escaped key is one that nobody's encoder writes: it stays as it is.
    if (before != NULL && memchr(text, '\\', len) == NULL) {
        json_t *after = json_loadb(whole.rest.data, whole.rest.len, 0, NULL);

        EXPECT(after != NULL && count_files(after) == whole.count);
        json_decref(after);
    }
    json_decref(before);
    clear(&whole);
    clear(&pieces);
    clear(&other);
    return 0;
}
