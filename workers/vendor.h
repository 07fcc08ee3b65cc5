// Requests to vendors' accounts, with the token where one is wanted: made or asked for first, kept,
// and made anew once where the vendor refuses it. Files inside JSON answers are left out of them
// (providers/provider.h: inline_keys).
#pragma once

#include <stdbool.h>

#include "core/http/http_client.h"

struct account;
struct config;
struct http_request;
struct loop;
struct vendor_call;
struct vendors;

struct vendor_options {
    struct http_options http; // its ctx is that of may_send and done, too
    const char *kind;         // for the metrics: submit, lookup, poll, cancel, fetch
    // Asked right before the request leaves, which may be a while after vendor_start. NULL: it may.
    bool (*may_send)(void *ctx);
};

struct vendors *vendors_new(struct loop *loop, struct http_client *http,
                            const struct config *config);
void vendors_drop(struct vendors **vendors); // after every call of it

// Takes what `request` holds. `done` as in http_start; where no token could be had, nothing was
// sent, and with ERR_AUTH the account's keys are wrong.
struct vendor_call *vendor_start(struct vendors *vendors, const struct account *account,
                                 struct http_request *request, const struct vendor_options *options,
                                 http_done_fn done);
void vendor_resume(struct vendor_call *call);
void vendor_cancel(struct vendor_call **call);
