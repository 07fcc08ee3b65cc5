// Where artifacts are kept: a directory, or a bucket of an S3-compatible store. A file is written
// in pieces, then appears under its key, whole and safe, or not at all.
//
// No call blocks: what touches the disk happens on libuv's threads.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/digest.h"
#include "core/base/err.h"

struct buf;
struct config;
struct http_client;
struct loop;
struct storage;
struct storage_file;

// After a storage_write that was refused: there is room again. Or, with `err`: what was written is
// lost, except for what storage_recover keeps.
typedef void (*storage_ready_fn)(void *ctx, const struct err *err);
typedef void (*storage_done_fn)(void *ctx, const struct err *err);

// The storage that the configuration names. All parameters are borrowed and outlive the storage.
struct storage *storage_new(struct loop *loop, struct http_client *http,
                            const struct config *config);
// The same in data_dir alone, whatever the configuration names: for what can't wait for a network,
// and can't be had again: keys that begin with "answers/". Where the disk is full its files wait
// for room, for a minute.
struct storage *storage_new_local(struct loop *loop, const struct config *config);
void storage_free(struct storage **storage); // after its files are gone
// Deletes what processes that were killed have left behind, and, in a directory, the files that
// have outlived the retention; a bucket has lifecycle rules for that. To be called now and then.
void storage_sweep(struct storage *storage);
// Whether what was given up is being deleted right now: the process had better not end yet.
bool storage_is_tidying(const struct storage *storage);

// What the last file failed on; NULL: it is stored, or that was minutes ago. Borrowed until the
// loop's next turn.
const char *storage_trouble(const struct storage *storage);

// A file that will be called `key`. Its memory is a fixed buffer, whatever its size becomes.
// `expected` is its size, -1 where that isn't known.
struct storage_file *storage_create(struct storage *storage, const char *key,
                                    const char *content_type, int64_t expected,
                                    storage_ready_fn ready, void *ctx);
// Copies `data`, at most 64 KB at once. False: there is no room now, `ready` will be called.
bool storage_write(struct storage_file *file, const void *data, size_t len);
// How much has been taken so far.
int64_t storage_size(const struct storage_file *file);
// The SHA-256 of the file, once it is committed.
void storage_sha256(const struct storage_file *file, char hex[SHA256_HEX_BYTES]);
// After an error of `ready` or of a commit: true where writing may go on at storage_size, which may
// have become less; where all bytes are still there, the commit may be asked for again.
bool storage_recover(struct storage_file *file);
// Writes what is left, makes sure that it is stored, and lets the file appear, unless our monotonic
// clock has passed `deadline_ms` right before: then the lease may be someone else's.
void storage_commit(struct storage_file *file, int64_t deadline_ms, storage_done_fn done,
                    void *ctx);
// Deletes a file that isn't committed. No callback comes afterwards.
void storage_drop(struct storage_file **file);

// Operations. None calls back before it returns, or after storage_op_cancel.

struct storage_op;

// A piece of a file, borrowed for the call, 64 KB at most. False: the callee can't take it now, and
// gets the same piece again after storage_op_resume.
typedef bool (*storage_piece_fn)(void *ctx, const void *data, size_t len);
// `data` is borrowed for the call; NULL with `err`, ERR_NOT_FOUND where there is no such file.
typedef void (*storage_read_fn)(void *ctx, const struct buf *data, const struct err *err);
// The same of a file's first bytes; `bytes` is its size.
typedef void (*storage_look_fn)(void *ctx, const struct buf *head, int64_t bytes,
                                const struct err *err);

// Takes what `data` holds.
struct storage_op *storage_put(struct storage *storage, const char *key, const char *content_type,
                               struct buf *data, storage_done_fn done, void *ctx);
struct storage_op *storage_read(struct storage *storage, const char *key, size_t max,
                                storage_read_fn done, void *ctx);
// Reads a file of whatever size. ERR_NOT_FOUND where there is none.
struct storage_op *storage_stream(struct storage *storage, const char *key, storage_piece_fn piece,
                                  storage_done_fn done, void *ctx);
// The same from a byte of the file on, for who has had those before it.
struct storage_op *storage_stream_from(struct storage *storage, const char *key, int64_t from,
                                       storage_piece_fn piece, storage_done_fn done, void *ctx);
// Finds out how large a file is, and reads no more than its first bytes, `max` at most, 64 KB at
// most.
struct storage_op *storage_look(struct storage *storage, const char *key, size_t max,
                                storage_look_fn done, void *ctx);
// A file of storage_new_local's, of so many bytes, appears under `key`, too: without a copy of its
// bytes where both are on one disk. The deadline is that of storage_commit. ERR_NOT_FOUND where
// there is no such file.
struct storage_op *storage_copy(struct storage *storage, const char *key, const char *content_type,
                                struct storage *from, const char *from_key, int64_t bytes,
                                int64_t deadline_ms, storage_done_fn done, void *ctx);
void storage_op_resume(struct storage_op *op); // a storage_stream, from wherever
void storage_op_cancel(struct storage_op **op);
// Tries to delete the file; nobody is told whether it could be done.
void storage_delete(struct storage *storage, const char *key);
