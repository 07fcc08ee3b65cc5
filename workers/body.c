// A body with files, between the storage and the vendor's connection.
//
//  text up to a gap ─▶ the gap's file, through the buffer ─▶ text up to the next gap … ─▶ the rest
//
// The storage waits while the buffer is full, the connection while it is empty. A read that fails
// goes on where it was, a few times; what was given to the connection is never given again.
#include "workers/body.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/storage/storage.h"

enum { BUFFER_BYTES = 256 * 1024, PIECE_BYTES = 65536, MAX_TRIES = 3, FIRST_WAIT_MS = 500 };

struct body {
    struct loop *loop;
    struct buf text;
    struct http_gap *gaps;
    size_t gap_count;
    const struct body_file *files;
    body_ready_fn ready;
    void *ctx;

    size_t at, gap;             // how much of the text was given; the next gap
    struct storage_op *reading; // the gap's file
    struct loop_timer *again;   // it is to be read on
    int64_t taken;              // of the gap's file, so far
    bool is_read;               // all of it, and it has no more
    int tries;                  // that failed since the last piece came
    char *buffer;
    size_t from, to;  // where in the buffer there is something
    bool is_refused;  // a piece waits for room
    bool is_starving; // whoever reads waits for a piece
    bool has_failed;
    struct err err;
};

struct body *body_new(struct loop *loop, struct http_request *request,
                      const struct body_file *files, body_ready_fn ready, void *ctx)
{
    struct body *body = mem_new(struct body);

    body->loop = loop;
    body->text = request->body;
    body->gaps = request->gaps;
    body->gap_count = request->gap_count;
    request->body = (struct buf){0};
    request->gaps = NULL;
    request->gap_count = 0;
    body->files = files;
    body->ready = ready;
    body->ctx = ctx;
    body->buffer = mem_resize(NULL, BUFFER_BYTES);
    return body;
}

void body_drop(struct body **slot)
{
    struct body *body = *slot;

    if (body == NULL)
        return;
    *slot = NULL;
    storage_op_cancel(&body->reading);
    loop_cancel(&body->again);
    buf_clear(&body->text);
    free(body->gaps);
    free(body->buffer);
    free(body);
}

const struct err *body_failure(const struct body *body)
{
    return body != NULL && body->has_failed ? &body->err : NULL;
}

static void body_wake(struct body *body)
{
    if (!body->is_starving)
        return;
    body->is_starving = false;
    body->ready(body->ctx);
}

static void body_fail(struct body *body, const struct err *err)
{
    storage_op_cancel(&body->reading);
    body->has_failed = true;
    body->err = *err;
    body_wake(body);
}

// The file isn't what it was when the request was made: what has gone out belongs to no file.
static void body_fail_changed(struct body *body)
{
    struct err err;

    err_set(&err, ERR_CONFLICT, "storage: a file isn't as long as it was");
    body_fail(body, &err);
}

// The gap's file.

static bool body_on_piece(void *ctx, const void *data, size_t len)
{
    struct body *body = ctx;

    if ((int64_t)len > body->gaps[body->gap].bytes - body->taken) {
        body_fail_changed(body);
        return true;
    }
    if (len > BUFFER_BYTES - (body->to - body->from)) {
        body->is_refused = true;
        return false;
    }
    if (len > BUFFER_BYTES - body->to) {
        memmove(body->buffer, body->buffer + body->from, body->to - body->from);
        body->to -= body->from;
        body->from = 0;
    }
    memcpy(body->buffer + body->to, data, len);
    body->to += len;
    body->taken += (int64_t)len;
    body->tries = 0;
    body_wake(body);
    return true;
}

static void body_go_on(void *ctx);

static void body_on_read(void *ctx, const struct err *err)
{
    struct body *body = ctx;

    body->reading = NULL;
    if (err == NULL && body->taken == body->gaps[body->gap].bytes) {
        body->is_read = true;
        body_wake(body);
    } else if (err == NULL) {
        body_fail_changed(body);
    } else if (err->code == ERR_NOT_FOUND || body->tries == MAX_TRIES) {
        body_fail(body, err);
    } else {
        log_warn("body.read", "error=\"%s\"", err->message);
        body->again = loop_after(body->loop, FIRST_WAIT_MS << body->tries, body_go_on, body);
        body->tries++;
    }
}

// Reads the gap's file from where it was. One that broke off behind its last byte is whole.
static void body_go_on(void *ctx)
{
    struct body *body = ctx;
    const struct body_file *file = &body->files[body->gaps[body->gap].file];

    body->again = NULL;
    if (body->taken > 0 && body->taken == body->gaps[body->gap].bytes) {
        body->is_read = true;
        body_wake(body);
        return;
    }
    body->reading = storage_stream_from(file->storage, file->key, body->taken, body_on_piece,
                                        body_on_read, body);
}

// Out.

static bool is_in_gap(const struct body *body)
{
    return body->gap < body->gap_count && body->at == body->gaps[body->gap].at;
}

static size_t give_text(struct body *body, char *to, size_t max)
{
    size_t end = body->gap < body->gap_count ? body->gaps[body->gap].at : body->text.len;
    size_t len = end - body->at < max ? end - body->at : max;

    memcpy(to, body->text.data + body->at, len);
    body->at += len;
    return len;
}

static size_t give_file(struct body *body, char *to, size_t max)
{
    size_t len = body->to - body->from < max ? body->to - body->from : max;

    memcpy(to, body->buffer + body->from, len);
    body->from += len;
    if (body->is_refused && body->to - body->from <= BUFFER_BYTES - PIECE_BYTES) {
        body->is_refused = false;
        storage_op_resume(body->reading);
    }
    return len;
}

static void leave_gap(struct body *body)
{
    body->gap++;
    body->taken = 0;
    body->is_read = false;
    body->from = body->to = 0;
}

size_t body_read(struct body *body, char *to, size_t max)
{
    while (is_in_gap(body) && !body->has_failed && body->from == body->to) {
        if (!body->is_read) {
            if (body->reading == NULL && body->again == NULL)
                body_go_on(body);
            body->is_starving = true;
            return 0;
        }
        leave_gap(body);
    }
    if (body->has_failed)
        return HTTP_SOURCE_BROKEN;
    return is_in_gap(body) ? give_file(body, to, max) : give_text(body, to, max);
}
