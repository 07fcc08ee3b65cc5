// Spool's own Redis.
#include "core/redis/redis_child.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/private.h"
#include "core/loop/loop.h"

#define SOCKET "redis.sock"
enum { SOCKET_MAX = 100 }; // bytes of its path: sun_path has 108
enum { START_MS = 10000, STOP_MS = 10000, FIRST_BACKOFF_MS = 100, LONGEST_BACKOFF_MS = 5000 };

struct redis_child {
    struct loop *loop;
    char *data_dir, *dir, *socket, *url, *log;
    int spool_lock; // ours: one Spool per directory
    int pid;        // 0: none is running
    int pidfd;      // of an adopted server, which isn't our child
    uv_process_t *process;
    uv_poll_t *watch; // on pidfd
    struct loop_timer *restart;
    int64_t backoff_ms, started_ms;
    bool is_stopping;
};

static void start_or_adopt(struct redis_child *child);

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void on_restart(void *ctx)
{
    struct redis_child *child = ctx;

    child->restart = NULL;
    start_or_adopt(child);
}

static void plan_restart(struct redis_child *child)
{
    if (child->is_stopping)
        return;
    if (clock_mono_ms() - child->started_ms > 10000)
        child->backoff_ms = FIRST_BACKOFF_MS;
    log_error("redis.died", "restart_in_ms=%lld log=%s", (long long)child->backoff_ms, child->log);
    child->restart = loop_after(child->loop, child->backoff_ms, on_restart, child);
    child->backoff_ms =
        child->backoff_ms * 2 > LONGEST_BACKOFF_MS ? LONGEST_BACKOFF_MS : child->backoff_ms * 2;
}

static void on_exit_of_child(uv_process_t *process, int64_t status, int signal)
{
    struct redis_child *child = process->data;

    log_info("redis.exit", "status=%lld signal=%d", (long long)status, signal);
    child->process = NULL;
    child->pid = 0;
    uv_close((uv_handle_t *)process, free_handle);
    plan_restart(child);
}

static void on_exit_of_adopted(uv_poll_t *poll, int status, int events)
{
    struct redis_child *child = poll->data;

    (void)status, (void)events;
    child->watch = NULL;
    child->pid = 0;
    uv_close((uv_handle_t *)poll, free_handle);
    close(child->pidfd);
    child->pidfd = -1;
    plan_restart(child);
}

// The pid of the server on the socket; 0: none answers.
static int ask_pid(const struct redis_child *child)
{
    struct timeval timeout = {1, 0};
    redisContext *redis = redisConnectUnixWithTimeout(child->socket, timeout);
    redisReply *reply;
    const char *at;
    int pid = 0;

    if (redis != NULL && redis->err == 0) {
        redisSetTimeout(redis, timeout);
        reply = redisCommand(redis, "INFO server"); // answered while loading, too
        if (reply != NULL && reply->type == REDIS_REPLY_STRING &&
            (at = strstr(reply->str, "process_id:")) != NULL)
            pid = (int)strtol(at + strlen("process_id:"), NULL, 10);
        if (reply != NULL)
            freeReplyObject(reply);
    }
    if (redis != NULL)
        redisFree(redis);
    return pid;
}

static bool adopt(struct redis_child *child)
{
    int pid = ask_pid(child);

    if (pid == 0)
        return false;
    child->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (child->pidfd < 0)
        return false;
    fcntl(child->pidfd, F_SETFD, FD_CLOEXEC);
    child->pid = pid;
    child->started_ms = clock_mono_ms();
    child->watch = mem_new(uv_poll_t);
    child->watch->data = child;
    uv_poll_init(loop_uv(child->loop), child->watch, child->pidfd);
    uv_poll_start(child->watch, UV_READABLE, on_exit_of_adopted);
    log_info("redis.adopted", "pid=%d", pid);
    return true;
}

// The server inherits `lock`, which is held for as long as it lives.
static bool spawn(struct redis_child *child, int lock, struct err *err)
{
    char *args[] = {"redis-server", "--port", "0", "--unixsocket", child->socket,
                    "--unixsocketperm", "600", "--dir", child->dir, "--appendonly", "yes",
                    "--appendfsync", "always", "--save", "", "--maxmemory-policy", "noeviction",
                    // A task's record, its request included, stays in the compact form.
                    "--hash-max-listpack-value", "8192", "--logfile", child->log, "--daemonize",
                    "no", NULL};
    uv_stdio_container_t stdio[4] = {{.flags = UV_IGNORE},
                                     {.flags = UV_IGNORE},
                                     {.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = lock}};
    uv_process_options_t options = {
        .file = args[0],
        .args = args,
        .exit_cb = on_exit_of_child,
        .stdio = stdio,
        .stdio_count = 4,
        // Redis gets a session of its own: the terminal's Ctrl-C is for Spool, which stops Redis
        // last.
        .flags = UV_PROCESS_DETACHED,
    };
    uv_process_t *process = mem_new(uv_process_t);
    int failure;

    process->data = child;
    failure = uv_spawn(loop_uv(child->loop), process, &options);
    if (failure != 0) {
        uv_close((uv_handle_t *)process, free_handle);
        return err_set(err, ERR_CONFIG,
                       "redis-server can't be started (%s): install it, or set "
                       "redis_url",
                       uv_strerror(failure));
    }
    child->process = process;
    child->pid = process->pid;
    child->started_ms = clock_mono_ms();
    log_info("redis.started", "pid=%d", child->pid);
    return true;
}

