// Tasks as the front door needs them.
#include "core/store/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/base/digest.h"
#include "core/base/mem.h"
#include "core/base/text.h"
#include "core/config/config.h"
#include "core/store/keys.h"
#include "core/store/record.h"
#include "core/store/store.h"

// Until then a call whose reply was lost is sent again. Where Redis is known to be away, there is
// little hope.
enum { DEADLINE_MS = 5000, DEADLINE_DOWN_MS = 500 };
enum { IDEMPOTENCY_MS = 24 * 3600 * 1000 };

struct tasks_op {
    struct store *store;
    void *ctx;
    char id[ID_SIZE];
    char body[65]; // of an Idempotency-Key, to compare with
    union {
        submit_fn submit;
        tasks_fn tasks;
        cancel_fn cancel;
        strings_fn strings;
    } fn;
    task_fn fn_one; // of a read of one task
    // Several commands may be under way for one operation.
    size_t count, left;
    struct store_call **calls, *only; // `calls` is &only where there is one
    struct part *parts;
    struct task **tasks;
};

// One task of a read. Where Redis went away in between, the parts are answered in any order.
struct part {
    struct tasks_op *op;
    size_t index; // of the call
};

static struct tasks_op *op_new(struct store *store, const char *id, size_t calls, void *ctx)
{
    struct tasks_op *op = mem_new(struct tasks_op);

    op->store = store;
    op->ctx = ctx;
    text_add(op->id, op->id + sizeof op->id, id);
    op->count = op->left = calls;
    op->calls = calls == 1 ? &op->only : mem_array(struct store_call *, calls);
    return op;
}

void tasks_op_cancel(struct tasks_op **pointer)
{
    struct tasks_op *op = *pointer;

    if (op == NULL)
        return;
    *pointer = NULL;
    for (size_t i = 0; i < op->count; i++)
        store_cancel(&op->calls[i]);
    if (op->tasks != NULL)
        for (size_t i = 0; i < op->count; i++)
            task_free(op->tasks[i]);
    free(op->tasks);
    free(op->parts);
    if (op->calls != &op->only)
        free(op->calls);
    free(op);
}

static bool is_word(const redisReply *reply, const char *word)
{
    return reply != NULL &&
           (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS) &&
           strcmp(reply->str, word) == 0;
}

static const redisReply *at(const redisReply *reply, size_t i)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements
               ? reply->element[i]
               : NULL;
}

static int64_t deadline(const struct store *store)
{
    return store_is_up(store) ? DEADLINE_MS : DEADLINE_DOWN_MS;
}

static void command(struct tasks_op *op, size_t call, unsigned argc, const char *const *argv,
                    store_answer_fn fn, void *ctx)
{
    struct args args = {0};

    for (unsigned i = 0; i < argc; i++)
        args_str(&args, argv[i]);
    op->calls[call] = store_command(op->store, &args, deadline(op->store), fn, NULL, ctx);
}

// Submit.

static void set_mismatch(struct err *err)
{
    err_set(err, ERR_IDEMPOTENCY, "Idempotency-Key: was used before with another request body");
}

static void on_submitted(void *ctx, store_then_fn then, const redisReply *answer,
                         const struct err *err)
{
    struct tasks_op *op = ctx;
    submit_fn fn = op->fn.submit;
    void *their_ctx = op->ctx;
    char id[ID_SIZE];
    enum submit_result result = SUBMIT_ACCEPTED;
    int64_t waiting = 0;
    struct err why;

    (void)then;
    op->calls[0] = NULL;
    memcpy(id, op->id, sizeof id);
    if (err == NULL) {
        const redisReply *word = at(answer, 0);

        err = &why;
        if (answer->type == REDIS_REPLY_INTEGER) {
            waiting = answer->integer;
            err = NULL;
        } else if (is_word(word, "replayed") || is_word(word, "repeated")) {
            result = is_word(word, "replayed") ? SUBMIT_REPLAYED : SUBMIT_REPEATED;
            id_of_key(id, at(answer, 1)->str);
            waiting = record_integer(at(answer, 2));
            err = NULL;
        } else if (is_word(word, "mismatch")) {
            set_mismatch(&why);
        } else if (is_word(word, "over")) {
            err_set(&why, ERR_INVALID, "taskId: the task has ended");
        } else if (is_word(word, "full") || is_word(word, "full_for_key")) {
            err_set(&why, ERR_QUEUE_FULL, "the queue is full%s, try again later",
                    is_word(word, "full") ? "" : " for this key");
        } else {
            err_set(&why, ERR_INTERNAL, "Redis: an odd answer to a submit");
        }
    }
    tasks_op_cancel(&op);
    fn(their_ctx, result, id, waiting, err);
}

