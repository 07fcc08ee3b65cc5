// The composition root: reads the command line, starts the roles, each on a thread and a loop of
// its own, and stops them in order.
#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/private.h"
#include "core/config/config.h"
#include "core/config/mistakes.h"
#include "core/loop/loop.h"
#include "core/redis/redis_child.h"
#include "core/redis/redis_url.h"
#include "providers/provider.h"
#include "scheduler/api.h"
#include "scheduler/cli/cli.h"
#include "scheduler/generation.h"
#include "scheduler/probe.h"
#include "webhook/webhook.h"
#include "workers/worker.h"

enum { EXIT_USAGE = 2, SIGNAL_COUNT = 5, ENDING_LOOK_MS = 50, TELL_MS = 1000 };
enum { LARGE_BLOCK_BYTES = 256 * 1024, OWN_DESCRIPTORS = 64 };

static void *start_api(struct loop *loop, const struct config *config, const char *redis_url,
                       int listen_fd, struct err *err)
{
    return api_start(loop, config, redis_url, false, listen_fd, err);
}

static void *start_admin(struct loop *loop, const struct config *config, const char *redis_url,
                         int listen_fd, struct err *err)
{
    struct api *api = api_start(loop, config, redis_url, true, listen_fd, err);

    if (api != NULL)
        log_info("admin.listening", "host=%s port=%d", config->admin_host, api_port(api));
    return api;
}

static int api_fd(const void *role)
{
    return api_listen_fd(role);
}

static int front_port(const void *role)
{
    return api_port(role);
}

static bool drain_api(void *role)
{
    return api_drain(role);
}

static void drop_api(void *role)
{
    struct api *api = role;

    api_drop(&api);
}

static void *start_worker(struct loop *loop, const struct config *config, const char *redis_url,
                          int listen_fd, struct err *err)
{
    (void)listen_fd;
    (void)err;
    return worker_start(loop, config, redis_url);
}

static bool drain_worker(void *role)
{
    return worker_drain(role);
}

static void drop_worker(void *role)
{
    struct worker *worker = role;

    worker_drop(&worker);
}

static void *start_webhook(struct loop *loop, const struct config *config, const char *redis_url,
                           int listen_fd, struct err *err)
{
    (void)listen_fd;
    (void)err;
    return webhook_start(loop, config, redis_url);
}

static bool drain_webhook(void *role)
{
    return webhook_drain(role);
}

static void drop_webhook(void *role)
{
    struct webhook *webhook = role;

    webhook_drop(&webhook);
}

static const struct role roles[] = {
    {"api", ROLE_API, start_api, drain_api, drop_api, api_fd, front_port},
    {"worker", ROLE_WORKER, start_worker, drain_worker, drop_worker, NULL, NULL},
    {"webhook", ROLE_WEBHOOK, start_webhook, drain_webhook, drop_webhook, NULL, NULL},
    {"admin", ROLE_ADMIN, start_admin, drain_api, drop_api, api_fd,
     NULL}, // where admin_listen is set
    {0},
};

// The process: the roles by the present configuration, and those that they have replaced.
struct process {
    struct loop *loop;
    const char *redis_url;
    const char *config_path;
    const struct config_flags *flags;
    struct generation *now;
    struct generation *before;  // the one being drained; NULL: none
    struct loop_timer *ending;  // looks whether `before` is over
    bool wants_reload;          // there was another SIGHUP meanwhile
    struct loop_timer *telling; // what the log counted
};

static bool check_account(const struct account *account, size_t i, struct err *err)
{
    const struct provider *provider = provider_find(account->provider);
    struct err why;

    if (provider == NULL)
        return err_set(err, ERR_CONFIG, "accounts.%zu.provider: there is no provider \"%s\"", i,
                       account->provider);
    if (provider_dialect(provider, account) < 0)
        return err_set(err, ERR_CONFIG, "accounts.%zu.dialect: %s has no dialect \"%s\"", i,
                       provider->name, account->dialect);
    return provider->check_account(account, &why) ||
           err_set(err, ERR_CONFIG, "accounts.%zu.%s", i, why.message);
}

static bool check_redis_url(const struct config *config, struct err *err)
{
    struct redis_url url = {0};
    bool is_good = *config->redis_url == '\0' || redis_url_read(&url, config->redis_url, err);

    redis_url_clear(&url);
    return is_good;
}

// What only the roles know to be wrong; what was found wrong before isn't looked at again.
static void check_config(const struct config *config, struct config_mistakes *mistakes)
{
    struct err err;

    for (size_t i = 0; i < config->account_count; i++)
        if (!config_mistakes_has(mistakes, "accounts.%zu", i) &&
            !check_account(&config->accounts[i], i, &err))
            config_mistakes_add(mistakes, &err);
    if (!config_mistakes_has(mistakes, "redis_url") && !check_redis_url(config, &err))
        config_mistakes_add(mistakes, &err);
    if (!config_mistakes_has(mistakes, "webhook.secret") && !webhook_check_config(config, &err))
        config_mistakes_add(mistakes, &err);
}

