// Storage of either kind.
#include "core/storage/storage.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/storage/storage_private.h"

enum { TROUBLE_MS = 5 * 60 * 1000 }; // after which nobody knows whether it is over

struct storage *storage_new(struct loop *loop, struct http_client *http,
                            const struct config *config)
{
    return *config->storage.url == '\0' ? storage_local_new(loop, config)
                                        : storage_s3_new(loop, http, config);
}

struct storage *storage_new_local(struct loop *loop, const struct config *config)
{
    struct storage *storage = storage_local_new(loop, config);

    storage->is_patient = true;
    return storage;
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

void storage_delete(struct storage *storage, const char *key)
{
    storage->kind->delete (storage, key);
}
