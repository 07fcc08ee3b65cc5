// The Huffman code of RFC 7541. It is canonical: the codes follow from their lengths.
#include "core/store/packed.h"

#include <endian.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "core/base/buf.h"

enum { PACKED = 1, CHARS = 256, SHORTEST = 5, AT_A_GLANCE = 10 };

// Of each character, as appendix B lists them.
static const uint8_t lengths[CHARS] = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26};

// Made from the lengths, once in a process.
static struct {
    uint32_t codes[CHARS];
    uint32_t first[32];    // the first code of each length
    uint16_t first_at[32]; // where that is in `sorted`
    uint16_t counts[32];   // how many codes have the length
    uint8_t sorted[CHARS]; // characters in the order of their codes
    struct {
        uint8_t length, character;
    } glance[1 << AT_A_GLANCE]; // what such bits begin with; length 0: a longer code
} tables;

static void fill_glance(uint8_t length, uint32_t code, uint8_t character)
{
    uint32_t first = code << (AT_A_GLANCE - length);

    for (uint32_t i = 0; i < 1u << (AT_A_GLANCE - length); i++) {
        tables.glance[first + i].length = length;
        tables.glance[first + i].character = character;
    }
}

static void make_tables(void)
{
    uint32_t code = 0;
    uint16_t at = 0;

    for (uint8_t length = SHORTEST; length < 32; length++) {
        code <<= 1;
        tables.first[length] = code;
        tables.first_at[length] = at;
        for (int c = 0; c < CHARS; c++) {
            if (lengths[c] != length)
                continue;
            if (length <= AT_A_GLANCE)
                fill_glance(length, code, (uint8_t)c);
            tables.codes[c] = code++;
            tables.sorted[at++] = (uint8_t)c;
            tables.counts[length]++;
        }
    }
}

static void need_tables(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_tables);
}

// As many bytes as the text has are enough: a longer code isn't written.
bool packed_write(const char *text, size_t len, struct buf *out)
{
    const uint8_t *from = (const uint8_t *)text, *from_end = from + len;
    uint8_t *to, *end;
    uint64_t word = 0;
    unsigned bits = 0;

    need_tables();
    buf_reserve(out, len + sizeof(uint32_t));
    to = (uint8_t *)out->data + out->len;
    end = to + len;
    *to++ = PACKED;
    for (; from < from_end && to < end; from++) {
        word = word << lengths[*from] | tables.codes[*from];
        bits += lengths[*from];
        if (bits >= 32) {
            uint32_t four = htobe32((uint32_t)(word >> (bits - 32)));

            memcpy(to, &four, sizeof four);
            to += sizeof four;
            bits -= 32;
        }
    }
    if (from < from_end || to + (bits + 7) / 8 >= end) {
        out->data[out->len] = '\0';
        return false;
    }
    for (; bits >= 8; bits -= 8)
        *to++ = (uint8_t)(word >> (bits - 8));
    if (bits > 0) // filled up with ones: no code is made of so few
        *to++ = (uint8_t)(word << (8 - bits) | 0xff >> bits);
    *to = '\0';
    out->len = (size_t)(to - (uint8_t *)out->data);
    return true;
}

bool packed_is(const char *data, size_t len)
{
    return len > 0 && *data == PACKED;
}

// The character that `word`, of 32 bits, begins with, and how many it takes; 0: it is no code.
static uint8_t read_code(uint32_t word, uint8_t *character)
{
    uint8_t length = tables.glance[word >> (32 - AT_A_GLANCE)].length;

    if (length > 0) {
        *character = tables.glance[word >> (32 - AT_A_GLANCE)].character;
        return length;
    }
    for (length = AT_A_GLANCE + 1; length < 32; length++) {
        uint32_t nth = (word >> (32 - length)) - tables.first[length];

        if (nth < tables.counts[length]) {
            *character = tables.sorted[tables.first_at[length] + nth];
            return length;
        }
    }
    return 0;
}

char *packed_read(const char *data, size_t len)
{
    const uint8_t *at = (const uint8_t *)data + 1, *end = (const uint8_t *)data + len;
    struct buf text = {0};
    uint64_t word = 0; // what is to be read next, from its top on
    unsigned bits = 0;

    if (!packed_is(data, len))
        return NULL;
    need_tables();
    buf_reserve(&text, (len - 1) * 8 / SHORTEST + 1);
    for (;;) {
        uint8_t character, length;

        for (; bits <= 56 && at < end; bits += 8)
            word |= (uint64_t)*at++ << (56 - bits);
        if (bits < 8 && (bits == 0 || word >> (64 - bits) == 0xffu >> (8 - bits)))
            break; // what it was filled up with
        length = read_code((uint32_t)(word >> 32), &character);
        if (length == 0 || length > bits) {
            buf_clear(&text);
            return NULL;
        }
        text.data[text.len++] = (char)character;
        word <<= length;
        bits -= length;
    }
    text.data[text.len] = '\0';
    return buf_take(&text);
}
