// Webhook deliveries.
#include "core/store/deliveries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/keys.h"
#include "core/store/record.h"
#include "core/store/store.h"

enum { DEADLINE_MS = 10000 };
enum { BODY_KEPT_MAX = 64 << 10 };
enum { LOOKED_AT = 5000 }; // tasks in one call, for which Redis serves nobody else

void delivery_free(struct delivery *delivery)
{
    if (delivery == NULL)
        return;
    task_free(delivery->task);
    free(delivery->body);
    free(delivery->receiver);
    free(delivery);
}

// An item of post.lua: {receiver, slow, n, lease, tries, url, view, body, fields, request,
// result}.
static struct delivery *read_delivery(const redisReply *item)
{
    struct delivery *delivery;
    struct task_view view;
    const char *made;

    if (item->type != REDIS_REPLY_ARRAY || item->elements != 11 ||
        item->element[0]->type != REDIS_REPLY_STRING ||
        item->element[5]->type != REDIS_REPLY_STRING ||
        item->element[6]->type != REDIS_REPLY_STRING ||
        item->element[7]->type != REDIS_REPLY_STRING ||
        (made = record_read_view(item->element[6]->str, &view)) == NULL)
        return NULL;
    delivery = mem_new(struct delivery);
    delivery->receiver = mem_str(item->element[0]->str);
    delivery->is_slow = record_integer(item->element[1]) == 1;
    delivery->number = (int)record_integer(item->element[2]);
    delivery->made_ms = strtoll(made, NULL, 10);
    delivery->lease = record_integer(item->element[3]);
    delivery->tries = (int)record_integer(item->element[4]);
    delivery->task = record_read(item->element[8], item->element[9], item->element[10]);
    if (delivery->task == NULL) {
        delivery_free(delivery);
        return NULL;
    }
    delivery->task->hook = mem_str(item->element[5]->str);
    delivery->is_body_kept = item->element[7]->len > 0;
    if (delivery->is_body_kept)
        delivery->body = mem_str(item->element[7]->str);
    task_show_as(delivery->task, &view);
    return delivery;
}

static void deliveries_on_claimed(void *ctx, store_then_fn then, const redisReply *answer,
                                  const struct err *err)
{
    const struct delivery_claim *claim = ctx;
    size_t count = 0;
    int64_t next_ms = -1;
    bool is_short = false;

    (void)then;
    if (err == NULL && answer->type == REDIS_REPLY_ARRAY && answer->elements > 0) {
        next_ms = record_integer(answer->element[0]->element[0]);
        is_short = record_integer(answer->element[0]->element[1]) == 1;
        for (size_t i = 1; i < answer->elements; i++) {
            struct delivery *delivery = read_delivery(answer->element[i]);

            if (delivery != NULL) {
                count++;
                claim->on_delivery(claim->ctx, delivery);
            }
        }
    }
    claim->done(claim->ctx, count, next_ms, is_short, err);
}

struct store_call *deliveries_claim(struct store *store, int64_t serial,
                                    const struct delivery_limits *limits, int64_t lease_ms,
                                    const struct delivery_claim *claim)
{
    struct args args = {0};

    args_int(&args, 7 + 3 * (int64_t)limits->key_count + 2 * (int64_t)limits->receiver_count);
    args_int(&args, serial);
    args_int(&args, lease_ms);
    args_int(&args, limits->all.quick);
    args_int(&args, limits->all.slow);
    args_int(&args, limits->of_each.quick);
    args_int(&args, limits->of_each.slow);
    args_int(&args, (int64_t)limits->key_count);
    for (size_t i = 0; i < limits->key_count; i++) {
        args_str(&args, limits->keys[i].key);
        args_int(&args, limits->keys[i].quick);
        args_int(&args, limits->keys[i].slow);
    }
    for (size_t i = 0; i < limits->receiver_count; i++) {
        args_str(&args, limits->receivers[i].name);
        args_int(&args, limits->receivers[i].in_flight);
    }
    return store_call(store, SCRIPT_post, &args, DEADLINE_MS, deliveries_on_claimed, NULL,
                      (void *)claim);
}

