// One request under way: who asks for what, what it waits for, and its answer. It is gone when it
// is answered, or when its client is.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "scheduler/pattern.h"

struct buf;
struct family;
struct front;
struct http_exchange;
struct served;
struct task;
struct watcher;

// What a request may wait for, at most one of each.
enum await {
    AWAIT_TASKS,   // a struct tasks_op
    AWAIT_STORE,   // a struct store_call
    AWAIT_LOG,     // a struct delivery_log
    AWAIT_STORAGE, // a struct storage_op
    AWAIT_WATCHER, // a struct watcher: request_watch
    AWAIT_TIMER,   // a struct loop_timer
    AWAIT_COUNT
};

struct request {
    struct front *front;            // borrowed, outlives us
    struct http_exchange *exchange; // ours until it is answered
    const struct served *served;    // NULL: nobody serves its path
    const struct family *family;    // whose words it is answered in; NULL: our own
    const char *owner;              // the key's name, borrowed from the configuration; NULL: none
    bool is_operator;               // the key sees what is everybody's
    struct pattern_names names;     // of the path
    char *id;                       // the first of them
    json_t *body;                   // request_read_body
    bool is_form;                   // it came as multipart/form-data
    bool has_place;
    int64_t begun_ms;           // of our monotonic clock
    void *awaited[AWAIT_COUNT]; // cancelled with us
    void (*on_drain)(struct request *request);
    void *kept; // request_keep
    void (*clear)(void *kept);
    struct request *next, **at; // of the front's
};

// Takes the exchange.
struct request *request_new(struct front *front, struct http_exchange *exchange);

// Answers. The request is gone afterwards.
void request_answer(struct request *request, int status, const struct buf *json);
void request_refuse(struct request *request, const struct err *err);
void request_refuse_with(struct request *request, enum err_code code, const char *message);
void request_drop(struct request *request); // without an answer: the exchange has been given away
// For the metrics and the access log; request_answer does it by itself. `bytes` of the answer's
// body, -1 where that isn't known yet.
void request_count(const struct request *request, int status, int64_t bytes);

// Whose tasks it sees: its key's name, or NULL for anybody's.
const char *request_scope(const struct request *request);
// Waits for `handle`, which is cancelled when the request goes. Whatever calls back says
// request_forget first.
void request_await(struct request *request, enum await what, void *handle);
void request_forget(struct request *request, enum await what); // it has fired
void request_cancel(struct request *request, enum await what);
// Asks for the key's task that the path names; AWAIT_TASKS.
void request_get_task(struct request *request,
                      void (*fn)(void *ctx, struct task *task, const struct err *err));
// Waits for a watcher. `on_drain`: the role ends, so what does the client get? NULL: a 503.
void request_watch(struct request *request, struct watcher *watcher,
                   void (*on_drain)(struct request *request));
// The role ends: those who wait for a task to change needn't, nor those who wait for a Redis that
// doesn't answer (`is_late`). The request may be gone.
void request_drain(struct request *request, bool is_late);

// What its handler keeps while it waits: zeroed, and freed with the request. `clear` frees what is
// in it; NULL: nothing. It is request->kept, once.
void *request_keep(struct request *request, size_t size, void (*clear)(void *kept));

// Lets the handler have it, with the body where there is one. It counts as `owner`'s.
void request_admit(struct request *request, const char *owner);
// The same where there is no use for a body.
void request_admit_bare(struct request *request);
// Parses the body as a JSON object; false: it has been refused.
bool request_read_body(struct request *request);

// The task as it is now, with the links of its files: as it is shown.
void request_show(const struct request *request, struct task *task);

// To be had by what keeps its connection for as long as it likes: there are others who need one. A
// key may have half of those that other keys' leave. False: it has been refused.
bool request_take_place(struct request *request);
