// The task record.
#include "core/base/task.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

static const char *const phase_names[] = {
#define X(phase, name) [phase] = name,
    TASK_PHASES(X)
#undef X
};

struct task *task_new(void)
{
    return mem_new(struct task);
}

struct task *task_copy(const struct task *task)
{
    struct task *copy = task_new();

    memcpy(copy->id, task->id, sizeof copy->id);
    copy->provider = mem_str(task->provider);
    copy->account = mem_str(task->account);
    copy->action = mem_str(task->action);
    copy->model = mem_str(task->model);
    copy->upstream_id = mem_str(task->upstream_id);
    copy->phase = task->phase;
    copy->is_request_stored = task->is_request_stored;
    return copy;
}

void task_free(struct task *task)
{
    if (task == NULL)
        return;
    free(task->owner);
    free(task->family);
    free(task->provider);
    free(task->action);
    free(task->model);
    free(task->mode);
    free(task->state);
    free(task->parent);
    free(task->account);
    free(task->upstream_parent);
    free(task->upstream_id);
    free(task->substate);
    free(task->await);
    free(task->wait_reason);
    free(task->wait_detail);
    free(task->error_code);
    free(task->error_message);
    free(task->hook);
    free(task->request);
    free(task->result);
    free(task->upstream_hint);
    free(task->mark);
    free(task->callback_url);
    for (size_t i = 0; i < task->input_count; i++) {
        free(task->inputs[i].content_type);
        buf_clear(&task->inputs[i].data);
    }
    free(task->inputs);
    free(task);
}

void task_input_key(const struct task *task, struct buf *key)
{
    buf_fmt(key, "inputs/%s.json", task->id);
}

void task_drop(struct task **task)
{
    task_free(*task);
    *task = NULL;
}

const char *task_phase_name(enum task_phase phase)
{
    return phase_names[phase];
}

bool task_phase_from_name(const char *name, enum task_phase *phase)
{
    for (int i = 0; i < TASK_PHASE_COUNT; i++) {
        if (strcmp(phase_names[i], name) == 0) {
            *phase = (enum task_phase)i;
            return true;
        }
    }
    return false;
}

bool task_is_terminal(enum task_phase phase)
{
    return phase >= TASK_SUCCEEDED;
}

const char *task_status(enum task_phase phase)
{
    switch (phase) {
    case TASK_QUEUED:
    case TASK_SUBMITTING:
    case TASK_IN_DOUBT:
        return "queued";
    case TASK_SUBMITTED:
    case TASK_RENDERING:
    case TASK_ARCHIVING:
        return "in_progress";
    case TASK_SUCCEEDED:
    case TASK_FAILED:
    case TASK_CANCELLED:
        return phase_names[phase];
    case TASK_PHASE_COUNT:
        break;
    }
    return "";
}

void task_show_as(struct task *task, const struct task_view *view)
{
    if (task->phase != view->phase)
        mem_set_str(&task->wait_reason, NULL); // it is of now
    task->phase = view->phase;
    task->version = view->version;
    task->progress = view->progress;
    mem_set_str(&task->substate, view->is_modal ? "MODAL" : NULL);
    if (task_is_terminal(view->phase))
        return;
    task->finished_ms = 0;
    mem_set_str(&task->result, NULL);
    mem_set_str(&task->error_code, NULL);
    mem_set_str(&task->error_message, NULL);
    if (view->phase < TASK_SUBMITTED)
        task->started_ms = 0;
}
