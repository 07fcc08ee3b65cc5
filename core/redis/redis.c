// A connection to Redis: hiredis on a uv_poll of our own.
//
//  start ─▶ (lookup) ─▶ link: connect, AUTH, SELECT, PING ── all well ──▶ up
//              ▲── after 50 ms, doubling to 2 s ──── broken, silent ────────┘
//
// hiredis calls back while it takes a context apart. Callers' code never runs in there: pending
// commands wait in our own ring, and their callers are told after hiredis has returned.
#include "core/redis/redis.h"

#include <assert.h>
#include <errno.h>
#include <hiredis/async.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/redis/redis_url.h"

enum {
    RETRY_FIRST_MS = 50,
    RETRY_MAX_MS = 2000,
    CONNECT_TIMEOUT_MS = 5000,
    GRACE_MS = 50, // to read what came while the process was stopped, before the server is blamed
};

struct pending {
    redis_reply_fn fn;
    void *ctx;
    int64_t since_ms;
};

struct subscription {
    char *channel;
    redis_reply_fn fn;
    void *ctx;
    struct subscription *next;
};

// One connection. Lives until libuv has let go of its poll, so possibly longer than its `redis`.
struct link {
    uv_poll_t poll;
    struct redis *redis;   // NULL once nobody cares
    redisAsyncContext *ac; // NULL once hiredis has freed it
    int events;            // what the poll waits for
    bool is_flushing, has_leftover;
    struct pending *ring; // in the order they were sent; `cap` is a power of two
    size_t first, count, cap;
    uint64_t answered; // commands that were answered so far
    uint64_t suspect;  // 0, or one more than `answered` was when the oldest command was found late
    char why[160];     // why the link broke
};

struct lookup {
    uv_getaddrinfo_t uv;
    struct redis *redis; // NULL once nobody cares
};

struct redis {
    struct loop *loop; // borrowed, outlives us
    struct redis_url target;
    char *where; // for the log
    int64_t command_timeout_ms;
    redis_state_fn on_state;
    void *ctx;
    struct subscription *subscriptions;
    struct loop_turn *flush;
    struct loop_timer *watch; // over the handshake, later over the oldest pending command
    bool is_up;
    int64_t up_since_ms;
    int64_t retry_ms;
    unsigned attempts;
    char told[160]; // the last trouble that was logged, so that it is logged once
    // What we wait for or have: at most one of these is set.
    struct loop_timer *retry;
    struct lookup *lookup;
    struct link *link;
};

static void start_attempt(void *ctx);

static void push_pending(struct link *link, redis_reply_fn fn, void *ctx)
{
    if (link->count == link->cap) {
        size_t cap = link->cap == 0 ? 64 : link->cap * 2;
        struct pending *ring = mem_array(struct pending, cap);

        for (size_t i = 0; i < link->count; i++)
            ring[i] = link->ring[(link->first + i) & (link->cap - 1)];
        free(link->ring);
        link->ring = ring;
        link->first = 0;
        link->cap = cap;
    }
    link->ring[(link->first + link->count++) & (link->cap - 1)] =
        (struct pending){fn, ctx, clock_mono_ms()};
}

static bool pop_pending(struct link *link, struct pending *pending)
{
    if (link->count == 0)
        return false;
    *pending = link->ring[link->first];
    link->first = (link->first + 1) & (link->cap - 1);
    link->count--;
    link->answered++;
    return true;
}

static void retry_later(struct redis *redis)
{
    redis->retry = loop_after(redis->loop, redis->retry_ms, start_attempt, redis);
    redis->retry_ms = redis->retry_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : redis->retry_ms * 2;
}

static void tell_trouble(struct redis *redis, const char *why)
{
    if (strcmp(redis->told, why) == 0)
        return;
    snprintf(redis->told, sizeof redis->told, "%s", why);
    log_warn("redis.down", "server=%s error=\"%s\"", redis->where, why);
}

// The link is broken and hiredis is done with it. Any callback below may drop the redis.
static void on_lost(struct link *link)
{
    struct redis *redis = link->redis;
    struct pending pending;
    bool was_up = redis->is_up;

    redis->is_up = false;
    loop_cancel(&redis->watch);
    tell_trouble(redis, link->why);
    while (pop_pending(link, &pending)) {
        if (pending.fn != NULL)
            pending.fn(pending.ctx, NULL);
        if (link->redis == NULL)
            return;
    }
    if (was_up && redis->on_state != NULL) {
        redis->on_state(redis->ctx, false);
        if (link->redis == NULL)
            return;
    }
    // A server that greets and then hangs up, again and again, is asked less and less often, too.
    if (was_up && clock_mono_ms() - redis->up_since_ms >= RETRY_MAX_MS)
        redis->retry_ms = RETRY_FIRST_MS;
    link->redis = NULL;
    redis->link = NULL;
    retry_later(redis);
}

