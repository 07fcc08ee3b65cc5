// Records: one table of fields.
#include "core/store/record.h"

#include <ctype.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/mem.h"
#include "core/store/args.h"
#include "core/store/keys.h"
#include "core/store/packed.h"
#include "core/store/word_list.h"

enum kind { NONE, TEXT, ID, FAMILY, NUMBER, TIME_MS, FLAG, PHASE, WAIT, COLD, REQUEST };
enum writer { SCRIPT, SUBMIT, CHANGE };

static const struct field {
    const char *name;
    size_t offset;
    enum kind kind;
    enum writer writer;
    char letter[2];
} fields_of_record[] = {
#define X(letter, name, member, kind, writer)                                                      \
    {#name, offsetof(struct task, member), kind, writer, #letter},
    RECORD_FIELDS(X)
#undef X
};

static const struct {
    enum kind kind;
    size_t offset;
} cold_facts[] = {
#define X(name, member, kind) {kind, offsetof(struct task, member)},
    RECORD_COLD(X)
#undef X
};

// What a look needs. The first are packed, and known by their version; the rest may change without
// another one. The cold facts come last: they have zero bytes in between.
static const enum record_field look_fields[] = {
    RECORD_v,        RECORD_started, RECORD_asked,    RECORD_phase, RECORD_n,        RECORD_owner,
    RECORD_hook,     RECORD_account, RECORD_upstream, RECORD_sub,   RECORD_progress, RECORD_missing,
    RECORD_patience, RECORD_called,  RECORD_cancel,   RECORD_cold,
};

enum {
    COLD_COUNT = sizeof cold_facts / sizeof cold_facts[0],
    LOOK_COUNT = sizeof look_fields / sizeof look_fields[0],
    LOOK_PACKED = LOOK_COUNT - 3,
};

const char *record_name(enum record_field field)
{
    return fields_of_record[field].letter;
}

// NULL where it is no field's name.
static const char *letter_of(const char *name, size_t len)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        if (strncmp(fields_of_record[i].name, name, len) == 0 &&
            fields_of_record[i].name[len] == '\0')
            return fields_of_record[i].letter;
    return NULL;
}

static size_t word_len(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz_");
}

// Whether r.name or p.name begins at `at`.
static bool is_member(const char *lua, const char *at)
{
    char before = at == lua ? '\n' : at[-1];

    return (*at == 'r' || *at == 'p') && at[1] == '.' && before != '.' && before != '_' &&
           !isalnum((unsigned char)before);
}

void record_spell(const char *lua, struct buf *out)
{
    const char *from = lua; // what isn't in `out` yet begins here

    for (const char *at = lua; *(at += strcspn(at, "\"rp")) != '\0'; at++) {
        bool is_dotted = is_member(lua, at);
        size_t len = word_len(at + 1 + is_dotted);
        const char *letter = is_dotted || (*at == '"' && at[1 + len] == '"')
                                 ? letter_of(at + 1 + is_dotted, len)
                                 : NULL;

        if (letter == NULL)
            continue;
        buf_add(out, from, (size_t)(at - from));
        if (is_dotted)
            buf_fmt(out, "%c.%s", *at, letter);
        else
            buf_fmt(out, "'%s'", letter);
        at += 1 + len;
        from = at + 1;
    }
    buf_str(out, from);
}

// What there is to say of a text; NULL: nothing.
static const char *text_of(enum kind kind, size_t offset, const struct task *task)
{
    const char *text = *(char *const *)((const char *)task + offset);

    if (text == NULL || (kind == FAMILY && strcmp(text, task->provider) == 0))
        return NULL;
    return kind == ID ? key_of_id(text) : text;
}

static void write_cold(const struct task *task, struct args *args)
{
    size_t count = COLD_COUNT, begun;

    while (count > 0 &&
           text_of(cold_facts[count - 1].kind, cold_facts[count - 1].offset, task) == NULL)
        count--;
    args_str(args, record_name(RECORD_cold));
    begun = args_begin(args);
    for (size_t i = 0; i < count; i++) {
        const char *text = text_of(cold_facts[i].kind, cold_facts[i].offset, task);

        if (i > 0)
            buf_char(&args->bytes, '\0');
        buf_str(&args->bytes, text == NULL ? "" : text);
    }
    args_end(args, begun);
}

static void write_field(const struct field *field, const struct task *task, struct args *args)
{
    const char *slot = (const char *)task + field->offset;
    bool is_hook = field->offset == offsetof(struct task, has_hook);
    int by_default = field->offset == offsetof(struct task, cost);

    if (field->kind == COLD) {
        write_cold(task, args);
    } else if (field->kind == FLAG) {
        if (*(const bool *)slot || (is_hook && task->hook != NULL))
            args_field(args, field->letter, "1");
    } else if (field->kind == NUMBER) {
        if (*(const int *)slot == by_default)
            return;
        args_str(args, field->letter);
        args_int(args, *(const int *)slot);
    } else {
        args_field(args, field->letter, text_of(field->kind, field->offset, task));
    }
}

void record_write_request(const struct task *task, struct args *args)
{
    size_t len = strlen(task->request), begun = args_begin(args);

    if (!packed_write(task->request, len, &args->bytes))
        buf_add(&args->bytes, task->request, len);
    args_end(args, begun);
}

void record_write(const struct task *task, struct args *args)
{
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        if (fields_of_record[i].writer == SUBMIT)
            write_field(&fields_of_record[i], task, args);
}

