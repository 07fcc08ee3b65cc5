// Files in base64 within a JSON document that passes by in pieces: takes them out, so that neither
// the document nor a file is ever held whole. A file may stand in a data URL.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;

enum { JSON_INLINE_NONE = -1, JSON_INLINE_EACH = -2 };

// `= {0}` and `keys` is ready for use; holds no memory.
struct json_inline {
    const char *const *keys; // of the strings to take out; ends with NULL; borrowed
    bool takes_data_urls;    // the base64 of data URLs within other strings is a file, too
    long wanted;             // which of them is decoded, from 0; or one of the above
    // The rest is the scanner's own, but for these two.
    long count;     // the files that have begun so far
    bool has_ended; // the last step took a file's last byte
    enum { INLINE_OUTSIDE, INLINE_STRING, INLINE_FILE } state;
    bool is_escaped, is_key, is_wanted;
    bool is_within;   // the file is a part of its string
    bool is_skipping; // the head of a data URL
    char name[32];    // the last string, as far as it may be one of the keys
    size_t name_len;
    size_t lead_len;                // how much of "data:" the file has begun with
    size_t mark_len;                // how much of ";base64," the string ends with
    unsigned unicode_left, unicode; // of \uXXXX
    unsigned bits, bit_count;       // of base64
    bool is_bad;
};

// The next piece, or a part of it that ends with a file. Returns how much was taken. The document
// without the files is added to `rest`, each replaced by the word "inline"; the bytes of a wanted
// file, number count - 1, are added to `file`. `rest` and `file` may be NULL.
size_t json_inline_step(struct json_inline *scan, const char *data, size_t len, struct buf *rest,
                        struct buf *file);
// The same for a whole piece. False: the wanted file isn't base64.
bool json_inline_feed(struct json_inline *scan, const char *data, size_t len, struct buf *rest,
                      struct buf *file);