static void break_link(struct link *link, const char *why)
{
    snprintf(link->why, sizeof link->why, "%s", why);
    redisAsyncFree(link->ac); // within a reply's callback hiredis frees it once that has returned
    if (link->ac == NULL)
        on_lost(link);
}

static void redis_on_polled(uv_poll_t *poll, int status, int events);

static void wait_for(struct link *link, int events)
{
    if (link->events == events)
        return;
    link->events = events;
    uv_poll_start(&link->poll, events, redis_on_polled);
}

static void write_out(struct link *link)
{
    link->is_flushing = true;
    link->has_leftover = false;
    redisAsyncHandleWrite(link->ac);
    link->is_flushing = false;
    if (link->ac == NULL)
        on_lost(link);
    else
        wait_for(link, UV_READABLE | (link->has_leftover ? UV_WRITABLE : 0));
}

static void redis_on_polled(uv_poll_t *poll, int status, int events)
{
    struct link *link = poll->data;

    if (link->ac == NULL)
        return;
    if (status < 0) {
        // libuv says EBADF whatever happened; the socket knows the real error.
        int error = 0;
        socklen_t len = sizeof error;

        getsockopt(link->ac->c.fd, SOL_SOCKET, SO_ERROR, &error, &len);
        break_link(link, strerror(error == 0 ? ECONNRESET : error));
        return;
    }
    if (events & UV_READABLE) {
        redisAsyncHandleRead(link->ac);
        if (link->ac == NULL) {
            if (link->redis != NULL)
                on_lost(link);
            return;
        }
    }
    if (events & UV_WRITABLE)
        write_out(link);
}

static bool is_connected(const struct link *link)
{
    return (link->ac->c.flags & REDIS_CONNECTED) != 0;
}

static void on_flush(void *ctx)
{
    struct redis *redis = ctx;
    struct link *link = redis->link;

    // A connect isn't over before the poll says so, whatever SO_ERROR tells hiredis.
    if (link != NULL && link->ac != NULL && is_connected(link) && !(link->events & UV_WRITABLE))
        write_out(link);
}

// hiredis has something to write.
static void on_add_write(void *ctx)
{
    struct link *link = ctx;

    if (link->is_flushing)
        link->has_leftover = true;
    else if (link->redis != NULL && is_connected(link))
        loop_turn_ask(link->redis->flush);
}

// hiredis' wishes about reading change nothing: we always read, from the connect on.
static void on_other_wish(void *ctx)
{
    (void)ctx;
}

static void free_link(uv_handle_t *handle)
{
    struct link *link = handle->data;

    free(link->ring);
    free(link);
}

static void on_cleanup(void *ctx)
{
    struct link *link = ctx;

    if (link->why[0] == '\0')
        snprintf(link->why, sizeof link->why, "%s",
                 link->ac->err != 0 ? link->ac->errstr : "the connection ended");
    link->ac = NULL;
    uv_close((uv_handle_t *)&link->poll, free_link);
}

static void on_watch(void *ctx)
{
    struct redis *redis = ctx;
    struct link *link = redis->link;
    int64_t left_ms;

    redis->watch = NULL;
    if (!redis->is_up) {
        break_link(link, "connect: timed out");
        return;
    }
    if (link->count == 0)
        return; // the next command starts the watch again
    left_ms = link->ring[link->first].since_ms + redis->command_timeout_ms - clock_mono_ms();
    if (left_ms <= 0) {
        if (link->suspect == link->answered + 1) {
            break_link(link, "a command wasn't answered in time");
            return;
        }
        link->suspect = link->answered + 1;
        left_ms = GRACE_MS;
    }
    redis->watch = loop_after(redis->loop, left_ms, on_watch, redis);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *unused)
{
    struct link *link = ac->data;
    struct pending pending;

    (void)unused;
    // NULL: hiredis is taking the context apart, on_lost tells the caller.
    if (reply == NULL || link->redis == NULL || !pop_pending(link, &pending))
        return;
    if (pending.fn != NULL)
        pending.fn(pending.ctx, reply);
}

static void redis_on_message(redisAsyncContext *ac, void *data, void *ctx)
{
    struct link *link = ac->data;
    struct subscription *subscription = ctx;
    const redisReply *reply = data;

    if (reply == NULL || link->redis == NULL)
        return;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
        reply->element[0]->type == REDIS_REPLY_STRING &&
        strcmp(reply->element[0]->str, "message") == 0)
        subscription->fn(subscription->ctx, reply->element[2]);
}

