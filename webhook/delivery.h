// One attempt at one delivery: the body is signed and sent, and made from the task where there is
// none of an earlier attempt.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"

struct config;
struct delivery;
struct delivery_call;
struct http_client;
struct sign_keys;

// What sending needs; all borrowed, outlives the calls.
struct delivery_sender {
    struct http_client *http;
    const struct config *config;
    const struct sign_keys *keys;
};

struct delivery_answer {
    int http_status; // 0: no answer came
    int64_t took_ms;
    bool is_silent;          // no answer came before the timeout
    const char *retry_after; // the header, borrowed for the call; NULL: none
    char error[128];         // "" for a 2xx; never says what is behind an address that is refused
};

// Called once, never before delivery_send returns, never after delivery_cancel.
typedef void (*delivery_sent_fn)(void *ctx, const struct delivery_answer *answer);

// `delivery` is borrowed during the call, and gets its body; its task gets the links of its files.
// NULL where no body can be made of the task.
struct delivery_call *delivery_send(const struct delivery_sender *sender, struct delivery *delivery,
                                    delivery_sent_fn fn, void *ctx, struct err *err) WARN_UNUSED;
void delivery_cancel(struct delivery_call **call);
