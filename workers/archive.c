// Archiving: each file the vendor gives is streamed to storage, with size and SHA-256, then the
// task has succeeded. The claim is a lease; it is renewed every third, and checked before each
// rename.
//
//  start ─▶ FETCHING ── last byte ──▶ HOLDING ── ours ──▶ COMMITTING ─▶ next file, or over
//              ├── cut, resumable ──▶ FETCHING (Range)       └── not ours ──▶ dropped
//              └── no ──▶ later (the lease moves), or failed where the link is dead
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/field.h"
#include "core/base/http.h"
#include "core/base/json_inline.h"
#include "core/base/log.h"
#include "core/base/media_type.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/io/loop.h"
#include "core/io/storage.h"
#include "core/store/queue.h"
#include "core/store/store.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "workers/archive_result.h"
#include "workers/jobs.h"
#include "workers/vendor.h"
#include "workers/worker.h"

enum { RESUME_WAIT_MS = 500, MAX_RESUMES = 3, MAX_REDIRECTS = 3, LOW_SPEED_MS = 20000 };
// A link that is refused so long after the vendor was done is dead.
enum { DEAD_AFTER_MS = 10000, FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 60000 };

static const char inline_prefix[] = "inline:";

struct archive {
    struct job job;
    json_t *result;         // as stored; becomes the final one
    json_t *artifacts;      // ours, done so far
    size_t index;           // of the source being fetched
    int64_t lease_until_ms; // of our monotonic clock
    int64_t asked_ms;       // of it: when the lease was asked for last

    char *url;
    unsigned redirects, resumes;
    char *etag;                    // of what was begun; NULL: it can't be resumed
    int64_t expected;              // of the whole file; -1: not told
    struct buf lead;               // the file's first bytes, until they say what it is
    const struct media_type *type; // of the file
    bool has_begun;                // the answer's first bytes have come
    bool is_other;                 // the answer isn't what was asked for: its body is not kept
    bool is_wrong;                 // the file is no such media: neither

    struct json_inline scan; // of a file inside the answer to a poll
    struct buf decoded;      // of it, what storage had no room for yet
    bool is_inline;
    bool is_refreshed; // the vendor was asked for new links
    char why[160];     // it was

    struct storage_file *file;
    struct vendor_call *call;
    struct loop_timer *renew;
    struct loop_timer *resuming; // after a failure of the storage
    struct store_call *held, *stored;
    char key_text[256];
};

static void fetch(struct archive *a);
static void on_lost(struct archive *a, const struct err *err);
static void start_file(struct archive *a);
static void on_whole(struct archive *a);
static bool write_lead(struct archive *a);

static void drop(struct job *job)
{
    struct archive *a = (struct archive *)job;

    vendor_cancel(&a->call);
    storage_drop(&a->file);
    loop_cancel(&a->renew);
    loop_cancel(&a->resuming);
    store_cancel(&a->held);
    store_cancel(&a->stored);
    buf_clear(&a->lead);
    json_decref(a->result);
    json_decref(a->artifacts);
    free(a->url);
    free(a->etag);
    buf_clear(&a->decoded);
    job->worker->archives--;
    job_clear(job);
    free(a);
}

static void finish(struct archive *a)
{
    struct worker *worker = a->job.worker;

    drop(&a->job);
    worker_wake(worker);
}

static const json_t *source_of(const struct archive *a)
{
    return json_array_get(json_object_get(a->result, "sources"), a->index);
}

static void end_with(struct archive *a, struct change *change)
{
    change->task = a->job.task;
    worker_change(a->job.worker, change);
    finish(a);
}

static void succeed(struct archive *a)
{
    struct change change = CHANGE_TO(TASK_SUCCEEDED);
    char *result;

    json_object_del(a->result, "sources");
    json_object_del(a->result, "kept");
    json_object_del(a->result, "next");
    json_object_set(a->result, "artifacts", a->artifacts);
    result = json_dumps(a->result, JSON_COMPACT);
    log_info("task.succeeded", "task=%s artifacts=%zu", a->job.task->id,
             json_array_size(a->artifacts));
    metric_add(METRIC_tasks_succeeded_total, 1);
    change.result = result;
    change.word = "archived";
    end_with(a, &change);
    free(result);
}

