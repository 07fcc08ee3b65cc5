// Places that were promised for clients' files: a name that nobody can guess, and the key in the
// storage that it stands for. Each is good once, for a while.
#pragma once

#include <stdint.h>

struct err;
struct store;
struct store_call;

// `key` is borrowed for the call, NULL where there is no such place, or not any more.
typedef void (*upload_place_fn)(void *ctx, const char *key, const struct err *err);

// `fn` is called once Redis has the place, with no key.
struct store_call *upload_place_promise(struct store *store, const char *name, const char *key,
                                        int64_t life_ms, upload_place_fn fn, void *ctx);
struct store_call *upload_place_find(struct store *store, const char *name, upload_place_fn fn,
                                     void *ctx);
// The place is used up.
void upload_place_forget(struct store *store, const char *name);
