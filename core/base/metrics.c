// The metrics.
#include "core/base/metrics.h"

#include <stdatomic.h>

static _Atomic int64_t values[METRIC_COUNT];

static const struct {
    const char *name, *type, *help;
} table[] = {
#define X(name, type, help) {#name, type, help},
    METRICS(X)
#undef X
};

void metric_add(enum metric metric, int64_t by)
{
    atomic_fetch_add_explicit(&values[metric], by, memory_order_relaxed);
}

void metric_set(enum metric metric, int64_t value)
{
    atomic_store_explicit(&values[metric], value, memory_order_relaxed);
}

int64_t metric_get(enum metric metric)
{
    return atomic_load_explicit(&values[metric], memory_order_relaxed);
}

void metrics_write(struct buf *out)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        buf_fmt(out, "# HELP spool_%s %s\n# TYPE spool_%s %s\nspool_%s %lld\n", table[i].name,
                table[i].help, table[i].name, table[i].type, table[i].name,
                (long long)metric_get((enum metric)i));
}
