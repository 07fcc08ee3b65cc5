// A file on its way to a bucket.
//
// A file whose size is known and small goes as one PUT, whose last byte is held back until the
// commit: until then nothing is there. A larger one goes in parts, each a PUT of its own that can
// be sent again, and appears when the parts are put together:
//
//  WRITING ── more than one PUT ──▶ OPENING ──▶ WRITING, parts on their way
//    commit: WRITING, all parts stored ──▶ CLOSING ──────────▶ CHECKING size and ETag ──▶ OVER
//            WRITING, the one PUT stored ──▶ LABELLING ───────────┘
//
// An object is labelled when it is begun (storage_label.h), when its SHA-256 isn't known. The store
// then copies one of a single PUT onto itself with the whole label; one of parts stays as it is,
// for a copy of what may be gigabytes isn't worth it.
//
// A part is stored when the store has answered and its MD5 is known; the next one is sent
// meanwhile. A file whose size isn't known is gathered in memory until there is a whole part; only
// a few files at once may do that. All bytes of a file go through one pipe; whoever writes waits
// while it is full.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/storage/hash_pipe.h"
#include "core/storage/storage_label.h"
#include "core/storage/storage_s3_private.h"

enum {
    PIPE_BYTES = 256 * 1024,
    // Beside many files one waits for the others, whatever its pipe holds. A half must take what is
    // written at once.
    SMALL_PIPE_BYTES = 128 * 1024,
    LARGE_PIPES_MAX = 8,
    SINGLE_MAX_BYTES = 32 << 20,
    PART_BYTES = 32 << 20,    // the larger, the fewer waits for an answer; but a failure sends a
                              // whole part anew
    GATHERED_BYTES = 5 << 20, // the smallest part that S3 allows
    GATHERERS_MAX = 4,
    TRICKLE_BYTES = 16 * 1024,
    PARTS_MAX = 10000, // the most parts that S3 allows
    CALL_TIMEOUT_MS = 30000,
    LOW_SPEED_MS = 20000,
};

enum state { WRITING, OPENING, CLOSING, LABELLING, CHECKING, OVER, FAILED };

#define TO(state) (1u << (state))
static const struct {
    const char *name;
    unsigned next;
} states[] = {
    [WRITING] = {"writing", TO(OPENING) | TO(CLOSING) | TO(LABELLING) | TO(CHECKING) | TO(FAILED)},
    [OPENING] = {"opening", TO(WRITING) | TO(FAILED)},
    [CLOSING] = {"closing", TO(CHECKING) | TO(FAILED)},
    [LABELLING] = {"labelling", TO(CHECKING) | TO(FAILED)},
    [CHECKING] = {"checking", TO(OVER) | TO(FAILED)},
    [OVER] = {"over", 0},
    [FAILED] = {"failed", TO(WRITING)}, // storage_s3_file_recover
};

// One PUT: of a part, or of a small file.
struct part {
    struct s3_file *file;
    struct part *next;
    int64_t bytes, sent;
    struct buf first; // its first bytes, as long as no more than these were sent
    int64_t again;    // how many of these are still to be sent once more
    struct http_call *call;
    bool is_starving; // curl has asked for more bytes than there were
    bool is_answered;
    struct buf theirs;     // the ETag of the store's answer; empty: the answer had none
    bool is_encrypted;     // the store encrypts it, so its ETag is no MD5
    struct digest *sha256; // of the file up to this part's end; NULL: the part isn't hashed yet
    unsigned char md5[MD5_BYTES];
};

struct s3_file {
    struct storage_file file; // first; its SHA-256 is of the bytes that `kept` counts
    struct s3_storage *s3;
    struct s3_file *next, **at;
    char *key, *content_type;
    int64_t expected; // -1: not known
    enum state state;
    struct http_call *call;     // of the upload; a part has its own
    struct loop_timer *telling; // a failure is to be told: a call of ready or done is owed

