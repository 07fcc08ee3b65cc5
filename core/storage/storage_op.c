// What is done with a file as a whole: put, read, streamed, copied.
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/storage/storage_private.h"

enum { PIECE_BYTES = 65536 };

void storage_op_cancel(struct storage_op **op)
{
    if (*op != NULL)
        (*op)->cancel(*op);
    *op = NULL;
}

void storage_op_resume(struct storage_op *op)
{
    op->storage->kind->resume(op);
}

static struct storage_op *stream(struct storage *storage, const char *key, int64_t from,
                                 int64_t count, storage_piece_fn piece, storage_done_fn done,
                                 void *ctx)
{
    struct storage_op *op = storage->kind->stream(storage, key, from, count);

    op->storage = storage;
    op->piece = piece;
    op->done = done;
    op->ctx = ctx;
    return op;
}

struct storage_op *storage_stream(struct storage *storage, const char *key, storage_piece_fn piece,
                                  storage_done_fn done, void *ctx)
{
    return stream(storage, key, 0, -1, piece, done, ctx);
}

struct storage_op *storage_stream_from(struct storage *storage, const char *key, int64_t from,
                                       storage_piece_fn piece, storage_done_fn done, void *ctx)
{
    return stream(storage, key, from, -1, piece, done, ctx);
}

// The operation is over: frees it, then tells whoever asked.
static void finish(struct storage_op *op, const struct err *err)
{
    storage_done_fn done = op->done;
    void *ctx = op->ctx;
    struct err copy; // `err` may be in the operation's memory

    if (err != NULL)
        copy = *err;
    op->cancel(op);
    done(ctx, err == NULL ? NULL : &copy);
}

// A file from memory.

struct put {
    struct storage_op op;
    struct storage_file *file;
    struct buf data;
    size_t written;
};

static void put_cancel(struct storage_op *op)
{
    struct put *put = (struct put *)op;

    storage_drop(&put->file);
    buf_clear(&put->data);
    free(put);
}

static void put_on_done(void *ctx, const struct err *err)
{
    finish(ctx, err);
}

static void put_go_on(struct put *put)
{
    while (put->written < put->data.len) {
        size_t left = put->data.len - put->written;
        size_t piece = left < PIECE_BYTES ? left : PIECE_BYTES;

        if (!storage_write(put->file, put->data.data + put->written, piece))
            return; // put_on_room
        put->written += piece;
    }
    storage_commit(put->file, INT64_MAX, put_on_done, put);
}

static void put_on_room(void *ctx, const struct err *err)
{
    if (err != NULL)
        finish(ctx, err);
    else
        put_go_on(ctx);
}

struct storage_op *storage_put(struct storage *storage, const char *key, const char *content_type,
                               struct buf *data, storage_done_fn done, void *ctx)
{
    struct put *put = mem_new(struct put);

    put->op =
        (struct storage_op){.storage = storage, .cancel = put_cancel, .done = done, .ctx = ctx};
    put->data = *data;
    *data = (struct buf){0};
    put->file =
        storage_create(storage, key, content_type, (int64_t)put->data.len, put_on_room, put);
    put_go_on(put);
    return &put->op;
}

// A file to memory.

struct gather {
    struct storage_op op;
    struct storage_op *stream;
    storage_read_fn read_done;
    struct buf data;
    size_t max;
};

static void gather_cancel(struct storage_op *op)
{
    struct gather *gather = (struct gather *)op;

    storage_op_cancel(&gather->stream);
    buf_clear(&gather->data);
    free(gather);
}

static bool gather_on_piece(void *ctx, const void *data, size_t len)
{
    struct gather *gather = ctx;

    if (gather->data.len <= gather->max)
        buf_add(&gather->data, data, len);
    return true;
}

static void gather_on_done(void *ctx, const struct err *err)
{
    struct gather *gather = ctx;
    storage_read_fn done = gather->read_done;
    void *done_ctx = gather->op.ctx;
    struct buf data = gather->data;
    struct err too_large;

    gather->stream = NULL;
    gather->data = (struct buf){0};
    if (err == NULL && data.len > gather->max) {
        err_set(&too_large, ERR_TOO_LARGE, "storage: the file is too large");
        err = &too_large;
    }
    gather_cancel(&gather->op);
    done(done_ctx, err == NULL ? &data : NULL, err);
    buf_clear(&data);
}

struct storage_op *storage_read(struct storage *storage, const char *key, size_t max,
                                storage_read_fn done, void *ctx)
{
    struct gather *gather = mem_new(struct gather);

    gather->op = (struct storage_op){.storage = storage, .cancel = gather_cancel, .ctx = ctx};
    gather->read_done = done;
    gather->max = max;
    gather->stream = storage_stream(storage, key, gather_on_piece, gather_on_done, gather);
    return &gather->op;
}

// What a file is.

