// What the requests of a process share. api.c makes it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/room.h"

struct callbacks;
struct config;
struct err;
struct handover;
struct holds;
struct http_client;
struct http_server;
struct loop;
struct read_tokens;
struct realtime;
struct request;
struct routes;
struct storage;
struct store;
struct upload_link;
struct vendor_keys;
struct waiting;

// All ours. They start before the first request and end after the last.
struct front {
    struct loop *loop;
    const struct config *config; // borrowed, outlives us
    struct store *store;
    struct http_server *server;
    struct realtime *realtime; // of requests that wait for a change
    struct handover *handover; // borrowed, outlives us: to the realtime role, which has the others
                               // that watch
    struct waiting *waiting;
    struct http_client *http; // for storage, links that clients have us fetch, and vendors' keys
    struct storage *storage;
    struct callbacks *callbacks;     // NULL: vendors don't call back
    struct vendor_keys *vendor_keys; // of those that sign their callbacks
    struct read_tokens *read_tokens;
    struct holds *holds;        // places for connections that are held open, with those handed over
    struct room batches;        // batches in work, by key
    struct request *requests;   // the requests under way
    struct arena_spares arenas; // of requests that are over, for those to come
    struct upload_link *links;  // links of clients that are being fetched
    struct routes *routes;
    char *openapi;                              // the document; NULL: nobody has asked for it yet
    void (*write_openapi)(struct front *front); // writes it
    // Finds who serves a request of a batch, which sets served, family and names; false: nobody who
    // makes a task, with the error that the request is to be refused with.
    bool (*route_part)(struct request *request, const char *path, struct err *err);
    char openapi_etag[40];
    bool has_private; // what is served on the operators' listener only, if there is one, is served
                      // here
    bool is_draining;
    // Until then it may be that Redis hasn't told yet what it tells at a start, though the front
    // before this one knew it. 0: there was none.
    int64_t settles_until_ms; // of our monotonic clock
};
