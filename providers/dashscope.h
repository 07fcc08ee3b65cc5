// What the models of Alibaba's Model Studio (DashScope) have in common: codes, tasks, the list of
// tasks.
//
// Sources: dashscope-sdk-python (PY), Model Studio's pages on asynchronous tasks and on errors
// (DOC).
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/err.h"
#include "providers/provider.h"

struct account;
struct buf;
struct http_request;
struct http_response;
struct outcome;
struct task;

enum { DASHSCOPE_POLLS_PER_SECOND = 20 }; // of the account, whichever key asks (DOC)

// A job that DashScope doesn't know.
extern const char dashscope_nobodys_id[];

// Reads a refusal by DashScope's own code. False: the code isn't known.
bool dashscope_refuse(const struct http_response *response, const char *code,
                      struct outcome *outcome);
// The code that clients see for a job, or one of its results, that failed with DashScope's; NULL:
// vendor_failed.
const char *dashscope_failure(const char *code);

// A submit to "…/services/aigc/<service>/<name>", whose answer is the result; takes the reference
// to the body.
bool dashscope_post(const struct account *account, const char *service, const char *name,
                    json_t *body, struct http_request *request, struct err *err);
// The same for a submit that makes a task.
bool dashscope_post_task(const struct account *account, const char *service, const char *name,
                         json_t *body, struct http_request *request, struct err *err);
// A dialect's functions, of tasks.
bool dashscope_read_submit(const struct task *task, const struct account *account,
                           const struct http_response *response, struct outcome *outcome,
                           struct err *err);
bool dashscope_build_poll(const struct task *task, const struct account *account,
                          struct http_request *request, struct err *err);
// Of a job that is PENDING; any other it leaves alone, and says so (DOC).
bool dashscope_build_cancel(const struct task *task, const struct account *account,
                            struct http_request *request, struct err *err);
// The body of an answer to a look, for an adapter_read_fn (adapter.h): all but the result of a job
// that has succeeded.
bool dashscope_read_status(const struct task *task, const struct http_response *response,
                           const json_t *body, struct outcome *outcome,
                           struct err *err) WARN_UNUSED;

// A submit in doubt. There is no id of ours at DashScope: in the list a job is told by its time,
// its model and its prompt. (DOC shows no prompt there; a list without prompts tells nothing.)
struct dashscope_job {
    const char *model;     // at DashScope
    const char *prompt_at; // where the task's request has the prompt
    bool sends_prompt;     // else it looks like any other
};
// What the functions of a dialect are made of (provider.h).
bool dashscope_add_likeness(const struct task *task, const struct dashscope_job *job,
                            struct buf *likeness);
bool dashscope_build_lookup(const struct task *task, const struct account *account,
                            const struct dashscope_job *job, int step, struct http_request *request,
                            struct err *err) WARN_UNUSED;
bool dashscope_read_lookup(const struct task *task, const struct dashscope_job *job,
                           const struct http_response *response, struct outcome *outcome,
                           struct err *err) WARN_UNUSED;