struct store_call *deliveries_finish(struct store *store, const struct delivery *delivery,
                                     const struct delivery_result *result)
{
    static const char *const words[] = {"delivered", "retry", "exhausted", "ended", "later"};
    bool keeps_body = result->outcome == DELIVERY_RETRY && delivery->body != NULL &&
                      !delivery->is_body_kept && strlen(delivery->body) <= BODY_KEPT_MAX;
    struct args args = {0};

    args_id(&args, delivery->task->id);
    args_int(&args, delivery->number);
    args_int(&args, delivery->lease);
    args_str(&args, words[result->outcome]);
    args_int(&args, result->delay_ms);
    args_int(&args, result->http_status);
    args_int(&args, result->took_ms);
    args_int(&args, result->is_silent);
    args_str(&args, result->error);
    args_int(&args, result->body_ms);
    args_str(&args, keeps_body ? delivery->body : "");
    return store_call(store, SCRIPT_posted, &args, STORE_FOR_EVER, NULL, NULL, NULL);
}

// The log.

struct delivery_log {
    struct store_call *call;
    delivery_log_fn fn;
    void *ctx;
};

static void read_entry(struct delivery_entry *entry, const char *view, const char *result)
{
    const char *rest = record_read_view(view, &entry->view);
    long long tried = 0, took = 0;
    int used = 0;

    entry->created_ms = rest == NULL ? 0 : strtoll(rest, NULL, 10);
    snprintf(entry->status, sizeof entry->status, "pending");
    if (result == NULL)
        return;
    if (sscanf(result, "%15s %d %lld %d %lld %n", entry->status, &entry->tries, &tried,
               &entry->http_status, &took, &used) >= 5)
        snprintf(entry->error, sizeof entry->error, "%s", result + used);
    entry->tried_ms = tried;
    entry->took_ms = took;
}

static const char *value_of(const redisReply *hash, const char *name)
{
    for (size_t i = 0; i + 1 < hash->elements; i += 2)
        if (strcmp(hash->element[i]->str, name) == 0)
            return hash->element[i + 1]->str;
    return NULL;
}

static void delivery_on_log(void *ctx, store_then_fn then, const redisReply *answer,
                            const struct err *err)
{
    struct delivery_log *log = ctx;
    struct delivery_entry *entries = NULL;
    delivery_log_fn fn = log->fn;
    void *their_ctx = log->ctx;
    const char *url = NULL, *last;
    size_t count = 0;

    (void)then;
    free(log);
    if (err == NULL && answer->type == REDIS_REPLY_ARRAY) {
        url = value_of(answer, "url");
        last = value_of(answer, "n");
        count = last == NULL ? 0 : (size_t)strtoul(last, NULL, 10);
        entries = mem_array(struct delivery_entry, count);
        for (size_t i = 0; i < count; i++) {
            char name[16], result[17];

            snprintf(name, sizeof name, "%zu", i + 1);
            snprintf(result, sizeof result, "%sr", name);
            entries[i].number = (int)i + 1;
            if (value_of(answer, name) != NULL)
                read_entry(&entries[i], value_of(answer, name), value_of(answer, result));
        }
    }
    fn(their_ctx, url, entries, count, err);
    free(entries);
}

struct delivery_log *deliveries_read(struct store *store, const char *id, delivery_log_fn fn,
                                     void *ctx)
{
    struct delivery_log *log = mem_new(struct delivery_log);
    struct args args = {0};
    char name[64];

    log->fn = fn;
    log->ctx = ctx;
    snprintf(name, sizeof name, CELL_KEY("d:%s"), key_of_id(id));
    args_str(&args, "HGETALL");
    args_str(&args, name);
    log->call = store_command(store, &args, DEADLINE_MS, delivery_on_log, NULL, log);
    return log;
}