    struct hash_pipe *pipe; // NULL until the first bytes
    size_t half_bytes;      // of the pipe: so much of it is free before its writer goes on, and so
                            // much of a part is kept, to be sent again if a connection turns out
                            // to be dead
    bool is_gatherer, is_refused, wants_commit;
    bool is_stored; // the object is there, whole, under its key: we only have to make sure of it
    struct err err;

    char *upload_id;    // NULL: the file goes in one PUT
    struct part *parts; // parts on their way, in order: all but the last are sent whole
    int64_t begun;      // bytes in parts that are on their way or stored
    int64_t kept;       // bytes in parts that are stored
    struct buf md5s;    // of the stored parts, 16 bytes each
    struct buf etags;   // of the stored parts, in the form that the request to put them together
                        // wants
    char etag[64];      // the one that the object must have
    char *theirs;       // the one that the store says the only PUT has; NULL: none
    bool is_opaque;     // the store's ETags aren't MD5s
};

static struct s3_file *of(struct storage_file *file)
{
    return (struct s3_file *)file;
}

// The only place that changes the state.
static void file_move(struct s3_file *f, enum state next)
{
    assert(states[f->state].next & TO(next));
    log_debug("s3.move", "key=%s from=%s to=%s", f->key, states[f->state].name, states[next].name);
    f->state = next;
}

static void part_drop(struct part *part)
{
    http_cancel(&part->call);
    buf_clear(&part->first);
    buf_clear(&part->theirs);
    digest_free(part->sha256);
    free(part);
}

// The part that is being sent, or was sent last; NULL: none is on its way.
static struct part *last_part(const struct s3_file *f)
{
    struct part *part = f->parts;

    while (part != NULL && part->next != NULL)
        part = part->next;
    return part;
}

// Drops the parts that were on their way: they are lost.
static void drop_parts(struct s3_file *f)
{
    struct part *part;

    f->s3->pipes -= f->pipe != NULL;
    hash_pipe_drop(&f->pipe);
    while ((part = f->parts) != NULL) {
        f->parts = part->next;
        part_drop(part);
    }
}

// Failures.

static void on_telling(void *ctx)
{
    struct s3_file *f = ctx;

    f->telling = NULL;
    if (f->wants_commit) {
        f->file.done(&f->file, &f->err);
    } else if (f->is_refused) {
        f->is_refused = false;
        f->file.ready(&f->file, &f->err);
    }
}

// Tells of the failure later: whoever writes may be below us on the stack.
static void tell(struct s3_file *f)
{
    if (f->telling == NULL)
        f->telling = loop_after(f->s3->storage.loop, 0, on_telling, f);
}

static void file_fail(struct s3_file *f, const struct err *err)
{
    storage_s3_note_error(f->s3, err);
    http_cancel(&f->call);
    drop_parts(f);
    f->err = *err;
    file_move(f, FAILED);
    tell(f);
}

static void fail_answer(struct s3_file *f, const struct http_response *response,
                        const struct http_failure *failure)
{
    struct err err;

    if (failure != NULL)
        err_set(&err, ERR_UPSTREAM, "storage: %.200s", failure->err.message);
    else
        s3_error(response, &err);
    file_fail(f, &err);
}

// Sends a request whose answer is small.
static void file_ask(struct s3_file *f, enum state state, enum http_method method,
                     const char *query, struct http_request *request, http_done_fn done)
{
    struct http_options options = {.timeout_ms = CALL_TIMEOUT_MS, .ctx = f};
    struct err err;

    file_move(f, state);
    if (s3_request(f->s3->place, method, f->key, query, NULL, clock_wall_ms() / 1000, request,
                   &err))
        f->call = http_start(f->s3->http, request, &options, done);
    else
        file_fail(f, &err);
    http_request_clear(request);
}

static void file_go_on(struct s3_file *f);

// The end: is the object what was sent?

