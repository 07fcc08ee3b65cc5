// The task record.
#include "core/task/task.h"

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
    copy->trace = mem_str(task->trace);
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
    free(task->trace);
    free(task->parent);
    free(task->account);
    free(task->upstream_parent);
    free(task->moved_from);
    free(task->upstream_id);
    free(task->substate);
    free(task->await);
    free(task->wait_reason);
    free(task->wait_detail);
    free(task->error_code);
    free(task->error_message);
    free(task->end_cursor);
    free(task->read_cursor);
    free(task->hook);
    free(task->request);
    free(task->result);
    free(task->upstream_hint);
    free(task->mark);
    free(task->likeness);
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

#define TO(phase) (1u << (phase))
#define TO_AN_END (TO(TASK_SUCCEEDED) | TO(TASK_FAILED) | TO(TASK_CANCELLED))
static const unsigned next_phases[TASK_PHASE_COUNT] = {
    [TASK_QUEUED] = TO(TASK_SUBMITTING) | TO_AN_END,
    [TASK_SUBMITTING] =
        TO(TASK_QUEUED) | TO(TASK_IN_DOUBT) | TO(TASK_SUBMITTED) | TO(TASK_ARCHIVING) | TO_AN_END,
    [TASK_IN_DOUBT] = TO(TASK_QUEUED) | TO(TASK_IN_DOUBT) | TO(TASK_SUBMITTED) | TO_AN_END,
    [TASK_SUBMITTED] = TO(TASK_SUBMITTED) | TO(TASK_RENDERING) | TO(TASK_ARCHIVING) | TO_AN_END,
    [TASK_RENDERING] = TO(TASK_RENDERING) | TO(TASK_ARCHIVING) | TO_AN_END,
    [TASK_ARCHIVING] = TO(TASK_ARCHIVING) | TO_AN_END,
};

bool task_may_go(enum task_phase from, enum task_phase to)
{
    return (next_phases[from] & TO(to)) != 0;
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

int64_t task_timeout_ms(const struct task *task, int64_t account_ms)
{
    int64_t asked_ms = 1000 * (int64_t)task->patience_s;

    return asked_ms > account_ms ? asked_ms : account_ms;
}

int task_progress(const struct task *task, bool is_told_by_vendor)
{
    bool runs = task->phase == TASK_SUBMITTED || task->phase == TASK_RENDERING;
    // What has failed or was cancelled got as far as it was then.
    bool has_broken_off = task->phase == TASK_FAILED || task->phase == TASK_CANCELLED;
    int64_t ran_ms = has_broken_off && task->started_ms > 0 ? task->finished_ms - task->started_ms
                     : runs                                 ? task->ran_ms
                                                            : -1;
    // Up to 90 in the time that is expected, and from there on ever slower.
    double share = task->expected_ms > 0 ? (double)ran_ms / (double)task->expected_ms : 0;
    double progress = share <= 1 ? 90 * share : 99 - 9 / share;

    if (is_told_by_vendor || task->expected_ms <= 0 || ran_ms < 0 || progress < task->progress)
        return task->progress;
    return (int)progress;
}

void task_borrow_as(struct task *copy, const struct task *task, const struct task_view *view)
{
    static char modal[] = "MODAL";

    *copy = *task;
    if (task->phase != view->phase)
        copy->wait_reason = NULL; // it is the present phase's
    copy->phase = view->phase;
    copy->version = view->version;
    copy->progress = view->progress;
    copy->substate = view->is_modal ? modal : NULL;
    if (task_is_terminal(view->phase))
        return;
    copy->finished_ms = 0;
    copy->result = NULL;
    copy->error_code = NULL;
    copy->error_message = NULL;
    if (view->phase < TASK_SUBMITTED)
        copy->started_ms = 0;
}

// Frees a text of the record unless the copy shows it.
static void free_unless(const char *shown, char *own)
{
    if (shown == NULL)
        free(own);
}

void task_show_as(struct task *task, const struct task_view *view)
{
    struct task shown;

    task_borrow_as(&shown, task, view);
    shown.substate = mem_str(shown.substate);
    free(task->substate);
    free_unless(shown.wait_reason, task->wait_reason);
    free_unless(shown.result, task->result);
    free_unless(shown.error_code, task->error_code);
    free_unless(shown.error_message, task->error_message);
    *task = shown;
}
