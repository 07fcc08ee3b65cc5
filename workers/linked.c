// Putting what a request holds where its vendor can open it, one file after the other.
#include "workers/linked.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/json/field.h"
#include "core/json/field_check.h"
#include "core/json/json_fast.h"
#include "core/json/json_write.h"
#include "core/loop/loop.h"
#include "core/message/media_link.h"
#include "core/message/media_type.h"
#include "core/storage/storage.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "workers/job.h"

struct linked {
    struct job *job; // borrowed, outlives us
    linked_fn fn;
    void *ctx;
    json_t *request;
    const char *const *at; // the field whose file is on its way
    struct buf key;
    struct loop_timer *turn; // to begin with
    struct storage_op *put;
};

void linked_drop(struct linked **slot)
{
    struct linked *linked = *slot;

    if (linked == NULL)
        return;
    *slot = NULL;
    loop_cancel(&linked->turn);
    storage_op_cancel(&linked->put);
    json_decref(linked->request);
    buf_clear(&linked->key);
    free(linked);
}

// The callee may drop us.
static void linked_finish(struct linked *linked, enum linked_end end, const struct err *err)
{
    linked->fn(linked->ctx, end, err);
}

// uploads/2026/03/27/<task's id>-<field>.png: as hard to guess as the id is.
static void make_key(struct linked *linked, const struct media_type *type)
{
    const struct task *task = linked->job->task;
    const char *name = strrchr(*linked->at, '.');
    char folder[MEDIA_UPLOAD_FOLDER_SIZE];

    media_upload_folder(task->created_ms, folder);
    buf_reset(&linked->key);
    buf_fmt(&linked->key, "%s%s-%s.%s", folder, task->id, name == NULL ? *linked->at : name + 1,
            type->extension);
}

static void linked_go_on(struct linked *linked);

static void linked_on_put(void *ctx, const struct err *err)
{
    struct linked *linked = ctx;
    struct buf url = {0};

    linked->put = NULL;
    if (err != NULL) {
        linked_finish(linked, LINKED_WITHOUT_STORAGE, err);
        return;
    }
    media_link(&linked->job->bench->config->links, linked->key.data, &url);
    json_string_set(field_at(linked->request, *linked->at), url.data);
    buf_clear(&url);
    linked->at++;
    linked_go_on(linked);
}

static void linked_put(struct linked *linked)
{
    const char *text = field_base64_of(field_str_or_empty(linked->request, *linked->at));
    const struct media_type *type = NULL;
    struct buf file = {0};
    struct err err;

    if (base64_decode(text, strlen(text), &file))
        type = media_type_of(buf_text(&file), file.len);
    if (type == NULL) {
        buf_clear(&file);
        err_set(&err, ERR_INVALID, "%s: is no file that we know", *linked->at);
        linked_finish(linked, LINKED_NEVER, &err);
        return;
    }
    make_key(linked, type);
    linked->put = storage_put(linked->job->bench->storage, linked->key.data, type->content_type,
                              &file, linked_on_put, linked);
}

// On to the next file, or that was the last.
static void linked_go_on(struct linked *linked)
{
    struct task *task = linked->job->task;

    linked->at = field_next_base64(linked->request, linked->at);
    if (*linked->at != NULL) {
        linked_put(linked);
        return;
    }
    free(task->request);
    task->request = json_write_text(linked->request);
    linked_finish(linked, LINKED_THERE, NULL);
}

static void linked_on_turn(void *ctx)
{
    struct linked *linked = ctx;

    linked->turn = NULL;
    linked_go_on(linked);
}

struct linked *linked_start(struct job *job, linked_fn fn, void *ctx)
{
    const struct dialect *dialect = job->account->dialect;
    const char *const *fields =
        dialect->linked_fields == NULL ? NULL : dialect->linked_fields(job->task);
    json_t *request = fields == NULL ? NULL : json_read(job->task->request);
    struct linked *linked;

    if (request == NULL || *(fields = field_next_base64(request, fields)) == NULL) {
        json_decref(request);
        return NULL;
    }
    linked = mem_new(struct linked);
    linked->job = job;
    linked->fn = fn;
    linked->ctx = ctx;
    linked->request = request;
    linked->at = fields;
    linked->turn = loop_after(job->bench->loop, 0, linked_on_turn, linked);
    return linked;
}
