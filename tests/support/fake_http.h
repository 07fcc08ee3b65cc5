// An HTTP client that sends nothing: core/http/http_client.h; and, above it, vendors that take no
// token: workers/vendor.h (fake_vendor.c). Calls of both are answered in the same way.
//
// Lines: "http POST https://…", "vendor POST https://… account=…", "resume https://…".
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "tests/support/fake.h"

struct http_call;
struct http_options;
struct http_request;
struct loop;
struct vendors;

// The fake client itself, to pass where a client is wanted.
struct http_client *fake_http_client(void);

const struct http_request *fake_http_request(const struct fake_call *call);
const struct http_options *fake_http_options(const struct fake_call *call);

// The whole answer; `headers` as in a response ("name: value\n" each, NULL: none), `body` may be
// NULL. A caller that wants the body in pieces gets one piece.
void fake_http_answer(struct fake_call *call, int status, const char *headers, const char *body);
// A piece of the body. False: the callee can't take it now. True also where nobody listens any
// more.
bool fake_http_piece(struct fake_call *call, int status, const char *data);
// The same under a head with these headers.
bool fake_http_piece_of(struct fake_call *call, int status, const char *headers, const char *data);
// The same of bytes.
bool fake_http_piece_bytes(struct fake_call *call, int status, const void *data, size_t len);
void fake_http_fail(struct fake_call *call, enum err_code code, bool nothing_sent);
// It failed when the answer's head had come.
void fake_http_broken_off(struct fake_call *call, int status);
// The next piece of the request's body, where the caller gives it bit by bit.
size_t fake_http_source(struct fake_call *call, char *to, size_t max);
// Asks a vendor call's may_send, as right before the request leaves.
bool fake_vendor_may_send(struct fake_call *call);
