// API keys.
#pragma once

#include "core/base/err.h"

struct config_token;
struct front;
struct http_exchange;

// The request's key, borrowed from the configuration. NULL and ERR_AUTH where there is
// none, a wrong one, or more than one. `may_query`: access_token= counts too, the key or a read
// token, for browsers' WebSockets and event streams; then it may also be ERR_UNAVAILABLE.
const struct config_token *token_find(const struct front *front, struct http_exchange *exchange,
                                      bool may_query, struct err *err);
