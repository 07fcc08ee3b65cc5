// Troubles that were told of lately.
#include "core/base/log_repeats.h"

#include <stdio.h>
#include <string.h>

static void tell_count(struct log_repeat *repeat, log_repeat_fn tell)
{
    if (repeat->count > 0)
        tell(repeat);
    repeat->count = 0;
}

static struct log_repeat *find(struct log_repeats *repeats, const char *event, const char *about)
{
    for (size_t i = 0; i < LOG_REPEATS; i++) {
        struct log_repeat *repeat = &repeats->list[i];

        if (repeat->event != NULL && strcmp(repeat->event, event) == 0 &&
            strncmp(repeat->about, about, sizeof repeat->about - 1) == 0)
            return repeat;
    }
    return NULL;
}

static struct log_repeat *make_room(struct log_repeats *repeats, log_repeat_fn tell)
{
    struct log_repeat *first = &repeats->list[0];

    for (size_t i = 0; i < LOG_REPEATS; i++) {
        struct log_repeat *repeat = &repeats->list[i];

        if (repeat->event == NULL)
            return repeat;
        if (repeat->until_ms < first->until_ms)
            first = repeat;
    }
    tell_count(first, tell);
    return first;
}

bool log_repeats_has(struct log_repeats *repeats, enum log_level level, const char *event,
                     const char *about, const char *text, int64_t now_ms, log_repeat_fn tell)
{
    struct log_repeat *repeat;

    log_repeats_tell(repeats, now_ms, tell);
    repeat = find(repeats, event, about);
    if (repeat != NULL) {
        repeat->count++;
        return true;
    }
    repeat = make_room(repeats, tell);
    *repeat = (struct log_repeat){
        .event = event, .level = level, .until_ms = now_ms + LOG_QUIET_MS, .count = 0};
    snprintf(repeat->about, sizeof repeat->about, "%s", about);
    snprintf(repeat->text, sizeof repeat->text, "%s", text);
    return false;
}

void log_repeats_tell(struct log_repeats *repeats, int64_t now_ms, log_repeat_fn tell)
{
    for (size_t i = 0; i < LOG_REPEATS; i++) {
        struct log_repeat *repeat = &repeats->list[i];

        if (repeat->event == NULL || now_ms < repeat->until_ms)
            continue;
        if (repeat->count == 0)
            repeat->event = NULL;
        tell_count(repeat, tell);
        repeat->until_ms = now_ms + LOG_QUIET_MS;
    }
}

void log_repeats_forget(struct log_repeats *repeats, const char *event, log_repeat_fn tell)
{
    for (size_t i = 0; i < LOG_REPEATS; i++) {
        struct log_repeat *repeat = &repeats->list[i];

        if (repeat->event == NULL || (event != NULL && strcmp(repeat->event, event) != 0))
            continue;
        tell_count(repeat, tell);
        repeat->event = NULL;
    }
}
