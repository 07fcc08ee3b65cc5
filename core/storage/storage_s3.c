// Artifacts in a bucket of an S3-compatible store. How a file gets there: storage_s3_file.c.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/storage/storage_s3_private.h"

enum {
    CALL_TIMEOUT_MS = 30000,
    LOW_SPEED_MS = 20000,
    ABORT_TRIES = 8, // over four minutes; then a sweep deletes it
    LEFT_OVER_S = 24 * 3600,
};

static int64_t now_s(void)
{
    return clock_wall_ms() / 1000;
}

// Failures.

static bool is_same_but_for_numbers(const char *a, const char *b)
{
    static const char digits[] = "0123456789";

    while (*a != '\0' || *b != '\0') {
        a += strspn(a, digits);
        b += strspn(b, digits);
        if (*a != *b)
            return false;
        a += *a != '\0';
        b += *b != '\0';
    }
    return true;
}

void storage_s3_note_error(struct s3_storage *s3, const struct err *err)
{
    if (is_same_but_for_numbers(s3->last_error, err->message))
        return;
    snprintf(s3->last_error, sizeof s3->last_error, "%s", err->message);
    if (err->code == ERR_CONFIG)
        log_error("storage.refused",
                  "error=\"%s\" hint=\"tasks wait in archiving until it is mended\"", err->message);
    else
        log_warn("storage.failed", "error=\"%s\"", err->message);
}

// Orphans.

// Something to be deleted: the parts of an upload that was given up, or an object.
struct orphan {
    struct s3_storage *s3;
    struct orphan *next, **at;
    char *key, *upload_id; // NULL: the object itself
    struct http_call *call;
    struct loop_timer *again;
    int tries;
};

static void orphan_drop(struct orphan *orphan)
{
    http_cancel(&orphan->call);
    loop_cancel(&orphan->again);
    *orphan->at = orphan->next;
    if (orphan->next != NULL)
        orphan->next->at = orphan->at;
    free(orphan->key);
    free(orphan->upload_id);
    free(orphan);
}

static void orphan_abort(void *ctx);

static void on_aborted(void *ctx, const struct http_response *response,
                       const struct http_failure *failure)
{
    struct orphan *orphan = ctx;

    orphan->call = NULL;
    // 404: it is gone already.
    if ((failure == NULL && (response->status < 300 || response->status == 404)) ||
        ++orphan->tries == ABORT_TRIES) {
        orphan_drop(orphan); // where we gave up, a sweep deletes it
        return;
    }
    orphan->again =
        loop_after(orphan->s3->storage.loop, 1000 << orphan->tries, orphan_abort, orphan);
}

static void orphan_abort(void *ctx)
{
    struct orphan *orphan = ctx;
    struct http_options options = {.timeout_ms = CALL_TIMEOUT_MS, .ctx = orphan};
    struct http_request request = {0};
    struct buf query = {0};
    struct err err;

    orphan->again = NULL;
    if (orphan->upload_id != NULL) {
        buf_str(&query, "uploadId=");
        buf_percent(&query, orphan->upload_id);
    }
    if (s3_request(orphan->s3->place, HTTP_DELETE_, orphan->key, query.data, NULL, now_s(),
                   &request, &err))
        orphan->call = http_start(orphan->s3->http, &request, &options, on_aborted);
    else
        orphan_drop(orphan);
    http_request_clear(&request);
    buf_clear(&query);
}

void storage_s3_delete(struct s3_storage *s3, const char *key, char *upload_id)
{
    struct orphan *orphan = mem_new(struct orphan);

    orphan->s3 = s3;
    orphan->key = mem_str(key);
    orphan->upload_id = upload_id;
    orphan->next = s3->orphans;
    orphan->at = &s3->orphans;
    if (orphan->next != NULL)
        orphan->next->at = &orphan->next;
    s3->orphans = orphan;
    orphan_abort(orphan);
}

// Reads and deletes.

enum { ERROR_BYTES_MAX = 65536 }; // more of an error's text isn't read

struct s3_read {
    struct storage_op op; // first: what others know
    struct http_call *call;
    struct loop_timer *failing;
    struct http_response error; // what isn't the file
    int64_t from;               // the first byte that was asked for
    struct err err;
};

static void cancel_read(struct storage_op *op)
{
    struct s3_read *read_op = (struct s3_read *)op;

    http_cancel(&read_op->call);
    loop_cancel(&read_op->failing);
    http_response_clear(&read_op->error);
    free(read_op);
}

static void finish_read(struct s3_read *read_op, const struct err *err)
{
    storage_done_fn done = read_op->op.done;
    void *ctx = read_op->op.ctx;
    struct err copy; // `err` may be in the read's memory

    if (err != NULL)
        copy = *err;
    cancel_read(&read_op->op);
    done(ctx, err == NULL ? NULL : &copy);
}

