// The engine that runs the scripts: batches calls per turn, sends them again where a reply was
// lost.
#include "core/store/store.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/log.h"
#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "core/config/config.h"
#include "core/loop/loop.h"
#include "core/redis/redis.h"
#include "core/store/ends.h"
#include "core/store/keys.h"
#include "core/store/store_private.h"

enum { MAX_ITEMS = 100, MAX_BATCH_BYTES = 4 << 20, MAX_UNDER_WAY = 1 };
enum { KEPT_BYTES = 1 << 20 }; // of a command's memory
enum { COMMAND_TIMEOUT_MS = 15000 };

struct store_call {
    struct store *store;
    unsigned script; // of enum script, or PLAIN
    struct args args;
    int64_t deadline_ms; // of our monotonic clock; -1: none
    store_answer_fn fn;  // NULL: cancelled
    store_then_fn then;
    void *ctx;
    uint64_t serial;               // calls are numbered in the order they were made
    bool is_sent, is_again;        // is_again: its last reply was lost
    bool is_late;                  // in `late`, not in `waiting`
    bool is_alone;                 // a batch that it was in failed: it is sent by itself
    struct store_call *next, **at; // in `waiting` of its script, while it isn't sent
};

// One EVALSHA under way.
struct batch {
    struct store *store;
    unsigned script;
    unsigned count;
    unsigned argc;   // words of its items
    int64_t sent_ms; // of our monotonic clock
    bool is_again;   // an earlier reply to one of its calls was lost
    struct store_call *calls[MAX_ITEMS];
    struct batch *next, **at;
};

// Calls and their queues.

static void unlink_call(struct store_call *call)
{
    struct store *store = call->store;

    *call->at = call->next;
    if (call->next != NULL)
        call->next->at = call->at;
    else if (!call->is_late)
        store->waiting_end[call->script] = call->at;
    if (store->requeued[call->script] == call)
        store->requeued[call->script] = NULL;
}

static void queue_call(struct store_call *call)
{
    struct store *store = call->store;

    call->is_sent = false;
    call->next = NULL;
    call->at = store->waiting_end[call->script];
    *call->at = call;
    store->waiting_end[call->script] = &call->next;
    loop_turn_ask(store->turn);
}

// Scripts without a deadline say what became of a task; a plain command says nothing that isn't in
// the records.
static bool is_owed(const struct store_call *call)
{
    return call->deadline_ms < 0 && call->script != PLAIN;
}

static void free_call(struct store_call *call)
{
    call->store->pending--;
    call->store->owed -= is_owed(call);
    buf_clear(&call->args.bytes);
    free(call);
}

static void answer_call(struct store_call *call, const redisReply *answer, const struct err *err)
{
    store_answer_fn fn = call->fn;
    store_then_fn then = call->then;
    void *ctx = call->ctx;

    free_call(call);
    if (fn != NULL)
        fn(ctx, then, answer, err);
}

static void fail_call(struct store_call *call)
{
    struct err err;

    err_set(&err, ERR_UNAVAILABLE, "Redis: %s",
            *call->store->problem == '\0' ? "no answer" : call->store->problem);
    answer_call(call, NULL, &err);
}

// Takes the calls that are past their deadline out of a queue, into a list of their own.
static struct store_call *take_late(struct store *store, unsigned script, bool *is_any_left)
{
    struct store_call *late = NULL, **end = &late, *call = store->waiting[script], *next;
    int64_t now = clock_mono_ms();

    for (; call != NULL; call = next) {
        next = call->next;
        if (call->deadline_ms < 0 || call->deadline_ms > now) {
            *is_any_left = true;
            continue;
        }
        unlink_call(call);
        call->is_late = true;
        call->next = NULL;
        call->at = end;
        *end = call;
        end = &call->next;
    }
    return late;
}

// One coarse timer, only while calls wait for Redis to come back.
static void on_deadlines(void *ctx)
{
    struct store *store = ctx;
    bool is_any_left = false;

    store->deadlines = NULL;
    for (unsigned i = 0; i <= PLAIN; i++) {
        store->late = take_late(store, i, &is_any_left);
        if (store->late != NULL)
            store->late->at = &store->late;
        // A callback may cancel other calls of this list.
        while (store->late != NULL) {
            struct store_call *call = store->late;

            store->late = call->next;
            if (store->late != NULL)
                store->late->at = &store->late;
            fail_call(call);
        }
    }
    if (is_any_left && store->deadlines == NULL)
        store->deadlines = loop_after(store->loop, 50, on_deadlines, store);
}

