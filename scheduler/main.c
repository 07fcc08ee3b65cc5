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
#include "scheduler/realtime_role.h"
#include "scheduler/supervisor.h"
#include "webhook/webhook.h"
#include "workers/worker.h"

enum {
    EXIT_USAGE = 2,
    SIGNAL_COUNT = 5,
    ENDING_LOOK_MS = 20,
    TELL_MS = 5000,
    LEFT_OVER_MS = 30000
};
enum { LARGE_BLOCK_BYTES = 256 * 1024, OWN_DESCRIPTORS = 64 };

static void *start_api(struct loop *loop, const struct role_start *start, struct err *err)
{
    return api_start(loop, start, false, err);
}

static void *start_admin(struct loop *loop, const struct role_start *start, struct err *err)
{
    struct api *api = api_start(loop, start, true, err);

    if (api != NULL)
        log_info("admin.listening", "host=%s port=%d", start->config->admin_host, api_port(api));
    return api;
}

static int api_fd(void *role)
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

static void *start_realtime(struct loop *loop, const struct role_start *start, struct err *err)
{
    (void)err;
    return realtime_role_start(loop, start);
}

static bool drain_realtime(void *role)
{
    return realtime_role_drain(role);
}

static void drop_realtime(void *role)
{
    struct realtime_role *realtime = role;

    realtime_role_drop(&realtime);
}

