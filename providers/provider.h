// A provider adapter: how one vendor's API maps to our task and back.
//
// Adapters are pure: build_* turns a task into a request, read_* turns an answer into an outcome.
// No socket, no Redis, no clock, so an adapter is tested with a folder of JSON files.
//
// read_* get whatever the vendor sent, at any HTTP status. They return false where the answer can't
// be read; for a submit such an answer is a doubt, for a look it proves nothing.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct account; // and buf, http_request, http_response, outcome, task, token
struct buf;
struct http_request;
struct http_response;
struct outcome;
struct relay;
struct task;
struct token;

// Turns a task into the request to send.
typedef bool (*provider_build_fn)(const struct task *task, const struct account *account,
                                  struct http_request *request, struct err *err);
// The same for many tasks at once, all of one account.
typedef bool (*provider_build_many_fn)(const struct task *const *tasks, size_t count,
                                       const struct account *account, struct http_request *request,
                                       struct err *err);
// Turns an answer of the account's into what it means for the task. outcome_clear the outcome, on
// failure too.
typedef bool (*provider_read_fn)(const struct task *task, const struct account *account,
                                 const struct http_response *response, struct outcome *outcome,
                                 struct err *err);
// One outcome per task; OUTCOME_MISSING for tasks that the answer leaves out. False where the
// answer as a whole can't be read: one of the tasks may be at fault, so they are to be asked about
// one by one.
typedef bool (*provider_read_many_fn)(const struct task *const *tasks, size_t count,
                                      const struct account *account,
                                      const struct http_response *response,
                                      struct outcome *outcomes, struct err *err);
// A search in steps, from 0: false where there is no such step for this task.
typedef bool (*provider_build_step_fn)(const struct task *task, const struct account *account,
                                       int step, struct http_request *request, struct err *err);
typedef bool (*provider_read_step_fn)(const struct task *task, const struct account *account,
                                      int step, const struct http_response *response,
                                      struct outcome *outcome, struct err *err);
// At submit: what this account can't take is an ERR_INVALID that names the field.
typedef bool (*provider_check_fn)(const struct task *task, const struct account *account,
                                  struct err *err);

// What a model makes: each has routes of its own that leave the provider open.
enum provider_media { MEDIA_VIDEO, MEDIA_IMAGE, MEDIA_SPEECH, MEDIA_COUNT };

// A key that an account of a dialect takes.
struct dialect_key {
    const char *name; // as in the configuration; NULL ends a list
    bool is_required;
    bool is_name;               // a part of a host's name, as a region is
    bool is_url;                // of http or https
    const char *const *members; // the texts that a file in JSON must have, for a key "x_file"; ends
                                // with NULL; NULL: it is no file
};

// How a vendor signs its callbacks (core/message/signed_call.h).
struct dialect_signature {
    const char *prefix;   // of the headers, in lower case,
    const char *id;       // and behind it, of the one with the job's id
    const char *keys_url; // where its keys are
    const char *url_key;  // the account's key that replaces keys_url
};