static bool is_text(const json_t *source)
{
    return strcmp(field_str_or_empty(source, "kind"), "text") == 0;
}

static bool is_inline(const struct archive *a, const json_t *source)
{
    return strncmp(field_str_or_empty(source, "url"), inline_prefix, strlen(inline_prefix)) == 0 &&
           a->job.provider->inline_keys != NULL;
}

static void keep_text(struct archive *a, const json_t *source)
{
    json_array_append_new(a->artifacts, json_pack("{s:s,s:s}", "kind", "text", "text",
                                                  field_str_or_empty(source, "url")));
}

// Can whoever has the link get the file? Not where it takes the account's key.
static bool is_open(const struct archive *a, const json_t *source)
{
    const struct provider *provider = a->job.provider;
    struct http_request request = {0};
    bool is;

    if (is_text(source))
        return true;
    if (is_inline(a, source))
        return false;
    if (provider->build_fetch != NULL)
        provider->build_fetch(a->job.account, field_str_or_empty(source, "url"), &request);
    is = request.headers.len == 0 && !request.wants_token;
    http_request_clear(&request);
    return is;
}

// The operator may prefer the vendor's links to nothing; they are marked as such. False: they are
// of no use to anybody else.
static bool succeed_with_links(struct archive *a)
{
    const json_t *sources = json_object_get(a->result, "sources");
    const json_t *source;

    if (json_array_size(sources) == 0)
        return false;
    for (size_t i = a->index; i < json_array_size(sources); i++)
        if (!is_open(a, json_array_get(sources, i)))
            return false;
    for (; (source = source_of(a)) != NULL; a->index++) {
        const char *of = field_str_or_empty(source, "of");
        json_t *link;

        if (is_text(source)) {
            keep_text(a, source);
            continue;
        }
        link = json_pack("{s:s,s:s,s:b}", "kind", field_str_or_empty(source, "kind"), "url",
                         field_str_or_empty(source, "url"), "archived", 0);
        if (*of != '\0')
            json_object_set_new(link, "of", json_string(of));
        json_array_append_new(a->artifacts, link);
    }
    succeed(a);
    return true;
}

static void give_up(struct archive *a, const char *why)
{
    struct change change = CHANGE_TO(TASK_FAILED);
    char message[240];

    if (a->job.worker->config->storage.on_failure == ON_FAILURE_VENDOR_URL &&
        a->job.provider != NULL && succeed_with_links(a))
        return;
    snprintf(message, sizeof message, "the result couldn't be archived: %s", why);
    log_warn("task.failed", "task=%s code=archive_failed reason=\"%s\"", a->job.task->id, why);
    metric_add(METRIC_tasks_failed_total, 1);
    change.error_code = "archive_failed";
    change.error_message = message;
    change.word = "failed";
    change.detail = message;
    end_with(a, &change);
}

static void next_source(struct archive *a);
static bool refresh(struct archive *a, const char *why);

// Nothing is lost by going on without it: a cover, a preview.
static void leave_out(struct archive *a, const char *why)
{
    log_warn("archive.left_out", "task=%s kind=%s reason=\"%s\"", a->job.task->id,
             field_str_or_empty(source_of(a), "kind"), why);
    vendor_cancel(&a->call);
    storage_drop(&a->file);
    a->index++;
    next_source(a);
}

// For how long this link has been refused, by now.
static int64_t refused_for_ms(struct archive *a)
{
    json_t *source = (json_t *)source_of(a);
    int64_t now_ms = store_now_ms(a->job.worker->store);

    if (json_object_get(source, "refused_ms") == NULL)
        json_object_set_new(source, "refused_ms", json_integer(now_ms));
    return now_ms - json_integer_value(json_object_get(source, "refused_ms"));
}

