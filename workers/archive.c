// Archiving: each file that the vendor gives is streamed to storage, with size and SHA-256, then
// the task has succeeded. The claim is a lease, which is renewed after each third of it, and
// checked before each rename.
//
//  start ─▶ FETCHING ── last byte ──▶ CHECKING ── ours ──▶ COMMITTING ─▶ the next source, or over
//            │ ▲  │                     is it still         the file
//            │ │  │                     ours to store?      appears
//            │ └──┴── cut, redirected: again, from where it was cut
//            ├── the host has enough to do, for a moment ──▶ WAITING ─▶ FETCHING
//            ├── the storage has failed ──▶ RESUMING ─▶ FETCHING what is lost, or CHECKING
//            └── the link is refused ──▶ REFRESHING ─▶ FETCHING by a new link, or the next source
//
// After the last source: all sources have come to an end, and the task has succeeded or failed; or
// some haven't, and the task is put off, with what has been fetched. What goes wrong with one
// source:
//
// - The way to it fails, or the storage does: it is put off, as long as its link lives.
// - The vendor has said that it couldn't make this one: it is named.
// - It is far too large, or has no end: as if its link were refused.
// - Its link is refused for a while after the vendor was done, and the vendor gives no other: it is
//   dead, and named.
// - It is a variant, which nobody has said there is, and its link is refused: there is none. Where
//   the way to it fails it is waited for as long as for a refused link, and named.
// - Its link leads where we don't go: put off, for an operator can mend that; then named.
// - Its host has as many of our requests as it may, for longer than a moment: put off, which counts
//   as no failure.
// - The lease is lost: somebody else archives the task. Over, and what isn't committed is deleted.
//
// A source that can't be had holds up none of the others. One that came in the answer to a call is
// here already: it begins with CHECKING, and is copied.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/message/media_type.h"
#include "core/storage/storage.h"
#include "core/store/store.h"
#include "core/task/wait.h"
#include "providers/outcome.h"
#include "providers/provider.h"
#include "workers/answer.h"
#include "workers/archive_private.h"
#include "workers/archive_result.h"
#include "workers/job.h"
#include "workers/jobs.h"
#include "workers/lease.h"
#include "workers/poll.h"
#include "workers/vendor.h"

// A link that is refused so long after the vendor was done is dead.
enum { DEAD_AFTER_MS = 10000, FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 60000 };
// How soon we try again what an operator must mend.
enum { BLOCKED_WAIT_MS = 10000 };

static const struct job_state states[] = {
    [ARCHIVE_FETCHING] = {"fetching",
                          JOB_TO(ARCHIVE_FETCHING) | JOB_TO(ARCHIVE_WAITING) |
                              JOB_TO(ARCHIVE_RESUMING) | JOB_TO(ARCHIVE_REFRESHING) |
                              JOB_TO(ARCHIVE_CHECKING),
                          true},
    [ARCHIVE_WAITING] = {"waiting", JOB_TO(ARCHIVE_FETCHING), true},
    [ARCHIVE_RESUMING] = {"resuming",
                          JOB_TO(ARCHIVE_FETCHING) | JOB_TO(ARCHIVE_REFRESHING) |
                              JOB_TO(ARCHIVE_CHECKING),
                          true},
    [ARCHIVE_REFRESHING] = {"refreshing", JOB_TO(ARCHIVE_FETCHING), true},
    [ARCHIVE_CHECKING] = {"checking",
                          JOB_TO(ARCHIVE_COMMITTING) | JOB_TO(ARCHIVE_FETCHING) |
                              JOB_TO(ARCHIVE_CHECKING),
                          true},
    [ARCHIVE_COMMITTING] = {"committing",
                            JOB_TO(ARCHIVE_RESUMING) | JOB_TO(ARCHIVE_FETCHING) |
                                JOB_TO(ARCHIVE_CHECKING),
                            true},
};

static void archive_drop(struct job *job)
{
    struct archive *a = (struct archive *)job;

    vendor_cancel(&a->call);
    poll_cancel(&a->poll);
    storage_drop(&a->file);
    storage_op_cancel(&a->copying);
    loop_cancel(&a->resuming);
    archive_leave_host(a);
    lease_stop(&a->lease);
    buf_clear(&a->lead);
    json_decref(a->result);
    free(a->url);
    free(a->etag);
    free(a->wait_detail);
    buf_clear(&a->decoded);
    job_clear(job);
    free(a);
}

