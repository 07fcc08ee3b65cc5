// One file's way from the vendor to storage: what file is it, is it all there, is it still the
// same?
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/message/media_type.h"
#include "core/storage/storage.h"
#include "providers/provider.h"
#include "workers/archive_private.h"
#include "workers/archive_result.h"
#include "workers/vendor.h"

enum { RESUME_WAIT_MS = 500, MAX_RESUMES = 3, MAX_REDIRECTS = 3 };
// How long a host may be silent. Hardly so long where there may be no such file.
enum { LOW_SPEED_MS = 20000, VARIANT_LOW_SPEED_MS = 10000 };

// No file is so large, or so long under way. One without an end would fill the storage, or keep its
// place, for ever.
enum { LONGEST_MS = 24 * 3600 * 1000 };
static const int64_t largest_bytes = 16LL << 30;

static const char no_such_media[] = "what the vendor's link gives is no such media";

// Is the answer a part of the same file, from where we are? (RFC 9110 15.3.7; not every server
// minds If-Range)
static bool is_the_rest(const struct archive *a, const struct http_response *head)
{
    struct buf scratch = {0};
    const char *range = http_header(head, "content-range", &scratch), *etag;
    long long from, to, whole;
    bool is = range != NULL && sscanf(range, "bytes %lld-%lld/%lld", &from, &to, &whole) == 3 &&
              storage_size(a->file) > 0 && from == storage_size(a->file) && to == whole - 1 &&
              (a->expected < 0 || whole == a->expected);

    etag = http_header(head, "etag", &scratch);
    is = is && (etag == NULL || a->etag == NULL || strcmp(etag, a->etag) == 0);
    buf_clear(&scratch);
    return is;
}

// The first bytes of an answer: is it the file, or the rest of it?
static void fetch_begin(struct archive *a, const struct http_response *head)
{
    struct buf scratch = {0};
    const char *etag;

    if (head->status == 206 && is_the_rest(a, head))
        return; // it goes on where it was cut
    if (head->status != 200) {
        a->is_other = true;
        return;
    }
    storage_drop(&a->file);
    buf_reset(&a->lead);
    // A chunked body has the length that it has, whatever other headers say. (RFC 9112 6.3)
    a->expected = a->is_inline || http_header(head, "transfer-encoding", &scratch) != NULL
                      ? -1
                      : http_header_number(head, "content-length", "");
    etag = http_header(head, "etag", &scratch);
    mem_set_str(&a->etag,
                !a->is_inline && etag != NULL && strncmp(etag, "W/", 2) != 0 ? etag : NULL);
    buf_clear(&scratch);
}

// Its kind and its type must fit. A relay that knows of no variants gives the video for each.
static bool is_wanted(const struct archive *a, const struct media_type *type)
{
    const json_t *source = archive_source(a);
    const char *kind = field_str_or_empty(source, "kind");

    if (archive_is_variant(source))
        return type != NULL && strcmp(type->kind, "image") == 0;
    return type != NULL && (strcmp(kind, "cover") == 0 || strcmp(kind, type->kind) == 0 ||
                            // a vendor may name both alike
                            (strcmp(kind, "image") == 0 && strcmp(type->kind, "video") == 0));
}

static void fetch_on_room(void *ctx, const struct err *err)
{
    struct archive *a = ctx;

    if (err != NULL)
        archive_recover(a, err);
    else if (a->call != NULL)
        vendor_resume(a->call);
}

// The file's first bytes are there: what is it, and what will it be called?
static void fetch_start_file(struct archive *a)
{
    char *key;

    a->type = media_type_of(a->lead.data, a->lead.len);
    a->is_wrong = !is_wanted(a, a->type);
    if (a->is_wrong)
        return;
    key = archive_key(a->job.task, archive_result_number(a->result, a->index), a->type->extension);
    snprintf(a->key_text, sizeof a->key_text, "%s", key);
    free(key);
    a->file = storage_create(a->job.bench->storage, a->key_text, a->type->content_type, a->expected,
                             fetch_on_room, a);
}

static bool fetch_write_lead(struct archive *a)
{
    if (!storage_write(a->file, a->lead.data, a->lead.len))
        return false;
    buf_clear(&a->lead);
    return true;
}

