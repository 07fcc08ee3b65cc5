// Log lines: time, level, event, key=value.
#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum log_level log_threshold = LOG_INFO;

static const char *const names[] = {"error", "warn", "info", "debug"};

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    char line[1024];
    struct timespec now;
    struct tm utc;
    va_list args;
    int len, more;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    len = snprintf(line, sizeof line, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %-5s %s ",
                   utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                   utc.tm_sec, now.tv_nsec / 1000000, names[level], event);
    va_start(args, format);
    more = vsnprintf(line + len, sizeof line - (size_t)len - 1, format, args);
    va_end(args);
    if (more > 0)
        len += more;
    if (len > (int)sizeof line - 2)
        len = (int)sizeof line - 2;
    for (int i = 0; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            line[i] = ' ';
    line[len++] = '\n';
    // Nothing sensible can be done where standard error is gone.
    if (write(STDERR_FILENO, line, (size_t)len) < 0)
        return;
}
