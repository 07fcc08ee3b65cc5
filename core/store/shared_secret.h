// A secret that all processes of one Redis share: made by whoever asks first, and kept there.
#pragma once

#include <stdbool.h>

struct err;
struct loop;
struct shared_secret;
struct store;

// The secret is known; borrowed for the call. The callee returns false, with the reason, where the
// secret is no good: it is then asked for again after a while, for an operator may mend it.
typedef bool (*shared_secret_fn)(void *ctx, const char *text, struct err *err);

// `name` is what Redis keeps the secret as, static; the secret is `prefix` and 32 random bytes in
// base64. Asks until the secret is known. Never calls back before it returns, nor after a drop.
struct shared_secret *shared_secret_start(struct loop *loop, struct store *store, const char *name,
                                          const char *prefix, shared_secret_fn fn, void *ctx);
void shared_secret_drop(struct shared_secret **secret);
