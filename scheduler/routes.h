// All paths, our own and the families', in one table.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/message/http_message.h"

struct family;
struct pattern_names;
struct request;
struct route;
struct routes;

// What a route needs of who asks.
enum needs {
    NEEDS_NONE, // the path itself says enough, or there is nothing to be kept from anybody
    NEEDS_KEY,
    NEEDS_OPERATOR, // a key with the operator's right
};

// One method of one path that is served.
struct served {
    enum http_method method; // HEAD is served where GET is
    const char *pattern;
    enum needs needs;
    void (*handle)(struct request *request); // once the body is there
    void (*admit)(struct request *request);  // looks first at what its path names; NULL: at nothing
    bool has_no_body;                        // and a request with one is refused
    bool may_query;                          // its key may be an access_token= as well
    bool is_private;                         // only where operators are served, if that is apart
    // Of a family's path; NULL on our own surface.
    const struct family *family;
    const struct route *route;
    const char *mode; // of the prefix; NULL: none
};

struct routes *routes_new(void);
void routes_free(struct routes *routes);
const struct served *routes_at(const struct routes *routes, size_t index); // NULL past the end

// Who serves it, first come first; `names` are of its path. NULL: nobody; then `offered` has a bit
// for each method that the path has.
const struct served *routes_find(const struct routes *routes, enum http_method method,
                                 const char *path, struct pattern_names *names, unsigned *offered);