// The last byte is there.
static void fetch_on_whole(struct archive *a)
{
    if (a->file == NULL && a->lead.len > 0)
        fetch_start_file(a); // the file is shorter than the bytes that we wait for
    if (a->is_wrong)
        archive_miss(a, MISS_LINK, no_such_media);
    else if (a->file == NULL)
        archive_miss(a, MISS_LINK, "the vendor's file is empty");
    else if (a->lead.len > 0 && !fetch_write_lead(a))
        archive_miss(a, MISS_STORAGE, "storage: busy");
    else
        archive_store(a);
}

// The file's next bytes; false: there is no room now. A piece that comes again may be in `lead`.
static bool fetch_take(struct archive *a, const void *data, size_t len)
{
    if (a->file != NULL && a->lead.len == 0)
        return storage_write(a->file, data, len);
    if (a->file == NULL) {
        buf_add(&a->lead, data, len);
        if (a->lead.len < MEDIA_HEAD_BYTES)
            return true;
        fetch_start_file(a);
    }
    return a->is_wrong || fetch_write_lead(a);
}

// A piece of the JSON that the file is in. A piece that comes again has been decoded before.
static bool fetch_on_inline_data(struct archive *a, const void *data, size_t len)
{
    if (a->decoded.len == 0 && !json_inline_feed(&a->scan, data, len, NULL, &a->decoded))
        a->is_other = true;
    if (a->decoded.len > 0 && !fetch_take(a, a->decoded.data, a->decoded.len))
        return false;
    buf_reset(&a->decoded);
    return true;
}

static bool fetch_on_data(void *ctx, const struct http_response *head, const void *data, size_t len)
{
    struct archive *a = ctx;
    bool is_taken;

    if (!a->has_begun) {
        a->has_begun = true;
        fetch_begin(a, head);
    }
    if (a->is_other)
        return true; // an error's page
    is_taken = a->is_inline ? fetch_on_inline_data(a, data, len) : fetch_take(a, data, len);
    if (is_taken && a->is_wrong) // it may be large: we don't read it to its end
        archive_miss(a, MISS_LINK, no_such_media);
    else if (is_taken && (a->expected > largest_bytes || storage_size(a->file) > largest_bytes))
        archive_miss(a, MISS_LINK, "the vendor's file is too large");
    return is_taken;
}

// A link in a vendor's answer may lead to the account's own host and port, or to public addresses.
static bool fetch_on_address(const struct sockaddr *address, void *ctx)
{
    struct archive *a = ctx;
    const char *own = a->job.account->base_url;
    bool may = reach_has(&a->job.bench->config->vendors_reach, address) ||
               (own != NULL && (url_same_origin(a->url, own) || url_is_at(own, address)));

    a->is_blocked = !may;
    return may;
}

static bool fetch_follow_redirect(struct archive *a, const struct http_response *response)
{
    struct buf url = {0};
    bool ok = a->redirects < MAX_REDIRECTS && http_redirect(response, a->url, &url);

    if (ok) {
        mem_set_str(&a->url, url.data);
        a->redirects++;
    }
    buf_clear(&url);
    return ok;
}

static void fetch_on_answer(void *ctx, const struct http_response *response,
                            const struct http_failure *failure)
{
    struct archive *a = ctx;
    char why[80];
    bool is_short;

    a->call = NULL;
    is_short = !a->is_other && storage_size(a->file) + (int64_t)a->lead.len < a->expected;
    if (failure != NULL || (is_short && response->status < 300)) {
        if (is_short && storage_size(a->file) > 0 && a->etag != NULL && a->resumes < MAX_RESUMES) {
            a->resumes++;
            archive_fetch(a);
            return;
        }
        // A link of another scheme is as good as dead. Where links may lead is for the operator to
        // say.
        archive_miss(a,
                     a->is_blocked                                         ? MISS_BLOCKED
                     : failure != NULL && failure->err.code == ERR_REFUSED ? MISS_LINK
                                                                           : MISS_WAY,
                     failure != NULL ? failure->err.message : "the vendor's file came short");
        return;
    }
    if (fetch_follow_redirect(a, response)) {
        archive_fetch(a);
    } else if (response->status != 200 && response->status != 206) {
        snprintf(why, sizeof why, "the vendor's link answers HTTP %d", response->status);
        archive_miss(a, response->status < 500 && response->status != 429 ? MISS_LINK : MISS_WAY,
                     why);
    } else if (a->is_inline && a->scan.state != INLINE_OUTSIDE) {
        archive_miss(a, MISS_WAY, "the vendor's file came short");
    } else if (a->expected >= 0 && storage_size(a->file) > a->expected) {
        archive_miss(a, MISS_WAY, "the vendor's file is longer than it said");
    } else if (a->is_other && a->file != NULL && response->status == 206) {
        archive_miss(a, MISS_WAY, "the vendor's file has changed"); // the next attempt begins anew
    } else if (!a->has_begun || a->is_other) {
        archive_miss(a, MISS_LINK, "the vendor's file is empty");
    } else {
        fetch_on_whole(a);
    }
}

