// Fills the gaps of a request's body, for tests: each with what the task's input has of the file,
// and where that isn't all, with the file's size in brackets.
#pragma once

#include <stdlib.h>

#include "core/base/buf.h"
#include "core/message/http_message.h"
#include "core/task/task.h"

static inline void fill_gaps(struct http_request *request, const struct task *task)
{
    struct buf body = {0};
    size_t at = 0;

    for (size_t i = 0; i < request->gap_count; i++) {
        const struct http_gap *gap = &request->gaps[i];
        const struct task_input *input = &task->inputs[gap->file];

        buf_add(&body, request->body.data + at, gap->at - at);
        buf_add(&body, buf_text(&input->data), input->data.len);
        if (gap->bytes != (int64_t)input->data.len)
            buf_fmt(&body, "[%lld bytes]", (long long)gap->bytes);
        at = gap->at;
    }
    buf_add(&body, buf_text(&request->body) + at, request->body.len - at);
    buf_clear(&request->body);
    request->body = body;
    free(request->gaps);
    request->gaps = NULL;
    request->gap_count = 0;
}
