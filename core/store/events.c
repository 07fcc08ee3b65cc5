// The event stream.
#include "core/store/events.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/redis/redis.h"
#include "core/store/keys.h"
#include "core/store/record.h"
#include "core/store/store.h"

#define STREAM CELL_KEY("events")
enum { DEADLINE_MS = 5000 };

struct events {
    struct store *store; // borrowed, outlives us
    struct redis *redis; // ours: it blocks in XREAD
    struct events_options options;
    char cursor[CURSOR_SIZE];
    bool is_wanted;  // somebody listens
    bool is_ready;   // on_ready was called, and `cursor` is the last event that was read
    bool is_reading; // an XREAD is under way
    bool is_asking;  // an XINFO is under way
    bool is_held;    // on_events was called, and events_more wasn't yet
    bool is_behind;  // the last read may not have come to the end of the stream
    unsigned most;   // events that the reader wants to hear of at once
    unsigned asked;  // how many the last read asked for
};

// What XINFO STREAM says of the stream.
struct extent {
    char first[CURSOR_SIZE], last[CURSOR_SIZE];
    bool is_trimmed;
};

bool events_is_cursor(const char *text)
{
    size_t len = strlen(text), left = strspn(text, "0123456789");

    return len < CURSOR_SIZE && left > 0 && left < 20 && text[left] == '-' &&
           isdigit((unsigned char)text[left + 1]) &&
           strspn(text + left + 1, "0123456789") == len - left - 1 && len - left - 1 < 20;
}

static uint64_t read_digits(const char **at)
{
    uint64_t value = 0;

    for (; **at >= '0' && **at <= '9'; (*at)++)
        value = 10 * value + (uint64_t)(**at - '0');
    return value;
}

// Each watcher's cursor is compared with each change, so this is quicker than strtoull.
int events_compare(const char *a, const char *b)
{
    uint64_t left = read_digits(&a), right = read_digits(&b);

    if (left == right) {
        left = *a == '-' ? (a++, read_digits(&a)) : 0;
        right = *b == '-' ? (b++, read_digits(&b)) : 0;
    }
    return left < right ? -1 : left > right;
}

static void read_extent(const redisReply *reply, struct extent *extent)
{
    long long length = 0, added = 0;

    *extent = (struct extent){.first = "0-0", .last = "0-0"};
    if (reply->type != REDIS_REPLY_ARRAY)
        return; // there is no stream yet: was_refused has seen to all else
    for (size_t i = 0; i + 1 < reply->elements; i += 2) {
        const char *name = reply->element[i]->str;
        const redisReply *value = reply->element[i + 1];

        if (strcmp(name, "last-generated-id") == 0)
            snprintf(extent->last, CURSOR_SIZE, "%s", value->str);
        else if (strcmp(name, "first-entry") == 0 && value->type == REDIS_REPLY_ARRAY)
            snprintf(extent->first, CURSOR_SIZE, "%s", value->element[0]->str);
        else if (strcmp(name, "length") == 0)
            length = value->integer;
        else if (strcmp(name, "entries-added") == 0)
            added = value->integer;
    }
    extent->is_trimmed = added > length;
}

// Whether some events behind `cursor` are gone, or the cursor isn't of this stream.
static bool is_gap(const struct extent *extent, const char *cursor)
{
    return events_compare(cursor, extent->last) > 0 ||
           (extent->is_trimmed && events_compare(cursor, extent->first) < 0);
}

// Entries of XRANGE; returns how many could be read.
static size_t read_entries(const redisReply *entries, struct event *events)
{
    size_t count = 0;

    for (size_t i = 0; i < entries->elements; i++) {
        const redisReply *entry = entries->element[i];
        struct event *event = &events[count];
        char *text, *space;
        const char *rest;

        if (entry->type != REDIS_REPLY_ARRAY || entry->elements != 2 ||
            entry->element[1]->type != REDIS_REPLY_ARRAY || entry->element[1]->elements < 2)
            continue;
        text = entry->element[1]->element[1]->str;
        space = strchr(text, ' ');
        if (space == NULL || (rest = record_read_view(space + 1, &event->view)) == NULL)
            continue;
        *space = '\0';
        event->cursor = entry->element[0]->str;
        id_of_key(event->task, text);
        event->owner = rest;
        count++;
    }
    return count;
}

static void read_on(struct events *events);

