// What adapters have in common: one vendor's gateways are much like another's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

struct account;
struct http_response;
struct outcome;
struct task;

// Every account but Vertex' has one.
bool adapter_check_base_url(const struct account *account, struct err *err) WARN_UNUSED;
// The stored request as an object, without what is empty in it (field_drop_empty), which clients
// mean as nothing and vendors don't, and without the client's hooks, which are ours to call. NULL
// and err where it isn't one; json_decref.
json_t *adapter_request_of(const struct task *task, struct err *err) WARN_UNUSED;
// The answer to a submit. `read` finds an acceptance, or a code that is this vendor's own, a
// doubtful one, too; where it says false, refusal.h tells what the answer proves. What can't be
// read is a doubt. The outcome's reason is the vendor's words wherever it has any.
typedef bool (*adapter_read_fn)(const struct task *task, const struct http_response *response,
                                const json_t *body, struct outcome *outcome, struct err *err);
bool adapter_read_submit(const struct task *task, const struct http_response *response,
                         adapter_read_fn read, struct outcome *outcome,
                         struct err *err) WARN_UNUSED;
// Accepted where the first of some fields that is an id is one: whatever else the answer has, it is
// the vendor's for a job of ours. `places` ends with NULL.
bool adapter_accept(const struct http_response *response, const json_t *body,
                    const char *const *places, struct outcome *outcome,
                    struct err *err) WARN_UNUSED;
// The answer to a look at one, whatever its status: `read` fills the outcome, but where the answer
// proves nothing, or says in so many words that there is no such task. A status alone never says
// it: a gateway may have lost its way, its key or its mind, and the job goes on.
//
// It succeeded only where something is there of the wanted kind ("text", too; NULL: any file but a
// cover); else it is still running, and looked at until it is there, or the deadline decides.
bool adapter_read_poll(const struct task *task, const struct http_response *response,
                       const char *wanted, adapter_read_fn read, struct outcome *outcome,
                       struct err *err) WARN_UNUSED;
// "45%"; -1 for anything else.
int adapter_percent(const char *text);
// The number there, from 0 to 100; -1 for anything else.
int adapter_progress(const json_t *body, const char *place);
// Whether a text is one of some, as a whole: what it is about isn't guessed from its words. Case
// and what is around it (spaces, a full stop) don't count. `texts` ends with NULL.
bool adapter_is_text(const char *text, const char *const *texts);

// The answer to a look at many, each of them missing until it lists it. NULL and err where it
// isn't one; json_decref.
json_t *adapter_list_body(const struct http_response *response, size_t count,
                          struct outcome *outcomes, struct err *err) WARN_UNUSED;
// A list of tasks, each item for those of ours with its id: `read` fills the outcome. What can't be
// read is as if it were not in the list, but not missing either. `wanted` as above.
struct adapter_list {
    const char *(*id_of)(const json_t *item);
    const char *(*wanted)(const struct task *task);
    bool (*read)(const struct task *task, const json_t *item, struct outcome *outcome,
                 struct err *err);
};
void adapter_read_list(const struct task *const *tasks, size_t count, const json_t *items,
                       const struct adapter_list *list, struct outcome *outcomes);