static const struct job_kind archive_kind = {"archive", states, archive_drop, job_hand_back, NULL};

static struct listener archive_listener(const struct archive *a)
{
    return bench_listener_of_files(a->job.bench, a->job.task, a->result);
}

json_t *archive_source(const struct archive *a)
{
    return json_array_get(json_object_get(a->result, "sources"), a->index);
}

static void archive_succeed(struct archive *a, const char *result)
{
    log_info("task.succeeded", "task=%s", a->job.task->id);
    transition_succeed(a->job.bench->store, a->job.task, result, archive_listener(a));
    job_finish(&a->job);
}

static void archive_fail(struct archive *a)
{
    char message[240];

    snprintf(message, sizeof message, "the result couldn't be archived: %s",
             archive_result_why(a->result));
    log_warn("task.failed", "task=%s code=archive_failed reason=\"%s\"", a->job.task->id, message);
    transition_fail(a->job.bench->store, a->job.task, "archive_failed", message,
                    archive_listener(a));
    job_finish(&a->job);
}

// All sources have come to an end, so the task does.
static void archive_conclude(struct archive *a)
{
    bool is_success;
    char *result = archive_result_final(a->result, &is_success);

    if (is_success)
        archive_succeed(a, result);
    else
        archive_fail(a);
    free(result);
}

// Some sources are still to be had: stores what has been fetched, which needn't be fetched again.
static void archive_put_off(struct archive *a)
{
    struct store *store = a->job.bench->store;
    bool is_only_busy = a->wait == NULL;
    char *result;

    if (is_only_busy && !a->is_changed) {
        transition_hold(store, a->job.task, a->wait_ms, NULL, NULL);
        job_finish(&a->job);
        return;
    }
    result = json_write_text(a->result);
    if (is_only_busy)
        transition_go_on(store, a->job.task, result, a->wait_ms, archive_listener(a));
    else
        transition_put_off(store, a->job.task, result, a->wait_ms, a->wait, a->wait_detail,
                           archive_listener(a));
    free(result);
    job_finish(&a->job);
}

static bool is_text(const json_t *source)
{
    return strcmp(field_str_or_empty(source, "kind"), "text") == 0;
}

static bool is_inline(const struct archive *a, const json_t *source)
{
    return strncmp(field_str_or_empty(source, "url"), ARCHIVE_INLINE, strlen(ARCHIVE_INLINE)) ==
               0 &&
           a->job.account->dialect->inline_keys != NULL;
}

// Can whoever has the link get the file? Not where that takes the account's key.
static bool is_open(const struct archive *a, const json_t *source)
{
    const struct dialect *dialect = a->job.account->dialect;
    struct http_request request = {0};
    bool is;

    if (is_inline(a, source) || a->is_kept)
        return false;
    if (dialect->build_fetch != NULL)
        dialect->build_fetch(a->job.account, field_str_or_empty(source, "url"), &request);
    is = request.headers.len == 0 && !request.wants_token && !request.wants_signature;
    http_request_clear(&request);
    return is;
}

static void archive_next_source(struct archive *a);
static bool archive_refresh(struct archive *a, const char *why);

// The source can't be had, and never will be. The operator may prefer the vendor's link to nothing,
// where the link is of use to anybody else; it is marked as the vendor's.
static void archive_give_up_source(struct archive *a, const char *why)
{
    json_t *source = archive_source(a);
    bool is_kept =
        a->job.bench->config->storage.on_failure == ON_FAILURE_VENDOR_URL && is_open(a, source);

    log_warn("archive.missing", "task=%s kind=%s reason=\"%s\"", a->job.task->id,
             field_str_or_empty(source, "kind"), why);
    json_object_set_new(source, "error",
                        json_pack("{s:s,s:s}", "code", "archive_failed", "message", why));
    json_object_set_new(
        source, "artifact",
        archive_artifact_missing(source, is_kept ? field_str_or_empty(source, "url") : NULL));
    a->is_changed = true;
}

// For how long this link has been refused, by now; since `since_ms`, if this is the first time.
static int64_t archive_refused_for_ms(struct archive *a, int64_t since_ms)
{
    json_t *source = archive_source(a);

    if (json_object_get(source, "refused_ms") == NULL)
        json_object_set_new(source, "refused_ms", json_integer(since_ms));
    return store_now_ms(a->job.bench->store) -
           json_integer_value(json_object_get(source, "refused_ms"));
}