// How one kind of an account's hosts is spoken to.
struct dialect {
    const char *name; // as in the configuration
    const struct dialect_key *keys;
    const char *base_url;   // the vendor's own; NULL: that of whoever runs it
    const char *request_id; // the header by which answers name their request, in lower case; NULL:
                            // x-request-id
    const struct relay *relay; // its table, where its functions are those of relay.h; else NULL
    // It may have new models before we know them: beside the provider's models it serves whatever
    // begins with these. Ends with NULL; NULL: nothing more.
    const char *const *model_prefixes;
    int poll_many_max;       // tasks in one request of build_poll_many; 0: only one by one
    int polls_per_second;    // the vendor refuses an account that polls more often; 0: it doesn't
    int max_concurrency;     // it refuses more jobs at once than these, which are the limit of an
                             // account that sets none; 0: nobody knows how many
    provider_check_fn check; // NULL: nothing to check
    // Whether the vendor answers the submit with the result itself (OUTCOME_SUCCEEDED): a call,
    // which is open as long as the job runs, and leaves nothing behind that could be looked at.
    // What is lost of its answer can't be had again. NULL slot: never.
    bool (*is_call)(const struct task *task, const struct account *account);
    // Of a call: whether the body behind this head is a file, "inline:0", and not there for
    // read_submit. One that is an object in JSON isn't a file, whatever its head says. NULL slot:
    // never.
    bool (*is_file)(const struct task *task, const struct http_response *head);
    provider_build_fn build_submit;
    provider_read_fn read_submit;
    provider_build_fn build_poll;
    provider_read_fn read_poll;
    // The second request of a look, where the answer to the first is OUTCOME_NEXT: `next` is its
    // word. NULL slots: one request tells all.
    bool (*build_next)(const struct task *task, const struct account *account, const char *next,
                       struct http_request *request, struct err *err);
    provider_read_fn read_next;
    provider_build_many_fn build_poll_many;
    provider_read_many_fn read_poll_many;
    // Finds a submit in doubt: OUTCOME_ACCEPTED where its job is found by a mark of ours,
    // OUTCOME_REFUSED_RETRY where it is proved that there is none, OUTCOME_NEXT where the next step
    // may tell, OUTCOME_MISSING where no step does. NULL: no task can be looked up.
    provider_build_step_fn build_lookup;
    provider_read_step_fn read_lookup;
    // For a vendor that shows no mark of ours: adds all by which its jobs are told to be the task's
    // (OUTCOME_ALIKE). False where nothing tells that. NULL: its jobs have marks.
    bool (*add_likeness)(const struct task *task, const struct account *account,
                         struct buf *likeness);
    provider_build_fn build_cancel; // of a job that waits at the vendor; NULL: the vendor can't
                                    // cancel
    bool cancels_running; // build_cancel is of a job that runs, too, which may end all the same

    // The links, from 0, that are to be fetched before the submit is built, because the vendor
    // takes files only: task->inputs then has them in this order. The caller frees the link; NULL
    // past the end. NULL slot: no links are ever fetched.
    char *(*input_at)(const struct task *task, size_t index);
    // Where the request may hold files, in base64, that the vendor takes as links alone: they are
    // put where it can open them before the submit is built, and the builder finds links. Paths of
    // fields (field.h); ends with NULL; NULL: there are none. NULL slot: no task has any.
    const char *const *(*linked_fields)(const struct task *task);
    // They go into a form as they are: the request has a gap for each (http_message.h), by its
    // number among the task's inputs, of which the adapter sees the first bytes and the size.
    bool streams_inputs;
    // A token for requests that want one: either it is made at once, or `request` is to be sent and
    // read_token gets the answer. NULL slot: no request wants one.
    bool (*build_token)(const struct account *account, int64_t now_ms, struct token *token,
                        struct http_request *request, struct err *err);
    bool (*read_token)(const struct http_response *response, int64_t now_ms, struct token *token,
                       struct err *err);
    // Whether an answer says that the token is at fault: another token is then made, and the
    // request sent once more.
    bool (*is_token_refused)(const struct http_response *response);
    // Signs a request that wants a signature, which says when it was made. NULL slot: no request
    // wants one.
    bool (*sign)(const struct account *account, int64_t now_ms, struct http_request *request,
                 struct err *err);
    // Adds to a request for a file of the vendor's what it takes beside the URL, which may be that
    // of a redirect. NULL slot: nothing.
    void (*build_fetch)(const struct account *account, const char *url,
                        struct http_request *request);
    // Keys of JSON strings that are whole files in base64, within the answer to a poll, or to a
    // call. These are never held in memory: read_poll and read_submit find a word in their place,
    // and a source "inline:<n>" stands for the n-th of them. In the answer to a call any string may
    // have such files, too, as data URLs, of which the word replaces the base64. Ends with NULL;
    // NULL: there are none.
    const char *const *inline_keys;
    // Adds the vendor's id in the body of a callback about the task, in the form that read_submit
    // has it. False: the body is no callback. NULL slot: the vendor can't call back.
    bool (*read_callback)(const struct task *task, const struct account *account,
                          const json_t *body, struct buf *upstream_id, struct err *err);
    // A call that is no news but a question, as a challenge is: adds the answer that the vendor
    // waits for. False: the call isn't one. NULL slot: the vendor has no such calls.
    bool (*answer_callback)(const json_t *body, struct buf *json);
    const struct dialect_signature *callback_signature; // NULL: callbacks aren't signed
};