static bool load(struct config *config, const char *path, const struct config_flags *flags,
                 struct config_mistakes *mistakes)
{
    if (config_load(config, path, flags, mistakes) || config->redis_url != NULL)
        check_config(config, mistakes); // else there is nothing to look at
    return mistakes->count == 0;
}

// The first `most` of them, a line each.
static int say_mistakes(const struct config_mistakes *mistakes, size_t most)
{
    for (size_t i = 0; i < mistakes->count && i < most; i++)
        fprintf(stderr, "spool: %s%s%s\n", mistakes->file == NULL ? "" : mistakes->file,
                mistakes->file == NULL ? "" : ": ", mistakes->list[i].message);
    return EXIT_USAGE;
}

// A connection may have a file open beside its socket, and there may be as many WebSockets. On top
// come the descriptors that we need for ourselves, whoever connects: Redis, vendors, archives,
// hooks.
static void share_descriptors(struct config *config)
{
    struct rlimit files;
    rlim_t ours, most;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur == RLIM_INFINITY)
        return;
    ours = files.rlim_cur / 4 > OWN_DESCRIPTORS ? files.rlim_cur / 4 : OWN_DESCRIPTORS;
    most = files.rlim_cur > ours + 3 ? (files.rlim_cur - ours) / 3 : 1;
    if (config->max_connections > 0 && config->max_connections <= most)
        return;
    log_warn("limits.descriptors", "limit=%llu connections=%llu wanted=%u raise_to=%llu",
             (unsigned long long)files.rlim_cur, (unsigned long long)most, config->max_connections,
             4ULL * (config->max_connections > 0 ? config->max_connections : 4096));
    config->max_connections = (unsigned)most;
}

static void raise_limits(unsigned connections)
{
    struct rlimit files;
    rlim_t wanted = connections > 16384 ? 4 * (rlim_t)connections : 65536;

    // We don't raise the limit further than is of use: libwebsockets has a table as long as the
    // limit.
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    // A large block goes back to the system when it is freed; left alone, glibc's limit for that
    // creeps up to 32 MB.
    mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES);
    // libuv's threads wait for the disk, not for a processor.
    setenv("UV_THREADPOOL_SIZE", "16", 0);
    prctl(PR_SET_DUMPABLE, 0); // keys are in memory: no core files
    signal(SIGPIPE, SIG_IGN);
}

static void say_ready(const struct config *config)
{
    if (config->roles & ROLE_API)
        printf(strchr(config->listen_host, ':') ? "spool: listening on http://[%s]:%d\n"
                                                : "spool: listening on http://%s:%d\n",
               config->listen_host, config->listen_port);
    else
        printf("spool: ready, without an address\n");
    fflush(stdout);
}

static void set_log(const struct config *config)
{
    log_threshold = config->log_level;
    log_is_json = config->is_log_json;
}

// Reading the configuration again.

static void reload(struct process *p);

static void on_ending(void *ctx)
{
    struct process *p = ctx;

    p->ending = NULL;
    if (!generation_is_over(p->before)) {
        p->ending = loop_after(p->loop, ENDING_LOOK_MS, on_ending, p);
        return;
    }
    generation_join(&p->before);
    log_info("config.reloaded", "accounts=%zu", generation_config(p->now)->account_count);
    if (p->wants_reload)
        reload(p);
}

static void log_mistakes(const struct config_mistakes *mistakes)
{
    for (size_t i = 0; i < mistakes->count; i++)
        log_error("config.refused", "file=%s error=\"%s\" hint=\"it goes on as it was\"",
                  mistakes->file == NULL ? "" : mistakes->file, mistakes->list[i].message);
}

static void reload(struct process *p)
{
    struct config config = {0};
    struct config_mistakes mistakes = {0};
    struct generation *next;
    struct err err;

    p->wants_reload = p->before != NULL; // then it is read once `before` is over
    if (p->wants_reload)
        return;
    if (!load(&config, p->config_path, p->flags, &mistakes)) {
        log_mistakes(&mistakes);
        config_mistakes_clear(&mistakes);
        config_clear(&config);
        return;
    }
    config_keep_fixed(&config, generation_config(p->now));
    share_descriptors(&config);
    next = generation_start(roles, &config, p->redis_url, p->now, &err);
    if (next == NULL) {
        log_error("config.refused", "error=\"%s\" hint=\"it goes on as it was\"", err.message);
        return;
    }
    set_log(generation_config(next));
    p->before = p->now;
    p->now = next;
    generation_drain(p->before);
    p->ending = loop_after(p->loop, ENDING_LOOK_MS, on_ending, p);
}

