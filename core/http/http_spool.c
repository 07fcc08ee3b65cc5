// Bodies in files without a name.
#include "core/http/http_spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/base/private.h"

struct http_spool {
    uv_work_t work; // first: what libuv gives back
    uv_loop_t *uv;
    char *dir;
    http_spool_fn done;
    void *ctx;
    int fd; // -1 until the first piece is written
    size_t size;
    size_t read, wanted; // up to where it was read, and is to be read
    struct buf piece;    // to be written, or read
    bool is_reading, is_working, is_dropped;
    bool ok;
};

static void spool_free(struct http_spool *spool)
{
    if (spool->fd >= 0)
        close(spool->fd);
    buf_clear(&spool->piece);
    free(spool->dir);
    free(spool);
}

// On a thread of the pool.

static bool open_file(struct http_spool *spool)
{
    struct buf name = {0};
    struct err err;

    if (!private_make(spool->dir, &err))
        return false;
    buf_fmt(&name, "%s/", spool->dir);
    spool->fd = open(name.data, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (spool->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) { // as some file systems say
        buf_str(&name, "body-XXXXXX");
        spool->fd = mkostemp(name.data, O_CLOEXEC);
        if (spool->fd >= 0)
            unlink(name.data);
    }
    buf_clear(&name);
    return spool->fd >= 0;
}

static bool write_piece(struct http_spool *spool)
{
    const char *from = spool->piece.data, *end = from + spool->piece.len;

    while (from < end) {
        ssize_t wrote = pwrite(spool->fd, from, (size_t)(end - from), (off_t)spool->size);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        from += wrote;
        spool->size += (size_t)wrote;
    }
    return true;
}

static bool read_on(struct http_spool *spool)
{
    struct buf *data = &spool->piece;

    buf_reserve(data, spool->wanted - spool->read);
    while (spool->read < spool->wanted) {
        ssize_t got = pread(spool->fd, data->data + data->len, spool->wanted - spool->read,
                            (off_t)spool->read);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        data->len += (size_t)got;
        spool->read += (size_t)got;
    }
    data->data[data->len] = '\0';
    return true;
}

static void spool_on_work(uv_work_t *work)
{
    struct http_spool *spool = (struct http_spool *)work;

    if (spool->is_reading)
        spool->ok = read_on(spool);
    else
        spool->ok = (spool->fd >= 0 || open_file(spool)) && write_piece(spool);
}

// Back on the loop.

static void spool_on_worked(uv_work_t *work, int status)
{
    struct http_spool *spool = (struct http_spool *)work;
    struct buf piece = spool->piece;

    (void)status;
    spool->is_working = false;
    if (spool->is_dropped) {
        spool_free(spool);
        return;
    }
    spool->piece = (struct buf){0};
    spool->done(spool->ctx, spool->ok, spool->is_reading ? &piece : NULL); // it may be gone now
    buf_clear(&piece);
}

static void work(struct http_spool *spool)
{
    spool->is_working = true;
    uv_queue_work(spool->uv, &spool->work, spool_on_work, spool_on_worked);
}

struct http_spool *http_spool_new(uv_loop_t *uv, const char *dir, http_spool_fn done, void *ctx)
{
    struct http_spool *spool = mem_new(struct http_spool);

    spool->uv = uv;
    spool->dir = mem_str(dir);
    spool->done = done;
    spool->ctx = ctx;
    spool->fd = -1;
    return spool;
}

void http_spool_write(struct http_spool *spool, struct buf *piece)
{
    spool->piece = *piece;
    *piece = (struct buf){0};
    work(spool);
}

void http_spool_read(struct http_spool *spool)
{
    http_spool_read_piece(spool, spool->size);
}

void http_spool_read_piece(struct http_spool *spool, size_t most)
{
    size_t left = spool->size - spool->read;

    spool->is_reading = true;
    spool->wanted = spool->read + (left < most ? left : most);
    work(spool);
}

void http_spool_drop(struct http_spool **spool)
{
    if (*spool == NULL)
        return;
    if ((*spool)->is_working)
        (*spool)->is_dropped = true;
    else
        spool_free(*spool);
    *spool = NULL;
}