// An error says nothing of the stream: Redis is busy for a moment, or hasn't got it any more. A new
// connection, which is there when Redis is well again, asks where the stream is.
static bool was_refused(struct events *events, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_ERROR || strcmp(reply->str, "ERR no such key") == 0)
        return false;
    log_warn("events.read", "error=\"%s\"", reply->str);
    redis_reconnect(events->redis, reply->str);
    return true;
}

static void tell_entries(struct events *events, const redisReply *entries)
{
    struct event *list = mem_array(struct event, entries->elements);
    size_t count = read_entries(entries, list);

    if (entries->elements > 0)
        snprintf(events->cursor, CURSOR_SIZE, "%s",
                 entries->element[entries->elements - 1]->element[0]->str);
    events->is_held = true;
    events->options.on_events(events->options.ctx, list, count);
    free(list);
}

// What we haven't read is gone: the stream goes on without it.
static void skip_to(struct events *events, const struct extent *extent)
{
    snprintf(events->cursor, CURSOR_SIZE, "%s", extent->last);
    events->is_behind = false;
    read_on(events);
    events->options.on_gap(events->options.ctx);
}

// The entries that XREAD answers with; NULL: none.
static const redisReply *entries_of(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ARRAY && reply->elements == 1 ? reply->element[0]->element[1]
                                                                    : NULL;
}

static void events_on_read(void *ctx, const redisReply *reply)
{
    struct events *events = ctx;
    const redisReply *entries;

    events->is_reading = false;
    if (reply == NULL || was_refused(events, reply))
        return; // on_state starts again
    entries = entries_of(reply);
    if (entries != NULL && events->is_wanted) {
        // Where there is more than fits, we were away for long or are slow, and some of it may have
        // been trimmed before we came to it: it is read again together with where the stream
        // begins.
        events->is_behind = entries->elements >= events->asked;
        if (events->is_behind)
            read_on(events);
        else
            tell_entries(events, entries);
        return;
    }
    // Events that came while nobody listened are passed over: the next listener asks where the
    // stream's end is.
    if (!events->is_wanted)
        events->is_ready = false;
    else
        read_on(events);
}

// Both answers are of one moment.
static void on_read_behind(void *ctx, const redisReply *reply)
{
    struct events *events = ctx;
    const redisReply *entries;
    struct extent extent;

    events->is_reading = false;
    if (reply == NULL || was_refused(events, reply))
        return;
    if (!events->is_wanted) {
        events->is_ready = false;
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        log_warn("events.read", "error=\"no answer\"");
        events->is_behind = false;
        read_on(events);
        return;
    }
    read_extent(reply->element[0], &extent);
    if (is_gap(&extent, events->cursor)) {
        skip_to(events, &extent);
        return;
    }
    entries = entries_of(reply->element[1]);
    events->is_behind = entries != NULL && entries->elements >= events->asked;
    if (entries != NULL)
        tell_entries(events, entries);
    else
        read_on(events);
}

static void read_on(struct events *events)
{
    char count[12];

    if (events->is_reading || events->is_held || !events->is_wanted || !redis_is_up(events->redis))
        return;
    events->is_reading = true;
    events->asked = events->most;
    snprintf(count, sizeof count, "%u", events->asked);
    if (!events->is_behind) {
        redis_sendf(events->redis, events_on_read, events,
                    "XREAD COUNT %s BLOCK 0 STREAMS " STREAM " %s", count, events->cursor);
        return;
    }
    redis_sendf(events->redis, NULL, NULL, "MULTI");
    redis_sendf(events->redis, NULL, NULL, "XINFO STREAM " STREAM);
    redis_sendf(events->redis, NULL, NULL, "XREAD COUNT %s STREAMS " STREAM " %s", count,
                events->cursor);
    redis_sendf(events->redis, on_read_behind, events, "EXEC");
}

static void on_extent(void *ctx, const redisReply *reply)
{
    struct events *events = ctx;
    struct extent extent;

    events->is_asking = false;
    if (reply == NULL || was_refused(events, reply))
        return;
    read_extent(reply, &extent);
    if (events->is_ready) {
        // A new connection: did the stream go on without us, or was it lost?
        if (is_gap(&extent, events->cursor)) {
            skip_to(events, &extent);
        } else {
            read_on(events);
            events->options.on_ready(events->options.ctx, events->cursor);
        }
        return;
    }
    snprintf(events->cursor, CURSOR_SIZE, "%s", extent.last);
    if (!events->is_wanted)
        return;
    events->is_ready = true;
    read_on(events);
    events->options.on_ready(events->options.ctx, events->cursor);
}

