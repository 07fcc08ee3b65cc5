// The jobs of a submit, as -d gives them: one JSON object, or several, as a file of a line each has
// them.
#pragma once

#include <stddef.h>

#include "core/base/err.h"

// The text of a job, as it was written; borrowed from the whole.
struct cli_job {
    const char *text;
    size_t len;
    unsigned line; // where it begins
};

// `struct cli_jobs jobs = {0}`; cli_jobs_clear gives the memory back.
struct cli_jobs {
    char *text;       // ours
    const char *name; // of what they were read from; borrowed, NULL: the command line
    struct cli_job *jobs;
    size_t count;
};

// From JSON, "@FILE", "@-" or "-" for stdin. All is read and looked at before anything is
// submitted: what is no object is wrong use.
bool cli_jobs_read(struct cli_jobs *jobs, const char *data, struct err *err) WARN_UNUSED;
// From a text that becomes ours.
bool cli_jobs_parse(struct cli_jobs *jobs, char *text, size_t len, struct err *err) WARN_UNUSED;
void cli_jobs_clear(struct cli_jobs *jobs);