// The ETag of an encrypted object says nothing about its bytes, though it may look like an MD5.
// (AWS: Amazon S3 API Reference, common response headers; Checking object integrity.)
static bool is_encrypted(const struct http_response *response)
{
    struct buf scratch = {0};
    const char *how = http_header(response, "x-amz-server-side-encryption", &scratch);
    bool is = how != NULL && strncmp(how, "aws:kms", 7) == 0;

    is = is ||
         http_header(response, "x-amz-server-side-encryption-customer-algorithm", &scratch) != NULL;
    buf_clear(&scratch);
    return is;
}

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
    // An ETag of another form says nothing either.
    if (is_same && etag != NULL && strlen(etag) == strlen(f->etag) && *f->etag != '\0' &&
        strspn(etag + 1, "0123456789abcdef") == 32 && !f->is_opaque && !is_encrypted(response))
        is_same = strcmp(etag, f->etag) == 0;
    buf_clear(&scratch);
    if (!is_same) {
        err_set(&err, ERR_UPSTREAM, "storage: the store has something else than was sent");
        file_fail(f, &err);
        return;
    }
    *f->s3->last_error = '\0';
    file_move(f, OVER);
    f->file.done(&f->file, NULL);
}

static void check_object(struct s3_file *f)
{
    struct http_request request = {0};

    file_ask(f, CHECKING, HTTP_HEAD_, NULL, &request, on_checked);
}

// The whole label.

// Without it the object is as good: only whether it is whole counts.
static void on_labelled(void *ctx, const struct http_response *response,
                        const struct http_failure *failure)
{
    struct s3_file *f = ctx;

    f->call = NULL;
    if (failure != NULL || response->status != 200)
        log_debug("s3.unlabelled", "key=%s status=%d", f->key,
                  failure != NULL ? 0 : response->status);
    check_object(f);
}

// Only what we have sent gets our label: another attempt may have put its own bytes there.
static void label_object(struct s3_file *f)
{
    struct http_request request = {0};
    struct buf source = {0}, url = {0};
    char sha256[SHA256_HEX_BYTES];

    s3_url(f->s3->place, f->key, &url);
    buf_str(&source, strchr(strstr(url.data, "://") + 3, '/')); // bucket and key
    digest_hex(f->file.sha256, sha256);
    http_add_header(&request, "Content-Type", f->content_type);
    http_add_header(&request, "x-amz-copy-source", source.data);
    http_add_header(&request, "x-amz-copy-source-if-match", f->theirs);
    http_add_header(&request, "x-amz-metadata-directive", "REPLACE");
    storage_label_add(f->key, sha256, &request);
    file_ask(f, LABELLING, HTTP_PUT_, NULL, &request, on_labelled);
    buf_clear(&source);
    buf_clear(&url);
}

static bool has_label(const struct s3_file *f)
{
    return f->theirs != NULL && strncmp(f->key, "inputs/", 7) != 0;
}

// Putting the parts together.

static void file_on_closed(void *ctx, const struct http_response *response,
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
    file_fail(f, &err);
    return true;
}

static void close_upload(struct s3_file *f)
{
    struct http_request request = {0};
    struct digest *all;
    struct buf query = {0};
    size_t parts = f->md5s.len / MD5_BYTES;
    char hex[SHA256_HEX_BYTES];

    if (is_too_late(f))
        return;
    all = digest_new_md5();
    buf_str(&request.body, "<CompleteMultipartUpload>");
    buf_add(&request.body, f->etags.data, f->etags.len);
    buf_str(&request.body, "</CompleteMultipartUpload>");
    digest_add(all, f->md5s.data, f->md5s.len);
    digest_hex(all, hex);
    digest_free(all);
    snprintf(f->etag, sizeof f->etag, "\"%s-%zu\"", hex, parts);
    buf_str(&query, "uploadId=");
    buf_percent(&query, f->upload_id);
    http_add_header(&request, "Content-Type", "application/xml");
    file_ask(f, CLOSING, HTTP_POST_, query.data, &request, file_on_closed);
    buf_clear(&query);
}