static void subscribe(struct link *link, struct subscription *subscription)
{
    const char *argv[] = {"SUBSCRIBE", subscription->channel};

    redisAsyncCommandArgv(link->ac, redis_on_message, subscription, 2, argv, NULL);
}

// The answers to AUTH, SELECT and PING; `step` says to which.
static void on_greeted(redisAsyncContext *ac, void *data, void *step)
{
    struct link *link = ac->data;
    struct redis *redis = link->redis;
    const redisReply *reply = data;
    char why[160];

    if (reply == NULL || redis == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        bool is_auth = strcmp(step, "AUTH") == 0;
        // A server that doesn't know AUTH repeats its arguments, the password too: the answer's
        // first word is enough.
        int len = is_auth ? (int)strcspn(reply->str, " ") : (int)reply->len;

        snprintf(why, sizeof why, "%s: %.*s", (const char *)step, len, reply->str);
        break_link(link, why);
        return;
    }
    if (strcmp(step, "PING") != 0)
        return;
    loop_cancel(&redis->watch);
    redis->is_up = true;
    redis->up_since_ms = clock_mono_ms();
    redis->told[0] = '\0';
    log_over("redis.down");
    log_debug("redis.connected", "server=%s", redis->where);
    for (struct subscription *s = redis->subscriptions; s != NULL; s = s->next)
        subscribe(link, s);
    if (redis->on_state != NULL)
        redis->on_state(redis->ctx, true);
}

static void greet(struct link *link, int argc, const char **argv)
{
    redisAsyncCommandArgv(link->ac, on_greeted, (void *)argv[0], argc, argv, NULL);
}

// `host` is an address (with a name hiredis would block on DNS), NULL where the target is a
// socket's path.
static void start_link(struct redis *redis, const char *host)
{
    const struct redis_url *target = &redis->target;
    redisAsyncContext *ac = target->path != NULL ? redisAsyncConnectUnix(target->path)
                                                 : redisAsyncConnect(host, target->port);
    struct link *link;
    char db[16];

    if (ac == NULL || ac->err != 0) {
        tell_trouble(redis, ac == NULL ? "out of memory" : ac->errstr);
        if (ac != NULL)
            redisAsyncFree(ac);
        retry_later(redis);
        return;
    }
    link = mem_new(struct link);
    if (uv_poll_init(loop_uv(redis->loop), &link->poll, ac->c.fd) != 0) {
        tell_trouble(redis, "the loop can't watch the connection");
        free(link);
        redisAsyncFree(ac);
        retry_later(redis);
        return;
    }
    // A connection that only listens would not notice that the other machine is gone.
    if (target->path == NULL)
        redisEnableKeepAlive(&ac->c);
    link->poll.data = link;
    link->redis = redis;
    link->ac = ac;
    redis->link = link;
    ac->data = link;
    ac->ev.data = link;
    ac->ev.addRead = ac->ev.delRead = ac->ev.delWrite = on_other_wish;
    ac->ev.addWrite = on_add_write;
    ac->ev.cleanup = on_cleanup;

    if (target->password != NULL && target->user != NULL)
        greet(link, 3, (const char *[]){"AUTH", target->user, target->password});
    else if (target->password != NULL)
        greet(link, 2, (const char *[]){"AUTH", target->password});
    if (target->db != 0) {
        snprintf(db, sizeof db, "%d", target->db);
        greet(link, 2, (const char *[]){"SELECT", db});
    }
    greet(link, 1, (const char *[]){"PING"});
    redis->watch = loop_after(redis->loop, CONNECT_TIMEOUT_MS, on_watch, redis);
    wait_for(link, UV_WRITABLE);
}

static void on_looked_up(uv_getaddrinfo_t *uv, int status, struct addrinfo *found)
{
    struct lookup *lookup = (struct lookup *)uv;
    struct redis *redis = lookup->redis;
    char host[INET6_ADDRSTRLEN + 32] = "";
    unsigned count = 0, index;
    struct addrinfo *at;

    free(lookup);
    if (redis != NULL) {
        redis->lookup = NULL;
        for (at = found; at != NULL; at = at->ai_next)
            count++;
        // Each attempt tries the next of the addresses, so that an address that is down costs
        // little.
        index = count == 0 ? 0 : redis->attempts++ % count;
        for (at = found; at != NULL && index > 0; at = at->ai_next)
            index--;
        if (at != NULL && getnameinfo(at->ai_addr, at->ai_addrlen, host, sizeof host, NULL, 0,
                                      NI_NUMERICHOST) == 0) {
            start_link(redis, host);
        } else {
            tell_trouble(redis, status < 0 ? uv_strerror(status) : "the host has no address");
            retry_later(redis);
        }
    }
    uv_freeaddrinfo(found);
}

