// API keys.
#pragma once

#include "core/base/err.h"

struct config;
struct http_exchange;

// The name of the request's key, borrowed from the configuration. NULL and ERR_AUTH where there is
// none, a wrong one, or more than one. `may_query`: access_token= counts too, for browsers'
// WebSockets.
const char *token_owner(const struct config *config, struct http_exchange *exchange, bool may_query,
                        struct err *err);
