// Parameters of a path's query.
#pragma once

#include <stddef.h>

struct buf;
struct http_exchange;

// A number from 1 to `max`, `other` where there is none, 0 where it is something else.
size_t query_number(struct http_exchange *exchange, const char *name, size_t other, size_t max);
// The next value of a parameter that may come more than once: NULL begins, and ends.
const char *query_next(struct http_exchange *exchange, const char *name, const char *value);
// Adds all parameters, sorted and escaped anew (RFC 3986), as they are signed.
void query_add_canonical(struct http_exchange *exchange, struct buf *buf);
