// Fetching what a client's links lead to, one after the other.
#include "workers/inputs.h"

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
#include "core/task/task.h"
#include "providers/provider.h"
#include "workers/job.h"

enum { MAX_BYTES = 20 << 20, MAX_REDIRECTS = 3, TIMEOUT_MS = 60000, LOW_SPEED_MS = 10000 };

struct inputs {
    struct job *job; // borrowed, outlives us
    inputs_fn fn;
    void *ctx;
    char *url;
    int redirects;
    struct http_call *call;
};

void inputs_cancel(struct inputs **inputs)
{
    if (*inputs == NULL)
        return;
    http_cancel(&(*inputs)->call);
    free((*inputs)->url);
    free(*inputs);
    *inputs = NULL;
}

static void inputs_finish(struct inputs *inputs, const struct err *err, bool may_help)
{
    inputs_fn fn = inputs->fn;
    void *ctx = inputs->ctx;

    inputs_cancel(&inputs);
    fn(ctx, err, may_help);
}

static bool inputs_on_address(const struct sockaddr *address, void *ctx)
{
    const struct inputs *inputs = ctx;
    const struct config *config = inputs->job->bench->config;

    // A file that was uploaded to us may be at an address that other links must not lead to.
    return reach_has(&config->clients_reach, address) ||
           media_link_is_ours(&config->links, inputs->url);
}

// The next link; NULL: there is none.
static char *inputs_next_url(const struct inputs *inputs)
{
    const struct job *job = inputs->job;

    return job->account->dialect->input_at(job->task, job->task->input_count);
}

static void inputs_keep(struct task *task, const char *content_type, const struct buf *data)
{
    size_t size = (task->input_count + 1) * sizeof *task->inputs;
    struct task_input *input;

    task->inputs = mem_resize(task->inputs, size);
    input = &task->inputs[task->input_count++];
    *input = (struct task_input){.content_type = mem_str(content_type)};
    buf_add(&input->data, data->data, data->len);
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

static void inputs_fetch(struct inputs *inputs);

static void inputs_on_answer(void *ctx, const struct http_response *response,
                             const struct http_failure *failure)
{
    struct inputs *inputs = ctx;
    size_t number = inputs->job->task->input_count;
    const struct media_type *type;
    struct err err;

    inputs->call = NULL;
    if (failure != NULL) {
        // The same text as for an address that is refused, so that nobody can feel out our network.
        err_set(&err, ERR_INVALID, "input image %zu can't be fetched", number);
        inputs_finish(inputs, &err,
                      failure->err.code != ERR_REFUSED && failure->err.code != ERR_TOO_LARGE);
    } else if (inputs_follow_redirect(inputs, response)) {
        inputs_fetch(inputs);
    } else if (response->status != 200) {
        err_set(&err, ERR_INVALID, "input image %zu can't be fetched: its link answers HTTP %d",
                number, response->status);
        inputs_finish(inputs, &err, response->status >= 500 || response->status == 429);
    } else if (type = media_type_of(buf_text(&response->body), response->body.len),
               type == NULL || strcmp(type->kind, "image") != 0) {
        err_set(&err, ERR_INVALID, "input image %zu is no image that we know", number);
        inputs_finish(inputs, &err, false);
    } else {
        inputs_keep(inputs->job->task, type->content_type, &response->body);
        free(inputs->url);
        inputs->url = inputs_next_url(inputs);
        inputs->redirects = 0;
        if (inputs->url == NULL)
            inputs_finish(inputs, NULL, false);
        else
            inputs_fetch(inputs);
    }
}

static void inputs_fetch(struct inputs *inputs)
{
    struct http_request request = {.method = HTTP_GET_, .url = mem_str(inputs->url)};
    struct http_options options = {.timeout_ms = TIMEOUT_MS,
                                   .low_speed_ms = LOW_SPEED_MS,
                                   .max_body_bytes = MAX_BYTES,
                                   .wants_plain = true,
                                   .on_address = inputs_on_address,
                                   .ctx = inputs};

    inputs->call = http_start(inputs->job->bench->http, &request, &options, inputs_on_answer);
    http_request_clear(&request);
}

struct inputs *inputs_start(struct job *job, inputs_fn fn, void *ctx)
{
    struct inputs *inputs = mem_new(struct inputs);

    *inputs = (struct inputs){.job = job, .fn = fn, .ctx = ctx};
    inputs->url = inputs_next_url(inputs);
    inputs_fetch(inputs);
    return inputs;
}
