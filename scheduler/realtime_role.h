// The realtime role: everybody who watches, on a thread of its own, so that a change that thousands
// are told costs no request anything. It reads the stream of events once for all of them.
//
// The front doors let watchers in and hand their connections over (handover.h).
#pragma once

#include <stdbool.h>

struct loop;
struct realtime_role;
struct role_start;

// On the main thread, before the loop runs; the rest on the loop's thread.
struct realtime_role *realtime_role_start(struct loop *loop, const struct role_start *start);
// Begins to stop: WebSockets are closed with 1001, streams end. True when all have ended, and no
// front door is left from which more could come.
bool realtime_role_drain(struct realtime_role *role);
void realtime_role_drop(struct realtime_role **role);