// The size of the whole file, as the head of its answer has it; -1: it has none.
static int64_t size_of(const struct http_response *head)
{
    struct buf scratch = {0};
    const char *range, *slash;
    int64_t size = -1;

    if (head->status != 206)
        return http_header_number(head, "content-length", "");
    range = http_header(head, "content-range", &scratch);
    slash = range == NULL ? NULL : strrchr(range, '/');
    if (slash != NULL && slash[1] >= '0' && slash[1] <= '9')
        size = strtoll(slash + 1, NULL, 10);
    buf_clear(&scratch);
    return size;
}

// Whether the answer is the file, from the byte on that was asked for: a store may not know ranges.
static bool is_file(const struct s3_read *read_op, const struct http_response *head)
{
    return head->status == 206
               ? http_header_number(head, "content-range", "bytes ") == read_op->from
               : head->status == 200 && read_op->from == 0;
}

static bool s3_on_piece(void *ctx, const struct http_response *head, const void *data, size_t len)
{
    struct s3_read *read_op = ctx;

    if (is_file(read_op, head)) {
        read_op->op.size = size_of(head);
        return read_op->op.piece(read_op->op.ctx, data, len);
    }
    if (read_op->error.body.len < ERROR_BYTES_MAX)
        buf_add(&read_op->error.body, data, len);
    return true;
}

static void s3_on_read(void *ctx, const struct http_response *response,
                       const struct http_failure *failure)
{
    struct s3_read *read_op = ctx;
    struct buf code = {0};
    struct err err;

    read_op->call = NULL;
    // 416: even the first byte of the file is past its end.
    if (failure == NULL &&
        (is_file(read_op, response) || (response->status == 416 && read_op->from == 0))) {
        finish_read(read_op, NULL);
        return;
    }
    read_op->error.status = response->status;
    if (failure != NULL)
        err_set(&err, ERR_UPSTREAM, "storage: %.200s", failure->err.message);
    else
        s3_error(&read_op->error, &err);
    // A gateway's own 404 says nothing about the file.
    if (failure == NULL && response->status == 404 && s3_text(&read_op->error, "Code", &code) &&
        strcmp(buf_text(&code), "NoSuchKey") == 0)
        err.code = ERR_NOT_FOUND;
    buf_clear(&code);
    finish_read(read_op, &err);
}

static void on_read_failing(void *ctx)
{
    struct s3_read *read_op = ctx;

    read_op->failing = NULL;
    finish_read(read_op, &read_op->err);
}

static void add_range(int64_t from, int64_t count, struct http_request *request)
{
    char range[64];

    if (count < 0)
        snprintf(range, sizeof range, "bytes=%lld-", (long long)from);
    else
        snprintf(range, sizeof range, "bytes=%lld-%lld", (long long)from,
                 (long long)(from + count - 1));
    http_add_header(request, "Range", range);
}

static struct storage_op *stream_file(struct storage *storage, const char *key, int64_t from,
                                      int64_t count)
{
    struct s3_storage *s3 = (struct s3_storage *)storage;
    struct s3_read *read_op = mem_new(struct s3_read);
    struct http_options options = {
        .low_speed_ms = LOW_SPEED_MS, .wants_plain = true, .on_data = s3_on_piece, .ctx = read_op};
    struct http_request request = {0};

    read_op->op.cancel = cancel_read;
    read_op->op.size = -1;
    read_op->from = from;
    if (s3_request(s3->place, HTTP_GET_, key, NULL, NULL, now_s(), &request, &read_op->err)) {
        if (from > 0 || count >= 0)
            add_range(from, count, &request);
        read_op->call = http_start(s3->http, &request, &options, s3_on_read);
    } else {
        read_op->failing = loop_after(storage->loop, 0, on_read_failing, read_op);
    }
    http_request_clear(&request);
    return &read_op->op;
}

static void resume_read(struct storage_op *op)
{
    http_resume(((struct s3_read *)op)->call);
}

static void delete_file(struct storage *storage, const char *key)
{
    struct s3_storage *s3 = (struct s3_storage *)storage;

    storage_s3_delete(s3, key, NULL);
}

// Uploads that were begun long ago by processes that are gone.

// The next element of the list.
static const char *next_upload(const char *at, const char **end)
{
    at = strstr(at, "<Upload>");
    *end = at == NULL ? NULL : strstr(at, "</Upload>");
    return *end == NULL ? NULL : at;
}