static void ask_extent(struct events *events)
{
    if (events->is_asking || !redis_is_up(events->redis))
        return;
    events->is_asking = true;
    redis_sendf(events->redis, on_extent, events, "XINFO STREAM " STREAM);
}

static void on_state(void *ctx, bool is_up)
{
    struct events *events = ctx;

    if (!is_up) {
        events->is_reading = events->is_asking = false;
        return;
    }
    if (events->is_wanted)
        ask_extent(events);
    else
        events->is_ready = false;
}

struct events *events_start(struct loop *loop, struct store *store,
                            const struct events_options *options)
{
    struct events *events = mem_new(struct events);
    struct redis_options redis = {.url = options->redis_url, .on_state = on_state, .ctx = events};

    events->store = store;
    events->options = *options;
    events->most = EVENTS_AT_ONCE;
    events->redis = redis_start(loop, &redis);
    return events;
}

void events_drop(struct events **events)
{
    if (*events == NULL)
        return;
    redis_drop(&(*events)->redis);
    free(*events);
    *events = NULL;
}

void events_listen(struct events *events)
{
    if (events->is_wanted)
        return;
    events->is_wanted = true;
    // A read that is still blocked in Redis has missed nothing, and goes on from where it was.
    if (events->is_ready && events->is_reading)
        events->options.on_ready(events->options.ctx, events->cursor);
    else
        ask_extent(events);
}

void events_pause(struct events *events)
{
    events->is_wanted = false;
    if (!events->is_reading)
        events->is_ready = false;
}

void events_more(struct events *events, unsigned most)
{
    events->most = most < 1 ? 1 : most > EVENTS_AT_ONCE ? EVENTS_AT_ONCE : most;
    events->is_held = false;
    read_on(events);
}

const char *events_cursor(const struct events *events)
{
    return events->is_ready ? events->cursor : "";
}

// Ranges.

struct events_range {
    char from[CURSOR_SIZE];
    struct store_call *info, *range;
    bool is_gap;
    events_range_fn fn;
    void *ctx;
};

void events_range_cancel(struct events_range **range)
{
    if (*range == NULL)
        return;
    store_cancel(&(*range)->info);
    store_cancel(&(*range)->range);
    free(*range);
    *range = NULL;
}

static void on_range_extent(void *ctx, store_then_fn then, const redisReply *answer,
                            const struct err *err)
{
    struct events_range *range = ctx;
    struct extent extent;

    (void)then;
    range->info = NULL;
    if (err != NULL && err->code == ERR_UNAVAILABLE)
        return; // the range's other call fails as well, and tells
    if (err == NULL)
        read_extent(answer, &extent);
    else
        extent = (struct extent){.first = "0-0", .last = "0-0"}; // no stream (any more)
    range->is_gap = is_gap(&extent, range->from);
}

static void on_range(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    struct events_range *range = ctx;
    events_range_fn fn = range->fn;
    void *their_ctx = range->ctx;
    bool gap = range->is_gap;
    struct event *list = NULL;
    size_t count = 0;

    (void)then;
    range->range = NULL;
    events_range_cancel(&range);
    if (err == NULL && answer->type == REDIS_REPLY_ARRAY) {
        list = mem_array(struct event, answer->elements);
        count = read_entries(answer, list);
    }
    fn(their_ctx, list, count, gap, err);
    free(list);
}

struct events_range *events_read(struct store *store, const char *from, const char *to, int max,
                                 events_range_fn fn, void *ctx)
{
    struct events_range *range = mem_new(struct events_range);
    struct args info = {0}, args = {0};
    char after[CURSOR_SIZE + 1];

    range->fn = fn;
    range->ctx = ctx;
    snprintf(range->from, sizeof range->from, "%s", from);
    snprintf(after, sizeof after, "(%s", from);
    args_str(&info, "XINFO");
    args_str(&info, "STREAM");
    args_str(&info, STREAM);
    range->info = store_command(store, &info, DEADLINE_MS, on_range_extent, NULL, range);
    args_str(&args, "XRANGE");
    args_str(&args, STREAM);
    args_str(&args, after);
    args_str(&args, to);
    args_str(&args, "COUNT");
    args_int(&args, max);
    range->range = store_command(store, &args, DEADLINE_MS, on_range, NULL, range);
    return range;
}
