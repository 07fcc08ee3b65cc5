// What adapters have in common: one vendor's gateways are much like another's.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "providers/provider.h"

struct account;
struct http_request;
struct http_response;
struct outcome;
struct task;

// base_url and api_key, which nearly every gateway wants.
extern const struct dialect_key adapter_bearer_keys[];
// "Authorization: Bearer <api_key>".
void adapter_add_bearer(const struct account *account, struct http_request *request);
// The stored request as an object, without what is empty in it (field_drop_empty), which clients
// mean to leave out and vendors take for values, and without the client's hooks, which are ours to
// call. NULL and err where it isn't an object; json_decref.
json_t *adapter_request_of(const struct task *task, struct err *err) WARN_UNUSED;
// The answer to a submit. `read` finds an acceptance, or one of this vendor's own codes, those for
// a doubt, too; where it returns false, refusal.h tells what the answer proves. An answer that
// can't be read is a doubt. The outcome's reason is in the vendor's words wherever the answer has
// any.
typedef bool (*adapter_read_fn)(const struct task *task, const struct account *account,
                                const struct http_response *response, const json_t *body,
                                struct outcome *outcome, struct err *err);
bool adapter_read_submit(const struct task *task, const struct account *account,
                         const struct http_response *response, adapter_read_fn read,
                         struct outcome *outcome, struct err *err) WARN_UNUSED;
// Sets the outcome to accepted where one of some fields is an id, the first that is: whatever else
// the answer has, that is the vendor's id for a job of ours. `places` ends with NULL.
bool adapter_accept(const struct http_response *response, const json_t *body,
                    const char *const *places, struct outcome *outcome,
                    struct err *err) WARN_UNUSED;
// The answer to a look at one task, at any HTTP status: `read` fills the outcome, unless the answer
// proves nothing, or says in so many words that there is no such task. A status alone never says
// that, it takes the vendor's own form of an error with it: a gateway may have lost its way, its
// key or its mind, while the job goes on.
//
// The task has succeeded only where the answer has something of the wanted kind ("text", too; NULL:
// any file but a cover); else it is still running, and looked at until that is there, or the
// deadline decides.
bool adapter_read_poll(const struct task *task, const struct account *account,
                       const struct http_response *response, const char *wanted,
                       adapter_read_fn read, struct outcome *outcome, struct err *err) WARN_UNUSED;
// "45%"; -1 for anything else.
int adapter_percent(const char *text);
// The number at `place`, from 0 to 100; -1 for anything else.
int adapter_progress(const json_t *body, const char *place);
// How many characters a text in UTF-8 has.
size_t adapter_characters(const char *text);
// Whether the whole text is one of `texts`: we don't guess from its words what it is about. Case
// and what is around it (spaces, a full stop) don't count. `texts` ends with NULL.
bool adapter_is_text(const char *text, const char *const *texts);

// Whether the word is in the list, which ends with NULL; NULL: it has none.
bool adapter_is_one_of(const char *word, const char *const *words);
// The number, as in "inline:<n>" (provider.h), of the file that the string was, or had first, whose
// base64 the worker has taken out of the answer: those before it in the document count. `keys`: the
// dialect's inline_keys.
int adapter_inline_number(const json_t *answer, const char *const *keys, const json_t *string);
// How many files were taken out of a text that isn't one itself.
int adapter_inline_count(const char *text);

// The body of an answer to a look at many; each task is missing until the answer lists it. NULL and
// err where the answer proves nothing; json_decref.
json_t *adapter_list_body(const struct http_response *response, size_t count,
                          struct outcome *outcomes, struct err *err) WARN_UNUSED;
// The id in a callback's body, at one of some places, which end with NULL.
bool adapter_callback_id(const json_t *body, const char *const *places, struct buf *upstream_id,
                         struct err *err);
// Whether the answer names a job, and not the task's, which may have none. Then err says so.
bool adapter_is_about_another(const struct task *task, const json_t *body,
                              const char *const *places, struct err *err);
// Reads a list of the vendor's tasks: `read` fills the outcome of each of our tasks that has an
// item's id. A task whose item can't be read is neither listed nor missing. `wanted` as in
// adapter_read_poll.
struct adapter_list {
    const char *const *ids; // where an item's id may be, ended by NULL
    const char *(*wanted)(const struct task *task);
    bool (*read)(const struct task *task, const json_t *item, struct outcome *outcome,
                 struct err *err);
};
void adapter_read_list(const struct task *const *tasks, size_t count, const json_t *items,
                       const struct adapter_list *list, struct outcome *outcomes);
