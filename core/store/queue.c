// The queue as workers need it.
#include "core/store/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/record.h"
#include "core/store/store.h"

enum { CLAIM_DEADLINE_MS = 10000 };

static const redisReply *at(const redisReply *reply, size_t i)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY && i < reply->elements
               ? reply->element[i]
               : NULL;
}

// Claims.

static void on_submits(void *ctx, store_then_fn then, const redisReply *answer,
                       const struct err *err)
{
    const struct queue_claim *claim = ctx;
    size_t count = 0;

    (void)then;
    for (size_t i = 1; err == NULL && i < answer->elements; i++) {
        struct task *task = record_read_whole(answer->element[i]);

        if (task != NULL) {
            count++;
            claim->on_work(claim->ctx, WORK_SUBMIT, task);
        }
    }
    claim->done(claim->ctx, count, err == NULL ? record_integer(at(at(answer, 0), 0)) : -1, err);
}

struct store_call *queue_claim_submits(struct store *store, int64_t serial, int max,
                                       const struct queue_account *accounts, size_t count,
                                       const struct queue_claim *claim)
{
    struct args args = {0};

    args_int(&args, 3);
    args_int(&args, serial);
    args_int(&args, max);
    args_int(&args, store_config(store)->lease_ms);
    for (size_t i = 0; i < count; i++) {
        const struct account *account = accounts[i].account;

        args_int(&args, 5 + (int64_t)accounts[i].lane_count);
        args_str(&args, account->name);
        args_int(&args, accounts[i].room);
        args_int(&args, account->max_concurrency);
        args_int(&args, account->weight);
        args_int(&args, account->requests_per_minute);
        for (size_t k = 0; k < accounts[i].lane_count; k++)
            args_str(&args, accounts[i].lanes[k]);
    }
    return store_call(store, SCRIPT_claim, &args, CLAIM_DEADLINE_MS, on_submits, NULL,
                      (void *)claim);
}

static void on_due(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    static const struct {
        const char *word;
        enum work_kind kind;
    } kinds[] = {{"doubt", WORK_DOUBT}, {"archive", WORK_ARCHIVE}, {"watch", WORK_WATCH}};
    const struct queue_claim *claim = ctx;
    size_t count = 0;

    (void)then;
    for (size_t i = 1; err == NULL && i < answer->elements; i++) {
        const redisReply *item = answer->element[i];
        struct task *task;

        if (item->type != REDIS_REPLY_ARRAY || item->elements < 4)
            continue;
        task = record_read(NULL, item->element[1], item->element[2], item->element[3]);
        for (size_t k = 0; task != NULL && k < sizeof kinds / sizeof kinds[0]; k++) {
            if (strcmp(item->element[0]->str, kinds[k].word) == 0) {
                count++;
                claim->on_work(claim->ctx, kinds[k].kind, task);
                break;
            }
        }
    }
    claim->done(claim->ctx, count, err == NULL ? record_integer(at(at(answer, 0), 0)) : -1, err);
}

struct store_call *queue_claim_due(struct store *store, int64_t serial, int max,
                                   const struct queue_account *accounts, size_t count,
                                   int room_of_others, const struct queue_claim *claim)
{
    struct args args = {0};

    args_int(&args, 4 + 2 * (int64_t)count);
    args_int(&args, serial);
    args_int(&args, max);
    args_int(&args, store_config(store)->lease_ms);
    args_int(&args, room_of_others);
    for (size_t i = 0; i < count; i++) {
        args_str(&args, accounts[i].account->name);
        args_int(&args, accounts[i].room);
    }
    return store_call(store, SCRIPT_due, &args, CLAIM_DEADLINE_MS, on_due, NULL, (void *)claim);
}

static void on_looks(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    queue_looks_fn fn = (queue_looks_fn)then;
    struct task **tasks = NULL;
    size_t count = 0;

    if (err == NULL && answer->type == REDIS_REPLY_ARRAY && answer->elements > 1) {
        tasks = mem_array(struct task *, answer->elements - 1);
        for (size_t i = 1; i < answer->elements; i++) {
            tasks[count] = record_read_look(answer->element[i]);
            count += tasks[count] != NULL;
        }
    }
    fn(ctx, tasks, count, err == NULL ? record_integer(at(answer, 0)) : -1, err);
    free(tasks);
}

