// API keys.
#pragma once

#include "core/base/err.h"

struct config_token;
struct front;
struct http_exchange;

enum token_way {
    TOKEN_IN_QUERY = 1,  // access_token= is the key or a read token, for browsers' WebSockets and
                         // event streams; then it may also be ERR_UNAVAILABLE
    TOKEN_AT_GOOGLE = 2, // x-goog-api-key, and key= in the query, as Google's SDKs have them
    TOKEN_AS_KEY = 4,    // "Authorization: Key", as well as "Bearer"
};

// The request's key, borrowed from the configuration. NULL and ERR_AUTH where there is
// none, a wrong one, or more than one. `ways`: how it may come beside the headers of all.
const struct config_token *token_find(const struct front *front, struct http_exchange *exchange,
                                      unsigned ways, struct err *err);