// All that is asked, whichever key it has.
static void hash_asked(const struct task *task, const char *asked, char hash[65])
{
    // A path may name the parent, too.
    bool has_path = task->parent != NULL && strstr(asked, task->parent) == NULL;
    struct buf whole = {0};

    // The family and action are part of what was asked: the same body may mean two things.
    buf_fmt(&whole, "%s %s %s%s%s\n", task->family, task->action,
            task->mode == NULL ? "" : task->mode, has_path ? " " : "",
            has_path ? task->parent : "");
    buf_str(&whole, asked);
    sha256_hex(whole.data, whole.len, hash);
    buf_clear(&whole);
}

void idempotency_init(struct idempotency *idempotency, const char *key, const struct task *task,
                      const char *asked)
{
    sha256_hex(key, strlen(key), idempotency->key);
    hash_asked(task, asked, idempotency->body);
}

void resend_init(struct resend *resend, const struct task *task, const char *asked)
{
    hash_asked(task, asked, resend->body);
}

// As the scripts name who holds a request.
static const char *holder_of(const struct resend *resend)
{
    return resend->holder == NULL ? "+" : resend->holder;
}

static void add_option(struct args *args, size_t begun, const char *name, const char *value)
{
    struct buf *json = &args->bytes;

    buf_char(json, json->len == begun ? '{' : ',');
    buf_json_str(json, name);
    buf_char(json, ':');
    buf_json_str(json, value);
}

// Adds what most submits don't have; submit.lua says what each option is.
static void add_options(struct args *args, const struct submit *submit)
{
    const struct task *task = submit->task;
    size_t begun = args_begin(args);

    if (submit->idempotency != NULL) {
        add_option(args, begun, "idem", submit->idempotency->key);
        add_option(args, begun, "body", submit->idempotency->body);
    }
    if (submit->resend != NULL) {
        add_option(args, begun, "same", submit->resend->body);
        add_option(args, begun, "holder", holder_of(submit->resend));
        if (submit->resend->is_resent)
            add_option(args, begun, "resent", "1");
    }
    if (submit->once != NULL) {
        add_option(args, begun, "parent", key_of_id(task->parent));
        add_option(args, begun, "once", submit->once);
    }
    if (task->hook != NULL)
        add_option(args, begun, "hook", task->hook);
    if (submit->awaits_parent)
        add_option(args, begun, "await", "1");
    if (!submit->is_listed)
        add_option(args, begun, "unlisted", "1");
    if (args->bytes.len > begun)
        buf_char(&args->bytes, '}');
    args_end(args, begun);
}

struct tasks_op *tasks_submit(struct store *store, const struct submit *submit, submit_fn fn,
                              void *ctx)
{
    const struct task *task = submit->task;
    struct tasks_op *op = op_new(store, task->id, 1, ctx);
    struct args args = {0};

    op->fn.submit = fn;
    buf_reserve(&args.bytes, strlen(task->request) + 1024);
    args_id(&args, task->id);
    args_str(&args, task->owner);
    args_str(&args, submit->lane);
    record_write_request(task, &args);
    add_options(&args, submit);
    record_write(task, &args);
    op->calls[0] = store_call(store, SCRIPT_submit, &args, deadline(store), on_submitted, NULL, op);
    return op;
}

