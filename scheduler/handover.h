// From the front doors to the realtime loop: a front door reads a request for changes, checks it,
// and hands the connection over. From then on its watcher costs the front door nothing.
//
// A generation has one, which outlives its roles. Front doors put connections in, each on its own
// thread; the realtime role takes them out on its own.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/base/ids.h"
#include "core/loop/loop.h"
#include "core/store/events.h"

struct handover;
struct holds;

enum arrival_kind { ARRIVAL_WEBSOCKET, ARRIVAL_STREAM };

// A connection on its way. Who has it owns all of it: arrival_free.
struct arrival {
    enum arrival_kind kind;
    int fd; // closed with it; -1: it has gone on to someone else
    struct buf
        bytes;   // of a WebSocket: a request in our own words, then what the client has sent
                 // behind its own; of a stream: the head of the answer, which is still to go out
    size_t rest; // of a WebSocket's: how many of them are the client's
    char request[65];    // the id of the request that it began as
    const char *owner;   // the key's name, borrowed from the configuration of the generation
    bool is_operator;    // the key sees everybody's tasks
    struct holds *holds; // a share of ours; in them it has a place
    // A stream's:
    char task[ID_SIZE];
    char last[CURSOR_SIZE]; // it goes on behind this cursor; "": from the present state,
    bool is_gap;            // with a gap before it
    struct arrival *next;
};

struct arrival *arrival_new(enum arrival_kind kind);
// Closes what it still has, gives its place back, and counts it no more. NULL: does nothing.
void arrival_free(struct arrival *arrival);

struct handover *handover_new(void);
void handover_free(struct handover **handover); // with what nobody has taken

// Of the realtime role. From now on connections are taken: `fn` is called on the loop's thread when
// there are some. To be called before the loop runs.
void handover_open(struct handover *handover, struct loop *loop, loop_fn fn, void *ctx);
// What has come since the last time, in order; NULL: nothing. On the loop's thread.
struct arrival *handover_take(struct handover *handover);
// Whether no front door is left that could send any more.
bool handover_is_over(struct handover *handover);
// The loop is about to end: nothing more comes, but what has come is still to be taken.
void handover_close(struct handover *handover);

// Of the front doors, on any thread. One that starts enters, and leaves when it sends no more.
void handover_enter(struct handover *handover);
void handover_leave(struct handover *handover);
bool handover_is_open(struct handover *handover);
// Takes the arrival. Where it has been closed meanwhile the connection ends: its client comes back,
// as after any end of ours.
void handover_send(struct handover *handover, struct arrival *arrival);
