// Storage of either kind.
#include "core/io/storage.h"

#include <stdlib.h>

#include "core/base/config.h"
#include "core/io/storage_private.h"

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

struct storage_file *storage_create(struct storage *storage, const char *key,
                                    const char *content_type, int64_t expected,
                                    storage_ready_fn ready, void *ctx)
{
    struct storage_file *file = storage->kind->create(storage, key, content_type, expected);

    file->storage = storage;
    file->sha256 = digest_new();
    file->ready = ready;
    file->ctx = ctx;
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
    file->done = done;
    file->done_ctx = ctx;
    file->storage->kind->commit(file);
}

void storage_drop(struct storage_file **file)
{
    if (*file == NULL)
        return;
    digest_free((*file)->sha256);
    (*file)->sha256 = NULL;
    (*file)->storage->kind->drop(*file);
    *file = NULL;
}
