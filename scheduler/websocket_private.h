// What the parts of the WebSockets share: websocket.c lets them in and talks to libwebsockets, and
// websocket_connection.c is one WebSocket: what its client asks for, and what waits to be sent.
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/base/buf.h"

struct front;
struct loop;
struct loop_timer;
struct loop_turn;
struct request;
struct watcher;
struct websocket;
struct websocket_text;

enum {
    WEBSOCKET_MAX_TASKS = 10000,         // named on one connection
    WEBSOCKET_MAX_INCOMING = 256 * 1024, // bytes of a message
    WEBSOCKET_MAX_WAITING = 1024 * 1024, // bytes that wait for a slow reader
    WEBSOCKET_FRAME_BYTES = 64 * 1024,   // changes are joined up to here
    WEBSOCKET_SHARED = 512,              // texts that may be used again within a turn
    WEBSOCKET_CLOSE_S = 10,              // how long a slow reader has to hear why it is closed
    WEBSOCKET_TRY_AGAIN = 1013,          // the code that it hears, from IANA's list
};

struct websockets {
    struct front *front;         // borrowed, outlives us
    struct loop *loop;           // borrowed, also outlives `end`
    struct lws_context *context; // NULL until the first WebSocket comes
    struct lws_vhost *vhost;
    struct websocket *all;
    unsigned count;
    // The request whose socket is being handed over.
    struct request *arriving;
    char arriving_id[65];   // its id
    size_t arriving_rest;   // bytes that came behind its head
    struct loop_turn *turn; // sends what a turn of the loop brought
    struct websocket *woken;
    struct loop_timer *timer;                        // pings; runs only while there is a WebSocket
    struct websocket_text *shared[WEBSOCKET_SHARED]; // texts of this turn's changes
    struct buf frame;                                // where changes are joined
    uv_idle_t end;                                   // waits until libwebsockets' handles are gone
    unsigned end_turns;
};

// Lives in libwebsockets' memory of the connection.
struct websocket {
    struct websockets *websockets;
    struct lws *wsi;
    const char *owner;             // the key's name, borrowed from the configuration
    char *request;                 // the id of the request that it began as
    bool is_operator;              // its key sees everybody's tasks
    struct watcher *watcher;       // NULL until it subscribes
    struct buf in;                 // the beginning of a message whose end hasn't come
    struct websocket_text **queue; // [first, last) wait to be sent
    unsigned first, last, cap;
    unsigned waiting_bytes;
    int64_t heard_ms, pinged_ms;
    uint64_t least_bytes; // how many bytes the client must have sent so far
    uint16_t close_code;  // 0: open
    bool is_told;         // libwebsockets knows of the close
    bool is_in_frame;     // more of the frame is to come
    bool is_batch;        // changes that come together are sent together
    bool is_woken;
    struct websocket *next, **at; // of all WebSockets
    struct websocket *next_woken, **at_woken;
};

// websocket_connection.c

// Takes over the place that the request has. `rest`: bytes that came with the request and will be
// received again.
void websocket_open(struct websocket *ws, struct websockets *websockets, struct lws *wsi,
                    const char *owner, bool is_operator, size_t rest);
void websocket_forget(struct websocket *ws); // it was closed: gives back all that it has but its
                                             // own memory
void websocket_receive(struct websocket *ws, const char *data, size_t len);
// Sends while the socket takes it. False: there is no one to send to any more.
bool websocket_send(struct websocket *ws);
// Closes with a code, once libwebsockets has sent what it already has.
void websocket_close(struct websocket *ws, int code);
// Its close is seen to elsewhere: nothing more is taken or sent.
void websocket_end(struct websocket *ws, int code);
// Forgets what lasts for one turn of the loop.
void websocket_clear_shared(struct websockets *websockets);
