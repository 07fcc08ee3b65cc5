// The realtime role.
#include "scheduler/realtime_role.h"

#include <stdlib.h>

#include "core/base/mem.h"
#include "core/loop/loop.h"
#include "core/store/store.h"
#include "scheduler/event_stream.h"
#include "scheduler/generation.h"
#include "scheduler/handover.h"
#include "scheduler/realtime.h"
#include "scheduler/waiting.h"
#include "scheduler/websocket.h"

struct realtime_role {
    struct store *store;
    struct waiting *waiting;
    struct realtime *realtime;
    struct websockets *websockets;
    struct event_streams *streams;
    struct handover *handover; // borrowed, outlives us
};

static void take_arrivals(void *ctx)
{
    struct realtime_role *role = ctx;
    struct arrival *next;

    for (struct arrival *arrival = handover_take(role->handover); arrival != NULL; arrival = next) {
        next = arrival->next;
        if (arrival->kind == ARRIVAL_WEBSOCKET)
            websockets_adopt(role->websockets, arrival);
        else
            event_streams_adopt(role->streams, arrival);
    }
}

struct realtime_role *realtime_role_start(struct loop *loop, const struct role_start *start)
{
    struct realtime_role *role = mem_new(struct realtime_role);

    role->store = store_start(loop, start->config, start->redis_url, NULL, NULL);
    role->waiting = waiting_start(role->store);
    role->realtime = realtime_start(loop, role->store, role->waiting, start->redis_url);
    role->websockets = websockets_start(loop, role->realtime);
    role->streams = event_streams_start(loop, role->store, role->realtime);
    role->handover = start->handover;
    handover_open(role->handover, loop, take_arrivals, role);
    return role;
}

bool realtime_role_drain(struct realtime_role *role)
{
    bool is_over = handover_is_over(role->handover), have_ended;

    take_arrivals(role); // a front door that drains still answers those that it has let in
    websockets_drain(role->websockets);
    have_ended = event_streams_drain(role->streams);
    return is_over && have_ended;
}

void realtime_role_drop(struct realtime_role **pointer)
{
    struct realtime_role *role = *pointer;

    if (role == NULL)
        return;
    *pointer = NULL;
    handover_close(role->handover);
    websockets_drop(&role->websockets);
    event_streams_drop(&role->streams);
    realtime_drop(&role->realtime);
    waiting_drop(&role->waiting);
    store_drop(&role->store);
    free(role);
}
