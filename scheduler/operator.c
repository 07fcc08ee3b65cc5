// What operators see and steer: how all of Spool stands, and the accounts.
#include <string.h>

#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/config/config.h"
#include "core/store/accounts.h"
#include "core/store/overview.h"
#include "core/store/store.h"
#include "providers/provider.h"
#include "scheduler/front.h"
#include "scheduler/handlers.h"
#include "scheduler/request.h"
#include "scheduler/waiting.h"

static void add_time(struct buf *json, const char *name, int64_t ms)
{
    if (ms > 0)
        buf_fmt(json, ",\"%s\":%lld", name, (long long)ms);
    else
        buf_fmt(json, ",\"%s\":null", name);
}

static void add_text(struct buf *json, const char *name, const char *text)
{
    buf_fmt(json, ",\"%s\":", name);
    if (text == NULL || *text == '\0')
        buf_str(json, "null");
    else
        buf_json_str(json, text);
}

static const char *lane_provider(const struct config *config, const struct overview_lane *lane)
{
    const struct account *account =
        *lane->account == '\0' ? NULL : config_account(config, lane->account);

    return account == NULL ? lane->provider : account->provider->name;
}

// Writes a provider's lanes. False: it has none.
static bool write_provider(struct buf *json, const struct config *config,
                           const struct overview *overview, const char *provider, bool is_first)
{
    struct buf lanes = {0};
    int64_t waiting = 0, oldest_ms = 0;
    size_t count = 0;

    for (size_t i = 0; i < overview->lane_count; i++) {
        const struct overview_lane *lane = &overview->lanes[i];

        if (strcmp(lane_provider(config, lane), provider) != 0)
            continue;
        buf_str(&lanes, count++ == 0 ? "{\"lane\":" : ",{\"lane\":");
        buf_json_str(&lanes, *lane->name == '\0' ? "retry" : lane->name);
        buf_fmt(&lanes, ",\"waiting\":%lld", (long long)lane->waiting);
        add_time(&lanes, "oldest_at", lane->oldest_ms);
        buf_char(&lanes, '}');
        waiting += lane->waiting;
        if (oldest_ms == 0 || (lane->oldest_ms > 0 && lane->oldest_ms < oldest_ms))
            oldest_ms = lane->oldest_ms;
    }
    if (count > 0) {
        buf_str(json, is_first ? "{\"provider\":" : ",{\"provider\":");
        buf_json_str(json, provider);
        buf_fmt(json, ",\"waiting\":%lld", (long long)waiting);
        add_time(json, "oldest_at", oldest_ms);
        buf_fmt(json, ",\"lanes\":[%s]}", lanes.data);
    }
    buf_clear(&lanes);
    return count > 0;
}

// Writes each provider once, in the order in which their first lanes come.
static void write_queue(struct buf *json, const struct config *config,
                        const struct overview *overview)
{
    bool is_first = true;

    buf_str(json, "\"queue\":[");
    for (size_t i = 0; i < overview->lane_count; i++) {
        const char *provider = lane_provider(config, &overview->lanes[i]);
        bool is_written = false;

        for (size_t k = 0; k < i && !is_written; k++)
            is_written = strcmp(lane_provider(config, &overview->lanes[k]), provider) == 0;
        if (!is_written)
            is_first = !write_provider(json, config, overview, provider, is_first) && is_first;
    }
    buf_char(json, ']');
}

static const char *account_state(const struct overview_account *state, int64_t now_ms)
{
    return state->is_disabled        ? "disabled"
           : *state->out != '\0'     ? "out"
           : state->cool_ms > now_ms ? "cooling"
                                     : "ok";
}

static void write_account(struct buf *json, const struct account *account,
                          const struct overview_account *state, int64_t now_ms)
{
    buf_fmt(json, "{\"name\":\"%s\",\"provider\":\"%s\",\"dialect\":", account->name,
            account->provider->name);
    buf_json_str(json, account->dialect->name);
    buf_fmt(json, ",\"state\":\"%s\",\"disabled\":%s,\"slots_used\":%lld,\"slots_limit\":",
            account_state(state, now_ms), state->is_disabled ? "true" : "false",
            (long long)state->used);
    if (account->max_concurrency > 0)
        buf_fmt(json, "%d", account->max_concurrency);
    else
        buf_str(json, "null");
    buf_fmt(json, ",\"in_flight\":%lld,\"requests_per_minute\":%d", (long long)state->running,
            account->requests_per_minute);
    add_time(json, "cooling_until", state->cool_ms > now_ms ? state->cool_ms : 0);
    add_text(json, "out", state->out);
    buf_char(json, '}');
}

