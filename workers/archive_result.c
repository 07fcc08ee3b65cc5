// Results, artifact keys and what files are.
#include "workers/archive_result.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/buf.h"
#include "core/json/field.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/task/task.h"
#include "providers/outcome.h"

bool archive_result_has_files(const struct outcome *outcome)
{
    for (size_t i = 0; i < outcome->source_count; i++)
        if (strcmp(outcome->sources[i].kind, "text") != 0)
            return true;
    return false;
}

static bool is_text(const json_t *source)
{
    return strcmp(field_str_or_empty(source, "kind"), "text") == 0;
}

json_t *archive_artifact_text(const json_t *source)
{
    return json_pack("{s:s,s:s}", "kind", "text", "text", field_str_or_empty(source, "url"));
}

json_t *archive_artifact_missing(const json_t *source, const char *url)
{
    json_t *artifact = json_pack("{s:s,s:s,s:O}", "kind", field_str_or_empty(source, "kind"), "url",
                                 url == NULL ? "" : url, "error", json_object_get(source, "error"));

    if (url != NULL)
        json_object_set_new(artifact, "archived", json_false());
    archive_artifact_mark(artifact, source);
    return artifact;
}

json_t *archive_artifact_none(void)
{
    return json_object();
}

void archive_artifact_mark(json_t *artifact, const json_t *source)
{
    static const char *const names[] = {"of", "variant"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        json_t *mark = json_object_get(source, names[i]);

        if (mark != NULL)
            json_object_set(artifact, names[i], mark);
    }
}

bool archive_is_variant(const json_t *source)
{
    return json_object_get(source, "variant") != NULL;
}

static bool can_be_had(const json_t *artifact)
{
    return json_object_get(artifact, "key") != NULL || *field_str_or_empty(artifact, "url") != '\0';
}

// Where nothing was archived, the vendor's links are all there is, and nothing is missing beside
// them.
static void forgive_links(json_t *artifacts)
{
    json_t *artifact;
    size_t i;

    json_array_foreach(artifacts, i, artifact)
    {
        if (json_object_get(artifact, "key") != NULL)
            return;
    }
    json_array_foreach(artifacts, i, artifact)
    {
        if (*field_str_or_empty(artifact, "url") != '\0')
            json_object_del(artifact, "error");
    }
}

char *archive_result_final(const json_t *result, bool *is_success)
{
    json_t *final = json_copy((json_t *)result), *artifacts = json_array(), *source;
    char *text;
    size_t i;

    *is_success = false;
    json_array_foreach(json_object_get(result, "sources"), i, source)
    {
        json_t *artifact = json_object_get(source, "artifact");

        if (json_object_size(artifact) > 0)
            json_array_append(artifacts, artifact);
        if (!is_text(source) && !json_is_true(json_object_get(source, "optional")) &&
            can_be_had(artifact))
            *is_success = true;
    }
    forgive_links(artifacts);
    json_object_del(final, "sources");
    json_object_set_new(final, "artifacts", artifacts);
    text = json_write_text(final);
    json_decref(final);
    return text;
}

const char *archive_result_why(const json_t *result)
{
    const char *why = "the stored result can't be read";
    json_t *source;
    size_t i;

    json_array_foreach(json_object_get(result, "sources"), i, source)
    {
        const char *message = field_str_or_empty(source, "error.message");

        if (*message != '\0' && !json_is_true(json_object_get(source, "optional")) &&
            *field_str_or_empty(source, "url") != '\0') // else there was nothing to archive
            return message;
    }
    return why;
}

size_t archive_result_number(const json_t *result, size_t index)
{
    size_t number = 0;

    for (size_t i = 0; i < index; i++)
        number += !is_text(json_array_get(json_object_get(result, "sources"), i));
    return number;
}

char *archive_result_of_texts(const char *text)
{
    json_t *result = json_read(text), *artifacts = json_array(), *source;
    char *final;
    size_t i;

    json_array_foreach(json_object_get(result, "sources"), i, source)
        json_array_append_new(artifacts, archive_artifact_text(source));
    json_object_del(result, "sources");
    json_object_set_new(result, "artifacts", artifacts);
    final = json_write_text(result);
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
