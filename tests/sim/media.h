// Small media files that players accept, of about a second.
#pragma once

#include <stddef.h>

struct buf;

enum { MEDIA_BIG_BYTES = 24 * 1024 * 1024 }; // the size of a large file; a multiple of 65536

enum media_kind { MEDIA_NONE, MEDIA_PNG, MEDIA_JPEG, MEDIA_MP3, MEDIA_MP4, MEDIA_MP4_SOUND };

// The kind by a file name's extension; MEDIA_NONE where there is no such kind.
enum media_kind media_kind(const char *name);
const char *media_content_type(enum media_kind kind);
// Adds a whole file, different for each `name`, which is in its metadata.
void media_add(struct buf *buf, enum media_kind kind, const char *name);
// Makes the MP4 in the buffer longer by at least `bytes`, which are all 0 and left to the caller to
// add behind it. The buffer's length is then a multiple of 3, for base64 in pieces.
void media_announce_zeros(struct buf *mp4, size_t bytes);
