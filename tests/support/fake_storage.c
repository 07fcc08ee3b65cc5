// Storage in memory.
#include "tests/support/fake_storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/storage/storage.h"

struct storage {
    size_t room;
};

// A file, or one question about one: a commit, a put, a fetch, a look, a read.
struct storage_file {
    struct fake_call call; // first
    char *key;
    struct buf data;
    int64_t unseen; // bytes that were written beside these
    bool may_go_on;
    struct fake_call *commit; // of a file: its last commit
    storage_ready_fn ready;   // of a file
    storage_done_fn done;     // of a commit, a put, a read
    storage_read_fn read;     // of a fetch
    storage_look_fn look;     // of a look
    storage_piece_fn piece;   // of a read
    void *ctx;
};

static struct storage the_storage;

struct storage *fake_storage(void)
{
    the_storage.room = SIZE_MAX;
    return &the_storage;
}

void fake_storage_take(size_t bytes)
{
    the_storage.room = bytes;
}

struct storage *storage_new(struct loop *loop, struct http_client *http,
                            const struct config *config)
{
    (void)loop;
    (void)http;
    (void)config;
    return fake_storage();
}

struct storage *storage_new_local(struct loop *loop, const struct config *config)
{
    (void)loop;
    (void)config;
    return fake_storage();
}

void storage_free(struct storage **storage)
{
    *storage = NULL;
}

void storage_sweep(struct storage *storage)
{
    (void)storage;
    fake_note("storage sweep");
}

const char *storage_trouble(const struct storage *storage)
{
    (void)storage;
    return NULL;
}

bool storage_is_tidying(const struct storage *storage)
{
    (void)storage;
    return false;
}

static void clear_file(struct fake_call *call)
{
    struct storage_file *file = (struct storage_file *)call;

    buf_clear(&file->data);
    free(file->key);
}

static struct storage_file *file_new(const char *key, void *ctx)
{
    struct storage_file *file = mem_new(struct storage_file);

    file->key = mem_str(key);
    file->ctx = ctx;
    file->call.clear = clear_file;
    return file;
}

// Files.

struct storage_file *storage_create(struct storage *storage, const char *key,
                                    const char *content_type, int64_t expected,
                                    storage_ready_fn ready, void *ctx)
{
    struct storage_file *file = file_new(key, ctx);

    (void)storage;
    (void)content_type;
    (void)expected;
    file->ready = ready;
    fake_add(&file->call, "create %s", key);
    return file;
}

bool storage_write(struct storage_file *file, const void *data, size_t len)
{
    if (len > the_storage.room)
        return false;
    the_storage.room -= the_storage.room == SIZE_MAX ? 0 : len;
    buf_add(&file->data, data, len);
    return true;
}

int64_t storage_size(const struct storage_file *file)
{
    return file == NULL ? 0 : file->unseen + (int64_t)file->data.len;
}

void storage_sha256(const struct storage_file *file, char hex[SHA256_HEX_BYTES])
{
    sha256_hex(buf_text(&file->data), file->data.len, hex);
}

bool storage_recover(struct storage_file *file)
{
    return file->may_go_on;
}

void storage_drop(struct storage_file **slot)
{
    struct storage_file *file = *slot;

    if (file == NULL)
        return;
    fake_note("drop %s", file->key);
    fake_cancel(&file->call);
    if (file->commit != NULL)
        fake_cancel(file->commit);
    *slot = NULL;
}

void fake_storage_ready(struct fake_call *create, size_t bytes)
{
    struct storage_file *file = (struct storage_file *)create;

    the_storage.room = bytes;
    if (!create->is_cancelled)
        file->ready(file->ctx, NULL);
}

void fake_storage_grow(struct fake_call *create, int64_t bytes)
{
    ((struct storage_file *)create)->unseen += bytes;
}

void fake_storage_keep(struct fake_call *create, size_t kept, bool may_go_on)
{
    struct storage_file *file = (struct storage_file *)create;

    file->may_go_on = may_go_on;
    if (kept < file->data.len)
        file->data.len = kept;
}

void fake_storage_lose(struct fake_call *create, size_t kept, bool may_go_on)
{
    struct storage_file *file = (struct storage_file *)create;
    struct err err;

    fake_storage_keep(create, kept, may_go_on);
    err_set(&err, ERR_IO, "the test says so");
    if (!create->is_cancelled)
        file->ready(file->ctx, &err);
}

const char *fake_storage_text(const struct fake_call *create)
{
    return buf_text(&((const struct storage_file *)create)->data);
}

// Questions.

void fake_storage_done(struct fake_call *call, const struct err *err)
{
    struct storage_file *asked = (struct storage_file *)call;

    if (fake_takes(call))
        asked->done(asked->ctx, err);
}

