// The task object of our own REST surface.
#include "scheduler/task_json.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/json/json_write.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "providers/provider.h"

static void add_time(struct buf *json, const char *name, int64_t time_ms)
{
    buf_fmt(json, ",\"%s\":", name);
    if (time_ms > 0)
        buf_int(json, time_ms);
    else
        buf_str(json, "null");
}

// Adds what the task waits for beside its vendor's work.
static void add_waiting(const struct task *task, struct buf *json)
{
    if (task->wait_reason == NULL || task_is_terminal(task->phase)) {
        buf_str(json, ",\"waiting\":null");
        return;
    }
    buf_fmt(json, ",\"waiting\":{\"reason\":\"%s\",\"detail\":", task->wait_reason);
    buf_json_str(json, task->wait_detail);
    add_time(json, "since", task->wait_ms);
    add_time(json, "next_try_at", task->act_ms);
    buf_str(json, ",\"position\":");
    if (task->before >= 0)
        buf_int(json, task->before);
    else
        buf_str(json, "null");
    buf_char(json, '}');
}

// Adds what only an operator sees.
static void add_place(const struct task *task, struct buf *json)
{
    buf_str(json, ",\"key\":");
    buf_json_str(json, task->owner);
    buf_str(json, ",\"account\":");
    buf_json_str(json, task->account);
}

void task_json_write(const struct task *task, const char *cancel, bool is_operator,
                     struct buf *json)
{
    const struct provider *provider = provider_find(task->provider);

    buf_fmt(json,
            "{\"id\":\"%s\",\"object\":\"task\",\"provider\":\"%s\",\"action\":\"%s\",\"model\":",
            task->id, task->provider, task->action);
    buf_json_str(json, task->model);
    buf_fmt(json, ",\"status\":\"%s\",\"phase\":\"%s\",\"progress\":%d,\"version\":%d",
            task_status(task->phase), task_phase_name(task->phase),
            task_progress(task, provider != NULL && provider->tells_progress), task->version);
    add_time(json, "created_at", task->created_ms);
    add_time(json, "started_at", task->started_ms);
    add_time(json, "finished_at", task->finished_ms);
    add_time(json, "eta", task_is_terminal(task->phase) ? 0 : task->eta_ms);
    buf_str(json, ",\"artifacts\":");
    if (task->phase == TASK_SUCCEEDED && task->result != NULL) {
        json_t *result = family_result_whole(task);
        json_t *artifacts = json_object_get(result, "artifacts"), *artifact;
        size_t i;

        // Only the families show to which of several results an artifact belongs, and by what name.
        json_array_foreach(artifacts, i, artifact)
        {
            json_object_del(artifact, "of");
            json_object_del(artifact, "variant");
        }
        if (artifacts == NULL)
            buf_str(json, "[]");
        else
            json_write(artifacts, json);
        json_decref(result);
    } else {
        buf_str(json, "[]");
    }
    if (task->phase == TASK_FAILED) {
        buf_str(json, ",\"error\":{\"code\":");
        buf_json_str(json, task->error_code);
        buf_str(json, ",\"message\":");
        buf_json_str(json, task->error_message);
        buf_char(json, '}');
    } else {
        buf_str(json, ",\"error\":null");
    }
    add_waiting(task, json);
    buf_str(json, ",\"state\":");
    buf_json_str(json, task->state);
    if (is_operator)
        add_place(task, json);
    if (cancel != NULL)
        buf_fmt(json, ",\"cancel\":\"%s\"", cancel);
    buf_char(json, '}');
}

void task_json_widen(const struct task *task, const char *text, struct buf *json)
{
    buf_add(json, text, strlen(text) - 1); // but for its closing brace
    add_place(task, json);
    buf_char(json, '}');
}
