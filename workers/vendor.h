// Requests to vendors' accounts, with the account's token where one is wanted: it is made or asked
// for first, kept, and renewed once where the vendor refuses it. A signature is made as the request
// leaves. Files inside JSON answers are left
// out of the response (providers/provider.h: inline_keys).
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
    struct http_options http; // its ctx is also that of may_send and done
    const char *kind;         // for the metrics: submit, lookup, poll, cancel, fetch
    // Asked right before the request leaves, which may be a while after vendor_start. NULL: it
    // always may leave.
    bool (*may_send)(void *ctx);
};

struct vendors *vendors_new(struct loop *loop, struct http_client *http,
                            const struct config *config);
void vendors_drop(struct vendors **vendors); // after every call to them is over

// Takes what `request` holds. `done` as in http_start. Where no token could be had, or no signature
// made, the failure has nothing_sent; ERR_AUTH means that the account's keys are wrong.
struct vendor_call *vendor_start(struct vendors *vendors, const struct account *account,
                                 struct http_request *request, const struct vendor_options *options,
                                 http_done_fn done);
void vendor_resume(struct vendor_call *call);
void vendor_cancel(struct vendor_call **call);
