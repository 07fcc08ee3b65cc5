// One task.
#include "scheduler/cli/cli_task.h"

#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "scheduler/cli/cli_http.h"
#include "scheduler/cli/cli_show.h"

json_t *cli_task_get(struct cli_http *http, const char *id, struct err *err)
{
    struct http_request request = {0};
    json_t *task = NULL;

    if (http_get(&request, cli_http_url(http), err, "/v1/tasks/%s", id))
        task = cli_http_ask(http, &request, err);
    if (task == NULL)
        cli_task_explain(id, err);
    return task;
}

bool cli_task_explain(const char *id, struct err *err)
{
    // An id with a slash in it makes another path.
    if ((err->code == ERR_NOT_FOUND || err->code == ERR_PATH) && !id_is_task(id))
        return err_set(err, ERR_NOT_FOUND,
                       "\"%.60s\" is no task: ids begin with task_, and \"spool list\" shows them",
                       id);
    if (err->code == ERR_NOT_FOUND)
        return err_set(err, ERR_NOT_FOUND,
                       "%.40s: this key has no such task: \"spool list\" shows those it has, -k "
                       "takes another key",
                       id);
    if (err->code == ERR_CONFLICT || err->code == ERR_REFUSED)
        return err_wrap(err, "%.40s", id);
    return false;
}

bool cli_task_has_ended(const json_t *task)
{
    const char *status = field_str_or_empty(task, "status");

    return strcmp(status, "succeeded") == 0 || strcmp(status, "failed") == 0 ||
           strcmp(status, "cancelled") == 0;
}

int cli_task_percent(const json_t *task)
{
    static const struct {
        const char *phase;
        int percent;
    } phases[] = {{"queued", 0},     {"submitting", 2}, {"in_doubt", 2},
                  {"submitted", 10}, {"rendering", 40}, {"archiving", 95}};
    const char *phase = field_str_or_empty(task, "phase");
    int64_t told = field_int_or(task, "progress", 0);
    int least = 100;

    for (size_t i = 0; i < sizeof phases / sizeof phases[0]; i++)
        if (strcmp(phases[i].phase, phase) == 0)
            least = phases[i].percent;
    return told > 100 ? 100 : told > least ? (int)told : least;
}

int64_t cli_task_took_ms(const json_t *task)
{
    int64_t end_ms = field_int_or(task, "finished_at", 0);

    end_ms = end_ms > 0 ? end_ms : clock_wall_ms();
    return end_ms - field_int_or(task, "created_at", end_ms);
}

void cli_task_note(const json_t *task, struct buf *to)
{
    const char *code = field_str_or_empty(task, "error.code");
    const char *reason = field_str_or_empty(task, "waiting.reason");
    const char *text = field_str_or_empty(task, *code != '\0' ? "error.message" : "waiting.detail");

    int64_t left_ms = field_int_or(task, "eta", 0) - clock_wall_ms();

    if (*code == '\0' && *reason == '\0') {
        if (left_ms > 0 && !cli_task_has_ended(task)) {
            buf_str(to, "done in about ");
            cli_show_span(to, left_ms);
        }
        return;
    }
    buf_str(to, *code != '\0' ? code : reason);
    if (*text != '\0')
        buf_fmt(to, ": %s", text);
}