// Parts, and the only PUT of a small file.

static void file_on_room(void *ctx)
{
    struct s3_file *f = ctx;

    // A writer goes on only once half of the pipe is free: each stop and start of a transfer costs
    // as much as a piece of it.
    if (!f->is_refused || hash_pipe_room(f->pipe) < f->half_bytes)
        return;
    f->is_refused = false;
    f->file.ready(&f->file, NULL);
}

// Keeps the first bytes that were sent: a connection that is dead says so soon.
static void keep_first(struct part *part, const char *data, size_t len)
{
    if (part->sent > (int64_t)part->file->half_bytes)
        buf_clear(&part->first);
    else
        buf_add(&part->first, data, len);
}

static bool on_rewind(void *ctx)
{
    struct part *part = ctx;
    const struct s3_file *f = part->file;
    bool is_late = f->wants_commit && clock_mono_ms() > f->file.deadline_ms;

    if (is_late || (int64_t)part->first.len != part->sent)
        return false;
    part->again = part->sent;
    return true;
}

static size_t send_again(struct part *part, char *to, size_t max)
{
    size_t len = part->again < (int64_t)max ? (size_t)part->again : max;

    memcpy(to, part->first.data + part->first.len - part->again, len);
    part->again -= (int64_t)len;
    return len;
}

static size_t part_on_source(void *ctx, char *to, size_t max)
{
    struct part *part = ctx;
    struct s3_file *f = part->file;
    int64_t left = part->bytes - part->sent;
    size_t len;
    bool is_all;

    if (part->again > 0)
        return send_again(part, to, max);

    // The last byte lets the object appear.
    if (f->upload_id == NULL && !f->wants_commit)
        left--;
    len = hash_pipe_read(f->pipe, to, left < (int64_t)max ? (size_t)left : max);
    part->sent += (int64_t)len;
    keep_first(part, to, len);
    part->is_starving = len == 0;
    is_all = part->sent == part->bytes;
    file_on_room(f);
    if (is_all)
        file_go_on(f); // the next part needn't wait for the answer
    return len;
}

// A part is stored once two things are there: the store's answer, and the MD5 that its ETag must
// have.
static void keep_parts(struct s3_file *f)
{
    struct part *part;
    char hex[SHA256_HEX_BYTES];
    struct err err;

    while ((part = f->parts) != NULL && part->is_answered && part->sha256 != NULL) {
        hex_encode(part->md5, MD5_BYTES, hex);
        snprintf(f->etag, sizeof f->etag, "\"%s\"", hex);
        // An ETag of another length is no MD5.
        if (!part->is_encrypted && part->theirs.len == strlen(f->etag) &&
            strcmp(part->theirs.data, f->etag) != 0) {
            err_set(&err, ERR_UPSTREAM, "storage: the store has got something else than was sent");
            file_fail(f, &err);
            return;
        }
        f->is_opaque |= part->is_encrypted || part->theirs.len != strlen(f->etag);
        f->kept += part->bytes;
        digest_free(f->file.sha256);
        f->file.sha256 = part->sha256;
        part->sha256 = NULL;
        buf_add(&f->md5s, part->md5, MD5_BYTES);
        buf_fmt(&f->etags, "<Part><PartNumber>%zu</PartNumber><ETag>%s</ETag></Part>",
                f->md5s.len / MD5_BYTES, part->theirs.len > 0 ? part->theirs.data : f->etag);
        f->is_stored = f->upload_id == NULL;
        if (f->is_stored)
            mem_set_str(&f->theirs, part->theirs.len > 0 ? part->theirs.data : NULL);
        f->parts = part->next;
        part_drop(part);
    }
    file_go_on(f);
}

