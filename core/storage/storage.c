// Storage of either kind.
#include "core/storage/storage.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/storage/storage_private.h"

enum { TROUBLE_MS = 5 * 60 * 1000 }; // after which nobody knows whether it is over

struct storage *storage_new(struct loop *loop, struct http_client *http,
                            const struct config *config)
{
    return *config->storage.url == '\0' ? storage_local_new(loop, config)
                                        : storage_s3_new(loop, http, config);
}

void storage_free(struct storage **storage)
{
    if (*storage != NULL)
        (*storage)->kind->free(*storage);
    *storage = NULL;
}

void storage_sweep(struct storage *storage)
{
    storage->kind->sweep(storage);
}

bool storage_is_tidying(const struct storage *storage)
{
    return storage->kind->is_tidying != NULL && storage->kind->is_tidying(storage);
}

const char *storage_trouble(const struct storage *storage)
{
    bool is_old = clock_mono_ms() - storage->trouble_ms > TROUBLE_MS;

    return *storage->trouble == '\0' || is_old ? NULL : storage->trouble;
}

// That a lease was over isn't the storage's fault.
static void note_trouble(struct storage *storage, const struct err *err)
{
    if (err != NULL && err->code == ERR_CONFLICT)
        return;
    snprintf(storage->trouble, sizeof storage->trouble, "%s", err == NULL ? "" : err->message);
    storage->trouble_ms = clock_mono_ms();
}

static void file_on_ready(void *ctx, const struct err *err)
{
    struct storage_file *file = ctx;

    if (err != NULL)
        note_trouble(file->storage, err);
    file->their_ready(file->their_ctx, err);
}

static void file_on_done(void *ctx, const struct err *err)
{
    struct storage_file *file = ctx;

    note_trouble(file->storage, err);
    file->their_done(file->their_done_ctx, err);
}

struct storage_file *storage_create(struct storage *storage, const char *key,
                                    const char *content_type, int64_t expected,
                                    storage_ready_fn ready, void *ctx)
{
    struct storage_file *file = storage->kind->create(storage, key, content_type, expected);

    file->storage = storage;
    file->sha256 = digest_new();
    file->ready = file_on_ready;
    file->done = file_on_done;
    file->their_ready = ready;
    file->their_ctx = ctx;
    return file;
}

bool storage_write(struct storage_file *file, const void *data, size_t len)
{
    if (!file->storage->kind->write(file, data, len))
        return false;
    file->size += (int64_t)len;
    return true;
}

int64_t storage_size(const struct storage_file *file)
{
    return file == NULL ? 0 : file->size;
}

void storage_sha256(const struct storage_file *file, char hex[SHA256_HEX_BYTES])
{
    digest_hex(file->sha256, hex);
}

bool storage_recover(struct storage_file *file)
{
    return file->storage->kind->recover(file);
}

void storage_commit(struct storage_file *file, int64_t deadline_ms, storage_done_fn done, void *ctx)
{
    file->deadline_ms = deadline_ms;
    file->their_done = done;
    file->their_done_ctx = ctx;
    file->storage->kind->commit(file);
}

void storage_drop(struct storage_file **file)
{
    if (*file == NULL)
        return;
    (*file)->storage->kind->drop(*file);
    *file = NULL;
}

// Small files.

enum { PIECE_BYTES = 65536 };

static void finish_put(struct storage_op *op, const struct err *err)
{
    storage_done_fn done = op->put_done;
    void *ctx = op->ctx;
    struct err copy; // `err` may be in the file's memory

    if (err != NULL)
        copy = *err;
    storage_op_cancel(&op);
    done(ctx, err == NULL ? NULL : &copy);
}

static void on_put(void *ctx, const struct err *err)
{
    finish_put(ctx, err);
}

static void put_go_on(struct storage_op *op)
{
    while (op->written < op->data.len) {
        size_t left = op->data.len - op->written;
        size_t piece = left < PIECE_BYTES ? left : PIECE_BYTES;

        if (!storage_write(op->file, op->data.data + op->written, piece))
            return; // on_room
        op->written += piece;
    }
    storage_commit(op->file, INT64_MAX, on_put, op);
}

static void put_on_room(void *ctx, const struct err *err)
{
    if (err != NULL)
        finish_put(ctx, err);
    else
        put_go_on(ctx);
}

struct storage_op *storage_put(struct storage *storage, const char *key, const char *content_type,
                               struct buf *data, storage_done_fn done, void *ctx)
{
    struct storage_op *op = mem_new(struct storage_op);

    op->storage = storage;
    op->put_done = done;
    op->ctx = ctx;
    op->data = *data;
    *data = (struct buf){0};
    op->file = storage_create(storage, key, content_type, (int64_t)op->data.len, put_on_room, op);
    put_go_on(op);
    return op;
}

struct storage_op *storage_read(struct storage *storage, const char *key, size_t max,
                                storage_read_fn done, void *ctx)
{
    struct storage_op *op = storage->kind->read(storage, key, max);

    op->storage = storage;
    op->read_done = done;
    op->ctx = ctx;
    return op;
}

void storage_op_cancel(struct storage_op **op)
{
    if (*op == NULL)
        return;
    if ((*op)->read_done != NULL) {
        (*op)->storage->kind->cancel_read(*op);
    } else {
        storage_drop(&(*op)->file);
        buf_clear(&(*op)->data);
        free(*op);
    }
    *op = NULL;
}

void storage_delete(struct storage *storage, const char *key)
{
    storage->kind->delete (storage, key);
}