// The bucket may be others', too, who may have uploads of their own behind the same prefix.
static bool is_our_key(const struct s3_storage *s3, const char *key)
{
    static const char *const folders[] = {"task-artifacts/", "inputs/", "uploads/"};
    size_t prefix_len = strlen(s3->place->prefix);

    if (strncmp(key, s3->place->prefix, prefix_len) != 0)
        return false;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        if (strncmp(key + prefix_len, folders[i], strlen(folders[i])) == 0)
            return true;
    return false;
}

// Asks for the page of the list behind `key` and `id`, where the page before ended; both are empty
// for the first page.
static void list_uploads(struct s3_storage *s3, const char *key, const char *id);

static void on_listed(void *ctx, const struct http_response *response,
                      const struct http_failure *failure)
{
    struct s3_storage *s3 = ctx;
    const char *at = buf_text(&response->body), *end;
    struct buf is_cut = {0}, last_key = {0}, last_id = {0};
    time_t limit = (time_t)(now_s() - LEFT_OVER_S);
    char oldest[32];
    struct tm utc;

    s3->listing = NULL;
    if (failure != NULL || response->status != 200)
        return; // the next sweep asks again
    gmtime_r(&limit, &utc);
    strftime(oldest, sizeof oldest, "%Y-%m-%dT%H:%M:%S", &utc);
    for (; (at = next_upload(at, &end)) != NULL; at = end) {
        struct buf key = {0}, id = {0}, begun = {0};

        // Times in this form compare as texts.
        if (s3_text_in(at, end, "Key", &key) && s3_text_in(at, end, "UploadId", &id) &&
            s3_text_in(at, end, "Initiated", &begun) && id.len > 0 && begun.len > 0 &&
            strcmp(begun.data, oldest) < 0 && is_our_key(s3, buf_text(&key)))
            storage_s3_delete(s3, key.data + strlen(s3->place->prefix), mem_str(id.data));
        buf_clear(&key);
        buf_clear(&id);
        buf_clear(&begun);
    }
    if (s3_text(response, "IsTruncated", &is_cut) && strcmp(buf_text(&is_cut), "true") == 0 &&
        s3_text(response, "NextKeyMarker", &last_key) && last_key.len > 0 &&
        s3_text(response, "NextUploadIdMarker", &last_id))
        list_uploads(s3, last_key.data, buf_text(&last_id));
    buf_clear(&is_cut);
    buf_clear(&last_key);
    buf_clear(&last_id);
}

static void list_uploads(struct s3_storage *s3, const char *key, const char *id)
{
    struct http_options options = {.timeout_ms = CALL_TIMEOUT_MS, .ctx = s3};
    struct http_request request = {0};
    struct buf query = {0};
    struct err err;

    buf_str(&query, "uploads=&prefix=");
    buf_percent(&query, s3->place->prefix);
    if (*key != '\0') {
        buf_str(&query, "&key-marker=");
        buf_percent(&query, key);
        buf_str(&query, "&upload-id-marker=");
        buf_percent(&query, id);
    }
    if (s3_request(s3->place, HTTP_GET_, NULL, query.data, NULL, now_s(), &request, &err))
        s3->listing = http_start(s3->http, &request, &options, on_listed);
    http_request_clear(&request);
    buf_clear(&query);
}

static void s3_sweep(struct storage *storage)
{
    struct s3_storage *s3 = (struct s3_storage *)storage;

    if (s3->listing == NULL)
        list_uploads(s3, "", "");
}

static bool is_tidying(const struct storage *storage)
{
    const struct orphan *orphan = ((const struct s3_storage *)storage)->orphans;

    while (orphan != NULL && orphan->call == NULL) // an orphan that failed before waits for its
                                                   // timer
        orphan = orphan->next;
    return orphan != NULL;
}

static void free_storage(struct storage *storage)
{
    struct s3_storage *s3 = (struct s3_storage *)storage;

    http_cancel(&s3->listing);
    while (s3->orphans != NULL)
        orphan_drop(s3->orphans);
    free(s3);
}

struct storage *storage_s3_new(struct loop *loop, struct http_client *http,
                               const struct config *config)
{
    static const struct storage_kind kind = {
        .free = free_storage,
        .sweep = s3_sweep,
        .is_tidying = is_tidying,
        .create = storage_s3_file_create,
        .write = storage_s3_file_write,
        .recover = storage_s3_file_recover,
        .commit = storage_s3_file_commit,
        .drop = storage_s3_file_drop,
        .stream = stream_file,
        .resume = resume_read,
        .delete = delete_file,
    };
    struct s3_storage *s3 = mem_new(struct s3_storage);

    s3->storage = (struct storage){.kind = &kind, .loop = loop, .config = config};
    s3->http = http;
    s3->place = &config->links.place;
    return &s3->storage;
}
