// What families share: reading requests and results.
#include "providers/family.h"

#include <stdlib.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/message/media_link.h"

bool family_check(const struct family_request *request, struct err *err)
{
    return field_check_all(request->body, request->route->rules, err);
}

bool route_makes_task(const struct route *route)
{
    return route->kind == ROUTE_SUBMIT || route->kind == ROUTE_ASK || route->kind == ROUTE_RESULT;
}

json_t *family_result_whole(const struct task *task)
{
    json_t *result = json_read(task->result), *artifact;
    size_t i;

    if (result == NULL)
        return json_object();
    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        const char *key = json_string_value(json_object_get(artifact, "key"));
        struct buf url = {0};

        if (key == NULL)
            continue;
        media_link(task->links, key, &url);
        json_object_set_new(artifact, "url", json_string(url.data));
        json_object_del(artifact, "key");
        buf_clear(&url);
    }
    return result;
}

json_t *family_result(const struct task *task)
{
    json_t *result = family_result_whole(task), *artifacts = json_object_get(result, "artifacts");

    for (size_t i = json_array_size(artifacts); i-- > 0;) {
        const json_t *url = json_object_get(json_array_get(artifacts, i), "url");

        if (url != NULL && *json_string_value(url) == '\0')
            json_array_remove(artifacts, i);
    }
    return result;
}

void family_answer_clear(struct family_answer *answer)
{
    for (size_t i = 0; i < answer->gap_count; i++)
        free(answer->gaps[i].key);
    free(answer->gaps);
    free(answer->file);
    buf_clear(&answer->json);
    *answer = (struct family_answer){0};
}

void family_add_file(struct family_answer *answer, const char *key)
{
    size_t size = (answer->gap_count + 1) * sizeof *answer->gaps;

    answer->gaps = mem_resize(answer->gaps, size);
    answer->gaps[answer->gap_count++] =
        (struct family_gap){.at = answer->json.len, .key = mem_str(key)};
}
