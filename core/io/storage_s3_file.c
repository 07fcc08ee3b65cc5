// A file on its way to a bucket.
//
// A file whose size is known and small goes as one PUT, whose last byte is held back until the
// commit: until then nothing is there. A larger one goes in parts, each a PUT of its own that can
// be sent again, and appears when the parts are put together:
//
//  IDLE ── first bytes ──▶ OPENING ──▶ IDLE ── bytes ──▶ SENDING a part ──▶ IDLE …
//    commit: IDLE, all sent ──▶ CLOSING ──▶ CHECKING size and ETag ──▶ over
//
// What comes without a size is gathered to a part in memory first; only a few files at once may.
// Everything goes through one buffer; whoever writes waits while it is full.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/http.h"
#include "core/base/mem.h"
#include "core/io/http_client.h"
#include "core/io/loop.h"
#include "core/io/storage_s3_private.h"

enum {
    BUFFER_BYTES = 256 * 1024,
    SINGLE_MAX_BYTES = 32 << 20,
    PART_BYTES = 32 << 20,    // fewer waits for an answer; what a failure costs anew
    GATHERED_BYTES = 5 << 20, // S3's least for a part
    GATHERERS_MAX = 4,
    PARTS_MAX = 10000, // S3's most
    CALL_TIMEOUT_MS = 30000,
    LOW_SPEED_MS = 20000,
};

enum state { IDLE, OPENING, SENDING, CLOSING, CHECKING, OVER, FAILED };

struct s3_file {
    struct storage_file file; // first
    struct s3_storage *s3;
    struct s3_file *next, **at;
    char *key, *content_type;
    int64_t expected; // -1: not known
    enum state state;
    struct http_call *call;
    struct loop_timer *telling; // of a failure: ready or done is owed

    char *buffer;
    size_t capacity, begins, len; // what is in it, not sent yet; begins only grows within a part
    bool is_gatherer, is_refused, wants_commit;
    bool is_stored; // all of it is there under its key: what is left is to make sure
    struct err err;

    char *upload_id; // NULL: one PUT
    int64_t kept;    // bytes in parts that are stored
    int64_t part_bytes, part_sent;
    struct digest *part_md5;    // of what was sent of the part
    struct digest *sha256_kept; // of what is kept
    struct buf md5s;            // of the parts, 16 bytes each
    char etag[64];              // of the object
};

static struct s3_file *of(struct storage_file *file)
{
    return (struct s3_file *)file;
}

// Failures.

static void on_telling(void *ctx)
{
    struct s3_file *f = ctx;

    f->telling = NULL;
    if (f->wants_commit) {
        f->file.done(f->file.done_ctx, &f->err);
    } else if (f->is_refused) {
        f->is_refused = false;
        f->file.ready(f->file.ctx, &f->err);
    }
}

static void fail(struct s3_file *f, const struct err *err)
{
    storage_s3_note_error(f->s3, err);
    http_cancel(&f->call);
    f->err = *err;
    f->state = FAILED;
    // Later: whoever writes may be below us on the stack.
    if (f->telling == NULL)
        f->telling = loop_after(f->s3->storage.loop, 0, on_telling, f);
}

static void fail_answer(struct s3_file *f, const struct http_response *response,
                        const struct http_failure *failure)
{
    struct err err;

    if (failure != NULL)
        err_set(&err, ERR_UPSTREAM, "storage: %.200s", failure->err.message);
    else
        s3_error(response, &err);
    fail(f, &err);
}

// Sends a request whose answer is small.
static void ask(struct s3_file *f, enum state state, enum http_method method, const char *query,
                struct http_request *request, http_done_fn done)
{
    struct http_options options = {.timeout_ms = CALL_TIMEOUT_MS, .ctx = f};
    struct err err;

    f->state = state;
    if (s3_request(&f->s3->place, method, f->key, query, NULL, clock_wall_ms() / 1000, request,
                   &err))
        f->call = http_start(f->s3->http, request, &options, done);
    else
        fail(f, &err);
    http_request_clear(request);
}

static void go_on(struct s3_file *f);

// The end: is it what was sent?

