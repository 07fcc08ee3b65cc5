// What the kinds of storage give to storage.c.
#pragma once

#include "core/base/buf.h"
#include "core/storage/storage.h"

struct storage_kind {
    void (*free)(struct storage *storage);
    void (*sweep)(struct storage *storage);
    bool (*is_tidying)(const struct storage *storage); // NULL: never
    struct storage_file *(*create)(struct storage *storage, const char *key,
                                   const char *content_type, int64_t expected);
    bool (*write)(struct storage_file *file, const void *data, size_t len);
    bool (*recover)(struct storage_file *file);
    void (*commit)(struct storage_file *file);
    void (*drop)(struct storage_file *file);
    // Of reads: gives each piece to op->piece, then calls op->done, which finds the op freed. The
    // caller wants the bytes from `from` on, and about `count` of them; -1: all.
    struct storage_op *(*stream)(struct storage *storage, const char *key, int64_t from,
                                 int64_t count);
    void (*resume)(struct storage_op *op);
    // Makes a file of a local storage's appear here without a copy; calls op->done, as above, with
    // ERR_CONFIG where that can't be done. NULL: it never can.
    struct storage_op *(*link)(struct storage *storage, const char *key, const char *from_key,
                               int64_t deadline_ms);
    void (*delete)(struct storage *storage, const char *key);
};

// The first member of each operation.
struct storage_op {
    struct storage *storage;
    void (*cancel)(struct storage_op *op); // frees it, now or when its thread is done
    storage_piece_fn piece;
    storage_done_fn done;
    void *ctx;
    int64_t size; // of a stream: that of the whole file, known with its first piece; -1: not known
};

// The first member of each kind's own struct.
struct storage {
    const struct storage_kind *kind;
    struct loop *loop;
    const struct config *config;
    bool is_patient;    // a full disk is waited for
    char trouble[200];  // of the last file; "": none
    int64_t trouble_ms; // of our monotonic clock
};

struct storage_file {
    struct storage *storage;
    int64_t size;          // how many bytes have been taken
    struct digest *sha256; // of these bytes: the kind adds them on their way, and frees the digest
    int64_t deadline_ms;
    // The kind calls these two with the file; either may drop it.
    storage_ready_fn ready;
    storage_done_fn done; // once storage_commit was called
    storage_ready_fn their_ready;
    storage_done_fn their_done;
    void *their_ctx, *their_done_ctx;
};

struct storage *storage_local_new(struct loop *loop, const struct config *config);
struct storage *storage_s3_new(struct loop *loop, struct http_client *http,
                               const struct config *config);
