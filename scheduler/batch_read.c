// What a batch is made of.
#include "scheduler/batch_read.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/json/json_walk.h"

static bool bad_json(struct err *err)
{
    return err_set(err, ERR_INVALID, "body: not valid JSON");
}

static void keep_value(struct json_span *kept, const struct json_span *value)
{
    *kept = json_span_is(value, "null") ? (struct json_span){value->at, 0} : *value;
}

static bool read_ask(struct batch_ask *ask, size_t number, const struct json_span *item,
                     struct err *err)
{
    struct {
        const char *name;
        struct json_span *kept;
        bool is_given;
    } members[] = {{"path", &ask->path, false},
                   {"body", &ask->body, false},
                   {"idempotency_key", &ask->key, false}};
    struct json_span name, value;
    struct json_walk walk;
    enum json_step step;

    *ask = (struct batch_ask){.is_object = json_walk_begin(&walk, item->at, item->len, '{')};
    if (!ask->is_object)
        return true;
    while ((step = json_walk_next(&walk, &name, &value)) == JSON_STEP_VALUE) {
        for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
            if (!json_span_is(&name, members[i].name))
                continue;
            if (members[i].is_given)
                return err_set(err, ERR_INVALID, "requests.%zu.%s: comes twice", number,
                               members[i].name);
            members[i].is_given = true;
            keep_value(members[i].kept, &value);
        }
    }
    return step == JSON_STEP_END ||
           err_set(err, ERR_INVALID, "requests.%zu: not valid JSON", number);
}

static bool read_list(struct batch_read *read, const struct json_span *list, struct err *err)
{
    struct json_span name, item;
    struct json_walk walk;
    enum json_step step;
    size_t room = 0;

    if (!json_walk_begin(&walk, list->at, list->len, '['))
        return err_set(err, ERR_INVALID, "requests: must be an array");
    while ((step = json_walk_next(&walk, &name, &item)) == JSON_STEP_VALUE) {
        if (read->count == BATCH_MAX)
            return err_set(err, ERR_INVALID, "requests: more than %d", BATCH_MAX);
        if (read->count == room) {
            room = room == 0 ? 16 : 2 * room;
            read->asks = mem_resize(read->asks, room * sizeof *read->asks);
        }
        if (!read_ask(&read->asks[read->count], read->count, &item, err))
            return false;
        read->count++;
    }
    return step == JSON_STEP_END ||
           err_set(err, ERR_INVALID, "requests.%zu: not valid JSON", read->count);
}

bool batch_read(struct batch_read *read, const char *text, size_t len, struct err *err)
{
    struct json_span name, value, list = {0};
    struct json_walk walk;
    enum json_step step;

    if (!json_walk_begin(&walk, text, len, '{'))
        return err_set(err, ERR_INVALID, "body: must be a JSON object");
    while ((step = json_walk_next(&walk, &name, &value)) == JSON_STEP_VALUE) {
        if (!json_span_is(&name, "requests"))
            continue;
        if (list.at != NULL)
            return err_set(err, ERR_INVALID, "requests: comes twice");
        keep_value(&list, &value);
    }
    if (step != JSON_STEP_END || !json_walk_is_over(&walk))
        return bad_json(err);
    if (list.len == 0)
        return err_set(err, ERR_INVALID, "requests: is required");
    return read_list(read, &list, err) &&
           (read->count > 0 || err_set(err, ERR_INVALID, "requests: is required"));
}

void batch_read_clear(struct batch_read *read)
{
    free(read->asks);
    *read = (struct batch_read){0};
}
