// Makes sure that a Redis is fit to be used: that it keeps its keys, has the scripts, and agrees on
// the time.
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/loop/loop.h"
#include "core/redis/redis.h"
#include "core/store/keys.h"
#include "core/store/store_private.h"

// The clock is asked for every CLOCK_EVERY_MS; an answer that took longer than CLOCK_TOOK_MAX_MS
// tells too little. A clock that is off by more than clocks drift in between (CLOCK_SLACK_MS, as in
// lib/base.lua) has been set.
enum { CLOCK_EVERY_MS = 30000, CLOCK_TOOK_MAX_MS = 1000, CLOCK_SLACK_MS = 5000 };

int64_t store_now_ms(const struct store *store)
{
    return clock_mono_ms() + store->offset_ms;
}

void store_add_script(const struct store *store, enum script script, bool is_again,
                      int64_t expected_ms, struct args *command)
{
    char constants[120];
    const char *end = constants + sizeof constants;

    text_int(text_add(text_add(constants, end, store->constants[is_again]), end, " "), end,
             expected_ms);
    args_str(command, "EVALSHA");
    args_str(command, script_hash(script));
    args_str(command, "1");
    args_str(command, CELL_TAG);
    args_str(command, store->by);
    args_str(command, constants);
}

// Sends a command outside of the calls. Takes its arguments.
static void send_args(struct store *store, struct args *args, redis_reply_fn fn)
{
    struct buf command = {0};

    args_head(&command, args->count);
    buf_add(&command, args->bytes.data, args->bytes.len);
    redis_send(store->redis, &command, fn, store);
    buf_clear(&command);
    buf_clear(&args->bytes);
}

static void set_problem(struct store *store, const char *problem)
{
    if (strcmp(store->problem, problem) != 0)
        log_error("redis.unfit", "error=\"%s\"", problem);
    snprintf(store->problem, sizeof store->problem, "%s", problem);
}

