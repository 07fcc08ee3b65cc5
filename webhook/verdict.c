// What an answer to a webhook means.
#include "webhook/verdict.h"

#include "core/message/http_message.h"

enum { GONE = 410 };

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
    asked_ms = retry_after == NULL ? -1 : http_read_wait_ms(retry_after, now_wall_ms);
    *delay_ms = asked_ms <= scheduled_ms       ? scheduled_ms
                : asked_ms >= 2 * scheduled_ms ? 2 * scheduled_ms
                                               : asked_ms;
    return DELIVERY_RETRY;
}
