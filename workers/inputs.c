// Getting what a client's links lead to, one after the other.
#include "workers/inputs.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/address.h"
#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/http/http_client.h"
#include "core/message/http_message.h"
#include "core/message/media_link.h"
#include "core/message/media_type.h"
#include "core/storage/storage.h"
#include "core/task/task.h"
#include "providers/provider.h"
#include "workers/body.h"
#include "workers/job.h"

enum {
    MAX_BYTES = 20 << 20,
    STREAMED_MAX_BYTES = 50 << 20, // as many as a form's file may have
    MAX_REDIRECTS = 3,
    TIMEOUT_MS = 60000,
    STREAMED_TIMEOUT_MS = 150000,
    LOW_SPEED_MS = 10000,
};

struct inputs {
    struct job *job; // borrowed, outlives us
    inputs_fn fn;
    void *ctx;
    char *url;
    int redirects;
    struct http_call *call;
    // Where they are streamed:
    struct body_file *files;   // one for each of the task's inputs
    struct storage_op *look;   // at a file of ours
    struct storage_file *copy; // of a file from elsewhere, while it comes
    struct buf head;           // its first bytes
};

static const char copies[] = "answers/";

void inputs_drop(struct inputs **slot)
{
    struct inputs *inputs = *slot;

    if (inputs == NULL)
        return;
    *slot = NULL;
    http_cancel(&inputs->call);
    storage_op_cancel(&inputs->look);
    storage_drop(&inputs->copy);
    for (size_t i = 0; inputs->files != NULL && i < inputs->job->task->input_count; i++) {
        if (strncmp(inputs->files[i].key, copies, sizeof copies - 1) == 0)
            storage_delete(inputs->files[i].storage, inputs->files[i].key);
        free(inputs->files[i].key);
    }
    free(inputs->files);
    buf_clear(&inputs->head);
    free(inputs->url);
    free(inputs);
}

const struct body_file *inputs_files(const struct inputs *inputs)
{
    return inputs->files;
}

// The callee may drop us.
static void inputs_finish(struct inputs *inputs, enum inputs_end end, const struct err *err)
{
    inputs->fn(inputs->ctx, end, err);
}

static size_t inputs_number(const struct inputs *inputs)
{
    return inputs->job->task->input_count;
}

// The same text as for an address that is refused, so that nobody can feel out our network.
static void inputs_fail(struct inputs *inputs, enum inputs_end end)
{
    struct err err;

    err_set(&err, ERR_INVALID, "input image %zu can't be fetched", inputs_number(inputs));
    inputs_finish(inputs, end, &err);
}

static void inputs_fail_at_type(struct inputs *inputs)
{
    struct err err;

    err_set(&err, ERR_INVALID, "input image %zu is no image that we know", inputs_number(inputs));
    inputs_finish(inputs, INPUTS_NEVER, &err);
}

static bool inputs_on_address(const struct sockaddr *address, void *ctx)
{
    const struct inputs *inputs = ctx;
    const struct config *config = inputs->job->bench->config;

    // A file that was uploaded to us may be at an address that other links must not lead to.
    return reach_has(&config->clients_reach, address) ||
           media_link_is_ours(&config->links, inputs->url);
}

static void inputs_fetch(struct inputs *inputs);

// On to the next link, or that was the last.
static void inputs_go_on(struct inputs *inputs)
{
    const struct job *job = inputs->job;

    free(inputs->url);
    inputs->url = job->account->dialect->input_at(job->task, job->task->input_count);
    inputs->redirects = 0;
    if (inputs->url == NULL)
        inputs_finish(inputs, INPUTS_THERE, NULL);
    else
        inputs_fetch(inputs);
}

// By its first bytes; NULL: it is no image.
static const struct media_type *image_type(const struct buf *head)
{
    const struct media_type *type = media_type_of(buf_text(head), head->len);

    return type != NULL && strcmp(type->kind, "image") == 0 ? type : NULL;
}

// False: the task can't have the file, for it is no image.
static bool inputs_keep(struct inputs *inputs, const struct buf *data, int64_t bytes)
{
    const struct media_type *type = image_type(data);
    struct task *task = inputs->job->task;
    size_t size = (task->input_count + 1) * sizeof *task->inputs;
    struct task_input *input;

    if (type == NULL)
        return false;
    task->inputs = mem_resize(task->inputs, size);
    input = &task->inputs[task->input_count++];
    *input = (struct task_input){.content_type = mem_str(type->content_type), .bytes = bytes};
    buf_add(&input->data, data->data, data->len);
    return true;
}

// Of a file that is streamed. Takes the key.
static bool inputs_keep_file(struct inputs *inputs, struct storage *storage, char *key,
                             const struct buf *head, int64_t bytes)
{
    size_t number = inputs_number(inputs);

    if (!inputs_keep(inputs, head, bytes)) {
        free(key);
        return false;
    }
    inputs->files = mem_resize(inputs->files, (number + 1) * sizeof *inputs->files);
    inputs->files[number] = (struct body_file){.storage = storage, .key = key};
    return true;
}

// A file of ours.

static bool inputs_keep_ours(struct inputs *inputs, const struct buf *head, int64_t bytes)
{
    struct bench *bench = inputs->job->bench;
    struct buf key = {0};

    media_link_key(&bench->config->links, inputs->url, &key);
    return inputs_keep_file(inputs, bench->storage, buf_take(&key), head, bytes);
}

static void inputs_on_look(void *ctx, const struct buf *head, int64_t bytes, const struct err *err)
{
    struct inputs *inputs = ctx;

    inputs->look = NULL;
    if (err != NULL && err->code != ERR_NOT_FOUND)
        inputs_finish(inputs, INPUTS_WITHOUT_STORAGE, err);
    else if (err != NULL || bytes > STREAMED_MAX_BYTES)
        inputs_fail(inputs, INPUTS_NEVER);
    else if (inputs_keep_ours(inputs, head, bytes))
        inputs_go_on(inputs);
    else
        inputs_fail_at_type(inputs);
}