// "body hash, task, waiting, when", as submit.lua keeps it, for longer than the key counts.
static void on_replay(void *ctx, store_then_fn then, const redisReply *answer,
                      const struct err *err)
{
    struct tasks_op *op = ctx;
    submit_fn fn = op->fn.submit;
    void *their_ctx = op->ctx;
    enum submit_result result = SUBMIT_ACCEPTED;
    char body[65] = "", key[27], id[ID_SIZE] = "";
    long long waiting = 0, at_ms = 0;
    struct err why;

    (void)then;
    op->calls[0] = NULL;
    if (err == NULL && answer->type == REDIS_REPLY_STRING &&
        sscanf(answer->str, "%64s %26s %lld %lld", body, key, &waiting, &at_ms) == 4 &&
        store_now_ms(op->store) - at_ms < IDEMPOTENCY_MS) {
        result = SUBMIT_REPLAYED;
        id_of_key(id, key);
        if (strcmp(body, op->body) != 0) {
            set_mismatch(&why);
            err = &why;
        }
    }
    tasks_op_cancel(&op);
    fn(their_ctx, result, id, waiting, err);
}

struct tasks_op *tasks_find_replay(struct store *store, const char *owner,
                                   const struct idempotency *idempotency, submit_fn fn, void *ctx)
{
    struct tasks_op *op = op_new(store, NULL, 1, ctx);
    struct buf name = {0};

    op->fn.submit = fn;
    memcpy(op->body, idempotency->body, sizeof op->body);
    buf_fmt(&name, CELL_KEY("idem:%s:%s"), owner, idempotency->key);
    command(op, 0, 2, (const char *const[]){"GET", name.data}, on_replay, op);
    buf_clear(&name);
    return op;
}

static void on_joined(void *ctx, store_then_fn then, const redisReply *answer,
                      const struct err *err)
{
    struct tasks_op *op = ctx;
    submit_fn fn = op->fn.submit;
    void *their_ctx = op->ctx;
    char id[ID_SIZE] = "";

    (void)then;
    op->calls[0] = NULL;
    if (err == NULL && answer->type == REDIS_REPLY_STRING && answer->len > 0)
        id_of_key(id, answer->str);
    tasks_op_cancel(&op);
    fn(their_ctx, *id == '\0' ? SUBMIT_ACCEPTED : SUBMIT_REPLAYED, id, 0, err);
}

struct tasks_op *tasks_join(struct store *store, const char *owner, const struct resend *resend,
                            submit_fn fn, void *ctx)
{
    struct tasks_op *op = op_new(store, NULL, 1, ctx);
    struct args args = {0};

    op->fn.submit = fn;
    args_str(&args, owner);
    args_str(&args, resend->body);
    args_str(&args, holder_of(resend));
    args_str(&args, resend->is_resent ? "1" : "");
    op->calls[0] = store_call(store, SCRIPT_join, &args, deadline(store), on_joined, NULL, op);
    return op;
}

void tasks_leave(struct store *store, const char *owner, const struct resend *resend,
                 const char *id)
{
    struct args args = {0};

    args_str(&args, owner);
    args_str(&args, resend->body);
    args_id(&args, id);
    args_str(&args, holder_of(resend));
    store_call(store, SCRIPT_leave, &args, deadline(store), NULL, NULL, NULL);
}

// Reads.

static void finish_reads(struct tasks_op *op, const struct err *err)
{
    tasks_fn fn = op->fn.tasks;
    task_fn fn_one = op->fn_one;
    void *ctx = op->ctx;
    struct task **tasks = op->tasks;
    size_t count = op->count;
    struct err unknown;

    op->tasks = NULL;
    if (err != NULL) {
        for (size_t i = 0; i < count; i++)
            task_drop(&tasks[i]);
    }
    tasks_op_cancel(&op);
    if (fn_one == NULL) {
        fn(ctx, err == NULL ? tasks : NULL, err == NULL ? count : 0, err);
    } else {
        if (err == NULL && tasks[0] == NULL) {
            err_set(&unknown, ERR_NOT_FOUND, "no such task");
            err = &unknown;
        }
        fn_one(ctx, err == NULL ? tasks[0] : NULL, err);
    }
    free(tasks);
}

static void on_read(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    struct part *part = ctx;
    struct tasks_op *op = part->op;

    (void)then;
    op->calls[part->index] = NULL;
    op->left--;
    if (err == NULL)
        op->tasks[part->index] = record_read_waiting(answer);
    if (err != NULL || op->left == 0)
        finish_reads(op, err);
}