static char *join(const char *directory, const char *name)
{
    struct buf path = {0};

    buf_fmt(&path, "%s/%s", directory, name);
    return buf_take(&path);
}

static bool try_start(struct redis_child *child, struct err *err)
{
    char *path;
    int lock;
    bool ok;

    if (adopt(child))
        return true;
    path = join(child->data_dir, "redis.lock");
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(path);
    if (lock < 0)
        return err_set(err, ERR_CONFIG, "redis.lock: %s", strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        close(lock);
        return err_set(err, ERR_UNAVAILABLE, "its Redis still holds its lock");
    }
    ok = spawn(child, lock, err);
    close(lock); // the server's copy keeps it locked
    return ok;
}

static void start_or_adopt(struct redis_child *child)
{
    struct err err;

    if (!try_start(child, &err)) {
        log_warn("redis.start", "error=\"%s\"", err.message);
        plan_restart(child);
    }
}

// The directory as it will be known once it is there: what isn't there yet, as it is written.
static char *resolve(const char *directory)
{
    size_t len = strlen(directory);
    char *known = realpath(directory, NULL), *path;

    while (known == NULL && len > 0) {
        char *parent;

        while (len > 0 && directory[len - 1] == '/')
            len--;
        while (len > 0 && directory[len - 1] != '/')
            len--;
        parent = len > 0 ? mem_strn(directory, len) : mem_str(".");
        known = realpath(parent, NULL);
        free(parent);
    }
    path = known == NULL             ? mem_str(directory)
           : directory[len] == '\0'  ? mem_str(known)
           : strcmp(known, "/") == 0 ? join("", directory + len)
                                     : join(known, directory + len);
    free(known);
    return path;
}

bool redis_child_check(const char *data_dir, struct err *err)
{
    char *directory = resolve(data_dir), *socket = join(directory, SOCKET);
    bool is_short = strlen(socket) <= SOCKET_MAX;

    free(socket);
    free(directory);
    return is_short || err_set(err, ERR_CONFIG, "data_dir: the path is too long for a socket");
}

static bool prepare(struct redis_child *child, const char *data_dir, struct err *err)
{
    char *path = join(data_dir, "redis"), *lock;
    struct buf url = {0};
    struct err why;
    bool ok = private_make(path, &why) || err_set(err, ERR_CONFIG, "data_dir: %s", why.message);

    free(path);
    if (!ok)
        return false;
    child->data_dir = realpath(data_dir, NULL);
    if (child->data_dir == NULL)
        return err_set(err, ERR_CONFIG, "data_dir: %s", strerror(errno));
    // These may be from a version of Spool that left them readable to other users.
    private_tighten(child->data_dir, "redis");
    private_tighten(child->data_dir, "redis.log");
    private_tighten(child->data_dir, SOCKET);
    child->dir = join(child->data_dir, "redis");
    child->socket = join(child->data_dir, SOCKET);
    child->log = join(child->data_dir, "redis.log");
    buf_fmt(&url, "unix://%s", child->socket);
    child->url = buf_take(&url);
    if (!redis_child_check(data_dir, err))
        return false;
    lock = join(child->data_dir, "spool.lock");
    child->spool_lock = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    free(lock);
    if (child->spool_lock < 0)
        return err_set(err, ERR_CONFIG, "data_dir: spool.lock: %s", strerror(errno));
    if (flock(child->spool_lock, LOCK_EX | LOCK_NB) != 0)
        return err_set(err, ERR_CONFIG,
                       "data_dir: another Spool uses %s; to share the work, give both the same "
                       "redis_url",
                       data_dir);
    return true;
}

struct redis_child *redis_child_start(struct loop *loop, const char *data_dir, struct err *err)
{
    struct redis_child *child = mem_new(struct redis_child);
    int64_t until = clock_mono_ms() + START_MS;

    child->loop = loop;
    child->pidfd = child->spool_lock = -1;
    child->backoff_ms = FIRST_BACKOFF_MS;
    if (!prepare(child, data_dir, err)) {
        redis_child_drop(&child);
        return NULL;
    }
    while (!try_start(child, err)) {
        if (err->code != ERR_UNAVAILABLE || clock_mono_ms() > until) {
            redis_child_drop(&child);
            return NULL;
        }
        sleep_ms(50); // the old server is on its way out
    }
    while (child->pid != 0 && ask_pid(child) == 0 && clock_mono_ms() < until)
        sleep_ms(10);
    return child;
}

const char *redis_child_url(const struct redis_child *child)
{
    return child->url;
}

void redis_child_drop(struct redis_child **pointer)
{
    struct redis_child *child = *pointer;
    int64_t until = clock_mono_ms() + STOP_MS;

    if (child == NULL)
        return;
    *pointer = NULL;
    child->is_stopping = true;
    loop_cancel(&child->restart);
    if (child->pid > 0)
        kill(child->pid, SIGTERM);
    // The loop isn't running any more: turn it until the handler of Redis' exit was called.
    while (child->pid > 0 && clock_mono_ms() < until) {
        uv_run(loop_uv(child->loop), UV_RUN_NOWAIT);
        if (child->pid > 0)
            sleep_ms(5);
    }
    if (child->process != NULL)
        uv_close((uv_handle_t *)child->process, free_handle);
    if (child->watch != NULL)
        uv_close((uv_handle_t *)child->watch, free_handle);
    if (child->pidfd >= 0)
        close(child->pidfd);
    if (child->spool_lock >= 0)
        close(child->spool_lock);
    free(child->data_dir);
    free(child->dir);
    free(child->socket);
    free(child->url);
    free(child->log);
    free(child);
}
