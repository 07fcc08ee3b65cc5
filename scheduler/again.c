// Submits that may come again.
#include "scheduler/again.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/heartbeat.h"
#include "core/task/task.h"
#include "providers/family.h"
#include "scheduler/form_load.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"
#include "scheduler/routes.h"

enum { MAX_KEY = 255 };

bool again_check(const struct request *request, struct err *err)
{
    const char *key = request_header(request, "idempotency-key");
    unsigned count = request_header_count(request, "idempotency-key");

    if (count > 1 || (key != NULL && (*key == '\0' || strlen(key) > MAX_KEY)))
        return err_set(err, ERR_INVALID, "Idempotency-Key: must come once, with 1 to %d characters",
                       MAX_KEY);
    return true;
}

// Whether anybody else here waits for the task.
static bool is_held_twice(const struct request *request)
{
    const struct request *other = request->front->requests;

    for (; other != NULL; other = other->next)
        if (other != request && !other->has_left && strcmp(other->held, request->held) == 0)
            return true;
    return false;
}

static void leave(struct request *request)
{
    if (*request->held != '\0' && !is_held_twice(request))
        tasks_leave(request->front->store, request->owner, &request->again->resend, request->held);
}

// What is asked, whichever links its files have got; the caller frees it.
static char *text_asked(const struct request *request, const struct task *task)
{
    return request->files == NULL ? mem_str(task->request)
                                  : form_files_without_links(request->files, task->request);
}

bool again_note(struct request *request, const struct task *task, struct again *again)
{
    const char *key = request_header(request, "idempotency-key");
    const char *retries = request_header(request, "x-stainless-retry-count");
    bool is_of_result = request->served->route->kind == ROUTE_RESULT;
    bool is_held = is_of_result && !result_is_async(request);
    char *asked;

    if (key == NULL && retries == NULL && !is_of_result)
        return false;
    asked = text_asked(request, task);
    again->has_key = key != NULL;
    if (again->has_key)
        idempotency_init(&again->key, key, task, asked);
    else
        resend_init(&again->resend, task, asked);
    free(asked);
    if (again->has_key)
        return true;
    again->is_noted = is_held || retries != NULL;
    again->resend.is_resent = retries != NULL && strtol(retries, NULL, 10) > 0;
    if (is_held) {
        again->resend.holder = heartbeat_process();
        request->again = again;
        request->on_leave = leave;
    }
    return is_of_result || again->resend.is_resent;
}

void again_find(struct request *request, const struct again *again, submit_fn fn)
{
    struct store *store = request->front->store;

    request_await(request, AWAIT_TASKS,
                  again->has_key
                      ? tasks_find_replay(store, request->owner, &again->key, fn, request)
                      : tasks_join(store, request->owner, &again->resend, fn, request));
}
