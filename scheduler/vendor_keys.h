// The keys by which vendors sign their callbacks: fetched from where a vendor publishes them when
// they are wanted, and kept for a day.
#pragma once

#include <stdbool.h>

struct buf;
struct err;
struct http_client;
struct keys_wait;
struct vendor_keys;

// `http` is borrowed, outlives us.
struct vendor_keys *vendor_keys_new(struct http_client *http);
void vendor_keys_drop(struct vendor_keys **keys); // after every wait

// What is kept of the set at `url`, as signed_call.h has it; borrowed until the loop turns. NULL:
// nothing. `is_new`: it was fetched right now, there is nothing newer to be had.
const struct buf *vendor_keys_kept(const struct vendor_keys *keys, const char *url, bool *is_new);

// `set` is borrowed for the call; NULL with `err`. Called once, within seconds, never before
// vendor_keys_fetch returns, never after keys_wait_cancel.
typedef void (*keys_fn)(void *ctx, const struct buf *set, const struct err *err);

// Fetches the set anew. Those who want the same one at the same time share one fetch.
struct keys_wait *vendor_keys_fetch(struct vendor_keys *keys, const char *url, keys_fn fn,
                                    void *ctx);
void keys_wait_cancel(struct keys_wait **wait);
