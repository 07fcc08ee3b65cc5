// One file to storage and back; a few questions to Redis.
#include "scheduler/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/base/private.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/redis/redis_look.h"
#include "core/storage/storage.h"

enum { TIMEOUT_MS = 60000, MAX_BYTES = 4096, CLOCKS_APART_MS = 5000 };

static const char text[] = "Spool was here to see whether it can write.\n";

struct probe {
    struct loop *loop;
    struct storage *storage;
    struct storage_op *op;
    struct loop_timer *timer;
    char key[64];
    struct err *err;
    bool is_good;
};

static void finish(struct probe *probe, const struct err *err)
{
    probe->is_good = err == NULL;
    if (err != NULL)
        *probe->err = *err;
    loop_stop(probe->loop);
}

static void on_deleted(void *ctx)
{
    struct probe *probe = ctx;

    probe->timer = NULL;
    finish(probe, NULL);
}

static void on_read(void *ctx, const struct buf *data, const struct err *err)
{
    struct probe *probe = ctx;
    struct err other;

    probe->op = NULL;
    loop_cancel(&probe->timer);
    storage_delete(probe->storage, probe->key);
    if (err == NULL && (data->len != strlen(text) || memcmp(data->data, text, data->len) != 0)) {
        err_set(&other, ERR_IO, "storage: something else came back than was written");
        err = &other;
    }
    if (err != NULL)
        finish(probe, err);
    else
        probe->timer =
            loop_after(probe->loop, 500, on_deleted, probe); // the deletion is on its way
}

static void on_put(void *ctx, const struct err *err)
{
    struct probe *probe = ctx;

    probe->op = NULL;
    if (err != NULL)
        finish(probe, err);
    else
        probe->op = storage_read(probe->storage, probe->key, MAX_BYTES, on_read, probe);
}

static void on_timeout(void *ctx)
{
    struct probe *probe = ctx;
    struct err err;

    probe->timer = NULL;
    err_set(&err, ERR_TIMEOUT, "storage: no answer within %d s", TIMEOUT_MS / 1000);
    finish(probe, &err);
}

bool probe_storage(const struct config *config, struct err *err)
{
    struct loop *loop = loop_new();
    struct http_client *http = http_client_new(loop, "Spool/" SPOOL_VERSION);
    struct probe probe = {.loop = loop, .storage = storage_new(loop, http, config), .err = err};
    struct buf data = {0};

    // On a disk uploads are where artifacts are; inputs are elsewhere.
    snprintf(probe.key, sizeof probe.key, "uploads/probe-");
    id_random_hex(probe.key + strlen(probe.key), 24);
    buf_str(&data, text);
    probe.timer = loop_after(loop, TIMEOUT_MS, on_timeout, &probe);
    probe.op = storage_put(probe.storage, probe.key, "text/plain", &data, on_put, &probe);
    loop_run(loop);
    storage_op_cancel(&probe.op);
    loop_cancel(&probe.timer);
    storage_free(&probe.storage);
    http_client_drop(&http);
    loop_free(loop);
    return probe.is_good;
}

static bool keeps_enough(const struct config *config, const struct redis_look *look,
                         struct err *err)
{
    return !look->is_forgetful || config->redis_persistence == PERSISTENCE_NONE ||
           err_set(err, ERR_CONFIG,
                   "redis_persistence: the Redis at redis_url keeps nothing on disk, a restart of "
                   "it would lose every task; run: CONFIG SET appendonly yes (and set it in its "
                   "configuration), or set redis_persistence to \"none\"");
}

bool probe_persistence(const struct config *config, struct err *err)
{
    struct redis_look look;
    struct err why;

    if (*config->redis_url == '\0' || config->redis_persistence == PERSISTENCE_NONE)
        return true;
    return !redis_look(&look, config->redis_url, &why) || keeps_enough(config, &look, err);
}

bool probe_redis(const struct config *config, struct err *err)
{
    struct redis_look look;

    if (*config->redis_url == '\0')
        return true;
    if (!redis_look(&look, config->redis_url, err) || !keeps_enough(config, &look, err))
        return false;
    if (look.is_evicting)
        return err_set(err, ERR_CONFIG,
                       "redis_url: this Redis evicts keys when it is full, and tasks with them; "
                       "run: CONFIG SET maxmemory-policy noeviction");
    if (look.most_bytes > 0 && look.used_bytes > look.most_bytes / 10 * 9)
        return err_set(err, ERR_CONFIG,
                       "redis_url: this Redis is full: %lld of %lld bytes; raise its maxmemory",
                       (long long)look.used_bytes, (long long)look.most_bytes);
    if (look.clock_ahead_ms > CLOCKS_APART_MS || look.clock_ahead_ms < -CLOCKS_APART_MS)
        return err_set(
            err, ERR_CONFIG,
            "the clock of the Redis at redis_url is %lld s %s this machine's; vendors "
            "and clients refuse signatures of another time: set both by NTP",
            (long long)(look.clock_ahead_ms < 0 ? -look.clock_ahead_ms : look.clock_ahead_ms) /
                1000,
            look.clock_ahead_ms < 0 ? "behind" : "ahead of");
    return true;
}

bool probe_data_dir(const struct config *config, struct err *err)
{
    struct buf name = {0};
    struct err why;
    bool ok = private_make(config->data_dir, &why);
    int fd = -1;

    buf_fmt(&name, "%s/try-XXXXXX", config->data_dir);
    if (ok) {
        fd = mkostemp(name.data, O_CLOEXEC);
        ok = fd >= 0 || err_set(&why, ERR_IO, "no file can be made in %s: %s", config->data_dir,
                                strerror(errno));
    }
    if (fd >= 0) {
        unlink(name.data);
        close(fd);
    }
    buf_clear(&name);
    return ok || err_set(err, ERR_CONFIG, "data_dir: %s", why.message);
}
