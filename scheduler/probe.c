// One file to storage and back; a few questions to Redis; one to each account's vendor.
#include "scheduler/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/private.h"
#include "core/config/config.h"
#include "core/config/mistakes.h"
#include "core/http/http_client.h"
#include "core/loop/loop.h"
#include "core/redis/redis_look.h"
#include "core/storage/storage.h"
#include "scheduler/account_try.h"

enum { PATIENCE_MS = 60000, START_PATIENCE_MS = 3000, MAX_BYTES = 4096, CLOCKS_APART_MS = 5000 };
enum { TIDY_LOOK_MS = 5, TIDY_LOOKS = 100 };

// The storage.

static const char text[] = "Spool was here to see whether it can write.\n";

struct probe {
    struct loop *loop;
    struct storage *storage;
    struct storage_op *op;
    struct loop_timer *timer;
    char key[64];
    int looks;
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

// Waits until the file is deleted, as far as that can be seen.
static void on_tidying(void *ctx)
{
    struct probe *probe = ctx;

    probe->timer = NULL;
    if (storage_is_tidying(probe->storage) && ++probe->looks < TIDY_LOOKS)
        probe->timer = loop_after(probe->loop, TIDY_LOOK_MS, on_tidying, probe);
    else
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
        on_tidying(probe);
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
    err_set(&err, ERR_TIMEOUT, "storage: it doesn't answer");
    finish(probe, &err);
}

// The error is an ERR_CONFIG where a bucket says which setting is wrong.
static bool try_storage(const struct config *config, int64_t patience_ms, struct err *err)
{
    struct loop *loop = loop_new();
    struct http_client *http = http_client_new(loop, "Spool/" SPOOL_VERSION);
    struct probe probe = {.loop = loop, .storage = storage_new(loop, http, config), .err = err};
    struct buf data = {0};

    // On a disk uploads are where artifacts are; inputs are elsewhere.
    snprintf(probe.key, sizeof probe.key, "uploads/probe-");
    id_random_hex(probe.key + strlen(probe.key), 24);
    buf_str(&data, text);
    probe.timer = loop_after(loop, patience_ms, on_timeout, &probe);
    probe.op = storage_put(probe.storage, probe.key, "text/plain", &data, on_put, &probe);
    loop_run(loop);
    storage_op_cancel(&probe.op);
    loop_cancel(&probe.timer);
    storage_free(&probe.storage);
    http_client_drop(&http);
    loop_free(loop);
    return probe.is_good;
}

static bool is_disk_full(const char *path)
{
    struct statvfs disk;

    return statvfs(path, &disk) == 0 && disk.f_bavail == 0;
}

bool probe_storage(const struct config *config, struct err *err)
{
    struct err why;

    if (try_storage(config, START_PATIENCE_MS, &why))
        return true;
    // Tasks wait for a bucket that is away, and for room on a disk.
    if (why.code != ERR_CONFIG &&
        (*config->storage.url != '\0' || is_disk_full(config->data_dir))) {
        log_warn("storage.away", "error=\"%s\" hint=\"tasks wait in archiving until it is there\"",
                 why.message);
        return true;
    }
    err_set(err, ERR_CONFIG, "%s", why.message);
    return false;
}

// Redis.

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

static bool look_at_redis(const struct config *config, struct err *err)
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

// data_dir.

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

// The accounts.

struct tries {
    struct loop *loop;
    struct one_try {
        struct tries *tries;
        const struct account *account;
        char state[16], words[160];
        int http_status;
        int64_t took_ms;
    } * list; // as the configuration's accounts
    size_t left;
};

static void on_said(void *ctx, const struct account_said *said)
{
    struct one_try *one = ctx;

    snprintf(one->state, sizeof one->state, "%s", said->state);
    snprintf(one->words, sizeof one->words, "%s", said->words);
    one->http_status = said->http_status;
    one->took_ms = said->took_ms;
    if (--one->tries->left == 0)
        loop_stop(one->tries->loop);
}

static void judge(const struct one_try *one, size_t i, struct config_mistakes *mistakes,
                  struct buf *fine)
{
    const char *name = one->account->name;
    struct err err;

    if (strcmp(one->state, "bad_key") == 0) {
        err_set(&err, ERR_CONFIG,
                "accounts.%zu: the vendor doesn't take the key of %s: %s (HTTP %d)", i, name,
                one->words, one->http_status);
        config_mistakes_add(mistakes, &err);
    } else if (strcmp(one->state, "unreachable") == 0) {
        err_set(&err, ERR_CONFIG, "accounts.%zu.base_url: the vendor of %s can't be reached: %s", i,
                name, one->words);
        config_mistakes_add(mistakes, &err);
    } else {
        buf_fmt(fine, "account %s: %s, its vendor answered %d in %lld ms\n", name,
                strcmp(one->state, "ok") == 0 ? "its key is taken" : one->state, one->http_status,
                (long long)one->took_ms);
    }
}

static void try_accounts(const struct config *config, struct config_mistakes *mistakes,
                         struct buf *fine)
{
    struct tries tries = {.loop = loop_new(), .left = config->account_count};
    struct http_client *http = http_client_new(tries.loop, "Spool/" SPOOL_VERSION);

    tries.list = mem_array(struct one_try, config->account_count);
    for (size_t i = 0; i < config->account_count; i++) {
        struct one_try *one = &tries.list[i];

        *one = (struct one_try){.tries = &tries, .account = &config->accounts[i]};
        account_try_start(tries.loop, http, one->account, on_said, one);
    }
    if (tries.left > 0)
        loop_run(tries.loop);
    for (size_t i = 0; i < config->account_count; i++)
        judge(&tries.list[i], i, mistakes, fine);
    http_client_drop(&http);
    loop_free(tries.loop);
    free(tries.list);
}

void probe_all(const struct config *config, struct config_mistakes *mistakes, struct buf *fine)
{
    bool has_place; // for files: else what is wrong with data_dir was said
    struct err err;

    if (!probe_data_dir(config, &err))
        config_mistakes_add(mistakes, &err);
    if (!look_at_redis(config, &err))
        config_mistakes_add(mistakes, &err);
    else if (*config->redis_url != '\0')
        buf_str(fine, "Redis answers and keeps what it is given\n");
    has_place = *config->storage.url != '\0' || !config_mistakes_has(mistakes, "data_dir");
    if (has_place && !try_storage(config, PATIENCE_MS, &err))
        config_mistakes_add(mistakes, &err);
    else if (has_place)
        buf_str(fine, "the storage takes files and gives them back\n");
    try_accounts(config, mistakes, fine);
}