static void *start_worker(struct loop *loop, const struct role_start *start, struct err *err)
{
    (void)err;
    return worker_start(loop, start->config, start->redis_url);
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

static void *start_webhook(struct loop *loop, const struct role_start *start, struct err *err)
{
    (void)err;
    return webhook_start(loop, start->config, start->redis_url);
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

// Where processors are short, tasks come before what watchers are told of them.
enum { REALTIME_NICE = 15 };

static const struct role roles[] = {
    {"api", ROLE_API, start_api, drain_api, drop_api, api_fd, front_port, 0},
    {"worker", ROLE_WORKER, start_worker, drain_worker, drop_worker, NULL, NULL, 0},
    {"webhook", ROLE_WEBHOOK, start_webhook, drain_webhook, drop_webhook, NULL, NULL, 0},
    {"admin", ROLE_ADMIN, start_admin, drain_api, drop_api, api_fd, NULL,
     0}, // where admin_listen is set
    // Watchers of both front doors, so that however many there are, no request waits for them.
    {"realtime", ROLE_API | ROLE_ADMIN, start_realtime, drain_realtime, drop_realtime, NULL, NULL,
     REALTIME_NICE},
    {0},
};

// The process: the roles by the present configuration, and those that they have replaced.
struct process {
    struct loop *loop;
    const char *redis_url;
    const char *config_path;
    const struct config_flags *flags;
    struct generation *now;
    struct generation *before; // the one being drained; NULL: none
    struct loop_timer *ending; // looks whether what is being drained is over
    struct supervisor *supervisor;
    struct loop_timer *telling; // what the log counted
    bool wants_reload;          // there was another SIGHUP meanwhile
    bool is_stopping;           // there was a SIGTERM: `now` is being drained, too
    bool has_leaked;            // a loop had handles left over
};

// `why` begins with the key; what was found wrong with it before isn't said again.
static void note_mistake(size_t i, const struct err *why, struct config_mistakes *mistakes)
{
    struct err mistake;

    if (config_mistakes_has(mistakes, "accounts.%zu.%.*s", i, (int)strcspn(why->message, ":"),
                            why->message))
        return;
    err_set(&mistake, ERR_CONFIG, "accounts.%zu.%s", i, why->message);
    config_mistakes_add(mistakes, &mistake);
}

static void check_account(struct account *account, size_t i, struct config_mistakes *mistakes)
{
    struct err why;
    size_t at = 0;

    if (account->provider_name == NULL) // that was said
        return;
    if (config_mistakes_has(mistakes, "accounts.%zu.base_url", i))
        mem_set_str(&account->base_url, "wrong"); // but given
    if (!provider_bind(account, &why))
        note_mistake(i, &why, mistakes);
    else if (!config_mistakes_has(mistakes, "accounts.%zu.dialect", i))
        while (provider_find_mistake(account, &at, &why))
            note_mistake(i, &why, mistakes);
}

static bool check_redis_url(const struct config *config, struct err *err)
{
    struct redis_url url = {0};
    bool is_good = *config->redis_url == '\0' || redis_url_read(&url, config->redis_url, err);

    redis_url_clear(&url);
    return is_good;
}

// What only the roles know to be wrong; what was found wrong before isn't looked at again.
static void check_config(struct config *config, struct config_mistakes *mistakes)
{
    struct err err;

    for (size_t i = 0; i < config->account_count; i++)
        check_account(&config->accounts[i], i, mistakes);
    if (!config_mistakes_has(mistakes, "redis_url") && !check_redis_url(config, &err))
        config_mistakes_add(mistakes, &err);
    if (*config->redis_url == '\0' && !config_mistakes_has(mistakes, "redis_url") &&
        !config_mistakes_has(mistakes, "data_dir") && !redis_child_check(config->data_dir, &err))
        config_mistakes_add(mistakes, &err);
    webhook_check_config(config, mistakes);
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

static void add_address(const struct config *config, struct buf *text)
{
    buf_fmt(text, strchr(config->listen_host, ':') ? "[%s]:%d" : "%s:%d", config->listen_host,
            config->listen_port);
}

// Where we are to be found, as a line says it when we are ready.
static void address_of(const struct config *config, struct buf *text)
{
    if (config->roles & ROLE_API) {
        buf_str(text, "listening on http://");
        add_address(config, text);
    } else {
        buf_str(text, "ready, without an address");
    }
}

static void say_ready(const struct process *p)
{
    struct buf text = {0};

    address_of(generation_config(p->now), &text);
    printf("spool: %s\n", text.data);
    fflush(stdout);
    supervisor_ready(p->supervisor, "%s", text.data);
    buf_clear(&text);
}

static void set_log(const struct config *config)
{
    log_threshold = config->log_level;
    log_is_json = config->is_log_json;
}

static const char *stuck(void *ctx, int64_t silent_ms)
{
    const struct process *p = ctx;
    const char *name = p->now == NULL ? NULL : generation_stuck(p->now, silent_ms);

    return name != NULL || p->before == NULL ? name : generation_stuck(p->before, silent_ms);
}

// Reading the configuration again, and the end.

static void reload(struct process *p);

static void join(struct process *p, struct generation **generation)
{
    if (!generation_join(generation))
        p->has_leaked = true;
}

static void on_ending(void *ctx)
{
    struct process *p = ctx;

    p->ending = NULL;
    if (p->before != NULL && generation_is_over(p->before)) {
        join(p, &p->before);
        log_info("config.reloaded", "accounts=%zu", generation_config(p->now)->account_count);
        if (p->wants_reload)
            reload(p);
    }
    if (p->is_stopping && p->before == NULL && generation_is_over(p->now)) {
        join(p, &p->now);
        loop_stop(p->loop);
    } else if ((p->is_stopping || p->before != NULL) && p->ending == NULL) {
        p->ending = loop_after(p->loop, ENDING_LOOK_MS, on_ending, p);
    }
}

// It goes on as it was; the supervisor is told the first mistake.
static void refuse(struct process *p, const struct config_mistakes *mistakes)
{
    const char *file = mistakes->file == NULL ? "" : mistakes->file;

    for (size_t i = 0; i < mistakes->count; i++)
        log_error("config.refused", "file=%s error=\"%s\" hint=\"it goes on as it was\"", file,
                  mistakes->list[i].message);
    supervisor_ready(p->supervisor, "as it was, for the new configuration is refused: %s%s%s", file,
                     *file == '\0' ? "" : ": ", mistakes->list[0].message);
}

static void say_reloaded(const struct process *p)
{
    const struct config *config = generation_config(p->now);
    struct buf text = {0};

    address_of(config, &text);
    supervisor_ready(p->supervisor, "%s, by the new configuration", text.data);
    buf_clear(&text);
}

static void reload(struct process *p)
{
    struct config config = {0};
    struct config_mistakes mistakes = {0};
    struct generation *next;
    struct err err;

    p->wants_reload = false;
    if (!load(&config, p->config_path, p->flags, &mistakes)) {
        refuse(p, &mistakes);
        config_mistakes_clear(&mistakes);
        config_clear(&config);
        return;
    }
    config_keep_fixed(&config, generation_config(p->now));
    share_descriptors(&config);
    next = generation_start(roles, &config, p->redis_url, p->now, supervisor_beat_ms(p->supervisor),
                            &err);
    if (next == NULL) {
        config_mistakes_add(&mistakes, &err);
        refuse(p, &mistakes);
        config_mistakes_clear(&mistakes);
        return;
    }
    set_log(generation_config(next));
    p->before = p->now;
    p->now = next;
    generation_drain(p->before);
    p->ending = loop_after(p->loop, ENDING_LOOK_MS, on_ending, p);
    say_reloaded(p);
}

static void ask_reload(struct process *p)
{
    supervisor_reloading(p->supervisor);
    if (p->before == NULL)
        reload(p);
    else
        p->wants_reload = true; // it is read once `before` is over
}

// The loop turns on until all roles have ended: whoever supervises us still hears from us, and a
// second signal is heard.
static void stop(struct process *p)
{
    int64_t most_ms = generation_config(p->now)->drain_timeout_ms;

    log_info("spool.draining", "timeout_ms=%lld", (long long)most_ms);
    p->is_stopping = true;
    p->wants_reload = false;
    supervisor_stopping(p->supervisor, most_ms + LEFT_OVER_MS);
    generation_drain(p->now);
    if (p->ending == NULL)
        p->ending = loop_after(p->loop, ENDING_LOOK_MS, on_ending, p);
}

// SIGTERM and SIGINT drain, a second one ends the process at once. SIGHUP reads the
// configuration again. Signals that end other programs without a reason are ignored.
static void on_signal(uv_signal_t *signal, int number)
{
    static int count;
    struct process *p = signal->data;

    if (number == SIGHUP) {
        if (!p->is_stopping)
            ask_reload(p);
    } else if (number != SIGUSR1 && number != SIGUSR2) {
        if (++count > 1)
            _Exit(EXIT_FAILURE);
        stop(p);
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
    p->now =
        generation_start(roles, config, p->redis_url, NULL, supervisor_beat_ms(p->supervisor), err);
    if (p->now == NULL)
        return false;
    say_ready(p);
    on_telling(p);
    loop_run(p->loop);
    loop_cancel(&p->telling);
    return !p->has_leaked || err_set(err, ERR_INTERNAL, "a loop had handles left over");
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
    process.supervisor = supervisor_start(process.loop, stuck, &process);
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
    redis_child_drop(&child); // turns the loop: the supervisor goes on hearing from us
    supervisor_drop(&process.supervisor);
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
    struct buf address = {0};

    add_address(config, &address);
    for (const char *line = buf_text(fine); *line != '\0'; line += strcspn(line, "\n") + 1)
        printf("spool: %.*s\n", (int)strcspn(line, "\n"), line);
    printf("spool: the configuration is fine: %zu account%s, listening on %s\n",
           config->account_count, config->account_count == 1 ? "" : "s", address.data);
    buf_clear(&address);
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