// The vendor's file, or the answer to a poll with the file in it.
static bool fetch_build(struct archive *a, struct http_request *request, struct err *err)
{
    const struct dialect *dialect = a->job.account->dialect;

    if (a->is_inline) {
        a->scan = (struct json_inline){
            .keys = dialect->inline_keys,
            .wanted = strtol(a->url + strlen(ARCHIVE_INLINE), NULL, 10),
        };
        buf_reset(&a->decoded);
        return dialect->build_poll(a->job.task, a->job.account, request, err);
    }
    *request = (struct http_request){.method = HTTP_GET_, .url = mem_str(a->url)};
    if (dialect->build_fetch != NULL)
        dialect->build_fetch(a->job.account, a->url, request);
    return true;
}

void archive_fetch(struct archive *a)
{
    struct http_request request = {0};
    struct vendor_options options = {.kind = "fetch",
                                     .http = {.timeout_ms = LONGEST_MS,
                                              .low_speed_ms = LOW_SPEED_MS,
                                              .on_data = fetch_on_data,
                                              .ctx = a}};
    int64_t have = storage_size(a->file);
    enum archive_entry entry;
    struct err err;

    job_move(&a->job, ARCHIVE_FETCHING);
    entry = archive_enter_host(a);
    if (entry == ARCHIVE_BUSY)
        archive_wait_for_host(a);
    if (entry != ARCHIVE_ENTERED)
        return;
    if (!fetch_build(a, &request, &err)) {
        http_request_clear(&request);
        archive_miss(a, MISS_LINK, err.message);
        return;
    }
    // A file waits for its storage, so it isn't offered HTTP/2, where curl would collect meanwhile
    // what comes of it, as much as 32 MB (curl's issue 4939).
    options.http.wants_plain = !a->is_inline; // a file's length counts
    if (!a->is_inline)
        options.http.on_address = fetch_on_address;
    if (archive_is_variant(archive_source(a)))
        options.http.low_speed_ms = VARIANT_LOW_SPEED_MS;
    if (have > 0 && a->etag != NULL) {
        struct buf range = {0};

        buf_fmt(&range, "bytes=%lld-", (long long)have);
        http_add_header(&request, "Range", range.data);
        http_add_header(&request, "If-Range", a->etag);
        buf_clear(&range);
    } else {
        storage_drop(&a->file); // from the beginning
        buf_reset(&a->lead);
        a->expected = -1;
    }
    a->has_begun = a->is_other = a->is_wrong = a->is_noted = a->is_blocked = false;
    a->call =
        vendor_start(a->job.bench->vendors, a->job.account, &request, &options, fetch_on_answer);
    http_request_clear(&request);
}

// After a failure of the storage.

static void fetch_on_resuming(void *ctx)
{
    struct archive *a = ctx;

    a->resuming = NULL;
    if (storage_size(a->file) == a->expected)
        fetch_on_whole(a); // only the file's end has failed
    else
        archive_fetch(a);
}

// The storage gets a moment: what has failed at once would fail at once again.
void archive_recover(struct archive *a, const struct err *err)
{
    a->is_noted = err->code == ERR_CONFIG;
    if (a->resumes < MAX_RESUMES && storage_recover(a->file)) {
        log_info("archive.resumed", "task=%s bytes=%lld error=\"%s\"", a->job.task->id,
                 (long long)storage_size(a->file), err->message);
        vendor_cancel(&a->call);
        job_move(&a->job, ARCHIVE_RESUMING);
        a->resuming =
            loop_after(a->job.bench->loop, RESUME_WAIT_MS << a->resumes, fetch_on_resuming, a);
        a->resumes++;
    } else {
        archive_miss(a, MISS_STORAGE, err->message);
    }
}
