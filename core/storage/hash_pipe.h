// Bytes on their way from one transfer to the next, hashed meanwhile on one of libuv's threads:
// SHA-256 of all that goes through, MD5 of each part of it.
//
// The bytes are copied once, into a ring of fixed size. A place in it is free again when what was
// there has been read and hashed. All calls are made on the loop's thread, as are the callbacks.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest;
struct hash_pipe;
struct loop;

enum { MD5_BYTES = 16 };

// A part is hashed; parts come in their order. `sha256` is of all bytes up to its end, the caller's
// from now on. There may be room, too.
typedef void (*hash_pipe_part_fn)(void *ctx, const unsigned char md5[MD5_BYTES],
                                  struct digest *sha256);
// Something was hashed: there may be room.
typedef void (*hash_pipe_room_fn)(void *ctx);

// Takes `sha256`, of the bytes that have come before.
struct hash_pipe *hash_pipe_new(struct loop *loop, size_t capacity, struct digest *sha256,
                                hash_pipe_part_fn on_part, hash_pipe_room_fn on_room, void *ctx);
// Any time, in a callback, too. None comes afterwards. What a thread is reading is freed when it is
// done.
void hash_pipe_drop(struct hash_pipe **pipe);

// Copies; false, and nothing is taken, where there is no room for all of it.
bool hash_pipe_write(struct hash_pipe *pipe, const void *data, size_t len);
// The next bytes, at most `max`; how many is returned.
size_t hash_pipe_read(struct hash_pipe *pipe, void *to, size_t max);
size_t hash_pipe_room(const struct hash_pipe *pipe);
size_t hash_pipe_unread(const struct hash_pipe *pipe);

// The next part begins where the one before ends, and has so many bytes, at least one; they may be
// yet to come. Bytes of no part wait. Of so many parts the end may be yet to be hashed.
enum { HASH_PIPE_PARTS = 2 };
void hash_pipe_part(struct hash_pipe *pipe, int64_t bytes);
