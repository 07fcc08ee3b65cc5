// The engine that runs the scripts: batches per turn, sends again what was lost.
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

enum { MAX_ITEMS = 100, COMMAND_TIMEOUT_MS = 15000, PLAIN = SCRIPT_COUNT };
enum { MAX_BATCH_BYTES = 4 << 20, MAX_UNDER_WAY = 1 };
// The clock is asked for from time to time; an answer that took longer tells too little. What
// differs by more than clocks drift in between (lib.lua: CLOCK_SLACK_MS) has been set.
enum { CLOCK_EVERY_MS = 30000, CLOCK_TOOK_MAX_MS = 1000, CLOCK_SLACK_MS = 5000 };

struct store_call {
    struct store *store;
    unsigned script; // of enum script, or PLAIN
    struct args args;
    int64_t deadline_ms; // of our monotonic clock; -1: none
    store_answer_fn fn;  // NULL: cancelled
    store_then_fn then;
    void *ctx;
    uint64_t serial;               // in the order they were made
    bool is_sent, is_again;        // again: its last reply was lost
    bool is_late;                  // in `late`, not in `waiting`
    bool is_alone;                 // a call it was part of failed: it is sent by itself
    struct store_call *next, **at; // in `waiting` of its script, while it isn't sent
};

// One EVALSHA under way.
struct batch {
    struct store *store;
    unsigned script;
    unsigned count;
    struct store_call *calls[MAX_ITEMS];
    struct batch *next, **at;
};

struct store {
    struct loop *loop;
    const struct config *config;
    struct redis *redis;
    store_fn on_up;
    void *ctx;
    char by[9];
    char constants[2][80]; // as scripts get them: for the first time, and again; less the time
    char sha[SCRIPT_COUNT][41];
    unsigned unloaded; // scripts that aren't there yet
    bool is_loading;   // they are being loaded: once is enough, however many calls found none
    bool is_up;
    char problem[240];
    int64_t offset_ms; // the scripts' clock less our monotonic one
    bool has_offset;   // by their word
    bool is_asking;    // them for it; nothing else is sent while it is in question
    bool is_in_question;
    int64_t asked_ms; // of our monotonic clock
    struct store_call *waiting[SCRIPT_COUNT + 1], **waiting_end[SCRIPT_COUNT + 1];
    struct store_call *requeued[SCRIPT_COUNT + 1]; // the last one that was, while it waits
    struct store_call *late;                       // past their deadline, being told so
    struct batch *batches;
    unsigned under_way[SCRIPT_COUNT + 1]; // batches of each script
    uint64_t serial;
    unsigned pending; // calls alive
    unsigned owed;    // those without a deadline
    struct loop_turn *turn;
    struct loop_timer *deadlines, *probe, *clock;
};

// Arguments.

void args_mem(struct args *args, const void *data, size_t len)
{
    buf_add(&args->bytes, &len, sizeof len);
    buf_add(&args->bytes, data, len);
    args->count++;
}