static bool is_address(const char *host)
{
    unsigned char address[16];

    return uv_inet_pton(AF_INET, host, address) == 0 || uv_inet_pton(AF_INET6, host, address) == 0;
}

static void start_attempt(void *ctx)
{
    struct redis *redis = ctx;
    const char *host = redis->target.host;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    int status;

    redis->retry = NULL;
    if (host == NULL || is_address(host)) {
        start_link(redis, host);
        return;
    }
    redis->lookup = mem_new(struct lookup);
    redis->lookup->redis = redis;
    status =
        uv_getaddrinfo(loop_uv(redis->loop), &redis->lookup->uv, on_looked_up, host, NULL, &hints);
    if (status < 0) {
        free(redis->lookup);
        redis->lookup = NULL;
        tell_trouble(redis, uv_strerror(status));
        retry_later(redis);
    }
}

struct redis *redis_start(struct loop *loop, const struct redis_options *options)
{
    struct redis *redis = mem_new(struct redis);
    struct buf where = {0};
    struct err err;
    bool is_good = redis_url_read(&redis->target, options->url, &err);

    assert(is_good); // main.c has checked it before
    (void)is_good;
    if (redis->target.path != NULL)
        buf_str(&where, redis->target.path);
    else
        buf_fmt(&where, "%s:%d", redis->target.host, redis->target.port);
    redis->where = buf_take(&where);
    redis->loop = loop;
    redis->command_timeout_ms = options->command_timeout_ms;
    redis->on_state = options->on_state;
    redis->ctx = options->ctx;
    redis->retry_ms = RETRY_FIRST_MS;
    redis->flush = loop_turn_new(loop, on_flush, redis);
    start_attempt(redis);
    return redis;
}

void redis_drop(struct redis **slot)
{
    struct redis *redis = *slot;

    if (redis == NULL)
        return;
    *slot = NULL;
    if (redis->link != NULL) {
        struct link *link = redis->link;

        link->redis = NULL;
        if (link->ac != NULL)
            redisAsyncFree(link->ac);
    }
    if (redis->lookup != NULL) {
        redis->lookup->redis = NULL;
        uv_cancel((uv_req_t *)&redis->lookup->uv);
    }
    loop_cancel(&redis->retry);
    loop_cancel(&redis->watch);
    loop_turn_drop(&redis->flush);
    while (redis->subscriptions != NULL) {
        struct subscription *subscription = redis->subscriptions;

        redis->subscriptions = subscription->next;
        free(subscription->channel);
        free(subscription);
    }
    redis_url_clear(&redis->target);
    free(redis->where);
    free(redis);
}

bool redis_is_up(const struct redis *redis)
{
    return redis->is_up;
}

void redis_reconnect(struct redis *redis, const char *why)
{
    if (redis->link != NULL && redis->link->ac != NULL)
        break_link(redis->link, why);
}

// `status` is what hiredis said when it was given the command.
static void redis_on_sent(struct redis *redis, int status, redis_reply_fn fn, void *ctx)
{
    if (status != REDIS_OK) {
        if (fn != NULL)
            fn(ctx, NULL);
        return;
    }
    push_pending(redis->link, fn, ctx);
    if (redis->watch == NULL && redis->command_timeout_ms > 0)
        redis->watch = loop_after(redis->loop, redis->command_timeout_ms, on_watch, redis);
}

void redis_send(struct redis *redis, const struct buf *command, redis_reply_fn fn, void *ctx)
{
    int status = REDIS_ERR;

    if (redis->is_up)
        status = redisAsyncFormattedCommand(redis->link->ac, on_reply, NULL, command->data,
                                            command->len);
    redis_on_sent(redis, status, fn, ctx);
}

void redis_sendf(struct redis *redis, redis_reply_fn fn, void *ctx, const char *format, ...)
{
    int status = REDIS_ERR;
    va_list args;

    va_start(args, format);
    if (redis->is_up)
        status = redisvAsyncCommand(redis->link->ac, on_reply, NULL, format, args);
    va_end(args);
    redis_on_sent(redis, status, fn, ctx);
}

void redis_subscribe(struct redis *redis, const char *channel, redis_reply_fn fn, void *ctx)
{
    struct subscription *subscription = mem_new(struct subscription);

    subscription->channel = mem_str(channel);
    subscription->fn = fn;
    subscription->ctx = ctx;
    subscription->next = redis->subscriptions;
    redis->subscriptions = subscription;
    if (redis->is_up)
        subscribe(redis->link, subscription);
}
