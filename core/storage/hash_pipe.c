// A ring with one writer and two readers: the transfer that sends, and the thread that hashes.
#include "core/storage/hash_pipe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"

// Fewer bytes aren't worth waking a thread for, unless someone waits for them to be hashed.
enum { WORTH_BYTES = 64 * 1024 };

struct hash_pipe {
    uv_work_t work; // first: what libuv gives back
    struct loop *loop;
    hash_pipe_part_fn on_part;
    hash_pipe_room_fn on_room;
    void *ctx;

    // Positions count from the first byte that was ever written.
    char *ring;
    size_t capacity;
    int64_t written, read, hashed;
    int64_t ends[HASH_PIPE_PARTS]; // where the parts end that aren't hashed yet
    size_t parts;
    int64_t end; // where the last part ends

    bool is_refused; // a write was refused since the thread was last given something
    bool is_working, is_dropped;

    // These are the thread's while it works.
    size_t chunk;
    struct digest *sha256, *md5;
};

static size_t min_size(size_t a, size_t b)
{
    return a < b ? a : b;
}

static void pipe_free(struct hash_pipe *pipe)
{
    digest_free(pipe->sha256);
    digest_free(pipe->md5);
    free(pipe->ring);
    free(pipe);
}

// On a thread of the pool.
static void pipe_on_work(uv_work_t *work)
{
    struct hash_pipe *pipe = (struct hash_pipe *)work;
    const char *from = pipe->ring + (size_t)(pipe->hashed % (int64_t)pipe->capacity);

    digest_add(pipe->md5, from, pipe->chunk);
    digest_add(pipe->sha256, from, pipe->chunk);
}

static void pipe_on_worked(uv_work_t *work, int status);

// Hands the next bytes to a thread, if they are worth it.
static void hash(struct hash_pipe *pipe)
{
    size_t at = (size_t)(pipe->hashed % (int64_t)pipe->capacity), len;
    bool is_whole;

    if (pipe->is_working || pipe->parts == 0)
        return;
    is_whole = pipe->written >= pipe->ends[0];
    len = (size_t)((is_whole ? pipe->ends[0] : pipe->written) - pipe->hashed);
    if (len == 0 || (len < WORTH_BYTES && !is_whole && !pipe->is_refused))
        return;
    pipe->chunk = min_size(len, pipe->capacity - at);
    pipe->is_working = true;
    pipe->is_refused = false;
    uv_queue_work(loop_uv(pipe->loop), &pipe->work, pipe_on_work, pipe_on_worked);
}

// A callback may drop the pipe, so the callbacks come last.
static void pipe_on_worked(uv_work_t *work, int status)
{
    struct hash_pipe *pipe = (struct hash_pipe *)work;
    unsigned char md5[SHA256_BYTES];
    struct digest *sha256;

    (void)status; // it is never cancelled
    pipe->is_working = false;
    if (pipe->is_dropped) {
        pipe_free(pipe);
        return;
    }
    pipe->hashed += (int64_t)pipe->chunk;
    if (pipe->hashed < pipe->ends[0]) {
        hash(pipe);
        pipe->on_room(pipe->ctx);
        return;
    }
    digest_bytes(pipe->md5, md5);
    digest_free(pipe->md5);
    pipe->md5 = digest_new_md5();
    sha256 = digest_copy(pipe->sha256);
    pipe->parts--;
    memmove(pipe->ends, pipe->ends + 1, pipe->parts * sizeof *pipe->ends);
    hash(pipe);
    pipe->on_part(pipe->ctx, md5, sha256);
}

struct hash_pipe *hash_pipe_new(struct loop *loop, size_t capacity, struct digest *sha256,
                                hash_pipe_part_fn on_part, hash_pipe_room_fn on_room, void *ctx)
{
    struct hash_pipe *pipe = mem_new(struct hash_pipe);

    pipe->loop = loop;
    pipe->ring = mem_resize(NULL, capacity);
    pipe->capacity = capacity;
    pipe->sha256 = sha256;
    pipe->md5 = digest_new_md5();
    pipe->on_part = on_part;
    pipe->on_room = on_room;
    pipe->ctx = ctx;
    return pipe;
}

void hash_pipe_drop(struct hash_pipe **pipe)
{
    if (*pipe == NULL)
        return;
    if ((*pipe)->is_working)
        (*pipe)->is_dropped = true;
    else
        pipe_free(*pipe);
    *pipe = NULL;
}

size_t hash_pipe_room(const struct hash_pipe *pipe)
{
    int64_t begin = pipe->read < pipe->hashed ? pipe->read : pipe->hashed;

    return pipe->capacity - (size_t)(pipe->written - begin);
}

size_t hash_pipe_unread(const struct hash_pipe *pipe)
{
    return (size_t)(pipe->written - pipe->read);
}

bool hash_pipe_write(struct hash_pipe *pipe, const void *data, size_t len)
{
    size_t at = (size_t)(pipe->written % (int64_t)pipe->capacity);
    size_t first = min_size(len, pipe->capacity - at);

    bool has_room = hash_pipe_room(pipe) >= len;

    pipe->is_refused = !has_room;
    if (has_room) {
        memcpy(pipe->ring + at, data, first);
        memcpy(pipe->ring, (const char *)data + first, len - first);
        pipe->written += (int64_t)len;
    }
    hash(pipe);
    return has_room;
}

size_t hash_pipe_read(struct hash_pipe *pipe, void *to, size_t max)
{
    size_t at = (size_t)(pipe->read % (int64_t)pipe->capacity);
    size_t len = min_size(max, hash_pipe_unread(pipe));
    size_t first = min_size(len, pipe->capacity - at);

    memcpy(to, pipe->ring + at, first);
    memcpy((char *)to + first, pipe->ring, len - first);
    pipe->read += (int64_t)len;
    return len;
}

void hash_pipe_part(struct hash_pipe *pipe, int64_t bytes)
{
    assert(pipe->parts < HASH_PIPE_PARTS);
    pipe->end += bytes;
    pipe->ends[pipe->parts++] = pipe->end;
    hash(pipe);
}