// `is_refused`: the link itself seems to be dead, not the way to it.
static void try_later(struct archive *a, const char *why, bool is_refused)
{
    int64_t elapsed_ms = store_now_ms(a->job.worker->store) - a->job.task->archive_ms;
    int64_t life_ms = a->job.provider->link_life_ms, wait_ms;
    struct change change = CHANGE_TO(TASK_ARCHIVING);
    char *result;

    if (is_refused && refresh(a, why))
        return;
    if (is_refused) {
        elapsed_ms = refused_for_ms(a);
        // An answer with the file in it is one to a poll, whose "unknown" isn't believed at once.
        life_ms = a->is_inline ? a->job.provider->missing_grace_ms : DEAD_AFTER_MS;
    }
    metric_add(METRIC_archive_failures_total, 1);
    log_warn("archive.failed", "task=%s account=%s error=\"%s\"", a->job.task->id,
             a->job.task->account, why);
    if (elapsed_ms > life_ms) {
        if (json_is_true(json_object_get(source_of(a), "optional")))
            leave_out(a, why);
        else
            give_up(a, why);
        return;
    }
    // What is done needn't be done again.
    json_object_set(a->result, "kept", a->artifacts);
    json_object_set_new(a->result, "next", json_integer((json_int_t)a->index));
    result = json_dumps(a->result, JSON_COMPACT);
    change.result = result;
    wait_ms = elapsed_ms / 2;
    change.delay_ms = wait_ms < FIRST_WAIT_MS     ? FIRST_WAIT_MS
                      : wait_ms > LONGEST_WAIT_MS ? LONGEST_WAIT_MS
                                                  : wait_ms;
    change.word = "archive_failed";
    change.detail = why;
    end_with(a, &change);
    free(result);
}

// A link that is refused may have expired while it wasn't looked at: asked again, many vendors give
// a new one.

// The sources as they are now, in the place of the old; false where they are the same.
static bool take_new_sources(struct archive *a, const struct outcome *outcome)
{
    char *text = outcome_result(outcome);
    json_t *result = json_loads(text, 0, NULL), *sources = json_object_get(result, "sources");
    const char *url = field_str_or_empty(json_array_get(sources, a->index), "url");
    // As many as before, or it is not known which is which.
    bool ok = json_array_size(sources) == json_array_size(json_object_get(a->result, "sources")) &&
              *url != '\0' && strcmp(url, field_str_or_empty(source_of(a), "url")) != 0;

    if (ok)
        json_object_set(a->result, "sources", sources);
    json_decref(result);
    free(text);
    return ok;
}

static void on_refreshed(void *ctx, const struct http_response *response,
                         const struct http_failure *failure)
{
    struct archive *a = ctx;
    struct outcome outcome = {0};
    struct err err;
    bool is_told, is_new;

    a->call = NULL;
    is_told = failure == NULL && a->job.provider->read_poll(a->job.task, response, &outcome, &err);
    is_new = is_told && outcome.kind == OUTCOME_SUCCEEDED && take_new_sources(a, &outcome);
    outcome_clear(&outcome);
    if (is_new) {
        log_info("archive.refreshed", "task=%s", a->job.task->id);
        next_source(a);
    } else {
        try_later(a, a->why, is_told); // whom we couldn't ask may have a new link
    }
}

// Once in an attempt. False: it was done before, or can't be.
static bool refresh(struct archive *a, const char *why)
{
    struct vendor_options options = {
        .http = {.timeout_ms = a->job.provider->poll_timeout_ms, .ctx = a}};
    struct http_request request = {0};
    struct err err;

    if (a->is_refreshed || a->is_inline || a->job.task->upstream_id == NULL)
        return false;
    a->is_refreshed = true;
    if (!a->job.provider->build_poll(a->job.task, a->job.account, &request, &err)) {
        http_request_clear(&request);
        return false;
    }
    snprintf(a->why, sizeof a->why, "%s", why);
    storage_drop(&a->file);
    vendor_cancel(&a->call);
    a->call =
        vendor_start(a->job.worker->vendors, a->job.account, &request, &options, on_refreshed);
    http_request_clear(&request);
    return true;
}

// The lease.

static void on_renewed(void *ctx, bool is_ours, const struct err *err)
{
    struct archive *a = ctx;

    a->held = NULL;
    if (is_ours) {
        a->lease_until_ms = a->asked_ms + a->job.worker->config->lease_ms / 2;
    } else if (err == NULL) {
        metric_add(METRIC_stale_writes_total, 1);
        log_warn("archive.lease_lost", "task=%s", a->job.task->id);
        finish(a);
    }
}