struct tasks_op *tasks_get_many(struct store *store, const char *const *ids, size_t count,
                                const char *owner, tasks_fn fn, void *ctx)
{
    struct tasks_op *op = op_new(store, NULL, count, ctx);

    op->fn.tasks = fn;
    op->tasks = mem_array(struct task *, count);
    op->parts = mem_array(struct part, count);
    for (size_t i = 0; i < count; i++) {
        struct args args = {0};

        args_id(&args, ids[i]);
        args_str(&args, owner);
        op->parts[i] = (struct part){op, i};
        op->calls[i] =
            store_call(store, SCRIPT_read, &args, deadline(store), on_read, NULL, &op->parts[i]);
    }
    return op;
}

struct tasks_op *tasks_get(struct store *store, const char *id, const char *owner, task_fn fn,
                           void *ctx)
{
    struct tasks_op *op = tasks_get_many(store, &id, 1, owner, NULL, ctx);

    op->fn_one = fn;
    return op;
}

// Tasks' ids.
static void on_ids(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    struct tasks_op *op = ctx;
    strings_fn fn = op->fn.strings;
    void *their_ctx = op->ctx;
    size_t most = err != NULL                          ? 0
                  : answer->type == REDIS_REPLY_ARRAY  ? answer->elements
                  : answer->type == REDIS_REPLY_STRING ? 1
                                                       : 0;
    char(*ids)[ID_SIZE] = mem_zeroed(most, sizeof *ids);
    const char **values = mem_array(const char *, most);
    size_t count = 0;

    (void)then;
    op->calls[0] = NULL;
    for (size_t i = 0; i < most; i++) {
        const redisReply *id = answer->type == REDIS_REPLY_ARRAY ? answer->element[i] : answer;

        if (id->type != REDIS_REPLY_STRING)
            continue;
        id_of_key(ids[count], id->str);
        values[count] = ids[count];
        count++;
    }
    tasks_op_cancel(&op);
    fn(their_ctx, values, count, err);
    free(values);
    free(ids);
}

static struct tasks_op *read_strings(struct store *store, unsigned argc, const char *const *argv,
                                     store_answer_fn on_answer, strings_fn fn, void *ctx)
{
    struct tasks_op *op = op_new(store, NULL, 1, ctx);

    op->fn.strings = fn;
    command(op, 0, argc, argv, on_answer, op);
    return op;
}

struct tasks_op *tasks_list(struct store *store, const char *owner, const char *after, int limit,
                            bool is_oldest_first, strings_fn fn, void *ctx)
{
    struct tasks_op *op = op_new(store, NULL, 1, ctx);
    struct args args = {0};

    op->fn.strings = fn;
    args_str(&args, owner);
    args_id(&args, after);
    args_int(&args, limit);
    args_str(&args, is_oldest_first ? "1" : "");
    op->calls[0] = store_call(store, SCRIPT_list, &args, deadline(store), on_ids, NULL, op);
    return op;
}

// The lines of a timeline.
static void on_timeline(void *ctx, store_then_fn then, const redisReply *answer,
                        const struct err *err)
{
    struct tasks_op *op = ctx;
    strings_fn fn = op->fn.strings;
    void *their_ctx = op->ctx;
    const char **lines = NULL;
    size_t count = 0;

    (void)then;
    op->calls[0] = NULL;
    if (err == NULL && answer->type == REDIS_REPLY_STRING) {
        char *rest = NULL;

        lines = mem_array(const char *, (size_t)answer->len / 2 + 1);
        for (char *line = strtok_r(answer->str, "\n", &rest); line != NULL;
             line = strtok_r(NULL, "\n", &rest))
            lines[count++] = line;
    }
    tasks_op_cancel(&op);
    fn(their_ctx, lines, count, err);
    free(lines);
}

struct tasks_op *tasks_timeline(struct store *store, const char *id, strings_fn fn, void *ctx)
{
    char name[64];

    snprintf(name, sizeof name, CELL_KEY("t:%s"), key_of_id(id));
    return read_strings(store, 3, (const char *const[]){"HGET", name, record_name(RECORD_log)},
                        on_timeline, fn, ctx);
}

// Marks.

void tasks_mark(struct store *store, const char *owner, const char *mark, const char *id)
{
    struct args args = {0};

    args_str(&args, owner);
    args_str(&args, mark);
    args_id(&args, id);
    store_call(store, SCRIPT_mark, &args, STORE_FOR_EVER, NULL, NULL, NULL);
}

