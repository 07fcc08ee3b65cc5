// Places for connections that are held open, by key: those of requests that wait, and those that
// have been handed over to the realtime loop, which gives back what a front door has taken.
//
// Every function may be called on any thread. Who keeps a pointer beyond a call has a share of its
// own, and the last one that leaves frees them.
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct holds;

struct holds *holds_new(size_t total); // the caller has the first share
struct holds *holds_share(struct holds *holds);
void holds_leave(struct holds **holds); // NULL: does nothing

// An owner may have half of what the others leave. False: there is no place for it now.
bool holds_take(struct holds *holds, const char *owner);
void holds_give(struct holds *holds, const char *owner);
size_t holds_taken(struct holds *holds);
// Streams that were handed over: they are answers of the front door's, though it has them no more.
void holds_count_streams(struct holds *holds, int by);
unsigned holds_streams(struct holds *holds);
