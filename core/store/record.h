// Records: what Redis keeps of a task, and how a record becomes a task again.
#pragma once

#include <hiredis/hiredis.h>

#include "core/task/task.h"

struct args;
struct buf;

// The fields of a record, a hash: name in Redis, member of struct task (`id` for fields without a
// member, which scripts alone read), kind, who writes it (SUBMIT: with the task; CHANGE: a fact of
// a change; SCRIPT: the scripts by themselves), and whether a look needs it.
//
// A field is left out where it says nothing: a text that is NULL, a flag that is false, a family
// that is the provider's name, a number that has its default.
#define RECORD_FIELDS(X)                                                                           \
    X(phase, phase, PHASE, SCRIPT, true)                                                           \
    X(v, version, NUMBER, SCRIPT, true)                                                            \
    X(n, counter, NUMBER, SCRIPT, true)                                                            \
    X(by, id, NONE, SCRIPT, false) /* who wrote last */                                            \
    X(at, changed_ms, TIME_MS, SCRIPT, false)                                                      \
    X(owner, owner, TEXT, SCRIPT, true)                                                            \
    X(lane, id, NONE, SCRIPT, false) /* where it waits, if it is queued */                         \
    X(request, request, TEXT, SCRIPT, false)                                                       \
    X(family, family, FAMILY, SUBMIT, true)                                                        \
    X(provider, provider, TEXT, SUBMIT, true)                                                      \
    X(action, action, TEXT, SUBMIT, true)                                                          \
    X(model, model, TEXT, SUBMIT, true)                                                            \
    X(hook, has_hook, FLAG, SUBMIT, true)                                                          \
    X(mode, mode, TEXT, SUBMIT, true)                                                              \
    X(state, state, TEXT, SUBMIT, false)                                                           \
    X(trace, trace, TEXT, SUBMIT, false)                                                           \
    X(parent, parent, ID, SUBMIT, false)                                                           \
    X(account, account, TEXT, SUBMIT, true)                                                        \
    X(uparent, upstream_parent, TEXT, SUBMIT, false)                                               \
    X(ask, is_ask, FLAG, SUBMIT, false)                                                            \
    X(in, has_inputs, FLAG, SUBMIT, false)                                                         \
    X(big, is_request_stored, FLAG, SUBMIT, false)                                                 \
    X(cost, cost, NUMBER, SUBMIT, false) /* 1 by default */                                        \
    X(await, await, ID, SCRIPT, false)                                                             \
    X(cancel, is_cancel_asked, FLAG, SCRIPT, true)                                                 \
    X(sent, sent_ms, TIME_MS, SCRIPT, false)                                                       \
    X(call, is_call, FLAG, SCRIPT, false)                                                          \
    X(tries, id, NONE, SCRIPT, false) /* refused submits */                                        \
    X(links, link_tries, NUMBER, SCRIPT, false)                                                    \
    X(doubt, doubt_ms, TIME_MS, SCRIPT, false)                                                     \
    X(doubts, doubts, NUMBER, SCRIPT, false)                                                       \
    X(hint, upstream_hint, TEXT, SCRIPT, false)                                                    \
    X(started, started_ms, TIME_MS, SCRIPT, true)                                                  \
    X(upstream, upstream_id, TEXT, CHANGE, true)                                                   \
    X(sub, substate, TEXT, CHANGE, true)                                                           \
    X(progress, progress, NUMBER, CHANGE, true)                                                    \
    X(missing, missing_ms, TIME_MS, CHANGE, true)                                                  \
    X(called, id, NONE, SCRIPT, true) /* when its vendor called back */                            \
    X(wait, wait_reason, WAIT, SCRIPT, false)                                                      \
    X(arch, archive_ms, TIME_MS, SCRIPT, false)                                                    \
    X(finished, finished_ms, TIME_MS, SCRIPT, false)                                               \
    X(ended, end_cursor, TEXT, SCRIPT, false) /* of the event of its end */                        \
    X(code, error_code, TEXT, CHANGE, false)                                                       \
    X(error, error_message, TEXT, CHANGE, false)                                                   \
    X(watch, watch_ms, TIME_MS, SCRIPT, false)                                                     \
    X(gone, id, NONE, SCRIPT, false) /* forgotten by its client: goes once it is over */

enum record_field {
#define X(name, member, kind, writer, is_looked_at) RECORD_##name,
    RECORD_FIELDS(X)
#undef X
        RECORD_FIELD_COUNT
};

const char *record_name(enum record_field field);
// Writes the fields that come with the submit, as names and values.
void record_write(const struct task *task, struct args *args);
// "local FIELDS = {…}": the fields that looks.lua reads, in the order in which record_read_look
// takes them.
void record_write_look_fields(struct buf *lua);

// From the fields and values of HGETALL, and the replies of GET for the request and the result
// (NULL or nil: not loaded). NULL where the fields aren't a task's.
struct task *record_read(const char *id, const redisReply *fields, const redisReply *request,
                         const redisReply *result);
// From a script's {fields, request, result}.
struct task *record_read_whole(const redisReply *whole);
// The same, with what read.lua adds: when the task acts again, how many wait before it.
struct task *record_read_waiting(const redisReply *whole);
// The values of the fields that a look needs, in their order, and the id.
struct task *record_read_look(const redisReply *values);
// "version phase progress modal …" as events and deliveries carry it. Returns the text behind it;
// NULL where it isn't a view.
const char *record_read_view(const char *text, struct task_view *view);
int64_t record_integer(const redisReply *reply);