static void on_renew(void *ctx)
{
    struct archive *a = ctx;
    int64_t lease_ms = a->job.worker->config->lease_ms;

    a->renew = loop_after(a->job.worker->loop, lease_ms / 3, on_renew, a);
    if (a->held != NULL)
        return;
    a->asked_ms = clock_mono_ms();
    a->held = queue_hold(a->job.worker->store, a->job.task, lease_ms, on_renewed, a);
}

// One file is whole: is it still ours to store?

static void on_committed(void *ctx, const struct err *err)
{
    struct archive *a = ctx;
    const char *of = field_str_or_empty(source_of(a), "of");
    char sha256[SHA256_HEX_BYTES];
    json_t *artifact;

    if (err != NULL) {
        on_lost(a, err);
        return;
    }
    storage_sha256(a->file, sha256);
    artifact = json_pack(
        "{s:s,s:s,s:s,s:I,s:s}", "kind",
        strcmp(field_str_or_empty(source_of(a), "kind"), "cover") == 0 ? "cover" : a->type->kind,
        "key", a->key_text, "content_type", a->type->content_type, "bytes",
        (json_int_t)storage_size(a->file), "sha256", sha256);
    if (*of != '\0')
        json_object_set_new(artifact, "of", json_string(of));
    json_array_append_new(a->artifacts, artifact);
    metric_add(METRIC_archived_files_total, 1);
    metric_add(METRIC_archived_bytes_total, storage_size(a->file));
    storage_drop(&a->file);
    a->index++;
    next_source(a);
}

static void on_checked(void *ctx, bool is_ours, const struct err *err)
{
    struct archive *a = ctx;

    on_renewed(a, is_ours, err);
    if (is_ours)
        storage_commit(a->file, a->lease_until_ms, on_committed, a);
    else if (err != NULL)
        try_later(a, err->message, false);
}

static void on_whole(struct archive *a)
{
    if (a->file == NULL && a->lead.len > 0 && !a->is_wrong)
        start_file(a); // shorter than what tells
    if (a->is_wrong) {
        try_later(a, "what the vendor's link gives is no such media", true);
    } else if (a->file == NULL) {
        try_later(a, "the vendor's file is empty", true);
    } else if (a->lead.len > 0 && !write_lead(a)) {
        try_later(a, "storage: busy", false);
    } else {
        store_cancel(&a->held);
        a->asked_ms = clock_mono_ms();
        a->held = queue_hold(a->job.worker->store, a->job.task, a->job.worker->config->lease_ms,
                             on_checked, a);
    }
}

// Fetching.

static void on_resuming(void *ctx)
{
    struct archive *a = ctx;

    a->resuming = NULL;
    if (storage_size(a->file) == a->expected)
        on_whole(a); // only the end of it has failed
    else
        fetch(a);
}

// What was written is lost, but for parts that the store has already. It gets a moment: what fails
// at once would fail again at once.
static void on_lost(struct archive *a, const struct err *err)
{
    if (a->resumes < MAX_RESUMES && storage_recover(a->file)) {
        log_info("archive.resumed", "task=%s bytes=%lld error=\"%s\"", a->job.task->id,
                 (long long)storage_size(a->file), err->message);
        vendor_cancel(&a->call);
        a->resuming = loop_after(a->job.worker->loop, RESUME_WAIT_MS << a->resumes, on_resuming, a);
        a->resumes++;
    } else {
        try_later(a, err->message, false);
    }
}

static void on_room(void *ctx, const struct err *err)
{
    struct archive *a = ctx;

    if (err != NULL)
        on_lost(a, err);
    else if (a->call != NULL)
        vendor_resume(a->call);
}

// The number behind `prefix`; -1 where there is none.
static int64_t header_number(const struct http_response *response, const char *name,
                             const char *prefix)
{
    struct buf scratch = {0};
    const char *value = http_header(response, name, &scratch);
    int64_t number = -1;

    if (value != NULL && strncmp(value, prefix, strlen(prefix)) == 0) {
        char *end;

        value += strlen(prefix);
        number = strtoll(value, &end, 10);
        if (end == value)
            number = -1;
    }
    buf_clear(&scratch);
    return number;
}

