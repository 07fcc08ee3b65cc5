// W3C Trace Context (https://www.w3.org/TR/trace-context/): a client's trace is kept with its task
// and goes on to the vendor and to the hook as it came, for we make no spans of our own.
#pragma once

#include <stddef.h>

struct http_request;

enum { TRACE_PARENT_LEN = 55, TRACE_STATE_MAX = 512 };

// What is kept of the two headers of a request, either of which may be NULL; ours to free. NULL
// where there is no trace: a traceparent that isn't one starts none, and a tracestate that isn't
// one is left out.
char *trace_keep(const char *traceparent, const char *tracestate);
// Adds both headers to a request; `trace` is what was kept, NULL: nothing.
void trace_add(const char *trace, struct http_request *request);