// For how long the source has been missed by now, and for how long it may be.
static void archive_patience(struct archive *a, enum archive_miss kind, int64_t *elapsed_ms,
                             int64_t *life_ms)
{
    const json_t *source = archive_source(a);
    int64_t now_ms = store_now_ms(a->job.bench->store);

    *elapsed_ms = now_ms - a->job.task->archive_ms;
    *life_ms = a->job.account->provider->link_life_ms;
    if (kind == MISS_STORAGE)
        return;
    if (archive_is_variant(source)) {
        *elapsed_ms = archive_refused_for_ms(a, a->asked_ms);
        *life_ms = DEAD_AFTER_MS;
    } else if (kind == MISS_LINK) {
        // A task that must wait for its covers waits once, not for each of them.
        if (!json_is_true(json_object_get(source, "optional")))
            *elapsed_ms = archive_refused_for_ms(a, now_ms);
        // A file inside an answer comes from a poll, whose "unknown" isn't believed at once.
        *life_ms = a->is_inline ? a->job.account->provider->missing_grace_ms : DEAD_AFTER_MS;
    }
}

// The first source that waits says what for; the one that waits least says how long. Where a host
// has enough to do, `wait` is NULL: nothing has failed.
static void archive_note_wait(struct archive *a, const char *wait, const char *detail, int64_t ms)
{
    if (a->wait_ms == 0 || ms < a->wait_ms)
        a->wait_ms = ms;
    if (wait == NULL || a->wait != NULL)
        return;
    a->wait = wait;
    mem_set_str(&a->wait_detail, detail);
}

static int64_t wait_after(int64_t elapsed_ms, int64_t longest_ms)
{
    int64_t wait_ms = elapsed_ms / 2;

    return wait_ms < FIRST_WAIT_MS ? FIRST_WAIT_MS : wait_ms > longest_ms ? longest_ms : wait_ms;
}

// What was under way for this source is over.
static void archive_let_go(struct archive *a)
{
    vendor_cancel(&a->call);
    loop_cancel(&a->resuming);
    storage_drop(&a->file);
    storage_op_cancel(&a->copying);
    archive_leave_host(a);
}

static void archive_go_on(struct archive *a)
{
    archive_let_go(a);
    a->index++;
    archive_next_source(a);
}

// The vendor hasn't got this one.
static void archive_leave_out(struct archive *a, const char *why)
{
    json_t *source = archive_source(a);

    log_debug("archive.none", "task=%s variant=%s reason=\"%s\"", a->job.task->id,
              field_str_or_empty(source, "variant"), why);
    json_object_set_new(source, "artifact", archive_artifact_none());
    a->is_changed = true;
    archive_go_on(a);
}

void archive_miss(struct archive *a, enum archive_miss kind, const char *why)
{
    static const char *const waits[] = {[MISS_WAY] = WAIT_LINK,
                                        [MISS_LINK] = WAIT_LINK,
                                        [MISS_BLOCKED] = WAIT_BLOCKED_ADDRESS,
                                        [MISS_STORAGE] = WAIT_STORAGE};
    static const char blocked[] =
        "the vendor's link leads to an address that isn't public; if it "
        "is yours, name its network in allow_networks";
    int64_t elapsed_ms, life_ms;

    if (kind == MISS_LINK && archive_is_variant(archive_source(a))) {
        archive_leave_out(a, why);
        return;
    }
    if (kind == MISS_LINK && archive_refresh(a, why))
        return;
    archive_patience(a, kind, &elapsed_ms, &life_ms);
    if (kind == MISS_BLOCKED)
        why = blocked;
    metric_add(METRIC_archive_failures_total, 1);
    // A failure that an operator must mend was logged once already, for all tasks.
    log_at(a->is_noted ? LOG_DEBUG : LOG_WARN, "archive.failed", "task=%s account=%s error=\"%s\"",
           a->job.task->id, a->job.task->account, why);
    if (elapsed_ms > life_ms)
        archive_give_up_source(a, why);
    else
        archive_note_wait(
            a, waits[kind], why,
            wait_after(elapsed_ms, kind == MISS_BLOCKED ? BLOCKED_WAIT_MS : LONGEST_WAIT_MS));
    if (kind == MISS_STORAGE && elapsed_ms <= life_ms) {
        archive_let_go(a);
        archive_put_off(a); // the next file would fail as this one did
    } else {
        archive_go_on(a);
    }
}

