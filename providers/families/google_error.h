// Errors as Google's APIs write them (google.rpc.Status), whose words their SDKs show.
#pragma once

#include "core/base/err.h"

struct buf;

// {"error":{"code","status","type","message"}}: `code` is the HTTP status, `type` our own name of
// what is wrong.
void google_error_write(int http, const char *type, const char *message, struct buf *json);
// A family's refuse.
int google_error_refuse(const struct err *err, struct buf *json);
extern const char google_error_schema[];
