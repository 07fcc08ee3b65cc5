// The simulated vendors' jobs.
#include "tests/sim/jobs.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/mem.h"
#include "tests/sim/counts.h"
#include "tests/sim/sim.h"
#include "tests/sim/words.h"

enum { QUEUED_MS = 300, RUNNING_MS = 2500, NUMBERS_PER_MS = 500000 };

struct vendor_jobs {
    struct job **all; // in the order they came
    size_t count, cap;
    struct counts prompts, marks, ids;
};

struct jobs {
    struct vendor_jobs *vendors; // in the order of sim_vendor_at
    size_t vendor_count;
    uint64_t next_number;
    double speed;
    const char *base_url; // borrowed, outlives us
};

static struct vendor_jobs *table_of(const struct jobs *jobs, const struct sim_vendor *vendor)
{
    size_t i = 0;

    while (sim_vendor_at(i) != vendor)
        i++;
    return &jobs->vendors[i];
}

struct jobs *jobs_new(double speed, const char *base_url)
{
    struct jobs *jobs = mem_new(struct jobs);

    while (sim_vendor_at(jobs->vendor_count) != NULL)
        jobs->vendor_count++;
    jobs->vendors = mem_array(struct vendor_jobs, jobs->vendor_count);
    jobs->next_number = (uint64_t)clock_wall_ms() * NUMBERS_PER_MS;
    jobs->speed = speed;
    jobs->base_url = base_url;
    return jobs;
}

static void free_job(struct job *job)
{
    json_decref(job->request);
    free(job->id);
    free(job->prompt);
    free(job->mark);
    free(job);
}

void jobs_free(struct jobs *jobs)
{
    for (size_t i = 0; i < jobs->vendor_count; i++) {
        struct vendor_jobs *vendor = &jobs->vendors[i];

        for (size_t j = 0; j < vendor->count; j++)
            free_job(vendor->all[j]);
        free(vendor->all);
        counts_clear(&vendor->prompts);
        counts_clear(&vendor->marks);
        counts_clear(&vendor->ids);
    }
    free(jobs->vendors);
    free(jobs);
}

unsigned jobs_try(struct jobs *jobs, const struct sim_vendor *vendor, const char *prompt)
{
    return counts_entry(&table_of(jobs, vendor)->prompts, prompt)->tried++;
}

uint64_t jobs_next_number(struct jobs *jobs)
{
    return jobs->next_number++;
}

static void keep(struct counts *counts, const char *key, struct job *job)
{
    struct count *entry = counts_entry(counts, key);

    entry->accepted++;
    entry->job = job;
}

struct job *jobs_add(struct jobs *jobs, const struct sim_vendor *vendor, uint64_t number,
                     const char *id, const char *route, const char *prompt, const char *mark,
                     json_t *request)
{
    struct vendor_jobs *table = table_of(jobs, vendor);
    struct job *job = mem_new(struct job);

    job->vendor = vendor;
    job->id = mem_str(id);
    job->prompt = mem_str(prompt);
    job->mark = mem_str(mark);
    job->route = route;
    job->request = json_incref(request);
    job->number = number;
    job->began_ms = clock_wall_ms();
    if (table->count == table->cap) {
        table->cap = table->cap == 0 ? 64 : table->cap * 2;
        table->all = mem_resize(table->all, table->cap * sizeof *table->all);
    }
    table->all[table->count++] = job;
    keep(&table->ids, id, job);
    keep(&table->prompts, prompt, job);
    if (*mark != '\0')
        keep(&table->marks, mark, job);
    return job;
}

static struct job *find(const struct counts *counts, const char *key)
{
    const struct count *entry = counts_find(counts, key);

    return entry == NULL || entry->job == NULL || entry->job->is_destroyed ? NULL : entry->job;
}

struct job *jobs_find(const struct jobs *jobs, const struct sim_vendor *vendor, const char *id)
{
    return find(&table_of(jobs, vendor)->ids, id);
}

struct job *jobs_find_mark(const struct jobs *jobs, const struct sim_vendor *vendor,
                           const char *mark)
{
    return find(&table_of(jobs, vendor)->marks, mark);
}

