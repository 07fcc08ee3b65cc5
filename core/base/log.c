// Log lines: time, level, event, key=value.
#include "core/base/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log_repeats.h"

enum { TEXT_BYTES = LOG_REPEATS_TEXT, LINE_BYTES = TEXT_BYTES + 32 };

enum log_level log_threshold = LOG_INFO;
bool log_is_json;

static const char *const names[] = {"error", "warn", "info", "debug"};

static struct log_repeats repeats;
static pthread_mutex_t repeats_lock = PTHREAD_MUTEX_INITIALIZER;

static void add_pair(struct buf *json, const char *name, size_t name_len, const char *value,
                     size_t value_len)
{
    char text[LINE_BYTES];

    buf_char(json, json->len == 0 ? '{' : ',');
    memcpy(text, name, name_len);
    text[name_len] = '\0';
    buf_json_str(json, text);
    buf_char(json, ':');
    memcpy(text, value, value_len);
    text[value_len] = '\0';
    buf_json_str(json, text);
}

// Where a quoted value ends: at a quote that another key follows, for values may have quotes in
// them; or at the last quote.
static const char *quote_end(const char *value)
{
    size_t len = strlen(value);

    for (const char *at = strstr(value, "\" "); at != NULL; at = strstr(at + 1, "\" ")) {
        size_t name_len = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz0123456789_");

        if (name_len > 0 && at[2 + name_len] == '=')
            return at;
    }
    return len > 0 && value[len - 1] == '"' ? value + len - 1 : value + len;
}

// `text` is "key=value key="a value" …"; words without a key are left out.
static void add_pairs(struct buf *json, const char *text)
{
    while (*text != '\0') {
        size_t name_len = strcspn(text, "= "), value_len;
        const char *value = text + name_len;

        if (*value != '=') {
            text = value + (*value == ' ');
            continue;
        }
        value++;
        if (*value == '"') {
            const char *end = quote_end(value + 1);

            value_len = (size_t)(end - value - 1);
            add_pair(json, text, name_len, value + 1, value_len);
            text = end + (*end == '"');
        } else {
            value_len = strcspn(value, " ");
            add_pair(json, text, name_len, value, value_len);
            text = value + value_len;
        }
        text += *text == ' ';
    }
}

static void clean(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            text[i] = ' ';
}

static void write_line(enum log_level level, const char *event, const char *text)
{
    struct buf line = {0};
    char when[32];
    struct timespec now;
    struct tm utc;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    snprintf(when, sizeof when, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ", utc.tm_year + 1900,
             utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
             now.tv_nsec / 1000000);
    if (log_is_json) {
        add_pair(&line, "time", 4, when, strlen(when));
        add_pair(&line, "level", 5, names[level], strlen(names[level]));
        add_pair(&line, "event", 5, event, strlen(event));
        add_pairs(&line, text);
        buf_char(&line, '}');
    } else {
        buf_fmt(&line, "%s %-5s %s %s", when, names[level], event, text);
    }
    buf_char(&line, '\n');
    // Nothing sensible can be done where standard error is gone.
    if (write(STDERR_FILENO, line.data, line.len) < 0)
        errno = 0;
    buf_clear(&line);
}

static void tell_repeat(const struct log_repeat *repeat)
{
    char text[LINE_BYTES];

    snprintf(text, sizeof text, "%s repeated=%u", repeat->text, repeat->count);
    write_line(repeat->level, repeat->event, text);
}

// `about` NULL: the text itself.
static void write_text(enum log_level level, const char *about, const char *event,
                       const char *format, va_list args) __attribute__((format(printf, 4, 0)));
static void write_text(enum log_level level, const char *about, const char *event,
                       const char *format, va_list args)
{
    char text[TEXT_BYTES];
    bool is_told = false;

    vsnprintf(text, sizeof text, format, args);
    clean(text, strlen(text));
    if (level <= LOG_WARN) {
        pthread_mutex_lock(&repeats_lock);
        is_told = log_repeats_has(&repeats, level, event, about == NULL ? text : about, text,
                                  clock_mono_ms(), tell_repeat);
        pthread_mutex_unlock(&repeats_lock);
    }
    if (!is_told)
        write_line(level, event, text);
}

void log_write(enum log_level level, const char *event, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_text(level, NULL, event, format, args);
    va_end(args);
}

void log_trouble(enum log_level level, const char *about, const char *event, const char *format,
                 ...)
{
    va_list args;

    if (level > log_threshold)
        return;
    va_start(args, format);
    write_text(level, about, event, format, args);
    va_end(args);
}

void log_over(const char *event)
{
    pthread_mutex_lock(&repeats_lock);
    log_repeats_forget(&repeats, event, tell_repeat);
    pthread_mutex_unlock(&repeats_lock);
}

void log_tell_repeats(void)
{
    pthread_mutex_lock(&repeats_lock);
    log_repeats_tell(&repeats, clock_mono_ms(), tell_repeat);
    pthread_mutex_unlock(&repeats_lock);
}

void log_flush(void)
{
    log_over(NULL);
}
