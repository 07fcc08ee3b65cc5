// One request under way: who asks for what, what it waits for, and its answer. A request is gone
// when it is answered, or when its client is gone.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/ids.h"
#include "scheduler/pattern.h"

struct again;
struct arrival;
struct buf;
struct family;
struct form_files;
struct front;
struct http_exchange;
struct request_part;
struct served;
struct task;
struct watcher;

// What a request may wait for, at most one of each.
enum await {
    AWAIT_TASKS,   // a struct tasks_op
    AWAIT_STORE,   // a struct store_call
    AWAIT_EVENTS,  // a struct events_range
    AWAIT_LOG,     // a struct delivery_log
    AWAIT_STORAGE, // a struct storage_op
    AWAIT_WATCHER, // a struct watcher: request_watch
    AWAIT_TIMER,   // a struct loop_timer
    AWAIT_TRY,     // a struct account_try
    AWAIT_KEYS,    // a struct keys_wait
    AWAIT_FORM,    // a struct form_load
    AWAIT_PLACE,   // a struct loop_timer: request_seek_place
    AWAIT_COUNT
};

// What a request of a batch has that others have from their exchange.
struct request_part {
    const char *body; // borrowed, lives as long as the request
    size_t body_len;
    const char *key;    // as an Idempotency-Key, borrowed; NULL: none
    struct buf headers; // of its answer: members of a JSON object
    // Takes the answer. The request is gone; the JSON is borrowed for the call.
    void (*on_answer)(struct request_part *part, int status, const struct buf *json);
};

struct request {
    struct arena arena;             // we are in it, with all that goes with us
    struct front *front;            // borrowed, outlives us
    struct http_exchange *exchange; // ours until it is answered; a part's is its batch's
    struct request_part *part;      // of a batch, borrowed; NULL: the exchange is all its own
    const struct served *served;    // NULL: nobody serves its path
    const struct family *family;    // the family in whose words it is answered; NULL: in our own
    const char *owner;              // the key's name, borrowed from the configuration; NULL: none
    bool is_operator;               // the key sees everybody's tasks
    struct pattern_names names;     // the names in the path
    char *id;                       // the one called {id}, else the first of them
    json_t *body;                   // request_read_body
    bool is_form;                   // the body came as multipart/form-data
    struct form_files *files;       // of a long one, deleted with us; NULL: none
    bool has_place;
    unsigned place_looks; // how often no place was found for it
    void (*on_place)(struct request *request);
    int seen_version;                         // of the task that it waits for a change of
    bool is_stream;                           // its answer has begun, as a stream of events
    char held[ID_SIZE];                       // the task whose end it waits for; "": none
    int64_t begun_ms;                         // of our monotonic clock
    void *awaited[AWAIT_COUNT];               // cancelled with us
    void (*on_body)(struct request *request); // request_load_body
    void (*on_drain)(struct request *request);
    void (*on_leave)(struct request *request); // NULL: nobody needs to know; request_leave
    bool has_left;
    const struct again *again; // by what a submit that is held is known again; borrowed
    void *kept;                // request_keep
    void (*clear)(void *kept);
    struct request *next, **at; // of the front's requests
};

// Sets `id`, once it is known who serves the request.
void request_take_id(struct request *request);
// Takes the exchange.
struct request *request_new(struct front *front, struct http_exchange *exchange);
// One of a batch: it has the key and the exchange of `whole`, which drops it if it goes first.
struct request *request_new_part(const struct request *whole, struct request_part *part);

// What its client has sent, and what its answer has beside its body: of the exchange, or of the
// part. A part prefers to respond-async, for its batch doesn't wait for results.
const char *request_header(const struct request *request, const char *name);
unsigned request_header_count(const struct request *request, const char *name);
// One of the lines of a header that may come in several: `number` counts from 0. NULL: there are no
// more.
const char *request_header_line(const struct request *request, const char *name, unsigned number);
void request_add_header(struct request *request, const char *name, const char *value);
void request_take_body(struct request *request, struct buf *body); // the caller's
void request_forget_body(struct request *request);

// Answers. The request is gone afterwards.
void request_answer(struct request *request, int status, const struct buf *json);
// Tells clients that would send the request again by themselves that it could be paid for twice.
void request_end_retries(struct request *request);
void request_refuse(struct request *request, const struct err *err);
void request_refuse_with(struct request *request, enum err_code code, const char *message);
void request_drop(struct request *request); // without an answer: the exchange has been given away
// For the metrics and the access log; request_answer does it by itself. `bytes`: the length of the
// answer's body, -1 where it isn't known yet.
void request_count(const struct request *request, int status, int64_t bytes);

// Whose tasks the request sees: its key's name, or NULL for anybody's.
const char *request_scope(const struct request *request);
// Waits for `handle`, which is cancelled when the request goes. The handle's callback calls
// request_forget or request_got first.
void request_await(struct request *request, enum await what, void *handle);
void request_forget(struct request *request, enum await what); // the handle has fired
// It has fired, too. False: with an error, by which the request has been refused.
bool request_got(struct request *request, enum await what, const struct err *err) WARN_UNUSED;
void request_cancel(struct request *request, enum await what);
// Asks for the key's task that the path names; AWAIT_TASKS.
void request_get_task(struct request *request,
                      void (*fn)(void *ctx, struct task *task, const struct err *err));
// Waits for a watcher. `on_drain` tells the client when the role ends; NULL: it gets a 503.
void request_watch(struct request *request, struct watcher *watcher,
                   void (*on_drain)(struct request *request));
// The role ends: a request that waits for a task to change is answered now, as is, with `is_late`,
// one that waits for a Redis that doesn't answer. The request may be gone afterwards.
void request_drain(struct request *request, bool is_late);

// Its client waits no longer for what it is held for: it seems to have gone, or is told to ask
// later.
void request_leave(struct request *request);

// Memory for what a handler keeps while the request waits: zeroed, of the request's arena, in
// request->kept. Only once for each request. `clear` frees what is in it; NULL: there is nothing to
// free.
void *request_keep(struct request *request, size_t size, void (*clear)(void *kept));

// Whether the query is as the route's table has it; false: the request has been refused.
bool request_check_query(struct request *request) WARN_UNUSED;
// Whether the body is as long as it may be at most, whoever asks; false: the request has been
// refused.
bool request_check_length(struct request *request) WARN_UNUSED;
// Hands the request to its handler, with the body where there is one. The body counts as `owner`'s.
void request_admit(struct request *request, const char *owner);
// The same for a request whose body would be of no use.
void request_admit_bare(struct request *request);
// Parses the body as a JSON object; false: it has been refused.
bool request_read_body(struct request *request);
// The same for a body that may be a long form (struct served): `then` is called when it has been
// read, perhaps before this returns; it isn't where the request has been refused.
void request_load_body(struct request *request, void (*then)(struct request *request));

// Gives the task what it needs to be shown: the links of its files.
void request_show(const struct request *request, struct task *task);

// Takes a place for a request that keeps its connection for as long as it likes, for others need
// connections, too. A key may have half of the places that other keys leave. `then` is called with
// the place, perhaps before this returns; it isn't where there is none: then the request is
// refused, a moment later, for a place whose connection has just been closed is given back by
// another thread.
void request_seek_place(struct request *request, void (*then)(struct request *request));
// The same for a request whose connection is to be handed over.
void request_seek_watch(struct request *request, void (*then)(struct request *request));
// Hands the connection over, with the request's place. The arrival has the descriptor that was
// taken from the exchange, -1 where the client has gone. Both are gone afterwards.
void request_hand_over(struct request *request, struct arrival *arrival);
