// News: what watchers of tasks are told.
#include "scheduler/news.h"

#include "core/base/buf.h"
#include "scheduler/task_json.h"

void news_write(const struct news *news, bool is_operator, struct buf *json)
{
    if (is_operator)
        task_json_widen(news->task, news->json, json);
    else
        buf_str(json, news->json);
}
