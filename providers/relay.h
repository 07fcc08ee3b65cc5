// A relay: a gateway of the one-api and new-api families, midjourney-proxy's kin, or another Spool.
// What it says about one vendor's jobs is a table; the rest is the same for all of them.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "providers/provider.h"

struct buf;
struct http_response;
struct outcome;
struct outcome_word;

// An action whose tasks have paths and a kind of their own.
struct relay_action {
    const char *name, *submit, *poll, *kind; // the last three as in struct relay
};

// Another rendition of a job's file, which there may be or not (outcome.h: variant); the last of a
// list is {0}.
struct relay_variant {
    const char *name, *kind, *path; // the last with %s for the vendor's id
};

// Lists of texts end with NULL. Places are as field_at has them.
struct relay {
    const char *submit;    // the path
    const char *follow_up; // the same for tasks that follow up another, with %s for that one's id;
                           // NULL: they go where the others go
    const char *model;     // what the body calls the model; NULL: "model"
    const char *own_id;    // what it calls our id; NULL: it has no place for one
    const char *callback;  // what it calls where to call back; NULL: the relay doesn't
    const char *poll;      // with %s for the vendor's id
    const struct relay_action *actions; // those that go another way; ends with {0}; may be missing
    const char *next;         // of the second request of a look, with %s for what that is about
    const char *const *nexts; // where a job that has succeeded without a link says what it is
    const char *content;     // the file itself, where no link says where it is; NULL: there is none
    bool is_gone_elsewhere;  // a 404 or 410 to a submit: this relay hasn't got it, another may
    bool accepts_by_status;  // an id at a status of 300 or more is no acceptance
    const char *const *ids;  // where the answer to a submit, or a callback, has the job's id
    const char *const *jobs; // where the answer to a look has the job; else it is the answer
    const char *const *statuses; // where a job has its status
    const struct outcome_word *words;
    size_t word_count;
    bool has_any_case;          // its words may be in capitals or not
    const char *const *started; // the words of a job that renders
    const char *number;         // where the answer to a look has a number of the vendor's, any but
                                // 0 telling nothing of the job; may be missing
    const char *kind;           // of its file: "video"
    const char *const *links;  // where a job that has succeeded has its file: the first link counts
    const char *const *covers; // the same of a still image; may be missing
    const struct relay_variant *variants; // asked for where `content` is; may be missing
    const char *const *reasons;           // where a job that has failed says why
    const char *const *codes;   // where it has the reason's code, also as a number; NULL: at
                                // error.code
    const char *const *filters; // the codes that mean content_filter
    const char *const *gone;    // reasons that say that there is no such job; may be missing
    // Where the answer to a submit has one of the vendor's own codes, what it means. False: it has
    // none. NULL: the vendor has no codes that a relay passes on.
    bool (*refuse)(const struct task *task, const struct http_response *response,
                   const json_t *body, struct outcome *outcome);
    // Whether the answer to a look is the vendor's own word that there is no such job. NULL: a
    // relay passes no such word on.
    bool (*is_missing)(const struct http_response *response, const json_t *body);
    // Sets what a failure with this status and code means, beside `filters`; "" where there is no
    // code. NULL: no more than these say.
    void (*explain)(const char *status, const char *code, struct outcome *outcome);
    // Adds the files of a job that has succeeded, where there may be several, and what the job
    // tells of them. NULL: relay_add_file is all.
    void (*add_files)(const struct task *task, const struct account *account, const json_t *job,
                      struct outcome *outcome);
    // Turns the stored request, which has the account's model by now, into the relay's. NULL: it is
    // sent as it is.
    bool (*shape)(const struct task *task, json_t *body, struct err *err);
};

// The functions of a dialect whose `relay` is such a table.
// For a dialect's check, where the table shapes requests: what can't be shaped can't be sent.
bool relay_check(const struct task *task, const struct account *account, struct err *err);
bool relay_build_submit(const struct task *task, const struct account *account,
                        struct http_request *request, struct err *err);
bool relay_read_submit(const struct task *task, const struct account *account,
                       const struct http_response *response, struct outcome *outcome,
                       struct err *err);
bool relay_build_poll(const struct task *task, const struct account *account,
                      struct http_request *request, struct err *err);
bool relay_read_poll(const struct task *task, const struct account *account,
                     const struct http_response *response, struct outcome *outcome,
                     struct err *err);
// Adds the file that a job has by its table, and what may come with it.
void relay_add_file(const struct task *task, const struct account *account, const json_t *job,
                    struct outcome *outcome);
// The second request, for a dialect whose table has `next`.
bool relay_build_next(const struct task *task, const struct account *account, const char *next,
                      struct http_request *request, struct err *err);
bool relay_read_next(const struct task *task, const struct account *account,
                     const struct http_response *response, struct outcome *outcome,
                     struct err *err);
// For a dialect whose relays call back.
bool relay_read_callback(const struct task *task, const struct account *account, const json_t *body,
                         struct buf *upstream_id, struct err *err);
// A relay's own files want its key; those that it links to mustn't get it.
void relay_build_fetch(const struct account *account, const char *url,
                       struct http_request *request);

#define RELAY(table)                                                                               \
    .name = "relay", .keys = adapter_bearer_keys, .relay = &(table),                               \
    .build_submit = relay_build_submit, .read_submit = relay_read_submit,                          \
    .build_poll = relay_build_poll, .read_poll = relay_read_poll, .build_fetch = relay_build_fetch