struct store_call *queue_claim_looks(struct store *store, const struct queue_look *look,
                                     queue_looks_fn fn, void *ctx)
{
    struct args args = {0};

    args_str(&args, look->account);
    args_int(&args, look->first_ms);
    args_int(&args, look->longest_ms);
    args_int(&args, look->slack_ms);
    args_int(&args, look->max);
    return store_call(store, SCRIPT_looks, &args, CLAIM_DEADLINE_MS, on_looks, (store_then_fn)fn,
                      ctx);
}

void queue_look_now(struct store *store, const struct task *task)
{
    struct args args = {0};
    struct buf name = {0};

    buf_fmt(&name, "spool:look:%s", task->account);
    args_str(&args, "ZADD");
    args_str(&args, name.data);
    args_str(&args, "XX"); // one that has ended meanwhile stays away
    args_int(&args, store_now_ms(store));
    args_str(&args, task->id);
    store_command(store, &args, CLAIM_DEADLINE_MS, NULL, NULL, NULL);
    buf_clear(&name);
}

// Changes.

static void on_change(void *ctx, store_then_fn then, const redisReply *answer,
                      const struct err *err)
{
    change_fn fn = (change_fn)then;
    const redisReply *word = at(answer, 0);
    bool is_done = word != NULL && word->type == REDIS_REPLY_STRING &&
                   (strcmp(word->str, "done") == 0 || strcmp(word->str, "again") == 0);

    if (fn != NULL)
        fn(ctx, is_done ? CHANGE_DONE : CHANGE_STALE, record_integer(at(answer, 2)) == 1, err);
}

static void add_number(struct args *args, const char *name, int64_t number)
{
    args_str(args, name);
    args_int(args, number);
}

static void add_watch(struct args *args, const struct change *change)
{
    char doubt[64];

    if (change->doubt_of != NULL) {
        snprintf(doubt, sizeof doubt, "doubt %lld %d", (long long)change->typical_ms,
                 change->doubt_of->max_concurrency);
        args_str(args, doubt);
    } else if (change->watch_ms > 0) {
        args_int(args, change->watch_ms);
    } else {
        args_str(args, "");
    }
}

struct store_call *queue_change(struct store *store, const struct change *change,
                                int64_t deadline_ms, change_fn fn, void *ctx)
{
    const struct task *task = change->task;
    struct args args = {0};
    bool is_counted = change->count_try || change->count_links;
    char flags[8], *flag = flags;

    if (change->notify)
        *flag++ = 'N';
    if (change->cool)
        *flag++ = 'C';
    if (change->warm)
        *flag++ = 'W';
    if (change->out)
        *flag++ = 'O';
    if (change->count_try)
        *flag++ = 'T';
    if (change->count_links)
        *flag++ = 'L';
    if (change->only_progress)
        *flag++ = 'P';
    *flag = '\0';

    args_str(&args, task->id);
    args_int(&args, task->version);
    args_int(&args, task->counter);
    args_str(&args, task_phase_name(change->to));
    args_str(&args, flags);
    args_int(&args, is_counted && change->delay_ms == 0 ? -1 : change->delay_ms);
    args_int(&args, change->cool_ms);
    add_watch(&args, change);
    args_str(&args, change->word);
    args_str(&args, change->detail);
    args_int(&args, change->look_ms);
    args_str(&args, change->wait);
    args_str(&args, change->wait_detail);
    args_str(&args, change->result);
    args_field(&args, "upstream", change->upstream_id);
    args_field(&args, "sub", change->substate);
    args_field(&args, "code", change->error_code);
    args_field(&args, "error", change->error_message);
    if (change->progress >= 0)
        add_number(&args, "progress", change->progress);
    if (change->missing_ms > 0)
        add_number(&args, "missing", change->missing_ms);
    else if (change->missing_ms == 0)
        args_field(&args, "missing", "");
    return store_call(store, SCRIPT_change, &args, deadline_ms, on_change, (store_then_fn)fn, ctx);
}

// Leases.

static void on_begin(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    begin_fn fn = (begin_fn)then;
    enum begin_result result = BEGIN_STALE;

    if (err == NULL && answer->type == REDIS_REPLY_STRING)
        result = strcmp(answer->str, "go") == 0          ? BEGIN_GO
                 : strcmp(answer->str, "cancelled") == 0 ? BEGIN_CANCELLED
                                                         : BEGIN_STALE;
    fn(ctx, result, err);
}

