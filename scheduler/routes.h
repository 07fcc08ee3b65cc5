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

// What a route needs of whoever asks.
enum needs {
    NEEDS_NONE, // the path itself is secret, or what it shows is for anybody
    NEEDS_KEY,
    NEEDS_OPERATOR, // a key with the operator's right
};

// One method of one path that is served.
struct served {
    enum http_method method; // HEAD is served where GET is
    const char *pattern;
    enum needs needs;
    void (*handle)(struct request *request); // once the body is there
    void (*admit)(struct request *request);  // called before the body is read, to look at what the
                                             // path names; NULL: nothing to look at
    bool has_no_body;                        // a request with a body is refused
    bool may_query;                          // the key may come as access_token= as well, or a
                                             // read token
    bool is_private;                         // served only on the operators' listener, if there is
                                             // one
    // Of a family's path; NULL on our own surface.
    const struct family *family;
    const struct route *route;
    const char *mode; // of the prefix; NULL: none
};

struct routes *routes_new(void);
void routes_free(struct routes *routes);
const struct served *routes_at(const struct routes *routes, size_t index); // NULL past the end

// Who serves a path: the first of the table that matches; `names` are those in the path. NULL:
// nobody; then `offered` has a bit for each method that the path has.
const struct served *routes_find(const struct routes *routes, enum http_method method,
                                 const char *path, struct pattern_names *names, unsigned *offered);
