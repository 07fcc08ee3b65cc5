// A store without Redis: tasks as the front door needs them, and the event stream.
#include "core/store/lane.h"
#include "core/store/tasks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/mem.h"
#include "core/store/events.h"
#include "core/store/store.h"
#include "tests/support/check.h"
#include "tests/support/fake_store_private.h"

enum { IDS_MAX = 2000 };

// What a read asked for.
struct ids {
    bool is_one;
    size_t count;
    char id[][ID_SIZE];
};

struct task *fake_task(const char *id, const char *owner, enum task_phase phase)
{
    struct task *task = task_new();

    snprintf(task->id, sizeof task->id, "%s", id);
    task->owner = mem_str(owner);
    task->phase = phase;
    task->version = 1;
    return task;
}

struct task *fake_ended_task(const char *id)
{
    struct task *task;

    if (strcmp(id, "t9") == 0)
        return NULL;
    task = fake_task(id, "dev", TASK_SUCCEEDED);
    task->version = 3;
    task->created_ms = task->finished_ms = 1700000000000;
    return task;
}

// A tasks_op is a store_call of ours.

void tasks_op_cancel(struct tasks_op **op)
{
    store_cancel((struct store_call **)op);
}

static struct tasks_op *op_of(struct store_call *call)
{
    return (struct tasks_op *)call;
}

static void end_read(struct fake_call *fake, fake_make_fn make, const struct err *err)
{
    struct store_call *call = (struct store_call *)fake;
    const struct ids *ids = call->more;
    struct task **tasks;
    struct err unknown;

    if (!fake_takes(fake))
        return;
    tasks = mem_array(struct task *, ids->count);
    for (size_t i = 0; err == NULL && i < ids->count; i++)
        tasks[i] = make(ids->id[i]);
    if (!ids->is_one) {
        ((tasks_fn)call->fn)(call->ctx, err == NULL ? tasks : NULL, err == NULL ? ids->count : 0,
                             err);
    } else {
        if (err == NULL && tasks[0] == NULL) {
            err_set(&unknown, ERR_NOT_FOUND, "no such task");
            err = &unknown;
        }
        ((task_fn)call->fn)(call->ctx, tasks[0], err);
    }
    free(tasks);
}

static void fail_read(struct fake_call *call, const struct err *err)
{
    end_read(call, NULL, err);
}

void fake_tasks_done(struct fake_call *call, fake_make_fn make)
{
    end_read(call, make, NULL);
}

static struct store_call *read_new(const char *const *ids, size_t count, void (*fn)(void),
                                   void *ctx)
{
    struct store_call *call = fake_store_call_new(fn, ctx, fail_read);
    struct ids *kept = mem_zeroed(1, sizeof *kept + count * sizeof kept->id[0]);

    assert_true(count < IDS_MAX);
    kept->count = count;
    for (size_t i = 0; i < count; i++)
        snprintf(kept->id[i], ID_SIZE, "%s", ids[i]);
    call->more = kept;
    return call;
}

struct tasks_op *tasks_get(struct store *store, const char *id, const char *owner, task_fn fn,
                           void *ctx)
{
    struct store_call *call = read_new(&id, 1, (void (*)(void))fn, ctx);

    (void)store;
    ((struct ids *)call->more)->is_one = true;
    fake_add(&call->call, "get %s%s%s", id,
             owner == NULL ? "" : " owner=", owner == NULL ? "" : owner);
    return op_of(call);
}

struct tasks_op *tasks_get_many(struct store *store, const char *const *ids, size_t count,
                                const char *owner, tasks_fn fn, void *ctx)
{
    struct store_call *call = read_new(ids, count, (void (*)(void))fn, ctx);
    struct buf line = {0};

    (void)store;
    buf_str(&line, "read");
    for (size_t i = 0; i < count; i++)
        buf_fmt(&line, " %s", ids[i]);
    if (owner != NULL)
        buf_fmt(&line, " owner=%s", owner);
    fake_add(&call->call, "%s", line.data);
    buf_clear(&line);
    return op_of(call);
}

static void end_submit(struct fake_call *fake, enum submit_result result, const char *id,
                       const struct err *err)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake))
        ((submit_fn)call->fn)(call->ctx, result, id, 0, err);
}

static void fail_submit(struct fake_call *call, const struct err *err)
{
    end_submit(call, SUBMIT_ACCEPTED, "", err);
}

void fake_submit_done(struct fake_call *call, enum submit_result result, const char *id)
{
    end_submit(call, result, id, NULL);
}

void idempotency_init(struct idempotency *idempotency, const char *key, const struct task *task,
                      const char *asked)
{
    (void)asked;
    snprintf(idempotency->key, sizeof idempotency->key, "%s", key);
    snprintf(idempotency->body, sizeof idempotency->body, "%s", task->action);
}

struct tasks_op *tasks_submit(struct store *store, const struct submit *submit, submit_fn fn,
                              void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_submit);

    (void)store;
    fake_add(&call->call, "submit %s lane=%s", submit->task->id, submit->lane);
    return op_of(call);
}

struct tasks_op *tasks_find_replay(struct store *store, const char *owner,
                                   const struct idempotency *idempotency, submit_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_submit);

    (void)store;
    fake_add(&call->call, "replay %s key=%s", owner, idempotency->key);
    return op_of(call);
}

static void end_cancel(struct fake_call *fake, enum cancel_result result, const struct err *err)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake))
        ((cancel_fn)call->fn)(call->ctx, result, err);
}

static void fail_cancel(struct fake_call *call, const struct err *err)
{
    end_cancel(call, CANCEL_BEFORE_SUBMIT, err);
}

void fake_cancel_done(struct fake_call *call, enum cancel_result result)
{
    end_cancel(call, result, NULL);
}

