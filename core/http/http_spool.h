// A body that is too large to wait in memory until it is whole: it waits in a file without a name.
// Reads and writes happen on libuv's threads, one at a time.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct buf;
struct http_spool;

// `data` is what was read, the callee may take it; NULL after a write. `ok` false: the disk is full
// or broken. Never called before http_spool_write or http_spool_read returns, nor after a drop.
typedef void (*http_spool_fn)(void *ctx, bool ok, struct buf *data);

// `dir` is made where it isn't there. Nothing is opened before the first write.
struct http_spool *http_spool_new(uv_loop_t *uv, const char *dir, http_spool_fn done, void *ctx);
// Takes what `piece` holds, and appends it to the file.
void http_spool_write(struct http_spool *spool, struct buf *piece);
void http_spool_read(struct http_spool *spool); // all of it
// The next piece of it; an empty one at its end.
void http_spool_read_piece(struct http_spool *spool, size_t most);
void http_spool_drop(struct http_spool **spool);