// Cuts `name` off at its last `c`; NULL where there is none.
static char *cut_at(char *name, char c)
{
    char *last = strrchr(name, c);

    if (last == NULL)
        return NULL;
    *last = '\0';
    return name;
}

struct job *jobs_find_file(const struct jobs *jobs, const char *name)
{
    char *stem = mem_str(name), *id = cut_at(stem, '.');
    struct job *job = NULL;

    for (size_t i = 0; i < jobs->vendor_count && job == NULL && id != NULL; i++) {
        size_t len = strlen(sim_vendor_at(i)->name);

        if (strncmp(stem, sim_vendor_at(i)->name, len) != 0 || stem[len] != '-')
            continue;
        id = stem + len + 1;
        job = jobs_find(jobs, sim_vendor_at(i), id);
        if (job == NULL && cut_at(id, '-') != NULL)
            job = jobs_find(jobs, sim_vendor_at(i), id);
    }
    free(stem);
    return job;
}

size_t jobs_count(const struct jobs *jobs, const struct sim_vendor *vendor)
{
    return table_of(jobs, vendor)->count;
}

struct job *jobs_at(const struct jobs *jobs, const struct sim_vendor *vendor, size_t index)
{
    struct job *job = table_of(jobs, vendor)->all[index];

    return job->is_destroyed ? NULL : job;
}

bool job_is_over(enum job_status status)
{
    return status != JOB_QUEUED && status != JOB_RUNNING;
}

static enum job_status end_of(const struct job *job)
{
    if (words_has(job->prompt, "fail") || words_has(job->prompt, "moderation"))
        return JOB_FAILED;
    return words_has(job->prompt, "expired") ? JOB_EXPIRED : JOB_SUCCEEDED;
}

struct job_view jobs_view(const struct jobs *jobs, const struct job *job)
{
    struct job_view view = {JOB_QUEUED, 0, job->began_ms, INT64_MAX};
    double scale = jobs->speed > 0 ? words_times(job->prompt) / jobs->speed : 0;
    int64_t now_ms = clock_wall_ms(), runs_ms, ends_ms;

    runs_ms = job->began_ms + (int64_t)(QUEUED_MS * scale);
    ends_ms = runs_ms + (int64_t)(RUNNING_MS * scale);
    if (job->cancelled_ms != 0) {
        view.status = JOB_CANCELLED;
        view.since_ms = job->cancelled_ms;
    } else if (words_has(job->prompt, "stay-queued")) {
        return view;
    } else if (now_ms < runs_ms) {
        view.until_ms = runs_ms;
    } else if (words_has(job->prompt, "hang")) {
        view = (struct job_view){JOB_RUNNING, 50, runs_ms, INT64_MAX};
    } else if (now_ms < ends_ms) {
        view.status = JOB_RUNNING;
        view.progress = (int)((now_ms - runs_ms) * 100 / (ends_ms - runs_ms));
        view.since_ms = runs_ms;
        view.until_ms = ends_ms;
    } else {
        view = (struct job_view){end_of(job), 100, ends_ms, INT64_MAX};
    }
    return view;
}

void jobs_add_link(const struct jobs *jobs, const struct job *job, const char *part,
                   const char *extension, struct buf *buf)
{
    buf_fmt(buf, "%s/sim/files/%s-%s%s%s.%s", jobs->base_url, job->vendor->name, job->id,
            part == NULL ? "" : "-", part == NULL ? "" : part, extension);
}

void jobs_add_report(const struct jobs *jobs, struct buf *buf)
{
    for (size_t i = 0; i < jobs->vendor_count; i++) {
        buf_fmt(buf, "%s\"%s\":{\"prompts\":", i == 0 ? "{" : ",", sim_vendor_at(i)->name);
        counts_add_json(&jobs->vendors[i].prompts, buf);
        buf_str(buf, ",\"marks\":");
        counts_add_json(&jobs->vendors[i].marks, buf);
        buf_char(buf, '}');
    }
    buf_char(buf, '}');
}
