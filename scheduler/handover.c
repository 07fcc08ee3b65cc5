// A mailbox between threads.
#include "scheduler/handover.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/base/metrics.h"
#include "scheduler/holds.h"

struct handover {
    pthread_mutex_t mutex; // guards the rest
    struct loop *loop;     // NULL: nobody takes anything yet, or any more
    loop_fn fn;
    void *ctx;
    unsigned doors; // that may still send
    struct arrival *arrivals, **end;
};

struct arrival *arrival_new(enum arrival_kind kind)
{
    struct arrival *arrival = mem_new(struct arrival);

    arrival->kind = kind;
    arrival->fd = -1;
    return arrival;
}

// Counted by the front door, so that who has an answer finds itself counted.
static void count(const struct arrival *arrival, int by)
{
    if (arrival->kind == ARRIVAL_STREAM)
        holds_count_streams(arrival->holds, by);
    else
        metric_add(METRIC_websocket_connections, by);
}

void arrival_free(struct arrival *arrival)
{
    if (arrival == NULL)
        return;
    if (arrival->fd >= 0)
        close(arrival->fd);
    if (arrival->holds != NULL) {
        count(arrival, -1);
        holds_give(arrival->holds, arrival->owner);
        holds_leave(&arrival->holds);
    }
    buf_clear(&arrival->bytes);
    free(arrival);
}

struct handover *handover_new(void)
{
    struct handover *handover = mem_new(struct handover);

    pthread_mutex_init(&handover->mutex, NULL);
    handover->end = &handover->arrivals;
    return handover;
}

void handover_free(struct handover **pointer)
{
    struct handover *handover = *pointer;

    if (handover == NULL)
        return;
    *pointer = NULL;
    while (handover->arrivals != NULL) {
        struct arrival *arrival = handover->arrivals;

        handover->arrivals = arrival->next;
        arrival_free(arrival);
    }
    pthread_mutex_destroy(&handover->mutex);
    free(handover);
}

void handover_open(struct handover *handover, struct loop *loop, loop_fn fn, void *ctx)
{
    pthread_mutex_lock(&handover->mutex);
    handover->loop = loop;
    handover->fn = fn;
    handover->ctx = ctx;
    pthread_mutex_unlock(&handover->mutex);
}

struct arrival *handover_take(struct handover *handover)
{
    struct arrival *arrivals;

    pthread_mutex_lock(&handover->mutex);
    arrivals = handover->arrivals;
    handover->arrivals = NULL;
    handover->end = &handover->arrivals;
    pthread_mutex_unlock(&handover->mutex);
    return arrivals;
}

bool handover_is_over(struct handover *handover)
{
    bool is_over;

    pthread_mutex_lock(&handover->mutex);
    is_over = handover->doors == 0;
    pthread_mutex_unlock(&handover->mutex);
    return is_over;
}

static void count_doors(struct handover *handover, int by)
{
    pthread_mutex_lock(&handover->mutex);
    handover->doors += (unsigned)by;
    pthread_mutex_unlock(&handover->mutex);
}

void handover_enter(struct handover *handover)
{
    count_doors(handover, 1);
}

void handover_leave(struct handover *handover)
{
    count_doors(handover, -1);
}

void handover_close(struct handover *handover)
{
    pthread_mutex_lock(&handover->mutex);
    handover->loop = NULL;
    pthread_mutex_unlock(&handover->mutex);
}

bool handover_is_open(struct handover *handover)
{
    bool is_open;

    pthread_mutex_lock(&handover->mutex);
    is_open = handover->loop != NULL;
    pthread_mutex_unlock(&handover->mutex);
    return is_open;
}

void handover_send(struct handover *handover, struct arrival *arrival)
{
    bool is_first;

    count(arrival, 1);
    pthread_mutex_lock(&handover->mutex);
    if (handover->loop != NULL) {
        is_first = handover->arrivals == NULL;
        *handover->end = arrival;
        handover->end = &arrival->next;
        if (is_first) // under the lock, so that the loop is still there
            loop_post(handover->loop, handover->fn, handover->ctx);
        arrival = NULL;
    }
    pthread_mutex_unlock(&handover->mutex);
    arrival_free(arrival);
}