static void write_accounts(struct buf *json, const struct config *config,
                           const struct overview *overview, int64_t now_ms)
{
    buf_char(json, '[');
    for (size_t i = 0; i < overview->account_count; i++) {
        if (i > 0)
            buf_char(json, ',');
        write_account(json, &config->accounts[i], &overview->accounts[i], now_ms);
    }
    buf_char(json, ']');
}

// A process' roles have a row each; its last beat is the latest of any role.
static void write_process(struct buf *json, const struct overview *overview, size_t first)
{
    const struct heartbeat_said *said = &overview->processes[first];
    int64_t last_ms = 0;
    unsigned in_hand = 0;
    bool is_first = true;

    buf_str(json, "{\"id\":");
    buf_json_str(json, said->process);
    add_text(json, "host", said->host);
    buf_fmt(json, ",\"pid\":%d", said->pid);
    add_text(json, "version", said->version);
    add_time(json, "started_at", said->started_ms);
    buf_str(json, ",\"roles\":[");
    for (size_t i = first; i < overview->process_count; i++) {
        const struct heartbeat_said *other = &overview->processes[i];

        if (strcmp(other->process, said->process) != 0)
            continue;
        buf_fmt(json, "%s{\"role\":\"%s\",\"in_hand\":%u,\"beat_at\":%lld}", is_first ? "" : ",",
                other->role, other->in_hand, (long long)other->said_ms);
        is_first = false;
        in_hand += other->in_hand;
        last_ms = other->said_ms > last_ms ? other->said_ms : last_ms;
    }
    buf_fmt(json, "],\"in_hand\":%u,\"beat_at\":%lld}", in_hand, (long long)last_ms);
}

static bool is_alive(const struct heartbeat_said *said, int64_t now_ms)
{
    return now_ms - said->said_ms < HEARTBEAT_SILENT_MS;
}

static void write_processes(struct buf *json, const struct overview *overview, int64_t now_ms)
{
    bool is_first = true;

    buf_str(json, ",\"processes\":[");
    for (size_t i = 0; i < overview->process_count; i++) {
        bool is_written = !is_alive(&overview->processes[i], now_ms);

        for (size_t k = 0; k < i && !is_written; k++)
            is_written =
                strcmp(overview->processes[k].process, overview->processes[i].process) == 0 &&
                is_alive(&overview->processes[k], now_ms);
        if (is_written)
            continue;
        if (!is_first)
            buf_char(json, ',');
        is_first = false;
        write_process(json, overview, i);
    }
    buf_char(json, ']');
}

static void write_counts(struct buf *json, const char *name, const struct overview_count *counts,
                         size_t count)
{
    buf_fmt(json, "\"%s\":[", name);
    for (size_t i = 0; i < count; i++) {
        buf_str(json, i == 0 ? "{\"host\":" : ",{\"host\":");
        buf_json_str(json, counts[i].name);
        buf_fmt(json, ",\"count\":%lld}", (long long)counts[i].count);
    }
    buf_char(json, ']');
}

static void write_redis(struct buf *json, const struct config *config,
                        const struct overview_redis *redis)
{
    buf_fmt(json, ",\"redis\":{\"up\":true,\"memory_bytes\":%lld,\"memory_limit\":",
            (long long)redis->used_bytes);
    if (redis->most_bytes > 0)
        buf_fmt(json, "%lld", (long long)redis->most_bytes);
    else
        buf_str(json, "null");
    buf_fmt(json, ",\"persistence\":\"%s\",\"persistence_ok\":%s",
            redis->is_appending                             ? "appendonly"
            : config->redis_persistence == PERSISTENCE_NONE ? "none"
                                                            : "snapshots",
            redis->is_failing ? "false" : "true");
    add_time(json, "saved_at", redis->saved_ms);
    buf_char(json, '}');
}

