// Server-Sent Events: the streams that a front door has handed over (stream.c). All on the realtime
// loop's thread.
#pragma once

#include <stdbool.h>

struct arrival;
struct event_streams;
struct loop;
struct realtime;
struct store;

// All borrowed, and outlive the streams.
struct event_streams *event_streams_start(struct loop *loop, struct store *store,
                                          struct realtime *realtime);
// Takes the arrival, and tells its client what happens to the task until that has ended.
void event_streams_adopt(struct event_streams *streams, struct arrival *arrival);
// Ends every stream: the clients come back with Last-Event-ID, and find another process. To be
// called again and again: one that comes meanwhile has time until the next call but one, for it may
// be of a task that has ended, and have nothing to come back for. True when all have ended.
bool event_streams_drain(struct event_streams *streams);
void event_streams_drop(struct event_streams **streams);