struct tasks_op *tasks_cancel(struct store *store, const char *id, const char *owner,
                              bool vendor_can, int64_t watch_ms, cancel_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_cancel);

    (void)store;
    fake_add(&call->call, "cancel %s%s%s%s watch=%lld", id,
             owner == NULL ? "" : " owner=", owner == NULL ? "" : owner,
             vendor_can ? " vendor_can" : "", (long long)watch_ms);
    return op_of(call);
}

static void end_strings(struct fake_call *fake, const char *const *values, size_t count,
                        const struct err *err)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake))
        ((strings_fn)call->fn)(call->ctx, values, count, err);
}

static void fail_strings(struct fake_call *call, const struct err *err)
{
    end_strings(call, NULL, 0, err);
}

void fake_strings_done(struct fake_call *call, const char *const *values, size_t count)
{
    end_strings(call, values, count, NULL);
}

struct tasks_op *tasks_list(struct store *store, const char *owner, const char *after, int limit,
                            bool is_oldest_first, strings_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_strings);

    (void)store;
    fake_add(&call->call, "list %s after=%s limit=%d%s", owner, after == NULL ? "" : after, limit,
             is_oldest_first ? " oldest first" : "");
    return op_of(call);
}

void tasks_mark(struct store *store, const char *owner, const char *mark, const char *id)
{
    (void)store;
    fake_note("mark %s %s owner=%s", mark, id, owner);
}

struct tasks_op *tasks_find_mark(struct store *store, const char *owner, const char *mark,
                                 strings_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_strings);

    (void)store;
    fake_add(&call->call, "find mark %s owner=%s", mark, owner);
    return op_of(call);
}

struct tasks_op *tasks_timeline(struct store *store, const char *id, strings_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_strings);

    (void)store;
    fake_add(&call->call, "timeline %s", id);
    return op_of(call);
}

void lane_name(char *lane, size_t size, const char *provider, const char *model,
               const char *account, bool needs_slot)
{
    (void)needs_slot;
    snprintf(lane, size, "%s/%s", account == NULL ? provider : account, model == NULL ? "" : model);
}

// The event stream: one reader.

struct events {
    struct events_options options;
    char cursor[CURSOR_SIZE];
    bool is_ready;
    bool is_held; // nobody has asked for more
    unsigned most;
};

static struct events the_events;

struct events *events_start(struct loop *loop, struct store *store,
                            const struct events_options *options)
{
    (void)loop;
    (void)store;
    the_events = (struct events){.options = *options};
    return &the_events;
}

void events_drop(struct events **events)
{
    *events = NULL;
    the_events = (struct events){0};
}

void events_listen(struct events *events)
{
    (void)events;
    fake_note("listen");
}

void events_pause(struct events *events)
{
    events->is_ready = false;
    fake_note("pause");
}

void events_more(struct events *events, unsigned most)
{
    events->is_held = false;
    events->most = most;
}

const char *events_cursor(const struct events *events)
{
    return events->is_ready ? events->cursor : "";
}

// Nobody hears of these after the drop.

void fake_events_ready(const char *cursor)
{
    snprintf(the_events.cursor, CURSOR_SIZE, "%s", cursor);
    the_events.is_ready = true;
    if (the_events.options.on_ready != NULL)
        the_events.options.on_ready(the_events.options.ctx, the_events.cursor);
}

bool fake_events_are_held(void)
{
    return the_events.is_held;
}

unsigned fake_events_most(void)
{
    return the_events.most;
}

void fake_events_tell(const struct event *events, size_t count)
{
    the_events.is_held = true;
    snprintf(the_events.cursor, CURSOR_SIZE, "%s", events[count - 1].cursor);
    if (the_events.options.on_events != NULL)
        the_events.options.on_events(the_events.options.ctx, events, count);
}

void fake_events_gap(const char *cursor)
{
    snprintf(the_events.cursor, CURSOR_SIZE, "%s", cursor);
    if (the_events.options.on_gap != NULL)
        the_events.options.on_gap(the_events.options.ctx);
}

static void end_range(struct fake_call *fake, const struct event *events, size_t count, bool is_gap,
                      const struct err *err)
{
    struct store_call *call = (struct store_call *)fake;

    if (fake_takes(fake))
        ((events_range_fn)call->fn)(call->ctx, events, count, is_gap, err);
}

static void fail_range(struct fake_call *call, const struct err *err)
{
    end_range(call, NULL, 0, false, err);
}

void fake_range_done(struct fake_call *call, const struct event *events, size_t count, bool is_gap)
{
    end_range(call, events, count, is_gap, NULL);
}

struct events_range *events_read(struct store *store, const char *from, const char *to, int max,
                                 events_range_fn fn, void *ctx)
{
    struct store_call *call = fake_store_call_new((void (*)(void))fn, ctx, fail_range);

    (void)store;
    (void)max;
    fake_add(&call->call, "range %s %s", from, to);
    return (struct events_range *)call;
}

void events_range_cancel(struct events_range **range)
{
    store_cancel((struct store_call **)range);
}

static void read_cursor(const char *text, unsigned long long *ms, unsigned long long *number)
{
    *ms = *number = 0;
    sscanf(text, "%llu-%llu", ms, number);
}

bool events_is_cursor(const char *text)
{
    return strchr(text, '-') != NULL;
}

int events_compare(const char *a, const char *b)
{
    unsigned long long left[2], right[2];

    read_cursor(a, &left[0], &left[1]);
    read_cursor(b, &right[0], &right[1]);
    for (int i = 0; i < 2; i++)
        if (left[i] != right[i])
            return left[i] < right[i] ? -1 : 1;
    return 0;
}