struct tasks_op *tasks_find_mark(struct store *store, const char *owner, const char *mark,
                                 strings_fn fn, void *ctx)
{
    struct buf name = {0};
    struct tasks_op *op;

    buf_fmt(&name, CELL_KEY("mark:%s:%s"), owner, mark);
    op = read_strings(store, 2, (const char *const[]){"GET", name.data}, on_ids, fn, ctx);
    buf_clear(&name);
    return op;
}

// Cancel.

static void on_cancelled(void *ctx, store_then_fn then, const redisReply *answer,
                         const struct err *err)
{
    struct tasks_op *op = ctx;
    cancel_fn fn = op->fn.cancel;
    void *their_ctx = op->ctx;
    enum cancel_result result = CANCEL_BEFORE_SUBMIT;
    const redisReply *word = at(answer, 0);
    struct err why;

    (void)then;
    op->calls[0] = NULL;
    if (err == NULL) {
        if (is_word(word, "requested")) {
            result = CANCEL_REQUESTED;
        } else if (is_word(word, "not_supported_may_be_billed")) {
            result = CANCEL_NOT_SUPPORTED;
        } else if (is_word(word, "ended")) {
            err_set(&why, ERR_CONFLICT, "the task has already ended");
            err = &why;
        } else if (!is_word(word, "before_submit")) {
            err_set(&why, ERR_NOT_FOUND, "no such task");
            err = &why;
        }
    }
    tasks_op_cancel(&op);
    fn(their_ctx, result, err);
}

struct tasks_op *tasks_cancel(struct store *store, const char *id, const char *owner,
                              bool vendor_can, int64_t watch_ms, cancel_fn fn, void *ctx)
{
    struct tasks_op *op = op_new(store, id, 1, ctx);
    struct args args = {0};

    op->fn.cancel = fn;
    args_id(&args, id);
    args_str(&args, owner);
    args_str(&args, vendor_can ? "1" : "0");
    args_int(&args, watch_ms);
    op->calls[0] = store_call(store, SCRIPT_cancel, &args, deadline(store), on_cancelled, NULL, op);
    return op;
}

static void on_forgotten(void *ctx, store_then_fn then, const redisReply *answer,
                         const struct err *err)
{
    const redisReply *result = err == NULL ? at(answer, 1) : NULL;
    bool is_done = result != NULL && is_word(at(answer, 0), "done");
    struct err why;

    if (err == NULL && !is_done) {
        err_set(&why, ERR_NOT_FOUND, "no such task");
        err = &why;
    }
    ((forget_fn)then)(ctx, is_done ? result->str : NULL, err);
}

struct store_call *tasks_forget(struct store *store, const char *id, const char *owner,
                                bool vendor_can, int64_t watch_ms, forget_fn fn, void *ctx)
{
    struct args args = {0};

    args_id(&args, id);
    args_str(&args, owner);
    args_str(&args, vendor_can ? "1" : "0");
    args_int(&args, watch_ms);
    return store_call(store, SCRIPT_forget, &args, DEADLINE_MS, on_forgotten, (store_then_fn)fn,
                      ctx);
}

// An operator takes up a task.

static void on_resolved(void *ctx, store_then_fn then, const redisReply *answer,
                        const struct err *err)
{
    struct err why;

    if (err == NULL && !is_word(answer, "done")) {
        bool is_missing = is_word(answer, "missing");

        err_set(&why, is_missing ? ERR_NOT_FOUND : ERR_CONFLICT, "%s",
                is_missing ? "no such task"
                : is_word(answer, "stale")
                    ? "the task has changed meanwhile: look again"
                    : "the task hasn't failed in a way that can be resolved");
        err = &why;
    }
    ((resolve_fn)then)(ctx, err);
}

struct store_call *tasks_resolve(struct store *store, const struct task *task, enum resolve_how how,
                                 const char *upstream_id, const char *result, resolve_fn fn,
                                 void *ctx)
{
    static const char *const words[] = {"adopt", "archive", "resubmit"};
    struct args args = {0};

    args_id(&args, task->id);
    args_int(&args, task->version);
    args_str(&args, words[how]);
    args_str(&args, upstream_id);
    args_str(&args, result);
    return store_call(store, SCRIPT_resolve, &args, DEADLINE_MS, on_resolved, (store_then_fn)fn,
                      ctx);
}
