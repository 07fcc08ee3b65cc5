// A provider adapter: how one vendor's API maps to our task and back.
//
// Adapters are pure: build_* turns a task into a request, read_* turns an answer into an outcome.
// No socket, no Redis, no clock, so an adapter is tested with a folder of JSON files.
//
// read_* get whatever the vendor sent, at any HTTP status. They return false where the answer can't
// be read; for a submit that is a doubt, for a look it proves nothing.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct account; // and http_request, http_response, outcome, task
struct http_request;
struct http_response;
struct outcome;
struct task;

// Turns a task into the request to send.
typedef bool (*provider_build_fn)(const struct task *task, const struct account *account,
                                  struct http_request *request, struct err *err);
// The same for many tasks at once, all of one account.
typedef bool (*provider_build_many_fn)(const struct task *const *tasks, size_t count,
                                       const struct account *account, struct http_request *request,
                                       struct err *err);
// Turns an answer into what it means for the task. The outcome is outcome_clear's, on failure too.
typedef bool (*provider_read_fn)(const struct task *task, const struct http_response *response,
                                 struct outcome *outcome, struct err *err);
// One outcome per task; OUTCOME_MISSING for those the answer leaves out.
typedef bool (*provider_read_many_fn)(const struct task *const *tasks, size_t count,
                                      const struct http_response *response,
                                      struct outcome *outcomes, struct err *err);
// At submit: what this account can't take is an ERR_INVALID that names the field.
typedef bool (*provider_check_fn)(const struct task *task, const struct account *account,
                                  struct err *err);

struct provider {
    const char *name;            // as in config, Redis keys and metrics
    const char *const *dialects; // the first is the default; ends with NULL
    const char *const *models;   // those it serves under their own names; ends with NULL
    int64_t poll_first_ms;       // when to look at a running task first;
    int64_t poll_max_ms;         // then each wait grows by half, up to this
    int64_t submit_timeout_ms;
    int64_t poll_timeout_ms;
    int64_t missing_grace_ms; // so long "unknown" isn't believed
    int64_t link_life_ms;     // so long we try to archive what the vendor keeps
    int poll_many_max;        // tasks in one request of build_poll_many
    provider_check_fn check;  // NULL: nothing to check
    provider_build_fn build_submit;
    provider_read_fn read_submit;
    provider_build_fn build_poll;
    provider_read_fn read_poll;
    provider_build_many_fn build_poll_many; // NULL: only one by one
    provider_read_many_fn read_poll_many;
    // Finds a submit in doubt: OUTCOME_ACCEPTED where it is found by a mark of ours,
    // OUTCOME_REFUSED_RETRY where its absence is proved, OUTCOME_MISSING where it isn't.
    // False from build_lookup: this task can't be looked up. NULL: no task can.
    provider_build_fn build_lookup;
    provider_read_fn read_lookup;
    provider_build_fn build_cancel; // NULL: the vendor can't cancel
};

// NULL if there is no such provider.
const struct provider *provider_find(const char *name);
// In no order of importance; NULL past the end.
const struct provider *provider_at(size_t index);
// The account's dialect by its number in `dialects`; -1 for one that isn't there.
int provider_dialect(const struct provider *provider, const struct account *account);