void record_write_look_fields(struct buf *lua)
{
    buf_str(lua, "local FIELDS, PACKED = {");
    for (size_t i = 0; i < LOOK_COUNT; i++)
        buf_fmt(lua, "'%s', ", record_name(look_fields[i]));
    buf_fmt(lua, "}, %d\n", LOOK_PACKED);
}

void record_write_letters(struct buf *lua)
{
    buf_str(lua, "local LETTERS = {");
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++)
        buf_fmt(lua, "['%s'] = '%s', ", fields_of_record[i].name, fields_of_record[i].letter);
    buf_str(lua, "}\n");
}

// "reason since detail", as set_wait of lib/transitions.lua has it.
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

static void set_text(struct task *task, enum kind kind, size_t offset, const char *text)
{
    char id[ID_SIZE];

    if (kind == ID) {
        id_of_key(id, text);
        text = id;
    }
    mem_set_str((char **)((char *)task + offset), text);
}

static void set_cold(struct task *task, const char *at, size_t len)
{
    const char *end = at + len;

    for (size_t i = 0; i < COLD_COUNT && at < end; i++) {
        size_t one = strlen(at); // what Redis answers is terminated

        if (one > 0)
            set_text(task, cold_facts[i].kind, cold_facts[i].offset, at);
        at += one + 1;
    }
}

static void set_request(struct task *task, const char *text, size_t len)
{
    if (!packed_is(text, len)) {
        mem_set_str(&task->request, text);
        return;
    }
    free(task->request);
    task->request = packed_read(text, len);
}

// The text is terminated, as what Redis answers is.
static void set_field(struct task *task, const struct field *field, const char *text, size_t len)
{
    char *slot = (char *)task + field->offset;

    switch (field->kind) {
    case NONE:
        break;
    case TEXT:
    case ID:
    case FAMILY:
        set_text(task, field->kind, field->offset, text);
        break;
    case NUMBER:
        *(int *)slot = (int)strtol(text, NULL, 10);
        break;
    case TIME_MS:
        *(int64_t *)slot = strtoll(text, NULL, 10);
        break;
    case FLAG:
        *(bool *)slot = true;
        break;
    case PHASE:
        task_phase_from_name(text, &task->phase);
        break;
    case WAIT:
        set_wait(task, text);
        break;
    case REQUEST:
        set_request(task, text, len);
        break;
    case COLD:
        set_cold(task, text, len);
        break;
    }
}

static void set_lettered(struct task *task, const char *letter, const char *text, size_t len)
{
    if (strcmp(letter, "id") == 0)
        id_of_key(task->id, text);
    for (size_t i = 0; i < RECORD_FIELD_COUNT; i++) {
        if (strcmp(fields_of_record[i].letter, letter) != 0)
            continue;
        set_field(task, &fields_of_record[i], text, len);
        return;
    }
}

// Fills in what the record leaves out because it follows from the rest.
static void derive(struct task *task)
{
    if (id_is_task(task->id))
        task->created_ms = id_task_time_ms(task->id);
    if (task->family == NULL)
        task->family = mem_str(task->provider);
}

struct task *record_read(const redisReply *fields, const redisReply *request,
                         const redisReply *result)
{
    const char *letter, *text;
    struct word_list words;
    struct task *task;
    size_t len;

    if (fields == NULL || fields->type != REDIS_REPLY_STRING ||
        !word_list_begin(&words, fields->str, (size_t)fields->len) || words.left < 2)
        return NULL;
    task = task_new();
    task->cost = task->version = 1;
    task->act_ms = task->before = task->typical_ms = task->eta_ms = task->ran_ms = -1;
    while ((letter = word_list_next(&words, &len)) != NULL &&
           (text = word_list_next(&words, &len)) != NULL)
        set_lettered(task, letter, text, len);
    derive(task);
    if (request != NULL && request->type == REDIS_REPLY_STRING)
        set_request(task, request->str, (size_t)request->len); // too large for the record
    if (result != NULL && result->type == REDIS_REPLY_STRING)
        task->result = mem_strn(result->str, (size_t)result->len);
    return task;
}

struct task *record_read_whole(const redisReply *whole)
{
    if (whole == NULL || whole->type != REDIS_REPLY_ARRAY || whole->elements < 3)
        return NULL;
    return record_read(whole->element[0], whole->element[1], whole->element[2]);
}

struct task *record_read_waiting(const redisReply *whole)
{
    struct task *task = record_read_whole(whole);

    if (task != NULL && whole->elements == 9) {
        task->act_ms = record_integer(whole->element[3]);
        task->before = record_integer(whole->element[4]);
        task->typical_ms = record_integer(whole->element[5]);
        task->eta_ms = record_integer(whole->element[6]);
        task->ran_ms = record_integer(whole->element[7]);
        if (whole->element[8]->type == REDIS_REPLY_STRING)
            task->read_cursor = mem_str(whole->element[8]->str);
    }
    return task;
}

struct task *record_read_look(const redisReply *packed)
{
    const char *at, *end;
    struct task *task;

    if (packed->type != REDIS_REPLY_STRING)
        return NULL;
    task = task_new();
    task->version = 1;
    at = packed->str;
    end = at + packed->len;
    id_of_key(task->id, at);
    for (size_t i = 0; i < LOOK_COUNT && (at += strlen(at) + 1) <= end; i++) {
        const struct field *field = &fields_of_record[look_fields[i]];

        if (*at != '\0') // it may be left out
            set_field(task, field, at, field->kind == COLD ? (size_t)(end - at) : strlen(at));
    }
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
