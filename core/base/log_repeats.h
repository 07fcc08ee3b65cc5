// Troubles that were told of lately: what is told again meanwhile is counted instead. No clock, no
// threads: log.c has both.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"

enum { LOG_REPEATS = 32, LOG_REPEATS_TEXT = 1024 };

struct log_repeat {
    const char *event;           // static; NULL: the place is free
    char about[512];             // what is the same in lines about the same trouble
    char text[LOG_REPEATS_TEXT]; // as it was told first
    enum log_level level;
    int64_t until_ms; // for so long it is counted
    unsigned count;   // how often it came since it was told
};

struct log_repeats {
    struct log_repeat list[LOG_REPEATS]; // zeroed: nothing was told
};

// Called for each line whose count is to be told.
typedef void (*log_repeat_fn)(const struct log_repeat *repeat);

// True: it was told less than LOG_QUIET_MS ago, and is counted. False: it is news, to be told, and
// is remembered; where there are too many troubles, the one that would be forgotten first makes
// room, and is told.
bool log_repeats_has(struct log_repeats *repeats, enum log_level level, const char *event,
                     const char *about, const char *text, int64_t now_ms, log_repeat_fn tell);
// Tells of those whose time is over by `now_ms`. What had come again goes on being counted, what
// hadn't is forgotten.
void log_repeats_tell(struct log_repeats *repeats, int64_t now_ms, log_repeat_fn tell);
// Forgets those of an event, or of any where `event` is NULL, and tells of them.
void log_repeats_forget(struct log_repeats *repeats, const char *event, log_repeat_fn tell);