void delivery_log_cancel(struct delivery_log **log)
{
    if (*log == NULL)
        return;
    store_cancel(&(*log)->call);
    free(*log);
    *log = NULL;
}

static void on_redelivered(void *ctx, store_then_fn then, const redisReply *answer,
                           const struct err *err)
{
    redeliver_fn fn = (redeliver_fn)then;
    struct err why;

    if (err == NULL && strcmp(answer->str, "queued") != 0) {
        bool is_pending = strcmp(answer->str, "pending") == 0;

        err_set(&why, is_pending ? ERR_CONFLICT : ERR_NOT_FOUND, "%s",
                is_pending ? "the delivery is still pending" : "no such delivery");
        err = &why;
    }
    fn(ctx, err);
}

struct store_call *deliveries_redeliver(struct store *store, const char *id, const char *owner,
                                        int number, redeliver_fn fn, void *ctx)
{
    struct args args = {0};

    args_id(&args, id);
    args_str(&args, owner);
    args_int(&args, number);
    return store_call(store, SCRIPT_redeliver, &args, DEADLINE_MS, on_redelivered,
                      (store_then_fn)fn, ctx);
}

// For operators.

static struct store_call *ask_undelivered(struct store *store, const char *mode,
                                          const struct undelivered_filter *filter,
                                          store_answer_fn on_answer, store_then_fn then, void *ctx)
{
    struct args args = {0};

    args_int(&args, 7);
    args_str(&args, mode);
    args_str(&args, filter->status);
    args_str(&args, filter->host);
    args_int(&args, filter->since_ms);
    args_int(&args, filter->limit);
    args_int(&args, filter->passed);
    args_int(&args, LOOKED_AT);
    return store_call(store, SCRIPT_undelivered, &args, DEADLINE_MS, on_answer, then, ctx);
}

// A part of the answer {next, what was found or done}; NULL: there is none.
static const redisReply *part_of(const redisReply *answer, size_t i, const struct err *err)
{
    return err == NULL && answer->type == REDIS_REPLY_ARRAY && answer->elements == 2
               ? answer->element[i]
               : NULL;
}

static int64_t next_of(const redisReply *answer, const struct err *err)
{
    const redisReply *next = part_of(answer, 0, err);

    return next == NULL ? -1 : record_integer(next);
}

static void on_found(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    const redisReply *found = part_of(answer, 1, err);
    size_t count = found != NULL && found->type == REDIS_REPLY_ARRAY ? found->elements : 0;
    struct undelivered *list = mem_array(struct undelivered, count);

    for (size_t i = 0; i < count; i++) {
        redisReply **words = found->element[i]->element;

        id_of_key(list[i].task, words[0]->str);
        list[i].receiver = words[2]->str;
        list[i].key = words[3]->str;
        list[i].entry.number = (int)record_integer(words[1]);
        read_entry(&list[i].entry, words[4]->str, *words[5]->str == '\0' ? NULL : words[5]->str);
    }
    ((undelivered_fn)then)(ctx, list, count, next_of(answer, err), err);
    free(list);
}

struct store_call *deliveries_find(struct store *store, const struct undelivered_filter *filter,
                                   undelivered_fn fn, void *ctx)
{
    return ask_undelivered(store, "list", filter, on_found, (store_then_fn)fn, ctx);
}

static void on_all_redelivered(void *ctx, store_then_fn then, const redisReply *answer,
                               const struct err *err)
{
    ((redelivered_fn)then)(ctx, record_integer(part_of(answer, 1, err)), next_of(answer, err), err);
}

struct store_call *deliveries_redeliver_all(struct store *store,
                                            const struct undelivered_filter *filter,
                                            redelivered_fn fn, void *ctx)
{
    return ask_undelivered(store, "redeliver", filter, on_all_redelivered, (store_then_fn)fn, ctx);
}
