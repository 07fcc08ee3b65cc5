// Read tokens: what a browser gets instead of the key, to watch with. A token is good for ten
// minutes, for WebSockets and event streams alone, in the query, where a page can't set headers.
//
// A token names its key and says how long it is good, under a mark that only who knows the key and
// a secret of ours can make. So every process knows it, none has to keep it, and it ends with its
// key.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct buf;
struct config;
struct config_token;
struct loop;
struct read_tokens;
struct store;

// The secret is asked for in the background, until it is known.
struct read_tokens *read_tokens_start(struct loop *loop, struct store *store);
void read_tokens_drop(struct read_tokens **tokens);

// Adds a token for the key to `text`. ERR_UNAVAILABLE where the secret isn't known yet.
bool read_token_make(const struct read_tokens *tokens, const struct config_token *key,
                     int64_t now_ms, struct buf *text, int64_t *expires_ms,
                     struct err *err) WARN_UNUSED;
bool read_token_is(const char *text);                         // or a key
bool read_tokens_are_ready(const struct read_tokens *tokens); // the secret is known
// The key that the token was made for, borrowed from the configuration. NULL and ERR_AUTH where it
// is none, has ended, or its key is gone; ERR_UNAVAILABLE as above.
const struct config_token *read_token_find(const struct read_tokens *tokens,
                                           const struct config *config, const char *text,
                                           int64_t now_ms, struct err *err);