// Of the same file, from where we are? (RFC 9110 15.3.7; not every server minds If-Range)
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
static void begin(struct archive *a, const struct http_response *head)
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
    a->is_wrong = false;
    // A body in chunks has the length that it has, whatever is said beside. (RFC 9112 6.3)
    a->expected = a->is_inline || http_header(head, "transfer-encoding", &scratch) != NULL
                      ? -1
                      : header_number(head, "content-length", "");
    etag = http_header(head, "etag", &scratch);
    mem_set_str(&a->etag,
                !a->is_inline && etag != NULL && strncmp(etag, "W/", 2) != 0 ? etag : NULL);
    buf_clear(&scratch);
}

// Its kind and its type must fit.
static bool is_wanted(const struct archive *a, const struct media_type *type)
{
    const char *kind = field_str_or_empty(source_of(a), "kind");

    return type != NULL && (strcmp(kind, "cover") == 0 || strcmp(kind, type->kind) == 0 ||
                            // Midjourney's videos come in imageUrl, too.
                            (strcmp(kind, "image") == 0 && strcmp(type->kind, "video") == 0));
}

// The first bytes are there: what is it, and what will it be called?
static void start_file(struct archive *a)
{
    size_t file_count = 0, i;
    json_t *artifact;
    char *key;

    a->type = media_type_of(a->lead.data, a->lead.len);
    a->is_wrong = !is_wanted(a, a->type);
    if (a->is_wrong)
        return;
    json_array_foreach(a->artifacts, i, artifact) file_count +=
        json_object_get(artifact, "key") != NULL;
    key = archive_key(a->job.task, file_count, a->type->extension);
    snprintf(a->key_text, sizeof a->key_text, "%s", key);
    free(key);
    a->file = storage_create(a->job.worker->storage, a->key_text, a->type->content_type,
                             a->expected, on_room, a);
}

static bool write_lead(struct archive *a)
{
    if (!storage_write(a->file, a->lead.data, a->lead.len))
        return false;
    buf_reset(&a->lead);
    return true;
}

// The file's next bytes; false: there is no room now. A piece that comes again may be in `lead`.
static bool take(struct archive *a, const void *data, size_t len)
{
    if (a->is_wrong)
        return true;
    if (a->file != NULL && a->lead.len == 0)
        return storage_write(a->file, data, len);
    if (a->file == NULL) {
        buf_add(&a->lead, data, len);
        if (a->lead.len < MEDIA_HEAD_BYTES)
            return true;
        start_file(a);
    }
    return a->is_wrong || write_lead(a);
}

// A piece of JSON that a file is in. One that comes again was decoded before.
static bool on_inline_data(struct archive *a, const void *data, size_t len)
{
    if (a->decoded.len == 0 && !json_inline_feed(&a->scan, data, len, NULL, &a->decoded))
        a->is_other = true;
    if (a->decoded.len > 0 && !take(a, a->decoded.data, a->decoded.len))
        return false;
    buf_reset(&a->decoded);
    return true;
}

static bool on_data(void *ctx, const struct http_response *head, const void *data, size_t len)
{
    struct archive *a = ctx;

    if (!a->has_begun) {
        a->has_begun = true;
        begin(a, head);
    }
    if (a->is_other)
        return true; // an error's page
    if (a->is_inline)
        return on_inline_data(a, data, len);
    return take(a, data, len);
}

// What a vendor's answer names may lead to the account's own host and port, or to the public.
static bool on_address(const struct sockaddr *address, void *ctx)
{
    const struct archive *a = ctx;

    const char *own = a->job.account->base_url;

    return address_is_public(address) ||
           (own != NULL && (url_same_origin(a->url, own) || url_is_at(own, address)));
}

static bool follow_redirect(struct archive *a, const struct http_response *response)
{
    struct buf scratch = {0}, url = {0};
    const char *location = http_header(response, "location", &scratch);
    bool ok =
        location != NULL && a->redirects < MAX_REDIRECTS && url_redirect(a->url, location, &url);

    if (ok) {
        mem_set_str(&a->url, url.data);
        a->redirects++;
    }
    buf_clear(&scratch);
    buf_clear(&url);
    return ok;
}