// For whoever tries a provider out: texts that are read as json_plain.h has it.
struct provider_example {
    const char *models;      // what an account needs to have as `models`; NULL: nothing
    const char *path, *body; // of a submit that such an account takes
};

// A vendor: what is the same whoever stands between.
struct provider {
    const char *name;                      // as in config, Redis keys and metrics
    const struct dialect *const *dialects; // the first is the default; ends with NULL
    const char *const *models; // those that it serves under their own names; ends with NULL
    // By medium: routes that leave the provider open give it models that begin with these. Ends
    // with NULL; NULL: none of this medium.
    const char *const *prefixes[MEDIA_COUNT];
    int64_t poll_first_ms; // when to look at a running task first;
    int64_t poll_max_ms;   // then each wait grows by half, up to this
    int64_t typical_ms;    // how long a job takes, as a rule
    bool tells_progress;   // how far a job is, while it runs
    int64_t submit_timeout_ms;
    int64_t poll_timeout_ms;
    int64_t missing_grace_ms; // for so long "unknown" isn't believed
    int64_t link_life_ms;     // for so long we try to archive what the vendor keeps
    // A job that there isn't: to ask for it costs nothing, and tells whether the account works.
    const char *nobodys_action, *nobodys_id;
    // Turns a task's request from the unified form (unified.h; of images: families/images.c) into
    // the provider's own, and names the action. An ERR_INVALID names the unified field that the
    // provider has no word for. NULL: the unified form is the provider's own.
    bool (*from_unified)(struct task *task, struct err *err);
    struct provider_example example;
};

// NULL if there is no such provider.
const struct provider *provider_find(const char *name);
// In no order of importance; NULL past the end.
const struct provider *provider_at(size_t index);
// Sets the account's provider and dialect, by their names, and the limit that comes with them. An
// ERR_CONFIG begins with the key whose name is wrong.
bool provider_bind(struct account *account, struct err *err) WARN_UNUSED;
// What is wrong with the keys of an account that is bound: one that its dialect needs is missing,
// or one is too much (an api_key may be). True with an ERR_CONFIG that begins with the key, for
// each in turn; false when there is no more. `at` is 0 at first.
bool provider_find_mistake(const struct account *account, size_t *at, struct err *err);

// Whether the model is one that the provider is given by the beginning of its name.
bool provider_has_prefix(const struct provider *provider, enum provider_media media,
                         const char *model);
// What a model makes, by the beginning of its name: a bit for each medium; 0: nobody knows.
unsigned provider_media_of(const char *model);

// The same as a dialect's answer_callback, before it is known whose call it is.
bool provider_answer_callback(const json_t *body, struct buf *json);

// Of an account that is bound:

// What it calls a public model; NULL where it doesn't serve it. A task without a model ("", NULL)
// is served by every account of its provider, under "".
const char *provider_model(const struct account *account, const char *model);
bool provider_serves(const struct account *account, const char *model);
// Whether the model is one of the provider's `models`, dated or not, as the client calls it or as
// the account does: then we know its limits. Only the vendor knows those of a newer one.
bool provider_knows(const struct account *account, const char *model);
// The beginnings of names that the account serves beside the provider's models: where it lists
// models of its own there are none. Ends with NULL; NULL: there are none.
const char *const *provider_prefixes(const struct account *account);
// How many tasks one poll may be about.
int provider_poll_max(const struct account *account);
// Signs a request where it wants a signature. For whoever sends it, right before it leaves, and
// each time anew: a signature isn't good for long.
bool provider_sign(const struct account *account, int64_t now_ms, struct http_request *request,
                   struct err *err) WARN_UNUSED;
// Whether a job at the account can be cancelled there; NULL: it can't.
bool provider_can_cancel(const struct account *account);
