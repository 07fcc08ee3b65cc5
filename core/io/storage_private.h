// What the kinds of storage give to storage.c.
#pragma once

#include "core/io/storage.h"

struct storage_kind {
    void (*free)(struct storage *storage);
    void (*sweep)(struct storage *storage);
    struct storage_file *(*create)(struct storage *storage, const char *key,
                                   const char *content_type, int64_t expected);
    bool (*write)(struct storage_file *file, const void *data, size_t len);
    bool (*recover)(struct storage_file *file);
    void (*commit)(struct storage_file *file);
    void (*drop)(struct storage_file *file);
};

// The first member of each kind's own.
struct storage {
    const struct storage_kind *kind;
    struct loop *loop;
    const struct config *config;
};

struct storage_file {
    struct storage *storage;
    int64_t size;          // taken
    struct digest *sha256; // of that, as far as it is on its way: the kind adds to it
    storage_ready_fn ready;
    storage_done_fn done; // once storage_commit was called
    void *ctx, *done_ctx;
    int64_t deadline_ms;
};

struct storage *storage_local_new(struct loop *loop, const struct config *config);
struct storage *storage_s3_new(struct loop *loop, struct http_client *http,
                               const struct config *config);