static void on_checked(void *ctx, const struct http_response *response,
                       const struct http_failure *failure)
{
    struct s3_file *f = ctx;
    struct buf scratch = {0};
    const char *length, *etag;
    struct err err;
    bool is_same;

    f->call = NULL;
    if (failure != NULL || response->status != 200) {
        fail_answer(f, response, failure);
        return;
    }
    length = http_header(response, "content-length", &scratch);
    is_same = length != NULL && strtoll(length, NULL, 10) == f->file.size;
    etag = http_header(response, "etag", &scratch);
    // An ETag of another form (an encrypted bucket's) says nothing about the bytes.
    if (is_same && etag != NULL && strlen(etag) == strlen(f->etag) && *f->etag != '\0' &&
        strspn(etag + 1, "0123456789abcdef") == 32)
        is_same = strcmp(etag, f->etag) == 0;
    buf_clear(&scratch);
    if (!is_same) {
        err_set(&err, ERR_UPSTREAM, "storage: the store has something else than was sent");
        fail(f, &err);
        return;
    }
    *f->s3->last_error = '\0';
    f->state = OVER;
    f->file.done(f->file.done_ctx, NULL);
}

static void check_object(struct s3_file *f)
{
    struct http_request request = {0};

    ask(f, CHECKING, HTTP_HEAD_, NULL, &request, on_checked);
}

// Putting the parts together.

static void on_closed(void *ctx, const struct http_response *response,
                      const struct http_failure *failure)
{
    struct s3_file *f = ctx;
    struct buf etag = {0};
    bool ok;

    f->call = NULL;
    // An error may come with 200, after blanks that kept the connection open.
    ok = failure == NULL && response->status == 200 && s3_text(response, "ETag", &etag);
    buf_clear(&etag);
    if (!ok) {
        fail_answer(f, response, failure);
        return;
    }
    free(f->upload_id);
    f->upload_id = NULL; // there is nothing to abort any more
    f->is_stored = true;
    check_object(f);
}

static bool is_too_late(struct s3_file *f)
{
    struct err err;

    if (clock_mono_ms() <= f->file.deadline_ms)
        return false;
    err_set(&err, ERR_CONFLICT, "storage: too late, the lease may be someone else's");
    fail(f, &err);
    return true;
}

static void close_upload(struct s3_file *f)
{
    struct http_request request = {0};
    struct digest *all = digest_new_md5();
    struct buf query = {0};
    size_t parts = f->md5s.len / 16;
    char hex[SHA256_HEX_BYTES];

    if (is_too_late(f)) {
        digest_free(all);
        return;
    }
    buf_str(&request.body, "<CompleteMultipartUpload>");
    for (size_t i = 0; i < parts; i++) {
        hex_encode(f->md5s.data + 16 * i, 16, hex);
        buf_fmt(&request.body, "<Part><PartNumber>%zu</PartNumber><ETag>\"%s\"</ETag></Part>",
                i + 1, hex);
    }
    buf_str(&request.body, "</CompleteMultipartUpload>");
    digest_add(all, f->md5s.data, f->md5s.len);
    digest_hex(all, hex);
    digest_free(all);
    snprintf(f->etag, sizeof f->etag, "\"%s-%zu\"", hex, parts);
    buf_str(&query, "uploadId=");
    buf_percent(&query, f->upload_id);
    http_add_header(&request, "Content-Type", "application/xml");
    ask(f, CLOSING, HTTP_POST_, query.data, &request, on_closed);
    buf_clear(&query);
}

// Parts, and the only PUT of a small file.

static void make_room(struct s3_file *f)
{
    // A gathered part stays as it is while it is under way.
    if (!f->is_refused || f->telling != NULL || f->len + 65536 > f->capacity ||
        (f->is_gatherer && f->state != IDLE))
        return;
    f->is_refused = false;
    f->file.ready(f->file.ctx, NULL);
}

static size_t on_source(void *ctx, char *to, size_t max)
{
    struct s3_file *f = ctx;
    int64_t left = f->part_bytes - f->part_sent;
    size_t len = f->len < max ? f->len : max;

    if ((int64_t)len > left)
        len = (size_t)left;
    // The last byte lets the object appear.
    if (f->upload_id == NULL && !f->wants_commit && (int64_t)len == left && len > 0)
        len--;
    if (len == 0)
        return 0;
    memcpy(to, f->buffer + f->begins, len);
    digest_add(f->part_md5, to, len);
    digest_add(f->file.sha256, to, len);
    f->begins += len;
    f->len -= len;
    f->part_sent += (int64_t)len;
    if (f->len == 0)
        f->begins = 0;
    make_room(f);
    return len;
}

