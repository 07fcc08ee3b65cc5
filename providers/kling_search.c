// A submit in doubt at Kling: what the answers to a search mean.
#include "providers/kling_search.h"

#include <string.h>

#include "core/base/mem.h"
#include "core/json/field.h"
#include "core/message/http_message.h"
#include "core/task/task.h"
#include "providers/outcome.h"

enum { CLOCKS_APART_MS = 5 * 60 * 1000 };

static const char *const id_places[] = {"task_id", NULL};

static bool is_ours(const struct task *task, const json_t *data)
{
    char digits[FIELD_ID_DIGITS];

    return strcmp(field_str_or_empty(data, "task_info.external_task_id"), task->id) == 0 &&
           *field_first_id(data, id_places, digits) != '\0';
}

static void accept(const json_t *data, struct outcome *outcome)
{
    char digits[FIELD_ID_DIGITS];

    outcome->kind = OUTCOME_ACCEPTED;
    outcome->upstream_id = mem_str(field_first_id(data, id_places, digits));
}

// Whether a page that doesn't have the task proves that no page has: it is the last page, or all
// that follow are older than the task.
static bool is_absent(const struct task *task, const json_t *list)
{
    size_t count = json_array_size(list);
    int64_t first, last;

    if (count < KLING_LIST_SIZE)
        return true;
    first = field_int_or(json_array_get(list, 0), "created_at", 0);
    last = field_int_or(json_array_get(list, count - 1), "created_at", 0);
    return last > 0 && last < first && last < task->created_ms - CLOCKS_APART_MS;
}

static void search_page(const struct task *task, const json_t *list, struct outcome *outcome)
{
    json_t *item, *found = NULL;
    size_t i, matches = 0;

    json_array_foreach((json_t *)list, i, item)
    {
        if (!is_ours(task, item))
            continue;
        found = item;
        matches++;
    }
    if (matches == 1) {
        accept(found, outcome);
    } else if (matches > 1) {
        outcome->kind = OUTCOME_MISSING; // a job is adopted only where its mark is there exactly
                                         // once
    } else {
        outcome->kind = is_absent(task, list) ? OUTCOME_REFUSED_RETRY : OUTCOME_NEXT;
    }
}

bool kling_search_read(const struct task *task, const struct account *account, int step,
                       const struct http_response *response, struct outcome *outcome,
                       struct err *err)
{
    json_t *body = http_json(response, err), *data = field_at(body, "data");
    bool ok = true;

    (void)account;
    *outcome = (struct outcome){.kind = OUTCOME_NEXT, .progress = -1};
    if (step == 0 && response->status == 200 && is_ours(task, data)) {
        accept(data, outcome);
    } else if (step == 0) {
        // Whatever the answer says, the list will tell.
    } else if (response->status != 200 || body == NULL || field_int_or(body, "code", -1) != 0 ||
               !json_is_array(data)) {
        outcome->kind = OUTCOME_NONE;
        ok = err_set(err, ERR_UPSTREAM, "the list can't be read (HTTP %d)", response->status);
    } else {
        search_page(task, data, outcome);
    }
    json_decref(body);
    return ok;
}
