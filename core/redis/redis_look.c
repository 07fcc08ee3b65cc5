// A few questions over a connection that blocks.
#include "core/redis/redis_look.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "core/base/clock.h"
#include "core/redis/redis_url.h"

enum { ANSWER_S = 2 };

// What follows "name:" on a line of its own; NULL: there is no such line.
static const char *info_value(const char *info, const char *name)
{
    size_t len = strlen(name);

    for (const char *line = info; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, len) == 0 && line[len] == ':')
            return line + len + 1;
    }
    return NULL;
}

static int64_t info_number(const char *info, const char *name)
{
    const char *value = info_value(info, name);

    return value == NULL ? 0 : strtoll(value, NULL, 10);
}

void redis_look_read_info(struct redis_look *look, const char *info)
{
    const char *keeps = info_value(info, "aof_enabled");
    const char *policy = info_value(info, "maxmemory_policy");

    look->is_forgetful = keeps != NULL && *keeps == '0';
    look->is_evicting =
        policy != NULL && strcspn(policy, "\r\n") > 0 && strncmp(policy, "noeviction", 10) != 0;
    look->used_bytes = info_number(info, "used_memory");
    look->most_bytes = info_number(info, "maxmemory");
}

// NULL: no answer, or an error (in `err`). Free it with freeReplyObject.
static redisReply *ask(redisContext *redis, int argc, const char **argv, struct err *err)
{
    redisReply *reply = redisCommandArgv(redis, argc, argv, NULL);

    if (reply == NULL) {
        err_set(err, ERR_UNAVAILABLE, "redis_url: no answer to %s: %s", argv[0],
                *redis->errstr == '\0' ? "it hung up" : redis->errstr);
    } else if (reply->type == REDIS_REPLY_ERROR) {
        // A server that doesn't know AUTH repeats its arguments: the first word is enough.
        err_set(err, ERR_CONFIG, "redis_url: %s: %.*s", argv[0], (int)strcspn(reply->str, " "),
                reply->str);
        freeReplyObject(reply);
        reply = NULL;
    }
    return reply;
}

static bool tell(redisContext *redis, int argc, const char **argv, struct err *err)
{
    redisReply *reply = ask(redis, argc, argv, err);

    if (reply != NULL)
        freeReplyObject(reply);
    return reply != NULL;
}

static redisContext *connect_to(const struct redis_url *url, struct err *err)
{
    const struct timeval limit = {ANSWER_S, 0};
    redisContext *redis = url->path != NULL ? redisConnectUnixWithTimeout(url->path, limit)
                                            : redisConnectWithTimeout(url->host, url->port, limit);

    if (redis != NULL && redis->err == 0 && redisSetTimeout(redis, limit) == REDIS_OK)
        return redis;
    err_set(err, ERR_UNAVAILABLE, "redis_url: no Redis answers there: %s",
            redis == NULL ? "out of memory" : redis->errstr);
    if (redis != NULL)
        redisFree(redis);
    return NULL;
}

static bool log_in(redisContext *redis, const struct redis_url *url, struct err *err)
{
    if (url->password == NULL)
        return true;
    if (url->user == NULL)
        return tell(redis, 2, (const char *[]){"AUTH", url->password}, err);
    return tell(redis, 3, (const char *[]){"AUTH", url->user, url->password}, err);
}

// Snapshots aren't in INFO.
static bool has_snapshots(redisContext *redis)
{
    struct err why;
    redisReply *reply = ask(redis, 3, (const char *[]){"CONFIG", "GET", "save"}, &why);
    bool has = reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
               reply->element[1]->len > 0;

    if (reply != NULL)
        freeReplyObject(reply);
    return has;
}

static bool read_clock(struct redis_look *look, redisContext *redis, struct err *err)
{
    int64_t asked_ms = clock_wall_ms(), answered_ms;
    redisReply *reply = ask(redis, 1, (const char *[]){"TIME"}, err);

    if (reply == NULL)
        return false;
    answered_ms = clock_wall_ms();
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        look->clock_ahead_ms = strtoll(reply->element[0]->str, NULL, 10) * 1000 +
                               strtoll(reply->element[1]->str, NULL, 10) / 1000 -
                               (asked_ms + answered_ms) / 2;
    freeReplyObject(reply);
    return true;
}

static bool look_at(struct redis_look *look, redisContext *redis, const struct redis_url *url,
                    struct err *err)
{
    struct err why;
    redisReply *info;

    if (!log_in(redis, url, err) || !tell(redis, 1, (const char *[]){"PING"}, err) ||
        !read_clock(look, redis, err))
        return false;
    info = ask(redis, 1, (const char *[]){"INFO"}, &why);
    if (info == NULL)
        return true; // it may not be asked
    if (info->type == REDIS_REPLY_STRING)
        redis_look_read_info(look, info->str);
    freeReplyObject(info);
    look->is_forgetful = look->is_forgetful && !has_snapshots(redis);
    return true;
}

bool redis_look(struct redis_look *look, const char *url, struct err *err)
{
    struct redis_url where = {0};
    redisContext *redis;
    bool ok = redis_url_read(&where, url, err);

    *look = (struct redis_look){0};
    redis = ok ? connect_to(&where, err) : NULL;
    ok = redis != NULL && look_at(look, redis, &where, err);
    if (redis != NULL)
        redisFree(redis);
    redis_url_clear(&where);
    return ok;
}
