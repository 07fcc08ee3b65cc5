// All paths, our own and the families', in one table.
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/message/http_message.h"

struct family;
struct field_rule;
struct pattern_names;
struct request;
struct route;
struct routes;

// Limits of what clients may ask for.
enum { ROUTES_MAX_WAIT_S = 60, ROUTES_MAX_LIMIT = 100, ROUTES_MAX_UPSTREAM_ID = 256 };

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
    bool asks_start;                         // it asks what Redis tells at a start
    bool takes_form;                         // the body is a form with a file
    bool takes_bytes;                        // the body is a file
    // What the query may have, checked before the body is read, and what a JSON body has, checked
    // by request_read_body: tables that end with a NULL path. NULL: nothing. A family checks its
    // bodies by itself.
    const struct field_rule *query, *body;
    // For people and programs (openapi.h): what it does, in a few words; a body that works (NULL:
    // it takes none); what it answers, a schema's name or a media type (NULL: nothing); statuses
    // that it has beside those of every route like it, and instead of 200 where 200 isn't among
    // them.
    const char *summary, *example, *answer, *statuses;
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
// The same as whoever asks may see it, without what is private where that isn't served (all is then
// as if there were no such path). `any` is a route of the path, whichever method it has; NULL:
// none.
const struct served *routes_find_open(const struct routes *routes, enum http_method method,
                                      const char *path, bool has_private,
                                      struct pattern_names *names, unsigned *offered,
                                      const struct served **any);
