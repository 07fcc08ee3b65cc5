// What the fake HTTP client and the fake vendors share.
#pragma once

#include "core/http/http_client.h"
#include "core/message/http_message.h"
#include "tests/support/fake.h"

struct http_call {
    struct fake_call call; // first
    struct http_request request;
    struct http_options options;
    http_done_fn done;
    bool (*may_send)(void *ctx); // of a vendor's call; NULL: it may
};

// `account` NULL: not a vendor's call.
struct http_call *fake_http_add(const char *what, struct http_request *request,
                                const struct http_options *options, http_done_fn done,
                                const char *account);