void args_str(struct args *args, const char *text)
{
    args_mem(args, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

void args_int(struct args *args, int64_t number)
{
    struct buf digits = {0};

    buf_int(&digits, number);
    args_mem(args, digits.data, digits.len);
    buf_clear(&digits);
}

void args_field(struct args *args, const char *name, const char *value)
{
    if (value == NULL)
        return;
    args_str(args, name);
    args_str(args, value);
}

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

// A plain command says nothing of a task that a record doesn't.
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

// Takes those that are past their deadline out of a queue, into a list of their own.
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
        // Whoever is called may cancel others of them.
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

// Whether a reply says that nothing was done and that it's worth asking again.
static bool is_passing(const redisReply *reply)
{
    static const char *const prefixes[] = {"LOADING",    "BUSY",    "MASTERDOWN", "READONLY",
                                           "NOREPLICAS", "MISCONF", "NOSCRIPT",   "CLOCK"};

    if (reply->type != REDIS_REPLY_ERROR)
        return false;
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(reply->str, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

// Full, by its own limit. Only what may not run then (submits) hears of it, and at once.
static bool is_full(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_ERROR &&
           strstr(reply->str, "used memory > 'maxmemory'") != NULL;
}

static void load_scripts(struct store *store);
static void ask_clock(struct store *store, const char *word);
static void flush(void *ctx);

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

// Back to its place: what was made earlier may have come back before it.
static void requeue_call(struct store_call *call)
{
    struct store *store = call->store;
    struct store_call *last = store->requeued[call->script];
    struct store_call **at = &store->waiting[call->script];

    if (last != NULL && last->serial < call->serial)
        at = &last->next; // as a rule: they come back in the order they were sent
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

// `is_lost`: nobody knows whether it was done.
static void requeue(struct batch *batch, bool is_lost)
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

// These answer for the whole call, so each is a call of its own.
static bool is_single(unsigned script)
{
    return script == PLAIN || script == SCRIPT_claim || script == SCRIPT_due ||
           script == SCRIPT_post || script == SCRIPT_sweep || script == SCRIPT_state ||
           script == SCRIPT_beat;
}

static void on_batch(void *ctx, const redisReply *reply)
{
    struct batch *batch = ctx;
    struct store *store = batch->store;
    bool is_ok = reply != NULL && reply->type != REDIS_REPLY_ERROR;

    unlink_batch(batch);
    if (store->waiting[batch->script] != NULL)
        loop_turn_ask(store->turn);
    if (reply == NULL) {
        if (!redis_is_up(store->redis))
            store->is_up = false; // on_state may come later
        requeue(batch, true);
    } else if (is_passing(reply)) {
        bool is_unknown_script = strncmp(reply->str, "NOSCRIPT", 8) == 0;
        bool is_clock = strncmp(reply->str, "CLOCK", 5) == 0;

        snprintf(store->problem, sizeof store->problem, "%s", reply->str);
        requeue(batch, false);
        if (is_unknown_script)
            load_scripts(store);
        if (is_clock) {
            store->is_in_question = true;
            ask_clock(store, "");
        } else {
            retry_soon(store, is_unknown_script ? 1 : 100);
        }
    } else if (!is_ok && batch->count > 1 && !is_full(reply)) {
        // One item broke the script, perhaps after others were done: each by itself, so that no
        // more than that one is lost. A vendor's id may be among them.
        log_error("redis.script", "script=%s items=%u error=\"%s\"",
                  script_name((enum script)batch->script), batch->count, reply->str);
        for (unsigned i = 0; i < batch->count; i++)
            batch->calls[i]->is_alone = true;
        requeue(batch, true);
    } else {
        if (is_ok)
            *store->problem = '\0';
        // The batch is nobody else's any more; a callback may cancel or start other calls.
        for (unsigned i = 0; i < batch->count; i++) {
            struct store_call *call = batch->calls[i];
            struct err err;

            if (!is_ok) {
                err_set(&err, is_full(reply) ? ERR_UNAVAILABLE : ERR_INTERNAL, "Redis: %s",
                        is_full(reply) ? "it is full" : reply->str);
                if (i == 0 && batch->script != PLAIN)
                    log_error("redis.script", "script=%s error=\"%s\"",
                              script_name((enum script)batch->script), reply->str);
                answer_call(call, NULL, &err);
            } else if (is_single(batch->script)) {
                answer_call(call, reply, NULL); // one item, the whole reply is its answer
            } else if (reply->type != REDIS_REPLY_ARRAY || i >= reply->elements) {
                err_set(&err, ERR_INTERNAL, "Redis: the script's answer is too short");
                answer_call(call, NULL, &err);
            } else {
                answer_call(call, reply->element[i], NULL);
            }
        }
    }
    free(batch);
}

// `expected_ms` 0: no matter what time it is.
static void write_constants(const struct store *store, bool is_again, int64_t expected_ms, char *to,
                            size_t size)
{
    snprintf(to, size, "%s %lld", store->constants[is_again], (long long)expected_ms);
}

static void send_batch(struct store *store, unsigned script)
{
    // A claim's items are accounts: its arguments are packed as several items by the caller.
    struct batch *batch = mem_new(struct batch);
    unsigned argc = script == PLAIN ? 0 : 5, max = is_single(script) ? 1 : MAX_ITEMS;
    bool is_again = false;
    size_t bytes = 0;
    const char **argv;
    size_t *lens;
    char counts[MAX_ITEMS][12], constants[120];

    batch->store = store;
    batch->script = script;
    while (store->waiting[script] != NULL && batch->count < max &&
           (batch->count == 0 || (bytes < MAX_BATCH_BYTES && !store->waiting[script]->is_alone))) {
        struct store_call *call = store->waiting[script];

        unlink_call(call);
        call->is_sent = true;
        is_again = is_again || call->is_again;
        batch->calls[batch->count++] = call;
        argc += call->args.count + (is_single(script) ? 0 : 1);
        bytes += call->args.bytes.len;
        if (call->is_alone)
            break;
    }
    argv = mem_array(const char *, argc);
    lens = mem_array(size_t, argc);
    argc = 0;
    if (script != PLAIN) {
        const char *const head[] = {"EVALSHA", store->sha[script], "0", store->by, constants};

        write_constants(store, is_again, store_now_ms(store), constants, sizeof constants);

        for (; argc < 5; argc++) {
            argv[argc] = head[argc];
            lens[argc] = strlen(head[argc]);
        }
    }
    for (unsigned i = 0; i < batch->count; i++) {
        const struct args *args = &batch->calls[i]->args;
        const char *at = args->bytes.data;

        if (!is_single(script)) {
            lens[argc] = (size_t)snprintf(counts[i], sizeof counts[i], "%u", args->count);
            argv[argc++] = counts[i];
        }
        for (unsigned k = 0; k < args->count; k++) {
            memcpy(&lens[argc], at, sizeof lens[argc]);
            argv[argc] = at + sizeof lens[argc];
            at += sizeof lens[argc] + lens[argc];
            argc++;
        }
    }
    batch->next = store->batches;
    batch->at = &store->batches;
    if (batch->next != NULL)
        batch->next->at = &batch->next;
    store->batches = batch;
    store->under_way[script]++;
    metric_add(METRIC_redis_calls, 1);
    redis_send(store->redis, (int)argc, argv, lens, on_batch, batch);
    free(argv);
    free(lens);
}

// While one call is under way the next gathers items: the busier Redis is, the larger the calls,
// and the less each item costs. An idle Redis is never waited for.
static bool is_busy(const struct store *store, unsigned script)
{
    return !is_single(script) && store->under_way[script] >= MAX_UNDER_WAY;
}

static void flush(void *ctx)
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

// The connection.

static void set_problem(struct store *store, const char *problem)
{
    if (strcmp(store->problem, problem) != 0)
        log_error("redis.unfit", "error=\"%s\"", problem);
    snprintf(store->problem, sizeof store->problem, "%s", problem);
}

static void recheck(void *ctx)
{
    struct store *store = ctx;

    store->probe = NULL;
    if (redis_is_up(store->redis))
        load_scripts(store);
}

static void check_again(struct store *store)
{
    if (store->probe == NULL)
        store->probe = loop_after(store->loop, 1000, recheck, store);
}

// The clock. What time it is for the scripts is known by our own monotonic clock, so that a wall
// clock that is set, Redis' or ours, is noticed and told to them before anything goes by it.

static void come_up(struct store *store)
{
    if (store->is_up)
        return;
    store->is_up = true;
    *store->problem = '\0';
    log_info("redis.up", "by=%s", store->by);
    if (store->on_up != NULL)
        store->on_up(store->ctx);
}

static void on_clock_timer(void *ctx)
{
    struct store *store = ctx;

    store->clock = NULL;
    ask_clock(store, "");
}

static void on_clock(void *ctx, const redisReply *reply)
{
    struct store *store = ctx;
    int64_t took_ms = clock_mono_ms() - store->asked_ms, now_ms, off_ms;
    char expected[24];

    if (reply == NULL || !store->is_asking)
        return; // the connection broke
    store->is_asking = false;
    if (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        load_scripts(store); // asks again
        return;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2) {
        set_problem(store, reply->type == REDIS_REPLY_ERROR ? reply->str : "no clock");
        check_again(store);
        return;
    }
    now_ms = reply->element[0]->integer + took_ms / 2;
    off_ms = now_ms - store_now_ms(store);
    if (reply->element[1]->integer != 0)
        log_warn("clock.set", "by=%s put_right_ms=%lld", store->by,
                 (long long)reply->element[1]->integer);
    if (took_ms > CLOCK_TOOK_MAX_MS) {
        ask_clock(store, store->has_offset ? "" : "first");
        return;
    }
    if (store->has_offset && llabs(off_ms) > CLOCK_SLACK_MS) {
        snprintf(expected, sizeof expected, "%lld", (long long)store_now_ms(store));
        ask_clock(store, expected);
        return;
    }
    store->offset_ms += off_ms;
    store->has_offset = true;
    store->is_in_question = false;
    loop_cancel(&store->clock);
    store->clock = loop_after(store->loop, CLOCK_EVERY_MS, on_clock_timer, store);
    come_up(store);
    loop_turn_ask(store->turn);
}

// `word` is clock.lua's item.
static void ask_clock(struct store *store, const char *word)
{
    char constants[120];
    const char *argv[] = {"EVALSHA", store->sha[SCRIPT_clock], "0", store->by, constants, "1",
                          word};
    size_t lens[sizeof argv / sizeof argv[0]];

    if (store->is_asking || !redis_is_up(store->redis) || store->is_loading)
        return; // asked when the connection is there
    write_constants(store, false, 0, constants, sizeof constants);
    for (size_t i = 0; i < sizeof argv / sizeof argv[0]; i++)
        lens[i] = strlen(argv[i]);
    store->is_asking = true;
    store->asked_ms = clock_mono_ms();
    redis_send(store->redis, sizeof argv / sizeof argv[0], argv, lens, on_clock, store);
}

static void on_script(void *ctx, const redisReply *reply)
{
    struct store *store = ctx;
    unsigned script = SCRIPT_COUNT - store->unloaded;

    if (reply == NULL || !store->is_loading)
        return; // the connection broke: on_state has been or will be called
    if (reply->type != REDIS_REPLY_STRING || reply->len != 40) {
        set_problem(store, reply->type == REDIS_REPLY_ERROR ? reply->str : "SCRIPT LOAD failed");
        store->is_loading = false;
        check_again(store);
        return;
    }
    memcpy(store->sha[script], reply->str, 41);
    if (--store->unloaded > 0)
        return;
    store->is_loading = false;
    ask_clock(store, store->has_offset ? "" : "first");
}

static void on_policy(void *ctx, const redisReply *reply)
{
    struct store *store = ctx;

    if (reply == NULL || !store->is_loading)
        return;
    // A server that forgets keys when it is full would forget tasks. One that doesn't tell (CONFIG
    // is often renamed away) is taken at its word.
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        strcmp(reply->element[1]->str, "noeviction") != 0) {
        char problem[200];

        snprintf(problem, sizeof problem,
                 "this Redis evicts keys (maxmemory-policy %s); run: CONFIG SET maxmemory-policy "
                 "noeviction",
                 reply->element[1]->str);
        set_problem(store, problem);
        store->is_loading = false;
        check_again(store);
        return;
    }
    store->unloaded = SCRIPT_COUNT;
    for (unsigned i = 0; i < SCRIPT_COUNT; i++) {
        char *text = script_text((enum script)i);
        const char *argv[] = {"SCRIPT", "LOAD", text};
        const size_t lens[] = {6, 4, strlen(text)};

        redis_send(store->redis, 3, argv, lens, on_script, store);
        free(text);
    }
}

static void load_scripts(struct store *store)
{
    if (store->is_loading)
        return;
    store->is_loading = true;
    redis_sendf(store->redis, on_policy, store, "CONFIG GET maxmemory-policy");
}

static void on_state(void *ctx, bool is_up)
{
    struct store *store = ctx;

    store->is_loading = store->is_asking = false; // what was sent on the old connection is lost
    if (is_up) {
        load_scripts(store);
        return;
    }
    log_warn("redis.down", "by=%s", store->by);
    store->is_up = false;
    loop_cancel(&store->probe);
    snprintf(store->problem, sizeof store->problem, "not connected");
}

struct store *store_start(struct loop *loop, const struct config *config, const char *redis_url,
                          store_fn on_up, void *ctx)
{
    struct store *store = mem_new(struct store);
    struct redis_options options = {.url = redis_url,
                                    .command_timeout_ms = COMMAND_TIMEOUT_MS,
                                    .on_state = on_state,
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
    store->turn = loop_turn_new(loop, flush, store);
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

int64_t store_now_ms(const struct store *store)
{
    return clock_mono_ms() + store->offset_ms;
}

const struct config *store_config(const struct store *store)
{
    return store->config;
}
