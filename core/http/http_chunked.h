// The chunked transfer coding, decoded in place. Pure, and strict: a front that reads a framing
// differently from the proxy before it can be made to see requests that nobody sent.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// `struct http_chunked c = {0}` is ready for use.
struct http_chunked {
    int step;
    uint64_t left;        // bytes of the present chunk that are yet to come
    unsigned digits;      // digits of its size so far
    size_t ignored_bytes; // extensions so far
};

enum http_chunked_result {
    HTTP_CHUNKED_MORE,
    HTTP_CHUNKED_DONE,
    HTTP_CHUNKED_TOO_LARGE, // the body would have more than `room` bytes
    HTTP_CHUNKED_BAD,
};

// Reads data[0..*len), moves the body's bytes to the front. *used: how much was read, *len: how
// many bytes of the body there are. Trailers are refused.
enum http_chunked_result http_chunked_decode(struct http_chunked *chunked, char *data, size_t *len,
                                             size_t room, size_t *used);
