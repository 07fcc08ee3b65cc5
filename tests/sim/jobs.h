// The jobs of most simulated vendors. What a job looks like follows from its
// age when it is asked for, so a hundred thousand of them need no timer.
//
// Words in a prompt say how a job ends (words.h: how its submit does):
//
//   [fail]   [moderation] fails for what it shows   [expired]   [hang] runs, and never ends
//   [stay-queued] until it is cancelled             [slow] ten times longer   [fast] ten times
//   shorter   [times-N] N times longer, 1.5 for instance
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct sim_vendor;

enum job_status { JOB_QUEUED, JOB_RUNNING, JOB_SUCCEEDED, JOB_FAILED, JOB_EXPIRED, JOB_CANCELLED };

struct job {
    const struct sim_vendor *vendor;
    char *id;
    char *prompt;
    char *mark;           // the client's own unique id, "" where there is none
    const char *route;    // which of the vendor's paths took it; borrowed, outlives us
    json_t *request;      // what was submitted
    uint64_t number;      // different for each job
    int64_t began_ms;     // wall clock
    int64_t cancelled_ms; // 0: it wasn't cancelled; set by whoever cancels it
    bool is_destroyed;    // gone for good, as if it had never been there, except that it stays
                          // counted
    unsigned polls;       // counted by whoever answers them, like the downloads
    unsigned downloads;
};

struct job_view {
    enum job_status status;
    int progress;     // percent
    int64_t since_ms; // when this status began, wall clock
    int64_t until_ms; // when it changes; INT64_MAX: it never does
};

struct jobs;

// `base_url` is borrowed and outlives us.
struct jobs *jobs_new(double speed, const char *base_url);
void jobs_free(struct jobs *jobs);

// How often this prompt was submitted before. Counts this submit, so to be called once for each.
unsigned jobs_try(struct jobs *jobs, const struct sim_vendor *vendor, const char *prompt);
// For a new job's id: a number that no job had, not even before a restart. 18 digits.
uint64_t jobs_next_number(struct jobs *jobs);
// Accepts a job and counts it. Copies the strings but `route`, and takes a reference to `request`.
// `number` is what the id was made from.
struct job *jobs_add(struct jobs *jobs, const struct sim_vendor *vendor, uint64_t number,
                     const char *id, const char *route, const char *prompt, const char *mark,
                     json_t *request);

// NULL: there is no such job, or it was destroyed. A job stays valid until jobs_free, even if it is
// destroyed.
struct job *jobs_find(const struct jobs *jobs, const struct sim_vendor *vendor, const char *id);
struct job *jobs_find_mark(const struct jobs *jobs, const struct sim_vendor *vendor,
                           const char *mark);
// Finds a job by the file's name in a link of jobs_add_link's.
struct job *jobs_find_file(const struct jobs *jobs, const char *name);
// The jobs of a vendor in the order they came; NULL for one that was destroyed.
size_t jobs_count(const struct jobs *jobs, const struct sim_vendor *vendor);
struct job *jobs_at(const struct jobs *jobs, const struct sim_vendor *vendor, size_t index);

// How the job is now.
struct job_view jobs_view(const struct jobs *jobs, const struct job *job);
bool job_is_over(enum job_status status);

// Adds http://…/sim/files/<vendor>-<id>[-part].<extension>, `part` only where it isn't NULL.
void jobs_add_link(const struct jobs *jobs, const struct job *job, const char *part,
                   const char *extension, struct buf *buf);
// What was accepted: {"kling":{"prompts":{prompt: count},"marks":{mark: count}}, …}
void jobs_add_report(const struct jobs *jobs, struct buf *buf);