void archive_wait_for_host(struct archive *a)
{
    archive_note_wait(a, NULL, NULL, ARCHIVE_BUSY_MS);
    archive_go_on(a);
}

// A link that is refused may have expired while nobody looked at it: many vendors give a new one
// when they are asked again.

// How many there are for certain; variants come behind them.
static size_t count_certain(const json_t *sources)
{
    size_t count = 0;

    while (count < json_array_size(sources) && !archive_is_variant(json_array_get(sources, count)))
        count++;
    return count;
}

// Puts the sources as the vendor gives them now in the place of those that are still to be had;
// false where the present one has the same link.
static bool archive_take_new_sources(struct archive *a, const struct outcome *outcome)
{
    char *text = outcome_result(outcome);
    json_t *result = json_read(text), *sources = json_object_get(result, "sources");
    json_t *old = json_object_get(a->result, "sources");
    const char *url = field_str_or_empty(json_array_get(sources, a->index), "url");
    size_t count = count_certain(sources);
    // There must be as many as before, or we don't know which is which.
    bool ok = count == count_certain(old) && *url != '\0' &&
              strcmp(url, field_str_or_empty(archive_source(a), "url")) != 0;

    for (size_t i = 0; ok && i < count; i++)
        // A vendor may for ever give a new link that is as dead as the last.
        json_object_set(json_array_get(old, i), "url",
                        json_object_get(json_array_get(sources, i), "url"));
    json_decref(result);
    free(text);
    return ok;
}

static void archive_on_refreshed(void *ctx, const struct outcome *outcome, const struct err *err)
{
    struct archive *a = ctx;

    (void)err;
    a->poll = NULL;
    if (outcome != NULL && outcome->kind == OUTCOME_SUCCEEDED &&
        archive_take_new_sources(a, outcome)) {
        a->is_changed = true;
        log_info("archive.refreshed", "task=%s", a->job.task->id);
        archive_next_source(a);
    } else {
        archive_miss(a, outcome != NULL ? MISS_LINK : MISS_WAY,
                     a->why); // a vendor that we couldn't ask may have a new link
    }
}

// Asks for new links, once in an attempt. False: that was done before, or can't be done.
static bool archive_refresh(struct archive *a, const char *why)
{
    const char *next = json_string_value(json_object_get(a->result, "next"));
    struct err err;

    if (a->is_refreshed || a->is_inline || a->job.task->upstream_id == NULL)
        return false;
    a->is_refreshed = true;
    a->poll =
        poll_start(a->job.bench, a->job.task, a->job.account, next, archive_on_refreshed, a, &err);
    if (a->poll == NULL)
        return false;
    snprintf(a->why, sizeof a->why, "%s", why);
    archive_let_go(a);
    job_move(&a->job, ARCHIVE_REFRESHING);
    return true;
}

// The lease.

// Somebody else has the task, who stores the same files; or its client has forgotten it, and they
// must go. A change that comes too late tells which.
static void archive_on_lost(struct job *job)
{
    struct archive *a = (struct archive *)job;

    metric_add(METRIC_stale_writes_total, 1);
    log_warn("archive.lease_lost", "task=%s", job->task->id);
    if (job->state == ARCHIVE_COMMITTING) {
        json_object_set_new(archive_source(a), "artifact", json_pack("{s:s}", "key", a->key_text));
        a->is_changed = true;
    }
    if (a->is_changed)
        transition_go_on(job->bench->store, job->task, "", 0, archive_listener(a));
    job_finish(job);
}

// One file is whole: is it still ours to store?

// The source has become a file of ours.
static void archive_note_artifact(struct archive *a, int64_t bytes, const char *sha256)
{
    json_t *source = archive_source(a), *artifact;
    const char *kind = field_str_or_empty(source, "kind");

    artifact = json_pack("{s:s,s:s,s:s,s:I,s:s}", "kind",
                         strcmp(kind, "cover") == 0 ? "cover" : a->type->kind, "key", a->key_text,
                         "content_type", a->type->content_type, "bytes", (json_int_t)bytes,
                         "sha256", sha256);
    archive_artifact_mark(artifact, source);
    json_object_set_new(source, "artifact", artifact);
    a->is_changed = true;
    metric_add(METRIC_archived_files_total, 1);
    metric_add(METRIC_archived_bytes_total, bytes);
    archive_go_on(a);
}

