// GET /v1/videos/{id}/content: the archived file itself, or another variant of it, with the key
// that made it.
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_server.h"
#include "core/json/field.h"
#include "core/json/json_fast.h"
#include "core/message/media_link.h"
#include "core/store/tasks.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"

// Which artifact a word in the query means: the one that has the word as its variant (outcome.h),
// or else the first of a kind. Not every image is a spritesheet: some vendors give a last frame.
static const struct {
    const char *variant, *kind; // NULL: of no kind
} variants[] = {{"video", "video"}, {"thumbnail", "cover"}, {"spritesheet", NULL}};

static bool is_variant(const json_t *artifact, const char *variant)
{
    const char *kind = field_str_or_empty(artifact, "kind");

    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++)
        if (strcmp(variants[i].variant, variant) == 0 && variants[i].kind != NULL &&
            strcmp(variants[i].kind, kind) == 0)
            return true;
    return strcmp(field_str_or_empty(artifact, "variant"), variant) == 0;
}

// The key of the task's file; NULL and err where there is none. The caller frees it.
static char *find_key(const struct task *task, const char *variant, struct err *err)
{
    json_t *result = json_read(task->result), *artifact;
    bool is_given = false;
    char *key = NULL;
    size_t i;

    json_array_foreach(json_object_get(result, "artifacts"), i, artifact)
    {
        if (key != NULL || !is_variant(artifact, variant))
            continue;
        is_given = true;
        key = mem_str(json_string_value(json_object_get(artifact, "key")));
    }
    json_decref(result);
    if (key == NULL)
        err_set(err, ERR_NOT_FOUND,
                is_given ? "the %s couldn't be archived" : "the vendor has given no %s", variant);
    return key;
}

// A file in a bucket is fetched from the bucket: its signed link takes ranges as well.
static void send_to_bucket(struct request *request, const char *key)
{
    struct buf url = {0}, json = {0};

    media_link(&request->front->config->links, key, &url);
    http_exchange_add_header(request->exchange, "Location", url.data);
    http_exchange_add_header(request->exchange, "Cache-Control", "private, max-age=600");
    buf_str(&json, "{}");
    request_answer(request, 302, &json);
    buf_clear(&url);
    buf_clear(&json);
}

static void on_task(void *ctx, struct task *task, const struct err *err)
{
    struct request *request = ctx;
    const char *variant = http_exchange_query(request->exchange, "variant"); // has been checked
    const struct family *family = err == NULL ? family_find(task->family) : NULL;
    struct err why;
    char *key = NULL;

    request_forget(request, AWAIT_TASKS);
    if (err != NULL) {
        why = *err;
    } else if (task->is_ask ||
               (family != request->family && (request->family->kin == NULL ||
                                              strcmp(request->family->kin, task->family) != 0))) {
        err_set(&why, ERR_NOT_FOUND, "no such video");
    } else if (task->phase != TASK_SUCCEEDED) {
        err_set(&why, ERR_CONFLICT, "the video is %s, there is no content",
                task_status(task->phase));
    } else {
        key = find_key(task, variant == NULL || *variant == '\0' ? "video" : variant, &why);
    }
    task_free(task);
    if (key == NULL)
        request_refuse(request, &why);
    else if (*request->front->config->storage.url != '\0')
        send_to_bucket(request, key);
    else
        media_send(request, key);
    free(key);
}

void content_serve(struct request *request)
{
    request_get_task(request, on_task);
}
