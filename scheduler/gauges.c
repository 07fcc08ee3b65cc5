// The metrics that are read when somebody asks.
#include "scheduler/gauges.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/store/overview.h"
#include "providers/provider.h"

static void write_one(struct buf *out, const char *name, const char *type, const char *help,
                      double value)
{
    metrics_write_head(out, name, type, help);
    metrics_write_value(out, name, (const char *const[]){NULL}, value);
}

static bool is_of(const struct config *config, const struct overview_lane *lane,
                  const char *provider)
{
    const struct account *account =
        *lane->account == '\0' ? NULL : config_account(config, lane->account);

    return strcmp(account == NULL ? lane->provider : account->provider->name, provider) == 0;
}

// Every provider has a value, so that an alert can go by it before the first task comes.
static void write_queue(struct buf *out, const struct config *config,
                        const struct overview *overview, int64_t now_ms, bool is_age)
{
    const char *name = is_age ? "spool_queue_oldest_seconds" : "spool_queue_waiting";
    const struct provider *provider;

    metrics_write_head(out, name, "gauge",
                       is_age ? "How long the oldest task has been waiting" : "Tasks that wait");
    for (size_t i = 0; (provider = provider_at(i)) != NULL; i++) {
        const char *const labels[] = {"provider", provider->name, NULL};
        int64_t waiting = 0, oldest_ms = now_ms;

        for (size_t k = 0; k < overview->lane_count; k++) {
            const struct overview_lane *lane = &overview->lanes[k];

            if (!is_of(config, lane, provider->name))
                continue;
            waiting += lane->waiting;
            if (lane->oldest_ms > 0 && lane->oldest_ms < oldest_ms)
                oldest_ms = lane->oldest_ms;
        }
        metrics_write_value(out, name, labels,
                            is_age ? (double)(now_ms - oldest_ms) / 1000 : (double)waiting);
    }
}

static void write_slots(struct buf *out, const struct config *config,
                        const struct overview *overview, bool is_limit)
{
    const char *name = is_limit ? "spool_slots_limit" : "spool_slots_used";

    metrics_write_head(out, name, "gauge",
                       is_limit ? "Slots that there are, 0 for no limit" : "Slots that are taken");
    for (size_t i = 0; i < overview->account_count; i++) {
        const char *const labels[] = {"account", config->accounts[i].name, NULL};

        metrics_write_value(out, name, labels,
                            is_limit ? (double)config->accounts[i].max_concurrency
                                     : (double)overview->accounts[i].used);
    }
}

static void write_states(struct buf *out, const struct config *config,
                         const struct overview *overview, int64_t now_ms)
{
    static const char *const states[] = {"ok", "cooling", "out", "disabled"};
    static const char name[] = "spool_account_state";

    metrics_write_head(out, name, "gauge", "1 for the state that the account is in");
    for (size_t i = 0; i < overview->account_count; i++) {
        const struct overview_account *account = &overview->accounts[i];
        const char *is = account->is_disabled        ? "disabled"
                         : *account->out != '\0'     ? "out"
                         : account->cool_ms > now_ms ? "cooling"
                                                     : "ok";

        for (size_t k = 0; k < sizeof states / sizeof states[0]; k++)
            metrics_write_value(out, name,
                                (const char *const[]){"account", config->accounts[i].name, "state",
                                                      states[k], NULL},
                                strcmp(is, states[k]) == 0);
    }
}

static double worker_count(const struct overview *overview, int64_t now_ms)
{
    double count = 0;

    for (size_t i = 0; i < overview->process_count; i++)
        count += strcmp(overview->processes[i].role, "worker") == 0 &&
                 now_ms - overview->processes[i].said_ms < HEARTBEAT_SILENT_MS;
    return count;
}

static void write_process(struct buf *out)
{
    struct rusage usage;
    FILE *file = fopen("/proc/self/statm", "r");
    DIR *open_files = opendir("/proc/self/fd");
    long pages = 0;
    double count = 0;

    if (file != NULL) {
        if (fscanf(file, "%*d %ld", &pages) != 1)
            pages = 0;
        fclose(file);
    }
    while (open_files != NULL && readdir(open_files) != NULL)
        count++;
    if (open_files != NULL)
        closedir(open_files);
    getrusage(RUSAGE_SELF, &usage);
    write_one(out, "process_resident_memory_bytes", "gauge", "Resident memory",
              (double)pages * (double)sysconf(_SC_PAGESIZE));
    write_one(out, "process_open_fds", "gauge", "Open descriptors", count > 3 ? count - 3 : 0);
    write_one(out, "process_cpu_seconds_total", "counter", "CPU time, ours and the kernel's",
              (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
}

void gauges_write(struct buf *out, const struct config *config, const struct overview *overview,
                  int64_t now_ms)
{
    metrics_write_head(out, "spool_build_info", "gauge", "1, with the version");
    metrics_write_value(out, "spool_build_info",
                        (const char *const[]){"version", SPOOL_VERSION, NULL}, 1);
    write_process(out);
    if (overview == NULL)
        return;
    write_queue(out, config, overview, now_ms, false);
    write_queue(out, config, overview, now_ms, true);
    write_slots(out, config, overview, false);
    write_slots(out, config, overview, true);
    write_states(out, config, overview, now_ms);
    write_one(out, "spool_workers", "gauge", "Workers that have said lately that they work",
              worker_count(overview, now_ms));
}