static void watch_deadlines(struct store *store)
{
    if (store->deadlines == NULL)
        store->deadlines = loop_after(store->loop, 50, on_deadlines, store);
}

// Whether a reply says that nothing was done and that it is worth sending the same again.
static bool is_passing(const redisReply *reply)
{
    static const char *const prefixes[] = {"LOADING",     "BUSY",    "MASTERDOWN", "READONLY",
                                           "NOREPLICAS",  "MISCONF", "MOVED",      "TRYAGAIN",
                                           "CLUSTERDOWN", "ASK",     "NOSCRIPT",   "CLOCK"};

    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(reply->str, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

// Redis is full, by its own limit. Only scripts that may not run then (submits) get this reply, and
// their callers hear of it at once.
static bool is_full(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           strstr(reply->str, "used memory > 'maxmemory'") != NULL;
}

static void on_probe(void *ctx)
{
    struct store *store = ctx;

    store->probe = NULL;
    loop_turn_ask(store->turn);
}

static void retry_soon(struct store *store, int64_t delay_ms)
{
    if (store->probe == NULL)
        store->probe = loop_after(store->loop, delay_ms, on_probe, store);
}

static void unlink_batch(struct batch *batch)
{
    batch->store->under_way[batch->script]--;
    *batch->at = batch->next;
    if (batch->next != NULL)
        batch->next->at = batch->at;
}

// Puts a call back into its place in the queue: calls that were made earlier may be there already.
static void requeue_call(struct store_call *call)
{
    struct store *store = call->store;
    struct store_call *last = store->requeued[call->script];
    struct store_call **at = &store->waiting[call->script];

    if (last != NULL && last->serial < call->serial)
        at = &last->next; // as a rule: calls come back in the order they were sent
    while (*at != NULL && (*at)->serial < call->serial)
        at = &(*at)->next;
    call->is_sent = false;
    call->next = *at;
    call->at = at;
    *at = call;
    if (call->next != NULL)
        call->next->at = &call->next;
    else
        store->waiting_end[call->script] = &call->next;
    store->requeued[call->script] = call;
}

// `is_lost`: nobody knows whether the batch was carried out.
static void batch_requeue(struct batch *batch, bool is_lost)
{
    struct store *store = batch->store;

    for (unsigned i = 0; i < batch->count; i++) {
        if (batch->calls[i] == NULL)
            continue;
        batch->calls[i]->is_again = batch->calls[i]->is_again || is_lost;
        if (batch->calls[i]->fn == NULL)
            free_call(batch->calls[i]);
        else
            requeue_call(batch->calls[i]);
    }
    loop_turn_ask(store->turn);
    watch_deadlines(store);
}

// The reply of these scripts is one answer for all items, so each of their calls is a batch of its
// own.
static bool is_single(unsigned script)
{
    return script == PLAIN || script == SCRIPT_claim || script == SCRIPT_due ||
           script == SCRIPT_post || script == SCRIPT_overview || script == SCRIPT_undelivered ||
           script == SCRIPT_sweep || script == SCRIPT_state || script == SCRIPT_beat;
}

// Gives each call its answer; nobody else knows the batch by now. A callback may cancel or start
// other calls.
static void answer_batch(const struct batch *batch, const redisReply *reply)
{
    for (unsigned i = 0; i < batch->count; i++) {
        struct err err;

        if (is_single(batch->script)) {
            answer_call(batch->calls[i], reply, NULL); // a single call: the whole reply is its
                                                       // answer
        } else if (reply->type != REDIS_REPLY_ARRAY || i >= reply->elements) {
            err_set(&err, ERR_INTERNAL, "Redis: the script's answer is too short");
            answer_call(batch->calls[i], NULL, &err);
        } else {
            answer_call(batch->calls[i], reply->element[i], NULL);
        }
    }
    if (!is_single(batch->script) && reply->type == REDIS_REPLY_ARRAY &&
        reply->elements > batch->count)
        ends_count(reply->element[batch->count]);
}

static void fail_batch(const struct batch *batch, const redisReply *reply)
{
    struct err err;

    if (batch->script != PLAIN)
        log_error("redis.script", "script=%s items=%u error=\"%s\"",
                  script_name((enum script)batch->script), batch->count, reply->str);
    err_set(&err, is_full(reply) ? ERR_UNAVAILABLE : ERR_INTERNAL, "Redis: %s",
            is_full(reply) ? "it is full" : reply->str);
    for (unsigned i = 0; i < batch->count; i++)
        answer_call(batch->calls[i], NULL, &err);
}

// Nothing was done, and it is worth sending the same again.
static void put_off_batch(struct batch *batch, const redisReply *reply)
{
    struct store *store = batch->store;
    bool is_unknown_script = strncmp(reply->str, "NOSCRIPT", 8) == 0;

    snprintf(store->problem, sizeof store->problem, "%s", reply->str);
    batch_requeue(batch, false);
    if (is_unknown_script)
        store_load_scripts(store);
    if (strncmp(reply->str, "CLOCK", 5) == 0) {
        store->is_in_question = true;
        store_ask_clock(store, "");
    } else {
        retry_soon(store, is_unknown_script ? 1 : 100);
        store_leave_other(store, reply->str);
    }
}

// One item broke the script, perhaps after others were done: sends each by itself, so that no item
// but that one is lost. There may be a vendor's id among them.
static void split_batch(struct batch *batch, const redisReply *reply)
{
    log_error("redis.script", "script=%s items=%u error=\"%s\"",
              script_name((enum script)batch->script), batch->count, reply->str);
    for (unsigned i = 0; i < batch->count; i++)
        batch->calls[i]->is_alone = true;
    batch_requeue(batch, true);
}

static void on_batch(void *ctx, const redisReply *reply)
{
    struct batch *batch = ctx;
    struct store *store = batch->store;

    unlink_batch(batch);
    if (store->waiting[batch->script] != NULL)
        loop_turn_ask(store->turn);
    if (reply != NULL)
        metric_observe(HISTOGRAM_redis_seconds, clock_mono_ms() - batch->sent_ms, NULL, NULL);
    if (reply == NULL) {
        if (!redis_is_up(store->redis))
            store->is_up = false; // store_on_state may be called later
        batch_requeue(batch, true);
    } else if (is_passing(reply)) {
        put_off_batch(batch, reply);
    } else if (reply->type != REDIS_REPLY_ERROR) {
        *store->problem = '\0';
        answer_batch(batch, reply);
    } else if (batch->count > 1 && !is_full(reply)) {
        split_batch(batch, reply);
    } else {
        fail_batch(batch, reply);
    }
    free(batch);
}

// The next batch of a script: its calls in their order, as many as may go together.
static struct batch *take_batch(struct store *store, unsigned script)
{
    struct batch *batch = mem_new(struct batch);
    unsigned max = is_single(script) ? 1 : MAX_ITEMS;
    size_t bytes = 0;

    batch->store = store;
    batch->script = script;
    while (store->waiting[script] != NULL && batch->count < max &&
           (batch->count == 0 || (bytes < MAX_BATCH_BYTES && !store->waiting[script]->is_alone))) {
        struct store_call *call = store->waiting[script];

        unlink_call(call);
        call->is_sent = true;
        batch->is_again = batch->is_again || call->is_again;
        batch->calls[batch->count++] = call;
        batch->argc += call->args.count + (is_single(script) ? 0 : 1);
        bytes += call->args.bytes.len;
        if (call->is_alone)
            break;
    }
    batch->next = store->batches;
    batch->at = &store->batches;
    if (batch->next != NULL)
        batch->next->at = &batch->next;
    store->batches = batch;
    store->under_way[script]++;
    return batch;
}

static void send_batch(struct store *store, unsigned script)
{
    struct batch *batch = take_batch(store, script);
    struct args *command = &store->command;

    buf_reset(&command->bytes);
    args_head(&command->bytes, batch->argc + (script == PLAIN ? 0 : STORE_HEAD_WORDS));
    if (script != PLAIN)
        store_add_script(store, (enum script)script, batch->is_again, store_now_ms(store), command);
    for (unsigned i = 0; i < batch->count; i++) {
        const struct args *args = &batch->calls[i]->args;

        // A claim's items are accounts: its arguments are packed as several items by the caller.
        if (!is_single(script))
            args_int(command, args->count);
        buf_add(&command->bytes, args->bytes.data, args->bytes.len);
    }
    metric_add(METRIC_redis_calls_total, 1);
    batch->sent_ms = clock_mono_ms();
    redis_send(store->redis, &command->bytes, on_batch, batch);
    if (command->bytes.cap > KEPT_BYTES)
        buf_clear(&command->bytes);
}

// While one call is under way the next gathers items: the busier Redis is, the larger the calls,
// and the less each item costs. An idle Redis is never waited for.
static bool is_busy(const struct store *store, unsigned script)
{
    return !is_single(script) && store->under_way[script] >= MAX_UNDER_WAY;
}

static void store_flush(void *ctx)
{
    struct store *store = ctx;

    if (!store->is_up) {
        watch_deadlines(store);
        return;
    }
    for (unsigned i = 0; i <= PLAIN; i++)
        while (store->waiting[i] != NULL && store->is_up && store->probe == NULL &&
               !store->is_in_question && !is_busy(store, i))
            send_batch(store, i);
    if (store->probe != NULL || store->is_in_question)
        watch_deadlines(store);
}

static void ignore(void *ctx, store_then_fn then, const redisReply *answer, const struct err *err)
{
    (void)ctx, (void)then, (void)answer, (void)err;
}

static struct store_call *new_call(struct store *store, unsigned script, struct args *args,
                                   int64_t deadline_ms, store_answer_fn fn, store_then_fn then,
                                   void *ctx)
{
    struct store_call *call = mem_new(struct store_call);

    store->pending++;
    call->serial = store->serial++;
    call->store = store;
    call->script = script;
    call->args = *args;
    *args = (struct args){0};
    call->deadline_ms = deadline_ms < 0 ? -1 : clock_mono_ms() + deadline_ms;
    store->owed += is_owed(call);
    call->fn = fn == NULL ? ignore : fn;
    call->then = then;
    call->ctx = ctx;
    queue_call(call);
    return call;
}

struct store_call *store_call(struct store *store, enum script script, struct args *args,
                              int64_t deadline_ms, store_answer_fn fn, store_then_fn then,
                              void *ctx)
{
    return new_call(store, script, args, deadline_ms, fn, then, ctx);
}

struct store_call *store_command(struct store *store, struct args *argv, int64_t deadline_ms,
                                 store_answer_fn fn, store_then_fn then, void *ctx)
{
    return new_call(store, PLAIN, argv, deadline_ms, fn, then, ctx);
}

void store_cancel(struct store_call **call)
{
    if (*call == NULL)
        return;
    if ((*call)->is_sent) {
        (*call)->fn = NULL;
    } else {
        unlink_call(*call);
        free_call(*call);
    }
    *call = NULL;
}

struct store *store_start(struct loop *loop, const struct config *config, const char *redis_url,
                          store_fn on_up, void *ctx)
{
    struct store *store = mem_new(struct store);
    struct redis_options options = {.url = redis_url,
                                    .command_timeout_ms = COMMAND_TIMEOUT_MS,
                                    .on_state = store_on_state,
                                    .ctx = store};

    store->loop = loop;
    store->config = config;
    store->on_up = on_up;
    store->ctx = ctx;
    id_random_hex(store->by, 8);
    for (int again = 0; again < 2; again++)
        snprintf(store->constants[again], sizeof store->constants[again], "%lld %lld %lld %d",
                 (long long)config->retention_ms, (long long)config->queue_limit,
                 (long long)config->queue_limit_per_key, again);
    snprintf(store->problem, sizeof store->problem, "not connected");
    store->offset_ms = clock_wall_ms() - clock_mono_ms();
    for (unsigned i = 0; i <= PLAIN; i++)
        store->waiting_end[i] = &store->waiting[i];
    store->turn = loop_turn_new(loop, store_flush, store);
    store->redis = redis_start(loop, &options);
    return store;
}

void store_drop(struct store **pointer)
{
    struct store *store = *pointer;

    if (store == NULL)
        return;
    *pointer = NULL;
    redis_drop(&store->redis);
    loop_turn_drop(&store->turn);
    loop_cancel(&store->deadlines);
    loop_cancel(&store->probe);
    loop_cancel(&store->clock);
    while (store->batches != NULL) {
        struct batch *batch = store->batches;

        unlink_batch(batch);
        for (unsigned i = 0; i < batch->count; i++)
            free_call(batch->calls[i]);
        free(batch);
    }
    for (unsigned i = 0; i <= PLAIN; i++) {
        while (store->waiting[i] != NULL) {
            struct store_call *call = store->waiting[i];

            unlink_call(call);
            free_call(call);
        }
    }
    buf_clear(&store->command.bytes);
    free(store);
}

bool store_is_up(const struct store *store)
{
    return store->is_up;
}

const char *store_problem(const struct store *store)
{
    return store->problem;
}

unsigned store_pending(const struct store *store)
{
    return store->pending;
}

unsigned store_owed(const struct store *store)
{
    return store->owed;
}

const struct config *store_config(const struct store *store)
{
    return store->config;
}
