// A family: one public dialect of REST. A client's request becomes a task or an error, a task
// becomes the family's JSON. Pure, like the adapters; neither knows the other.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/ids.h"
#include "core/task/task.h"
#include "providers/provider.h"

struct family;
struct field_rule;

// What a path of the family is for.
enum route_kind {
    ROUTE_SUBMIT,  // makes a task; answered at once
    ROUTE_ASK,     // makes a question to the vendor, and is answered when the question is
    ROUTE_RESULT,  // makes a task; answered when that has ended, with its result
    ROUTE_FETCH,   // shows one task, by the id in the path, or else in the first of `query` that
                   // is given
    ROUTE_LIST,    // shows tasks, by ids in the body; a GET by those in the path, between commas
    ROUTE_CONTENT, // sends a finished task's file
    ROUTE_PAGE,    // shows the key's tasks of the family, page by page, by the query
    ROUTE_FORGET,  // cancels a task that hasn't ended, and forgets it
    ROUTE_CANCEL,  // cancels a task that hasn't ended; answered with the task
    ROUTE_OUTCOME, // shows a task that has ended as a ROUTE_RESULT does
};

struct route {
    const char *method;
    const char *path; // "{id}" stands for one segment
    enum route_kind kind;
    const char *action; // what the task is to do
    // What the body has, tables that end with NULL: what it is checked against (family_check), and
    // what clients are told. NULL: no body.
    const struct field_rule *const *rules;
    const struct field_rule *query; // parameters; ends with a NULL path. NULL: none
    // For people and programs (scheduler/openapi.h): what it does, in a few words, and a body that
    // works (core/json/json_plain.h).
    const char *summary, *example;
    // The task as this path shows it, and the schema of that; NULL: as the family shows it. Of a
    // ROUTE_RESULT: the schema of the result; NULL: it is a file.
    void (*render)(const struct task *task, struct buf *json);
    const char *shown_schema;
    bool takes_files; // its body may be a form with files that don't fit into memory
};

// A client's request to make a task. All borrowed.
struct family_request {
    const struct route *route;
    const char *path_id; // "{id}" of the path; NULL: none
    const char *mode;    // of the path's prefix; NULL: none
    const json_t *body;  // a form's fields are strings in it, its files data URLs
};

// The answer to a ROUTE_RESULT: JSON with gaps, where files belong in base64, or a file itself.
// `= {0}` is ready for use; owns all it points to: family_answer_clear.
struct family_answer {
    struct buf json;
    struct family_gap {
        size_t at; // in the JSON
        char *key; // of the artifact
    } * gaps;
    size_t gap_count;
    char *file;        // the key of the artifact that is the answer; NULL: the JSON is
    const char *event; // what the JSON is called in a stream of events, static
};

void family_answer_clear(struct family_answer *answer);
// Adds to the JSON, which is within a string, the file in base64.
void family_add_file(struct family_answer *answer, const char *key);

struct family {
    const char *name;          // as in the record
    enum provider_media media; // what the models make, where accept leaves the provider open
    // A prefix of the path that chooses a mode: "/mj-fast" before "/mj/submit/imagine".
    const struct family_mode {
        const char *prefix, *mode;
    } * modes;                  // ends with NULL; NULL: none
    const struct route *routes; // ends with a NULL method
    bool takes_google_keys;     // x-goog-api-key and ?key= are keys, too
    bool takes_key_scheme;      // so is what "Authorization: Key" has
    // Another family with the same tasks: each shows the other's in its own words. NULL: none.
    const char *kin;

    // Fills provider (NULL: the provider that serves the model), action, model, mode, state, hook,
    // parent or mark, cost, is_ask; may replace request and family. `once` is a word for what is
    // asked of the parent, if asking the same again means the same task (static, or in the task's
    // memory).
    bool (*accept)(const struct family_request *request, struct task *task, const char **once,
                   struct err *err);
    // The parent was found and is the same key's: may the task follow it up? Sets account and
    // upstream_parent from the parent, or await where the parent isn't that far yet, and what else
    // the task takes over. `parent` NULL: there is no such task. NULL slot: none of the family's
    // tasks follows up another.
    bool (*adopt)(struct task *task, const struct task *parent, struct err *err);
    // The answer to a submit, also to one that repeats an earlier one (is_repeated). `task` is as
    // accepted, with the id that the answer gives.
    void (*accepted)(const struct task *task, int64_t waiting, bool is_repeated, struct buf *json);
    // The answer to a question, from its ended task. Returns the HTTP status.
    int (*answer)(const struct task *task, struct buf *json);
    // The answer to a ROUTE_RESULT, from its ended task, also where that failed. Returns the HTTP
    // status. A stream has no status: what it says then is the event of an error.
    int (*result)(const struct task *task, struct family_answer *answer);
    // The header in which its clients look for the task's id, in answers with a result. NULL: none
    // but ours.
    const char *id_header;
    // What a ROUTE_OUTCOME says of a task that hasn't ended, as a refusal. NULL: it has no such
    // route.
    const char *unfinished;
    // Whether the client wants that answer as an event of a stream. NULL slot: it never does.
    bool (*wants_stream)(const struct task *task);
    // The task as a query shows it.
    void (*render)(const struct task *task, struct buf *json);
    // The ids in a ROUTE_LIST's body, some of which may be no ids; NULL: the body has none.
    bool (*list_ids)(const json_t *body, const json_t **ids, struct err *err);
    // The task that one of these is about, or the id in a path; false: none. NULL slot: they are
    // tasks' ids.
    bool (*read_id)(const char *text, char id[ID_SIZE]);
    // Adds tasks (NULL where unknown) to a ROUTE_LIST's answer, which begins empty and is complete
    // JSON after each call. `ids` are what the client has asked for, one for each.
    void (*render_list)(struct task *const *tasks, const char *const *ids, size_t count,
                        struct buf *json);
    // The answer to a ROUTE_FORGET.
    void (*forgotten)(const struct task *task, struct buf *json);
    // The body of a webhook.
    void (*render_callback)(const struct task *task, struct buf *json);
    // The status word of a phase.
    const char *(*word)(enum task_phase phase, bool is_modal);
    // Fields whose names in kept requests differ from those that clients use: errors name the
    // client's. The first alias that the client sent counts. Ends with NULL; NULL: none.
    const struct family_alias {
        const char *field, *alias;
    } * aliases;
    // An error in the family's own shape. Returns the HTTP status.
    int (*refuse)(const struct err *err, struct buf *json);
    // For people and programs: whose dialect it is, and JSON Schemas (core/json/json_plain.h) of
    // what accepted, render, render_list and refuse write. NULL: it has no such call.
    const char *title, *accepted_schema, *shown_schema, *listed_schema, *refused_schema;
};

// Whether the path makes a task of what is sent to it.
bool route_makes_task(const struct route *route);
// Checks the body against the tables of its route.
bool family_check(const struct family_request *request, struct err *err) WARN_UNUSED;

const struct family *family_find(const char *name);
const struct family *family_at(size_t index); // NULL past the end

// The result of a task as JSON, never NULL; json_decref. Empty where there is none. Artifacts that
// are kept under a key get their `url` here, so that no stored task ever holds a dead link.
// Artifacts that couldn't be had are left out.
json_t *family_result(const struct task *task);
// The same with artifacts that couldn't be had: {"kind","url":"","error":{"code","message"}}.
json_t *family_result_whole(const struct task *task);
