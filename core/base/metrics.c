// The metrics.
#include "core/base/metrics.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/base/mem.h"

enum { LABELS_MAX = 3, SERIES_MAX = 1000, BOUNDS_MAX = 16 };

// Without labels.

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

// With labels: a list of series for each family. The list only grows, and a series that was looked
// for is moved to its front, so that busy series are found at once.

struct series {
    char *values[LABELS_MAX]; // "" where the family has no such label
    int64_t count;
    int64_t sum_ms;
    int64_t *buckets; // of a histogram: one for each bound, and one for all above
    struct series *next;
};

struct family {
    const char *name, *help;
    const char *labels[LABELS_MAX];
    struct series *series;
    unsigned count;
};

static struct family families[] = {
#define X(name, help, a, b, c) {#name, help, {a, b, c}, NULL, 0},
    METRIC_FAMILIES(X)
#undef X
};

static const double job_bounds[] = {0.1, 0.5, 1,   2.5, 5,    10,   20,    40,
                                    60,  120, 300, 600, 1800, 3600, 21600, 0};
static const double request_bounds[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                        0.5,   1,      2.5,   5,    10,    60,   0};

static struct {
    struct family family;
    const double *bounds; // ends with 0
} histograms[] = {
#define X(name, help, a, b, c, is_of_jobs)                                                         \
    {{#name, help, {a, b, c}, NULL, 0}, is_of_jobs ? job_bounds : request_bounds},
    HISTOGRAMS(X)
#undef X
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static bool is_series(const struct series *series, const char *const *labels)
{
    for (int i = 0; i < LABELS_MAX; i++)
        if (strcmp(series->values[i], labels[i]) != 0)
            return false;
    return true;
}

// Called with the lock held. Where the family has too many series, the one for all others.
static struct series *find_series(struct family *family, const char *a, const char *b,
                                  const char *c)
{
    const char *labels[LABELS_MAX] = {a, b, c};
    struct series **at, *series;

    for (int i = 0; i < LABELS_MAX; i++)
        if (labels[i] == NULL || family->labels[i] == NULL)
            labels[i] = "";
    for (at = &family->series; (series = *at) != NULL; at = &series->next) {
        if (!is_series(series, labels))
            continue;
        *at = series->next;
        series->next = family->series;
        return family->series = series;
    }
    if (family->count >= SERIES_MAX && strcmp(labels[0], "other") != 0)
        return find_series(family, "other", "", "");
    series = mem_new(struct series);
    for (int i = 0; i < LABELS_MAX; i++)
        series->values[i] = mem_str(labels[i]);
    series->next = family->series;
    family->series = series;
    family->count++;
    return series;
}

void metric_count(enum metric_family family, const char *a, const char *b, const char *c)
{
    pthread_mutex_lock(&lock);
    find_series(&families[family], a, b, c)->count++;
    pthread_mutex_unlock(&lock);
}

int64_t metric_count_of(enum metric_family family, const char *a, const char *b, const char *c)
{
    int64_t count;

    pthread_mutex_lock(&lock);
    count = find_series(&families[family], a, b, c)->count;
    pthread_mutex_unlock(&lock);
    return count;
}

void metric_observe(enum histogram histogram, int64_t ms, const char *a, const char *b)
{
    const double *bounds = histograms[histogram].bounds;
    struct series *series;
    unsigned i = 0;

    if (ms < 0)
        ms = 0;
    while (bounds[i] > 0 && (double)ms / 1000 > bounds[i])
        i++;
    pthread_mutex_lock(&lock);
    series = find_series(&histograms[histogram].family, a, b, NULL);
    if (series->buckets == NULL)
        series->buckets = mem_array(int64_t, BOUNDS_MAX);
    series->buckets[i]++;
    series->count++;
    series->sum_ms += ms;
    pthread_mutex_unlock(&lock);
}

// Writing.

static void write_label(struct buf *out, bool is_first, const char *name, const char *value)
{
    buf_fmt(out, "%s%s=\"", is_first ? "{" : ",", name);
    for (; *value != '\0'; value++) {
        if (*value == '\n')
            buf_str(out, "\\n");
        else if (*value == '"' || *value == '\\')
            buf_fmt(out, "\\%c", *value);
        else
            buf_char(out, *value);
    }
    buf_char(out, '"');
}

void metrics_write_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_fmt(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

void metrics_write_value(struct buf *out, const char *name, const char *const *labels, double value)
{
    buf_str(out, name);
    for (size_t i = 0; labels[i] != NULL; i += 2)
        write_label(out, i == 0, labels[i], labels[i + 1]);
    buf_fmt(out, "%s %.15g\n", labels[0] == NULL ? "" : "}", value);
}

// `labels` gets the names and values of a series, ending with NULL; returns how many these are.
static size_t pair_labels(const struct family *family, const struct series *series,
                          const char *labels[2 * LABELS_MAX + 3])
{
    size_t count = 0;

    for (int i = 0; i < LABELS_MAX && family->labels[i] != NULL; i++) {
        labels[count++] = family->labels[i];
        labels[count++] = series->values[i];
    }
    labels[count] = NULL;
    return count;
}

static void write_family(struct buf *out, const struct family *family)
{
    const char *labels[2 * LABELS_MAX + 3];
    char name[64];

    snprintf(name, sizeof name, "spool_%s", family->name);
    metrics_write_head(out, name, "counter", family->help);
    for (const struct series *series = family->series; series != NULL; series = series->next) {
        pair_labels(family, series, labels);
        metrics_write_value(out, name, labels, (double)series->count);
    }
}

static void write_series(struct buf *out, const struct family *family, const double *bounds,
                         const struct series *series)
{
    const char *labels[2 * LABELS_MAX + 3];
    size_t count = pair_labels(family, series, labels);
    char name[64], bound[32];
    int64_t below = 0;

    labels[count] = "le";
    labels[count + 1] = bound;
    labels[count + 2] = NULL;
    snprintf(name, sizeof name, "spool_%s_bucket", family->name);
    for (unsigned i = 0;; i++) {
        below += series->buckets[i];
        if (bounds[i] > 0)
            snprintf(bound, sizeof bound, "%g", bounds[i]);
        else
            snprintf(bound, sizeof bound, "+Inf");
        metrics_write_value(out, name, labels, (double)below);
        if (bounds[i] <= 0)
            break;
    }
    labels[count] = NULL;
    snprintf(name, sizeof name, "spool_%s_sum", family->name);
    metrics_write_value(out, name, labels, (double)series->sum_ms / 1000);
    snprintf(name, sizeof name, "spool_%s_count", family->name);
    metrics_write_value(out, name, labels, (double)series->count);
}

static void write_histogram(struct buf *out, const struct family *family, const double *bounds)
{
    char name[64];

    snprintf(name, sizeof name, "spool_%s", family->name);
    metrics_write_head(out, name, "histogram", family->help);
    for (const struct series *series = family->series; series != NULL; series = series->next)
        write_series(out, family, bounds, series);
}

void metrics_write(struct buf *out)
{
    static const char *const none[] = {NULL};

    for (int i = 0; i < METRIC_COUNT; i++) {
        char name[64];

        snprintf(name, sizeof name, "spool_%s", table[i].name);
        metrics_write_head(out, name, table[i].type, table[i].help);
        metrics_write_value(out, name, none, (double)metric_get((enum metric)i));
    }
    pthread_mutex_lock(&lock);
    for (int i = 0; i < METRIC_FAMILY_COUNT; i++)
        write_family(out, &families[i]);
    for (int i = 0; i < HISTOGRAM_COUNT; i++)
        write_histogram(out, &histograms[i].family, histograms[i].bounds);
    pthread_mutex_unlock(&lock);
}
