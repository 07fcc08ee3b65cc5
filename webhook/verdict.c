// What an answer to a webhook means.
#include "webhook/verdict.h"

#include <string.h>
#include <time.h>

enum { GONE = 410, DIGITS_MAX = 9 };

int64_t verdict_retry_after_ms(const char *text, int64_t now_wall_ms)
{
    // HTTP's present form, that of RFC 850 and that of asctime.
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    size_t digits = strspn(text, "0123456789");
    int64_t ms = 0;

    if (digits > 0 && text[digits] == '\0') {
        for (size_t i = 0; i < digits && i < DIGITS_MAX; i++)
            ms = ms * 10 + (text[i] - '0');
        return ms * 1000; // the digits of a longer number that fit are far more than we ever wait
    }
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct tm tm = {0};
        const char *end = strptime(text, forms[i], &tm);

        if (end == NULL || *end != '\0')
            continue;
        ms = (int64_t)timegm(&tm) * 1000 - now_wall_ms;
        return ms < 0 ? 0 : ms;
    }
    return -1;
}

enum delivery_outcome verdict_of(const struct verdict_rules *rules, int tries, int http_status,
                                 const char *retry_after, int64_t now_wall_ms, int64_t *delay_ms)
{
    int64_t scheduled_ms, asked_ms;

    *delay_ms = 0;
    if (http_status >= 200 && http_status < 300)
        return DELIVERY_DELIVERED;
    if (http_status == GONE)
        return DELIVERY_ENDED;
    if ((size_t)tries >= rules->retry_count)
        return DELIVERY_EXHAUSTED;
    scheduled_ms = rules->retry_delays_ms[tries];
    asked_ms = retry_after == NULL ? -1 : verdict_retry_after_ms(retry_after, now_wall_ms);
    *delay_ms = asked_ms <= scheduled_ms       ? scheduled_ms
                : asked_ms >= 2 * scheduled_ms ? 2 * scheduled_ms
                                               : asked_ms;
    return DELIVERY_RETRY;
}