// A server that was the master and is a replica now, or has given its keys away, keeps its
// connections, and would refuse for ever what comes by them.
static bool is_other(const char *error)
{
    static const char *const prefixes[] = {"READONLY", "MASTERDOWN", "MOVED"};

    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        if (strncmp(error, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    return false;
}

void store_leave_other(struct store *store, const char *error)
{
    if (is_other(error))
        redis_reconnect(store->redis, error);
}

static void recheck(void *ctx)
{
    struct store *store = ctx;

    store->probe = NULL;
    if (redis_is_up(store->redis))
        store_load_scripts(store);
}

static void check_again(struct store *store)
{
    if (store->probe == NULL)
        store->probe = loop_after(store->loop, 1000, recheck, store);
}

// The clock. We know by our own monotonic clock what time it should be for the scripts, so a wall
// clock that was set, Redis' or ours, is noticed and noted before anything goes by it.

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
    store_ask_clock(store, "");
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
        store_load_scripts(store); // then asks for the clock again
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
        store_ask_clock(store, store->has_offset ? "" : "first");
        return;
    }
    if (store->has_offset && llabs(off_ms) > CLOCK_SLACK_MS) {
        snprintf(expected, sizeof expected, "%lld", (long long)store_now_ms(store));
        store_ask_clock(store, expected);
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

// Runs a script whose item is one word, outside of the calls, whatever time it is.
static void run_script(struct store *store, enum script script, const char *word, redis_reply_fn fn)
{
    struct args args = {0};

    store_add_script(store, script, false, 0, &args);
    args_str(&args, "1");
    args_str(&args, word);
    send_args(store, &args, fn);
}

// `word` is clock.lua's item.
void store_ask_clock(struct store *store, const char *word)
{
    if (store->is_asking || !redis_is_up(store->redis) || store->is_loading)
        return; // the clock is asked for when the connection is there
    store->is_asking = true;
    store->asked_ms = clock_mono_ms();
    run_script(store, SCRIPT_clock, word, on_clock);
}

// Redis isn't fit to be used: asks it again in a moment.
static void give_up_loading(struct store *store, const char *problem)
{
    set_problem(store, problem);
    store->is_loading = false;
    check_again(store);
    store_leave_other(store, problem);
}

static const char *error_of(const redisReply *reply, const char *otherwise)
{
    return reply->type == REDIS_REPLY_ERROR ? reply->str : otherwise;
}

// The layout of the keys: converted once, by whoever comes first, in steps. `cursor` is
// convert.lua's item.

static void on_layout(void *ctx, const redisReply *reply);

static void ask_layout(struct store *store, const char *cursor)
{
    run_script(store, SCRIPT_convert, cursor, on_layout);
}

static void on_layout(void *ctx, const redisReply *reply)
{
    struct store *store = ctx;
    const char *word;

    if (reply == NULL || !store->is_loading)
        return; // the connection broke
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements == 0) {
        give_up_loading(store, error_of(reply, "no layout"));
        return;
    }
    word = reply->element[0]->str;
    if (strcmp(word, "more") == 0) {
        log_info("redis.converting", "cursor=%s", reply->element[1]->str);
        ask_layout(store, reply->element[1]->str);
    } else if (strcmp(word, "wait") == 0) {
        give_up_loading(store, reply->element[1]->str);
    } else {
        store->is_loading = false;
        store_ask_clock(store, store->has_offset ? "" : "first");
    }
}

// Scripts. A server that has them already, as one that other processes use, needn't be sent them.

static void on_script(void *ctx, const redisReply *reply)
{
    struct store *store = ctx;

    if (reply == NULL || !store->is_loading)
        return; // the connection broke: on_state has been or will be called
    if (reply->type != REDIS_REPLY_STRING)
        give_up_loading(store, error_of(reply, "SCRIPT LOAD failed"));
    else if (--store->unloaded == 0)
        ask_layout(store, "");
}

static void on_scripts(void *ctx, const redisReply *reply)
{
    struct store *store = ctx;

    if (reply == NULL || !store->is_loading)
        return;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != SCRIPT_COUNT) {
        give_up_loading(store, error_of(reply, "SCRIPT EXISTS failed"));
        return;
    }
    store->unloaded = 0;
    for (unsigned i = 0; i < SCRIPT_COUNT; i++) {
        char *text = reply->element[i]->integer == 1 ? NULL : script_text((enum script)i);
        struct args args = {0};

        if (text == NULL)
            continue;
        store->unloaded++;
        args_str(&args, "SCRIPT");
        args_str(&args, "LOAD");
        args_str(&args, text);
        send_args(store, &args, on_script);
        free(text);
    }
    if (store->unloaded == 0)
        ask_layout(store, "");
}

static void ask_scripts(struct store *store)
{
    struct args args = {0};

    args_str(&args, "SCRIPT");
    args_str(&args, "EXISTS");
    for (unsigned i = 0; i < SCRIPT_COUNT; i++)
        args_str(&args, script_hash((enum script)i));
    send_args(store, &args, on_scripts);
}

static void on_policy(void *ctx, const redisReply *reply)
{
    struct store *store = ctx;

    if (reply == NULL || !store->is_loading)
        return;
    // A server that evicts keys when it is full would lose tasks. A server that doesn't tell its
    // policy (CONFIG is often renamed away) is trusted.
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        strcmp(reply->element[1]->str, "noeviction") != 0) {
        char problem[200];

        snprintf(problem, sizeof problem,
                 "this Redis evicts keys (maxmemory-policy %s); run: CONFIG SET maxmemory-policy "
                 "noeviction",
                 reply->element[1]->str);
        give_up_loading(store, problem);
        return;
    }
    ask_scripts(store);
}

void store_load_scripts(struct store *store)
{
    if (store->is_loading)
        return;
    store->is_loading = true;
    redis_sendf(store->redis, on_policy, store, "CONFIG GET maxmemory-policy");
}

void store_on_state(void *ctx, bool is_up)
{
    struct store *store = ctx;

    store->is_loading = store->is_asking = false; // what was sent on the old connection is lost
    if (is_up) {
        store_load_scripts(store);
        return;
    }
    log_warn("redis.down", "by=%s", store->by);
    store->is_up = false;
    loop_cancel(&store->probe);
    if (!is_other(store->problem)) // that is what has to be mended
        snprintf(store->problem, sizeof store->problem, "not connected");
}