static void on_sent(void *ctx, const struct http_response *response,
                    const struct http_failure *failure)
{
    struct s3_file *f = ctx;
    unsigned char md5[SHA256_BYTES];
    char hex[SHA256_HEX_BYTES];
    struct buf etag = {0};
    struct err err;
    bool is_same;

    f->call = NULL;
    if (failure != NULL || response->status != 200) {
        fail_answer(f, response, failure);
        return;
    }
    digest_bytes(f->part_md5, md5);
    hex_encode(md5, 16, hex);
    snprintf(f->etag, sizeof f->etag, "\"%s\"", hex);
    is_same = http_header(response, "etag", &etag) == NULL || strcmp(etag.data, f->etag) == 0 ||
              strlen(etag.data) != strlen(f->etag);
    buf_clear(&etag);
    if (!is_same) {
        err_set(&err, ERR_UPSTREAM, "storage: the store has got something else than was sent");
        fail(f, &err);
        return;
    }
    f->kept += f->part_bytes;
    digest_free(f->sha256_kept);
    f->sha256_kept = digest_copy(f->file.sha256);
    if (f->upload_id == NULL) {
        f->is_stored = true;
        check_object(f);
        return;
    }
    buf_add(&f->md5s, md5, 16);
    f->state = IDLE;
    make_room(f);
    go_on(f);
}

static void send_part(struct s3_file *f, int64_t bytes)
{
    struct http_options options = {
        .low_speed_ms = LOW_SPEED_MS, .on_source = on_source, .source_bytes = bytes, .ctx = f};
    struct http_request request = {0};
    struct buf query = {0};
    struct err err;

    f->part_bytes = bytes;
    f->part_sent = 0;
    digest_free(f->part_md5);
    f->part_md5 = digest_new_md5();
    if (f->upload_id != NULL) {
        buf_fmt(&query, "partNumber=%zu&uploadId=", f->md5s.len / 16 + 1);
        buf_percent(&query, f->upload_id);
    } else {
        http_add_header(&request, "Content-Type", f->content_type);
    }
    f->state = SENDING;
    if (s3_request(&f->s3->place, HTTP_PUT_, f->key, f->upload_id == NULL ? NULL : query.data,
                   SIGV4_UNSIGNED, clock_wall_ms() / 1000, &request, &err))
        f->call = http_start(f->s3->http, &request, &options, on_sent);
    else
        fail(f, &err);
    http_request_clear(&request);
    buf_clear(&query);
}

static void on_opened(void *ctx, const struct http_response *response,
                      const struct http_failure *failure)
{
    struct s3_file *f = ctx;
    struct buf id = {0};

    f->call = NULL;
    if (failure != NULL || response->status != 200 || !s3_text(response, "UploadId", &id) ||
        id.len == 0) {
        buf_clear(&id);
        fail_answer(f, response, failure);
        return;
    }
    f->upload_id = buf_take(&id);
    f->state = IDLE;
    go_on(f);
}

static void open_upload(struct s3_file *f)
{
    struct http_request request = {0};

    http_add_header(&request, "Content-Type", f->content_type);
    ask(f, OPENING, HTTP_POST_, "uploads=", &request, on_opened);
}

static int64_t part_size(const struct s3_file *f)
{
    int64_t least = f->expected / PARTS_MAX + 1;

    return least > PART_BYTES ? least : PART_BYTES;
}

// What can be done next?
static void go_on(struct s3_file *f)
{
    int64_t left;

    if (f->state == SENDING && f->call != NULL) {
        http_resume(f->call);
        return;
    }
    if (f->state != IDLE)
        return;
    if (f->is_stored) {
        if (f->wants_commit)
            check_object(f);
        return;
    }
    if (f->is_gatherer) {
        bool is_full = f->len + 65536 > f->capacity;

        if (f->wants_commit && f->len == 0 && f->upload_id != NULL)
            close_upload(f);
        else if (is_full && f->upload_id == NULL)
            open_upload(f);
        else if ((is_full || f->wants_commit) && f->len > 0 && !(f->wants_commit && is_too_late(f)))
            send_part(f, (int64_t)f->len);
        return;
    }
    left = f->expected - f->kept;
    if (f->len > 0 && f->expected <= SINGLE_MAX_BYTES)
        send_part(f, f->expected);
    else if (f->len > 0 && f->upload_id == NULL)
        open_upload(f);
    else if (f->len > 0)
        send_part(f, left < part_size(f) ? left : part_size(f));
    else if (f->wants_commit && left == 0 && f->upload_id != NULL)
        close_upload(f);
}

