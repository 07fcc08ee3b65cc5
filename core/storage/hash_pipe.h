// Bytes on their way from one transfer to the next, hashed meanwhile on one of libuv's threads:
// SHA-256 of all that goes through, MD5 of each part of it.
//
// The bytes are copied once, into a ring of fixed size. A byte's place in the ring is free again
// when the byte has been both read and hashed. All calls are made on the loop's thread, as are the
// callbacks.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct digest;
struct hash_pipe;
struct loop;

enum { MD5_BYTES = 16 };

// A part is hashed; parts come in their order. `sha256` is of all bytes up to the part's end, and
// is the callee's to free. There may be room in the pipe now, too.
typedef void (*hash_pipe_part_fn)(void *ctx, const unsigned char md5[MD5_BYTES],
                                  struct digest *sha256);
// Something was hashed: there may be room in the pipe now.
typedef void (*hash_pipe_room_fn)(void *ctx);

// Takes `sha256`, the digest of the bytes that came before these.
struct hash_pipe *hash_pipe_new(struct loop *loop, size_t capacity, struct digest *sha256,
                                hash_pipe_part_fn on_part, hash_pipe_room_fn on_room, void *ctx);
// May be called at any time, in a callback, too. No callback comes afterwards. What a thread is
// reading is freed when the thread is done.
void hash_pipe_drop(struct hash_pipe **pipe);

// Copies `data`; false, and nothing is taken, where there is no room for all of it.
bool hash_pipe_write(struct hash_pipe *pipe, const void *data, size_t len);
// Reads the next bytes, at most `max`; returns how many.
size_t hash_pipe_read(struct hash_pipe *pipe, void *to, size_t max);
size_t hash_pipe_room(const struct hash_pipe *pipe);
size_t hash_pipe_unread(const struct hash_pipe *pipe);

// Says that the next part begins where the one before ends, and has `bytes` bytes, at least one;
// they may be yet to come. Bytes that belong to no part wait. At most HASH_PIPE_PARTS parts may
// wait for their end to be hashed.
enum { HASH_PIPE_PARTS = 2 };
void hash_pipe_part(struct hash_pipe *pipe, int64_t bytes);
