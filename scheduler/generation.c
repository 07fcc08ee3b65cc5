// The roles that this process runs by one configuration.
#include "scheduler/generation.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "scheduler/handover.h"

enum { ROLES_MAX = 8, DRAIN_LOOK_MS = 20 };

// A running role.
struct thread {
    const struct role *role;
    struct loop *loop;
    void *state;
    pthread_t id;
    int64_t drain_until_ms;
    struct loop_timer *drain_timer;
    int64_t beat_ms; // how often it says that it turns; 0: never
    struct loop_timer *beat_timer;
    atomic_llong beat_at_ms; // when it said so last
    bool is_clean;
    atomic_bool is_over;
};

struct generation {
    struct config config;
    struct handover *handover;
    struct thread threads[ROLES_MAX];
    unsigned count;
};

static void thread_on_drain_look(void *ctx)
{
    struct thread *thread = ctx;

    thread->drain_timer = NULL;
    if (thread->role->drain(thread->state) || clock_mono_ms() > thread->drain_until_ms)
        loop_stop(thread->loop);
    else
        thread->drain_timer = loop_after(thread->loop, DRAIN_LOOK_MS, thread_on_drain_look, thread);
}

static void thread_beat(void *ctx)
{
    struct thread *thread = ctx;

    atomic_store(&thread->beat_at_ms, clock_mono_ms());
    thread->beat_timer = loop_after(thread->loop, thread->beat_ms, thread_beat, thread);
}

static void *thread_run(void *ctx)
{
    struct thread *thread = ctx;
    char name[16]; // the kernel keeps no more

    snprintf(name, sizeof name, "spool-%s", thread->role->name);
    prctl(PR_SET_NAME, name);   // for top -H and debuggers
    if (thread->role->nice > 0) // to Linux this is the calling thread alone
        setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + thread->role->nice);
    loop_run(thread->loop);
    loop_cancel(&thread->drain_timer);
    loop_cancel(&thread->beat_timer);
    thread->role->drop(thread->state);
    thread->is_clean = loop_free(thread->loop);
    if (!thread->is_clean)
        log_error("loop.leak", "role=%s", thread->role->name);
    atomic_store(&thread->is_over, true);
    return NULL;
}

// With port 0 the address is known only now; nobody else has seen the configuration yet.
static void note_port(struct config *config, int port)
{
    struct buf url = {0};

    if (config->listen_port != 0)
        return;
    buf_fmt(&url, strchr(config->listen_host, ':') ? "http://[%s]:%d" : "http://%s:%d",
            config->listen_host, port);
    config->listen_port = port;
    if (strcmp(config->public_url + strlen(config->public_url) - 2, ":0") == 0)
        config_set_public_url(config, url.data);
    buf_clear(&url);
}

// The socket on which the same role of the generation before listens; 0: none.
static int inherited_fd(const struct generation *before, const struct role *role)
{
    for (unsigned i = 0; before != NULL && i < before->count; i++)
        if (before->threads[i].role == role && role->listen_fd != NULL)
            return role->listen_fd(before->threads[i].state);
    return 0;
}

static bool start_role(struct generation *g, const struct role *role, const char *redis_url,
                       const struct generation *before, struct err *err)
{
    struct thread *thread = &g->threads[g->count];
    const struct role_start start = {.config = &g->config,
                                     .redis_url = redis_url,
                                     .handover = g->handover,
                                     .listen_fd = inherited_fd(before, role)};

    thread->role = role;
    thread->loop = loop_new();
    thread->state = role->start(thread->loop, &start, err);
    if (thread->state == NULL) {
        loop_free(thread->loop);
        return false;
    }
    if (role->port != NULL)
        note_port(&g->config, role->port(thread->state));
    g->count++;
    return true;
}

// All its roles are gone.
static void generation_free(struct generation *g)
{
    handover_free(&g->handover); // what is left in it names the configuration
    config_clear(&g->config);
    free(g);
}

struct generation *generation_start(const struct role *roles, struct config *config,
                                    const char *redis_url, const struct generation *before,
                                    int64_t beat_ms, struct err *err)
{
    struct generation *g = mem_new(struct generation);
    bool ok = true;

    g->config = *config;
    *config = (struct config){0};
    g->handover = handover_new();
    for (const struct role *role = roles; ok && role->name != NULL; role++)
        if (g->config.roles & role->bits)
            ok = start_role(g, role, redis_url, before, err);
    if (!ok) {
        while (g->count-- > 0) {
            g->threads[g->count].role->drop(g->threads[g->count].state);
            loop_free(g->threads[g->count].loop);
        }
        generation_free(g);
        return NULL;
    }
    for (unsigned i = 0; i < g->count; i++) {
        g->threads[i].beat_ms = beat_ms;
        if (beat_ms > 0)
            thread_beat(&g->threads[i]);
        pthread_create(&g->threads[i].id, NULL, thread_run, &g->threads[i]);
    }
    return g;
}

const struct config *generation_config(const struct generation *generation)
{
    return &generation->config;
}

void generation_drain(struct generation *generation)
{
    for (unsigned i = 0; i < generation->count; i++) {
        struct thread *thread = &generation->threads[i];

        thread->drain_until_ms = clock_mono_ms() + generation->config.drain_timeout_ms;
        loop_post(thread->loop, thread_on_drain_look, thread);
    }
}

const char *generation_stuck(const struct generation *generation, int64_t silent_ms)
{
    int64_t now = clock_mono_ms();

    for (unsigned i = 0; i < generation->count; i++) {
        const struct thread *thread = &generation->threads[i];

        if (!atomic_load(&thread->is_over) &&
            now - (int64_t)atomic_load(&thread->beat_at_ms) > silent_ms)
            return thread->role->name;
    }
    return NULL;
}

bool generation_is_over(const struct generation *generation)
{
    for (unsigned i = 0; i < generation->count; i++)
        if (!atomic_load(&generation->threads[i].is_over))
            return false;
    return true;
}

bool generation_join(struct generation **generation)
{
    struct generation *g = *generation;
    bool is_clean = true;

    if (g == NULL)
        return true;
    for (unsigned i = 0; i < g->count; i++) {
        pthread_join(g->threads[i].id, NULL);
        is_clean = is_clean && g->threads[i].is_clean;
    }
    generation_free(g);
    *generation = NULL;
    return is_clean;
}
