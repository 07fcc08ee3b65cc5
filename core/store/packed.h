// Texts in less room: most of what Redis keeps for a task is its request, JSON with a prompt in it.
//
// The code is that of HTTP/2's headers (RFC 7541, appendix B), which is made for such texts:
// letters, digits and blanks take five to seven bits. English prompts get a quarter shorter, at the
// cost of one to two microseconds for each kilobyte. A packed text begins with a byte that no JSON
// begins with.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct buf;

// Appends the packed text. False, and nothing is appended, where that wouldn't be shorter.
bool packed_write(const char *text, size_t len, struct buf *out);
bool packed_is(const char *data, size_t len);
// The text, terminated, the caller's to free; NULL where `data` is no packed text.
char *packed_read(const char *data, size_t len);