static void on_hashed(void *ctx, const unsigned char md5[MD5_BYTES], struct digest *sha256)
{
    struct s3_file *f = ctx;
    struct part *part = f->parts;

    while (part->sha256 != NULL)
        part = part->next;
    part->sha256 = sha256;
    memcpy(part->md5, md5, MD5_BYTES);
    keep_parts(f);
    if (f->pipe != NULL)
        file_on_room(f);
}

static void part_on_sent(void *ctx, const struct http_response *response,
                         const struct http_failure *failure)
{
    struct part *part = ctx;
    struct err err;

    part->call = NULL;
    if (failure != NULL || response->status != 200) {
        fail_answer(part->file, response, failure);
        return;
    }
    if (part->sent < part->bytes) {
        err_set(&err, ERR_UPSTREAM, "storage: the store has answered before it had everything");
        file_fail(part->file, &err);
        return;
    }
    http_header(response, "etag", &part->theirs);
    if (strpbrk(buf_text(&part->theirs), "<&") != NULL) // the ETag goes into XML
        buf_reset(&part->theirs);
    part->is_encrypted = is_encrypted(response);
    part->is_answered = true;
    keep_parts(part->file);
}

static void send_part(struct s3_file *f, int64_t bytes)
{
    struct part *part = mem_new(struct part), **last = &f->parts;
    struct http_options options = {.low_speed_ms = LOW_SPEED_MS,
                                   .on_source = part_on_source,
                                   .on_rewind = on_rewind,
                                   .source_bytes = bytes,
                                   .ctx = part};
    struct http_request request = {0};
    struct buf query = {0};
    size_t number = f->md5s.len / MD5_BYTES + 1;
    struct err err;

    for (; *last != NULL; last = &(*last)->next)
        number++;
    *last = part;
    part->file = f;
    part->bytes = bytes;
    f->begun += bytes;
    hash_pipe_part(f->pipe, bytes);
    if (f->upload_id != NULL) {
        buf_fmt(&query, "partNumber=%zu&uploadId=", number);
        buf_percent(&query, f->upload_id);
    } else {
        http_add_header(&request, "Content-Type", f->content_type);
        storage_label_add(f->key, NULL, &request);
    }
    if (s3_request(f->s3->place, HTTP_PUT_, f->key, f->upload_id == NULL ? NULL : query.data,
                   SIGV4_UNSIGNED, clock_wall_ms() / 1000, &request, &err))
        part->call = http_start(f->s3->http, &request, &options, part_on_sent);
    else
        file_fail(f, &err);
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
    file_move(f, WRITING);
    file_go_on(f);
}

static void open_upload(struct s3_file *f)
{
    struct http_request request = {0};

    http_add_header(&request, "Content-Type", f->content_type);
    storage_label_add(f->key, NULL, &request);
    file_ask(f, OPENING, HTTP_POST_, "uploads=", &request, on_opened);
}

// Does the file go in one PUT? Not once an upload in parts is open.
static bool is_single(const struct s3_file *f)
{
    return f->is_gatherer ? f->wants_commit : f->expected <= SINGLE_MAX_BYTES;
}

// How many bytes the next PUT will have; 0: it can't be begun yet.
static int64_t next_bytes(const struct s3_file *f)
{
    int64_t unread = f->pipe == NULL ? 0 : (int64_t)hash_pipe_unread(f->pipe);
    int64_t left = f->expected - f->begun, least = f->expected / PARTS_MAX + 1;
    int64_t part = least > PART_BYTES ? least : PART_BYTES;

    if (f->is_gatherer)
        return unread >= GATHERED_BYTES || f->wants_commit ? unread : 0;
    return unread == 0 ? 0 : left < part ? left : part;
}