struct store_call *queue_begin(struct store *store, const struct task *task, int64_t ms,
                               begin_fn fn, void *ctx)
{
    struct args args = {0};

    args_str(&args, task->id);
    args_int(&args, task->counter);
    args_int(&args, ms);
    return store_call(store, SCRIPT_begin, &args, CLAIM_DEADLINE_MS, on_begin, (store_then_fn)fn,
                      ctx);
}

static void on_hold(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    hold_fn fn = (hold_fn)then;

    if (fn != NULL)
        fn(ctx, err == NULL && record_integer(answer) == 1, err);
}

struct store_call *queue_hold_for(struct store *store, const struct task *task, int64_t ms,
                                  const char *wait, const char *detail, hold_fn fn, void *ctx)
{
    struct args args = {0};

    args_str(&args, task->id);
    args_int(&args, task->counter);
    args_int(&args, ms);
    args_str(&args, wait);
    args_str(&args, detail);
    return store_call(store, SCRIPT_hold, &args, CLAIM_DEADLINE_MS, on_hold, (store_then_fn)fn,
                      ctx);
}

struct store_call *queue_hold(struct store *store, const struct task *task, int64_t ms, hold_fn fn,
                              void *ctx)
{
    return queue_hold_for(store, task, ms, NULL, NULL, fn, ctx);
}

// The sweeper.

// The strings of an array, borrowed; the caller frees the array.
static const char **strings_of(const redisReply *reply, size_t *count)
{
    size_t elements = reply != NULL && reply->type == REDIS_REPLY_ARRAY ? reply->elements : 0;
    const char **strings = mem_array(const char *, elements);

    *count = 0;
    for (size_t i = 0; i < elements; i++)
        if (reply->element[i]->type == REDIS_REPLY_STRING)
            strings[(*count)++] = reply->element[i]->str;
    return strings;
}

static void on_sweep(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    sweep_fn fn = (sweep_fn)then;
    const redisReply *cursor = at(answer, 0);
    struct sweep sweep = {.cursor = "0", .repairs = record_integer(at(answer, 1))};
    const char **accounts = strings_of(at(answer, 2), &sweep.account_count), **ended;
    size_t count;

    if (cursor != NULL && cursor->type == REDIS_REPLY_STRING)
        sweep.cursor = cursor->str;
    sweep.accounts = accounts;
    ended = strings_of(at(answer, 3), &count);
    sweep.ended = mem_array(struct task, count / 2);
    for (; sweep.ended_count < count / 2; sweep.ended_count++) {
        struct task *task = &sweep.ended[sweep.ended_count];

        snprintf(task->id, sizeof task->id, "%s", ended[2 * sweep.ended_count]);
        task->is_request_stored = *ended[2 * sweep.ended_count + 1] != '\0';
        task->phase = TASK_FAILED;
    }
    fn(ctx, &sweep, err);
    free(sweep.ended);
    free(ended);
    free(accounts);
}

// Queued tasks whose ids come before this one have waited for too long.
static void add_oldest(struct args *args, const struct store *store)
{
    int64_t timeout_ms = store_config(store)->queue_timeout_ms;
    char id[ID_SIZE] = "";

    if (timeout_ms > 0)
        id_make_task(id, store_now_ms(store) - timeout_ms);
    args_str(args, id);
}

struct store_call *queue_sweep(struct store *store, const char *cursor, int count, sweep_fn fn,
                               void *ctx)
{
    const struct config *config = store_config(store);
    struct args args = {0};

    args_int(&args, 5 + (int64_t)config->account_count + (int64_t)config->token_count);
    args_str(&args, cursor);
    args_int(&args, count);
    add_oldest(&args, store);
    args_int(&args, TASK_TIMEOUT_MS);
    args_int(&args, (int64_t)config->account_count);
    for (size_t i = 0; i < config->account_count; i++)
        args_str(&args, config->accounts[i].name);
    for (size_t i = 0; i < config->token_count; i++)
        args_str(&args, config->tokens[i].name);
    return store_call(store, SCRIPT_sweep, &args, CLAIM_DEADLINE_MS, on_sweep, (store_then_fn)fn,
                      ctx);
}
