// What the parts of the WebSockets share: websocket.c talks to libwebsockets,
// websocket_connection.c is one WebSocket: what its client asks for, and what waits to be sent;
// websocket_text.c makes what is sent, once for all who are sent the same. All on the realtime
// loop's thread.
#pragma once

#include <libwebsockets.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "core/base/buf.h"
#include "core/base/ids.h"

struct arrival;
struct holds;
struct loop;
struct loop_timer;
struct loop_turn;
struct news;
struct realtime;
struct watcher;
struct websocket;
struct websocket_text;

enum {
    WEBSOCKET_MAX_TASKS = 10000,         // named on one connection
    WEBSOCKET_MAX_INCOMING = 256 * 1024, // bytes of a message
    WEBSOCKET_MAX_WAITING = 1024 * 1024, // bytes that wait for a slow reader
    WEBSOCKET_WRITE_BYTES =
        64 * 1024,              // what goes out in one write, at most, if it is several texts
    WEBSOCKET_SHARED = 256,     // texts that may be used again within a turn
    WEBSOCKET_BLOCKS = 32,      // writes that may be used again within a turn
    WEBSOCKET_CLOSE_S = 10,     // how long a slow reader has to hear why it is closed
    WEBSOCKET_TRY_AGAIN = 1013, // the code that it hears, from IANA's list
};

// A message, which is in the queue of every watcher of its task, but in memory once, framed.
struct websocket_text {
    unsigned refs;
    unsigned head_bytes; // of the frame's header
    size_t len;
    bool is_task; // it tells of a change, and may be joined with others
    // Which change of which task; the version is 0 where the message is no change.
    int version;
    char task[ID_SIZE];
    char cursor[48];
    unsigned char bytes[]; // room for the header, at its end; then the text
};

// Several texts, as they go out in one write.
struct websocket_block {
    struct websocket_text **texts; // with a reference of ours to each
    unsigned count;                // 0: unused
    bool is_joined;                // in one frame
    struct buf frames;
};

struct websockets {
    struct loop *loop;           // borrowed, also outlives `end`
    struct realtime *realtime;   // borrowed, outlives us
    struct lws_context *context; // NULL until the first WebSocket comes
    struct lws_vhost *vhost;
    struct websocket *all;
    unsigned count;
    struct arrival *arriving; // whose socket is being given to libwebsockets
    struct loop_turn *turn;   // sends what a turn of the loop brought
    struct websocket *woken;
    struct loop_timer *timer; // pings; runs only while there is a WebSocket
    // Of this turn:
    struct websocket_text *shared[WEBSOCKET_SHARED], *shared_operators[WEBSOCKET_SHARED];
    struct websocket_block blocks[WEBSOCKET_BLOCKS];
    unsigned next_block; // the one that is used next
    uv_idle_t end;       // waits until libwebsockets' handles are gone
    unsigned end_turns;
};

// Lives in libwebsockets' memory of the connection.
struct websocket {
    struct websockets *websockets;
    struct lws *wsi;
    const char *owner;             // the key's name, borrowed from the configuration
    struct holds *holds;           // a share of ours; in them it has a place
    char *request;                 // the id of the request that it began as
    struct watcher *watcher;       // NULL until it subscribes
    struct buf in;                 // the beginning of a message whose end hasn't come
    struct websocket_text **queue; // [first, last) wait to be sent
    unsigned first, last, cap;
    unsigned waiting_bytes;
    int64_t heard_ms, pinged_ms;
    uint64_t least_bytes; // how many bytes the client must have sent so far
    uint16_t close_code;  // 0: open
    uint16_t owed;        // "subscribed" that are said once changes are being read
    bool is_told;         // libwebsockets knows of the close
    bool is_in_frame;     // more of the frame is to come
    bool is_operator;     // its key sees everybody's tasks
    bool is_batch;        // changes that come together are sent together
    bool has_lost;        // a gap is to be told of with the last "subscribed" that is owed
    bool is_woken;
    struct websocket *next, **at; // of all WebSockets
    struct websocket *next_woken, **at_woken;
};

// websocket_connection.c

// Takes over the place that the arrival has.
void websocket_open(struct websocket *ws, struct websockets *websockets, struct lws *wsi,
                    struct arrival *arrival);
void websocket_forget(struct websocket *ws); // it was closed: gives back all that it has but its
                                             // own memory
void websocket_receive(struct websocket *ws, const char *data, size_t len);
// Sends while the socket takes it. False: there is no one to send to any more.
bool websocket_send(struct websocket *ws);
// Closes with a code, once libwebsockets has sent what it already has.
void websocket_close(struct websocket *ws, int code);
// Its close is seen to elsewhere: nothing more is taken or sent.
void websocket_end(struct websocket *ws, int code);

// websocket_text.c

struct websocket_text *websocket_text_new(const char *text, size_t len);
void websocket_text_unref(struct websocket_text *text); // NULL: does nothing
bool websocket_text_is(const struct websocket_text *text, const char *expected);
// The text of a change, the same one for all who hear of it in this turn, but for operators', who
// have one of their own; the caller has a reference.
struct websocket_text *websocket_text_of_news(struct websockets *websockets,
                                              const struct news *news, bool is_operator);
// What goes out in one write: as many of the texts, from the first on, as go together. `joined`:
// changes go in one frame. `data` is borrowed until the text is let go or the turn ends. Returns
// how many texts it is.
unsigned websocket_pack(struct websockets *websockets, struct websocket_text *const *texts,
                        unsigned count, bool joined, unsigned char **data, size_t *len);
// Forgets what lasts for one turn of the loop.
void websocket_clear_shared(struct websockets *websockets);
