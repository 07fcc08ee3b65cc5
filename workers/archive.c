// Archiving: each file the vendor gives is streamed to storage, with size and SHA-256, then the
// task has succeeded. The claim is a lease; it is renewed every third, and checked before each
// rename.
//
//  start ─▶ archive_fetch ── last byte ──▶ archive_store ── ours ──▶ commit ─▶ next file, or over
//             ├── cut, resumable ──▶ archive_fetch (Range)  └── not ours ──▶ dropped
//             └── no ──▶ archive_try_later (the lease moves), or failed where the link is dead
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/config.h"
#include "core/base/field.h"
#include "core/base/http.h"
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
#include "workers/archive_private.h"
#include "workers/jobs.h"
#include "workers/vendor.h"
#include "workers/worker.h"

// A link that is refused so long after the vendor was done is dead.
enum { DEAD_AFTER_MS = 10000, FIRST_WAIT_MS = 1000, LONGEST_WAIT_MS = 60000 };

static void drop(struct job *job)
{
    struct archive *a = (struct archive *)job;

    vendor_cancel(&a->call);
    storage_drop(&a->file);
    loop_cancel(&a->renew);
    loop_cancel(&a->resuming);
    store_cancel(&a->held);
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

const json_t *archive_source(const struct archive *a)
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
    return strncmp(field_str_or_empty(source, "url"), ARCHIVE_INLINE, strlen(ARCHIVE_INLINE)) ==
               0 &&
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
    for (; (source = archive_source(a)) != NULL; a->index++) {
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
             field_str_or_empty(archive_source(a), "kind"), why);
    vendor_cancel(&a->call);
    storage_drop(&a->file);
    a->index++;
    next_source(a);
}

// For how long this link has been refused, by now.
static int64_t refused_for_ms(struct archive *a)
{
    json_t *source = (json_t *)archive_source(a);
    int64_t now_ms = store_now_ms(a->job.worker->store);

    if (json_object_get(source, "refused_ms") == NULL)
        json_object_set_new(source, "refused_ms", json_integer(now_ms));
    return now_ms - json_integer_value(json_object_get(source, "refused_ms"));
}

void archive_try_later(struct archive *a, const char *why, bool is_refused)
{
    int64_t elapsed_ms = store_now_ms(a->job.worker->store) - a->job.task->archive_ms;
    int64_t life_ms = a->job.provider->link_life_ms, wait_ms;
    bool is_optional = json_is_true(json_object_get(archive_source(a), "optional"));
    struct change change = CHANGE_TO(TASK_ARCHIVING);
    char *result;

    if (is_refused && refresh(a, why))
        return;
    if (is_refused) {
        // The task doesn't wait once more for each cover.
        elapsed_ms = is_optional ? elapsed_ms : refused_for_ms(a);
        // An answer with the file in it is one to a poll, whose "unknown" isn't believed at once.
        life_ms = a->is_inline ? a->job.provider->missing_grace_ms : DEAD_AFTER_MS;
    }
    metric_add(METRIC_archive_failures_total, 1);
    // What an operator must mend was said once already, for all tasks.
    log_at(a->is_noted ? LOG_DEBUG : LOG_WARN, "archive.failed", "task=%s account=%s error=\"%s\"",
           a->job.task->id, a->job.task->account, why);
    if (elapsed_ms > life_ms) {
        if (is_optional)
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
    json_t *source = json_array_get(sources, a->index);
    const char *url = field_str_or_empty(source, "url");
    // As many as before, or it is not known which is which.
    bool ok = json_array_size(sources) == json_array_size(json_object_get(a->result, "sources")) &&
              *url != '\0' && strcmp(url, field_str_or_empty(archive_source(a), "url")) != 0;

    if (ok) {
        // A vendor may have a new link for ever that is as dead as the last.
        json_object_set(source, "refused_ms", json_object_get(archive_source(a), "refused_ms"));
        json_object_set(a->result, "sources", sources);
    }
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
        archive_try_later(a, a->why, is_told); // whom we couldn't ask may have a new link
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
    const char *of = field_str_or_empty(archive_source(a), "of");
    char sha256[SHA256_HEX_BYTES];
    json_t *artifact;

    if (err != NULL) {
        archive_recover(a, err);
        return;
    }
    storage_sha256(a->file, sha256);
    artifact = json_pack("{s:s,s:s,s:s,s:I,s:s}", "kind",
                         strcmp(field_str_or_empty(archive_source(a), "kind"), "cover") == 0
                             ? "cover"
                             : a->type->kind,
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
        archive_try_later(a, err->message, false);
}

void archive_store(struct archive *a)
{
    store_cancel(&a->held);
    a->asked_ms = clock_mono_ms();
    a->held = queue_hold(a->job.worker->store, a->job.task, a->job.worker->config->lease_ms,
                         on_checked, a);
}

static void next_source(struct archive *a)
{
    const json_t *source;

    for (; (source = archive_source(a)) != NULL; a->index++) {
        if (!is_text(source)) {
            mem_set_str(&a->url, field_str_or_empty(source, "url"));
            mem_set_str(&a->etag, NULL);
            a->is_inline = is_inline(a, source);
            a->redirects = a->resumes = 0;
            archive_fetch(a);
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
