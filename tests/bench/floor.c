// The floor of a submit: the least that Redis must do for a task, through hiredis, in batches of
// 64, without HTTP, checks or keys.     floor SOCKET TASKS Prints microseconds of this process per
// task; Redis' share is measured from outside.
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BATCH = 64, IN_FLIGHT = 8 };

static const char script[] =
    "local ids = {}\n"
    "for i = 1, #ARGV, 2 do\n"
    "  redis.call('SET', 'floor:' .. ARGV[i], ARGV[i + 1])\n"
    "  redis.call('ZADD', 'floor-due', 1, ARGV[i])\n"
    "  ids[#ids + 1] = ARGV[i]\n"
    "end\n"
    "redis.call('XADD', 'floor-events', 'MAXLEN', '~', 10000, '*', 't', table.concat(ids, ' '))\n"
    "return #ids\n";

static void check(const redisReply *reply, const char *what)
{
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        fprintf(stderr, "floor: %s: %s\n", what, reply == NULL ? "no answer" : reply->str);
        exit(1);
    }
}

static void send_batch(redisContext *redis, const char *sha, long first, const char *body)
{
    static char ids[BATCH][24];
    const char *argv[3 + 2 * BATCH] = {"EVALSHA", sha, "0"};
    size_t lens[3 + 2 * BATCH] = {7, 40, 1};

    for (int i = 0; i < BATCH; i++) {
        lens[3 + 2 * i] = (size_t)snprintf(ids[i], sizeof ids[i], "task_%012ld", first + i);
        argv[3 + 2 * i] = ids[i];
        argv[4 + 2 * i] = body;
        lens[4 + 2 * i] = strlen(body);
    }
    redisAppendCommandArgv(redis, 3 + 2 * BATCH, argv, lens);
}

int main(int argc, char **argv)
{
    long tasks = argc == 3 ? strtol(argv[2], NULL, 10) : 0, sent = 0, done = 0;
    redisContext *redis = tasks > 0 ? redisConnectUnix(argv[1]) : NULL;
    char sha[41], body[901];
    struct timespec cpu;
    redisReply *reply;

    if (redis == NULL || redis->err != 0) {
        fprintf(stderr, "usage: floor SOCKET TASKS\n");
        return 2;
    }
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    reply = redisCommand(redis, "SCRIPT LOAD %s", script);
    check(reply, "SCRIPT LOAD");
    snprintf(sha, sizeof sha, "%s", reply->str);
    freeReplyObject(reply);
    while (done < tasks) {
        while (sent < tasks && sent - done < (long)BATCH * IN_FLIGHT) {
            send_batch(redis, sha, sent, body);
            sent += BATCH;
        }
        if (redisGetReply(redis, (void **)&reply) != REDIS_OK)
            return 1;
        check(reply, "EVALSHA");
        freeReplyObject(reply);
        done += BATCH;
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    printf("%.2f\n", ((double)cpu.tv_sec * 1e6 + (double)cpu.tv_nsec / 1e3) / (double)done);
    redisFree(redis);
    return 0;
}
