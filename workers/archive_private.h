// What archive.c (all of a task's files) and archive_fetch.c (one file) have in common.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/json/json_inline.h"
#include "workers/job.h"
#include "workers/lease.h"

struct err;
struct media_type;
struct storage_file;
struct vendor_call;

#define ARCHIVE_INLINE "inline:" // begins the URL of a file inside the answer to a poll

// How soon we try a host again that has enough to do.
enum { ARCHIVE_BUSY_MS = 1500 };

enum archive_state {
    ARCHIVE_FETCHING,
    ARCHIVE_WAITING,
    ARCHIVE_RESUMING,
    ARCHIVE_REFRESHING,
    ARCHIVE_CHECKING,
    ARCHIVE_COMMITTING
};

struct archive {
    struct job job;
    json_t *result; // as stored: the sources, each with what has become of it (archive_result.h)
    size_t index;   // of the source being fetched
    // Whether the task is put off at the end of this attempt: for how long, what it waits for, and
    // the words for that.
    int64_t wait_ms;  // 0: nothing
    const char *wait; // of core/task/wait.h; NULL: nothing has failed, but a host had enough to do
    char *wait_detail;
    bool is_changed; // more of the sources have come to their end, or have new links

    char *url;
    unsigned redirects, resumes;
    int64_t asked_ms;              // when the source was asked for first, in this attempt
    char *etag;                    // of the file that was begun; NULL: it can't be resumed
    int64_t expected;              // bytes of the whole file; -1: not told
    struct buf lead;               // the file's first bytes, until they say what it is
    const struct media_type *type; // of the file
    bool has_begun;                // the answer's first bytes have come
    bool is_other;                 // the answer isn't the file: its body is not kept
    bool is_wrong;                 // the file is no such media: it is not read to its end

    struct json_inline scan; // of a file inside the answer to a poll
    struct buf decoded;      // bytes of that file that storage had no room for yet
    bool is_inline;
    bool is_kept;      // the file is here (answer.h), and only to be copied
    bool is_noted;     // the storage's failure was logged already
    bool is_blocked;   // the file's link leads where we don't go
    bool is_refreshed; // the vendor was asked for new links
    char why[160];     // why the vendor was asked for new links

    struct lease lease;
    struct storage_file *file;  // the source's file in storage, from its first bytes on
    struct storage_op *copying; // COMMITTING, of a file that is here
    // What we wait for: between events one of these is set, but for COMMITTING, which else waits
    // for the file, and CHECKING, which waits for the lease.
    struct vendor_call *call;    // FETCHING
    struct poll *poll;           // REFRESHING
    struct loop_timer *resuming; // RESUMING, after a failure of the storage
    struct loop_timer *turn;     // WAITING: till we try again
    char key_text[256];
    char host[URL_HOST_BYTES_MAX + 16]; // "host:port" that the file comes from, or WAITING is to
                                        // come from; "": none now
    int64_t entered_ms;                 // when it was asked for there, of our monotonic clock
    bool has_turn;                      // WAITING: another request there has ended
};

json_t *archive_source(const struct archive *a); // the one being fetched; NULL: there are no more

// Fetches the source's bytes to storage, from the beginning or from where they were cut. Ends with
// archive_store, archive_miss or archive_wait_for_host.
void archive_fetch(struct archive *a);
// The storage has failed: what was written is lost, except for parts that it has stored already.
void archive_recover(struct archive *a, const struct err *err);

// Whether the source's file may be asked for now, where its host serves no more than its share of
// all archives. QUEUED: the archive is WAITING, and archive_fetch is called in a moment. BUSY: that
// is not worth waiting for.
enum archive_entry { ARCHIVE_ENTERED, ARCHIVE_QUEUED, ARCHIVE_BUSY };
enum archive_entry archive_enter_host(struct archive *a);
// The request there has ended, or isn't waited for any more: whoever waits for its place has it.
void archive_leave_host(struct archive *a);

// The file is whole: stores it, if it is still ours to store, and goes on to the next source.
void archive_store(struct archive *a);
// The file can't be had: the way to it failed, its link seems to be dead, we don't go where the
// link leads, or the storage doesn't take the file. Goes on to the next source.
enum archive_miss { MISS_WAY, MISS_LINK, MISS_BLOCKED, MISS_STORAGE };
void archive_miss(struct archive *a, enum archive_miss kind, const char *why);
// The file wasn't asked for, for its host has enough to do. Goes on to the next source.
void archive_wait_for_host(struct archive *a);
