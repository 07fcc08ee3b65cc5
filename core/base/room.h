// Something that many share, in bytes or in pieces: how much of it is taken, and by whom. Pure.
//
// An owner may have half of what the others leave. So whoever comes next finds something, however
// much those before it want and however long they hang.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct room_share;

// Memory the caller has: {.total = …} is ready for use, room_clear at the end.
struct room {
    size_t total;
    size_t held;
    struct room_share *shares; // of the owners that have something
};

// False: there is no room for it now. `owner` is copied.
bool room_take(struct room *room, const char *owner, size_t bytes);
void room_give(struct room *room, const char *owner, size_t bytes);
void room_clear(struct room *room);