void storage_commit(struct storage_file *file, int64_t deadline_ms, storage_done_fn done, void *ctx)
{
    struct storage_file *asked = file_new(file->key, ctx);

    (void)deadline_ms;
    asked->done = done;
    asked->call.lose = fake_storage_done;
    file->commit = &asked->call;
    fake_add(&asked->call, "commit %s", file->key);
}

struct storage_op *storage_put(struct storage *storage, const char *key, const char *content_type,
                               struct buf *data, storage_done_fn done, void *ctx)
{
    struct storage_file *asked = file_new(key, ctx);

    (void)storage;
    (void)content_type;
    asked->data = *data;
    *data = (struct buf){0};
    asked->done = done;
    asked->call.lose = fake_storage_done;
    fake_add(&asked->call, "put %s", key);
    return (struct storage_op *)asked;
}

struct storage_op *storage_copy(struct storage *storage, const char *key, const char *content_type,
                                struct storage *from, const char *from_key, int64_t bytes,
                                int64_t deadline_ms, storage_done_fn done, void *ctx)
{
    struct storage_file *asked = file_new(key, ctx);

    (void)storage;
    (void)content_type;
    (void)from;
    (void)bytes;
    (void)deadline_ms;
    asked->done = done;
    asked->call.lose = fake_storage_done;
    fake_add(&asked->call, "copy %s to %s", from_key, key);
    return (struct storage_op *)asked;
}

static void end_read(struct fake_call *call, const struct buf *data, const struct err *err)
{
    struct storage_file *asked = (struct storage_file *)call;

    if (fake_takes(call))
        asked->read(asked->ctx, data, err);
}

static void fail_read(struct fake_call *call, const struct err *err)
{
    end_read(call, NULL, err);
}

void fake_storage_give(struct fake_call *call, const char *text)
{
    struct storage_file *asked = (struct storage_file *)call;
    struct err err;

    if (text == NULL) {
        err_set(&err, ERR_NOT_FOUND, "no such file");
        end_read(call, NULL, &err);
        return;
    }
    buf_str(&asked->data, text);
    end_read(call, &asked->data, NULL);
}

struct storage_op *storage_read(struct storage *storage, const char *key, size_t max,
                                storage_read_fn done, void *ctx)
{
    struct storage_file *asked = file_new(key, ctx);

    (void)storage;
    (void)max;
    asked->read = done;
    asked->call.lose = fail_read;
    fake_add(&asked->call, "fetch %s", key);
    return (struct storage_op *)asked;
}

static void end_look(struct fake_call *call, const struct buf *head, int64_t bytes,
                     const struct err *err)
{
    struct storage_file *asked = (struct storage_file *)call;

    if (fake_takes(call))
        asked->look(asked->ctx, head, bytes, err);
}

static void fail_look(struct fake_call *call, const struct err *err)
{
    end_look(call, NULL, 0, err);
}

void fake_storage_show(struct fake_call *call, const char *head, int64_t bytes)
{
    struct storage_file *asked = (struct storage_file *)call;
    struct err err;

    if (head == NULL) {
        err_set(&err, ERR_NOT_FOUND, "no such file");
        fail_look(call, &err);
        return;
    }
    buf_str(&asked->data, head);
    end_look(call, &asked->data, bytes, NULL);
}

struct storage_op *storage_look(struct storage *storage, const char *key, size_t max,
                                storage_look_fn done, void *ctx)
{
    struct storage_file *asked = file_new(key, ctx);

    (void)storage;
    (void)max;
    asked->look = done;
    asked->call.lose = fail_look;
    fake_add(&asked->call, "look %s", key);
    return (struct storage_op *)asked;
}

bool fake_storage_piece(struct fake_call *call, const void *data, size_t len)
{
    struct storage_file *asked = (struct storage_file *)call;

    return call->is_answered || call->is_cancelled || asked->piece(asked->ctx, data, len);
}

struct storage_op *storage_stream_from(struct storage *storage, const char *key, int64_t from,
                                       storage_piece_fn piece, storage_done_fn done, void *ctx)
{
    struct storage_file *asked = file_new(key, ctx);

    (void)storage;
    asked->piece = piece;
    asked->done = done;
    asked->call.lose = fake_storage_done;
    fake_add(&asked->call, "read %s from=%lld", key, (long long)from);
    return (struct storage_op *)asked;
}

void storage_op_resume(struct storage_op *op)
{
    fake_note("go on %s", ((struct storage_file *)op)->key);
}

void storage_op_cancel(struct storage_op **op)
{
    if (*op != NULL)
        fake_cancel(&((struct storage_file *)*op)->call);
    *op = NULL;
}

void storage_delete(struct storage *storage, const char *key)
{
    (void)storage;
    fake_note("delete %s", key);
}