static bool inputs_look(struct inputs *inputs)
{
    struct bench *bench = inputs->job->bench;
    struct buf key = {0};
    bool is_ours = media_link_key(&bench->config->links, inputs->url, &key);

    if (is_ours)
        inputs->look =
            storage_look(bench->storage, key.data, MEDIA_HEAD_BYTES, inputs_on_look, inputs);
    buf_clear(&key);
    return is_ours;
}

// A file from elsewhere.

static char *copy_key(const struct inputs *inputs)
{
    const struct task *task = inputs->job->task;
    struct buf key = {0};

    // Whoever had the task before may still have files.
    buf_fmt(&key, "%s%s-%d-input-%zu", copies, task->id, task->counter, task->input_count);
    return buf_take(&key);
}

static void inputs_on_room(void *ctx, const struct err *err)
{
    struct inputs *inputs = ctx;

    if (err != NULL)
        inputs_finish(inputs, INPUTS_WITHOUT_STORAGE, err);
    else if (inputs->call != NULL)
        http_resume(inputs->call);
}

static bool inputs_on_data(void *ctx, const struct http_response *head, const void *data,
                           size_t len)
{
    struct inputs *inputs = ctx;
    size_t wanted = MEDIA_HEAD_BYTES - inputs->head.len;
    char *key;

    if (head->status != 200)
        return true;
    if (inputs->copy == NULL) {
        key = copy_key(inputs);
        inputs->copy = storage_create(inputs->job->bench->answers, key, "application/octet-stream",
                                      -1, inputs_on_room, inputs);
        free(key);
    }
    if (storage_size(inputs->copy) + (int64_t)len > STREAMED_MAX_BYTES) {
        inputs_fail(inputs, INPUTS_NEVER);
        return true;
    }
    if (!storage_write(inputs->copy, data, len))
        return false;
    buf_add(&inputs->head, data, len < wanted ? len : wanted);
    return true;
}

static void inputs_on_copied(void *ctx, const struct err *err)
{
    struct inputs *inputs = ctx;
    int64_t bytes = storage_size(inputs->copy);
    struct buf head = inputs->head;

    if (err != NULL) {
        inputs_finish(inputs, INPUTS_WITHOUT_STORAGE, err);
        return;
    }
    storage_drop(&inputs->copy);
    inputs->head = (struct buf){0};
    inputs_keep_file(inputs, inputs->job->bench->answers, copy_key(inputs), &head, bytes);
    buf_clear(&head);
    inputs_go_on(inputs);
}

// The whole file has come.
static void inputs_copy(struct inputs *inputs)
{
    if (image_type(&inputs->head) == NULL)
        inputs_fail_at_type(inputs);
    else
        storage_commit(inputs->copy, INT64_MAX, inputs_on_copied, inputs);
}

static bool inputs_follow_redirect(struct inputs *inputs, const struct http_response *response)
{
    struct buf url = {0};
    bool ok = inputs->redirects++ < MAX_REDIRECTS && http_redirect(response, inputs->url, &url);

    if (ok)
        mem_set_str(&inputs->url, url.data);
    buf_clear(&url);
    return ok;
}

static void inputs_on_answer(void *ctx, const struct http_response *response,
                             const struct http_failure *failure)
{
    struct inputs *inputs = ctx;
    struct err err;

    inputs->call = NULL;
    if (failure != NULL) {
        inputs_fail(inputs, failure->err.code == ERR_REFUSED || failure->err.code == ERR_TOO_LARGE
                                ? INPUTS_NEVER
                                : INPUTS_LATER);
    } else if (inputs_follow_redirect(inputs, response)) {
        inputs_fetch(inputs);
    } else if (response->status != 200) {
        err_set(&err, ERR_INVALID, "input image %zu can't be fetched: its link answers HTTP %d",
                inputs_number(inputs), response->status);
        inputs_finish(
            inputs,
            response->status >= 500 || response->status == 429 ? INPUTS_LATER : INPUTS_NEVER, &err);
    } else if (inputs->job->account->dialect->streams_inputs) {
        inputs_copy(inputs);
    } else if (inputs_keep(inputs, &response->body, (int64_t)response->body.len)) {
        inputs_go_on(inputs);
    } else {
        inputs_fail_at_type(inputs);
    }
}

static void inputs_fetch(struct inputs *inputs)
{
    bool is_streamed = inputs->job->account->dialect->streams_inputs;
    struct http_request request = {.method = HTTP_GET_};
    struct http_options options = {.timeout_ms = is_streamed ? STREAMED_TIMEOUT_MS : TIMEOUT_MS,
                                   .low_speed_ms = LOW_SPEED_MS,
                                   .max_body_bytes = MAX_BYTES,
                                   .wants_plain = true,
                                   .on_address = inputs_on_address,
                                   .on_data = is_streamed ? inputs_on_data : NULL,
                                   .ctx = inputs};

    if (is_streamed && inputs_look(inputs))
        return;
    request.url = mem_str(inputs->url);
    inputs->call = http_start(inputs->job->bench->http, &request, &options, inputs_on_answer);
    http_request_clear(&request);
}

struct inputs *inputs_start(struct job *job, inputs_fn fn, void *ctx)
{
    struct inputs *inputs = mem_new(struct inputs);

    *inputs = (struct inputs){.job = job, .fn = fn, .ctx = ctx};
    inputs->url = job->account->dialect->input_at(job->task, 0);
    inputs_fetch(inputs);
    return inputs;
}