// SIGTERM and SIGINT end the main loop, a second one ends the process at once. SIGHUP reads the
// configuration again. Signals that end other programs without a reason are ignored.
static void on_signal(uv_signal_t *signal, int number)
{
    static int count;
    struct process *p = signal->data;

    if (number == SIGHUP) {
        reload(p);
    } else if (number != SIGUSR1 && number != SIGUSR2) {
        if (++count > 1)
            _Exit(EXIT_FAILURE);
        loop_stop(p->loop);
    }
}

static void start_signals(struct process *p, uv_signal_t signals[SIGNAL_COUNT])
{
    static const int numbers[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2};

    for (int i = 0; i < SIGNAL_COUNT; i++) {
        uv_signal_init(loop_uv(p->loop), &signals[i]);
        signals[i].data = p;
        uv_signal_start(&signals[i], on_signal, numbers[i]);
    }
}

static void on_telling(void *ctx)
{
    struct process *p = ctx;

    p->telling = loop_after(p->loop, TELL_MS, on_telling, p);
    log_tell_repeats();
}

static bool run_roles(struct process *p, struct config *config, struct err *err)
{
    bool is_clean;

    p->now = generation_start(roles, config, p->redis_url, NULL, err);
    if (p->now == NULL)
        return false;
    say_ready(generation_config(p->now));
    on_telling(p);
    loop_run(p->loop);
    loop_cancel(&p->telling);

    log_info("spool.draining", "timeout_ms=%lld",
             (long long)generation_config(p->now)->drain_timeout_ms);
    generation_drain(p->now);
    loop_cancel(&p->ending);
    is_clean = generation_join(&p->before);
    is_clean = generation_join(&p->now) && is_clean;
    return is_clean || err_set(err, ERR_INTERNAL, "a loop had handles left over");
}

static int complain(const struct err *err)
{
    fprintf(stderr, "spool: %s\n", err->message);
    return err->code == ERR_CONFIG ? EXIT_USAGE : EXIT_FAILURE;
}

static int serve(struct config *config, const char *path, const struct config_flags *flags)
{
    struct process process = {.loop = loop_new(), .config_path = path, .flags = flags};
    uv_signal_t signals[SIGNAL_COUNT];
    struct redis_child *child = NULL;
    char *redis_url = mem_str(config->redis_url);
    struct err err;
    bool ok;

    set_log(config);
    json_object_seed(0); // once, before there are threads
    raise_limits(config->max_connections);
    share_descriptors(config);
    start_signals(&process, signals);
    ok = probe_data_dir(config, &err);
    if (ok && *redis_url == '\0') {
        child = redis_child_start(process.loop, config->data_dir, &err);
        ok = child != NULL;
    }
    ok = ok && probe_persistence(config, &err) && probe_storage(config, &err);
    process.redis_url = child != NULL ? redis_child_url(child) : redis_url;
    ok = ok && run_roles(&process, config, &err);
    redis_child_drop(&child);
    for (int i = 0; i < SIGNAL_COUNT; i++)
        uv_close((uv_handle_t *)&signals[i], NULL);
    if (!loop_free(process.loop))
        log_error("loop.leak", "role=main");
    free(redis_url);
    log_flush();
    if (ok)
        log_info("spool.stopped", "exit=0");
    return ok ? EXIT_SUCCESS : complain(&err);
}

static int say_fine(const struct config *config, const struct buf *fine)
{
    for (const char *line = buf_text(fine); *line != '\0'; line += strcspn(line, "\n") + 1)
        printf("spool: %.*s\n", (int)strcspn(line, "\n"), line);
    printf("spool: the configuration is fine: %zu account%s, listening on %s:%d\n",
           config->account_count, config->account_count == 1 ? "" : "s", config->listen_host,
           config->listen_port);
    return EXIT_SUCCESS;
}

static int check(const struct config *config, bool is_probe, struct config_mistakes *mistakes)
{
    struct buf fine = {0};
    int status;

    if (is_probe) {
        log_threshold = LOG_NOTHING; // we say ourselves what is wrong, once
        raise_limits(0);
        probe_all(config, mistakes, &fine);
    }
    status =
        mistakes->count > 0 ? say_mistakes(mistakes, mistakes->count) : say_fine(config, &fine);
    buf_clear(&fine);
    return status;
}

int main(int argc, char **argv)
{
    struct cli_own own;
    struct config_flags flags = {0};
    struct config config = {0};
    struct config_mistakes mistakes = {0};
    int status;

    if (!cli_run(argc, argv, &own, &status))
        return status; // the command was a client's verb
    private_start();
    flags.listen = own.listen;
    flags.admin_listen = own.admin_listen;
    flags.roles = own.roles;
    if (!load(&config, own.config, &flags, &mistakes))
        status = say_mistakes(&mistakes, own.is_check ? mistakes.count : 1);
    else
        status = own.is_check ? check(&config, own.is_probe, &mistakes)
                              : serve(&config, own.config, &flags);
    config_mistakes_clear(&mistakes);
    config_clear(&config);
    return status;
}
