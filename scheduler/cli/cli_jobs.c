// The jobs of a submit.
#include "scheduler/cli/cli_jobs.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"

enum { BYTES_MAX = 256 << 20 };

static bool bad_job(const struct cli_jobs *jobs, unsigned line, const char *what, struct err *err)
{
    if (jobs->name == NULL)
        return err_set(err, ERR_CONFIG, "-d: %.120s: a job is a JSON object, @FILE or - for stdin",
                       what);
    return err_set(err, ERR_CONFIG, "%.100s: line %u: %.100s", jobs->name, line, what);
}

static void add_job(struct cli_jobs *jobs, const char *text, size_t len, unsigned line)
{
    jobs->jobs = mem_resize(jobs->jobs, (jobs->count + 1) * sizeof *jobs->jobs);
    jobs->jobs[jobs->count++] = (struct cli_job){text, len, line};
}

// Where the next job begins; lines are counted.
static size_t skip_space(const char *text, size_t len, size_t at, unsigned *line)
{
    for (; at < len && strchr(" \t\r\n", text[at]) != NULL && text[at] != '\0'; at++)
        *line += text[at] == '\n';
    return at;
}

bool cli_jobs_parse(struct cli_jobs *jobs, char *text, size_t len, struct err *err)
{
    unsigned line = 1;
    size_t at = 0;

    jobs->text = text;
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        at = 3; // a byte order mark
    while ((at = skip_space(text, len, at, &line)) < len) {
        json_error_t why;
        json_t *job = json_loadb(text + at, len - at, JSON_DISABLE_EOF_CHECK, &why);
        bool is_object = json_is_object(job);
        size_t job_len = job == NULL ? 0 : (size_t)why.position;

        json_decref(job);
        if (job == NULL)
            return bad_job(jobs, line + (unsigned)(why.line > 0 ? why.line - 1 : 0), why.text, err);
        if (!is_object)
            return bad_job(jobs, line, "isn't a JSON object", err);
        add_job(jobs, text + at, job_len, line);
        for (size_t i = 0; i < job_len; i++)
            line += text[at + i] == '\n';
        at += job_len;
    }
    return jobs->count > 0 || bad_job(jobs, line, "there is nothing in it", err);
}

static bool read_file(FILE *file, struct buf *text)
{
    char piece[16384];
    size_t got;

    while ((got = fread(piece, 1, sizeof piece, file)) > 0 && text->len < BYTES_MAX)
        buf_add(text, piece, got);
    if (got > 0)
        errno = EFBIG;
    return !ferror(file) && feof(file);
}

bool cli_jobs_read(struct cli_jobs *jobs, const char *data, struct err *err)
{
    bool is_file = *data == '@' || strcmp(data, "-") == 0, ok;
    const char *name = data + (*data == '@');
    bool is_stdin = strcmp(name, "-") == 0;
    struct buf text = {0};
    size_t len;
    FILE *file;

    if (!is_file) {
        buf_str(&text, data);
        len = text.len;
        return cli_jobs_parse(jobs, buf_take(&text), len, err);
    }
    jobs->name = is_stdin ? "stdin" : name;
    file = is_stdin ? stdin : fopen(name, "r");
    if (file == NULL)
        return err_set(err, ERR_CONFIG, "%.180s: %s", jobs->name, strerror(errno));
    ok = read_file(file, &text);
    if (!ok)
        err_set(err, ERR_CONFIG, "%.180s: %s", jobs->name, strerror(errno));
    if (!is_stdin)
        fclose(file);
    len = text.len;
    jobs->text = buf_take(&text);
    return ok && cli_jobs_parse(jobs, jobs->text, len, err);
}

void cli_jobs_clear(struct cli_jobs *jobs)
{
    free(jobs->text);
    free(jobs->jobs);
    *jobs = (struct cli_jobs){0};
}
