// Log lines on stderr: a fixed event name, then key=value. Thread-safe, one write per line.
//
// error: someone must act; warn: we healed; info: the milestones of a task; debug: the rest.
// Values that come from outside are cleaned of control characters here; secrets never come here.
#pragma once

#include <stdbool.h>

enum log_level { LOG_NOTHING = -1, LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

extern enum log_level log_threshold;
// Each line as one JSON object: "time", "level", "event", and the keys of its text as strings.
extern bool log_is_json;

// How long a trouble is only counted after it was told.
enum { LOG_QUIET_MS = 30000 };

// A trouble that goes on is a line, not a thousand: an error or a warning that says what an earlier
// one said is counted, and the earlier one is told again with "repeated=<how often>" when
// LOG_QUIET_MS are over. `event` is static.
void log_write(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// The same where lines about one trouble differ, by the task that met it: they are taken for the
// same where `about` is.
void log_trouble(enum log_level level, const char *about, const char *event, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));
// The trouble is over: when it comes again it is told again.
void log_over(const char *event);
// Tells what was counted, where its time is over. To be called now and then.
void log_tell_repeats(void);
// Tells all that was counted: the program ends.
void log_flush(void);

#define log_at(level, ...)                                                                         \
    do {                                                                                           \
        if ((level) <= log_threshold)                                                              \
            log_write((level), __VA_ARGS__);                                                       \
    } while (0)
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