static void on_answer(void *ctx, const struct http_response *response,
                      const struct http_failure *failure)
{
    struct archive *a = ctx;
    char why[80];
    bool is_short;

    a->call = NULL;
    is_short =
        a->expected >= 0 && a->file != NULL && !a->is_other && storage_size(a->file) < a->expected;
    if (failure != NULL || (is_short && response->status < 300)) {
        if (is_short && storage_size(a->file) > 0 && a->etag != NULL && a->resumes < MAX_RESUMES) {
            a->resumes++;
            fetch(a);
            return;
        }
        // A link that we won't follow (a private address, another scheme) is as good as dead.
        try_later(a, failure != NULL ? failure->err.message : "the vendor's file came short",
                  failure != NULL && failure->err.code == ERR_REFUSED);
        return;
    }
    if (response->status >= 301 && response->status <= 308 && response->status != 304 &&
        follow_redirect(a, response)) {
        fetch(a);
    } else if (response->status != 200 && response->status != 206) {
        snprintf(why, sizeof why, "the vendor's link answers HTTP %d", response->status);
        try_later(a, why, response->status < 500 && response->status != 429);
    } else if (a->is_inline && a->scan.state != INLINE_OUTSIDE) {
        try_later(a, "the vendor's file came short", false);
    } else if (a->expected >= 0 && storage_size(a->file) > a->expected) {
        try_later(a, "the vendor's file is longer than it said", false);
    } else if (!a->has_begun || a->is_other) {
        try_later(a, "the vendor's file is empty", true);
    } else {
        on_whole(a);
    }
}

// The vendor's file, or the answer to a poll with the file in it.
static bool build_fetch(struct archive *a, struct http_request *request, struct err *err)
{
    const struct provider *provider = a->job.provider;

    if (a->is_inline) {
        a->scan = (struct json_inline){
            .keys = provider->inline_keys,
            .wanted = strtol(a->url + strlen(inline_prefix), NULL, 10),
        };
        buf_reset(&a->decoded);
        return provider->build_poll(a->job.task, a->job.account, request, err);
    }
    *request = (struct http_request){.method = HTTP_GET_, .url = mem_str(a->url)};
    if (provider->build_fetch != NULL)
        provider->build_fetch(a->job.account, a->url, request);
    return true;
}

static void fetch(struct archive *a)
{
    struct http_request request = {0};
    struct vendor_options options = {
        .http = {.low_speed_ms = LOW_SPEED_MS, .on_data = on_data, .ctx = a}};
    int64_t have = storage_size(a->file);
    struct err err;

    if (!build_fetch(a, &request, &err)) {
        http_request_clear(&request);
        try_later(a, err.message, true);
        return;
    }
    if (!a->is_inline)
        options.http.on_address = on_address;
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
    a->has_begun = a->is_other = false;
    a->call = vendor_start(a->job.worker->vendors, a->job.account, &request, &options, on_answer);
    http_request_clear(&request);
}

static void next_source(struct archive *a)
{
    const json_t *source;

    for (; (source = source_of(a)) != NULL; a->index++) {
        if (!is_text(source)) {
            mem_set_str(&a->url, field_str_or_empty(source, "url"));
            mem_set_str(&a->etag, NULL);
            a->is_inline = is_inline(a, source);
            a->redirects = a->resumes = 0;
            fetch(a);
            return;
        }
        keep_text(a, source);
    }
    succeed(a);
}

void archive_start(struct worker *worker, struct task *task)
{
    struct archive *a = mem_new(struct archive);
    int64_t lease_ms = worker->config->lease_ms;

    worker->archives++;
    job_init(&a->job, worker, task, drop);
    a->job.is_handed_back = true;
    a->result = task->result == NULL ? NULL : json_loads(task->result, 0, NULL);
    a->artifacts = json_incref(json_object_get(a->result, "kept"));
    if (a->artifacts == NULL)
        a->artifacts = json_array();
    a->index = (size_t)json_integer_value(json_object_get(a->result, "next"));
    a->lease_until_ms = clock_mono_ms() + lease_ms / 2;
    if (a->job.provider == NULL || a->result == NULL) {
        a->result = a->result == NULL ? json_object() : a->result;
        give_up(a, a->job.provider == NULL ? "its account is no longer configured"
                                           : "the stored result can't be read");
        return;
    }
    a->renew = loop_after(worker->loop, lease_ms / 3, on_renew, a);
    next_source(a);
}
