// API keys.
#pragma once

#include "core/base/err.h"

struct config; // and config_token
struct config_token;
struct http_exchange;

// The request's key, borrowed from the configuration. NULL and ERR_AUTH where there is
// none, a wrong one, or more than one. `may_query`: access_token= counts too, for browsers'
// WebSockets.
const struct config_token *token_find(const struct config *config, struct http_exchange *exchange,
                                      bool may_query, struct err *err);