// Does what can be done next.
static void file_go_on(struct s3_file *f)
{
    struct part *last = last_part(f);
    int64_t bytes;

    if (f->state != WRITING)
        return;
    if (last != NULL && last->sent < last->bytes) {
        http_resume(last->call);
        return;
    }
    bytes = next_bytes(f);
    if (bytes > 0 && f->upload_id == NULL && !is_single(f))
        open_upload(f);
    else if (bytes > 0 && (last == NULL || last == f->parts))
        send_part(f, bytes);
    else if (f->wants_commit && f->is_stored && has_label(f))
        label_object(f);
    else if (f->wants_commit && f->is_stored)
        check_object(f);
    else if (f->wants_commit && f->kept == f->file.size && f->upload_id != NULL)
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

// The pipe comes with the file's first bytes. There are only a few large pipes: a file that must
// wait for one is told when one is free.
static bool has_pipe(struct s3_file *f)
{
    size_t bytes = f->s3->pipes < LARGE_PIPES_MAX ? PIPE_BYTES : SMALL_PIPE_BYTES;

    if (f->pipe != NULL)
        return true;
    if (f->expected < 0 && f->s3->gatherers == GATHERERS_MAX)
        return false;
    f->is_gatherer = f->expected < 0;
    f->s3->gatherers += f->is_gatherer;
    // While on_room holds its writer back, there must be enough in the pipe to send a part.
    f->pipe = hash_pipe_new(f->s3->storage.loop, f->is_gatherer ? GATHERED_BYTES + bytes : bytes,
                            digest_copy(f->file.sha256), on_hashed, file_on_room, f);
    f->half_bytes = bytes / 2;
    f->s3->pipes++;
    return true;
}

bool storage_s3_file_write(struct storage_file *file, const void *data, size_t len)
{
    struct s3_file *f = of(file);
    struct err err;

    if (f->state != FAILED && f->expected >= 0 && (int64_t)len > f->expected - file->size) {
        err_set(&err, ERR_UPSTREAM, "storage: the file is longer than was announced");
        file_fail(f, &err);
    }
    if (f->state != FAILED && has_pipe(f) && hash_pipe_write(f->pipe, data, len)) {
        const struct part *last = last_part(f);

        // A slow writer's bytes go on in time, or the store gives up on them.
        if (last != NULL && last->is_starving && hash_pipe_unread(f->pipe) >= TRICKLE_BYTES)
            file_go_on(f);
        return true;
    }
    f->is_refused = true;
    if (f->state == FAILED)
        tell(f);
    else
        file_go_on(f);
    return false;
}

void storage_s3_file_commit(struct storage_file *file)
{
    struct s3_file *f = of(file);

    f->wants_commit = true;
    if (f->state == FAILED)
        tell(f);
    else if (f->upload_id != NULL || !is_too_late(f))
        file_go_on(f);
}

bool storage_s3_file_recover(struct storage_file *file)
{
    struct s3_file *f = of(file);

    if (f->state != FAILED || f->is_gatherer)
        return false;
    f->file.size = f->begun = f->kept;
    file_move(f, WRITING);
    f->is_refused = f->wants_commit = false;
    return true;
}

void storage_s3_file_drop(struct storage_file *file)
{
    struct s3_file *f = of(file);
    struct s3_storage *s3 = f->s3;

    http_cancel(&f->call);
    loop_cancel(&f->telling);
    drop_parts(f);
    if (f->upload_id != NULL)
        storage_s3_delete(s3, f->key, f->upload_id);
    *f->at = f->next;
    if (f->next != NULL)
        f->next->at = f->at;
    s3->gatherers -= f->is_gatherer;
    // A large pipe is free: whoever waits for one may go on.
    for (struct s3_file *other = s3->files; f->is_gatherer && other != NULL; other = other->next) {
        if (other->expected < 0 && other->pipe == NULL && other->is_refused &&
            other->state == WRITING) {
            other->is_refused = false;
            other->file.ready(&other->file, NULL);
            break;
        }
    }
    digest_free(f->file.sha256);
    buf_clear(&f->md5s);
    buf_clear(&f->etags);
    free(f->key);
    free(f->content_type);
    free(f->theirs);
    free(f);
}
