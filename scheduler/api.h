// The api role: the front door. Knows the paths, the keys, and what a request holds while it waits.
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/room.h"
#include "core/task/task.h"
#include "scheduler/pattern.h"

struct callbacks;
struct config;
struct delivery_log;
struct family;
struct http_call;
struct http_client;
struct http_exchange;
struct http_server;
struct idempotency;
struct loop;
struct loop_timer;
struct realtime;
struct request;
struct routes;
struct served;
struct storage;
struct storage_file;
struct storage_op;
struct store;
struct store_call;
struct tasks_op;
struct waiting;
struct watcher;
struct websockets;

struct api {
    struct loop *loop;
    const struct config *config;
    struct routes *routes;
    struct store *store;
    struct http_server *server;
    struct realtime *realtime;
    struct websockets *websockets;
    struct request *requests; // under way
    struct waiting *waiting;
    struct http_client *http; // for storage
    struct storage *storage;
    struct callbacks *callbacks; // NULL: vendors don't call back
    struct room places;          // connections that are held open, by whom; those of WebSockets too
    char *spool_dir;             // where large bodies wait until they are whole
    bool is_draining;
    int64_t drained_ms; // since then
};

// One request under way. It is gone when it is answered, or when its client is.
struct request {
    struct api *api;
    struct http_exchange *exchange;            // ours until it is answered
    const char *owner;                         // the key's name, borrowed from the configuration
    const struct served *served;               // NULL: nobody serves its path
    const struct family *family;               // whose words it is answered in; NULL: our own
    struct pattern_names names;                // of the path
    char *id;                                  // the first of them
    void (*on_drain)(struct request *request); // the role ends while it watches; NULL: 503
    json_t *body;
    bool is_form; // the body came as multipart/form-data
    bool has_place;
    struct task *task;
    struct idempotency *idempotency; // NULL: it has no such key
    // What we wait for.
    struct tasks_op *op;
    struct storage_op *put;
    struct http_call *fetch;
    struct storage_file *file; // what is fetched goes there as it comes
    struct store_call *call;
    struct delivery_log *log;
    struct watcher *watcher;
    struct loop_timer *timer;
    void *extra;     // of whoever handles it, freed with free()
    struct buf text; // the same, an answer that comes together in several steps
    struct request *next, **at;
};

// Answers. The request is gone afterwards.
void request_answer(struct request *request, int status, const struct buf *json);
void request_refuse(struct request *request, const struct err *err);
void request_drop(struct request *request); // without an answer: the exchange has been given away

// To be had by what keeps its connection for as long as it likes: there are others who need one. A
// key may have half of those that other keys' leave. False: it has been refused.
bool request_take_place(struct request *request);

// Lets the handler have it, with the body where there is one. It counts as `owner`'s.
void request_admit(struct request *request, const char *owner);
// Parses the body as a JSON object; false: it has been refused.
bool request_read_body(struct request *request);

// The task shown as it is, with the links of its files.
void request_show(struct request *request, struct task *task);
