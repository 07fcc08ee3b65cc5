// Where artifacts are kept: a file is written in pieces under a temporary name, then appears under
// its key, whole and on disk, or not at all.
//
// No call blocks: what touches the disk happens on libuv's threads.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct loop;
struct storage_file;

// The last storage_write was refused: there is room again. Or, with `err`, all is lost.
typedef void (*storage_ready_fn)(void *ctx, const struct err *err);
typedef void (*storage_done_fn)(void *ctx, const struct err *err);

// Begins a file in `data_dir`. Its memory is a fixed buffer, whatever its size becomes.
struct storage_file *storage_create(struct loop *loop, const char *data_dir, storage_ready_fn ready,
                                    void *ctx);
// Copies; false: not now, `ready` will be called.
bool storage_write(struct storage_file *file, const void *data, size_t len);
// How much has been taken so far.
int64_t storage_size(const struct storage_file *file);
// Begins anew: what was written is forgotten.
void storage_rewind(struct storage_file *file);
// Writes what is left, syncs, and gives it its key, unless our monotonic clock has passed
// `deadline_ms` right before: then the lease may be someone else's.
void storage_commit(struct storage_file *file, const char *key, int64_t deadline_ms,
                    storage_done_fn done, void *ctx);
// Deletes what isn't committed. No callback afterwards.
void storage_drop(struct storage_file **file);
// Deletes, on a thread, what processes that were killed have left behind.
void storage_sweep(struct loop *loop, const char *data_dir);
