// Files in base64 within a JSON document that passes by in pieces: takes them out, so that neither
// the document nor a file is ever held whole.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;

// `= {0}` and `keys` is ready for use; holds no memory.
struct json_inline {
    const char *const *keys; // of the strings to take out; ends with NULL; borrowed
    long wanted;             // which of them is decoded, from 0; -1: none
    // The rest is the scanner's own.
    long count; // the files that have begun so far
    enum { INLINE_OUTSIDE, INLINE_STRING, INLINE_FILE } state;
    bool is_escaped, is_key, is_wanted;
    char name[32]; // the last string, as far as it may be one of the keys
    size_t name_len;
    unsigned unicode_left, unicode; // of \uXXXX
    unsigned bits, bit_count;       // of base64
    bool is_bad;
};

// The next piece. The document without the files is added to `rest`, each replaced by the word
// "inline"; the bytes of the wanted file are added to `file`. `rest` and `file` may be NULL. False:
// the wanted file isn't base64.
bool json_inline_feed(struct json_inline *scan, const char *data, size_t len, struct buf *rest,
                      struct buf *file);
