// Results, artifact keys and what files are.
#include "workers/archive_result.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/base/field.h"
#include "core/base/task.h"
#include "providers/outcome.h"

bool archive_result_has_files(const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->source_count; i++)
        if (strcmp(outcome->sources[i].kind, "text") != 0)
            return true;
    return false;
}

char *archive_result_of_texts(const char *text)
{
    json_t *result = json_loads(text, 0, NULL), *artifacts = json_array(), *source;
    char *final;
    size_t i;

    json_array_foreach(json_object_get(result, "sources"), i, source)
        json_array_append_new(artifacts, json_pack("{s:s,s:s}", "kind", "text", "text",
                                                   field_str_or_empty(source, "url")));
    json_object_del(result, "sources");
    json_object_set_new(result, "artifacts", artifacts);
    final = json_dumps(result, JSON_COMPACT);
    json_decref(result);
    return final;
}

char *archive_key(const struct task *task, size_t n, const char *extension)
{
    time_t seconds = (time_t)(task->created_ms / 1000);
    struct tm utc;
    struct buf key = {0};

    gmtime_r(&seconds, &utc);
    buf_fmt(&key, "task-artifacts/%04d/%02d/%02d/%s/", utc.tm_year + 1900, utc.tm_mon + 1,
            utc.tm_mday, task->account);
    for (const char *c = task->action; *c != '\0'; c++)
        buf_char(&key, isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '-');
    buf_fmt(&key, "/%s", task->id);
    if (n > 0)
        buf_fmt(&key, "-%zu", n);
    buf_fmt(&key, ".%s", extension);
    return buf_take(&key);
}
