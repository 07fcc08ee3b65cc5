// Places for connections that are held open.
#include "scheduler/holds.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/base/mem.h"
#include "core/base/room.h"

struct holds {
    pthread_mutex_t mutex; // guards the room
    struct room places;
    atomic_uint shares, streams;
};

struct holds *holds_new(size_t total)
{
    struct holds *holds = mem_new(struct holds);

    pthread_mutex_init(&holds->mutex, NULL);
    holds->places.total = total;
    atomic_init(&holds->shares, 1);
    return holds;
}

struct holds *holds_share(struct holds *holds)
{
    atomic_fetch_add(&holds->shares, 1);
    return holds;
}

void holds_leave(struct holds **pointer)
{
    struct holds *holds = *pointer;

    if (holds == NULL)
        return;
    *pointer = NULL;
    if (atomic_fetch_sub(&holds->shares, 1) > 1)
        return;
    room_clear(&holds->places);
    pthread_mutex_destroy(&holds->mutex);
    free(holds);
}

bool holds_take(struct holds *holds, const char *owner)
{
    bool ok;

    pthread_mutex_lock(&holds->mutex);
    ok = room_take(&holds->places, owner, 1);
    pthread_mutex_unlock(&holds->mutex);
    return ok;
}

void holds_give(struct holds *holds, const char *owner)
{
    pthread_mutex_lock(&holds->mutex);
    room_give(&holds->places, owner, 1);
    pthread_mutex_unlock(&holds->mutex);
}

size_t holds_taken(struct holds *holds)
{
    size_t taken;

    pthread_mutex_lock(&holds->mutex);
    taken = holds->places.held;
    pthread_mutex_unlock(&holds->mutex);
    return taken;
}

void holds_count_streams(struct holds *holds, int by)
{
    atomic_fetch_add(&holds->streams, (unsigned)by);
}

unsigned holds_streams(struct holds *holds)
{
    return atomic_load(&holds->streams);
}