static void archive_on_committed(void *ctx, const struct err *err)
{
    struct archive *a = ctx;
    char sha256[SHA256_HEX_BYTES];

    if (err != NULL) {
        archive_recover(a, err);
        return;
    }
    storage_sha256(a->file, sha256);
    archive_note_artifact(a, storage_size(a->file), sha256);
}

static void archive_on_copied(void *ctx, const struct err *err)
{
    struct archive *a = ctx;
    const json_t *source = archive_source(a);

    a->copying = NULL;
    if (err == NULL)
        archive_note_artifact(a, field_int_or(source, "bytes", 0),
                              field_str_or_empty(source, "sha256"));
    else if (err->code == ERR_NOT_FOUND)
        archive_miss(a, MISS_WAY, "the vendor's answer is kept where another worker is");
    else
        archive_miss(a, MISS_STORAGE, err->message);
}

static void archive_copy(struct archive *a)
{
    const json_t *source = archive_source(a);
    char *from = answer_key(a->job.task, a->url);
    char *key =
        archive_key(a->job.task, archive_result_number(a->result, a->index), a->type->extension);

    snprintf(a->key_text, sizeof a->key_text, "%s", key);
    a->copying = storage_copy(a->job.bench->storage, a->key_text, a->type->content_type,
                              a->job.bench->answers, from, field_int_or(source, "bytes", -1),
                              lease_sure_until(&a->lease), archive_on_copied, a);
    free(key);
    free(from);
}

static void archive_on_checked(struct job *job, const struct err *err)
{
    struct archive *a = (struct archive *)job;

    if (err != NULL) {
        archive_miss(a, MISS_STORAGE, err->message);
    } else {
        job_move(&a->job, ARCHIVE_COMMITTING);
        if (a->is_kept)
            archive_copy(a);
        else
            storage_commit(a->file, lease_sure_until(&a->lease), archive_on_committed, a);
    }
}

void archive_store(struct archive *a)
{
    job_move(&a->job, ARCHIVE_CHECKING);
    lease_check(&a->lease, archive_on_checked);
}

// The vendor has said that it can't give this one.
static void archive_note_missing(const struct archive *a, json_t *source)
{
    log_info("archive.not_made", "task=%s code=%s reason=\"%s\"", a->job.task->id,
             field_str_or_empty(source, "error.code"), field_str_or_empty(source, "error.message"));
    json_object_set_new(source, "artifact", archive_artifact_missing(source, NULL));
}

static void archive_begin_source(struct archive *a, const json_t *source)
{
    mem_set_str(&a->url, field_str_or_empty(source, "url"));
    mem_set_str(&a->etag, NULL);
    a->is_inline = is_inline(a, source);
    a->is_kept = strncmp(a->url, ANSWER_KEPT, strlen(ANSWER_KEPT)) == 0;
    a->redirects = a->resumes = 0;
    a->asked_ms = store_now_ms(a->job.bench->store);
    a->type = a->is_kept ? media_type_named(field_str_or_empty(source, "content_type")) : NULL;
    if (!a->is_kept)
        archive_fetch(a);
    else if (a->type != NULL)
        archive_store(a);
    else
        archive_miss(a, MISS_LINK, "the vendor's file is of no type that we know");
}

static void archive_next_source(struct archive *a)
{
    json_t *source;

    for (; (source = archive_source(a)) != NULL; a->index++) {
        if (json_object_get(source, "artifact") != NULL)
            continue; // it came to its end in an earlier attempt
        if (is_text(source)) {
            json_object_set_new(source, "artifact", archive_artifact_text(source));
        } else if (json_object_get(source, "error") != NULL) {
            archive_note_missing(a, source);
        } else {
            archive_begin_source(a, source);
            return;
        }
    }
    if (a->wait_ms > 0)
        archive_put_off(a);
    else
        archive_conclude(a);
}

void archive_start(struct bench *bench, struct task *task, int64_t claimed_ms)
{
    struct archive *a = mem_new(struct archive);

    job_init(&a->job, bench, task, &archive_kind);
    job_take_place(&a->job, PLACE_ARCHIVE);
    if (a->job.account == NULL) {
        job_await_account(&a->job);
        return;
    }
    a->result = json_read(task->result);
    if (a->result == NULL) {
        a->result = json_object();
        archive_conclude(a);
        return;
    }
    lease_start(&a->lease, &a->job, claimed_ms, archive_on_lost);
    archive_next_source(a);
}
