// Records as Redis gives them: one table of fields.
#include "core/store/record.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"

enum kind { TEXT, NUMBER, TIME_MS, FLAG, PHASE, ID, WAIT };

#define AT(member) offsetof(struct task, member)

static const struct {
    const char *name;
    enum kind kind;
    size_t offset;
} fields_of_record[] = {
    {"id", ID, 0},
    {"phase", PHASE, 0},
    {"v", NUMBER, AT(version)},
    {"n", NUMBER, AT(counter)},
    {"progress", NUMBER, AT(progress)},
    {"doubts", NUMBER, AT(doubts)},
    {"links", NUMBER, AT(link_tries)},
    {"cost", NUMBER, AT(cost)},
    {"owner", TEXT, AT(owner)},
    {"family", TEXT, AT(family)},
    {"provider", TEXT, AT(provider)},
    {"action", TEXT, AT(action)},
    {"model", TEXT, AT(model)},
    {"mode", TEXT, AT(mode)},
    {"state", TEXT, AT(state)},
    {"parent", TEXT, AT(parent)},
    {"account", TEXT, AT(account)},
    {"uparent", TEXT, AT(upstream_parent)},
    {"upstream", TEXT, AT(upstream_id)},
    {"hint", TEXT, AT(upstream_hint)},
    {"sub", TEXT, AT(substate)},
    {"await", TEXT, AT(await)},
    {"wait", WAIT, 0},
    {"request", TEXT, AT(request)},
    {"code", TEXT, AT(error_code)},
    {"error", TEXT, AT(error_message)},
    {"hook", FLAG, AT(has_hook)},
    {"in", FLAG, AT(has_inputs)},
    {"big", FLAG, AT(is_request_stored)},
    {"ask", FLAG, AT(is_ask)},
    {"cancel", FLAG, AT(is_cancel_asked)},
    {"started", TIME_MS, AT(started_ms)},
    {"finished", TIME_MS, AT(finished_ms)},
    {"at", TIME_MS, AT(changed_ms)},
    {"missing", TIME_MS, AT(missing_ms)},
    {"doubt", TIME_MS, AT(doubt_ms)},
    {"watch", TIME_MS, AT(watch_ms)},
    {"arch", TIME_MS, AT(archive_ms)},
};

// "reason since detail", as set_wait of lib.lua has it.
static void set_wait(struct task *task, const char *text)
{
    char reason[24];
    long long since;
    int used = 0;

    if (sscanf(text, "%23s %lld%n", reason, &since, &used) < 2 || used == 0)
        return;
    mem_set_str(&task->wait_reason, reason);
    mem_set_str(&task->wait_detail, text[used] == ' ' ? text + used + 1 : "");
    task->wait_ms = since;
}

static void set_field(struct task *task, const char *name, const redisReply *value)
{
    char *base = (char *)task;

    if (value->type != REDIS_REPLY_STRING)
        return;
    for (size_t i = 0; i < sizeof fields_of_record / sizeof fields_of_record[0]; i++) {
        char *slot = base + fields_of_record[i].offset;

        if (strcmp(fields_of_record[i].name, name) != 0)
            continue;
        switch (fields_of_record[i].kind) {
        case TEXT:
            mem_set_str((char **)slot, value->str);
            break;
        case NUMBER:
            *(int *)slot = (int)strtol(value->str, NULL, 10);
            break;
        case TIME_MS:
            *(int64_t *)slot = strtoll(value->str, NULL, 10);
            break;
        case FLAG:
            *(bool *)slot = true;
            break;
        case PHASE:
            task_phase_from_name(value->str, &task->phase);
            break;
        case WAIT:
            set_wait(task, value->str);
            break;
        case ID:
            snprintf(task->id, sizeof task->id, "%s", value->str);
            break;
        }
        return;
    }
}

// What the record leaves out, because it follows from the rest.
static void derive(struct task *task)
{
    if (id_is_task(task->id))
        task->created_ms = id_task_time_ms(task->id);
    if (task->family == NULL)
        task->family = mem_str(task->provider);
}

struct task *record_read(const char *id, const redisReply *fields, const redisReply *request,
                         const redisReply *result)
{
    struct task *task;

    if (fields == NULL || fields->type != REDIS_REPLY_ARRAY || fields->elements < 2)
        return NULL;
    task = task_new();
    task->cost = task->version = 1;
    task->act_ms = task->before = -1;
    if (id != NULL)
        snprintf(task->id, sizeof task->id, "%s", id);
    for (size_t i = 0; i + 1 < fields->elements; i += 2)
        set_field(task, fields->element[i]->str, fields->element[i + 1]);
    derive(task);
    if (request != NULL && request->type == REDIS_REPLY_STRING)
        mem_set_str(&task->request, request->str); // too large for the record
    if (result != NULL && result->type == REDIS_REPLY_STRING)
        task->result = mem_strn(result->str, (size_t)result->len);
    return task;
}

struct task *record_read_whole(const redisReply *whole)
{
    if (whole == NULL || whole->type != REDIS_REPLY_ARRAY || whole->elements < 3)
        return NULL;
    return record_read(NULL, whole->element[0], whole->element[1], whole->element[2]);
}

struct task *record_read_waiting(const redisReply *whole)
{
    struct task *task = record_read_whole(whole);

    if (task != NULL && whole->elements == 5) {
        task->act_ms = record_integer(whole->element[3]);
        task->before = record_integer(whole->element[4]);
    }
    return task;
}

struct task *record_read_look(const redisReply *values)
{
    // In the order of FIELDS in looks.lua.
    static const char *const names[] = {"phase",  "v",       "n",       "family",   "provider",
                                        "action", "mode",    "account", "upstream", "progress",
                                        "sub",    "missing", "started", "cancel",   "hook",
                                        "called", "owner",   "id"};
    struct task *task;

    if (values->type != REDIS_REPLY_ARRAY || values->elements != sizeof names / sizeof names[0])
        return NULL;
    task = task_new();
    task->version = 1;
    for (size_t i = 0; i < values->elements; i++)
        set_field(task, names[i], values->element[i]);
    derive(task);
    return task;
}

const char *record_read_view(const char *text, struct task_view *view)
{
    char phase[16];
    int modal, used = 0;

    if (sscanf(text, "%d %15s %d %d %n", &view->version, phase, &view->progress, &modal, &used) <
            4 ||
        !task_phase_from_name(phase, &view->phase))
        return NULL;
    view->is_modal = modal == 1;
    return text + used;
}

int64_t record_integer(const redisReply *reply)
{
    if (reply == NULL)
        return 0;
    if (reply->type == REDIS_REPLY_INTEGER)
        return reply->integer;
    return reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : 0;
}