// What storage.c calls.

struct storage_file *storage_s3_file_create(struct storage *storage, const char *key,
                                            const char *content_type, int64_t expected)
{
    struct s3_file *f = mem_new(struct s3_file);
    struct s3_storage *s3 = (struct s3_storage *)storage;

    f->s3 = s3;
    f->key = mem_str(key);
    f->content_type = mem_str(content_type);
    f->expected = expected;
    f->next = s3->files;
    f->at = &s3->files;
    if (f->next != NULL)
        f->next->at = &f->next;
    s3->files = f;
    return &f->file;
}

// The buffer comes with the first bytes. Large ones are few: who must wait for one is told.
static bool has_buffer(struct s3_file *f)
{
    if (f->buffer != NULL)
        return true;
    if (f->expected < 0 && f->s3->gatherers == GATHERERS_MAX)
        return false;
    f->is_gatherer = f->expected < 0;
    f->s3->gatherers += f->is_gatherer;
    f->capacity = f->is_gatherer ? GATHERED_BYTES + 65536 : BUFFER_BYTES;
    f->buffer = mem_resize(NULL, f->capacity);
    return true;
}

bool storage_s3_file_write(struct storage_file *file, const void *data, size_t len)
{
    struct s3_file *f = of(file);
    // While a gathered part is under way it stays as it is.
    bool is_busy = f->is_gatherer && f->state != IDLE;

    if (f->state == FAILED || !has_buffer(f) || is_busy || f->len + len > f->capacity) {
        f->is_refused = true;
        if (f->state == FAILED && f->telling == NULL)
            f->telling = loop_after(f->s3->storage.loop, 0, on_telling, f);
        else if (f->state != FAILED && f->buffer != NULL)
            go_on(f);
        return false;
    }
    if (f->begins + f->len + len > f->capacity) {
        memmove(f->buffer, f->buffer + f->begins, f->len);
        f->begins = 0;
    }
    memcpy(f->buffer + f->begins + f->len, data, len);
    f->len += len;
    return true;
}

void storage_s3_file_commit(struct storage_file *file)
{
    struct s3_file *f = of(file);

    f->wants_commit = true;
    if (f->state == FAILED && f->telling == NULL)
        f->telling = loop_after(f->s3->storage.loop, 0, on_telling, f);
    else if (f->upload_id != NULL || !is_too_late(f))
        go_on(f);
}

bool storage_s3_file_recover(struct storage_file *file)
{
    struct s3_file *f = of(file);

    if (f->state != FAILED || f->is_gatherer)
        return false;
    f->begins = f->len = 0;
    f->file.size = f->kept;
    digest_free(f->file.sha256);
    f->file.sha256 = f->kept > 0 ? digest_copy(f->sha256_kept) : digest_new();
    f->state = IDLE;
    f->is_refused = f->wants_commit = false;
    return true;
}

void storage_s3_file_drop(struct storage_file *file)
{
    struct s3_file *f = of(file);
    struct s3_storage *s3 = f->s3;

    http_cancel(&f->call);
    loop_cancel(&f->telling);
    if (f->upload_id != NULL)
        storage_s3_delete(s3, f->key, f->upload_id);
    *f->at = f->next;
    if (f->next != NULL)
        f->next->at = f->at;
    s3->gatherers -= f->is_gatherer;
    // A large buffer is free: whoever waits for one may go on.
    for (struct s3_file *other = s3->files; f->is_gatherer && other != NULL; other = other->next) {
        if (other->buffer == NULL && other->is_refused) {
            other->is_refused = false;
            other->file.ready(other->file.ctx, NULL);
            break;
        }
    }
    digest_free(f->part_md5);
    digest_free(f->sha256_kept);
    buf_clear(&f->md5s);
    free(f->buffer);
    free(f->key);
    free(f->content_type);
    free(f);
}
