// A host's share of the places for archives: one that is slow, or silent, holds its share, and no
// more. Whoever finds the share used up waits here for its turn, as long as files come quickly;
// else it is put off, for its account has other hosts, too.
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/loop/loop.h"
#include "core/message/http_message.h"
#include "core/store/store.h"
#include "workers/archive_private.h"

// A host is quick where the latest of our requests left less than so long ago. None of them is
// waited for longer than that, nor any archive longer than it would be put off.
enum { QUICK_MS = 250 };

// What we have to do with a host.
struct host {
    int requests;
    int64_t latest_ms;    // when the latest of these left
    struct archive *next; // who has waited longest, and hasn't its turn yet; NULL: nobody
};

static struct archive *archive_of(struct job *job)
{
    return job->place == PLACE_ARCHIVE ? (struct archive *)job : NULL;
}

static struct host host_now(const struct bench *bench, const char *name)
{
    struct host host = {0};

    for (struct job *job = bench->jobs; job != NULL; job = job->next) { // the latest comes first
        struct archive *a = archive_of(job);

        if (a == NULL || strcmp(a->host, name) != 0)
            continue;
        if (job->state == ARCHIVE_WAITING) {
            host.next = a->has_turn ? host.next : a;
            continue;
        }
        host.requests++;
        if (a->entered_ms > host.latest_ms)
            host.latest_ms = a->entered_ms;
    }
    return host;
}

static void on_turn(void *ctx)
{
    struct archive *a = ctx;

    a->turn = NULL;
    *a->host = '\0';
    archive_fetch(a);
}

static void await_turn(struct archive *a, int64_t ms)
{
    loop_cancel(&a->turn);
    a->turn = loop_after(a->job.bench->loop, ms, on_turn, a);
}

enum archive_entry archive_enter_host(struct archive *a)
{
    const struct bench *bench = a->job.bench;
    struct url_parts parts;
    struct host host;
    char name[sizeof a->host];

    archive_leave_host(a);
    if (a->is_inline || !url_split(a->url, &parts))
        return ARCHIVE_ENTERED;
    snprintf(name, sizeof name, "%s:%d", parts.host, parts.port);
    host = host_now(bench, name);
    if (places_room(&bench->places[PLACE_ARCHIVE], host.requests, 2) > 0) {
        a->entered_ms = clock_mono_ms();
        memcpy(a->host, name, sizeof a->host);
        return ARCHIVE_ENTERED;
    }
    if (clock_mono_ms() - host.latest_ms >= QUICK_MS ||
        store_now_ms(bench->store) - a->asked_ms >= ARCHIVE_BUSY_MS)
        return ARCHIVE_BUSY;
    job_move(&a->job, ARCHIVE_WAITING);
    memcpy(a->host, name, sizeof a->host);
    a->has_turn = false;
    await_turn(a, QUICK_MS);
    return ARCHIVE_QUEUED;
}

void archive_leave_host(struct archive *a)
{
    bool has_room = *a->host != '\0' && a->job.state != ARCHIVE_WAITING;
    struct archive *next = has_room ? host_now(a->job.bench, a->host).next : NULL;

    loop_cancel(&a->turn);
    *a->host = '\0';
    if (next == NULL)
        return;
    next->has_turn = true;
    await_turn(next, 0);
}
