// Counting the tasks that have ended.
#include "core/store/ends.h"

#include <hiredis/hiredis.h>
#include <stdbool.h>

#include "core/base/metrics.h"

enum { WORDS = 3 }; // provider, phase, error code

static bool are_words(redisReply *const *words)
{
    for (size_t i = 0; i < WORDS; i++)
        if (words[i]->type != REDIS_REPLY_STRING)
            return false;
    return true;
}

void ends_count(const struct redisReply *ends)
{
    if (ends == NULL || ends->type != REDIS_REPLY_ARRAY)
        return;
    for (size_t i = 0; i + WORDS <= ends->elements; i += WORDS) {
        redisReply *const *words = &ends->element[i];

        if (are_words(words))
            metric_count(METRICS_tasks_total, words[0]->str, words[1]->str, words[2]->str);
    }
}
