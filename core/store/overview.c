// How all of Spool stands.
#include "core/store/overview.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/ids.h"
#include "core/base/mem.h"
#include "core/config/config.h"
#include "core/store/keys.h"
#include "core/store/record.h"
#include "core/store/store.h"

enum { DEADLINE_MS = 3000 };

static size_t length(const redisReply *list)
{
    return list != NULL && list->type == REDIS_REPLY_ARRAY ? list->elements : 0;
}

static const char *text_at(const redisReply *list, size_t i)
{
    return list->element[i]->type == REDIS_REPLY_STRING ? list->element[i]->str : "";
}

static int64_t made_ms(const char *key)
{
    char id[ID_SIZE];

    id_of_key(id, key);
    return id_is_task(id) ? id_task_time_ms(id) : 0;
}

// A lane is named after its provider and the model ("provider/model"), or after the account that
// its follow-ups wait for ("@account", "?@account").
static void read_lane(struct overview_lane *lane, const char *name)
{
    const char *at = strchr(name, '@');

    name += *name == '?';
    lane->account = at == NULL ? "" : at + 1;
    if (at == NULL)
        snprintf(lane->provider, sizeof lane->provider, "%.*s", (int)strcspn(name, "/"), name);
}

static size_t read_lanes(const redisReply *list, bool is_later, struct overview_lane *out)
{
    size_t count = 0;

    for (size_t i = 0; i + 2 < length(list); i += 3) {
        struct overview_lane *lane = &out[count++];

        *lane = (struct overview_lane){.name = is_later ? "" : text_at(list, i),
                                       .waiting = record_integer(list->element[i + 1]),
                                       .oldest_ms = made_ms(text_at(list, i + 2))};
        read_lane(lane, text_at(list, i));
    }
    return count;
}

static void read_account(const redisReply *item, struct overview_account *out)
{
    if (length(item) < 6)
        return;
    *out = (struct overview_account){.is_disabled = record_integer(item->element[0]) == 1,
                                     .out = text_at(item, 1),
                                     .cool_ms = record_integer(item->element[2]),
                                     .rate_ms = record_integer(item->element[3]),
                                     .used = record_integer(item->element[4]),
                                     .running = record_integer(item->element[5])};
}

static size_t read_counts(const redisReply *list, struct overview_count *out)
{
    size_t count = 0;

    for (size_t i = 0; i + 1 < length(list); i += 2)
        out[count++] =
            (struct overview_count){text_at(list, i), record_integer(list->element[i + 1])};
    return count;
}

static void read_redis(const redisReply *item, struct overview_redis *out)
{
    if (length(item) < 5)
        return;
    *out = (struct overview_redis){.used_bytes = record_integer(item->element[0]),
                                   .most_bytes = record_integer(item->element[1]),
                                   .is_appending = record_integer(item->element[2]) == 1,
                                   .saved_ms = record_integer(item->element[3]) * 1000,
                                   .is_failing = record_integer(item->element[4]) == 1};
}

static void give(const redisReply *answer, overview_fn fn, void *ctx)
{
    const redisReply *const *parts = (const redisReply *const *)answer->element;
    size_t accounts = length(parts[2]), processes = length(parts[3]) / 2;
    struct overview_lane *lanes =
        mem_array(struct overview_lane, (length(parts[0]) + length(parts[1])) / 3 + 1);
    struct overview_account *states = mem_array(struct overview_account, accounts + 1);
    struct heartbeat_said *said = mem_array(struct heartbeat_said, processes + 1);
    struct overview_count *hooks = mem_array(struct overview_count, length(parts[4]) / 2 + 1);
    struct overview_count *exhausted = mem_array(struct overview_count, length(parts[5]) / 2 + 1);
    struct overview overview = {.lanes = lanes,
                                .accounts = states,
                                .account_count = accounts,
                                .processes = said,
                                .hooks = hooks,
                                .exhausted = exhausted};

    overview.lane_count = read_lanes(parts[0], false, lanes);
    overview.lane_count += read_lanes(parts[1], true, lanes + overview.lane_count);
    for (size_t i = 0; i < accounts; i++)
        read_account(parts[2]->element[i], &states[i]);
    for (size_t i = 0; i < processes; i++)
        overview.process_count +=
            heartbeat_read(&said[overview.process_count], parts[3]->element[2 * i]->str,
                           parts[3]->element[2 * i + 1]->str);
    overview.hook_count = read_counts(parts[4], hooks);
    overview.exhausted_count = read_counts(parts[5], exhausted);
    overview.storage_trouble = heartbeat_trouble(parts[6]);
    read_redis(parts[7], &overview.redis);
    fn(ctx, &overview, NULL);
    free(lanes);
    free(states);
    free(said);
    free(hooks);
    free(exhausted);
}

static void on_overview(void *ctx, store_then_fn then, const redisReply *answer,
                        const struct err *err)
{
    struct err why;

    if (err == NULL && length(answer) == 8) {
        give(answer, (overview_fn)then, ctx);
        return;
    }
    if (err == NULL)
        err_set(&why, ERR_INTERNAL, "Redis: the script's answer is too short");
    ((overview_fn)then)(ctx, NULL, err == NULL ? &why : err);
}

struct store_call *overview_read(struct store *store, overview_fn fn, void *ctx)
{
    const struct config *config = store_config(store);
    struct args args = {0};

    args_int(&args, (int64_t)config->account_count);
    for (size_t i = 0; i < config->account_count; i++)
        args_str(&args, config->accounts[i].name);
    return store_call(store, SCRIPT_overview, &args, DEADLINE_MS, on_overview, (store_then_fn)fn,
                      ctx);
}
