// The queue as workers need it.
#include "core/store/queue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/ends.h"
#include "core/store/keys.h"
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
        task = record_read(item->element[1], item->element[2], item->element[3]);
        for (size_t k = 0; task != NULL && k < sizeof kinds / sizeof kinds[0]; k++) {
            if (strcmp(item->element[0]->str, kinds[k].word) == 0) {
                count++;
                claim->on_work(claim->ctx, kinds[k].kind, task);
                break;
            }
        }
    }
    if (err == NULL)
        ends_count(at(at(answer, 0), 1));
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
    args_int(&args, look->per_second);
    return store_call(store, SCRIPT_looks, &args, CLAIM_DEADLINE_MS, on_looks, (store_then_fn)fn,
                      ctx);
}

void queue_look_now(struct store *store, const struct task *task)
{
    struct args args = {0};
    struct buf name = {0};

    buf_fmt(&name, CELL_KEY("look:%s"), task->account);
    args_str(&args, "ZADD");
    args_str(&args, name.data);
    args_str(&args, "XX"); // a task that has ended meanwhile isn't put back
    args_int(&args, store_now_ms(store));
    args_id(&args, task->id);
    store_command(store, &args, CLAIM_DEADLINE_MS, NULL, NULL, NULL);
    buf_clear(&name);
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

enum { WORDS_OF_ENDED = 2 }; // id, whether its request is stored

static void on_sweep(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    sweep_fn fn = (sweep_fn)then;
    const redisReply *cursor = at(answer, 0);
    struct sweep sweep = {.is_over = true, .repairs = record_integer(at(answer, 1))};
    const char **accounts = strings_of(at(answer, 2), &sweep.account_count), **ended;
    size_t count;

    if (cursor != NULL && cursor->type == REDIS_REPLY_STRING)
        sweep.is_over = strcmp(cursor->str, "0") == 0;
    sweep.accounts = accounts;
    ended = strings_of(at(answer, 3), &count);
    sweep.ended = mem_array(struct task, count / WORDS_OF_ENDED);
    for (; sweep.ended_count < count / WORDS_OF_ENDED; sweep.ended_count++) {
        struct task *task = &sweep.ended[sweep.ended_count];
        const char *const *words = &ended[WORDS_OF_ENDED * sweep.ended_count];

        id_of_key(task->id, words[0]);
        task->is_request_stored = *words[1] != '\0';
        task->phase = TASK_FAILED;
    }
    ends_count(at(answer, 4));
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
    args_id(args, id);
}

struct store_call *queue_sweep(struct store *store, int count, sweep_fn fn, void *ctx)
{
    const struct config *config = store_config(store);
    struct args args = {0};

    args_int(&args, 4 + (int64_t)config->account_count + (int64_t)config->token_count);
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