struct look {
    struct storage_op op;
    struct storage_op *stream;
    storage_look_fn look_done;
    struct buf head;
    size_t max;
};

static void look_cancel(struct storage_op *op)
{
    struct look *look = (struct look *)op;

    storage_op_cancel(&look->stream);
    buf_clear(&look->head);
    free(look);
}

static void look_finish(struct look *look, const struct err *err)
{
    storage_look_fn done = look->look_done;
    void *done_ctx = look->op.ctx;
    int64_t bytes = look->op.size;
    struct buf head = look->head;
    struct err unknown;

    look->head = (struct buf){0};
    look_cancel(&look->op);
    if (err == NULL && bytes < 0) {
        err_set(&unknown, ERR_UPSTREAM, "storage: it doesn't say how large the file is");
        err = &unknown;
    }
    done(done_ctx, err == NULL ? &head : NULL, bytes, err);
    buf_clear(&head);
}

static bool look_on_piece(void *ctx, const void *data, size_t len)
{
    struct look *look = ctx;
    size_t left = look->max - look->head.len;

    look->op.size = look->stream->size;
    buf_add(&look->head, data, len < left ? len : left);
    if (look->head.len == look->max)
        look_finish(look, NULL);
    return true;
}

static void look_on_done(void *ctx, const struct err *err)
{
    struct look *look = ctx;

    look->stream = NULL;
    if (look->head.len == 0)
        look->op.size = 0;
    look_finish(look, err);
}

struct storage_op *storage_look(struct storage *storage, const char *key, size_t max,
                                storage_look_fn done, void *ctx)
{
    struct look *look = mem_new(struct look);

    look->op = (struct storage_op){.storage = storage, .cancel = look_cancel, .ctx = ctx};
    look->look_done = done;
    look->max = max;
    look->stream = stream(storage, key, 0, (int64_t)max, look_on_piece, look_on_done, look);
    return &look->op;
}

// A file of the local storage's. Where it can't appear here by itself, its bytes are copied.

struct copy {
    struct storage_op op;
    struct storage_op *link;   // first; where that fails,
    struct storage_op *stream; // the bytes come from here,
    struct storage_file *file; // and go there
    struct storage *from;
    char *key, *from_key, *content_type;
    int64_t bytes, deadline_ms;
};

static void copy_cancel(struct storage_op *op)
{
    struct copy *copy = (struct copy *)op;

    storage_op_cancel(&copy->link);
    storage_op_cancel(&copy->stream);
    storage_drop(&copy->file);
    free(copy->key);
    free(copy->from_key);
    free(copy->content_type);
    free(copy);
}

static void copy_on_committed(void *ctx, const struct err *err)
{
    finish(ctx, err);
}

static bool copy_on_piece(void *ctx, const void *data, size_t len)
{
    struct copy *copy = ctx;

    return storage_write(copy->file, data, len);
}

static void copy_on_read(void *ctx, const struct err *err)
{
    struct copy *copy = ctx;

    copy->stream = NULL;
    if (err != NULL)
        finish(&copy->op, err);
    else
        storage_commit(copy->file, copy->deadline_ms, copy_on_committed, copy);
}

static void copy_on_room(void *ctx, const struct err *err)
{
    struct copy *copy = ctx;

    if (err != NULL)
        finish(&copy->op, err);
    else if (copy->stream != NULL)
        storage_op_resume(copy->stream);
}

static void copy_bytes(struct copy *copy)
{
    copy->file = storage_create(copy->op.storage, copy->key, copy->content_type, copy->bytes,
                                copy_on_room, copy);
    copy->stream = storage_stream(copy->from, copy->from_key, copy_on_piece, copy_on_read, copy);
}

static void copy_on_linked(void *ctx, const struct err *err)
{
    struct copy *copy = ctx;

    copy->link = NULL;
    if (err != NULL && err->code == ERR_CONFIG)
        copy_bytes(copy);
    else
        finish(&copy->op, err);
}

struct storage_op *storage_copy(struct storage *storage, const char *key, const char *content_type,
                                struct storage *from, const char *from_key, int64_t bytes,
                                int64_t deadline_ms, storage_done_fn done, void *ctx)
{
    struct copy *copy = mem_new(struct copy);

    copy->op =
        (struct storage_op){.storage = storage, .cancel = copy_cancel, .done = done, .ctx = ctx};
    copy->from = from;
    copy->key = mem_str(key);
    copy->from_key = mem_str(from_key);
    copy->content_type = mem_str(content_type);
    copy->bytes = bytes;
    copy->deadline_ms = deadline_ms;
    if (storage->kind->link == NULL) {
        copy_bytes(copy);
        return &copy->op;
    }
    copy->link = storage->kind->link(storage, key, from_key, deadline_ms);
    copy->link->storage = storage;
    copy->link->done = copy_on_linked;
    copy->link->ctx = copy;
    return &copy->op;
}