static void write_storage(struct buf *json, const struct config *config,
                          const struct overview *overview)
{
    buf_str(json, ",\"storage\":{\"url\":");
    buf_json_str(json, *config->storage.url == '\0' ? "data_dir" : config->storage.url);
    buf_fmt(json, ",\"ok\":%s", *overview->storage_trouble == '\0' ? "true" : "false");
    add_text(json, "trouble", overview->storage_trouble);
    buf_char(json, '}');
}

static void on_overview(void *ctx, const struct overview *overview, const struct err *err)
{
    struct request *request = ctx;
    const struct config *config = request->front->config;
    int64_t now_ms = store_now_ms(request->front->store);
    struct buf json = {0};

    if (!request_got(request, AWAIT_STORE, err))
        return;
    buf_str(&json, "{\"object\":\"overview\",");
    write_queue(&json, config, overview);
    buf_str(&json, ",\"accounts\":");
    write_accounts(&json, config, overview, now_ms);
    write_processes(&json, overview, now_ms);
    buf_str(&json, ",\"deliveries\":{");
    write_counts(&json, "waiting", overview->hooks, overview->hook_count);
    buf_char(&json, ',');
    write_counts(&json, "exhausted", overview->exhausted, overview->exhausted_count);
    buf_char(&json, '}');
    write_redis(&json, config, &overview->redis);
    write_storage(&json, config, overview);
    buf_char(&json, '}');
    request_answer(request, 200, &json);
    buf_clear(&json);
}

void operator_overview(struct request *request)
{
    request_await(request, AWAIT_STORE, overview_read(request->front->store, on_overview, request));
}

static void on_accounts(void *ctx, const struct overview *overview, const struct err *err)
{
    struct request *request = ctx;
    struct buf json = {0};

    if (!request_got(request, AWAIT_STORE, err))
        return;
    buf_str(&json, "{\"object\":\"list\",\"data\":");
    write_accounts(&json, request->front->config, overview, store_now_ms(request->front->store));
    buf_char(&json, '}');
    request_answer(request, 200, &json);
    buf_clear(&json);
}

void operator_accounts(struct request *request)
{
    request_await(request, AWAIT_STORE, overview_read(request->front->store, on_accounts, request));
}

// Shows one account as it is after it was switched.
static void on_account(void *ctx, const struct overview *overview, const struct err *err)
{
    struct request *request = ctx;
    const struct config *config = request->front->config;
    size_t index = (size_t)(config_account(config, request->id) - config->accounts);
    struct buf json = {0};

    if (!request_got(request, AWAIT_STORE, err))
        return;
    write_account(&json, &config->accounts[index], &overview->accounts[index],
                  store_now_ms(request->front->store));
    request_answer(request, 200, &json);
    buf_clear(&json);
}

// From here on our submits know of it.
static void on_states(void *ctx, const struct account_state *states, bool is_worker_there,
                      const struct err *err)
{
    struct request *request = ctx;

    if (!request_got(request, AWAIT_STORE, err))
        return;
    waiting_keep(request->front->waiting, states, is_worker_there);
    request_await(request, AWAIT_STORE, overview_read(request->front->store, on_account, request));
}

static void on_switched(void *ctx, const struct err *err)
{
    struct request *request = ctx;

    if (request_got(request, AWAIT_STORE, err))
        request_await(request, AWAIT_STORE,
                      accounts_read(request->front->store, on_states, request));
}

static void switch_account(struct request *request, bool is_on)
{
    struct err err;

    if (config_account(request->front->config, request->id) == NULL) {
        err_set(&err, ERR_NOT_FOUND, "there is no account \"%.64s\"", request->id);
        request_refuse(request, &err);
        return;
    }
    request_await(request, AWAIT_STORE,
                  account_switch(request->front->store, request->id, is_on, on_switched, request));
}

void operator_disable(struct request *request)
{
    switch_account(request, false);
}

void operator_enable(struct request *request)
{
    switch_account(request, true);
}
