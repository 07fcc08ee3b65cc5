// Heartbeats of roles.
#include "core/store/heartbeat.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/store/keys.h"
#include "core/store/store.h"

enum { READ_DEADLINE_MS = 1000 };

// What all roles of this process say of it.
static struct {
    char id[9];
    char host[65];
    int64_t started_ms;
} process;

struct heartbeat {
    struct loop *loop;
    struct store *store;
    const char *role;
    heartbeat_count_fn count;
    heartbeat_trouble_fn trouble;
    void *ctx;
    struct loop_timer *timer; // NULL: the role has left
};

static void note_process(void)
{
    id_random_hex(process.id, sizeof process.id - 1);
    if (gethostname(process.host, sizeof process.host - 1) != 0 || *process.host == '\0')
        snprintf(process.host, sizeof process.host, "unknown");
    process.started_ms = clock_wall_ms();
}

static void beat(struct heartbeat *h, bool is_there)
{
    const char *trouble = h->trouble == NULL ? NULL : h->trouble(h->ctx);
    struct args args = {0};
    struct buf words = {0};

    args_int(&args, 5);
    args_str(&args, is_there ? "1" : "0");
    args_str(&args, process.id);
    args_str(&args, h->role);
    buf_fmt(&words, "%s %d %s %lld %u", process.host, (int)getpid(), SPOOL_VERSION,
            (long long)process.started_ms, h->count(h->ctx));
    args_str(&args, words.data);
    args_str(&args, trouble == NULL ? "" : trouble);
    buf_clear(&words);
    store_call(h->store, SCRIPT_beat, &args, HEARTBEAT_EVERY_MS, NULL, NULL, NULL);
}

static void on_beat(void *ctx)
{
    struct heartbeat *h = ctx;

    h->timer = loop_in_step(h->loop, HEARTBEAT_EVERY_MS, on_beat, h);
    if (store_is_up(h->store))
        beat(h, true);
}

struct heartbeat *heartbeat_start(struct loop *loop, struct store *store, const char *role,
                                  heartbeat_count_fn count, heartbeat_trouble_fn trouble, void *ctx)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct heartbeat *h = mem_new(struct heartbeat);

    pthread_once(&once, note_process);
    *h = (struct heartbeat){
        .loop = loop, .store = store, .role = role, .count = count, .trouble = trouble, .ctx = ctx};
    h->timer = loop_in_step(loop, HEARTBEAT_EVERY_MS, on_beat, h);
    return h;
}

const char *heartbeat_process(void)
{
    return process.id;
}

void heartbeat_wake(struct heartbeat *heartbeat)
{
    if (heartbeat == NULL || heartbeat->timer == NULL)
        return;
    loop_cancel(&heartbeat->timer);
    on_beat(heartbeat);
}

void heartbeat_leave(struct heartbeat *heartbeat)
{
    if (heartbeat->timer == NULL)
        return;
    loop_cancel(&heartbeat->timer);
    beat(heartbeat, false);
}

void heartbeat_drop(struct heartbeat **heartbeat)
{
    if (*heartbeat == NULL)
        return;
    loop_cancel(&(*heartbeat)->timer);
    free(*heartbeat);
    *heartbeat = NULL;
}

bool heartbeat_read(struct heartbeat_said *said, char *name, char *words)
{
    char *parts[6] = {words}, *role = strchr(name, ' ');

    if (role == NULL)
        return false;
    *role = '\0';
    for (int i = 1; i < 6; i++) {
        char *space = strchr(parts[i - 1], ' ');

        if (space == NULL)
            return false;
        *space = '\0';
        parts[i] = space + 1;
    }
    *said = (struct heartbeat_said){
        .process = name,
        .role = role + 1,
        .said_ms = strtoll(parts[0], NULL, 10),
        .host = parts[1],
        .pid = (int)strtol(parts[2], NULL, 10),
        .version = parts[3],
        .started_ms = strtoll(parts[4], NULL, 10),
        .in_hand = (unsigned)strtoul(parts[5], NULL, 10),
    };
    return true;
}

// Troubles.

const char *heartbeat_trouble(const redisReply *values)
{
    const redisReply *first =
        values->type == REDIS_REPLY_ARRAY && values->elements > 0 ? values->element[0] : NULL;
    const char *space =
        first != NULL && first->type == REDIS_REPLY_STRING ? strchr(first->str, ' ') : NULL;

    return space == NULL ? "" : space + 1;
}

static void on_troubles(void *ctx, store_then_fn then, const redisReply *answer,
                        const struct err *err)
{
    ((heartbeat_trouble_read_fn)then)(ctx, err == NULL ? heartbeat_trouble(answer) : NULL, err);
}

struct store_call *heartbeat_read_trouble(struct store *store, heartbeat_trouble_read_fn fn,
                                          void *ctx)
{
    struct args args = {0};

    args_str(&args, "HVALS");
    args_str(&args, CELL_KEY("trouble"));
    return store_command(store, &args, READ_DEADLINE_MS, on_troubles, (store_then_fn)fn, ctx);
}
