// Records: what Redis keeps of a task, and how a record becomes a task again.
#pragma once

#include <hiredis/hiredis.h>

#include "core/task/task.h"

struct args;
struct buf;

// The fields of a record, a hash: their letter in Redis, the name by which scripts have them (they
// write "phase" and r.phase, see record_spell), the member of struct task (`id` for fields without
// one, which scripts alone read), kind, who writes it (SUBMIT: with the task; CHANGE: a fact of a
// change; SCRIPT: the scripts by themselves).
//
// A request is packed (packed.h) where that makes it shorter.
//
// A field is left out where it says nothing: a text that is NULL, a flag that is false, a number
// that has its default.
#define RECORD_FIELDS(X)                                                                           \
    X(p, phase, phase, PHASE, SCRIPT)                                                              \
    X(v, v, version, NUMBER, SCRIPT)                                                               \
    X(n, n, counter, NUMBER, SCRIPT)                                                               \
    X(b, by, id, NONE, SCRIPT) /* who wrote last */                                                \
    X(t, at, changed_ms, TIME_MS, SCRIPT)                                                          \
    X(o, owner, owner, TEXT, SCRIPT)                                                               \
    X(l, lane, id, NONE, SCRIPT) /* where it waits, if it is queued */                             \
    X(q, request, request, REQUEST, SCRIPT)                                                        \
    X(c, cold, id, COLD, SUBMIT) /* what follows, one behind the other */                          \
    X(h, hook, has_hook, FLAG, SUBMIT)                                                             \
    X(a, account, account, TEXT, SUBMIT)                                                           \
    X(U, uparent, upstream_parent, TEXT, SUBMIT)                                                   \
    X(Q, ask, is_ask, FLAG, SUBMIT)                                                                \
    X(I, in, has_inputs, FLAG, SUBMIT)                                                             \
    X(J, big, is_request_stored, FLAG, SUBMIT)                                                     \
    X(f, asked, asked_s, NUMBER, SUBMIT)                                                           \
    X(N, moved, moved_from, TEXT, CHANGE)                                                          \
    X(W, patience, patience_s, NUMBER, SUBMIT)                                                     \
    X(P, expected, expected_ms, TIME_MS, SCRIPT)                                                   \
    X(k, cost, cost, NUMBER, SUBMIT) /* 1 by default */                                            \
    X(y, await, await, ID, SCRIPT)                                                                 \
    X(x, cancel, is_cancel_asked, FLAG, SCRIPT)                                                    \
    X(s, sent, sent_ms, TIME_MS, SCRIPT)                                                           \
    X(C, call, is_call, FLAG, SCRIPT)                                                              \
    X(T, tries, id, NONE, SCRIPT) /* refused submits */                                            \
    X(L, links, link_tries, NUMBER, SCRIPT)                                                        \
    X(d, doubt, doubt_ms, TIME_MS, SCRIPT)                                                         \
    X(D, doubts, doubts, NUMBER, SCRIPT)                                                           \
    X(H, hint, upstream_hint, TEXT, SCRIPT)                                                        \
    X(S, started, started_ms, TIME_MS, SCRIPT)                                                     \
    X(u, upstream, upstream_id, TEXT, CHANGE)                                                      \
    X(m, sub, substate, TEXT, CHANGE)                                                              \
    X(g, progress, progress, NUMBER, CHANGE)                                                       \
    X(M, missing, missing_ms, TIME_MS, CHANGE)                                                     \
    X(B, called, id, NONE, SCRIPT) /* when its vendor called back */                               \
    X(j, look, id, NONE, SCRIPT)   /* what a look needs, packed: looks.lua alone has it */         \
    X(w, wait, wait_reason, WAIT, SCRIPT)                                                          \
    X(A, arch, archive_ms, TIME_MS, SCRIPT)                                                        \
    X(F, finished, finished_ms, TIME_MS, SCRIPT)                                                   \
    X(E, ended, end_cursor, TEXT, SCRIPT) /* of the event of its end */                            \
    X(e, code, error_code, TEXT, CHANGE)                                                           \
    X(r, error, error_message, TEXT, CHANGE)                                                       \
    X(z, watch, watch_ms, TIME_MS, SCRIPT)                                                         \
    X(K, slot, id, NONE, SCRIPT) /* how many it holds, and the sweep that counted them */          \
    X(i, log, id, NONE, SCRIPT)  /* its timeline */                                                \
    X(G, gone, id, NONE, SCRIPT) /* forgotten by its client: goes once it is over */

// What scripts decide nothing by, beyond the kind of job that the first three are, is one field,
// `cold`: these, each behind the last with a zero byte in between, as far as there are any. A
// family that is the provider's name is left out.
#define RECORD_COLD(X)                                                                             \
    X(provider, provider, TEXT)                                                                    \
    X(action, action, TEXT)                                                                        \
    X(model, model, TEXT)                                                                          \
    X(family, family, FAMILY)                                                                      \
    X(mode, mode, TEXT)                                                                            \
    X(state, state, TEXT)                                                                          \
    X(parent, parent, ID)                                                                          \
    X(trace, trace, TEXT)

enum record_field {
#define X(letter, name, member, kind, writer) RECORD_##name,
    RECORD_FIELDS(X)
#undef X
        RECORD_FIELD_COUNT
};

// Its letter, as a text.
const char *record_name(enum record_field field);
// A script with the letters in the place of the names of fields: of "phase" in double quotes, and
// of r.phase and p.phase.
void record_spell(const char *lua, struct buf *out);
// The task's request, as submit.lua takes it.
void record_write_request(const struct task *task, struct args *args);
// Writes the fields that come with the submit, as letters and values.
void record_write(const struct task *task, struct args *args);
// "local FIELDS, PACKED = {…}, n": the fields that looks.lua reads, in the order in which
// record_read_look has them. It packs the first n of them in one.
void record_write_look_fields(struct buf *lua);

// "local LETTERS = {…}": the letter of each field, by its name.
void record_write_letters(struct buf *lua);

// From the fields and values of HGETALL, packed (word_list.h, which writes to it), and the replies
// of GET for the request and the result (NULL or nil: not loaded). NULL where the fields aren't a
// task's.
struct task *record_read(const redisReply *fields, const redisReply *request,
                         const redisReply *result);
// From a script's {fields, request, result}.
struct task *record_read_whole(const redisReply *whole);
// The same, with what read.lua adds: when the task acts again, how many wait before it, and how far
// the stream of events had come.
struct task *record_read_waiting(const redisReply *whole);
// The id, and the values of FIELDS in their order: one text, with zero bytes in between. A field
// that a record doesn't have is empty.
struct task *record_read_look(const redisReply *packed);
// "version phase progress modal …" as events and deliveries carry it. Returns the text behind it;
// NULL where it isn't a view.
const char *record_read_view(const char *text, struct task_view *view);
int64_t record_integer(const redisReply *reply);
