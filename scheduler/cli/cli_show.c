// How things are said.
#include "scheduler/cli/cli_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "scheduler/cli/cli_text.h"
#include "scheduler/cli/cli_verb.h"

void cli_show_json(const json_t *value)
{
    size_t flags = isatty(STDOUT_FILENO) == 1 ? JSON_INDENT(2) : JSON_COMPACT;
    char *text = json_dumps(value, flags | JSON_ENCODE_ANY);

    puts(text == NULL ? "null" : text);
    free(text);
}

void cli_show_span(struct buf *to, int64_t ms)
{
    if (ms < 0)
        return;
    if (ms < 10000)
        buf_fmt(to, "%.1f s", (double)ms / 1000);
    else if (ms < 120 * 1000)
        buf_fmt(to, "%lld s", (long long)ms / 1000);
    else if (ms < 120 * 60000)
        buf_fmt(to, "%lld min", (long long)ms / 60000);
    else if (ms < 48 * 3600000LL)
        buf_fmt(to, "%lld h", (long long)(ms / 3600000));
    else
        buf_fmt(to, "%lld d", (long long)(ms / (24 * 3600000LL)));
}

void cli_show_time(struct buf *to, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm local;
    char text[32];

    if (unix_ms <= 0 || localtime_r(&seconds, &local) == NULL)
        return;
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
    buf_str(to, text);
}

void cli_show_bytes(struct buf *to, int64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double size = (double)bytes / 1000;
    size_t unit = 0;

    if (bytes < 1000) {
        buf_fmt(to, "%lld B", (long long)bytes);
        return;
    }
    for (; size >= 1000 && unit < 3; unit++)
        size /= 1000;
    buf_fmt(to, "%.1f %s", size, units[unit]);
}

void cli_show_join(struct buf *to, const char *text)
{
    if (to->len > 0 && *text != '\0')
        buf_str(to, ", ");
    buf_str(to, text);
}

void cli_show_error(const char *message)
{
    struct buf line = {0};

    cli_text_clean(&line, message);
    fflush(stdout); // what was printed first is seen first
    fprintf(stderr, "spool: %s\n", buf_text(&line));
    buf_clear(&line);
}

bool cli_show_and_go_on(struct cli *cli, const struct err *why, struct err *err)
{
    if (why->code == ERR_AUTH || why->code == ERR_UNAVAILABLE || why->code == ERR_CONFIG) {
        *err = *why;
        return false;
    }
    cli_show_error(why->message);
    cli->status = EXIT_FAILURE;
    return true;
}
